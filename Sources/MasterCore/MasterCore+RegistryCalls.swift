import DequeModule
import MesosAllocator
import MesosModel
import SwiftProtobuf

// Calls of operators whose effect must outlive the master. One is on its way to the registry at a time, so that each is judged by what
// the one before left; the others wait their turn.
extension MasterCore {
  /// What an operator asked for and was found in order, while the registry is told.
  enum OperatorChange: Sendable {
    case quota([(role: String, quota: Quota)], QuotaRescission)
    case weights([WeightInfo])
    case condition(AgentKey, AgentCondition?, ConditionChange)
    case gone(AgentKey, since: Int64)
    case maintenance(MaintenancePlan, MaintenanceChange)

    /// The agent that it is about.
    var agent: AgentKey? {
      switch self {
      case .condition(let id, _, _), .gone(let id, _): id
      case .quota, .weights, .maintenance: nil
      }
    }
  }

  /// Calls of operators on their way to the registry.
  struct RegistryCalls: Sendable {
    /// Further ones are refused: operators are few.
    static let waitingMax = 1_000

    var isWriting = false
    /// The agent that the present call is about.
    var agent: AgentKey?
    var waiting: Deque<(call: MasterCall, principal: Principal?, token: CallToken)> = []
  }

  /// Takes a call that changes the registry.
  ///
  /// - Returns: What its sender is told, where that need not wait for the registry.
  mutating func changeRegistry(
    _ call: MasterCall, principal: Principal?, token: CallToken, at now: Moment
  ) -> CallAnswer? {
    guard permits(aboutAgents: call, by: principal) else { return .forbidden }
    guard registryCalls.isWriting else { return decide(call, principal: principal, token: token, at: now) }
    guard registryCalls.waiting.count < RegistryCalls.waitingMax else {
      return .rejected(status: 503, text: "Too many calls wait for the registry")
    }
    registryCalls.waiting.append((call, principal, token))
    return nil
  }

  private mutating func decide(
    _ call: MasterCall, principal: Principal?, token: CallToken, at now: Moment
  ) -> CallAnswer? {
    switch call.type {
    case .updateQuota: updateQuota(call.updateQuota, principal: principal, token: token, at: now)
    case .setQuota: setQuota(call.setQuota.quotaRequest, principal: principal, token: token, at: now)
    case .removeQuota: removeQuota(call.removeQuota.role, principal: principal, token: token, at: now)
    case .updateWeights: updateWeights(call.updateWeights.weightInfos, principal: principal, token: token, at: now)
    case .drainAgent: drain(call.drainAgent, token: token, at: now)
    case .deactivateAgent: deactivate(call.deactivateAgent.agentID.key, token: token, at: now)
    case .reactivateAgent: reactivate(call.reactivateAgent.agentID.key, token: token, at: now)
    case .markAgentGone: markGone(call.markAgentGone.agentID.key, token: token, at: now)
    case .updateMaintenanceSchedule:
      updateSchedule(call.updateMaintenanceSchedule.schedule, principal: principal, token: token, at: now)
    case .startMaintenance:
      startMaintenance(call.startMaintenance.machines, principal: principal, token: token, at: now)
    case .stopMaintenance: stopMaintenance(call.stopMaintenance.machines, principal: principal, token: token, at: now)
    default: .rejected(status: 501, text: "")
    }
  }

  /// Has the registry told of a change that an operator asked for; nothing of it shows before.
  mutating func stage(
    _ operations: [RegistryOperation], _ change: OperatorChange, token: CallToken, at now: Moment
  ) -> CallAnswer? {
    guard !operations.isEmpty else { return apply(change, at: now) }
    registryCalls.isWriting = true
    registryCalls.agent = change.agent
    persist(operations, then: .call(change, token))
    return nil
  }

  /// Brings about what is durable by now.
  private mutating func apply(_ change: OperatorChange, at now: Moment) -> CallAnswer {
    switch change {
    case .quota(let quotas, let rescission): apply(quotas, rescission, at: now)
    case .weights(let infos): apply(infos, at: now)
    case .condition(let id, let condition, let change): return apply(condition, to: id, change, at: now)
    case .gone(let id, let since): gone(id, since: since, at: now)
    case .maintenance(let plan, let change): apply(plan, change, at: now)
    }
    return .ok
  }

  mutating func callPersisted(_ change: OperatorChange, _ token: CallToken, at now: Moment) {
    registryCalls.agent = nil
    answer(token, apply(change, at: now))
    decideNext(after: change, at: now)
  }

  mutating func callFailed(_ change: OperatorChange, _ token: CallToken, message: String, at now: Moment) {
    registryCalls.agent = nil
    switch change {
    case .gone(let id, _): releaseFromGone(id, at: now)
    case .maintenance(_, let change): release(change, at: now)
    case .quota, .weights, .condition: break
    }
    answer(token, .rejected(status: 503, text: "The registry cannot be written: \(message)"))
    decideNext(after: change, at: now)
  }

  private mutating func decideNext(after change: OperatorChange, at now: Moment) {
    registryCalls.isWriting = false
    if let id = change.agent { checkDrained(id, at: now) }
    while !registryCalls.isWriting, let next = registryCalls.waiting.popFirst() {
      let answered = decide(next.call, principal: next.principal, token: next.token, at: now)
      if let answered { answer(next.token, answered) }
    }
  }
}
