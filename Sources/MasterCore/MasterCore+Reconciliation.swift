import MesosModel
import SwiftProtobuf

// What is the state of my tasks? Updates of the master's own, without UUID, with REASON_RECONCILIATION.
extension MasterCore {
  mutating func reconcile(_ id: FrameworkKey, _ call: SchedulerCall.Reconcile, at now: Moment) {
    counters.messages["reconcile_tasks", default: 0] += 1
    guard call.tasks.isEmpty else {
      for task in call.tasks {
        let name = TaskName(framework: id, task: task.taskID.key)
        reconcile(name, on: task.hasAgentID ? task.agentID.key : nil, at: now)
      }
      return
    }
    let known = (frameworks[id]?.tasks ?? []).map { TaskName(framework: id, task: $0) }
    for name in sorted(known) {
      if let task = tasks[name] { sendLatest(name, task, at: now) }
    }
  }

  /// Tells the framework what is known of one task, or nothing while the agent it may be on has not come back yet.
  mutating func reconcile(_ name: TaskName, on agent: AgentKey?, at now: Moment) {
    if let task = tasks[name] { return sendLatest(name, task, at: now) }
    let state: TaskState
    let message: String
    var unreachableSince: Int64?
    if let agent {
      if recoveredAgents[agent] != nil { return }
      if agents[agent] != nil {
        (state, message) = (.taskGone, "Reconciliation: Task is unknown to the agent")
      } else if let since = unreachableAgents[agent] {
        (state, message) = (.taskUnreachable, "Reconciliation: Task is unreachable")
        unreachableSince = since
      } else if goneAgents.contains(agent) {
        (state, message) = (.taskGoneByOperator, "Reconciliation: Task is gone")
      } else {
        (state, message) = (.taskUnknown, "Reconciliation: Task is unknown")
      }
    } else {
      if !recoveredAgents.isEmpty { return }
      (state, message) = (.taskUnknown, "Reconciliation: Task is unknown")
    }
    let isPartitionAware = frameworks[name.framework]?.isPartitionAware ?? false
    let cause = TaskStatusCause.reconciliation(state).reported(toPartitionAware: isPartitionAware)
    var status = TaskStatus(name.task, cause, message: message, agent: agent, at: now)
    if let unreachableSince { status.unreachableTime = .with { $0.nanoseconds = unreachableSince } }
    send(.update(status), to: name.framework)
  }

  private mutating func sendLatest(_ name: TaskName, _ task: TrackedTask, at now: Moment) {
    let state = task.statuses.awaited?.state ?? task.statuses.state
    let status = latest(
      name.task, task.statuses, executor: task.executor, agent: task.agent, .reconciliation(state),
      message: "Reconciliation: Latest task state", at: now)
    send(.update(status), to: name.framework)
  }

  /// A status of the master's own about a task that it knows, with what its last ones told of its health and container.
  func latest(
    _ key: TaskKey, _ statuses: TaskStatuses, executor: ExecutorKey?, agent: AgentKey, _ cause: TaskStatusCause,
    message: String, at now: Moment
  ) -> TaskStatus {
    var status = TaskStatus(key, cause, message: message, agent: agent, at: now)
    if let executor { status.executorID = ExecutorID(executor) }
    let (last, container) = statuses.newest
    if let last, last.hasHealthy { status.healthy = last.healthy }
    if let last, last.hasCheckStatus { status.checkStatus = last.checkStatus }
    if let container { status.containerStatus = container }
    return status
  }
}
