import MasterCore
public import MesosModel

/// A role as readers see it: its own and those below it together, as Apache Mesos shows them.
public struct RoleRow: Sendable {
  public var name: String
  public var weight: Double
  /// What frameworks use and are offered in it, ranges and sets by how many numbers and items they have.
  public var allocated = ResourceQuantities()
  public var offered = ResourceQuantities()
  /// ``allocated`` and ``offered`` together, scalars alone.
  public var scalars = ResourceQuantities()
  /// Reserved on registered agents.
  public var reserved = ResourceQuantities()
  /// What of ``reserved`` nobody uses.
  public var unusedReserved = ResourceQuantities()
  /// Frameworks that are subscribed to it or have something allocated in it, by registration.
  public var frameworks: [FrameworkKey] = []

  /// What counts against its quota.
  public var consumed: ResourceQuantities {
    var consumed = allocated
    consumed += unusedReserved
    return consumed
  }
}

extension ClusterSnapshot {
  /// The roles of frameworks, allocations, reservations, weights, of `named` and all roles above them, sorted by name.
  ///
  /// - Complexity: O(*r* × (*f* + *a*)) at worst in the numbers of roles, frameworks and agents; agents without reservations cost nothing.
  public func roleRows(named: some Sequence<String> = EmptyCollection()) -> [RoleRow] {
    var rows: [String: RoleRow] = [:]
    func row(_ name: String) {
      for role in [name] + RoleName.ancestors(of: name) where rows[role] == nil {
        rows[role] = RoleRow(name: role, weight: allWeights[role] ?? 1)
      }
    }
    for role in allWeights.keys { row(role) }
    for entry in quotas.entries { row(entry.role) }
    for role in named { row(role) }
    for entry in frameworkRows.rows {
      let framework = entry.record.content.row
      var own = Set(framework.roles)
      for (isOffered, resources) in [(false, framework.status.allocated), (true, framework.status.offered)] {
        for (role, part) in resources.allocations {
          own.insert(role)
          row(role)
          let quantities = ResourceQuantities(part, counting: .everything)
          for member in [role] + RoleName.ancestors(of: role) {
            rows[member]?.scalars += part.quantities
            if isOffered { rows[member]?.offered += quantities } else { rows[member]?.allocated += quantities }
          }
        }
      }
      for role in own {
        row(role)
        rows[role]?.frameworks.append(framework.id)
      }
    }
    for agent in agentRows.rows.lazy.map(\.content.row) {
      for (role, part) in agent.status.total.reservations {
        row(role)
        let total = ResourceQuantities(part, counting: .everything)
        var unused = total
        unused -= ResourceQuantities(agent.status.allocated.reserved(to: role), counting: .everything)
        for member in [role] + RoleName.ancestors(of: role) {
          rows[member]?.reserved += total
          rows[member]?.unusedReserved += unused
        }
      }
    }
    return rows.values.filter { sight?.visibility.sees(role: $0.name) ?? true }.sorted { $0.name < $1.name }
  }
}
