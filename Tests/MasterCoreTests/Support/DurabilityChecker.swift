import AgentLinkModel
import MesosModel

@testable import MasterCore

/// Watches from outside that nothing which depends on a registry write leaves the master before the write is durable.
struct DurabilityChecker {
  private var waiting: [UInt64: [RegistryOperation]] = [:]
  private var last: UInt64 = 0
  /// What the registry says of each agent.
  private enum Record { case admitted, unreachable }
  private var registry: [AgentKey: Record] = [:]
  /// Agents that were not reachable at some moment between the last write and the one before, which became durable together.
  private var passed: Set<AgentKey> = []

  init() {}

  private var contents = RegistryContents()

  mutating func recover(_ registry: RecoveredRegistry) {
    for agent in registry.agents {
      if let condition = agent.condition { contents.apply(.setCondition(agent.id, condition)) }
    }
    for agent in registry.goneAgents { contents.apply(.markGone(agent.id, since: agent.since)) }
    for (role, quota) in registry.quotas { contents.apply(.setQuota(role, quota)) }
    contents.apply(.setMaintenance(registry.maintenance))
    for agent in registry.agents { self.registry[agent.id] = agent.unreachableSince == nil ? .admitted : .unreachable }
  }

  mutating func persisted(_ number: UInt64) {
    passed = []
    for number in waiting.keys.filter({ $0 <= number }).sorted() {
      for operation in waiting.removeValue(forKey: number) ?? [] {
        contents.apply(operation)
        switch operation {
        case .admitAgent(let id, _), .markReachable(let id, _): registry[id] = .admitted
        case .markUnreachable(let id, _, _):
          registry[id] = .unreachable
          passed.insert(id)
        case .removeAgent(let id), .markGone(let id, _):
          registry[id] = nil
          passed.insert(id)
        default: break
        }
      }
    }
  }

  mutating func failed(_ number: UInt64) { waiting[number] = nil }

  /// Returns what the directive gives away too early.
  mutating func check(_ directive: MasterCore.Directive) -> [String] {
    switch directive {
    case .persist(let operations, let number):
      waiting[number] = operations
      last += 1
      return number == last ? [] : ["registry write \(number) came as number \(last)"]
    case .changed(let change):
      switch change.kind {
      case .agent(let row) where registry[row.id] != .admitted:
        return ["agent \(row.id) is shown, though the registry does not hold it"]
      case .agentRemoved(let id) where registry[id] == .admitted && !passed.contains(id):
        return ["agent \(id) is removed, though the registry still holds it as reachable"]
      case .recoveredAgentRemoved(let id) where registry[id] == nil && !passed.contains(id):
        return ["agent \(id) is forgotten before the registry was told"]
      case .offer(let offer) where registry[offer.agentID.key] != .admitted:
        return ["an offer of agent \(offer.agentID.value), which the registry does not hold"]
      case .quota(let role, let quota) where !quota.isNone && contents.quotas[role] != quota && last > 0:
        return ["the quota of role \(role) is shown before it is durable"]
      case .maintenance(let plan) where contents.maintenance != plan:
        return ["a schedule is shown before it is durable"]
      case .agentStatus(let id, let status)
      where status.deactivated && !(contents.conditions[id]?.isDeactivated ?? passed.contains(id)):
        return ["agent \(id) is shown as deactivated before that is durable"]
      default: return []
      }
    case .sendToAgent(_, .registered(let message)) where registry[AgentKey(message.agentID)] != .admitted:
      return ["agent \(message.agentID) is told of an admission that is not durable"]
    case .send(_, let event) where event.type == .update:
      let status = event.update.status
      let agent = status.agentID.key
      if status.hasReason, status.reason == .agentRemovedByOperator, contents.goneAgents[agent] == nil {
        return ["task \(status.taskID.value) is said to be gone before that is durable"]
      }
      guard status.hasUnreachableTime, registry[agent] != .unreachable, !passed.contains(agent) else { return [] }
      return ["task \(status.taskID.value) is said to be unreachable, though the registry does not know it"]
    case .send(_, let event) where event.type == .failure && !event.failure.hasExecutorID:
      let agent = event.failure.agentID.key
      guard registry[agent] == .admitted, !passed.contains(agent) else { return [] }
      return ["agent \(event.failure.agentID.value) is said to be lost, though the registry holds it as reachable"]
    default: return []
    }
  }
}

/// A hash of everything that leaves a master, in order; equal in every process for equal events.
struct TraceHash: Hashable, Sendable {
  private(set) var value: UInt64 = 0xcbf2_9ce4_8422_2325

  init() {}

  mutating func add(_ directive: MasterCore.Directive) {
    for byte in String(reflecting: directive).utf8 { value = (value ^ UInt64(byte)) &* 0x100_0000_01b3 }
  }
}
