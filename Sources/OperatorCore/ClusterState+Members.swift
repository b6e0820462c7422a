import DequeModule
import MesosModel

extension ClusterState {
  mutating func add(_ agent: MasterResponse.GetAgents.Agent) -> [ClusterChange] {
    let key = agent.agentInfo.id.key
    guard !key.value.isEmpty else { return ignore(.withoutID) }
    var changes: [ClusterChange] = []
    if !agent.pid.isEmpty, let other = agentOfPID[agent.pid], other != key {
      changes += drop(agent: other, .replaced(by: key))
    }
    recoveredRecords[key] = nil
    let isKnown = agentRecords[key] != nil
    insert(agent, key)
    changes.append(isKnown ? .agentUpdated(agent) : .agentAdded(agent))
    return changes
  }

  mutating func insert(_ agent: MasterResponse.GetAgents.Agent, _ key: AgentKey) {
    if let old = agentRecords.updateValue(agent, forKey: key), agentOfPID[old.pid] == key { agentOfPID[old.pid] = nil }
    if !agent.pid.isEmpty { agentOfPID[agent.pid] = key }
  }

  mutating func remove(agent key: AgentKey) -> [ClusterChange] {
    if recoveredRecords.removeValue(forKey: key) != nil { return [.agentRemoved(key, .event)] }
    let changes = drop(agent: key, .event)
    return changes.isEmpty ? ignore(.unknownAgent(key)) : changes
  }

  /// An agent's executors go with it. Its tasks do not: the master says of each what became of it.
  mutating func drop(agent key: AgentKey, _ cause: AgentRemovalCause) -> [ClusterChange] {
    guard let agent = agentRecords.removeValue(forKey: key) else { return [] }
    if agentOfPID[agent.pid] == key { agentOfPID[agent.pid] = nil }
    for executor in executorRecords.keys where executor.agent == key { executorRecords[executor] = nil }
    return [.agentRemoved(key, cause)]
  }

  mutating func put(_ framework: MasterResponse.GetFrameworks.Framework) -> [ClusterChange] {
    let key = framework.frameworkInfo.id.key
    guard !key.value.isEmpty else { return ignore(.withoutID) }
    let isKnown = frameworkEntries[key].map(\.record.frameworkInfo.name.isEmpty) == false
    frameworkEntries[key, default: FrameworkEntry(record: framework)].record = framework
    return [isKnown ? .frameworkUpdated(framework) : .frameworkAdded(framework)]
  }

  /// What a framework still had counts as completed, as it does for the master.
  mutating func remove(framework key: FrameworkKey) -> [ClusterChange] {
    guard var entry = frameworkEntries.removeValue(forKey: key) else { return ignore(.unknownFramework(key)) }
    var changes: [ClusterChange] = []
    for id in Array(entry.unreachable) + entry.active.sorted() {
      let reference = TaskReference(framework: key, task: id)
      guard let task = taskRecords[reference] else { continue }
      drop(reference)
      changes += complete(task, in: &entry)
    }
    entry.active = []
    entry.unreachable = []
    for executor in executorRecords.keys where executor.framework == key { executorRecords[executor] = nil }
    entry.record.active = false
    entry.record.connected = false
    retire(entry)
    return changes + [.frameworkRemoved(key)]
  }

  mutating func retire(_ entry: FrameworkEntry) {
    completedEntries.append(entry)
    while completedEntries.count > configuration.completedFrameworksMax { completedEntries.removeFirst() }
  }
}
