import MesosModel

/// An agent that is registered.
struct TrackedAgent: Sendable {
  var id: AgentKey
  var info: AgentInfo
  var capabilities: [AgentInfo.Capability]
  var version: String
  var address: AgentAddress
  /// Absent while the agent is disconnected.
  var connection: AgentConnection?
  var registeredTime: TimeInfo
  var reregisteredTime: TimeInfo?
  var total: Resources
  /// When it was last heard of.
  var heard: Duration
  /// Tells this registration from an earlier one of the same id.
  var incarnation: UInt64
  /// The registry is being told that it is unreachable, or that it is gone.
  var isLeaving = false

  var tasks: Set<TaskName> = []
  var executors: Set<ExecutorName> = []
  var offers: Set<OfferKey> = []
  /// Tasks that are to be killed, in case the agent comes back without having heard of it.
  var killed: Set<TaskName> = []
  /// What tasks and executors use.
  var allocated = Resources()
  var offered = Resources()

  var isConnected: Bool { connection != nil }
  /// Whether its resources are offered.
  var isActive: Bool { isConnected }

  var status: AgentRow.Status {
    AgentRow.Status(
      active: isActive, deactivated: false, reregisteredTime: reregisteredTime, total: total, allocated: allocated,
      offered: offered)
  }

  var row: AgentRow {
    var stable = MasterResponse.GetAgents.Agent()
    stable.agentInfo = info
    stable.version = version
    stable.pid = address.pid
    stable.registeredTime = registeredTime
    stable.capabilities = capabilities
    return AgentRow(id: id, stable: MessageBytes.encoded(stable), status: status)
  }
}

/// An agent that the registry knows and that has not come back since this master started.
struct RecoveredAgent: Sendable {
  var info: [UInt8]
  /// The registry is being told that it is unreachable.
  var isLeaving = false
}
