import DequeModule
import MesosModel

extension ClusterState {
  /// Fills an empty state. Records without an id are left out; of several with one id the last counts.
  mutating func load(_ snapshot: MasterResponse.GetState) {
    let frameworks = snapshot.getFrameworks
    for framework in frameworks.completedFrameworks where !framework.frameworkInfo.id.value.isEmpty {
      completedEntries.append(FrameworkEntry(record: framework))
    }
    if completedEntries.count > configuration.completedFrameworksMax {
      completedEntries.removeFirst(completedEntries.count - configuration.completedFrameworksMax)
    }
    for framework in frameworks.frameworks where !framework.frameworkInfo.id.value.isEmpty {
      frameworkEntries[framework.frameworkInfo.id.key] = FrameworkEntry(record: framework)
    }
    for agent in snapshot.getAgents.agents where !agent.agentInfo.id.value.isEmpty {
      insert(agent, agent.agentInfo.id.key)
    }
    for agent in snapshot.getAgents.recoveredAgents where !agent.id.value.isEmpty && agentRecords[agent.id.key] == nil {
      recoveredRecords[agent.id.key] = agent
    }
    let executors = snapshot.getExecutors
    for executor in executors.executors + executors.orphanExecutors {
      let info = executor.executorInfo
      let reference = ExecutorReference(
        framework: info.frameworkID.key, agent: executor.agentID.key, executor: info.executorID.key)
      executorRecords[reference] = info
    }
    load(snapshot.getTasks)
  }

  private mutating func load(_ tasks: MasterResponse.GetTasks) {
    var retired: [FrameworkKey: Int] = [:]
    for (index, entry) in completedEntries.enumerated() { retired[entry.record.frameworkInfo.id.key] = index }
    for task in tasks.completedTasks {
      let key = task.frameworkID.key
      if frameworkEntries[key] == nil, let index = retired[key] {
        _ = complete(task, in: &completedEntries[index])
      } else if frameworkEntries[key] != nil {
        // What a master lists as completed is, whatever its state says.
        var entry = frameworkEntries.removeValue(forKey: key) ?? FrameworkEntry(record: .init())
        _ = complete(task, in: &entry)
        frameworkEntries[key] = entry
      }
    }
    for task in tasks.pendingTasks + tasks.tasks + tasks.unreachableTasks + tasks.orphanTasks
    where !task.taskID.value.isEmpty && !task.frameworkID.value.isEmpty {
      _ = store(task)
    }
  }

  /// What is other here than in `old`, in the order of ids: agents, frameworks, tasks.
  func differences(from old: ClusterState) -> [ClusterChange] {
    var changes: [ClusterChange] = []
    for key in old.agentRecords.keys.sorted() where agentRecords[key] == nil {
      changes.append(.agentRemoved(key, .snapshot))
    }
    for (key, agent) in agentRecords.sorted(by: { $0.key < $1.key }) {
      guard let before = old.agentRecords[key] else {
        changes.append(.agentAdded(agent))
        continue
      }
      if before != agent { changes.append(.agentUpdated(agent)) }
    }
    for key in old.frameworkEntries.keys.sorted() where frameworkEntries[key] == nil {
      changes.append(.frameworkRemoved(key))
    }
    for (key, entry) in frameworkEntries.sorted(by: { $0.key < $1.key }) {
      guard let before = old.frameworkEntries[key] else {
        changes.append(.frameworkAdded(entry.record))
        continue
      }
      if before.record != entry.record { changes.append(.frameworkUpdated(entry.record)) }
    }
    return changes + taskDifferences(from: old)
  }

  private func taskDifferences(from old: ClusterState) -> [ClusterChange] {
    let before = old.allTasks()
    let now = allTasks()
    var changes: [ClusterChange] = []
    for key in before.keys.sorted() where now[key] == nil { changes.append(.taskForgotten(key)) }
    for (key, task) in now.sorted(by: { $0.key < $1.key }) {
      guard let earlier = before[key] else {
        changes.append(.taskAdded(task))
        continue
      }
      if earlier.state != task.state { changes.append(.taskUpdated(task, previous: earlier.state)) }
    }
    return changes
  }

  /// Each task once, by the newest of its records.
  private func allTasks() -> [TaskReference: MesosTask] {
    var all = [TaskReference: MesosTask](minimumCapacity: taskRecords.count)
    for entry in completedEntries {
      for task in entry.completed { all[TaskReference(task)] = task }
    }
    for entry in frameworkEntries.values {
      for task in entry.completed { all[TaskReference(task)] = task }
    }
    return all.merging(taskRecords) { _, alive in alive }
  }
}
