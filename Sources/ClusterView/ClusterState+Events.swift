import MasterCore
import MesosModel

// What readers of the event stream are told of a change. Apache Mesos tells of a task's new states, of agents that come and go, of
// frameworks that come, subscribe again and go; everything else is an extension.
extension ClusterState {
  /// What a change is compared with.
  enum Before {
    case nothing
    case task(TaskRow.Status)
    case agent(stable: [UInt8])
    case framework(FrameworkRow)
    case offer(FrameworkKey)
  }

  /// The row that `change` is about, before it is folded.
  func before(_ change: Change) -> Before {
    switch change.kind {
    case .agent(let row): agents[row.id].map { .agent(stable: $0.content.row.stable) } ?? .nothing
    case .framework(let row): frameworks[row.id].map { .framework($0.record.content.row) } ?? .nothing
    case .frameworkStatus(let id, _), .frameworkCompleted(let id, _):
      frameworks[id].map { .framework($0.record.content.row) } ?? .nothing
    case .taskStatus(let framework, let id, _), .taskMoved(let framework, let id, _, _):
      task(TaskPath(framework: framework, task: id)).map { .task($0.content.row.status) } ?? .nothing
    case .offerRemoved(let id): owner(of: id).map { .offer($0) } ?? .nothing
    default: .nothing
    }
  }

  /// What decides who may see what comes of `change`, before it is folded; `nil` where no framework does.
  func subject(of change: Change) -> EventSubject? {
    func of(_ framework: FrameworkKey, task: [UInt8]? = nil, executor: [UInt8]? = nil) -> EventSubject? {
      (frameworks[framework] ?? completedFrameworks[framework]).map {
        EventSubject(framework: $0.record.content.row.info, task: task, executor: executor)
      }
    }
    switch change.kind {
    case .task(let row): return of(row.framework, task: row.stable)
    case .taskStatus(let framework, let id, _), .taskMoved(let framework, let id, _, _),
      .taskForgotten(let framework, let id):
      return task(TaskPath(framework: framework, task: id)).flatMap { of(framework, task: $0.content.row.stable) }
    case .executor(let row): return of(row.framework, executor: row.info)
    case .executorRemoved(let framework, let agent, let id):
      return executors[ExecutorPath(framework: framework, agent: agent, executor: id)].flatMap {
        of(framework, executor: $0.content.row.info)
      }
    case .offer(let offer): return of(offer.frameworkID.key)
    case .offerRemoved(let id): return owner(of: id).flatMap { of($0) }
    default: return nil
    }
  }

  /// The event that `change` makes; called when it is folded, with what was there before.
  func event(_ change: Change, _ before: Before) -> ClusterEventKind? {
    switch change.kind {
    case .agent(let row):
      guard let record = agents[row.id]?.content else { return nil }
      // An agent that comes back as it was is not told of anew.
      if case .agent(let stable) = before, stable == row.stable { return .agentUpdated(record) }
      return .agentAdded(record)
    case .agentStatus(let id, _): return agents[id].map { .agentUpdated($0.content) }
    case .agentRemoved(let id), .recoveredAgentRemoved(let id):
      // A recovered agent that registers goes from one list to the other.
      return agents.contains(id) ? nil : .agentRemoved(id)

    case .framework(let row):
      if case .framework = before { return .frameworkUpdated(row) }
      return .frameworkAdded(row)
    case .frameworkStatus(let id, let status):
      guard case .framework(let row) = before, let now = frameworks[id]?.record.content.row,
        (row.status.active, row.status.connected, row.status.recovered)
          != (status.active, status.connected, status.recovered)
      else { return nil }
      return .frameworkStatus(now)
    case .frameworkCompleted:
      guard case .framework(let row) = before else { return nil }
      return .frameworkRemoved(row)

    case .offer(let offer):
      return frameworks[offer.frameworkID.key]?.offers[offer.id.key].map { .offerAdded($0.content) }
    case .offerRemoved(let id):
      guard case .offer(let framework) = before else { return nil }
      return .offerRemoved(id, framework)

    case .task(let row): return .taskAdded(TaskContent(row: row))
    case .taskStatus(let framework, _, let status): return update(framework, before, status)
    case .taskMoved(let framework, let id, let status, let section):
      if section == .active { return task(TaskPath(framework: framework, task: id)).map { .taskAdded($0.content) } }
      return update(framework, before, status)
    case .taskForgotten(let framework, let id): return .taskForgotten(TaskPath(framework: framework, task: id))

    case .executor(let row):
      return executors[ExecutorPath(framework: row.framework, agent: row.agent, executor: row.id)]
        .map { .executorAdded($0.content) }
    case .executorRemoved(let framework, let agent, let id):
      return .executorRemoved(ExecutorPath(framework: framework, agent: agent, executor: id))
    default: return nil
    }
  }

  /// A status that was not the last one before; an update that is sent again changes nothing.
  private func update(_ framework: FrameworkKey, _ before: Before, _ status: TaskRow.Status) -> ClusterEventKind? {
    guard case .task(let old) = before, let last = WireBytes.last(field: Self.statusesField, in: status.encoded),
      old.state != status.state || last != WireBytes.last(field: Self.statusesField, in: old.encoded)
    else { return nil }
    return .taskUpdated(framework, status: Array(last), status.state)
  }

  /// `MesosTask.statuses`.
  private static let statusesField = 8

  private func task(_ path: TaskPath) -> Record<TaskContent>? {
    tasks[path] ?? unreachableTasks[path] ?? completedTasks[path]
  }
}
