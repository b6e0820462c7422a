import DequeModule
public import MesosModel

extension ClusterState {
  // MARK: Agents

  /// The agents that are registered, in the order of their ids.
  public var agents: [MasterResponse.GetAgents.Agent] { agentRecords.sorted { $0.key < $1.key }.map(\.value) }

  /// Agents that the master knows from before its fail-over and that have not come back.
  public var recoveredAgents: [AgentInfo] { recoveredRecords.sorted { $0.key < $1.key }.map(\.value) }

  public var agentCount: Int { agentRecords.count }

  /// The registered agent with this id. O(1)
  public func agent(_ key: AgentKey) -> MasterResponse.GetAgents.Agent? { agentRecords[key] }

  // MARK: Frameworks

  /// The frameworks that are not gone, in the order of their ids.
  public var frameworks: [MasterResponse.GetFrameworks.Framework] {
    frameworkEntries.sorted { $0.key < $1.key }.map(\.value.record)
  }

  /// Frameworks that are gone, the oldest first.
  public var completedFrameworks: [MasterResponse.GetFrameworks.Framework] { completedEntries.map(\.record) }

  /// The framework with this id, gone or not.
  public func framework(_ key: FrameworkKey) -> MasterResponse.GetFrameworks.Framework? {
    frameworkEntries[key]?.record ?? completedEntries.last { $0.record.frameworkInfo.id.key == key }?.record
  }

  // MARK: Tasks

  /// Tasks that are staging, running or being killed, in the order of their ids.
  public var tasks: [MesosTask] { sorted { place(of: $0) == .active } }

  /// Tasks whose agents are unreachable, in the order of their ids.
  public var unreachableTasks: [MesosTask] { sorted { place(of: $0) == .unreachable } }

  /// Tasks that ended, by framework in the order of ids (those that are gone last), in each the oldest first.
  public var completedTasks: [MesosTask] {
    frameworkEntries.sorted { $0.key < $1.key }.flatMap(\.value.completed) + completedEntries.flatMap(\.completed)
  }

  /// Active and unreachable tasks. O(1)
  public var liveTaskCount: Int { taskRecords.count }

  /// The record of a task, wherever it stands. O(1) for a task that has not ended.
  public func task(_ reference: TaskReference) -> (record: MesosTask, place: TaskPlace)? {
    if let task = taskRecords[reference] { return (task, place(of: task)) }
    let completed =
      frameworkEntries[reference.framework]?.completed
      ?? completedEntries.last { $0.record.frameworkInfo.id.key == reference.framework }?.completed
    guard let task = completed?.last(where: { $0.taskID.key == reference.task }) else { return nil }
    return (task, .completed)
  }

  /// Tasks on an agent that have not ended, in the order of their ids.
  public func tasks(on agent: AgentKey) -> [MesosTask] {
    (tasksOfAgent[agent] ?? []).sorted().compactMap { taskRecords[$0] }
  }

  /// Active and unreachable tasks of a framework, in the order of their ids.
  public func tasks(of framework: FrameworkKey) -> [MesosTask] {
    guard let entry = frameworkEntries[framework] else { return [] }
    return (entry.active.sorted() + entry.unreachable.sorted()).sorted().compactMap {
      taskRecords[TaskReference(framework: framework, task: $0)]
    }
  }

  /// How many tasks are in each state, ended ones as far as they are kept.
  public var taskCounts: [TaskState: Int] {
    var counts: [TaskState: Int] = [:]
    for task in taskRecords.values { counts[task.state, default: 0] += 1 }
    for entry in frameworkEntries.values {
      for task in entry.completed { counts[task.state, default: 0] += 1 }
    }
    for entry in completedEntries {
      for task in entry.completed { counts[task.state, default: 0] += 1 }
    }
    return counts
  }

  /// What the tasks on an agent that have not ended take together.
  ///
  /// - Throws: `ResourceError` where a record holds amounts that are none.
  public func resources(ofTasksOn agent: AgentKey) throws(ResourceError) -> Resources {
    var total = Resources()
    for task in tasks(on: agent) where place(of: task) == .active { total += try Resources(task.resources) }
    return total
  }

  // MARK: Executors

  /// Executors by what is known of them, in the order of framework, agent and id: from a snapshot all of it, from a task its ids.
  public var executors: [(reference: ExecutorReference, info: ExecutorInfo)] {
    executorRecords.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
  }

  public func executor(_ reference: ExecutorReference) -> ExecutorInfo? { executorRecords[reference] }

  private func sorted(_ isIncluded: (MesosTask) -> Bool) -> [MesosTask] {
    taskRecords.filter { isIncluded($0.value) }.sorted { $0.key < $1.key }.map(\.value)
  }
}
