import AgentLinkModel
import MasterCore
import MesosModel

/// Nothing that depends on a write of the registry leaves the master before it is durable.
struct RegistryChecker: Sendable {
  private var registry = RegistryContents()
  /// Agents that one of the writes told of last was about, though a later one may have changed that again.
  private var passed: Set<AgentKey> = []
  private var last: UInt64 = 0
  /// What the registry held at the start of the process is known to readers from the first moment.
  private var weights: [String: Double] = [:]

  /// - Parameters:
  ///   - contents: What the registry holds.
  ///   - configuration: What the master is told beside it.
  mutating func started(_ contents: RegistryContents, _ configuration: MasterCore.Configuration) {
    registry = contents
    passed = []
    last = 0
    weights = configuration.weights
    quotas = configuration.quotas
  }

  private var quotas: [String: Quota] = [:]

  mutating func durable(_ operations: [RegistryOperation]) {
    passed = []
    for operation in operations {
      registry.apply(operation)
      switch operation {
      case .markUnreachable(let id, _, _), .removeAgent(let id), .markGone(let id, _): passed.insert(id)
      default: break
      }
    }
  }

  private func isAdmitted(_ id: AgentKey) -> Bool { registry.agents[id].map { $0.unreachableSince == nil } ?? false }

  private func isUnreachable(_ id: AgentKey) -> Bool { registry.agents[id]?.unreachableSince != nil }

  mutating func check(_ directive: MasterCore.Directive) -> String? {
    switch directive {
    case .persist(_, let number):
      last += 1
      return number == last ? nil : "registry write \(number) came as number \(last)"
    case .changed(let change): return check(change.kind)
    case .sendToAgent(_, .registered(let message)) where !isAdmitted(AgentKey(message.agentID)):
      return "agent \(message.agentID) is told of an admission that is not durable"
    case .sendToAgent(_, .drainAgent(let message))
    where message.hasConfig && !registry.conditions.values.contains { $0.drain?.config == message.config }:
      return "an agent is told to drain, and the registry does not hold that it is drained"
    case .send(_, let event) where event.type == .update:
      let status = event.update.status
      let agent = status.agentID.key
      if status.hasReason, status.reason == .agentRemovedByOperator, registry.goneAgents[agent] == nil {
        return "task \(status.taskID.value) is said to be gone, and the registry does not know that its agent is"
      }
      guard status.hasUnreachableTime, !isUnreachable(agent), !passed.contains(agent) else { return nil }
      return "task \(status.taskID.value) is said to be unreachable, and the registry does not know it"
    case .send(_, let event) where event.type == .failure && !event.failure.hasExecutorID:
      let agent = event.failure.agentID.key
      guard isAdmitted(agent), !passed.contains(agent) else { return nil }
      return "agent \(agent) is said to be lost, and the registry holds it as reachable"
    default: return nil
    }
  }

  private func check(_ kind: Change.Kind) -> String? {
    switch kind {
    case .agent(let row) where !isAdmitted(row.id):
      "agent \(row.id) is shown, and the registry does not hold it"
    case .agentStatus(let id, let status)
    where status.deactivated != (registry.conditions[id]?.isDeactivated ?? false)
      && !(status.deactivated == false && passed.contains(id)):
      "agent \(id) is shown as deactivated \(status.deactivated), and the registry says otherwise"
    case .agentRemoved(let id) where isAdmitted(id) && !passed.contains(id):
      "agent \(id) is removed, and the registry holds it as reachable"
    case .recoveredAgentRemoved(let id) where registry.agents[id] == nil && !passed.contains(id):
      "agent \(id) is forgotten before the registry was told"
    case .offer(let offer) where !isAdmitted(offer.agentID.key):
      "an offer of agent \(offer.agentID.value), which the registry does not hold"
    case .quota(let role, let quota)
    where (registry.quotas[role] ?? quotas[role] ?? .none) != quota && !(quota.isNone && registry.quotas[role] == nil):
      "the quota of role \(role) is shown as it is not in the registry"
    case .roleWeight(let role, let weight) where registry.weights[role] ?? weights[role] != weight:
      "the weight of role \(role) is shown as it is not in the registry"
    case .maintenance(let plan) where registry.maintenance != plan:
      "a schedule of maintenance is shown that is not in the registry"
    default: nil
    }
  }
}
