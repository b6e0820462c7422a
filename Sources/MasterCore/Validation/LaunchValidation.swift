import MesosModel

extension MasterCore {
  /// Checks a task of a LAUNCH against the state.
  ///
  /// - Returns: What launching it takes out of the offer.
  func validate(
    _ candidate: LaunchCandidate, of id: FrameworkKey, on agentID: AgentKey, available: Resources
  ) throws(ValidationError) -> Resources {
    let task = candidate.info
    let context = try launchContext(
      of: id, on: agentID, available: available, executor: task.hasExecutor ? task.executor.executorID.key : nil)
    return try TaskValidation.validate(candidate, in: context, use: use(of: task.taskID.key, by: id))
  }

  /// Checks the tasks of a LAUNCH_GROUP and their executor against the state.
  ///
  /// - Returns: What launching all of them takes out of the offer.
  func validate(
    _ group: LaunchGroupCandidate, of id: FrameworkKey, on agentID: AgentKey, available: Resources
  ) throws(ValidationError) -> Resources {
    let executor = group.executor.executorID.key
    var context = try launchContext(of: id, on: agentID, available: available, executor: executor)
    if context.existingExecutor != nil {
      let others = agents[agentID]?.tasks.filter { $0.framework == id && tasks[$0]?.executor == executor } ?? []
      if !others.isEmpty { context.existingTasksShareCgroups = others.allSatisfy { tasks[$0]?.sharesCgroups ?? true } }
    }
    let ids = group.tasks.map(\.info.taskID.key)
    // Apache Mesos does not look for these.
    let repeated = Set(Dictionary(grouping: ids) { $0 }.filter { $0.value.count > 1 }.keys)
    return try TaskGroupValidation.validate(group, in: context) { task in
      repeated.contains(task) ? .taken : use(of: task, by: id)
    }
  }

  private func launchContext(
    of id: FrameworkKey, on agentID: AgentKey, available: Resources, executor: ExecutorKey?
  ) throws(ValidationError) -> LaunchContext {
    guard frameworks[id] != nil, let agent = agents[agentID] else {
      throw ValidationError(.unknownReference, "Framework or agent is gone")
    }
    return LaunchContext(
      framework: id, agent: agentID,
      agentTakesResourceLimits: agent.capabilities.contains { $0.type == .taskResourceLimits }, available: available,
      existingExecutor: executor.flatMap {
        executors[ExecutorName(framework: id, agent: agentID, executor: $0)]?.info
      })
  }

  private func use(of task: TaskKey, by id: FrameworkKey) -> LaunchContext.TaskIDUse {
    if tasks[TaskName(framework: id, task: task)] != nil { return .taken }
    return frameworks[id]?.unreachableTasks.contains(task) == true ? .takenByUnreachableTask : .free
  }
}
