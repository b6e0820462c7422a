public import MesosHTTPClient
import MesosModel
public import OperatorCore

/// Where the files of a task are.
public struct TaskSandbox: Hashable, Sendable {
  /// The agent's address.
  public var agent: HTTPEndpoint
  /// The virtual path of the folder, without a slash at its end.
  public var path: String

  public init(agent: HTTPEndpoint, path: String) {
    self.agent = agent
    self.path = path
  }

  /// The virtual path of a file in it, such as `stdout`.
  public func path(of file: String) -> String { file.isEmpty ? path : "\(path)/\(file)" }

  /// The folder of a task's executor in its newest run; of a task in a pod, the task's own folder below it.
  static func path(of task: MesosTask, isInPod: Bool) -> String {
    // A command task's executor has the task's id, and is not named in its record.
    let executor = task.hasExecutorID && !task.executorID.value.isEmpty ? task.executorID.value : task.taskID.value
    let folder = "/frameworks/\(task.frameworkID.value)/executors/\(executor)/runs/latest"
    return isInPod ? "\(folder)/tasks/\(task.taskID.value)" : folder
  }
}

extension MasterClient {
  /// Finds the sandbox of a task that the master knows, ended or not, while its agent is registered.
  ///
  /// - Throws: `OperatorError` with code `.notFound` for a task or agent that the master does not know.
  public func sandbox(of task: TaskReference) async throws(OperatorError) -> TaskSandbox {
    let state = ClusterState(snapshot: try await getState())
    guard let sandbox = self.sandbox(of: task, in: state) else {
      let what = state.task(task) == nil ? "the task" : "the agent of the task"
      throw OperatorError(.notFound, "The master does not know \(what) \(task)")
    }
    return sandbox
  }

  /// The sandbox of a task by a state that is at hand, such as a ``Watcher``'s; `nil` where it lacks the task or its agent.
  public func sandbox(of task: TaskReference, in state: ClusterState) -> TaskSandbox? {
    guard let record = state.task(task)?.record, let agent = state.agent(record.agentID.key),
      let client = self.agent(agent)
    else { return nil }
    let executor = ExecutorReference(
      framework: task.framework, agent: record.agentID.key, executor: record.executorID.key)
    let isInPod = record.hasExecutorID && state.executor(executor)?.type == .default
    return TaskSandbox(agent: client.endpoint, path: TaskSandbox.path(of: record, isInPod: isInPod))
  }
}
