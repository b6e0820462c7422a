import DequeModule
public import DemandCore
public import Logging
import MesosModel
public import MesosRuntime
public import SchedulerCore
import Synchronization

/// Runs what is declared: offers, launches, kills, suppression and revival are its own business.
///
/// ```swift
/// try await withDemand(configuration) { demand in
///   try demand.set([
///     Demand("web", count: 3, resources: ["cpus": 0.5, "mem": 128, "ports": 1], command: .shell("exec serve $PORT"))
///   ])
///   for await change in demand.changes { print(change) }
/// }
/// ```
/// It reads the scheduler's updates, so nobody else must; those that are not about demands come with ``changes``. The scheduler's calls stay
/// at hand through ``scheduler``; offers are better left alone.
///
/// What it decides is `DemandCore`'s. After a restart, declare the demands again: tasks that run are known by their ids and adopted.
public final class DemandScheduler: Sendable {
  struct State: Sendable {
    var core: DemandCore
    var rng: RuntimeGenerator
    var work: Deque<DemandCore.Directive> = []
    var readers = ChangeReaders()
    /// The deadline that the timer sleeps until; `nil` for none.
    var armed: Duration?
    var hasBegun = false
  }

  /// Whom it stands on; for calls that are not about demands.
  public let scheduler: Scheduler
  private let logger: Logger
  private let changesBufferedMax: Int
  private let state: Mutex<State>
  private let workToDo = Signal()
  private let room = Signal()
  private let earlier = Signal()

  /// Directives that wait before no more updates are read.
  private static let workMax = 1_000

  /// Stands on a scheduler that nobody reads the updates of.
  ///
  /// - Parameters:
  ///   - scheduler: Best with all its roles suppressed from the start, as ``withDemand(_:_:choices:store:logger:whenDone:runtime:_:)`` has it.
  ///   - choices: Bounds and waits; the defaults for the scheduler's roles where nothing is said.
  ///   - changesBufferedMax: Changes that wait for one reader.
  ///   - logger: Takes what happens, at `trace`, and calls that fail, at `debug`.
  public init(
    _ scheduler: Scheduler, choices: DemandCore.Configuration? = nil, changesBufferedMax: Int = 1_000,
    logger: Logger = Logger(label: "mesos.demand")
  ) {
    self.scheduler = scheduler
    self.logger = logger
    self.changesBufferedMax = max(1, changesBufferedMax)
    let roles = scheduler.configuration.policy.framework.allRoles
    state = Mutex(
      State(
        core: DemandCore(configuration: choices ?? DemandCore.Configuration(roles: roles)),
        rng: scheduler.runtime.generator))
  }

  // MARK: Declaring

  /// Declares all that is wanted, in the place of what was before. What is declared already changes nothing.
  ///
  /// It returns at once; what comes of it is told by ``changes``.
  /// - Returns: The version of the demands in force, which counts changes.
  /// - Throws: `DemandError` that says what cannot be; then nothing has changed.
  @discardableResult
  public func set(_ demands: [Demand]) throws(DemandError) -> UInt64 {
    try change { declared throws(DemandError) in declared = demands }
  }

  /// Declares another number of instances.
  ///
  /// - Throws: `DemandError`, with code `.unknownDemand` where there is none of this name.
  @discardableResult
  public func scale(_ name: String, to count: Int) throws(DemandError) -> UInt64 {
    try update(name) { $0.count = count }
  }

  /// Declares a demand as `body` leaves it.
  ///
  /// - Throws: `DemandError`, with code `.unknownDemand` where there is none of this name.
  @discardableResult
  public func update(_ name: String, _ body: (inout Demand) -> Void) throws(DemandError) -> UInt64 {
    try change { declared throws(DemandError) in
      guard let index = declared.firstIndex(where: { $0.name == name }) else { throw DemandScheduler.unknown(name) }
      body(&declared[index])
    }
  }

  /// Declares that a demand is not wanted any more; its instances are killed.
  ///
  /// - Throws: `DemandError` with code `.unknownDemand` where there is none of this name.
  @discardableResult
  public func remove(_ name: String) throws(DemandError) -> UInt64 {
    try change { declared throws(DemandError) in
      guard let index = declared.firstIndex(where: { $0.name == name }) else { throw DemandScheduler.unknown(name) }
      declared.remove(at: index)
    }
  }

  private static func unknown(_ name: String) -> DemandError {
    DemandError(.unknownDemand, "There is no demand named '\(name.prefix(Demand.nameLengthMax))'")
  }

  private func change(_ body: (inout [Demand]) throws(DemandError) -> Void) throws(DemandError) -> UInt64 {
    let result = state.withLock { state -> Result<UInt64, DemandError> in
      do throws(DemandError) {
        let before = state.core.declared
        var declared = before
        try body(&declared)
        try state.core.check(declared)
        guard declared.sorted(by: { $0.name < $1.name }) != before || state.core.version == 0 else {
          return .success(state.core.version)
        }
        handle(.declare(version: state.core.version + 1, declared), &state)
        return .success(state.core.version)
      } catch {
        return .failure(error)
      }
    }
    wake()
    return try result.get()
  }

  // MARK: Looking

  /// The demands that are declared, by name.
  public var demands: [Demand] { state.withLock { $0.core.declared } }

  /// How far every demand is, by name; those that are being removed among them.
  public var statuses: [DemandStatus] { state.withLock { $0.core.statuses(at: scheduler.runtime.now) } }

  /// How far a demand is; `nil` where there is none of this name.
  public func status(of name: String) -> DemandStatus? {
    state.withLock { $0.core.status(of: name, at: scheduler.runtime.now) }
  }

  /// The instances of all demands, by their ids.
  public var instances: [InstanceStatus] { state.withLock { $0.core.instances(at: scheduler.runtime.now) } }

  /// The instances of a demand, by their slots.
  public func instances(of name: String) -> [InstanceStatus] {
    state.withLock { $0.core.instances(of: name, at: scheduler.runtime.now) }
  }

  /// Says why a demand has not got what it wants.
  ///
  /// - Throws: `DemandError` with code `.unknownDemand` where there is none of this name.
  public func explain(_ name: String) throws(DemandError) -> DemandExplanation {
    let result = state.withLock { state -> Result<DemandExplanation, DemandError> in
      do throws(DemandError) {
        return .success(try state.core.explain(name, at: scheduler.runtime.now))
      } catch {
        return .failure(error)
      }
    }
    return try result.get()
  }

  /// Says of all demands why they have not got what they want.
  public func explain() -> [DemandExplanation] { state.withLock { $0.core.explain(at: scheduler.runtime.now) } }

  /// What happens from now on, for one reader; there may be several. It ends with the scheduler.
  ///
  /// A reader that is slow misses changes, and is told how many.
  public var changes: AsyncStream<DemandChange> {
    let (stream, continuation) = AsyncStream<DemandChange>.makeStream(
      bufferingPolicy: .bufferingOldest(changesBufferedMax))
    if let number = state.withLock({ $0.readers.add(continuation) }) {
      continuation.onTermination = { [weak self] _ in self?.state.withLock { $0.readers.remove(number) } }
    } else {
      continuation.finish()
    }
    return stream
  }

  /// Waits until all that is wanted of a demand is there: a service's instances are available, a batch's slots have ended.
  ///
  /// - Returns: How it stands; a batch may have failed slots.
  /// - Throws: `DemandError` with code `.unknownDemand`, `SchedulerError` with code `.stopped` where the scheduler ends before,
  ///   `CancellationError`.
  public func satisfied(_ name: String) async throws -> DemandStatus {
    let changes = changes
    func isSatisfied() throws -> DemandStatus? {
      guard let status = status(of: name) else { throw DemandScheduler.unknown(name) }
      return status.isSatisfied && !status.isRemoved ? status : nil
    }
    if let status = try isSatisfied() { return status }
    for await change in changes {
      switch change {
      case .demand(.satisfied(name)), .demand(.completed(name, _, _)), .demand(.removed(name)), .missed:
        if let status = try isSatisfied() { return status }
      case .demand, .scheduler: break
      }
    }
    try Task.checkCancellation()
    throw SchedulerError(.stopped, "The scheduler ended before '\(name)' was satisfied")
  }

  // MARK: Running

  /// Runs until the scheduler ends or the task is cancelled. To be called once.
  public func run() async throws {
    let begins = state.withLock { state in
      defer { state.hasBegun = true }
      return !state.hasBegun
    }
    guard begins else { throw SchedulerError(.invalidConfiguration, "A demand scheduler runs once") }
    await withTaskGroup(of: Void.self) { group in
      group.addTask { await self.keepTime() }
      group.addTask { await self.work() }
      for await update in scheduler.updates {
        take(update)
        while state.withLock({ $0.work.count > DemandScheduler.workMax }), !Task.isCancelled { await room.wait() }
      }
      group.cancelAll()
    }
    for reader in state.withLock({ $0.readers.finish() }) { reader.finish() }
    try Task.checkCancellation()
  }

  private func take(_ update: SchedulerUpdate) {
    switch update {
    case .subscribed(let subscription): feed(.subscribed(isResubscription: subscription.isResubscription))
    case .connection(let connection):
      if case .subscribed = connection {} else if state.withLock({ $0.core.isSubscribed }) { feed(.disconnected) }
      pass(update)
    case .offers(let offers): feed(.offers(offers))
    case .rescinded(let offer): feed(.rescinded(offer.key))
    case .inverseOffers(let offers): feed(.inverseOffers(offers))
    case .inverseOfferRescinded(let offer): feed(.inverseOfferRescinded(offer.key))
    case .task(let task): feed(.task(task.status, isProvisional: task.isProvisional))
    case .failure(let failure):
      if let agent = failure.agentID, failure.executorID == nil { feed(.agentRemoved(agent.key)) }
      pass(update)
    case .operation, .message, .reconciled, .error, .notice: pass(update)
    }
  }

  private func pass(_ update: SchedulerUpdate) { state.withLock { $0.readers.tell(.scheduler(update)) } }

  private func feed(_ event: DemandCore.Event) {
    state.withLock { handle(event, &$0) }
    wake()
  }

  /// Gives the core an event and puts what comes of it where it is taken from.
  private func handle(_ event: DemandCore.Event, _ state: inout State) {
    // The clock is read under the lock, so that moments come in order.
    for directive in state.core.handle(event, at: scheduler.runtime.now, using: &state.rng) {
      if case .tell(let notice) = directive {
        logger.trace("Told", metadata: ["notice": "\(notice)"])
        state.readers.tell(.demand(notice))
      } else {
        state.work.append(directive)
      }
    }
  }

  private func wake() {
    let (hasWork, isEarlier) = state.withLock { state in
      let next = state.core.nextDeadline
      return (!state.work.isEmpty, next.map { next in state.armed.map { next < $0 } ?? true } ?? false)
    }
    if hasWork { workToDo.raise() }
    if isEarlier { earlier.raise() }
  }

  private func keepTime() async {
    while !Task.isCancelled {
      let deadline = state.withLock { state in
        state.armed = state.core.nextDeadline
        return state.armed
      }
      await withTaskGroup(of: Void.self) { group in
        if let deadline {
          group.addTask { try? await self.scheduler.runtime.sleep(until: deadline) }
        }
        group.addTask { await self.earlier.wait() }
        await group.next()
        group.cancelAll()
      }
      if !Task.isCancelled { feed(.tick) }
    }
  }

  /// Makes the calls, one after the other as they were decided.
  private func work() async {
    while !Task.isCancelled {
      while let directive = state.withLock({ $0.work.popFirst() }), !Task.isCancelled {
        await perform(directive)
        room.raise()
      }
      await workToDo.wait()
    }
  }

  private func perform(_ directive: DemandCore.Directive) async {
    do {
      switch directive {
      case .accept(let offers, let tasks, let refuse): try await launch(tasks, on: offers, refuse: refuse)
      case .decline(let offers, let refuse): try await scheduler.decline(offers.map { OfferID($0) }, refuse: refuse)
      case .suppress(let roles): try await scheduler.suppress(roles: roles)
      case .revive(let roles): try await scheduler.revive(roles: roles)
      case .kill(let task, let agent, let grace):
        try await scheduler.kill(TaskID(task), on: agent.map { AgentID($0) }, gracePeriod: grace)
      case .acceptInverse(let offers): try await scheduler.accept(inverse: offers.map { OfferID($0) })
      case .declineInverse(let offers): try await scheduler.decline(inverse: offers.map { OfferID($0) })
      case .tell: break
      }
    } catch {
      logger.debug("A call about demands failed", metadata: ["directive": "\(directive.name)", "error": "\(error)"])
      switch directive {
      case .suppress(let roles): feed(.rolesNotChanged(roles, suppressed: true))
      case .revive(let roles): feed(.rolesNotChanged(roles, suppressed: false))
      // A kill is repeated by the core; offers and inverse offers end with what broke the call.
      case .accept, .decline, .kill, .acceptInverse, .declineInverse, .tell: break
      }
    }
  }

  private func launch(_ tasks: [TaskInfo], on offers: [OfferKey], refuse: Duration) async throws {
    let ids = offers.map { OfferID($0) }
    var operation = Offer.Operation()
    operation.type = .launch
    operation.launch.taskInfos = tasks
    do {
      try await scheduler.accept(ids, [operation], refuse: refuse)
    } catch let error as SchedulerError where error.code != .outcomeUnknown {
      feed(.notLaunched(tasks.map(\.taskID.key), because: error.message))
      // Where one offer was gone, the others were not taken.
      try await scheduler.decline(ids, refuse: .seconds(1))
    }
  }
}

extension DemandCore.Directive {
  /// For logs.
  fileprivate var name: String {
    switch self {
    case .accept: "accept"
    case .decline: "decline"
    case .suppress: "suppress"
    case .revive: "revive"
    case .kill: "kill"
    case .acceptInverse: "acceptInverse"
    case .declineInverse: "declineInverse"
    case .tell: "tell"
    }
  }
}

extension FrameworkInfo {
  /// What it subscribes to, in either format.
  fileprivate var allRoles: [String] { roles.isEmpty ? [hasRole ? role : RoleName.star] : roles }
}

/// Runs a scheduler that knows what should run, for as long as `body` does, then stops it.
///
/// The roles are suppressed until something is declared.
/// - Parameters:
///   - configuration: Masters and framework.
///   - demands: What is declared from the start.
///   - choices: As those of ``DemandScheduler``.
///   - store: Where the framework's id is kept; in memory where none is named.
///   - logger: As that of ``DemandScheduler``.
///   - whenDone: What becomes of the framework when `body` returns or throws: torn down, its tasks with it, where nothing is said.
///   - runtime: As that of ``Scheduler``.
///   - body: Declares, scales, watches; cancelled when the scheduler ends before it.
/// - Throws: What `body` throws; `DemandError` where `demands` cannot be; else why the scheduler ended before `body`.
public func withDemand<Success: Sendable>(
  _ configuration: SchedulerConfiguration, _ demands: [Demand] = [], choices: DemandCore.Configuration? = nil,
  store: any FrameworkIDStore = MemoryFrameworkIDStore(), logger: Logger = Logger(label: "mesos.demand"),
  whenDone: StopMode = .tearDown, runtime: Runtime = .system,
  _ body: @escaping @Sendable (DemandScheduler) async throws -> Success
) async throws -> Success {
  var configuration = configuration
  configuration.policy.suppressedRoles = configuration.policy.framework.allRoles
  return try await withScheduler(
    configuration, store: store, logger: logger, whenDone: whenDone, runtime: runtime
  ) { scheduler in
    let demand = DemandScheduler(scheduler, choices: choices, logger: logger)
    if !demands.isEmpty { try demand.set(demands) }
    return try await withThrowingTaskGroup(of: Success?.self) { group in
      group.addTask {
        try await demand.run()
        return nil
      }
      group.addTask { try await body(demand) }
      defer { group.cancelAll() }
      guard case .some(.some(let success)) = try await group.next() else {
        throw SchedulerError(.stopped, "The scheduler ended")
      }
      return success
    }
  }
}
