extension QuotaTree {
  /// Checks each quota for itself and against those around it.
  ///
  /// - No role is guaranteed more than its limits let it have.
  /// - What a role is guaranteed contains the sum of what the roles just below it are guaranteed.
  /// - No role has a limit above that of a role above it; a role without a limit has that of the roles above it.
  ///
  /// - Throws: `QuotaError` about the first in the order of roles, in the words of Apache Mesos for the rule that it has.
  public func validate() throws(QuotaError) {
    for (role, quota) in entries { try quota.validate(role: role) }
    for role in roles { try validateChildren(of: role) }
    for (role, quota) in entries { try validateLimits(of: role, quota.limits) }
  }

  /// Checks that no more is guaranteed than `capacity`.
  /// - Throws: `QuotaError` with code `.overcommit`.
  public func validate(capacity: ResourceQuantities) throws(QuotaError) {
    let total = totalGuarantees
    guard let excess = (total - capacity).quantities.first else { return }
    throw QuotaError(
      .overcommit, "Total quota guarantees '\(total)' exceed cluster capacity '\(capacity)'", resource: excess.name)
  }

  private func validateChildren(of role: String) throws(QuotaError) {
    var sum: ResourceQuantities = [:]
    for child in children(of: role) { sum += self[child].guarantees }
    let own = self[role].guarantees
    guard let excess = (sum - own).quantities.first else { return }
    throw QuotaError(
      .childrenAboveParent,
      "Invalid quota configuration. Parent role '\(role)' with guarantees (\(own)) does not contain the sum of its children's"
        + " guarantees (\(sum))", role: role, resource: excess.name)
  }

  private func validateLimits(of role: String, _ limits: ResourceLimits) throws(QuotaError) {
    for ancestor in RoleName.ancestors(of: role) {
      let bounds = self[ancestor].limits
      for limit in limits.limits {
        guard let bound = bounds[limit.name], bound < limit.amount else { continue }
        throw QuotaError(
          .limitAboveAncestor,
          "Invalid quota configuration. Role '\(role)' with limits (\(limits)) may have more '\(limit.name)' than its ancestor"
            + " '\(ancestor)' with limits (\(bounds))", role: role, resource: limit.name)
      }
    }
  }
}
