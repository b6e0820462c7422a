import AgentLinkModel
import MesosAllocator
import MesosModel
import SwiftProtobuf

// Agents that never come back.
extension MasterCore {
  mutating func markGone(_ id: AgentKey, token: CallToken, at now: Moment) -> CallAnswer? {
    if goneAgents.contains(id) { return .ok }
    func busy(_ what: String) -> CallAnswer { .rejected(status: 503, text: "Agent '\(id)' is \(what)") }
    if markingGone.contains(id) { return busy("already being transitioned to gone") }
    if removing.contains(id) { return busy("being transitioned to removed") }
    if agents[id]?.isLeaving ?? recoveredAgents[id]?.isLeaving ?? false {
      return busy("being transitioned to unreachable")
    }
    if reregistering.contains(id) { return busy("being transitioned to reachable") }
    guard isKnown(id) else { return .rejected(status: 404, text: "Agent '\(id)' not found") }
    markingGone.insert(id)
    agents[id]?.isLeaving = true
    recoveredAgents[id]?.isLeaving = true
    let since = now.wallNanoseconds
    return stage([.markGone(id, since: since)], .gone(id, since: since), token: token, at: now)
  }

  /// The agent will not come back: what it ran is over.
  mutating func gone(_ id: AgentKey, since: Int64, at now: Moment) {
    markingGone.remove(id)
    remember(gone: id, since: since, at: now)
    let message = "Agent has been marked gone"
    if agents[id] != nil {
      send(.shutdown(.with { $0.message = message }), to: id)
      drop(id, .gone, message, at: now)
    } else if recoveredAgents.removeValue(forKey: id) != nil {
      change(.recoveredAgentRemoved(id))
    } else {
      unreachableAgents.remove(id)
      endUnreachableTasks(of: id, message, at: now)
    }
    conditions[id] = nil
  }

  /// Remembers an agent that the registry holds for gone: it is sent away when it comes back all the same.
  mutating func remember(gone id: AgentKey, since: Int64, at now: Moment) {
    let forgotten = goneAgents.append(id, since, limit: configuration.unreachableAgentsMax)
    if !forgotten.isEmpty { persist(forgotten.map { .forgetGone($0.key) }, then: .silent) }
    scheduleRegistryCollection(at: now)
  }

  /// The registry was not told: the agent stays what it was.
  mutating func releaseFromGone(_ id: AgentKey, at now: Moment) {
    markingGone.remove(id)
    recoveredAgents[id]?.isLeaving = false
    keep(id, at: now)
  }

  /// Tasks that were on an agent that could not be reached, and now never can, are over.
  private mutating func endUnreachableTasks(of id: AgentKey, _ message: String, at now: Moment) {
    for key in frameworks.keys.sorted() {
      for task in frameworks[key]?.unreachableTasks.keys ?? [] {
        guard frameworks[key]?.unreachableTasks[task]?.agent == id,
          var entry = frameworks[key]?.unreachableTasks.remove(task)
        else { continue }
        let isPartitionAware = frameworks[key]?.isPartitionAware ?? false
        let cause = TaskStatusCause.agentRemovedByOperator.reported(toPartitionAware: isPartitionAware)
        var status = TaskStatus(task, cause, message: message, agent: id, at: now)
        if let executor = entry.executor { status.executorID = ExecutorID(executor) }
        entry.statuses.add(status, latest: status.state)
        counters.ended(status)
        change(.taskMoved(key, task, entry.statuses.row, to: .completed))
        complete(TaskName(framework: key, task: task))
        send(.update(status), to: key)
      }
    }
  }

  /// Forgets an agent that is remembered as unreachable, and the tasks that were there.
  mutating func forgetUnreachable(_ id: AgentKey) {
    unreachableAgents.remove(id)
    conditions[id] = nil
    for key in frameworks.keys.sorted() {
      for task in frameworks[key]?.unreachableTasks.keys ?? []
      where frameworks[key]?.unreachableTasks[task]?.agent == id {
        frameworks[key]?.unreachableTasks.remove(task)
        change(.taskForgotten(key, task))
      }
    }
  }

  // MARK: Collection

  /// Looks at the age of what is remembered, from time to time, while there is anything.
  mutating func scheduleRegistryCollection(at now: Moment) {
    guard !isCollectionScheduled, unreachableAgents.count + goneAgents.count > 0 else { return }
    isCollectionScheduled = true
    deadlines.insert(.registryCollection, at: now.uptime + configuration.registryCollectionInterval)
  }

  mutating func collectRegistry(at now: Moment) {
    isCollectionScheduled = false
    scheduleRegistryCollection(at: now)
    func isOld(_ since: Int64?) -> Bool {
      guard let since else { return false }
      let age = now.wallNanoseconds.subtractingReportingOverflow(since)
      return !age.overflow && age.partialValue > configuration.registryAgentAgeMax.wholeNanoseconds
    }
    let unreachable = unreachableAgents.keys.filter { id in
      isOld(unreachableAgents[id]) && !reregistering.contains(id) && !markingGone.contains(id)
        && registryCalls.agent != id
    }
    let gone = goneAgents.keys.filter { isOld(goneAgents[$0]) }
    guard !unreachable.isEmpty || !gone.isEmpty else { return }
    persist(
      unreachable.map { .removeAgent($0) } + gone.map { .forgetGone($0) },
      then: .collected(unreachable: unreachable, gone: gone))
  }

  mutating func collected(unreachable: [AgentKey], gone: [AgentKey]) {
    for id in unreachable where unreachableAgents.contains(id) { forgetUnreachable(id) }
    for id in gone { goneAgents.remove(id) }
  }
}
