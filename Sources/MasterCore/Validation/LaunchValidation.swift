import MesosModel

extension MasterCore {
  /// Checks a task of a LAUNCH against the state.
  ///
  /// - Returns: What launching it takes out of the offer.
  func validate(
    _ candidate: LaunchCandidate, of id: FrameworkKey, on agentID: AgentKey, available: Resources
  ) throws(ValidationError) -> Resources {
    guard let framework = frameworks[id], let agent = agents[agentID] else {
      throw ValidationError(.unknownReference, "Framework or agent is gone")
    }
    let task = candidate.info
    let name = TaskName(framework: id, task: task.taskID.key)
    let use: LaunchContext.TaskIDUse =
      if tasks[name] != nil {
        .taken
      } else if framework.unreachableTasks.contains(name.task) {
        .takenByUnreachableTask
      } else {
        .free
      }
    let executor = ExecutorName(framework: id, agent: agentID, executor: task.executor.executorID.key)
    let context = LaunchContext(
      framework: id, agent: agentID,
      agentTakesResourceLimits: agent.capabilities.contains { $0.type == .taskResourceLimits }, available: available,
      existingExecutor: task.hasExecutor ? executors[executor]?.info : nil)
    return try TaskValidation.validate(candidate, in: context, use: use)
  }
}
