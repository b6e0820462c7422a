import DequeModule
import MesosModel

extension ClusterState {
  /// Says what does not hold, for tests; empty when all does.
  public func brokenInvariants() -> [String] {
    var broken: [String] = []
    var ofFrameworks = Set<TaskReference>()
    for (key, entry) in frameworkEntries.sorted(by: { $0.key < $1.key }) {
      for task in entry.active {
        let reference = TaskReference(framework: key, task: task)
        ofFrameworks.insert(reference)
        if taskRecords[reference].map(place(of:)) != .active { broken.append("\(reference) is not active") }
      }
      for task in entry.unreachable {
        let reference = TaskReference(framework: key, task: task)
        if !ofFrameworks.insert(reference).inserted { broken.append("\(reference) stands twice") }
        if taskRecords[reference].map(place(of:)) != .unreachable { broken.append("\(reference) is not unreachable") }
      }
      if entry.completed.count > configuration.completedTasksMax { broken.append("\(key) keeps too many ended tasks") }
      if entry.unreachable.count > configuration.unreachableTasksMax {
        broken.append("\(key) keeps too many lost tasks")
      }
    }
    if ofFrameworks != Set(taskRecords.keys) { broken.append("tasks and frameworks differ") }
    var ofAgents = Set<TaskReference>()
    for (agent, tasks) in tasksOfAgent {
      if tasks.isEmpty { broken.append("\(agent) has an empty entry") }
      for task in tasks where taskRecords[task]?.agentID.key != agent { broken.append("\(task) is not on \(agent)") }
      ofAgents.formUnion(tasks)
    }
    if ofAgents != Set(taskRecords.keys) { broken.append("tasks and agents differ") }
    if completedEntries.count > configuration.completedFrameworksMax { broken.append("too many frameworks are kept") }
    for (pid, agent) in agentOfPID where agentRecords[agent]?.pid != pid { broken.append("\(pid) is not \(agent)'s") }
    return broken
  }
}
