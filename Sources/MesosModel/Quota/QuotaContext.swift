/// What a change of quotas is checked against.
public struct QuotaContext: Sendable {
  /// Which quotas are possible.
  public var rules: QuotaRules
  /// The roles that may be used, nil when all may.
  public var whitelist: RoleWhitelist?
  /// What all agents have that is not revocable, also those that are disconnected for the moment; see
  /// ``capacity(of:counting:)``.
  public var capacity: ResourceQuantities
  /// What roles consume; offers do not count.
  public var consumption: QuotaConsumption

  /// A context of the given parts.
  public init(
    rules: QuotaRules = .apacheMesos, whitelist: RoleWhitelist? = nil, capacity: ResourceQuantities,
    consumption: QuotaConsumption = QuotaConsumption()
  ) {
    self.rules = rules
    self.whitelist = whitelist
    self.capacity = capacity
    self.consumption = consumption
  }

  /// What agents have that is not revocable.
  ///
  /// - Parameters:
  ///   - agents: All that each agent has.
  ///   - counting: Which kinds of resources count.
  public static func capacity(
    of agents: some Sequence<Resources>, counting: ResourceCounting = .scalars
  ) -> ResourceQuantities {
    agents.reduce(into: [:]) { $0 += ResourceQuantities($1.nonRevocable, counting: counting) }
  }
}
