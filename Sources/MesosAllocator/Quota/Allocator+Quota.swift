public import MesosModel

extension Allocator {
  /// Replaces the quotas of all roles.
  ///
  /// Guarantees and limits hold for a role with all roles below it, at whatever depth it is. Scalars alone count.
  /// - Throws: `AllocationError` with code `.invalidRole` or `.invalidQuota`; whether the quotas fit each other and the cluster is for
  ///   whoever sets them to say, see `QuotaTree.validate()`.
  /// - Complexity: O(*r* · *d*) in roles with a quota and their depth.
  public mutating func setQuotas(_ quotas: QuotaTree) throws(AllocationError) {
    for (role, quota) in quotas.entries { try Allocator.validate(quota, of: role) }
    let old = self.quotas
    self.quotas = quotas
    for (role, quota) in quotas.entries where old[role] != quota { install(quota, for: role) }
    for (role, _) in old.entries where quotas[role].isNone { install(.none, for: role) }
  }

  /// Replaces the quota of one role, `Quota.none` to remove it.
  /// - Throws: `AllocationError` with code `.invalidRole` or `.invalidQuota`.
  public mutating func setQuota(role: String, _ quota: Quota) throws(AllocationError) {
    try Allocator.validate(quota, of: role)
    guard quotas[role] != quota else { return }
    quotas[role] = quota
    install(quota, for: role)
  }

  /// What a role is charged with, with the roles below it: what is allocated to it, and what is reserved to it and not allocated.
  ///
  /// What is allocated includes what is offered. Equal to `QuotaConsumption` over all agents.
  public func consumedQuantities(role: String) -> ResourceQuantities {
    roleNumbers[role].map { quantities(roles[$0].consumed) } ?? ResourceQuantities()
  }

  /// What is neither reserved, nor allocated, nor revocable, over all agents.
  public var availableHeadroom: ResourceQuantities { quantities(openAmounts) }

  /// What of ``availableHeadroom`` has to be held back for guarantees that are not met yet.
  public var requiredHeadroom: ResourceQuantities { quantities(roles[root].requiredBelow) }

  private static func validate(_ quota: Quota, of role: String) throws(AllocationError) {
    try validate(role: role)
    do { try quota.validate(role: role) } catch { throw AllocationError(.invalidQuota, error.message) }
  }

  private mutating func install(_ quota: Quota, for path: String) {
    let role = makeRole(path)
    let hadQuota = roles[role].quota != nil
    if quota.isNone {
      roles[role].quota = nil
    } else {
      roles[role].quota = QuotaVectors(
        guarantees: vector(quota.guarantees),
        limits: quota.limits.limits.map { (number(ofName: $0.name), $0.amount.thousandths) })
    }
    let change = (quota.isNone ? 0 : 1) - (hadQuota ? 1 : 0)
    roles[role].references += change
    quotaCount += change
    var node = role
    while let parent = roles[node].parent {
      roles[node].quotaCount += change
      updateRequired(node, below: parent)
      node = parent
    }
    isAllDirty = true
    prune(role: role)
  }

  // MARK: How much a role may be offered

  /// What is available and not required: any role may have it.
  var surplus: AmountVector { (openAmounts - roles[root].requiredBelow).positivePart }

  /// What a role may get of open resources.
  ///
  /// - Returns: The part that meets guarantees, and all.
  /// - Source: `QuotaHeadroom.offering(of:to:)`, which says why.
  func quotaOffering(of open: AmountVector, to role: Int) -> (guaranteed: AmountVector, total: AmountVector) {
    let (guaranteed, capped) = limitedOffering(of: open, to: role)
    let rest = capped - guaranteed
    return (guaranteed, guaranteed + (roles[root].requiredBelow.isZero ? rest : AmountVector.min(rest, surplus)))
  }

  /// What the limits of a role, and of those above it, let it have of open resources, and what of that meets guarantees.
  func limitedOffering(of open: AmountVector, to role: Int) -> (guaranteed: AmountVector, capped: AmountVector) {
    var capped = open
    var claim = AmountVector()
    // What is required for the step before on the way up, and what of that is so whatever the role gets.
    var (required, ofOthers) = (AmountVector(), AmountVector())
    var node = role
    while let parent = roles[node].parent {
      defer { node = parent }
      guard roles[node].quotaCount > 0 else { continue }
      ofOthers = roles[node].requiredBelow - required + ofOthers
      required = roles[node].required
      claim = (required - ofOthers).positivePart
      guard let quota = roles[node].quota else { continue }
      for (name, limit) in quota.limits {
        let free = max(limit &- roles[node].consumed[name], 0)
        // Where a limit was forced below what is needed under it, first come is first served.
        let most = free < required[name] ? min(free, claim[name]) : free - ofOthers[name]
        if capped[name] > most { capped[name] = most }
      }
    }
    return (AmountVector.min(capped, claim), capped)
  }

  /// What of `resources` is open to all, by amounts.
  func openAmounts(of resources: Resources) -> AmountVector {
    var amounts = AmountVector()
    for entry in resources.entries where !entry.isReserved && !entry.isRevocable {
      if case .scalar(let scalar) = entry.amount { amounts.add(scalar.thousandths, at: nameNumber(entry.name) ?? 0) }
    }
    return amounts
  }

  /// `resources` with no more of what is open than `most`.
  func chopped(_ resources: Resources, to most: AmountVector) -> Resources {
    func isCharged(_ entry: Resources.Entry) -> Bool { QuotaHeadroom.isCharged(entry) }
    return resources.filter { !isCharged($0) } + resources.filter(isCharged).shrunk(to: quantities(most))
  }
}
