public import MesosModel

extension DemandCore {
  /// What happened.
  public enum Event: Hashable, Sendable {
    /// What is wanted from now on, all of it. A version below the one in force is refused; the same demands again change nothing.
    case declare(version: UInt64, [Demand])
    /// A subscription stands. `isResubscription`: the framework existed before; if not, all instances are gone.
    case subscribed(isResubscription: Bool)
    /// The subscription is over, and its offers with it.
    case disconnected
    case offers([Offer])
    case rescinded(OfferKey)
    case inverseOffers([InverseOffer])
    case inverseOfferRescinded(OfferKey)
    /// A status, also one that answers a reconciliation. Provisional: the launch is in doubt, and this denial is not confirmed.
    case task(TaskStatus, isProvisional: Bool)
    /// The master removed an agent; what becomes of its tasks is told by their statuses.
    case agentRemoved(AgentKey)
    /// An ACCEPT had no effect: none of its tasks was launched. Where nobody knows nothing is said; statuses follow.
    case notLaunched([TaskKey], because: String)
    /// A SUPPRESS or REVIVE was not taken by the master.
    case rolesNotChanged([String], suppressed: Bool)
    /// Time has passed; at the latest at ``DemandCore/nextDeadline``.
    case tick
  }

  /// What must be done, in this order.
  public enum Directive: Hashable, Sendable {
    /// Launch tasks on offers of one agent; what is left of them is refused for so long.
    case accept([OfferKey], [TaskInfo], refuse: Duration)
    case decline([OfferKey], refuse: Duration)
    case suppress([String])
    case revive([String])
    case kill(TaskKey, on: AgentKey?, grace: Duration?)
    case acceptInverse([OfferKey])
    case declineInverse([OfferKey])
    case tell(DemandNotice)
  }
}

/// Something that the user of demands may want to know.
public enum DemandNotice: Hashable, Sendable {
  /// These demands are in force.
  case declared(version: UInt64)
  /// They are not, and nothing has changed.
  case refused(DemandError)
  /// An instance was launched, adopted, or changed its phase.
  case instance(InstanceStatus)
  /// An instance is over.
  case ended(InstanceID, InstanceEnd)
  /// All that is wanted of a service is available, in the version that is wanted.
  case satisfied(String)
  /// Every slot of a batch is done or has failed for good.
  case completed(String, finished: Int, failed: Int)
  /// A demand is no longer wanted, and its last instance is gone.
  case removed(String)
  /// A task of this framework runs that no demand accounts for; it is left alone.
  case unknownTask(TaskKey)
  /// Instances will leave an agent whose maintenance is planned, or will not.
  case maintenance(AgentKey, isAccepted: Bool)
  /// An offer that cannot be read was declined.
  case unreadableOffer(OfferKey, String)
}

/// How an instance came to its end, and what follows.
public struct InstanceEnd: Hashable, Sendable {
  /// What follows.
  public enum Next: Hashable, Sendable {
    /// The slot is run again, not before this uptime.
    case again(at: Duration)
    /// Nothing: it was not wanted any more, or another instance has taken its place.
    case nothing
    /// The slot is done.
    case done
    /// The slot has failed for good.
    case failed
  }
  /// The last state; `nil` for an instance that was never launched.
  public var state: TaskState?
  /// What the cluster says about it.
  public var message: String
  public var next: Next

  /// An end with its parts.
  public init(state: TaskState?, message: String, next: Next) {
    self.state = state
    self.message = message
    self.next = next
  }
}

/// An instance as it is now.
public struct InstanceStatus: Hashable, Sendable, Identifiable {
  /// The stages of an instance's life.
  public enum Phase: Hashable, Sendable, CaseIterable {
    /// Nothing was heard of it yet.
    case launching
    /// The cluster is starting it.
    case staging
    case running
    /// It may be running, out of the master's sight.
    case unreachable
  }

  public var id: InstanceID
  public var phase: Phase
  /// Whether it is being killed because it is not wanted any more.
  public var isLeaving: Bool
  /// Whether another instance has taken its place, or is its demand's at all no longer.
  public var isStray: Bool
  /// Whether it counts as available: running, and healthy and for as long as its demand asks.
  public var isAvailable: Bool
  /// Whether it is of the template that is wanted now.
  public var isCurrent: Bool
  public var agent: AgentKey
  /// The agent's host; `nil` for an adopted task whose agent has offered nothing since.
  public var hostname: String?
  /// The ports it was given; empty for an adopted task.
  public var ports: [UInt64]
  /// The uptime since which it is in this phase.
  public var since: Duration
}

/// A demand as it is now.
public struct DemandStatus: Hashable, Sendable {
  public var name: String
  /// Whether its instances run for ever; if not, it is a batch.
  public var isService: Bool
  /// The slots that are to have an instance: of a batch, those that have not ended.
  public var wanted: Int
  /// Slots whose instance is available.
  public var available: Int
  /// Slots whose available instance is of the template that is wanted now.
  public var current: Int
  /// Instances launched and not ended, those that are being killed among them.
  public var live: Int
  /// Slots of a batch, or under a policy that does not replace, that are done.
  public var finished: Int
  /// Slots that failed for good.
  public var failed: Int
  /// Whether it is to go away.
  public var isRemoved: Bool
  /// Whether nothing is left to do for it: all of a service is available and up to date, all of a batch has ended.
  public var isSatisfied: Bool { isService ? live == wanted && current == wanted : live == 0 && wanted == 0 }
}
