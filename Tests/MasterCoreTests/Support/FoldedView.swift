import MesosModel

@testable import MasterCore

/// The change log folded into the state that readers see; strict: a change that does not fit is a defect of the master.
struct FoldedView {
  struct Name: Hashable {
    var framework: FrameworkKey
    var task: TaskKey
  }

  private(set) var agents: [AgentKey: AgentRow] = [:]
  private(set) var recovered: Set<AgentKey> = []
  private(set) var frameworks: [FrameworkKey: FrameworkRow] = [:]
  private(set) var completed: [FrameworkKey] = []
  private(set) var offers: [OfferKey: Offer] = [:]
  private(set) var tasks: [Name: TaskRow] = [:]
  private(set) var executors: [ExecutorName: ExecutorRow] = [:]
  private(set) var operations: [OperationKey: OperationRow] = [:]
  private(set) var weights: [String: Double] = [:]
  private(set) var quotas: [String: Quota] = [:]
  private(set) var maintenance = MaintenancePlan()
  private(set) var inverseOffers: [OfferKey: InverseOffer] = [:]
  private(set) var answers: [AgentKey: [FrameworkKey: InverseOfferStatus]] = [:]
  private var sequence: UInt64 = 0

  func task(_ framework: FrameworkKey, _ task: String) -> TaskRow? {
    tasks[Name(framework: framework, task: TaskKey(task))]
  }

  func count(_ section: TaskRow.Section) -> Int { tasks.values.count { $0.section == section } }

  /// Returns what is wrong with the change, if anything is.
  mutating func apply(_ change: Change) -> String? {
    sequence += 1
    guard change.sequence == sequence else { return "change \(change.sequence) came as number \(sequence)" }
    func problem(_ condition: Bool, _ text: String) -> String? { condition ? nil : text }
    switch change.kind {
    case .agent(let row):
      agents[row.id] = row
      return nil
    case .agentStatus(let key, let status):
      agents[key]?.status = status
      return problem(agents[key] != nil, "status of the unknown agent \(key)")
    case .agentRemoved(let key):
      let left = tasks.values.filter { $0.agent == key && $0.section == .active }
      let offered = offers.values.filter { $0.agentID.key == key }
      let changed = operations.values.filter { $0.agent == key }
      return problem(
        agents.removeValue(forKey: key) != nil && left.isEmpty && offered.isEmpty && changed.isEmpty,
        "agent \(key) is removed unknown, or before its tasks and offers")
    case .recoveredAgent(let key, _):
      return problem(recovered.insert(key).inserted, "agent \(key) is recovered twice")
    case .recoveredAgentRemoved(let key):
      return problem(recovered.remove(key) != nil, "agent \(key) was not recovered")
    case .framework(let row):
      frameworks[row.id] = row
      return problem(!completed.contains(row.id), "framework \(row.id) is completed")
    case .frameworkStatus(let key, let status):
      frameworks[key]?.status = status
      return problem(frameworks[key] != nil && !completed.contains(key), "status of framework \(key)")
    case .frameworkCompleted(let key, let status):
      frameworks[key]?.status = status
      completed.append(key)
      let left = tasks.values.filter { $0.framework == key && $0.section != .completed }
      return problem(
        frameworks[key] != nil && left.isEmpty && status.allocated.isEmpty && status.offered.isEmpty,
        "framework \(key) is completed unknown, or before its tasks")
    case .frameworkForgotten(let key):
      let left = tasks.values.filter { $0.framework == key }
      completed.removeAll { $0 == key }
      return problem(
        frameworks.removeValue(forKey: key) != nil && left.isEmpty, "framework \(key) is forgotten with tasks")
    case .offer(let offer):
      return problem(offers.updateValue(offer, forKey: offer.id.key) == nil, "offer \(offer.id.value) twice")
    case .offerRemoved(let key):
      return problem(offers.removeValue(forKey: key) != nil, "offer \(key) was not there")
    case .task(let row):
      let old = tasks.updateValue(row, forKey: Name(framework: row.framework, task: row.id))
      return problem(
        old == nil && agents[row.agent] != nil && frameworks[row.framework] != nil,
        "task \(row.id) is there, or its agent or framework is not")
    case .taskStatus(let framework, let task, let status):
      let name = Name(framework: framework, task: task)
      tasks[name]?.status = status
      return problem(tasks[name]?.section == .active, "status of task \(task), which is not active")
    case .taskMoved(let framework, let task, let status, let section):
      let name = Name(framework: framework, task: task)
      let old = tasks[name]?.section
      tasks[name]?.status = status
      tasks[name]?.section = section
      return problem(
        old != nil && old != section && old != .completed, "task \(task) moves from \(String(describing: old))")
    case .taskForgotten(let framework, let task):
      let old = tasks.removeValue(forKey: Name(framework: framework, task: task))
      return problem(old != nil && old?.section != .active, "task \(task) is forgotten while active or unknown")
    case .executor(let row):
      let name = ExecutorName(framework: row.framework, agent: row.agent, executor: row.id)
      return problem(executors.updateValue(row, forKey: name) == nil, "executor \(row.id) twice")
    case .executorRemoved(let framework, let agent, let executor):
      let name = ExecutorName(framework: framework, agent: agent, executor: executor)
      return problem(executors.removeValue(forKey: name) != nil, "executor \(executor) was not there")
    case .roleWeight(let role, let weight):
      weights[role] = weight
      return nil
    case .operation(let row):
      let old = operations.updateValue(row, forKey: row.id)
      return problem(old == nil && agents[row.agent] != nil, "operation \(row.id) is there, or its agent is not")
    case .operationStatus(let key, let status):
      operations[key]?.status = status
      return problem(operations[key] != nil, "status of the unknown operation \(key)")
    case .operationRemoved(let key):
      return problem(operations.removeValue(forKey: key) != nil, "operation \(key) was not there")
    case .quota(let role, let quota):
      quotas[role] = quota.isNone ? nil : quota
      return nil
    case .maintenance(let plan):
      maintenance = plan
      return nil
    case .inverseOffer(let offer):
      return problem(
        inverseOffers.updateValue(offer, forKey: offer.id.key) == nil, "inverse offer \(offer.id.value) twice")
    case .inverseOfferRemoved(let key):
      return problem(inverseOffers.removeValue(forKey: key) != nil, "inverse offer \(key) was not there")
    case .inverseOfferAnswer(_, let agent, let framework, let status):
      answers[agent, default: [:]][framework] = status
      return nil
    }
  }

  /// Compares what readers see with what the master knows.
  func differences(from core: MasterCore) -> [String] {
    var problems: [String] = []
    func compare(_ what: String, _ seen: some Sequence<String>, _ known: some Sequence<String>) {
      let (seen, known) = (seen.sorted(), known.sorted())
      if seen != known { problems.append("\(what): readers see \(seen), the master knows \(known)") }
    }
    compare("agents", agents.keys.map(\.value), core.agents.keys.map(\.value))
    compare("recovered agents", recovered.map(\.value), core.recoveredAgents.keys.map(\.value))
    compare(
      "frameworks", frameworks.keys.filter { !completed.contains($0) }.map(\.value), core.frameworks.keys.map(\.value))
    compare("completed frameworks", completed.map(\.value), core.completedFrameworks.keys.map(\.value))
    compare("offers", offers.keys.map(\.value), core.offers.keys.map(\.value))
    compare(
      "tasks", tasks.values.filter { $0.section == .active }.map { "\($0.framework)/\($0.id)/\($0.status.state)" },
      core.tasks.map { "\($0.key.framework)/\($0.key.task)/\($0.value.statuses.state)" })
    compare(
      "unreachable tasks", tasks.values.filter { $0.section == .unreachable }.map { "\($0.framework)/\($0.id)" },
      core.frameworks.values.flatMap { f in f.unreachableTasks.keys.map { "\(f.id)/\($0)" } })
    compare(
      "operations", operations.map { "\($0.key) \($0.value.status.state)" },
      core.operations.map { "\($0.key) \($0.value.latest.state)" })
    compare(
      "executors", executors.keys.map { "\($0.framework)/\($0.agent)/\($0.executor)" },
      core.executors.keys.map { "\($0.framework)/\($0.agent)/\($0.executor)" })
    compare("inverse offers", inverseOffers.keys.map(\.value), core.inverseOffers.keys.map(\.value))
    compare("quotas", quotas.map { "\($0.key) \($0.value)" }, core.quotas.entries.map { "\($0.role) \($0.quota)" })
    compare("weights", weights.map { "\($0.key) \($0.value)" }, core.weights.infos.map { "\($0.role) \($0.weight)" })
    if maintenance != core.maintenance { problems.append("readers see other maintenance than the master knows") }
    for (id, row) in agents where row.status != core.agents[id]?.status { problems.append("status of agent \(id)") }
    for (id, row) in frameworks where !completed.contains(id) && row.status != core.frameworks[id]?.status {
      problems.append("status of framework \(id)")
    }
    return problems
  }
}
