import DequeModule
import MesosModel

extension ClusterState {
  mutating func add(_ task: MesosTask) -> [ClusterChange] {
    let reference = TaskReference(task)
    guard !reference.framework.value.isEmpty, !reference.task.value.isEmpty else { return ignore(.withoutID) }
    let previous = taskRecords[reference]
    var changes = store(task)
    if let previous, place(of: previous) == .active {
      if previous.state != task.state { changes.insert(.taskUpdated(task, previous: previous.state), at: 0) }
    } else {
      changes.insert(.taskAdded(task), at: 0)
    }
    return changes
  }

  mutating func update(_ update: MasterEvent.TaskUpdated) -> [ClusterChange] {
    let reference = TaskReference(framework: update.frameworkID.key, task: update.status.taskID.key)
    guard var task = taskRecords[reference] else { return updateEnded(reference, update) }
    let previous = task.state
    task.state = update.state
    append(update.status, to: &task)
    var changes = store(task)
    changes.insert(previous == task.state ? .taskStatusAdded(task) : .taskUpdated(task, previous: previous), at: 0)
    if update.status.hasUnreachableTime, place(of: task) == .unreachable {
      changes += drop(agent: task.agentID.key, .unreachable)
    }
    return changes
  }

  /// The end of a task may be told before the statuses that lead to it: these are still to come.
  private mutating func updateEnded(_ reference: TaskReference, _ update: MasterEvent.TaskUpdated) -> [ClusterChange] {
    let key = reference.framework
    guard let index = frameworkEntries[key]?.completed.lastIndex(where: { $0.taskID.key == reference.task }),
      var task = frameworkEntries[key]?.completed[index]
    else { return ignore(.unknownTask(reference)) }
    guard task.state == update.state else { return ignore(.endedTask(reference)) }
    append(update.status, to: &task)
    frameworkEntries[key]?.completed[index] = task
    return [.taskStatusAdded(task)]
  }

  /// Where a record with this state and these statuses stands.
  func place(of task: MesosTask) -> TaskPlace {
    // A task of a framework that is not aware of partitions is TASK_LOST when its agent is unreachable, and may come back.
    let isOfUnreachableAgent = task.statuses.last.map { $0.hasUnreachableTime && $0.state == task.state } ?? false
    if task.state == .taskUnreachable || (task.state == .taskLost && isOfUnreachableAgent) { return .unreachable }
    return task.state.isTerminal ? .completed : .active
  }

  /// As a master keeps them: one status for each state in a row, the last one.
  private func append(_ status: TaskStatus, to task: inout MesosTask) {
    if task.statuses.last?.state == status.state { task.statuses.removeLast() }
    var status = status
    status.clearData()
    task.statuses.append(status)
    if task.statuses.count > configuration.statusesMax {
      task.statuses.removeFirst(task.statuses.count - configuration.statusesMax)
    }
    task.statusUpdateState = status.state
    if status.hasUuid { task.statusUpdateUuid = status.uuid }
  }

  /// Puts a record where it belongs and takes it from where it was.
  ///
  /// - Returns: The tasks that had to make room.
  mutating func store(_ task: MesosTask) -> [ClusterChange] {
    let reference = TaskReference(task)
    unlink(reference)
    var framework = frameworkEntries.removeValue(forKey: reference.framework) ?? FrameworkEntry(record: .init())
    if framework.record.frameworkInfo.id.value.isEmpty {
      // Tasks may be told of before their framework is.
      framework.record.frameworkInfo.id = FrameworkID(reference.framework)
    }
    var changes: [ClusterChange] = []
    switch place(of: task) {
    case .active:
      framework.active.insert(reference.task)
      link(task, reference)
    case .unreachable:
      framework.unreachable.append(reference.task)
      link(task, reference)
      while framework.unreachable.count > configuration.unreachableTasksMax,
        let first = framework.unreachable.popFirst()
      {
        let oldest = TaskReference(framework: reference.framework, task: first)
        drop(oldest)
        changes.append(.taskForgotten(oldest))
      }
    case .completed:
      changes += complete(task, in: &framework)
    }
    frameworkEntries[reference.framework] = framework
    return changes
  }

  func complete(_ task: MesosTask, in framework: inout FrameworkEntry) -> [ClusterChange] {
    framework.completed.append(task)
    var changes: [ClusterChange] = []
    while framework.completed.count > configuration.completedTasksMax, let oldest = framework.completed.popFirst() {
      changes.append(.taskForgotten(TaskReference(oldest)))
    }
    return changes
  }

  /// Takes a record out of the tables, its framework's too.
  mutating func unlink(_ reference: TaskReference) {
    guard taskRecords[reference] != nil else { return }
    drop(reference)
    frameworkEntries[reference.framework]?.active.remove(reference.task)
    if let index = frameworkEntries[reference.framework]?.unreachable.firstIndex(of: reference.task) {
      frameworkEntries[reference.framework]?.unreachable.remove(at: index)
    }
  }

  private mutating func link(_ task: MesosTask, _ reference: TaskReference) {
    taskRecords[reference] = task
    let agent = task.agentID.key
    tasksOfAgent[agent, default: []].insert(reference)
    guard task.hasExecutorID else { return }
    let executor = ExecutorReference(framework: reference.framework, agent: agent, executor: task.executorID.key)
    guard executorRecords[executor] == nil else { return }
    var info = ExecutorInfo()
    info.executorID = task.executorID
    info.frameworkID = task.frameworkID
    executorRecords[executor] = info
  }

  mutating func drop(_ reference: TaskReference) {
    guard let task = taskRecords.removeValue(forKey: reference) else { return }
    let agent = task.agentID.key
    tasksOfAgent[agent]?.remove(reference)
    if tasksOfAgent[agent]?.isEmpty == true { tasksOfAgent[agent] = nil }
  }
}
