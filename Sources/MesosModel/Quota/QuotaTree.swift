import SwiftProtobuf

/// The quotas of roles, in the tree that their names make.
///
/// What a role is guaranteed contains what the roles below it are guaranteed, so guarantees of a parent and its children do not add
/// up, and what a role is limited to limits everything below it.
///
/// - Source: Apache Mesos, `master/quota_handler.cpp`, `QuotaTree`, which knows guarantees alone.
public struct QuotaTree: Hashable, Sendable {
  private var quotas: RoleTree<Quota> = [:]

  /// No quotas.
  public init() {}

  /// The quota of `role`, ``Quota/none`` when it has none; setting that removes it.
  public subscript(role: String) -> Quota {
    get { quotas[role] ?? .none }
    set { quotas[role] = newValue.isNone ? nil : newValue }
  }

  /// Whether no role has a quota.
  public var isEmpty: Bool { quotas.isEmpty }

  /// The roles that have a quota, each before those below it.
  public var entries: [(role: String, quota: Quota)] { quotas.entries().map { ($0.role, $0.value) } }

  /// The roles that have a quota and those above them, each before those below it.
  public var roles: [String] { quotas.roles() }

  /// The roles just below `role` that have a quota or a role below them that has one, in ascending order; those at the top for nil.
  public func children(of role: String?) -> [String] { quotas.children(of: role) }

  /// Whether `role`, or a role below it, has a quota.
  public func contains(_ role: String) -> Bool { quotas.contains(role) }

  /// What is guaranteed in all.
  ///
  /// The guarantees of roles at the top; those of roles below are within them where ``validate()`` finds no error, and elsewhere the
  /// larger of what a role and what its children are guaranteed counts.
  public var totalGuarantees: ResourceQuantities {
    var totals: [String: ResourceQuantities] = [:]
    var total: ResourceQuantities = [:]
    for role in roles.reversed() {
      let own = ResourceQuantities.pointwiseMax(totals[role] ?? [:], self[role].guarantees)
      if let parent = RoleName.parent(of: role) { totals[parent, default: [:]] += own } else { total += own }
    }
    return total
  }

  /// The limits that hold for `role`: its own and those of all roles above it.
  public func effectiveLimits(of role: String) -> ResourceLimits {
    var limits = self[role].limits
    for (_, quota) in quotas.ancestors(of: role) { limits = .tightest(limits, quota.limits) }
    return limits
  }

  /// The quotas as GET_QUOTA answers them, in ascending order of roles.
  public var status: QuotaStatus {
    QuotaStatus.with {
      for (role, quota) in entries {
        $0.infos.append(quota.info(role: role))
        $0.configs.append(quota.config(role: role))
      }
    }
  }
}
