import AgentLinkModel
import MesosModel

/// A task's name in the cluster.
struct TaskName: Hashable, Comparable, Sendable {
  var framework: FrameworkKey
  var task: TaskKey

  static func < (left: Self, right: Self) -> Bool {
    (left.framework, left.task) < (right.framework, right.task)
  }
}

/// A task that is on an agent that is registered.
struct TrackedTask: Sendable {
  /// Grows with each task, so that lists of tasks have an order.
  var number: UInt64
  var agent: AgentKey
  var executor: ExecutorKey?
  var resources: Resources
  var statuses: TaskStatuses
  /// Whether its resources were given back: its end was heard of, though the framework has not acknowledged it.
  var isReleased: Bool
  /// Whether its container is in the cgroups of its executor's: all tasks of an executor say the same of it.
  var sharesCgroups: Bool
}

/// A task on an agent that cannot be reached.
struct UnreachableTask: Sendable {
  var agent: AgentKey
  var executor: ExecutorKey?
  var statuses: TaskStatuses
}

/// An executor's name in the cluster.
struct ExecutorName: Hashable, Comparable, Sendable {
  var framework: FrameworkKey
  var agent: AgentKey
  var executor: ExecutorKey

  static func < (left: Self, right: Self) -> Bool {
    (left.framework, left.agent, left.executor) < (right.framework, right.agent, right.executor)
  }
}

/// An executor that a framework described, as tasks under the command executor have none.
struct TrackedExecutor: Sendable {
  var info: ExecutorInfo
  var resources: Resources
}

extension LinkTaskRecord {
  var sharesCgroups: Bool { !hasShareCgroups || shareCgroups }
}
