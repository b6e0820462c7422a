import ExecutorCore
import MesosModel
import MesosRuntime

/// What an executor driver's lock guards: the core, and what its directives were put into and nobody has taken yet.
struct ExecutorState: Sendable {
  typealias Waiter = CheckedContinuation<Void, Never>

  enum Work: Sendable {
    case open(ExecutorStream, ExecutorCall)
    case send(ExecutorStream, ExecutorCall)
    case close(ExecutorStream)
    case finished(ExecutorError?)
  }

  /// Who goes on once the lock is free.
  enum Wake: Sendable {
    case waiter(Waiter)
    case reader(CheckedContinuation<ExecutorEvent?, Never>, ExecutorEvent?)

    func perform() {
      switch self {
      case .waiter(let waiter): waiter.resume()
      case .reader(let reader, let event): reader.resume(returning: event)
      }
    }
  }

  private(set) var core: ExecutorCore
  private var rng: RuntimeGenerator
  private let eventsMax: Int
  private var hasBegun = false
  private(set) var isOver = false

  private var work: [Work] = []
  private var events: [ExecutorEvent] = []
  private var reader: CheckedContinuation<ExecutorEvent?, Never>?
  private var failure: ExecutorError?

  /// Those who wait for something to change, by number; each looks again when it is woken.
  private var waiters: [UInt64: Waiter] = [:]
  private var lastWaiter: UInt64 = 0
  /// Counts changes, so that nobody sleeps through one.
  private(set) var generation: UInt64 = 0

  init(core: ExecutorCore, eventsMax: Int, rng: RuntimeGenerator) {
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
  var isFull: Bool { events.count >= eventsMax && !isOver }

  /// What became of `event` for who gave it, and who goes on.
  mutating func handle(_ event: ExecutorCore.Event, at now: Moment) -> (error: ExecutorError?, wakes: [Wake]) {
    var wakes: [Wake] = []
    var rejection: ExecutorError?
    for directive in core.handle(event, at: now, using: &rng) {
      switch directive {
      case .connect(let stream, let call): work.append(.open(stream, call))
      case .send(let stream, let call): work.append(.send(stream, call))
      case .disconnect(let stream): work.append(.close(stream))
      case .deliver(let event):
        if let reader {
          self.reader = nil
          wakes.append(.reader(reader, event))
        } else {
          events.append(event)
        }
      case .rejected(let error): rejection = error
      case .connectivity, .ignored: break
      case .forceExit(let reason): failure = ExecutorError(.ended, reason)
      case .finished:
        isOver = true
        work.append(.finished(failure))
        if let reader {
          self.reader = nil
          wakes.append(.reader(reader, nil))
        }
      }
    }
    wakeAll(&wakes)
    return (rejection, wakes)
  }

  mutating func takeWork() -> Work? { work.isEmpty ? nil : work.removeFirst() }

  /// Takes the oldest event, or leaves `reader` waiting for it; `nil` where it waits.
  mutating func take(
    for reader: CheckedContinuation<ExecutorEvent?, Never>, isCancelled: Bool
  ) -> (event: ExecutorEvent?, wakes: [Wake])? {
    precondition(self.reader == nil, "two tasks read the events of one executor")
    guard events.isEmpty else {
      var wakes: [Wake] = []
      let event = events.removeFirst()
      wakeAll(&wakes)
      return (event, wakes)
    }
    if isOver || isCancelled { return (nil, []) }
    self.reader = reader
    return nil
  }

  mutating func forgetReader() -> CheckedContinuation<ExecutorEvent?, Never>? {
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
