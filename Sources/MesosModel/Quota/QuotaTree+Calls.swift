extension QuotaTree {
  /// The quotas after UPDATE_QUOTA: all of `configs` or none.
  ///
  /// - Parameters:
  ///   - configs: The new quota of each role, in place of its old one; of two for one role the last holds, and one that says nothing
  ///     removes the quota.
  ///   - context: What the quotas are checked against.
  ///   - force: Whether limits may be below what roles consume, and guarantees beyond what the cluster has.
  /// - Throws: `QuotaError` with the message that Apache Mesos answers.
  /// - Source: Apache Mesos, `Master::QuotaHandler::update`.
  public func updating(
    _ configs: [QuotaConfig], in context: QuotaContext, force: Bool = false
  ) throws(QuotaError) -> QuotaTree {
    let attempt = "Invalid QuotaConfig: "
    var updated = self
    var changes: [(role: String, quota: Quota)] = []
    for config in configs {
      if let whitelist = context.whitelist, !whitelist.contains(config.role) {
        throw QuotaError(
          .unknownRole, "\(attempt)'\(config.role)' is not on the roles whitelist", role: config.role)
      }
      if !context.rules.allowsNestedRoles, RoleName.isNested(config.role) {
        throw QuotaError(
          .nestedRole, "Updating quota on nested role '\(config.role)' is not supported yet", role: config.role)
      }
      do { changes.append((config.role, try Quota(config))) } catch { throw error.during(attempt) }
    }
    for (role, quota) in changes {
      let consumed = context.consumption[role]
      if !force, let limit = quota.limits.limits.first(where: { consumed[$0.name] > $0.amount }) {
        throw QuotaError(
          .belowConsumption,
          "\(attempt)Role '\(role)' is already consuming '\(consumed)'; this is more than the requested limits"
            + " '\(quota.limits)' (use 'force' flag to bypass this check)", role: role, resource: limit.name)
      }
      updated[role] = quota
    }
    do { try updated.validate() } catch { throw error.during(attempt) }
    if !force {
      do { try updated.validate(capacity: context.capacity) } catch {
        throw QuotaError(
          error.code,
          "\(attempt)total quota guarantees '\(updated.totalGuarantees)' exceed cluster capacity"
            + " '\(context.capacity)' (use 'force' flag to bypass this check)", resource: error.resource)
      }
    }
    return updated
  }

  /// The quotas after SET_QUOTA, the call of before Mesos 1.9: what is guaranteed is the limit too.
  ///
  /// - Parameters:
  ///   - request: The role and what it is guaranteed; `force` in it overrides the check against what the cluster has.
  ///   - context: What the quotas are checked against.
  /// - Throws: `QuotaError` with the message that Apache Mesos answers; with code `.overcommit` the answer is a conflict.
  /// - Source: Apache Mesos, `Master::QuotaHandler::_set`.
  public func setting(_ request: QuotaRequest, in context: QuotaContext) throws(QuotaError) -> QuotaTree {
    let attempt = "Failed to validate set quota request: "
    let role = request.role
    let quota: Quota
    do { quota = try Quota(request, counting: context.rules.counting) } catch { throw error.during(attempt) }
    if let whitelist = context.whitelist, !whitelist.contains(role) {
      throw QuotaError(.unknownRole, "\(attempt)Unknown role '\(role)'", role: role)
    }
    guard self[role].isNone else {
      throw QuotaError(
        .alreadySet, "\(attempt)Cannot set quota for role '\(role)' which already has quota", role: role)
    }
    var updated = self
    updated[role] = quota
    do { try updated.validate() } catch { throw error.during(attempt) }
    if !context.rules.allowsNestedRoles, RoleName.isNested(role) {
      throw QuotaError(.nestedRole, "Setting quota on nested role '\(role)' is not supported yet", role: role)
    }
    if !request.force {
      do { try updated.validate(capacity: context.capacity) } catch {
        throw error.during("Quota guarantees overcommit the cluster (use 'force' to bypass this check): ")
      }
    }
    return updated
  }

  /// The quotas after REMOVE_QUOTA.
  ///
  /// - Throws: `QuotaError` with code `.notSet` when `role` has none, or `.childrenAboveParent` when roles below it are guaranteed
  ///   something. Apache Mesos ends its master process where the v1 call names a role without quota.
  /// - Source: Apache Mesos, `Master::QuotaHandler::remove`.
  public func removing(_ role: String) throws(QuotaError) -> QuotaTree {
    let attempt = "Failed to remove quota: "
    guard !self[role].isNone else {
      throw QuotaError(.notSet, "\(attempt)Role '\(role)' has no quota set", role: role)
    }
    var updated = self
    updated[role] = .none
    do { try updated.validate() } catch { throw error.during(attempt) }
    return updated
  }
}
