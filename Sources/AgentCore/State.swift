import DequeModule
import HeapModule
import OrderedCollections
import MesosModel

/// A task of one framework on this agent.
struct TaskAddress: Hashable, Comparable, Sendable {
  var framework: FrameworkKey
  var task: TaskKey

  static func < (left: Self, right: Self) -> Bool { (left.framework, left.task) < (right.framework, right.task) }
}

/// An executor of one framework on this agent, in one run.
struct ExecutorAddress: Hashable, Sendable {
  var framework: FrameworkKey
  var executor: ExecutorKey
}

/// A framework that runs, or ran, something here.
struct Framework: Sendable {
  let id: FrameworkKey
  var info: FrameworkInfo
  /// No more tasks: its executors are being shut down.
  var isTerminating = false
  /// In the order of their first task.
  var executors: OrderedDictionary<ExecutorKey, Executor> = [:]
  /// Oldest first.
  var completed: Deque<Executor> = []

  var isPartitionAware: Bool { info.isPartitionAware }
}

extension FrameworkInfo {
  var isPartitionAware: Bool { capabilities.contains { $0.type == .partitionAware } }
}

/// One run of an executor.
struct Executor: Sendable {
  enum State: Hashable, Sendable {
    /// Its record is on its way to the disk.
    case preparing
    /// Started, or being started; it has not subscribed.
    case registering
    /// It has subscribed, now or before the agent's restart.
    case running
    /// It was asked to stop, or its container is being destroyed.
    case terminating
    /// Nothing of its container is left. It stays until the framework has acknowledged all updates.
    case terminated
  }

  let id: ExecutorKey
  let container: ContainerKey
  var info: ExecutorInfo
  /// Made by the agent for a task that names a command only; `id` is the task's.
  let isCommandExecutor: Bool
  let directory: String
  let order: UInt64
  var state = State.preparing
  /// Absent until it is made; without one on the disk no program of the executor was ever executed.
  var process: ProcessIdentity?
  var connection: ExecutorConnection?
  /// What is said of tasks that end with it, where the agent ended it.
  var termination: Termination?
  /// In the order of their launch, until the framework acknowledged their end.
  var tasks: OrderedDictionary<TaskKey, AgentTask> = [:]
  /// Oldest first.
  var completed: Deque<AgentTask> = []
  /// It is from before the agent's restart and has not subscribed since.
  var isRecovered = false
  /// That it is over is on its way to the disk.
  var isCompleting = false

  /// Whether it has had a task in hand, now or before.
  var wasGivenTasks: Bool {
    tasks.values.contains { $0.phase == .launched || $0.wasReportedByExecutor }
      || completed.contains { $0.wasReportedByExecutor }
  }

  struct Termination: Hashable, Sendable {
    /// What frameworks with PARTITION_AWARE are told.
    var cause: TaskStatusCause
    var message: String
  }
}

/// A task and how far it came.
struct AgentTask: Sendable {
  enum Phase: Hashable, Sendable {
    /// Its record is on its way to the disk.
    case pending
    /// It waits for its executor.
    case queued
    /// Its executor has it.
    case launched
    /// It has ended; the framework does not know yet.
    case terminated
  }

  let info: TaskInfo
  let order: UInt64
  /// The order of the first task of the group that it was launched with.
  let group: UInt64?
  var phase = Phase.pending
  /// What readers and the master see: durable updates only.
  var task: MesosTask
  /// What the framework has acknowledged, as it would be found after a restart.
  var progress: CheckpointedProgress
  /// It waits for its volumes to be shown in a container that is there already.
  var awaitsVolumes = false
  /// What it uses of providers' resources is available.
  var isPublished = false
  /// A kill that the executor has not been told, or not since it last subscribed.
  var kill: PendingKill?

  var wasReportedByExecutor: Bool { task.statuses.contains { $0.source == .executor } }

  struct PendingKill: Hashable, Sendable {
    var policy: KillPolicy?
  }
}

/// State and statuses of a task as a row of updates leaves them.
struct CheckpointedProgress: Hashable, Sendable {
  var state = TaskState.taskStaging
  var statuses: [TaskStatus] = []
  var statusUpdateState: TaskState?
  var statusUpdateUUID: [UInt8]?
}

/// The updates of one task that the framework has not acknowledged, oldest first; one is on its way at a time.
struct UpdateStream: Sendable {
  struct Update: Sendable {
    /// Numbers the updates of the task from 1 on.
    var number: UInt64
    var uuid: [UInt8]
    var status: TaskStatus
    var isDurable = false
    /// The framework has acknowledged it; that is on its way to the disk.
    var isAcknowledged = false
  }

  /// Absent for a task that the agent does not have.
  var executor: ExecutorAddress?
  var container: ContainerKey?
  /// The task's executor as the framework knows it: absent under the command executor.
  var reportedExecutor: ExecutorKey?
  var updates: Deque<Update> = []
  /// Identifiers of the latest updates that the framework acknowledged: an executor that was not told sends them again.
  var told: Deque<[UInt8]> = []
  var lastNumber: UInt64 = 0
  /// The next interval after which the first update is sent again.
  var retryInterval: Duration
  /// A terminal update is among them or came before: nothing may follow.
  var hasEnded = false
}

/// What the agent counted; monotonic over the life of its process.
public struct AgentCounters: Hashable, Sendable {
  public var validStatusUpdates = 0
  public var invalidStatusUpdates = 0
  public var validFrameworkMessages = 0
  public var invalidFrameworkMessages = 0
  public var executorsTerminated = 0
  public var containerLaunchErrors = 0
  public var tasksFinished = 0
  public var tasksFailed = 0
  public var tasksKilled = 0
  public var tasksLost = 0
  public var tasksGone = 0
  public var resourceProviderSubscriptions = 0
  public var resourceProviderDisconnections = 0
}
