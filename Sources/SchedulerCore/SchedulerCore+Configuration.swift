public import MesosModel

extension SchedulerCore {
  /// The choices and bounds of a scheduler.
  public struct Configuration: Hashable, Sendable {
    /// The masters to try in turn; a standby one redirects to the leader. Not empty, unless a detector finds them.
    public var masters: [MasterAddress]
    /// Whether the leading master is told by ``Event/masterDetected(_:)`` rather than named in ``masters``.
    public var detectsMaster = false
    /// The longest wait before the first attempt at a newly detected leader; chance makes it shorter.
    public var leaderChangeDelayMax: Duration = .milliseconds(500)
    /// The framework, without its id.
    public var framework: FrameworkInfo
    /// The roles that want no offers from the start.
    public var suppressedRoles: [String] = []
    /// Which agents' offers are wanted in which roles; all where nothing is said.
    public var offerConstraints: OfferConstraints?

    /// From the opening of a stream to SUBSCRIBED.
    public var subscribeTimeout: Duration = .seconds(15)
    /// So many heartbeat intervals without any record mean that the stream is dead.
    public var missedHeartbeatsMax = 3
    /// The heartbeat interval of a master that announces none.
    public var defaultHeartbeatInterval: Duration = .seconds(15)
    public var reconnectBackoff = Backoff(initial: .milliseconds(500), limit: .seconds(30))
    /// Redirects followed without a pause.
    public var redirectsMax = 3
    /// What to do about errors that end a subscription for a reason.
    public var onError = ErrorPolicy()
    /// Whether each of them is asked about by ``SchedulerCore/Directive/decide(_:proposed:)``, with ``onError``'s as the proposal.
    public var asksAboutErrors = false

    public var whileDisconnected = DisconnectedCalls.queue
    /// Calls that wait in the ordered lane.
    public var callsQueuedMax = 1_000
    /// How long a call may wait before it is sent.
    public var callWaitMax: Duration = .seconds(300)
    /// Attempts at a call that may be repeated.
    public var callAttemptsMax = 5
    public var callBackoff = Backoff(initial: .milliseconds(200), limit: .seconds(5))

    public var acknowledgement = Acknowledgement.automatic
    /// Acknowledgements under way at once.
    public var acknowledgementsInFlightMax = 4
    /// Acknowledgements that wait; beyond it the oldest is left out, and its update comes again.
    public var acknowledgementsQueuedMax = 100_000

    public var reconciliation = Reconciliation()
    /// Tasks known that have not ended.
    public var tasksMax = 100_000
    /// Ended tasks remembered, so that a repeated update is known as one.
    public var endedTasksMax = 10_000
    /// Operations with an id that have not ended.
    public var operationsMax = 10_000
    /// Ended operations remembered, so that a repeated status is known as one.
    public var endedOperationsMax = 1_000
    /// Offers held at once; those beyond are declined.
    public var offersMax = 100_000

    /// Whether an ACCEPT of an offer that is not held fails here. If not, the master answers for it, with the tasks' statuses.
    public var checksOffers = true

    /// How long a stop may wait for calls to be answered.
    public var stopTimeout: Duration = .seconds(10)

    public init(masters: [MasterAddress], framework: FrameworkInfo) {
      self.masters = masters
      self.framework = framework
    }
  }

  /// What happens to calls made without a subscription. ACCEPT and DECLINE never wait: offers end with their subscription.
  public enum DisconnectedCalls: Hashable, Sendable {
    /// They wait, up to ``Configuration/callsQueuedMax`` and ``Configuration/callWaitMax``.
    case queue
    /// They fail with `.notConnected`.
    case refuse
  }

  /// When a status update counts as received.
  public enum Acknowledgement: Hashable, Sendable {
    /// Once the user is done with it.
    case automatic
    /// When the user says so.
    case explicit
  }

  /// How the tasks that are known here and those that the master knows are brought together.
  ///
  /// - Source: Mesos `docs/reconciliation.md`: explicit for the known tasks until each is answered, with back-off; then implicit.
  public struct Reconciliation: Hashable, Sendable {
    /// Whether it happens by itself after each subscription.
    public var isAutomatic = true
    /// How long to wait for answers before asking again.
    public var backoff = Backoff(initial: .seconds(5), limit: .seconds(60))
    /// Tasks in one call.
    public var batchMax = 1_000
    /// How often to ask for all tasks while subscribed; `nil` for never.
    public var interval: Duration? = .seconds(900)

    public init() {}
  }
}
