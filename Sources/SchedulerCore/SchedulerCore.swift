import DequeModule
public import MesosModel

/// What a Mesos scheduler's client decides: when to connect and where, which call goes out when, what is acknowledged, what must be
/// asked again.
///
/// One stream of events comes from the master, calls go to it one by one. The core owns both sides of that as a value: it is told
/// what happened (``Event``) and says what to do (``Directive``); it never waits and never looks at a clock.
///
/// - **Connection.** Disconnected, detecting, connecting, subscribed, backing off. A stream that is silent for
///   ``Configuration/missedHeartbeatsMax`` heartbeats is dead, whatever TCP says. A standby master's 307 is followed, a 503 waited out.
///   Re-subscription is always under the same framework id, which is durable before anything of a subscription is shown.
/// - **Calls.** One lane keeps the user's order, one call on its way at a time; acknowledgements have a lane beside it. A call that
///   may be repeated is repeated when its outcome is unknown. An ACCEPT never is: what it launches is asked for instead. That the
///   master does not know it counts once no copy of the ACCEPT can arrive any more: on a later subscription, whose stream id
///   makes the master refuse it.
/// - **Tasks and operations.** Every one that was launched or heard of is known until it ends; after each subscription the master is
///   asked about all of them until it has answered for each.
///
/// Equal events give equal directives in every process: what leaves is sorted or in order of arrival.
public struct SchedulerCore: Sendable {
  public internal(set) var configuration: Configuration
  /// The id of the framework, once known.
  public internal(set) var frameworkID: FrameworkID?

  /// The state of the connection as the user was last told.
  public private(set) var connectionState = ConnectionState.disconnected

  var phase = Phase.idle
  var stopping: Stopping?

  // The next of each kind of number.
  var lastStream: UInt64 = 0
  var lastSend: UInt64 = 0
  var lastDelivery: UInt64 = 0

  // Connection.
  var masterIndex = 0
  /// The leading master as the detector last said; `nil` while it knows of none.
  var detected: MasterAddress?
  /// What was detected when the present attempt or subscription began.
  var followed: MasterAddress?
  /// Why the detector will say no more.
  var detectionError: SchedulerError?
  /// Attempts in a row without a subscription that lasted.
  var failures = 0
  /// Attempts that were given up without an answer. Such a SUBSCRIBE may reach the master after a later one, and take its place.
  var abandoned = 0
  /// Redirects in a row.
  var redirects = 0

  // Calls.
  var ordered = Lane()
  var acknowledgements = Lane()

  // What the user holds.
  /// Updates that are acknowledged once the user is done with them.
  var unhandled: [DeliveryNumber: SchedulerCall] = [:]
  var offersHeld: [OfferKey: AgentKey] = [:]
  var inverseOffersHeld: Set<OfferKey> = []
  var suppressedRoles: Set<String>

  var tasks: TaskTable
  var operations: OperationTable
  var reconciling = Reconciling()
  /// Tasks that the user asked for and that the master has not answered for, with the agents that the user named.
  var asked: [TaskKey: AgentID?] = [:]

  var directives: [Directive] = []

  /// - Throws: `SchedulerError` with code `.invalidConfiguration`.
  public init(configuration: Configuration) throws(SchedulerError) {
    func require(_ holds: Bool, _ message: String) throws(SchedulerError) {
      guard holds else { throw SchedulerError(.invalidConfiguration, message) }
    }
    try require(configuration.detectsMaster || !configuration.masters.isEmpty, "No master is named")
    try require(configuration.missedHeartbeatsMax > 0, "missedHeartbeatsMax is not positive")
    try require(configuration.callAttemptsMax > 0, "callAttemptsMax is not positive")
    try require(configuration.callsQueuedMax > 0, "callsQueuedMax is not positive")
    try require(configuration.acknowledgementsInFlightMax > 0, "acknowledgementsInFlightMax is not positive")
    try require(configuration.reconciliation.batchMax > 0, "reconciliation.batchMax is not positive")
    try require(configuration.subscribeTimeout > .zero, "subscribeTimeout is not positive")
    try require(configuration.defaultHeartbeatInterval > .zero, "defaultHeartbeatInterval is not positive")
    try require(configuration.acknowledgementsQueuedMax > 0, "acknowledgementsQueuedMax is not positive")
    for (name, bound) in [
      ("tasksMax", configuration.tasksMax), ("endedTasksMax", configuration.endedTasksMax),
      ("operationsMax", configuration.operationsMax), ("endedOperationsMax", configuration.endedOperationsMax),
      ("offersMax", configuration.offersMax), ("redirectsMax", configuration.redirectsMax),
    ] { try require(bound >= 0, "\(name) is negative") }
    self.configuration = configuration
    suppressedRoles = Set(configuration.suppressedRoles)
    tasks = TaskTable(activeMax: configuration.tasksMax, endedMax: configuration.endedTasksMax)
    operations = OperationTable(activeMax: configuration.operationsMax, endedMax: configuration.endedOperationsMax)
  }

  enum Phase: Hashable, Sendable {
    case idle
    /// No leading master is known.
    case detecting
    case backingOff(until: Duration, to: MasterAddress?)
    case connecting(Connecting)
    case subscribed(Subscribed)
    /// The user is asked what to do about the error.
    case deciding(SchedulerError)
    case finished
  }

  struct Connecting: Hashable, Sendable {
    var stream: StreamNumber
    var master: MasterAddress
    var deadline: Duration
    /// Known once the answer began.
    var streamID: String?
    /// The SUBSCRIBED record, held back until the id is durable.
    var confirmation: SchedulerEvent.Subscribed?
  }

  struct Subscribed: Hashable, Sendable {
    var stream: StreamNumber
    var master: MasterAddress
    var streamID: String
    var heartbeatInterval: Duration
    var since: Duration
    /// When the last record came; `nil` while nothing is read because the user is behind.
    var heard: Duration?
  }

  struct Stopping: Hashable, Sendable {
    var mode: StopMode
    var deadline: Duration
    var isTearingDown = false
  }

  struct Reconciling: Hashable, Sendable {
    /// Tasks asked for and not answered.
    var pending: Set<TaskKey> = []
    var pendingOperations: Set<String> = []
    var attempt = 0
    /// When to ask again.
    var next: Duration?
    /// When to ask for everything.
    var nextImplicit: Duration?
    /// Explicit reconciliation after a subscription goes on; `.reconciled` is due at its end.
    var isInitial = false
    /// The user asked for all tasks on this subscription: every answer is for the user.
    var isImplicitByUser = false
    var isImplicitForOperationsByUser = false
    var operationsByUser: Set<String> = []

    var isPending: Bool { !pending.isEmpty || !pendingOperations.isEmpty }
  }

  /// Takes what happened and returns what to do.
  ///
  /// - Parameters:
  ///   - event: What happened.
  ///   - now: Not before the moment of the last call.
  ///   - rng: For jitter.
  public mutating func handle(
    _ event: Event, at now: Moment, using rng: inout some RandomNumberGenerator
  ) -> [Directive] {
    let now = now.uptime
    if case .finished = phase {
      if case .call(_, let token) = event { return [.complete(token, stoppedError)] }
      return []
    }
    switch event {
    case .start(let id): start(as: id, at: now)
    case .streamOpened(let stream, let head): streamOpened(stream, head, at: now, using: &rng)
    case .record(let stream, let record): received(record, on: stream, at: now, using: &rng)
    case .badRecord(let stream, let reason): badRecord(reason, on: stream, at: now, using: &rng)
    case .streamMalformed(let stream, let reason): streamMalformed(stream, reason, at: now, using: &rng)
    case .frameworkIDSaved(let stream): frameworkIDSaved(stream, at: now, using: &rng)
    case .frameworkIDNotSaved(let stream, let reason): frameworkIDNotSaved(stream, reason)
    case .readingPaused(let stream): setReading(false, stream, at: now)
    case .readingResumed(let stream): setReading(true, stream, at: now)
    case .streamEnded(let stream, let reason):
      streamEnded(stream, reason: reason, mayArriveLate: true, at: now, using: &rng)
    case .streamRefused(let stream, let reason):
      streamEnded(stream, reason: reason, mayArriveLate: false, at: now, using: &rng)
    case .decided(let reaction): decided(reaction, at: now, using: &rng)
    case .call(let call, let token): callMade(call, token: token, at: now, using: &rng)
    case .callCancelled(let token): if let item = ordered.cancel(token) { forgetQuestions(of: item.call) }
    case .masterDetected(let leader): masterDetected(leader, at: now, using: &rng)
    case .detectionTroubled(let reason):
      deliver(.notice(.detectionTroubled(SchedulerError.excerpt(reason))))
    case .detectionEnded(let reason): detectionEnded(reason)
    case .callEnded(let number, let outcome): callEnded(number, outcome, at: now, using: &rng)
    case .handled(let delivery): handled(delivery)
    case .tick: break
    case .stop(let mode): stop(mode, at: now)
    case .abandoned: finish(nil)
    }
    if nextDeadline.map({ $0 <= now }) ?? false { deadlinesPassed(at: now, using: &rng) }
    pump(at: now)
    defer { directives = [] }
    return directives
  }

  /// The uptime at which a `.tick` is due at the latest; `nil` when nothing waits for time.
  public var nextDeadline: Duration? {
    var next: Duration?
    func consider(_ deadline: Duration?) {
      guard let deadline else { return }
      next = min(next ?? deadline, deadline)
    }
    switch phase {
    case .idle, .detecting, .deciding: break
    case .backingOff(let until, _): consider(until)
    case .connecting(let connecting): consider(connecting.deadline)
    case .subscribed(let subscribed):
      if let heard = subscribed.heard { consider(heard + silenceMax(subscribed)) }
      consider(reconciling.next)
      consider(reconciling.nextImplicit)
      if ordered.isReady { consider(ordered.pausedUntil) }
      if acknowledgements.isReady { consider(acknowledgements.pausedUntil) }
    case .finished: return nil
    }
    consider(ordered.queue.first?.expires)
    consider(stopping?.deadline)
    return next
  }

  mutating func deadlinesPassed(at now: Duration, using rng: inout some RandomNumberGenerator) {
    if let stopping, stopping.deadline <= now {
      let error =
        stopping.mode == .tearDown
        ? SchedulerError(.timedOut, "The framework was not torn down within \(configuration.stopTimeout)") : nil
      return finish(error)
    }
    while let first = ordered.queue.first, let expires = first.expires, expires <= now {
      ordered.queue.removeFirst()
      failed(
        first,
        SchedulerError(.timedOut, "The call waited \(configuration.callWaitMax) without a subscription to send it on"))
    }
    switch phase {
    case .backingOff(let until, let master) where until <= now: connect(to: master, at: now)
    case .connecting(let connecting) where connecting.deadline <= now:
      lose(
        "no SUBSCRIBED within \(configuration.subscribeTimeout)", closing: connecting.stream,
        mayArriveLate: connecting.streamID == nil, at: now, using: &rng)
    case .subscribed(let subscribed):
      if let heard = subscribed.heard, heard + silenceMax(subscribed) <= now {
        return lose(
          "nothing heard for \(configuration.missedHeartbeatsMax) heartbeat intervals", closing: subscribed.stream,
          at: now,
          using: &rng)
      }
      reconcileDue(at: now, using: &rng)
    default: break
    }
  }

  public var isSubscribed: Bool { if case .subscribed = phase { true } else { false } }
  /// How many ``knownTasks`` are.
  public var knownTasksCount: Int { tasks.active.count }
  /// Calls in order that wait or are on their way.
  public var callsQueued: Int { ordered.queue.count + ordered.inFlight.count }
  /// Acknowledgements that wait or are on their way.
  public var acknowledgementsQueued: Int { acknowledgements.queue.count + acknowledgements.inFlight.count }

  /// The tasks that may run, sorted by id.
  public var knownTasks: [TaskRecord] { tasks.records }

  /// The operations with an id that have not ended, sorted by id.
  public var knownOperations: [OperationRecord] { operations.records }

  func silenceMax(_ subscribed: Subscribed) -> Duration {
    subscribed.heartbeatInterval * configuration.missedHeartbeatsMax
  }

  var stoppedError: SchedulerError { SchedulerError(.stopped, "The scheduler is stopped") }

  mutating func show(_ state: ConnectionState) {
    connectionState = state
    deliver(.connection(state))
  }

  mutating func deliver(_ update: SchedulerUpdate) {
    lastDelivery += 1
    directives.append(.deliver(DeliveryNumber(lastDelivery), update))
  }
}
