import AgentCore
import ExecutorCore
import HeapModule
import MesosModel

/// An executor without a process: the real protocol, and tasks that are no more than the time at which they end.
struct LoadExecutor: Sendable {
  let container: ContainerKey
  let connection: ExecutorConnection
  var core: ExecutorCore
  /// Tasks that run, and when each ends by itself.
  var running: [TaskKey: Duration?] = [:]
  /// It has had a task and ends with the last.
  var hasRun = false
  /// It was told to end.
  var isEnding = false

  init(_ launch: ContainerLaunch, connection: ExecutorConnection) throws(ExecutorError) {
    container = launch.container
    self.connection = connection
    var variables: [String: String] = [:]
    for variable in launch.environment { variables[variable.name] = variable.value }
    core = ExecutorCore(configuration: ExecutorCore.Configuration(try ExecutorEnvironment(variables)))
  }

  /// What the executor's program says next about `event` of its agent.
  ///
  /// - Parameter end: When a task that begins now ends by itself.
  mutating func answers(to event: ExecutorEvent, until end: (TaskInfo) -> Duration?) -> [TaskStatus] {
    switch event.type {
    case .launch: return [started(event.launch.task, end(event.launch.task))]
    case .launchGroup: return event.launchGroup.taskGroup.tasks.map { started($0, end($0)) }
    case .kill: return ended(event.kill.taskID.key).map { [$0] } ?? []
    case .shutdown:
      isEnding = true
      return running.keys.sorted().compactMap { ended($0) }
    default: return []
    }
  }

  /// The tasks whose time is over.
  mutating func finished(at now: Duration) -> [TaskStatus] {
    let due = running.filter { $0.value.map { $0 <= now } ?? false }.keys.sorted()
    return due.map { task in
      running[task] = nil
      return status(task, .taskFinished)
    }
  }

  /// Whether nothing is left for it to do.
  var isDone: Bool {
    running.isEmpty && (hasRun || isEnding) && core.unacknowledgedUpdates.isEmpty
  }

  var nextDeadline: Duration? {
    (running.values.compactMap { $0 } + [core.nextDeadline].compactMap { $0 }).min()
  }

  private mutating func started(_ task: TaskInfo, _ end: Duration?) -> TaskStatus {
    hasRun = true
    running[task.taskID.key] = .some(end)
    return status(task.taskID.key, .taskRunning)
  }

  private mutating func ended(_ task: TaskKey) -> TaskStatus? {
    running.removeValue(forKey: task).map { _ in status(task, .taskKilled) }
  }

  private func status(_ task: TaskKey, _ state: TaskState) -> TaskStatus {
    var status = TaskStatus()
    status.taskID = TaskID(task)
    status.state = state
    return status
  }
}
