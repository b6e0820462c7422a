import MasterCore
import MesosModel
import SwiftProtobuf

/// Adds up, from the change log alone, what is used and offered on each agent and in each role.
struct ConservationChecker: Sendable {
  struct Name: Hashable, Sendable {
    var framework: FrameworkKey
    var agent: AgentKey?
    var subject: String
  }

  struct Holding: Sendable {
    var agent: AgentKey
    var resources: Resources
  }

  private var totals: [AgentKey: Resources] = [:]
  private var held: [AgentKey: Resources] = [:]
  private var tasks: [Name: Holding] = [:]
  private var executors: [Name: Holding] = [:]
  private var offers: [OfferKey: Holding] = [:]
  /// By role, without the roles below it.
  private var ofRole: [String: ResourceQuantities] = [:]
  /// Of roles that have any, sorted by name.
  private var limits: [(role: String, limits: ResourceLimits)] = []
  /// By agent, what it was offered with last, as messages and as they were read: most offers of an agent are alike.
  private var lastOffered: [AgentKey: (messages: [Resource], resources: Resources)] = [:]

  init() {}

  /// Takes in a new quota. What roles have is counted from the first on.
  private mutating func limit(_ role: String, to quota: Quota) {
    let wasCounting = !limits.isEmpty
    limits.removeAll { $0.role == role }
    if !quota.limits.isEmpty { limits.append((role, quota.limits)) }
    limits.sort { $0.role < $1.role }
    guard !wasCounting else { return }
    ofRole = [:]
    for holding in tasks.values { count(holding.resources) { $0 += $1 } }
    for holding in executors.values { count(holding.resources) { $0 += $1 } }
    for holding in offers.values { count(holding.resources) { $0 += $1 } }
  }

  private mutating func hold(_ resources: Resources, of agent: AgentKey) -> String? {
    held[agent, default: Resources()] += resources.unallocated
    count(resources) { $0 += $1 }
    guard let total = totals[agent] else { return "agent \(agent) is used and not known" }
    guard let sum = held[agent], total.contains(sum.withOneCopyEach) else {
      return "agent \(agent) has \(total), used and offered are \(held[agent] ?? Resources())"
    }
    return nil
  }

  /// Forgets what tasks hold of reservations and volumes that the agent, which came back, says it never made: they never ran, and what
  /// they were to use is free.
  private mutating func forgetLost(on agent: AgentKey, _ total: Resources) {
    guard let sum = held[agent], !total.contains(sum.withOneCopyEach) else { return }
    for (name, holding) in tasks where holding.agent == agent {
      let made = holding.resources.unallocated.filter { $0.isDynamicallyReserved || $0.isPersistentVolume }
      if !total.contains(made.withOneCopyEach) { release(tasks.removeValue(forKey: name)) }
    }
  }

  private mutating func release(_ holding: Holding?) {
    guard let holding else { return }
    held[holding.agent]? -= holding.resources.unallocated
    count(holding.resources) { $0 -= $1 }
  }

  private mutating func count(
    _ resources: Resources, _ change: (inout ResourceQuantities, ResourceQuantities) -> Void
  ) {
    guard !limits.isEmpty else { return }
    for entry in resources.entries {
      guard let role = entry.allocationRole else { continue }
      change(&ofRole[role, default: ResourceQuantities()], Resources(entry).quantities)
    }
  }

  private mutating func read(_ messages: [Resource], of agent: AgentKey) -> Resources {
    if let last = lastOffered[agent], last.messages == messages { return last.resources }
    let resources = (try? Resources(messages)) ?? Resources()
    lastOffered[agent] = (messages, resources)
    return resources
  }

  private func overQuota(_ resources: Resources) -> String? {
    for (role, limits) in limits {
      guard resources.entries.contains(where: { $0.isAllocated(toSubtreeOf: role) }) else { continue }
      var sum = ResourceQuantities()
      for (name, quantities) in ofRole where name == role || name.hasPrefix(role + "/") { sum += quantities }
      let offered = resources.quantities
      // Tasks of an agent that comes back may take a role beyond its limits; offers must not.
      for limit in limits.limits where offered[limit.name] > .zero && sum[limit.name] > limit.amount {
        return "role \(role) has \(sum), and an offer took it beyond its limit of \(limit.amount) \(limit.name)"
      }
    }
    return nil
  }

  /// Returns what is wrong with the change: too much of an agent, or too much for a role.
  mutating func apply(_ change: Change) -> (conservation: String?, quota: String?) {
    switch change.kind {
    case .agent(let row):
      totals[row.id] = row.status.total
      forgetLost(on: row.id, row.status.total)
    case .agentStatus(let id, let status): totals[id] = status.total
    case .agentRemoved(let id):
      totals[id] = nil
      lastOffered[id] = nil
      if let left = held.removeValue(forKey: id), !left.isEmpty {
        return ("agent \(id) is removed while \(left) of it are in use", nil)
      }
    case .offer(let offer):
      let agent = offer.agentID.key
      let resources = read(offer.resources, of: agent)
      offers[offer.id.key] = Holding(agent: agent, resources: resources)
      let problem = hold(resources, of: agent)
      return (problem, overQuota(resources))
    case .quota(let role, let quota): limit(role, to: quota)
    case .offerRemoved(let id): release(offers.removeValue(forKey: id))
    case .task(let row):
      guard !row.status.state.isTerminal, row.section == .active,
        let task = try? MesosTask(serializedBytes: row.stable, partial: true)
      else { return (nil, nil) }
      let resources = ((try? Resources(task.resources)) ?? Resources())
      let name = Name(framework: row.framework, agent: nil, subject: row.id.value)
      tasks[name] = Holding(agent: row.agent, resources: resources)
      known[name] = tasks[name]
      return (hold(resources, of: row.agent), nil)
    case .taskStatus(let framework, let id, let status)
    where status.state.isTerminal || status.state == .taskUnreachable:
      release(tasks.removeValue(forKey: Name(framework: framework, agent: nil, subject: id.value)))
    case .taskMoved(let framework, let id, let status, let section):
      let name = Name(framework: framework, agent: nil, subject: id.value)
      guard section == .active else {
        release(tasks.removeValue(forKey: name))
        break
      }
      // Back on the agent that it was on.
      guard !status.state.isTerminal, let holding = known[name] else { break }
      tasks[name] = holding
      return (hold(holding.resources, of: holding.agent), nil)
    case .taskForgotten(let framework, let id):
      known[Name(framework: framework, agent: nil, subject: id.value)] = nil
    case .executor(let row):
      guard let info = try? ExecutorInfo(serializedBytes: row.info, partial: true) else { return (nil, nil) }
      let resources = (try? Resources(info.resources)) ?? Resources()
      executors[Name(framework: row.framework, agent: row.agent, subject: row.id.value)] = Holding(
        agent: row.agent, resources: resources)
      return (hold(resources, of: row.agent), nil)
    case .executorRemoved(let framework, let agent, let id):
      release(executors.removeValue(forKey: Name(framework: framework, agent: agent, subject: id.value)))
    case .taskStatus, .recoveredAgent, .recoveredAgentRemoved, .framework, .frameworkStatus, .frameworkCompleted,
      .frameworkForgotten, .roleWeight, .operation, .operationStatus, .operationRemoved, .maintenance, .inverseOffer,
      .inverseOfferRemoved, .inverseOfferAnswer:
      break
    }
    return (nil, nil)
  }

  /// What tasks have, also while they are unreachable.
  private var known: [Name: Holding] = [:]

  /// Nothing is in use or offered.
  var isFree: Bool { held.values.allSatisfy(\.isEmpty) }

  /// What is in use or offered, by agent, sorted.
  var inUse: [String] {
    held.filter { !$0.value.isEmpty }.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value)" }
  }
}

extension Resources {
  /// However many use a shared volume, there is one.
  fileprivate var withOneCopyEach: Resources {
    entries.contains(where: \.isShared) ? Resources(entries.map(\.withOneCopy)) : self
  }
}
