public import MesosModel

/// What the allocator counts, at one moment.
///
/// - Source: Apache Mesos, *Monitoring*, "Allocator". How long cycles and their waiting take is for whoever runs them to measure.
public struct AllocatorMetrics: Hashable, Sendable {
  /// One resource of the whole cluster.
  public struct Resource: Hashable, Sendable {
    /// The resource's name, such as `cpus`.
    public let name: String
    /// What all agents have.
    public let total: Scalar
    /// What frameworks have, or are offered.
    public let offeredOrAllocated: Scalar
  }

  /// One resource that a role has a quota of.
  public struct Quota: Hashable, Sendable {
    /// The resource's name.
    public let name: String
    /// What the role is guaranteed; nil where nothing is said.
    public let guarantee: Scalar?
    /// What it may have at most; nil where nothing is said.
    public let limit: Scalar?
    /// What frameworks of the role and the roles below it have, or are offered.
    public let offeredOrAllocated: Scalar
    /// What the quota is charged with: that, and what is reserved to the role and not used.
    public let consumed: Scalar
  }

  /// One role.
  public struct Role: Hashable, Sendable {
    /// Its path.
    public let path: String
    /// The largest fraction of a resource of the cluster that the role and the roles below it have, in `0...1`.
    public let dominantShare: Double
    /// How many refusals of its frameworks are in force.
    public let offerFilters: Int
    /// The frameworks that suppressed the role, in ascending order.
    public let suppressedFrameworks: [FrameworkKey]
    /// By name, in ascending order.
    public let quotas: [Quota]
  }

  /// How many cycles were begun.
  public let allocationRuns: Int
  /// How many offers cycles made.
  public let allocations: Int
  /// How many times frameworks were asked to leave an agent.
  public let inverseAllocations: Int
  /// `cpus`, `disk` and `mem`, and other scalars that agents have, by name in ascending order.
  public let resources: [Resource]
  /// The roles that frameworks are in or have something in, that have a quota or a reservation, and the roles above those.
  public let roles: [Role]

  /// All but what quotas are charged with (there Apache Mesos does not count offers) by the names that Apache Mesos gives them, in ascending order; additions of ours are `allocations`, `inverse_allocations` and
  /// resources beyond its three.
  public var values: [(name: String, value: Double)] {
    let prefix = "allocator/mesos/"
    var values: [(name: String, value: Double)] = [
      (prefix + "allocation_runs", Double(allocationRuns)), (prefix + "allocations", Double(allocations)),
      (prefix + "inverse_allocations", Double(inverseAllocations)),
    ]
    for resource in resources {
      values.append((prefix + "resources/\(resource.name)/total", resource.total.doubleValue))
      values.append(
        (prefix + "resources/\(resource.name)/offered_or_allocated", resource.offeredOrAllocated.doubleValue))
    }
    for role in roles {
      values.append((prefix + "roles/\(role.path)/shares/dominant", role.dominantShare))
      values.append((prefix + "offer_filters/roles/\(role.path)/active", Double(role.offerFilters)))
      for quota in role.quotas {
        let name = prefix + "quota/roles/\(role.path)/resources/\(quota.name)/"
        if let guarantee = quota.guarantee { values.append((name + "guarantee", guarantee.doubleValue)) }
        if let limit = quota.limit { values.append((name + "limit", limit.doubleValue)) }
        values.append((name + "offered_or_allocated", quota.offeredOrAllocated.doubleValue))
      }
    }
    return values.sorted { $0.name < $1.name }
  }
}

extension Allocator {
  /// What the allocator counts at present.
  /// - Complexity: O(*f* + *r* log *r*) in refusals in force and roles.
  public var metrics: AllocatorMetrics {
    var filters: [Int: Int] = [:]
    var suppressed: [Int: [FrameworkKey]] = [:]
    for number in clients.indices {
      let client = clients[number]
      let ofClient = client.filteredAgents.reduce(0) { $0 + (agents[$1].filters[number]?.count ?? 0) }
      filters[client.role, default: 0] += ofClient
      if client.isSubscribed, client.isSuppressed {
        suppressed[client.role, default: []].append(frameworks[client.framework].id)
      }
    }
    let held = roles[root].subtree
    let shown = Set(names.indices.filter { totals[$0] != 0 }.map { names[$0] }).union(["cpus", "disk", "mem"])
    return AllocatorMetrics(
      allocationRuns: cycleNumber, allocations: allocationCount, inverseAllocations: inverseAllocationCount,
      resources: shown.sorted().map { name in
        let number = nameNumber(name)
        return AllocatorMetrics.Resource(
          name: name, total: Scalar(thousandths: number.map { totals[$0] } ?? 0),
          offeredOrAllocated: Scalar(thousandths: number.map { held[$0] } ?? 0))
      },
      roles: roleNumbers.sorted { $0.key < $1.key }.map { path, number in
        AllocatorMetrics.Role(
          path: path, dominantShare: dominantShare(roles[number].subtree), offerFilters: filters[number] ?? 0,
          suppressedFrameworks: (suppressed[number] ?? []).sorted(), quotas: quotaMetrics(path, number))
      })
  }

  private func quotaMetrics(_ path: String, _ role: Int) -> [AllocatorMetrics.Quota] {
    guard let quota = roles[role].quota else { return [] }
    let guarantees = names.indices.filter { quota.guarantees[$0] > 0 }
    let limits = Dictionary(quota.limits.map { ($0.name, $0.amount) }) { first, _ in first }
    return Set(guarantees + Array(limits.keys)).sorted { names[$0] < names[$1] }.map { name in
      AllocatorMetrics.Quota(
        name: names[name], guarantee: quota.guarantees[name] > 0 ? Scalar(thousandths: quota.guarantees[name]) : nil,
        limit: limits[name].map { Scalar(thousandths: $0) },
        offeredOrAllocated: Scalar(thousandths: roles[role].subtree[name]),
        consumed: Scalar(thousandths: roles[role].consumed[name]))
    }
  }
}
