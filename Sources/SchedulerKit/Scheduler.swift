import CoreMetrics
import DequeModule
public import Logging
import MesosHTTP
public import MesosModel
public import MesosRuntime
public import SchedulerCore
public import ServiceLifecycle
import Synchronization
import Tracing

/// A framework's connection to its master: events come in, calls go out, and what goes wrong between is taken care of.
///
/// ```swift
/// let configuration = try SchedulerConfiguration(master: "localhost:5050", framework: FrameworkSettings(name: "hello"))
/// try await withScheduler(configuration) { scheduler in
///   for await update in scheduler.updates {
///     switch update {
///     case .offers(let offers): try await scheduler.accept([offers[0]], launch: [task(on: offers[0])])
///     case .task(let update) where update.isTerminal: return
///     default: break
///     }
///   }
/// }
/// ```
///
/// What it decides is `SchedulerCore`'s; this class connects it to the network, to the clock and to the user. As a
/// `Service` it runs in a service group and stops gracefully with it.
///
/// - ``updates`` must be read while it runs: nothing is thrown away, and a reader that does not read holds the master back.
/// - A call returns when the master has taken it, and throws `SchedulerError` when it has not or when nobody knows.
public final class Scheduler: Service {
  let configuration: SchedulerConfiguration
  let store: any FrameworkIDStore
  let logger: Logger
  let metrics: SchedulerMetrics
  let tracer: any Tracer
  let named: NamedMasters
  let state: Mutex<SchedulerState>
  /// Where time, chance and tasks come from; a framework's own code takes them from here too.
  public let runtime: Runtime

  /// - Parameters:
  ///   - configuration: Masters, framework, and how it connects and behaves.
  ///   - store: Where the framework's id is kept; in memory where none is named.
  ///   - logger: Takes how the connection changes, at `debug`, each call, at `trace`, and what needs a look, at
  ///     `warning`.
  ///   - runtime: Where time, chance, tasks and, in a simulation, the network come from; the machine's where none is
  ///     named.
  /// - Throws: `SchedulerError` with code `.invalidConfiguration`.
  public init(
    configuration: SchedulerConfiguration, store: any FrameworkIDStore = MemoryFrameworkIDStore(),
    logger: Logger = Logger(label: "mesos.scheduler"), runtime: Runtime = .system
  ) throws(SchedulerError) {
    self.configuration = configuration
    self.store = store
    self.logger = logger
    self.runtime = runtime
    metrics = SchedulerMetrics(configuration.metrics ?? MetricsSystem.factory)
    tracer = configuration.tracer ?? InstrumentationSystem.tracer
    named = NamedMasters(configuration.policy.masters)
    var policy = configuration.policy
    policy.asksAboutErrors = configuration.onError != nil
    state = Mutex(
      SchedulerState(
        core: try SchedulerCore(configuration: policy),
        bufferMax: max(1, configuration.updatesBufferedMax), rng: runtime.generator))
  }

  /// What happens, in order, for one reader.
  ///
  /// With automatic acknowledgement an update counts as received when the next one is asked for.
  public var updates: SchedulerUpdates { SchedulerUpdates(scheduler: self) }

  /// How the connection changes, beside ``updates`` and for any number of readers.
  public var connectionChanges: ConnectionChanges { ConnectionChanges(scheduler: self) }

  public var connectionState: ConnectionState { state.withLock { $0.core.connectionState } }
  /// The framework's id, once a master gave it or the store had it.
  public var frameworkID: FrameworkID? { state.withLock { $0.core.frameworkID } }
  /// The tasks that may run, as far as is known here, sorted by id.
  public var tasks: [TaskRecord] { state.withLock { $0.core.knownTasks } }
  /// The operations with an id that have not ended, as far as is known here, sorted by id.
  public var operations: [OperationRecord] { state.withLock { $0.core.knownOperations } }

  /// Connects and stays connected until it is stopped, cancelled, or told by the master that it is over. To be called once.
  ///
  /// - Throws: `SchedulerError` that says why it ended; `CancellationError` when cancelled.
  public func run() async throws {
    guard state.withLock({ $0.begin() }) else {
      throw SchedulerError(.invalidConfiguration, "A scheduler runs once")
    }
    let id: FrameworkID?
    do {
      id = try await store.load()
    } catch {
      feed(.abandoned)
      throw error
    }
    let transport = makeTransport()
    let error = await withGracefulShutdownHandler {
      await withTaskCancellationHandler {
        await self.perform(from: id, over: transport)
      } onCancel: {
        self.feed(.abandoned)
      }
    } onGracefulShutdown: {
      self.feed(.stop(self.configuration.atShutdown))
    }
    await transport.shutdown()
    try Task.checkCancellation()
    if let error { throw error }
  }

  /// Ends the run; what becomes of the framework is `mode`'s. Returns at once, ``run()`` returns when it is done.
  public func stop(_ mode: StopMode = .keepFramework) { feed(.stop(mode)) }

  /// Does what the core says until it says that it is finished.
  private func perform(from id: FrameworkID?, over transport: any SchedulerTransport) async -> SchedulerError? {
    await withDiscardingTaskGroup(returning: SchedulerError?.self) { group in
      group.addTask { await self.keepTime() }
      if let makeDetector = configuration.makeDetector {
        group.addTask { await self.followLeader(makeDetector) }
      }
      feed(.start(id))
      while true {
        switch await nextWork() {
        case .open(let stream, let master, let call):
          metrics.connectionAttempts.increment()
          logger.debug("Subscribing", metadata: ["master": "\(master)", "stream": "\(stream.number)"])
          group.addTask { await self.read(stream, from: master, call, over: transport) }
        case .send(let number, let master, let streamID, let call):
          group.addTask { await self.send(number, call, to: master, streamID: streamID, over: transport) }
        case .decide(let error, let proposed):
          group.addTask {
            self.feed(.decided(await self.configuration.onError?(error, proposed) ?? proposed))
          }
        case .forgetFrameworkID:
          do {
            try await store.remove()
          } catch {
            logger.warning("The spent framework id could not be removed", metadata: ["error": "\(error)"])
          }
        case .finished(let error):
          logger.debug("Ended", metadata: error.map { ["error": "\($0)"] })
          group.cancelAll()
          return error
        }
      }
    }
  }

  /// Reads one stream until it ends or the core closes it.
  private func read(
    _ stream: StreamNumber, from master: MasterAddress, _ call: SchedulerCall, over transport: any SchedulerTransport
  ) async {
    await withTaskGroup(of: Void.self) { group in
      group.addTask {
        await self.room()
        do {
          try await transport.stream(
            call, from: master,
            head: { self.feed(.streamOpened(stream, $0)) },
            record: { try await self.received($0, on: stream) })
          self.feed(.streamEnded(stream, reason: "the master closed the stream"))
        } catch is CancellationError {
        } catch let error as SchedulerError where error.code == .notSent {
          self.feed(.streamRefused(stream, reason: error.message))
        } catch let error as SchedulerError where error.code == .protocolViolation {
          self.feed(.streamMalformed(stream, reason: error.message))
        } catch {
          self.feed(.streamEnded(stream, reason: "\(error)"))
        }
      }
      group.addTask { await self.closing(of: stream) }
      await group.next()
      group.cancelAll()
    }
    state.withLock { _ = $0.closed.remove(stream) }
  }

  /// Sends one call and tells how it ended, unless nobody wants to know any more.
  private func send(
    _ number: SendNumber, _ call: SchedulerCall, to master: MasterAddress, streamID: String,
    over transport: any SchedulerTransport
  ) async {
    let began = runtime.now.uptime
    let outcome = await withTaskGroup(of: CallOutcome?.self) { group in
      group.addTask { await transport.send(call, to: master, streamID: streamID) }
      group.addTask {
        await self.cancellation(of: number)
        return nil
      }
      defer { group.cancelAll() }
      return await group.next() ?? nil
    }
    let kind = outcome.map { SchedulerMetrics.Outcome($0) } ?? .unknown
    metrics.ended(call, kind, after: runtime.now.uptime - began)
    logger.trace("A call ended", metadata: ["type": "\(call.type.metricName)", "outcome": "\(kind.rawValue)"])
    if let outcome { feed(.callEnded(number, outcome)) }
    state.withLock { _ = $0.cancelledSends.remove(number) }
  }

  private func received(_ record: Result<SchedulerEvent, MessageDecodingError>, on stream: StreamNumber) async throws {
    switch record {
    case .success(let event):
      if let id = feed(.record(stream, event)) {
        do {
          try await store.save(id)
          feed(.frameworkIDSaved(stream))
        } catch {
          feed(.frameworkIDNotSaved(stream, "\(error)"))
        }
      }
    case .failure(let error): feed(.badRecord(stream, error.detail))
    }
    guard state.withLock({ $0.isFull }) else { return }
    feed(.readingPaused(stream))
    await room()
    feed(.readingResumed(stream))
  }

  /// Tells the core the time when it asked to be told.
  private func keepTime() async {
    while !Task.isCancelled {
      let deadline = state.withLock { $0.arm() }
      await withTaskGroup(of: Void.self) { group in
        if let deadline {
          group.addTask { try? await self.runtime.sleep(until: deadline) }
        }
        group.addTask { await self.earlierDeadline() }
        await group.next()
        group.cancelAll()
      }
      feed(.tick)
    }
  }

  /// Gives the core an event and distributes what comes of it; the id that must be saved, if any, is the caller's to save.
  @discardableResult
  func feed(_ event: SchedulerCore.Event) -> FrameworkID? {
    metrics.noted(event)
    let outcome = state.withLock { state in
      // The clock is read under the lock, so that moments come in order.
      state.handle(event, at: runtime.now)
    }
    settle(outcome)
    return outcome.id
  }

  /// Wakes who can go on, and shows what has changed.
  private func settle(_ outcome: SchedulerState.Outcome) {
    for wake in outcome.wakes { wake.perform() }
    metrics.show(outcome.levels, after: outcome.lastLevels)
    if let again = outcome.subscribedAgain {
      metrics.subscribed(again: again)
      logger.debug("Subscribed", metadata: ["again": "\(again)"])
    }
    if outcome.lastLevels.isSubscribed, !outcome.levels.isSubscribed {
      metrics.disconnections.increment()
      logger.debug("Disconnected from the master")
    }
  }

  // MARK: Waiting

  private func nextWork() async -> SchedulerState.Work {
    await withCheckedContinuation { continuation in
      let work = state.withLock { state -> SchedulerState.Work? in
        if let work = state.work.popFirst() { return work }
        state.workWaiter = continuation
        return nil
      }
      if let work { continuation.resume(returning: work) }
    }
  }

  /// Returns when the stream is to be closed, or on cancellation.
  private func closing(of stream: StreamNumber) async {
    await wait { state, continuation in
      guard !state.closed.contains(stream) else { return false }
      state.closeWaiters[stream] = continuation
      return true
    } cancel: { state in
      state.closeWaiters.removeValue(forKey: stream)
    }
  }

  /// Returns when nobody wants to know the end of the call any more, or on cancellation.
  private func cancellation(of number: SendNumber) async {
    await wait { state, continuation in
      guard !state.cancelledSends.contains(number) else { return false }
      state.sendWaiters[number] = continuation
      return true
    } cancel: { state in
      state.sendWaiters.removeValue(forKey: number)
    }
  }

  /// The state of the connection once it has changed since the state numbered `seen`; `nil` at the end and on cancellation.
  func connection(after seen: UInt64?) async -> (number: UInt64, state: ConnectionState)? {
    while !Task.isCancelled {
      let (changes, connection, isOver, number) = state.withLock { state in
        (state.observers.changes, state.core.connectionState, state.observers.isOver, state.observers.nextWaiter())
      }
      if seen != changes { return (changes, connection) }
      if isOver { return nil }
      await wait { state, continuation in
        guard state.observers.changes == changes, !state.observers.isOver else { return false }
        state.observers.wait(continuation, as: number)
        return true
      } cancel: { state in
        state.observers.forget(number)
      }
    }
    return nil
  }

  /// Returns when there is room for updates, or on cancellation.
  private func room() async {
    let number = state.withLock { $0.nextRoomWaiter() }
    await wait { state, continuation in
      guard state.isFull else { return false }
      state.roomWaiters[number] = continuation
      return true
    } cancel: { state in
      state.roomWaiters.removeValue(forKey: number)
    }
  }

  /// Returns when the core asked for an earlier time than the armed one, or on cancellation.
  private func earlierDeadline() async {
    await wait { state, continuation in
      guard !state.isLate else { return false }
      state.timerWaiter = continuation
      return true
    } cancel: { state in
      defer { state.timerWaiter = nil }
      return state.timerWaiter
    }
  }

  private func wait(
    _ register: (inout SchedulerState, CheckedContinuation<Void, Never>) -> Bool,
    cancel: @escaping @Sendable (inout SchedulerState) -> CheckedContinuation<Void, Never>?
  ) async {
    await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        let waits = state.withLock { state in
          Task.isCancelled ? false : register(&state, continuation)
        }
        if !waits { continuation.resume() }
      }
    } onCancel: {
      state.withLock { cancel(&$0) }?.resume()
    }
  }

  // MARK: The user's side

  /// The next update; the one before it is done with.
  func nextUpdate() async -> SchedulerUpdate? {
    doneWithLast()
    let delivery = await withTaskCancellationHandler {
      await withCheckedContinuation { (continuation: CheckedContinuation<SchedulerState.Delivery?, Never>) in
        let taken = state.withLock { state -> SchedulerState.Taken in
          state.take(for: continuation, isCancelled: Task.isCancelled)
        }
        for wake in taken.wakes { wake.perform() }
        if !taken.waits { continuation.resume(returning: taken.delivery) }
      }
    } onCancel: {
      state.withLock { state -> CheckedContinuation<SchedulerState.Delivery?, Never>? in
        defer { state.reader = nil }
        return state.reader
      }?.resume(returning: nil)
    }
    guard let delivery else { return nil }
    state.withLock { $0.lastTaken = delivery.number }
    metrics.delivered(delivery.update, after: runtime.now.uptime - delivery.since)
    return delivery.update
  }

  /// Counts the last update taken as handled.
  func doneWithLast() {
    let last = state.withLock { state in
      defer { state.lastTaken = nil }
      return state.lastTaken
    }
    if let last { feed(.handled(last)) }
  }

  /// Makes any call but SUBSCRIBE; the framework id is filled in.
  ///
  /// It returns when the master has taken the call; what comes of it arrives as ``updates``. A span of the caller's context lasts as
  /// long.
  /// - Throws: `SchedulerError`; `CancellationError` when the caller is cancelled, where the call may still be made if it left.
  public func call(_ call: SchedulerCall) async throws {
    let name = call.type.metricName
    try await tracer.withAnySpan("mesos.scheduler.\(name)", ofKind: .client) { span in
      span.attributes["mesos.call.type"] = name
      if let id = frameworkID { span.attributes["mesos.framework.id"] = id.value }
      do {
        try await make(call)
        span.attributes["mesos.call.outcome"] = SchedulerMetrics.Outcome.accepted.rawValue
      } catch {
        span.attributes["mesos.call.outcome"] = (error as? SchedulerError)?.outcome ?? "cancelled"
        if let status = (error as? SchedulerError)?.status { span.attributes["http.response.status_code"] = status }
        throw error
      }
    }
  }

  private func make(_ call: SchedulerCall) async throws {
    let token = state.withLock { $0.nextToken() }
    try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
        let outcome = state.withLock { state -> SchedulerState.Outcome? in
          guard !Task.isCancelled else { return nil }
          state.calls[token] = continuation
          return state.handle(.call(call, token), at: runtime.now)
        }
        guard let outcome else { return continuation.resume(throwing: CancellationError()) }
        settle(outcome)
      }
    } onCancel: {
      if let continuation = state.withLock({ $0.calls.removeValue(forKey: token) }) {
        feed(.callCancelled(token))
        continuation.resume(throwing: CancellationError())
      }
    }
  }
}

extension SchedulerError {
  /// What a span says of a call that failed so: words of a closed list.
  fileprivate var outcome: String {
    switch code {
    case .refused, .unauthorized: SchedulerMetrics.Outcome.refused.rawValue
    case .outcomeUnknown: SchedulerMetrics.Outcome.unknown.rawValue
    default: SchedulerMetrics.Outcome.notSent.rawValue
    }
  }
}

/// The updates of a scheduler, for one reader at a time. It ends when the scheduler has ended.
public struct SchedulerUpdates: AsyncSequence, Sendable {
  public typealias Element = SchedulerUpdate
  public typealias Failure = Never

  public struct AsyncIterator: AsyncIteratorProtocol {
    let scheduler: Scheduler

    public mutating func next() async -> SchedulerUpdate? { await scheduler.nextUpdate() }
    public mutating func next(isolation actor: isolated (any Actor)?) async -> SchedulerUpdate? {
      await scheduler.nextUpdate()
    }
  }

  let scheduler: Scheduler

  public func makeAsyncIterator() -> AsyncIterator { AsyncIterator(scheduler: scheduler) }
}

/// Runs a scheduler for as long as `body` does, then stops it.
///
/// Cancelled, it cancels `body` and then stops the scheduler as it would have at the end; that takes no longer than the policy's
/// `stopTimeout`.
///
/// - Parameters:
///   - configuration: Masters, framework, and how it connects and behaves.
///   - store: Where the framework's id is kept; in memory where none is named.
///   - logger: As that of ``Scheduler``.
///   - whenDone: What becomes of the framework when `body` returns or throws: torn down, its tasks with it, where
///     nothing is said.
///   - runtime: As that of ``Scheduler``.
///   - body: Reads the scheduler's updates and makes its calls.
/// - Throws: What `body` throws; else why the scheduler ended before it.
public func withScheduler<Success: Sendable>(
  _ configuration: SchedulerConfiguration, store: any FrameworkIDStore = MemoryFrameworkIDStore(),
  logger: Logger = Logger(label: "mesos.scheduler"), whenDone: StopMode = .tearDown, runtime: Runtime = .system,
  _ body: (Scheduler) async throws -> Success
) async throws -> Success {
  let scheduler = try Scheduler(configuration: configuration, store: store, logger: logger, runtime: runtime)
  // unstructured: awaited below in every case; a cancelled caller must still be able to tear its framework down.
  let running = runtime.spawn("scheduler \(configuration.policy.framework.name)") { try await scheduler.run() }
  let outcome: Result<Success, any Error>
  do {
    outcome = .success(try await body(scheduler))
    scheduler.doneWithLast()
  } catch {
    outcome = .failure(error)
  }
  scheduler.stop(whenDone)
  let ending = await running.result
  switch (outcome, ending) {
  case (.success(let success), _): return success
  // The scheduler ended under the body: its error is the cause.
  case (.failure(let error as SchedulerError), .failure(let cause)) where error.code == .stopped: throw cause
  case (.failure(let error), _): throw error
  }
}
