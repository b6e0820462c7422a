public import MesosModel

/// How much of the cluster a role has, and its frameworks in it.
public struct RoleShare: Hashable, Sendable {
  /// What one framework has of the role.
  public struct FrameworkShare: Hashable, Sendable {
    /// Who.
    public let framework: FrameworkKey
    /// The dominant share of what it has in this role.
    public let share: Double
    /// How often it was allocated something in this role.
    public let allocations: Int
  }

  /// The role's path.
  public let role: String
  /// Its weight among its siblings; 1 unless another was set.
  public let weight: Double
  /// The dominant share of all that frameworks have in the role and in the roles below it, not divided by the weight.
  public let share: Double
  /// In ascending order of ids.
  public let frameworks: [FrameworkShare]
}

extension Allocator {
  /// The agents in the order in which they were added.
  public var agentIDs: [AgentKey] {
    agents.indices.map { agents[$0] }.sorted { $0.sequence < $1.sequence }.map(\.id)
  }

  /// All that an agent has, or nil for one that is not known.
  public func total(of agent: AgentKey) -> Resources? { agentNumbers[agent].map { agents[$0].total } }

  /// What on an agent is allocated to nobody, or nil for one that is not known.
  public func available(on agent: AgentKey) -> Resources? { agentNumbers[agent].map { agents[$0].available } }

  /// What a framework has on an agent, allocated to roles; nothing where either is not known.
  public func allocation(of framework: FrameworkKey, on agent: AgentKey) -> Resources {
    guard let framework = frameworkNumbers[framework], let agent = agentNumbers[agent] else { return Resources() }
    return agents[agent].resources(of: framework)
  }

  /// The scalar amounts of all agents together.
  public var totalQuantities: ResourceQuantities { quantities(totals) }

  /// What frameworks have in a role, and in the roles below it, over all agents.
  public func allocatedQuantities(role: String) -> ResourceQuantities {
    roleNumbers[role].map { quantities(roles[$0].subtree) } ?? ResourceQuantities()
  }

  /// How many cycles were begun so far; the number of the last one.
  public var cycleCount: Int { cycleNumber }

  /// How many refusals are in force.
  public var filtersInForce: Int { filterCount }

  /// The shares of all roles that have frameworks or allocations, or roles below that do, in ascending order of paths.
  public func shares() -> [RoleShare] {
    var members: [Int: [RoleShare.FrameworkShare]] = [:]
    for number in clients.indices {
      let client = clients[number]
      members[client.role, default: []].append(
        RoleShare.FrameworkShare(
          framework: frameworks[client.framework].id, share: dominantShare(client.allocation),
          allocations: client.count))
    }
    return roleNumbers.sorted { $0.key < $1.key }.map { path, number in
      RoleShare(
        role: path, weight: roles[number].weight, share: dominantShare(roles[number].subtree),
        frameworks: (members[number] ?? []).sorted { $0.framework < $1.framework })
    }
  }
}
