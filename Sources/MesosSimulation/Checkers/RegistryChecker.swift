import AgentLinkModel
import MasterCore
import MesosModel

/// Nothing that depends on a write of the registry leaves the master before it is durable.
struct RegistryChecker: Sendable {
  private enum Record: Sendable { case admitted, unreachable }
  private var registry: [AgentKey: Record] = [:]
  /// Agents that one of the writes told of last was about, though a later one may have changed that again.
  private var passed: Set<AgentKey> = []
  private var last: UInt64 = 0

  mutating func started(_ recovered: RecoveredRegistry) {
    registry = [:]
    passed = []
    last = 0
    for agent in recovered.agents { registry[agent.id] = agent.unreachableSince == nil ? .admitted : .unreachable }
  }

  mutating func durable(_ operations: [RegistryOperation]) {
    passed = []
    for operation in operations {
      switch operation {
      case .admitAgent(let id, _), .markReachable(let id, _): registry[id] = .admitted
      case .markUnreachable(let id, _, _):
        registry[id] = .unreachable
        passed.insert(id)
      case .removeAgent(let id):
        registry[id] = nil
        passed.insert(id)
      }
    }
  }

  mutating func check(_ directive: MasterCore.Directive) -> String? {
    switch directive {
    case .persist(_, let number):
      last += 1
      return number == last ? nil : "registry write \(number) came as number \(last)"
    case .changed(let change): return check(change.kind)
    case .sendToAgent(_, .registered(let message)) where registry[AgentKey(message.agentID)] != .admitted:
      return "agent \(message.agentID) is told of an admission that is not durable"
    case .send(_, let event) where event.type == .update:
      let agent = event.update.status.agentID.key
      guard event.update.status.hasUnreachableTime, registry[agent] != .unreachable, !passed.contains(agent) else {
        return nil
      }
      return "task \(event.update.status.taskID.value) is said to be unreachable, and the registry does not know it"
    case .send(_, let event) where event.type == .failure && !event.failure.hasExecutorID:
      let agent = event.failure.agentID.key
      guard registry[agent] == .admitted, !passed.contains(agent) else { return nil }
      return "agent \(agent) is said to be lost, and the registry holds it as reachable"
    default: return nil
    }
  }

  private func check(_ kind: Change.Kind) -> String? {
    switch kind {
    case .agent(let row) where registry[row.id] != .admitted:
      "agent \(row.id) is shown, and the registry does not hold it"
    case .agentRemoved(let id) where registry[id] == .admitted && !passed.contains(id):
      "agent \(id) is removed, and the registry holds it as reachable"
    case .recoveredAgentRemoved(let id) where registry[id] == nil && !passed.contains(id):
      "agent \(id) is forgotten before the registry was told"
    case .offer(let offer) where registry[offer.agentID.key] != .admitted:
      "an offer of agent \(offer.agentID.value), which the registry does not hold"
    default: nil
    }
  }
}
