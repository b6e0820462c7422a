import MasterCore
import MesosModel

/// What an operator was told has taken effect holds from then on, whatever becomes of the master.
struct OperatorChecker: Sendable {
  /// Agents that are not to be offered.
  private var withheld: Set<AgentKey> = []
  private var gone: Set<AgentKey> = []
  private var maintenance: MaintenancePlan?
  private var quotas: [String: Quota] = [:]
  private var weights: [String: Double] = [:]
  /// Calls without an answer.
  private var asked: [CallToken: MasterCall] = [:]

  mutating func asked(_ token: CallToken, _ call: MasterCall) { asked[token] = call }

  mutating func answered(_ token: CallToken, _ answer: CallAnswer) {
    guard let call = asked.removeValue(forKey: token), answer == .ok else { return }
    switch call.type {
    case .drainAgent: withheld.insert(call.drainAgent.agentID.key)
    case .deactivateAgent: withheld.insert(call.deactivateAgent.agentID.key)
    case .reactivateAgent: withheld.remove(call.reactivateAgent.agentID.key)
    case .markAgentGone: gone.insert(call.markAgentGone.agentID.key)
    case .updateMaintenanceSchedule:
      guard let plan = maintenance else { break }
      maintenance = MaintenancePlan(schedule: call.updateMaintenanceSchedule.schedule, down: plan.down)
    case .startMaintenance:
      guard let plan = maintenance else { break }
      maintenance = MaintenancePlan(
        schedule: plan.schedule, down: plan.down + call.startMaintenance.machines.map(MachineName.init))
    case .stopMaintenance:
      maintenance = maintenance?.removing(Set(call.stopMaintenance.machines.map(MachineName.init)))
    case .updateQuota:
      for config in call.updateQuota.quotaConfigs { quotas[config.role] = (try? Quota(config)) ?? Quota.none }
    case .updateWeights:
      for info in call.updateWeights.weightInfos { weights[info.role] = info.weight }
    default: break
    }
  }

  /// A new process of the master has read its registry.
  ///
  /// Calls that the one before did not answer may have taken effect or not.
  mutating func masterStarted(_ registry: RegistryContents) -> String? {
    for call in asked.values { doubt(call) }
    asked = [:]
    for id in withheld.sorted() where registry.agents[id] != nil {
      guard registry.conditions[id]?.isDeactivated ?? false else {
        return "agent \(id) was deactivated, and the registry does not know it"
      }
    }
    for id in gone.sorted() where registry.goneAgents[id] == nil {
      return "agent \(id) was marked as gone, and the registry does not know it"
    }
    if let maintenance, registry.maintenance != maintenance {
      return "the schedule is \(maintenance), and the registry has \(registry.maintenance)"
    }
    maintenance = registry.maintenance
    for (role, quota) in quotas.sorted(by: { $0.key < $1.key }) where registry.quotas[role] ?? .none != quota {
      return "the quota of role \(role) is not in the registry"
    }
    for (role, weight) in weights.sorted(by: { $0.key < $1.key }) where registry.weights[role] != weight {
      return "the weight of role \(role) is not in the registry"
    }
    return nil
  }

  private mutating func doubt(_ call: MasterCall) {
    switch call.type {
    case .reactivateAgent: withheld.remove(call.reactivateAgent.agentID.key)
    case .updateMaintenanceSchedule, .startMaintenance, .stopMaintenance: maintenance = nil
    case .updateQuota: for config in call.updateQuota.quotaConfigs { quotas[config.role] = nil }
    case .updateWeights: for info in call.updateWeights.weightInfos { weights[info.role] = nil }
    default: break
    }
  }

  func check(_ kind: Change.Kind) -> String? {
    switch kind {
    case .agent(let row) where gone.contains(row.id): return "agent \(row.id) was marked as gone and is back"
    case .offer(let offer):
      let id = offer.agentID.key
      if withheld.contains(id) { return "agent \(id) is deactivated and offered" }
      if gone.contains(id) { return "agent \(id) is gone and offered" }
      guard let maintenance else { return nil }
      let machine = MachineName(hostname: offer.hostname, ip: offer.url.address.ip)
      if maintenance.isDown(machine) { return "agent \(id) is on a machine that is down, and offered" }
      let planned = maintenance.unavailability(of: machine)
      return planned == (offer.hasUnavailability ? offer.unavailability : nil)
        ? nil : "an offer of agent \(id) does not tell when it will be out of use"
    default: return nil
    }
  }
}
