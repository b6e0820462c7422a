import MesosAllocator
import MesosAuthorization
import MesosModel
import SwiftProtobuf

// What roles are guaranteed and may have at most.
extension MasterCore {
  /// Which offers are taken back so that a new quota can take effect.
  enum QuotaRescission: Sendable {
    /// Those of the roles beyond their limits, then those of others until the guarantees can be met.
    case toFit
    /// All of as many agents as it takes to have this much, and one for each framework of the role.
    case toGuarantee(role: String, ResourceQuantities)
    case none
  }

  var quotaContext: QuotaContext {
    QuotaContext(
      rules: .apacheMesos, whitelist: roleWhitelist, capacity: QuotaContext.capacity(of: agents.values.map(\.total)),
      consumption: quotaConsumption)
  }

  /// What roles use and have reserved; offers do not count.
  var quotaConsumption: QuotaConsumption {
    QuotaConsumption(agents.values.map { QuotaCharge(total: $0.total, allocated: $0.allocated) })
  }

  // MARK: Calls

  mutating func updateQuota(
    _ call: MasterCall.UpdateQuota, principal: Principal?, token: CallToken, at now: Moment
  ) -> CallAnswer? {
    let updated: QuotaTree
    do {
      updated = try quotas.updating(call.quotaConfigs, in: quotaContext, force: call.force)
    } catch {
      return .rejected(status: 400, text: error.message)
    }
    var seen: Set<String> = []
    let roles = call.quotaConfigs.map(\.role).filter { seen.insert($0).inserted }
    guard roles.allSatisfy({ permits(.updateQuota, by: principal, on: $0) }) else { return .forbidden }
    return stage(updated, roles, .toFit, token: token, at: now)
  }

  mutating func setQuota(
    _ request: QuotaRequest, principal: Principal?, token: CallToken, at now: Moment
  ) -> CallAnswer? {
    let isPermitted = permits(.updateQuota, by: principal, on: request.role)
    let updated: QuotaTree
    do {
      updated = try quotas.setting(request, in: quotaContext)
    } catch {
      guard error.code == .overcommit else { return .rejected(status: 400, text: error.message) }
      return isPermitted ? .rejected(status: 409, text: error.message) : .forbidden
    }
    guard isPermitted else { return .forbidden }
    let guarantees = updated[request.role].guarantees
    return stage(
      updated, [request.role], .toGuarantee(role: request.role, guarantees), token: token, at: now)
  }

  mutating func removeQuota(
    _ role: String, principal: Principal?, token: CallToken, at now: Moment
  ) -> CallAnswer? {
    let updated: QuotaTree
    do {
      updated = try quotas.removing(role)
    } catch {
      return .rejected(status: 400, text: error.message)
    }
    guard permits(.updateQuota, by: principal, on: role) else { return .forbidden }
    return stage(updated, [role], .none, token: token, at: now)
  }

  private mutating func stage(
    _ updated: QuotaTree, _ roles: [String], _ rescission: QuotaRescission, token: CallToken, at now: Moment
  ) -> CallAnswer? {
    var operations: [RegistryOperation] = []
    for role in roles {
      let quota = updated[role]
      if !quota.isNone { operations.append(.setQuota(role, quota)) }
      if quota.isNone, !quotas[role].isNone { operations.append(.removeQuota(role)) }
    }
    if quotas.isEmpty, !updated.isEmpty { operations.append(.requireCapability(MasterCapability.quotaV2)) }
    if !quotas.isEmpty, updated.isEmpty { operations.append(.releaseCapability(MasterCapability.quotaV2)) }
    return stage(operations, .quota(roles.map { ($0, updated[$0]) }, rescission), token: token, at: now)
  }

  // MARK: Taking effect

  mutating func apply(_ changes: [(role: String, quota: Quota)], _ rescission: QuotaRescission, at now: Moment) {
    for (role, quota) in changes {
      quotas[role] = quota
      allocator.limit(role, to: quota)
      change(.quota(role, quota))
    }
    switch rescission {
    case .toFit: for (role, quota) in changes { rescind(toFit: quota, of: role, at: now) }
    case .toGuarantee(let role, let guarantees): rescind(toHave: guarantees, for: role, at: now)
    case .none: break
    }
    requestCycle()
  }

  /// - Source: Apache Mesos, `master/quota_handler.cpp`, `_update`. What is reserved and offered counts twice there and here, so that a
  ///   little more may be taken back than it takes.
  private mutating func rescind(toFit quota: Quota, of role: String, at now: Moment) {
    let all = offers.values.sorted { $0.number < $1.number }
    let own = all.filter { RoleName.isInSubtree($0.role, of: role) }
    var held = quotaConsumption[role]
    for offer in own { held += offer.resources.quantities }
    for offer in own {
      if quota.limits.contains(held) { break }
      held -= offer.resources.quantities
      removeOffers([offer.id], notify: true, at: now)
    }
    // What is free may be gone by now, so only what is taken back counts.
    for agent in allocator.agentIDs {
      for key in agents[agent]?.offers ?? [] {
        if (quota.guarantees - held).isEmpty { return }
        guard let offer = offers[key], !RoleName.isInSubtree(offer.role, of: role) else { continue }
        held += offer.resources.quantities
        removeOffers([key], notify: true, at: now)
      }
    }
  }

  /// - Source: Apache Mesos, `master/quota_handler.cpp`, `rescindOffers`.
  private mutating func rescind(toHave guarantees: ResourceQuantities, for role: String, at now: Moment) {
    let frameworksInRole = frameworks.values.count { $0.isConnected && $0.roles.contains(role) }
    var rescinded = ResourceQuantities()
    var visited = 0
    for agent in allocator.agentIDs {
      if (guarantees - rescinded).isEmpty, visited >= frameworksInRole { return }
      guard let tracked = agents[agent], tracked.isActive, !tracked.offers.isEmpty else { continue }
      for key in tracked.offers {
        if let offer = offers[key] { rescinded += offer.resources.quantities }
      }
      removeOffers(tracked.offers, notify: true, at: now)
      visited += 1
    }
  }
}
