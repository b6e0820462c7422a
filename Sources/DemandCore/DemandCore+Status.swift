public import MesosModel

extension DemandCore {
  /// The demands, by name.
  public func statuses(at now: Moment) -> [DemandStatus] {
    demands.keys.sorted().compactMap { demands[$0]?.status(at: now.uptime) }
  }

  /// One demand.
  public func status(of name: String, at now: Moment) -> DemandStatus? { demands[name]?.status(at: now.uptime) }

  /// The instances of a demand, or of all, by their ids.
  public func instances(of name: String? = nil, at now: Moment) -> [InstanceStatus] {
    let names = name.map { [$0] } ?? demands.keys.sorted()
    return names.flatMap { name -> [InstanceStatus] in
      guard let state = demands[name] else { return [] }
      return state.instances.keys.sorted().compactMap { state.status(of: $0, at: now.uptime) }
    }
  }

  /// The demands that are wanted, by name; those on their way out are not among them.
  public var declared: [Demand] {
    demands.keys.sorted().compactMap { name in
      guard let state = demands[name], !state.isRemoved else { return nil }
      return state.demand
    }
  }

  /// The roles that get no offers now, sorted.
  public var suppressedRoles: [String] { configuration.roles.filter { roles[$0]?.isSuppressed ?? false }.sorted() }

  /// The roles that want an instance now or within ``Configuration/offerHoldMax``, sorted.
  public func wantingRoles(at now: Moment) -> [String] {
    configuration.roles.filter { !wanting($0, at: now.uptime).isEmpty }.sorted()
  }

  /// The offers that are held, sorted.
  public var heldOffers: [OfferKey] { offers.keys.sorted() }
}
