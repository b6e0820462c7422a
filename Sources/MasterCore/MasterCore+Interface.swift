public import AgentLinkModel
public import MesosModel
import SwiftProtobuf

/// One event stream to a scheduler: the master's name for the connection of one SUBSCRIBE.
public struct SchedulerConnection: Hashable, Comparable, Sendable {
  /// Numbered by the shell; never used twice in the life of a master.
  public let number: UInt64
  /// The value of `Mesos-Stream-Id` that the SUBSCRIBE was answered with.
  public let streamID: String

  public init(number: UInt64, streamID: String) {
    self.number = number
    self.streamID = streamID
  }

  public static func < (left: Self, right: Self) -> Bool { left.number < right.number }
}

/// One session of the agent link.
public struct AgentConnection: Hashable, Comparable, Sendable {
  /// Numbered by the shell; never used twice in the life of a master.
  public let number: UInt64

  public init(number: UInt64) { self.number = number }

  public static func < (left: Self, right: Self) -> Bool { left.number < right.number }
}

extension MasterCore {
  /// What happened.
  public enum Event: Sendable {
    // From schedulers.
    /// A SUBSCRIBE; answered with `.streaming` and events on `connection`, or with a refusal.
    case subscribe(SchedulerConnection, SchedulerCall, principal: Principal?, token: CallToken)
    /// Any other call; `streamID` is the request's `Mesos-Stream-Id`.
    case call(SchedulerCall, streamID: String?, principal: Principal?, token: CallToken)
    /// The stream ended, or its reader fell too far behind.
    case schedulerDisconnected(SchedulerConnection)

    // From agents. Link sessions are the shell's; a session that is resumed never shows here.
    /// A record of a session, in order and once; Hello, Heartbeat and Welcome stay in the shell.
    case agentMessage(AgentConnection, LinkUp.OneOf_Body, address: AgentAddress)
    /// Something, if only a heartbeat, was heard of the agent.
    case agentHeard(AgentConnection)
    /// The session ended and will not be resumed, or another session of the same agent took its place.
    case agentDisconnected(AgentConnection)

    // From the shell.
    /// The registry operations of `.persist(_, number)`, and all before it, are durable.
    case persisted(UInt64)
    /// They are not and will not be: what waits on them is refused.
    case persistFailed(UInt64, message: String)
    /// Time has passed; at the latest at ``MasterCore/nextDeadline``, or at once after `.continueCycle`.
    case tick

    // From operators.
    /// A call that changes something. Reads are not the core's: they are answered from what it told by `.changed`.
    case operatorCall(MasterCall, principal: Principal?, token: CallToken)
  }

  /// What must be done, in this order.
  public enum Directive: Sendable {
    /// The outcome of a call, exactly one for each token.
    case answer(CallToken, CallAnswer)
    case send(SchedulerConnection, SchedulerEvent)
    /// After what was sent is written.
    case close(SchedulerConnection)
    case sendToAgent(AgentConnection, LinkDown.OneOf_Body)
    /// After what was sent is written. The session is over.
    case closeAgent(AgentConnection)
    /// Make these durable, as one batch, then say `.persisted`. Numbers grow by one.
    case persist([RegistryOperation], UInt64)
    /// Others may now see this.
    case changed(Change)
    /// The allocation cycle has more to do: give `.tick` again once waiting events were handled.
    case continueCycle
    /// The master must not go on: its process ends with this text.
    case abort(String)
  }
}

/// Where an agent can be reached by HTTP.
public struct AgentAddress: Hashable, Sendable {
  public var hostname: String
  public var ip: String
  public var port: Int32

  public init(hostname: String, ip: String, port: Int32) {
    self.hostname = hostname
    self.ip = ip
    self.port = port
  }

  /// The name Apache Mesos gives an agent's process, `slave(1)@ip:port`.
  public var pid: String { "slave(1)@\(ip):\(port)" }
}

/// A change of the registry. Each is keyed, so that the newest value of a key is the state.
public enum RegistryOperation: Hashable, Sendable {
  /// The agent may run tasks; encoded `AgentInfo`.
  case admitAgent(AgentKey, info: [UInt8])
  /// It has not been heard of; nanoseconds since 1970.
  case markUnreachable(AgentKey, since: Int64, info: [UInt8])
  /// It answers again.
  case markReachable(AgentKey, info: [UInt8])
  /// It left for good, with what operators did to it.
  case removeAgent(AgentKey)
  /// What an operator did to an agent that is admitted or unreachable.
  case setCondition(AgentKey, AgentCondition)
  /// The agent is offered as any other.
  case clearCondition(AgentKey)
  /// It is neither admitted nor unreachable any more, and never will be again; nanoseconds since 1970.
  case markGone(AgentKey, since: Int64)
  /// An agent that was marked as gone is no longer remembered.
  case forgetGone(AgentKey)
  case setQuota(String, Quota)
  case removeQuota(String)
  case setWeight(String, Double)
  case setMaintenance(MaintenancePlan)
  /// Only masters that are capable of this may lead from now on.
  case requireCapability(String)
  case releaseCapability(String)
}

/// What a master of this release can do, by the names of `MasterInfo.Capability`; a registry that asks for more is refused.
public enum MasterCapability {
  /// Keeps quotas with limits in the registry.
  public static let quotaV2 = "QUOTA_V2"
  /// Keeps in the registry that agents are drained or deactivated.
  public static let agentDraining = "AGENT_DRAINING"
  /// Takes changes of what agents say about themselves.
  public static let agentUpdate = "AGENT_UPDATE"

  /// All of them, in the order in which Apache Mesos shows them.
  public static let all = [agentUpdate, agentDraining, quotaV2]

  /// The same as messages.
  public static var messages: [MasterInfo.Capability] {
    [MasterInfo.Capability.TypeEnum.agentUpdate, .agentDraining, .quotaV2].map { type in .with { $0.type = type } }
  }
}

/// The registry as read back at the start of a master.
public struct RecoveredRegistry: Hashable, Sendable {
  public struct Agent: Hashable, Sendable {
    public var id: AgentKey
    /// Encoded `AgentInfo`.
    public var info: [UInt8]
    /// Nanoseconds since 1970; absent for an agent that was reachable.
    public var unreachableSince: Int64?
    /// What an operator did to it, if anything.
    public var condition: AgentCondition?

    public init(id: AgentKey, info: [UInt8], unreachableSince: Int64?, condition: AgentCondition? = nil) {
      self.id = id
      self.info = info
      self.unreachableSince = unreachableSince
      self.condition = condition
    }
  }

  /// An agent that an operator marked as gone.
  public struct GoneAgent: Hashable, Sendable {
    public var id: AgentKey
    /// Nanoseconds since 1970.
    public var since: Int64

    public init(id: AgentKey, since: Int64) {
      self.id = id
      self.since = since
    }
  }

  /// Sorted by id.
  public var agents: [Agent]
  /// Oldest first.
  public var goneAgents: [GoneAgent] = []
  public var quotas: [String: Quota] = [:]
  public var weights: [String: Double] = [:]
  public var maintenance = MaintenancePlan()

  public init(agents: [Agent] = []) { self.agents = agents }
}

/// One step of the state that readers see. Folding all of them, in order, over nothing gives the state.
public struct Change: Sendable {
  /// Starts at 1 and grows by one in the life of a master.
  public var sequence: UInt64
  public var kind: Kind

  public init(sequence: UInt64, kind: Kind) {
    self.sequence = sequence
    self.kind = kind
  }

  public enum Kind: Sendable {
    /// A new agent, or an agent whose description changed.
    case agent(AgentRow)
    case agentStatus(AgentKey, AgentRow.Status)
    case agentRemoved(AgentKey)
    /// Known from the registry and not yet heard of since this master started; encoded `AgentInfo`.
    case recoveredAgent(AgentKey, info: [UInt8])
    case recoveredAgentRemoved(AgentKey)

    case framework(FrameworkRow)
    case frameworkStatus(FrameworkKey, FrameworkRow.Status)
    /// Moves the framework to the completed ones.
    case frameworkCompleted(FrameworkKey, FrameworkRow.Status)
    /// A completed framework beyond the limit of the history.
    case frameworkForgotten(FrameworkKey)

    case offer(Offer)
    case offerRemoved(OfferKey)

    case task(TaskRow)
    case taskStatus(FrameworkKey, TaskKey, TaskRow.Status)
    /// Moves the task, with this last status, to the completed or the unreachable ones, or back to the active ones.
    case taskMoved(FrameworkKey, TaskKey, TaskRow.Status, to: TaskRow.Section)
    /// A task beyond the limit of the history, or one of a forgotten framework.
    case taskForgotten(FrameworkKey, TaskKey)

    case executor(ExecutorRow)
    case executorRemoved(FrameworkKey, AgentKey, ExecutorKey)

    case roleWeight(String, Double)

    case operation(OperationRow)
    case operationStatus(OperationKey, OperationRow.Status)
    /// Its end was acknowledged, or its agent is gone.
    case operationRemoved(OperationKey)
    /// The quota of a role, `Quota.none` when it has none any more.
    case quota(String, Quota)
    /// The whole schedule of maintenance, and which machines are down.
    case maintenance(MaintenancePlan)
    case inverseOffer(InverseOffer)
    case inverseOfferRemoved(OfferKey)
    /// How a framework answered the wish to leave an agent of a machine; nil when the answer counts no longer.
    case inverseOfferAnswer(MachineName, AgentKey, FrameworkKey, InverseOfferStatus?)
  }
}

/// An agent as readers see it: what stays, encoded once, and what changes.
public struct AgentRow: Sendable {
  public var id: AgentKey
  /// `MasterResponse.GetAgents.Agent` with all but what ``Status`` holds, encoded (required fields of the status missing).
  public var stable: [UInt8]
  public var status: Status

  public init(id: AgentKey, stable: [UInt8], status: Status) {
    self.id = id
    self.stable = stable
    self.status = status
  }

  public struct Status: Hashable, Sendable {
    public var active: Bool
    public var deactivated: Bool
    public var reregisteredTime: TimeInfo?
    public var total: Resources
    public var allocated: Resources
    public var offered: Resources
    /// How far its draining has come.
    public var drainInfo: DrainInfo?
    /// When its draining began, as far as this master knows.
    public var drainStartTime: TimeInfo?
    /// Its resource providers that are there, sorted by id; what they have is part of ``total``.
    public var resourceProviders: [ResourceProviderInfo]

    public init(
      active: Bool, deactivated: Bool, reregisteredTime: TimeInfo?, total: Resources, allocated: Resources,
      offered: Resources, drainInfo: DrainInfo? = nil, drainStartTime: TimeInfo? = nil,
      resourceProviders: [ResourceProviderInfo] = []
    ) {
      self.resourceProviders = resourceProviders
      self.drainInfo = drainInfo
      self.drainStartTime = drainStartTime
      self.active = active
      self.deactivated = deactivated
      self.reregisteredTime = reregisteredTime
      self.total = total
      self.allocated = allocated
      self.offered = offered
    }
  }
}

/// A framework as readers see it.
public struct FrameworkRow: Sendable {
  public var id: FrameworkKey
  /// `FrameworkInfo`, encoded.
  public var info: [UInt8]
  /// The roles it is subscribed to, sorted.
  public var roles: [String]
  public var status: Status

  public init(id: FrameworkKey, info: [UInt8], roles: [String], status: Status) {
    self.id = id
    self.info = info
    self.roles = roles
    self.status = status
  }

  public struct Status: Hashable, Sendable {
    public var active: Bool
    public var connected: Bool
    /// Known from agents alone since this master started.
    public var recovered: Bool
    public var registeredTime: TimeInfo?
    public var reregisteredTime: TimeInfo?
    public var unregisteredTime: TimeInfo?
    public var allocated: Resources
    public var offered: Resources
    /// Which agents it wants in its roles.
    public var offerConstraints: OfferConstraints

    public init(
      active: Bool, connected: Bool, recovered: Bool, registeredTime: TimeInfo?, reregisteredTime: TimeInfo?,
      unregisteredTime: TimeInfo?, allocated: Resources, offered: Resources,
      offerConstraints: OfferConstraints = OfferConstraints()
    ) {
      self.active = active
      self.connected = connected
      self.recovered = recovered
      self.registeredTime = registeredTime
      self.reregisteredTime = reregisteredTime
      self.unregisteredTime = unregisteredTime
      self.allocated = allocated
      self.offered = offered
      self.offerConstraints = offerConstraints
    }
  }
}

/// A task as readers see it.
public struct TaskRow: Sendable {
  public var id: TaskKey
  public var framework: FrameworkKey
  public var agent: AgentKey
  /// Absent under the command executor.
  public var executor: ExecutorKey?
  /// `MesosTask` with all but what ``Status`` holds, encoded.
  public var stable: [UInt8]
  public var status: Status
  public var section: Section

  public init(
    id: TaskKey, framework: FrameworkKey, agent: AgentKey, executor: ExecutorKey?, stable: [UInt8], status: Status,
    section: Section
  ) {
    self.id = id
    self.framework = framework
    self.agent = agent
    self.executor = executor
    self.stable = stable
    self.status = status
    self.section = section
  }

  /// The list a task stands in.
  public enum Section: Hashable, Sendable { case active, unreachable, completed }

  /// `state`, `statuses`, `status_update_state` and `status_update_uuid` of `MesosTask`.
  public struct Status: Hashable, Sendable {
    public var state: TaskState
    /// Those four fields, encoded; with ``TaskRow/stable`` before it, a whole `MesosTask`.
    public var encoded: [UInt8]

    public init(state: TaskState, encoded: [UInt8]) {
      self.state = state
      self.encoded = encoded
    }
  }
}

/// An executor as readers see it.
public struct ExecutorRow: Hashable, Sendable {
  public var id: ExecutorKey
  public var framework: FrameworkKey
  public var agent: AgentKey
  /// `ExecutorInfo`, encoded.
  public var info: [UInt8]

  public init(id: ExecutorKey, framework: FrameworkKey, agent: AgentKey, info: [UInt8]) {
    self.id = id
    self.framework = framework
    self.agent = agent
    self.info = info
  }
}

/// An operation on the resources of an agent as readers see it: what stays, encoded once, and what changes.
public struct OperationRow: Hashable, Sendable {
  public var id: OperationKey
  /// Absent for an operation of an operator.
  public var framework: FrameworkKey?
  public var agent: AgentKey
  /// `MesosOperation` with all but what ``Status`` holds, encoded (a required field of the status missing).
  public var stable: [UInt8]
  public var status: Status

  public init(id: OperationKey, framework: FrameworkKey?, agent: AgentKey, stable: [UInt8], status: Status) {
    self.id = id
    self.framework = framework
    self.agent = agent
    self.stable = stable
    self.status = status
  }

  /// `latest_status` and `statuses` of `MesosOperation`.
  public struct Status: Hashable, Sendable {
    public var state: OperationState
    /// Those two fields, encoded; with ``OperationRow/stable`` before it, a whole `MesosOperation`.
    public var encoded: [UInt8]

    public init(state: OperationState, encoded: [UInt8]) {
      self.state = state
      self.encoded = encoded
    }
  }
}
