import DequeModule
import ExecutorCore
import MesosModel
import MesosRuntime
import Tracing

/// What an executor driver's lock guards: the core, and what its directives were put into and nobody has taken yet.
struct ExecutorState: Sendable {
  typealias Waiter = CheckedContinuation<Void, Never>

  enum Work: Sendable {
    case open(ExecutorStream, ExecutorCall)
    /// With the context of who reported the update or sent the message.
    case send(ExecutorStream, ExecutorCall, ServiceContext?)
    case close(ExecutorStream)
    case finished(ExecutorError?)
  }

  /// Who goes on once the lock is free.
  enum Wake: Sendable {
    case waiter(Waiter)
    case reader(CheckedContinuation<Buffered?, Never>, Buffered?)
    case notice(AsyncStream<ExecutorNotice>.Continuation, ExecutorNotice?)

    func perform() {
      switch self {
      case .waiter(let waiter): waiter.resume()
      case .reader(let reader, let update): reader.resume(returning: update)
      case .notice(let notices, let notice?): notices.yield(notice)
      case .notice(let notices, nil): notices.finish()
      }
    }
  }

  /// An update that waits for the reader, and since when.
  struct Buffered: Sendable {
    var update: ExecutorUpdate
    var since: Duration
  }

  /// What came of an event.
  struct Outcome: Sendable {
    var error: ExecutorError?
    var wakes: [Wake] = []
    /// Whether a subscription began with it, and if so, whether there was one before.
    var subscribedAgain: Bool?
    var hasDisconnected = false
    var levels = ExecutorMetrics.Levels()
    var lastLevels = ExecutorMetrics.Levels()
  }

  private(set) var core: ExecutorCore
  private var rng: RuntimeGenerator
  private let eventsMax: Int
  let notices: AsyncStream<ExecutorNotice>.Continuation
  private var hasBegun = false
  private(set) var isOver = false

  private var work: Deque<Work> = []
  private var updates: Deque<Buffered> = []
  private var reader: CheckedContinuation<Buffered?, Never>?
  private var failure: ExecutorError?
  private var hasSubscribed = false
  private var isConnected = false
  private var levels = ExecutorMetrics.Levels()
  /// Who reported updates that are not sent yet.
  private var contexts: [[UInt8]: ServiceContext] = [:]

  /// Those who wait for something to change, by number; each looks again when it is woken.
  private var waiters: [UInt64: Waiter] = [:]
  private var lastWaiter: UInt64 = 0
  /// Counts changes, so that nobody sleeps through one.
  private(set) var generation: UInt64 = 0

  init(
    core: ExecutorCore, eventsMax: Int, rng: RuntimeGenerator, notices: AsyncStream<ExecutorNotice>.Continuation
  ) {
    self.notices = notices
    self.core = core
    self.rng = rng
    self.eventsMax = eventsMax
  }

  /// False when it began before.
  mutating func begin() -> Bool {
    defer { hasBegun = true }
    return !hasBegun
  }

  /// Whether the reader of events is so far behind that no more is taken from the agent.
  var isFull: Bool { updates.count >= eventsMax && !isOver }

  /// What became of `event` for who gave it, and who goes on.
  ///
  /// - Parameter context: Of who reports or sends something.
  mutating func handle(
    _ event: ExecutorCore.Event, at now: Moment, from context: ServiceContext? = nil
  ) -> Outcome {
    var outcome = Outcome(lastLevels: levels)
    var context = context
    for directive in core.handle(event, at: now, using: &rng) {
      switch directive {
      case .connect(let stream, let call): work.append(.open(stream, call))
      case .send(let stream, let call):
        work.append(.send(stream, call, context ?? contexts.removeValue(forKey: Array(call.update.status.uuid))))
        context = nil
      case .disconnect(let stream): work.append(.close(stream))
      case .deliver(let event): deliver(.event(event), at: now, &outcome.wakes)
      case .rejected(let error): outcome.error = error
      case .connectivity(true, _):
        outcome.subscribedAgain = hasSubscribed
        (hasSubscribed, isConnected) = (true, true)
      case .connectivity(false, let reason):
        guard isConnected else { continue }
        isConnected = false
        outcome.hasDisconnected = true
        deliver(.disconnected(reason: reason), at: now, &outcome.wakes)
      case .ignored(let what): outcome.wakes.append(.notice(notices, .ignored(what)))
      case .forceExit(let reason): failure = ExecutorError(.ended, reason)
      case .finished:
        isOver = true
        work.append(.finished(failure ?? core.refusal))
        outcome.wakes.append(.notice(notices, nil))
        if let reader {
          self.reader = nil
          outcome.wakes.append(.reader(reader, nil))
        }
      }
    }
    // An update that was not sent yet goes later, with another directive.
    if let context, case .update(let status) = event, outcome.error == nil, let last = core.unacknowledgedUpdates.last,
      last.status.taskID == status.taskID
    {
      contexts[Array(last.status.uuid)] = context
    }
    if case .received(_, let event) = event, event.type == .acknowledged {
      contexts[Array(event.acknowledged.uuid)] = nil
    }
    levels = ExecutorMetrics.Levels(
      isSubscribed: core.isSubscribed, unacknowledgedUpdates: core.unacknowledgedUpdatesCount,
      unacknowledgedTasks: core.unacknowledgedTasksCount, eventsBuffered: updates.count)
    outcome.levels = levels
    wakeAll(&outcome.wakes)
    return outcome
  }

  private mutating func deliver(_ update: ExecutorUpdate, at now: Moment, _ wakes: inout [Wake]) {
    let buffered = Buffered(update: update, since: now.uptime)
    if let reader {
      self.reader = nil
      wakes.append(.reader(reader, buffered))
    } else if case .disconnected = update, case .disconnected = updates.last?.update {
      // Without a reader the agent may come and go for ever: the last reason says all.
      updates[updates.count - 1] = buffered
    } else {
      updates.append(buffered)
    }
  }

  mutating func takeWork() -> Work? { work.popFirst() }

  /// Takes the oldest update, or leaves `reader` waiting for it; `nil` where it waits.
  mutating func take(
    for reader: CheckedContinuation<Buffered?, Never>, isCancelled: Bool
  ) -> (update: Buffered?, wakes: [Wake])? {
    precondition(self.reader == nil, "two tasks read the events of one executor")
    if let update = updates.popFirst() {
      var wakes: [Wake] = []
      wakeAll(&wakes)
      return (update, wakes)
    }
    if isOver || isCancelled { return (nil, []) }
    self.reader = reader
    return nil
  }

  mutating func forgetReader() -> CheckedContinuation<Buffered?, Never>? {
    defer { reader = nil }
    return reader
  }

  mutating func nextWaiter() -> UInt64 {
    lastWaiter += 1
    return lastWaiter
  }

  mutating func wait(_ waiter: Waiter, as number: UInt64) { waiters[number] = waiter }

  mutating func forgetWaiter(_ number: UInt64) -> Waiter? { waiters.removeValue(forKey: number) }

  private mutating func wakeAll(_ wakes: inout [Wake]) {
    generation += 1
    for waiter in waiters.sorted(by: { $0.key < $1.key }) { wakes.append(.waiter(waiter.value)) }
    waiters = [:]
  }
}
