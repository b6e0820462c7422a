import DequeModule
import MesosModel
import MesosRuntime
import SchedulerCore

/// What a scheduler's lock guards: the core, and everything its directives were put into and nobody has taken yet.
struct SchedulerState: Sendable {
  typealias Waiter = CheckedContinuation<Void, Never>

  /// What the running scheduler must do.
  enum Work: Sendable {
    case open(StreamNumber, MasterAddress, SchedulerCall)
    case send(SendNumber, MasterAddress, streamID: String, SchedulerCall)
    case decide(SchedulerError, proposed: ErrorReaction)
    case forgetFrameworkID
    case finished(SchedulerError?)
  }

  struct Delivery: Sendable {
    var number: DeliveryNumber
    var update: SchedulerUpdate
    /// When it was put there, by `Moment.uptime`.
    var since: Duration
  }

  /// What came of an event.
  struct Outcome: Sendable {
    var wakes: [Wake] = []
    /// The id that must be saved.
    var id: FrameworkID?
    /// Whether a subscription began with it, and if so, whether as a known framework.
    var subscribedAgain: Bool?
    var levels = SchedulerMetrics.Levels()
    var lastLevels: SchedulerMetrics.Levels
  }

  /// Who goes on once the lock is free.
  enum Wake: Sendable {
    case waiter(Waiter)
    case worker(CheckedContinuation<Work, Never>, Work)
    case reader(CheckedContinuation<Delivery?, Never>, Delivery?)
    case caller(CheckedContinuation<Void, any Error>, SchedulerError?)

    func perform() {
      switch self {
      case .waiter(let waiter): waiter.resume()
      case .worker(let worker, let work): worker.resume(returning: work)
      case .reader(let reader, let delivery): reader.resume(returning: delivery)
      case .caller(let caller, nil): caller.resume()
      case .caller(let caller, let error?): caller.resume(throwing: error)
      }
    }
  }

  struct Taken: Sendable {
    var delivery: Delivery?
    var waits = false
    var wakes: [Wake] = []
  }

  private(set) var core: SchedulerCore
  var observers = ConnectionObservers()
  private var rng: RuntimeGenerator
  private let bufferMax: Int
  private var hasBegun = false
  private var isOver = false
  private var lastToken: UInt64 = 0
  private var lastRoomWaiter: UInt64 = 0
  private var levels = SchedulerMetrics.Levels()

  var work: Deque<Work> = []
  var workWaiter: CheckedContinuation<Work, Never>?
  var calls: [CallToken: CheckedContinuation<Void, any Error>] = [:]
  /// Streams whose reading has to end and has not.
  var closed: Set<StreamNumber> = []
  var closeWaiters: [StreamNumber: Waiter] = [:]
  /// Calls on their way whose end nobody waits for, and who waits to be told so.
  var cancelledSends: Set<SendNumber> = []
  var sendWaiters: [SendNumber: Waiter] = [:]

  private var deliveries: Deque<Delivery> = []
  var reader: CheckedContinuation<Delivery?, Never>?
  var lastTaken: DeliveryNumber?
  var roomWaiters: [UInt64: Waiter] = [:]

  /// The deadline that the timer sleeps until; `nil` for none.
  private var armed: Duration?
  var timerWaiter: Waiter?

  init(core: SchedulerCore, bufferMax: Int, rng: RuntimeGenerator) {
    self.core = core
    self.rng = rng
    self.bufferMax = bufferMax
  }

  /// False when it began before.
  mutating func begin() -> Bool {
    defer { hasBegun = true }
    return !hasBegun
  }

  mutating func nextToken() -> CallToken {
    lastToken += 1
    return CallToken(lastToken)
  }

  mutating func nextRoomWaiter() -> UInt64 {
    lastRoomWaiter += 1
    return lastRoomWaiter
  }

  /// Whether the reader of updates is so far behind that no more is taken from the master.
  var isFull: Bool { deliveries.count >= bufferMax && !isOver }
  /// Whether the core wants to be told the time before the timer wakes up.
  var isLate: Bool { core.nextDeadline.map { $0 < armed ?? .seconds(Int64.max) } ?? false }

  mutating func arm() -> Duration? {
    armed = core.nextDeadline
    return armed
  }

  mutating func handle(_ event: SchedulerCore.Event, at now: Moment) -> Outcome {
    var outcome = Outcome(lastLevels: levels)
    for directive in core.handle(event, at: now, using: &rng) {
      switch directive {
      case .openStream(let stream, let master, let call): put(.open(stream, master, call), &outcome.wakes)
      case .closeStream(let stream):
        closed.insert(stream)
        if let waiter = closeWaiters.removeValue(forKey: stream) { outcome.wakes.append(.waiter(waiter)) }
      case .saveFrameworkID(_, let new): outcome.id = new
      case .forgetFrameworkID: put(.forgetFrameworkID, &outcome.wakes)
      case .send(let number, let master, let streamID, let call):
        put(.send(number, master, streamID: streamID, call), &outcome.wakes)
      case .cancelSend(let number):
        cancelledSends.insert(number)
        if let waiter = sendWaiters.removeValue(forKey: number) { outcome.wakes.append(.waiter(waiter)) }
      case .decide(let error, let proposed): put(.decide(error, proposed: proposed), &outcome.wakes)
      case .deliver(let number, let update):
        if case .subscribed(let subscription) = update { outcome.subscribedAgain = subscription.isResubscription }
        if case .connection = update { observers.changed(&outcome.wakes) }
        deliver(Delivery(number: number, update: update, since: now.uptime), &outcome.wakes)
      case .complete(let token, let error):
        if let caller = calls.removeValue(forKey: token) { outcome.wakes.append(.caller(caller, error)) }
      case .finished(let error):
        isOver = true
        observers.end(&outcome.wakes)
        put(.finished(error), &outcome.wakes)
        if let reader {
          self.reader = nil
          outcome.wakes.append(.reader(reader, nil))
        }
        freeRoom(&outcome.wakes)
      }
    }
    if isLate, let waiter = timerWaiter {
      timerWaiter = nil
      outcome.wakes.append(.waiter(waiter))
    }
    levels = SchedulerMetrics.Levels(
      isSubscribed: core.isSubscribed, knownTasks: core.knownTasksCount, callsQueued: core.callsQueued,
      acknowledgementsQueued: core.acknowledgementsQueued, updatesBuffered: deliveries.count)
    outcome.levels = levels
    return outcome
  }

  private mutating func put(_ new: Work, _ wakes: inout [Wake]) {
    if let worker = workWaiter {
      workWaiter = nil
      wakes.append(.worker(worker, new))
    } else {
      work.append(new)
    }
  }

  private mutating func deliver(_ delivery: Delivery, _ wakes: inout [Wake]) {
    if let reader {
      self.reader = nil
      wakes.append(.reader(reader, delivery))
    } else if isFull, case .connection = delivery.update, case .connection = deliveries.last?.update {
      // Without a reader the connection may come and go for ever: its last state says all.
      deliveries[deliveries.count - 1] = delivery
    } else {
      deliveries.append(delivery)
    }
  }

  /// Takes the oldest update, or leaves `reader` waiting for it.
  mutating func take(for reader: CheckedContinuation<Delivery?, Never>, isCancelled: Bool) -> Taken {
    precondition(self.reader == nil, "two tasks read the updates of one scheduler")
    var taken = Taken()
    if let delivery = deliveries.popFirst() {
      taken.delivery = delivery
      if deliveries.count <= bufferMax / 2 { freeRoom(&taken.wakes) }
    } else if !isOver, !isCancelled {
      self.reader = reader
      taken.waits = true
    }
    return taken
  }

  private mutating func freeRoom(_ wakes: inout [Wake]) {
    guard !roomWaiters.isEmpty else { return }
    for waiter in roomWaiters.sorted(by: { $0.key < $1.key }) { wakes.append(.waiter(waiter.value)) }
    roomWaiters = [:]
  }
}
