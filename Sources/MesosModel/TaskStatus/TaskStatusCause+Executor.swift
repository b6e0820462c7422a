// What executors report. They may use every state but TASK_STAGING, and reasons as they like; these are the ones with a known meaning.
extension TaskStatusCause {
  // MARK: The life of a task

  /// The executor has the task and prepares it.
  public static let starting = TaskStatusCause(
    .taskStarting, .executor, nil, by: [.commandExecutor, .defaultExecutor, .dockerExecutor, .customExecutors],
    .nothing,
    "The executor has the task and prepares it.")

  /// The task runs.
  public static let running = TaskStatusCause(
    .taskRunning, .executor, nil, by: [.commandExecutor, .defaultExecutor, .dockerExecutor, .customExecutors], .nothing,
    "The task runs.")

  /// A kill of the task is under way.
  public static let killing = TaskStatusCause(
    .taskKilling, .executor, nil, by: [.commandExecutor, .defaultExecutor, .dockerExecutor, .customExecutors], .nothing,
    "The executor is stopping the task. Executors of Apache Mesos report it to frameworks with TASK_KILLING_STATE alone."
  )

  /// The task ended by itself and succeeded.
  public static let finished = TaskStatusCause(
    .taskFinished, .executor, nil, by: [.commandExecutor, .defaultExecutor, .dockerExecutor, .customExecutors],
    .nothing,
    "The task ended by itself and succeeded; a command, with the exit code 0.")

  /// The task ended by itself and did not succeed.
  public static let failed = TaskStatusCause(
    .taskFailed, .executor, nil, by: [.commandExecutor, .defaultExecutor, .dockerExecutor, .customExecutors], .judge,
    "The task did not succeed: its command could not be started, ended with another exit code than 0 or by a signal; or the executor "
      + "cannot run the task.")

  /// The task was stopped because somebody asked for it.
  public static let killed = TaskStatusCause(
    .taskKilled, .executor, nil, by: [.commandExecutor, .defaultExecutor, .dockerExecutor, .customExecutors], .nothing,
    "The task was stopped: by its framework, because its executor was shut down, because it was unhealthy, or with the group it "
      + "belongs to.")

  /// The executor refuses the task.
  public static let refused = TaskStatusCause(
    .taskError, .executor, nil, by: [.customExecutors], .fix,
    here: .never("Left to executors of frameworks; ours have no such check"),
    "The executor refuses the task's description.")

  /// The executor could not take the task group on.
  public static let dropped = TaskStatusCause(
    .taskDropped, .executor, nil, by: [.defaultExecutor, .customExecutors], .reschedule,
    here: .later("The default executor"),
    "The executor could not take the task group on, as the agent did not answer it.")

  /// The executor could not take the task on or does not have it any more, said in the old way.
  public static let lost = TaskStatusCause(
    .taskLost, .executor, nil, by: [.defaultExecutor, .customExecutors], .reschedule,
    here: .later("The default executor"),
    "The executor could not take the task on, or does not have it any more; it says so in the way that every framework knows."
  )

  /// The task runs no longer, and its executor does not know why.
  public static let gone = TaskStatusCause(
    .taskGone, .executor, nil, by: [.customExecutors], .reschedule,
    here: .never("Left to executors of frameworks"),
    "The task is not there any more, and its executor knows no more.")

  // MARK: Checks and limits

  /// A check of the task gave another result.
  public static let checkStatusUpdated = TaskStatusCause(
    .taskRunning, .executor, .taskCheckStatusUpdated, by: [.commandExecutor, .defaultExecutor, .customExecutors],
    .nothing, "A check of the task gave another result than before; `check_status` has it.")

  /// A health check of the task gave another result, or was not passed again.
  public static let healthCheckStatusUpdated = TaskStatusCause(
    .taskRunning, .executor, .taskHealthCheckStatusUpdated,
    by: [.commandExecutor, .defaultExecutor, .dockerExecutor, .customExecutors], .nothing,
    "The task has become healthy or unhealthy; `healthy` says which. Executors of Apache Mesos report each failure.")

  /// The task ran for longer than it may.
  public static let maxCompletionTimeReached = TaskStatusCause(
    .taskFailed, .executor, .maxCompletionTimeReached, by: [.commandExecutor, .defaultExecutor, .dockerExecutor], .fix,
    "The task ran for longer than its `max_completion_time` and was stopped.")

  /// The task's nested container went beyond a limit that has no reason of its own.
  public static let nestedContainerLimitation = TaskStatusCause(
    .taskFailed, .executor, .containerLimitation, by: [.defaultExecutor], .fix, here: .later("The default executor"),
    "The task's nested container went beyond what it was given; the agent told the executor.")

  /// The task's nested container used more memory than it had.
  public static let nestedContainerLimitationMemory = TaskStatusCause(
    .taskFailed, .executor, .containerLimitationMemory, by: [.defaultExecutor], .fix,
    here: .later("The default executor"),
    "The task's nested container used more memory than it had; the agent told the executor.")

  /// The task's nested container used more disk than it had.
  public static let nestedContainerLimitationDisk = TaskStatusCause(
    .taskFailed, .executor, .containerLimitationDisk, by: [.defaultExecutor], .fix,
    here: .later("The default executor"),
    "The task's nested container used more disk than it had; the agent told the executor.")

  /// What carries the nested container's input and output ended.
  public static let nestedContainerIOSwitchboardExited = TaskStatusCause(
    .taskFailed, .executor, .ioSwitchboardExited, by: [.defaultExecutor], .reschedule,
    here: .later("The default executor"),
    "The process that carries the input and output of the task's nested container ended; the agent told the executor.")

  // MARK: Reasons that custom executors are advised to use

  /// The executor's own checks refuse the task.
  public static let taskInvalidToExecutor = TaskStatusCause(
    .taskError, .executor, .taskInvalid, by: [.customExecutors], .fix,
    here: .never("Left to executors of frameworks; ours have no such check"),
    "The executor checks descriptions itself and refuses this one; the message names the check.")

  /// The executor's own rules do not allow the task.
  public static let taskUnauthorizedToExecutor = TaskStatusCause(
    .taskError, .executor, .taskUnauthorized, by: [.customExecutors], .fix,
    here: .never("Left to executors of frameworks; ours have no such check"),
    "The executor decides itself who may run what, and refuses this task.")

  // MARK: What the agent makes of a status while it is drained

  /// A kill of the task is under way, as its agent is being drained.
  public static let drainingByExecutor = TaskStatusCause(
    .taskKilling, .executor, .agentDraining,
    by: [.customExecutors, .commandExecutor, .defaultExecutor, .dockerExecutor, .agent],
    .nothing,
    "The executor is stopping the task, and the agent, which is being drained, has put its reason in the place of the executor's."
  )

  /// The task was stopped, as its agent is being drained.
  public static let drainedByExecutor = TaskStatusCause(
    .taskKilled, .executor, .agentDraining,
    by: [.customExecutors, .commandExecutor, .defaultExecutor, .dockerExecutor, .agent],
    .reschedule,
    "The executor has stopped the task, and the agent, which is being drained, has put its reason in the place of the executor's."
  )

  /// The same where the agent is marked as gone after the draining.
  public static let drainedForGoodByExecutor = TaskStatusCause(
    .taskGoneByOperator, .executor, .agentDraining,
    by: [.customExecutors, .commandExecutor, .defaultExecutor, .dockerExecutor, .agent], .reschedule,
    "The executor has stopped or is stopping the task, and the agent, which is being drained to be marked as gone, has changed state "
      + "and reason. Frameworks without PARTITION_AWARE are told TASK_KILLED or TASK_KILLING.")
}
