public import MesosModel

/// Which task: ids of tasks are unique within their framework only.
public struct TaskReference: Hashable, Comparable, Sendable, CustomStringConvertible {
  public var framework: FrameworkKey
  public var task: TaskKey

  public init(framework: FrameworkKey, task: TaskKey) {
    self.framework = framework
    self.task = task
  }

  /// The task that a record is of.
  public init(_ task: MesosTask) { self.init(framework: task.frameworkID.key, task: task.taskID.key) }

  public static func < (left: Self, right: Self) -> Bool {
    (left.framework, left.task) < (right.framework, right.task)
  }

  public var description: String { "\(framework)/\(task)" }
}

/// Which executor: ids of executors are unique within their framework on one agent.
public struct ExecutorReference: Hashable, Comparable, Sendable, CustomStringConvertible {
  public var framework: FrameworkKey
  public var agent: AgentKey
  public var executor: ExecutorKey

  public init(framework: FrameworkKey, agent: AgentKey, executor: ExecutorKey) {
    self.framework = framework
    self.agent = agent
    self.executor = executor
  }

  public static func < (left: Self, right: Self) -> Bool {
    (left.framework, left.agent, left.executor) < (right.framework, right.agent, right.executor)
  }

  public var description: String { "\(framework)/\(executor) on \(agent)" }
}

/// Where the record of a task stands.
public enum TaskPlace: Hashable, Sendable {
  /// It is staging, running or being killed.
  case active
  /// Its agent is unreachable; it may run on.
  case unreachable
  /// It has ended.
  case completed
}

/// One thing that became different in a ``ClusterState``.
public enum ClusterChange: Hashable, Sendable {
  /// The state was replaced by a snapshot of the master. `isFirst` says that there was none before; otherwise what differs follows as
  /// changes of its own.
  case synchronized(isFirst: Bool)
  case agentAdded(MasterResponse.GetAgents.Agent)
  /// A known agent registered again.
  case agentUpdated(MasterResponse.GetAgents.Agent)
  case agentRemoved(AgentKey, AgentRemovalCause)
  case frameworkAdded(MasterResponse.GetFrameworks.Framework)
  case frameworkUpdated(MasterResponse.GetFrameworks.Framework)
  case frameworkRemoved(FrameworkKey)
  /// A task that was not known, or was unreachable and is back.
  case taskAdded(MesosTask)
  /// The state of a task is another one.
  case taskUpdated(MesosTask, previous: TaskState)
  /// A further status of a task came, and its state stays. A master tells of a state as soon as it knows it, ahead of the statuses that lead
  /// to it.
  case taskStatusAdded(MesosTask)
  /// A task's record is dropped without a word about its end: a snapshot lacks it, or a bound is reached.
  case taskForgotten(TaskReference)
  /// An event that changes nothing, and why.
  case ignored(IgnoredEvent)
}

/// How it is known that an agent is gone.
public enum AgentRemovalCause: Hashable, Sendable {
  /// The master said so.
  case event
  /// A task of it was reported unreachable. Apache Mesos 1.11 sends no event of its own for that.
  case unreachable
  /// Another agent registered from its address.
  case replaced(by: AgentKey)
  /// A snapshot lacks it.
  case snapshot
}

/// Why an event changed nothing.
public enum IgnoredEvent: Hashable, Sendable {
  /// Its type is not known: it is newer than this library.
  case unknownType
  /// The message that its type promises is not in it.
  case empty(MasterEvent.TypeEnum)
  /// It came before the first snapshot.
  case notSynchronized(MasterEvent.TypeEnum)
  /// It is about a task that is not known.
  case unknownTask(TaskReference)
  /// It says of a task that has ended that it is in another state.
  case endedTask(TaskReference)
  case unknownAgent(AgentKey)
  case unknownFramework(FrameworkKey)
  /// A record carries no id.
  case withoutID
}
