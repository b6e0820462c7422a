public import MesosModel

/// What a registry holds after the operations so far: the fold of ``RegistryOperation``s, for storages and simulations.
public struct RegistryContents: Hashable, Sendable {
  /// Admitted and unreachable agents.
  public private(set) var agents: [AgentKey: RecoveredRegistry.Agent] = [:]
  /// What operators did to agents.
  public private(set) var conditions: [AgentKey: AgentCondition] = [:]
  /// When agents were marked as gone, in nanoseconds since 1970.
  public private(set) var goneAgents: [AgentKey: Int64] = [:]
  public private(set) var quotas: [String: Quota] = [:]
  public private(set) var weights: [String: Double] = [:]
  public private(set) var maintenance = MaintenancePlan()
  /// What a master must be capable of to lead with this registry.
  public private(set) var minimumCapabilities: Set<String> = []

  /// A registry that was never written to.
  public init() {}

  /// Takes in one operation. Of two about one key the later holds.
  public mutating func apply(_ operation: RegistryOperation) {
    switch operation {
    case .admitAgent(let id, let info), .markReachable(let id, let info):
      agents[id] = RecoveredRegistry.Agent(id: id, info: info, unreachableSince: nil)
    case .markUnreachable(let id, let since, let info):
      agents[id] = RecoveredRegistry.Agent(id: id, info: info, unreachableSince: since)
    case .removeAgent(let id):
      agents[id] = nil
      conditions[id] = nil
    case .setCondition(let id, let condition): conditions[id] = condition
    case .clearCondition(let id): conditions[id] = nil
    case .markGone(let id, let since):
      agents[id] = nil
      conditions[id] = nil
      goneAgents[id] = since
    case .forgetGone(let id): goneAgents[id] = nil
    case .setQuota(let role, let quota): quotas[role] = quota
    case .removeQuota(let role): quotas[role] = nil
    case .setWeight(let role, let weight): weights[role] = weight
    case .setMaintenance(let plan): maintenance = plan
    case .requireCapability(let name): minimumCapabilities.insert(name)
    case .releaseCapability(let name): minimumCapabilities.remove(name)
    }
  }

  /// The registry as a master that starts reads it.
  public var recovered: RecoveredRegistry {
    var registry = RecoveredRegistry(agents: agents.values.sorted { $0.id < $1.id })
    for index in registry.agents.indices { registry.agents[index].condition = conditions[registry.agents[index].id] }
    registry.goneAgents = goneAgents.map { ($0.key, $0.value) }.sorted { ($0.1, $0.0) < ($1.1, $1.0) }
      .map { RecoveredRegistry.GoneAgent(id: $0.0, since: $0.1) }
    registry.quotas = quotas
    registry.weights = weights
    registry.maintenance = maintenance
    return registry
  }
}
