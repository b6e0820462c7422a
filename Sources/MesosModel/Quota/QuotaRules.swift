/// Which quotas are possible.
public struct QuotaRules: Hashable, Sendable {
  /// Whether roles below others, such as `eng/web`, may have a quota.
  public var allowsNestedRoles: Bool
  /// What quotas can be about.
  public var counting: ResourceCounting

  /// Rules of the given kind.
  public init(allowsNestedRoles: Bool, counting: ResourceCounting) {
    self.allowsNestedRoles = allowsNestedRoles
    self.counting = counting
  }

  /// The rules of Apache Mesos 1.11: roles at the top, scalars.
  public static let apacheMesos = QuotaRules(allowsNestedRoles: false, counting: .scalars)

  /// Every role may have a quota, and ranges and sets count by their size: `ports` of 100 are any hundred ports.
  public static let extended = QuotaRules(allowsNestedRoles: true, counting: .everything)
}
