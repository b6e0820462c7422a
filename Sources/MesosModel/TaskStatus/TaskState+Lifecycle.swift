extension TaskState {
  /// Whether a task in this state never comes back: it has ended, or Apache Mesos has given it up for good.
  ///
  /// `TASK_UNREACHABLE` and `TASK_UNKNOWN` are not terminal: such a task may still be running. `TASK_LOST` and
  /// `TASK_GONE_BY_OPERATOR` are, as Apache Mesos counts them, and still may turn out to be wrong: see ``mayStillRun``.
  /// - Source: Apache Mesos, `src/common/protobuf_utils.cpp`, `isTerminalState`.
  public var isTerminal: Bool {
    switch self {
    case .taskFinished, .taskFailed, .taskKilled, .taskError, .taskLost, .taskDropped, .taskGone, .taskGoneByOperator:
      true
    case .taskStaging, .taskStarting, .taskRunning, .taskKilling, .taskUnreachable, .taskUnknown:
      false
    }
  }

  /// Whether the state by itself calls for launching the same description again, under a new task id.
  ///
  /// True where the cluster and not the task is the cause: `TASK_LOST`, `TASK_DROPPED`, `TASK_UNREACHABLE`, `TASK_GONE`,
  /// `TASK_GONE_BY_OPERATOR` and `TASK_UNKNOWN`. False for `TASK_ERROR`, whose description would be refused again; for
  /// `TASK_FINISHED` and `TASK_KILLED`, which are what somebody wanted; for `TASK_FAILED`, where only the framework knows whether
  /// the task would fail again; and for a task that is under way. A reason may say more: see ``TaskStatusCause/advice``.
  /// Where ``mayStillRun`` is true as well, two copies may run for a time.
  /// - Source: Apache Mesos, `mesos.proto`, `TaskState`; *Designing Highly Available Mesos Frameworks*, "Life Cycle of a Task".
  public var canReschedule: Bool {
    switch self {
    case .taskLost, .taskDropped, .taskUnreachable, .taskGone, .taskGoneByOperator, .taskUnknown: true
    case .taskStaging, .taskStarting, .taskRunning, .taskKilling, .taskFinished, .taskFailed, .taskKilled, .taskError:
      false
    }
  }

  /// Whether processes of a task in this state may be alive: it is under way, or out of the master's sight.
  ///
  /// Of the terminal states only `TASK_LOST` and `TASK_GONE_BY_OPERATOR` are among them: a task that was reported so may be heard of again
  /// when its agent comes back.
  public var mayStillRun: Bool {
    switch self {
    case .taskStaging, .taskStarting, .taskRunning, .taskKilling, .taskLost, .taskUnreachable, .taskGoneByOperator,
      .taskUnknown:
      true
    case .taskFinished, .taskFailed, .taskKilled, .taskError, .taskDropped, .taskGone: false
    }
  }

  /// Whether an executor may report the state: any but `TASK_STAGING`, which a task has before its executor speaks of it.
  /// - Source: Apache Mesos, `src/common/validation.cpp`, `validateExecutorCall`.
  public var mayComeFromExecutor: Bool { self != .taskStaging }

  /// Whether the state is one that only frameworks with the capability PARTITION_AWARE are told.
  public var needsPartitionAwareness: Bool {
    switch self {
    case .taskUnreachable, .taskGone, .taskGoneByOperator, .taskDropped, .taskUnknown: true
    case .taskStaging, .taskStarting, .taskRunning, .taskKilling, .taskFinished, .taskFailed, .taskKilled, .taskError,
      .taskLost:
      false
    }
  }

  /// The state as a framework is told: `TASK_LOST` stands for the five states that need partition awareness where it has none.
  ///
  /// For a whole status use ``TaskStatusCause/reported(toPartitionAware:)``, which knows what becomes of the reason.
  /// - Source: Apache Mesos, *High Availability Framework Guide*, "Dealing with partitioned or failed agents".
  public func reported(toPartitionAware isPartitionAware: Bool) -> TaskState {
    needsPartitionAwareness && !isPartitionAware ? .taskLost : self
  }
}
