import MasterCore
import MesosModel

extension MasterSnapshot {
  /// Takes in one change and returns what does not fit, if anything.
  mutating func fold(_ kind: Change.Kind) -> String? {
    func problem(_ isFine: Bool, _ text: String) -> String? { isFine ? nil : text }
    switch kind {
    case .agent(let row): agents[row.id] = row.status
    case .agentStatus(let id, let status):
      guard agents.updateValue(status, forKey: id) != nil else { return "status of the unknown agent \(id)" }
    case .agentRemoved(let id):
      return problem(agents.removeValue(forKey: id) != nil, "the unknown agent \(id) is removed")
    case .recoveredAgent(let id, _):
      return problem(recoveredAgents.insert(id).inserted, "agent \(id) is recovered twice")
    case .recoveredAgentRemoved(let id):
      return problem(recoveredAgents.remove(id) != nil, "agent \(id) was not recovered")
    case .framework(let row):
      frameworks[row.id] = row.status
      return problem(!completedFrameworks.contains(row.id), "framework \(row.id) is completed")
    case .frameworkStatus(let id, let status):
      guard frameworks.updateValue(status, forKey: id) != nil else { return "status of the unknown framework \(id)" }
    case .frameworkCompleted(let id, _):
      completedFrameworks.insert(id)
      return problem(frameworks.removeValue(forKey: id) != nil, "the unknown framework \(id) is completed")
    case .frameworkForgotten(let id):
      return problem(completedFrameworks.remove(id) != nil, "framework \(id) is forgotten and was not completed")
    case .offer(let offer):
      return problem(offers.insert(offer.id.key).inserted, "offer \(offer.id.value) comes twice")
    case .offerRemoved(let id): return problem(offers.remove(id) != nil, "offer \(id) was not there")
    case .task(let row):
      let name = TaskName(framework: row.framework, task: row.id)
      let isNew = tasks[name] == nil && !unreachableTasks.contains(name) && !completedTasks.contains(name)
      if row.section == .completed { completedTasks.insert(name) } else { tasks[name] = row.status.state }
      return problem(isNew && agents[row.agent] != nil, "task \(row.id) is there already, or its agent is not")
    case .taskStatus(let framework, let task, let status):
      let name = TaskName(framework: framework, task: task)
      guard tasks.updateValue(status.state, forKey: name) != nil else { return "status of the unknown task \(task)" }
    case .taskMoved(let framework, let task, let status, let section):
      let name = TaskName(framework: framework, task: task)
      let wasKnown = tasks.removeValue(forKey: name) != nil || unreachableTasks.remove(name) != nil
      switch section {
      case .active: tasks[name] = status.state
      case .unreachable: unreachableTasks.insert(name)
      case .completed: completedTasks.insert(name)
      }
      return problem(wasKnown, "the unknown task \(task) is moved")
    case .taskForgotten(let framework, let task):
      let name = TaskName(framework: framework, task: task)
      return problem(
        completedTasks.remove(name) != nil || unreachableTasks.remove(name) != nil,
        "task \(task) is forgotten and was in no history")
    case .executor(let row):
      let name = ExecutorName(framework: row.framework, agent: row.agent, executor: row.id)
      return problem(executors.insert(name).inserted, "executor \(row.id) comes twice")
    case .executorRemoved(let framework, let agent, let executor):
      let name = ExecutorName(framework: framework, agent: agent, executor: executor)
      return problem(executors.remove(name) != nil, "executor \(executor) was not there")
    case .roleWeight(let role, let weight): weights[role] = weight
    case .quota(let role, let quota): quotas[role] = quota.isNone ? nil : quota
    case .maintenance(let plan): maintenance = plan
    case .inverseOffer(let offer):
      return problem(inverseOffers.insert(offer.id.key).inserted, "inverse offer \(offer.id.value) comes twice")
    case .inverseOfferRemoved(let id):
      return problem(inverseOffers.remove(id) != nil, "inverse offer \(id) was not there")
    case .inverseOfferAnswer: break
    case .operation(let row):
      let isNew = operations.updateValue(row.status.state, forKey: row.id) == nil
      return problem(isNew && agents[row.agent] != nil, "operation \(row.id) is there already, or its agent is not")
    case .operationStatus(let id, let status):
      guard operations.updateValue(status.state, forKey: id) != nil else {
        return "status of the unknown operation \(id)"
      }
    case .operationRemoved(let id):
      return problem(operations.removeValue(forKey: id) != nil, "operation \(id) was not there")
    }
    return nil
  }

  /// The first part in which the folded state is not this one.
  func difference(fromFolded folded: MasterSnapshot) -> String? {
    guard self != folded else { return nil }
    func compare(_ what: String, _ known: some Hashable, _ seen: some Hashable) -> String? {
      AnyHashable(known) == AnyHashable(seen) ? nil : "\(what): readers see \(seen), the master knows \(known)"
    }
    let differences = [
      compare("agents", agents, folded.agents),
      compare("recovered agents", recoveredAgents, folded.recoveredAgents),
      compare("frameworks", frameworks, folded.frameworks),
      compare("completed frameworks", completedFrameworks, folded.completedFrameworks),
      compare("offers", offers, folded.offers),
      compare("tasks", tasks, folded.tasks),
      compare("unreachable tasks", unreachableTasks, folded.unreachableTasks),
      compare("completed tasks", completedTasks, folded.completedTasks),
      compare("executors", executors, folded.executors),
      compare("operations", operations, folded.operations),
      compare("quotas", quotas, folded.quotas),
      compare("weights", weights, folded.weights),
      compare("maintenance", maintenance, folded.maintenance),
      compare("inverse offers", inverseOffers, folded.inverseOffers),
    ]
    return differences.compactMap { $0 }.first
  }
}
