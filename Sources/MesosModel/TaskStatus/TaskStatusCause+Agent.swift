// What agents report by themselves.
extension TaskStatusCause {
  // MARK: A task that is not launched

  /// The agent's rules do not let the framework run the task.
  public static let taskUnauthorizedOnAgent = TaskStatusCause(
    .taskError, .agent, .taskUnauthorized, by: [.agent], .fix, here: .later("Authorization"),
    "The agent's rules do not let the framework's principal run a task as that user.")

  /// The agent's rules do not let the framework run the task group.
  public static let taskGroupUnauthorizedOnAgent = TaskStatusCause(
    .taskError, .agent, .taskGroupUnauthorized, by: [.agent], .fix, here: .later("Authorization"),
    "The agent's rules do not let the framework's principal run one of the group's tasks. Each task of the group is reported."
  )

  /// The agent cannot make sense of the task's description.
  public static let taskInvalidOnAgent = TaskStatusCause(
    .taskError, .agent, .taskInvalid, by: [.agent], .fix,
    "The agent cannot make sense of the task's description, though its master passed it on. Agents of Apache Mesos do not check."
  )

  /// An executor of the command task's id is already there.
  public static let executorInUse = TaskStatusCause(
    .taskDropped, .agent, .taskInvalid, by: [.agent], .reschedule,
    "A command task has the id of an executor that is still there, so that its own executor cannot be started: use another task id."
  )

  /// The executor that was to run the task is ending, has ended or is not there.
  public static let executorGone = TaskStatusCause(
    .taskDropped, .agent, .executorTerminated, by: [.agent], .reschedule,
    "The executor that was to run the task is ending or has ended; or the framework killed a task that the agent does not have."
  )

  /// The offer is older than the agent's resources.
  public static let outdatedResources = TaskStatusCause(
    .taskDropped, .agent, .invalidOffers, by: [.agent], .reschedule,
    "The agent's resources have changed since the offer was made.")

  /// The agent does not have reserved resources or volumes that the task takes.
  public static let resourcesUnknownToAgent = TaskStatusCause(
    .taskDropped, .agent, .resourcesUnknown, by: [.agent], .reschedule,
    here: .later("Reservations and persistent volumes"),
    "The task or its executor takes reserved resources or volumes that the agent does not have.")

  /// A folder that the task needs is about to be deleted.
  public static let gcError = TaskStatusCause(
    .taskDropped, .agent, .gcError, by: [.agent], .reschedule,
    here: .never("A folder that is in use again is taken off the list in one step, which cannot fail"),
    "A folder that the task would use again was waiting to be deleted and could not be kept.")

  /// The agent is being drained and takes no tasks.
  public static let launchedWhileDraining = TaskStatusCause(
    .taskDropped, .agent, .agentDraining, by: [.agent], .reschedule,
    "The task arrived while its agent was being drained.")

  /// The agent was restarted before the executor had the task.
  public static let agentRestarted = TaskStatusCause(
    .taskDropped, .agent, .agentRestarted, by: [.agent], .reschedule,
    here: .never("The agent keeps such a task and gives it to its executor after the restart"),
    "The agent was restarted between taking the task in and giving it to its executor.")

  /// The master asked for a task that the agent does not have.
  public static let unknownToAgent = TaskStatusCause(
    .taskDropped, .agent, .reconciliation, by: [.agent], .reschedule,
    "The master takes the task to be on the agent, and the agent does not have it: it never arrived.")

  /// The task was killed before its executor had it.
  public static let killedBeforeDelivery = TaskStatusCause(
    .taskKilled, .agent, .taskKilledDuringLaunch, by: [.agent], .nothing,
    "The task, or another of its group, was killed before its executor had it.")

  /// The same in old releases.
  public static let killedBeforeRegistration = TaskStatusCause(
    .taskKilled, .agent, .executorUnregistered, by: [.agent], .nothing,
    here: .never("Releases before 1.5 only; later ones report REASON_TASK_KILLED_DURING_LAUNCH"),
    "The task was killed before its executor had subscribed.")

  // MARK: A task that ends with its container

  /// The container could not be started.
  public static let containerLaunchFailed = TaskStatusCause(
    .taskFailed, .agent, .containerLaunchFailed, by: [.agent], .judge,
    "The container could not be started: an artifact could not be fetched, an image or an isolator failed, or the executor was "
      + "stopped on the way. The message says which.")

  /// The container went beyond a limit that has no reason of its own.
  public static let containerLimitation = TaskStatusCause(
    .taskFailed, .agent, .containerLimitation, by: [.agent], .fix, here: .later("Isolators that set limits"),
    "The container went beyond what it was given, such as by listening on ports that it does not have; `limitation` may say of what."
  )

  /// The container used more memory than it had.
  public static let containerLimitationMemory = TaskStatusCause(
    .taskFailed, .agent, .containerLimitationMemory, by: [.agent], .fix, here: .later("Isolators that set limits"),
    "The container used more memory than it had and was stopped.")

  /// The container used more disk than it had.
  public static let containerLimitationDisk = TaskStatusCause(
    .taskFailed, .agent, .containerLimitationDisk, by: [.agent], .fix, here: .later("Isolators that set limits"),
    "The container used more disk than it had and was stopped.")

  /// What carries the container's input and output ended.
  public static let ioSwitchboardExited = TaskStatusCause(
    .taskFailed, .agent, .ioSwitchboardExited, by: [.agent], .reschedule,
    here: .later("Attaching to a container's input and output"),
    "The process that carries the container's input and output ended, and the container with it.")

  /// The executor did not subscribe in time after its start.
  public static let executorRegistrationTimeout = TaskStatusCause(
    .taskFailed, .agent, .executorRegistrationTimeout, by: [.agent], .judge,
    "The executor was started and did not subscribe within the agent's `--executor_registration_timeout`.")

  /// The executor did not subscribe again in time after the agent's restart.
  public static let executorReregistrationTimeout = TaskStatusCause(
    .taskGone, .agent, .executorReregistrationTimeout, by: [.agent], .reschedule,
    "The agent was restarted, and the executor did not subscribe again within its `--executor_reregistration_timeout`.")

  /// The same as Apache Mesos' page has it.
  public static let executorReregistrationTimeoutAsDocumented = TaskStatusCause(
    .taskFailed, .agent, .executorReregistrationTimeout, by: [.agent], .reschedule,
    here: .never(
      "Apache Mesos' page has this state; its agents report TASK_GONE, or TASK_LOST without PARTITION_AWARE"),
    "The agent was restarted, and the executor did not subscribe again in time.")

  /// The executor ended and left the task behind.
  public static let executorTerminated = TaskStatusCause(
    .taskFailed, .agent, .executorTerminated, by: [.agent], .judge,
    "The executor ended without having reported how the task did, and no more is known.")

  /// The container was stopped to give revocable resources back.
  public static let containerPreempted = TaskStatusCause(
    .taskGone, .agent, .containerPreempted, by: [.agent], .reschedule, here: .later("Oversubscription"),
    "The container ran on revocable resources, and the agent's QoS controller took them back.")

  /// The container could not be given other resources.
  public static let containerUpdateFailed = TaskStatusCause(
    .taskGone, .agent, .containerUpdateFailed, by: [.agent], .reschedule,
    "The container could not be given the resources that its tasks need, and was stopped.")

  // MARK: A task on an agent that is drained

  /// The task was killed before its executor had it, on an agent that is being drained.
  public static let drained = TaskStatusCause(
    .taskKilled, .agent, .agentDraining, by: [.agent], .reschedule,
    "The task was killed before its executor had it, while its agent was being drained.")

  /// The same where the agent is marked as gone after the draining.
  public static let drainedForGood = TaskStatusCause(
    .taskGoneByOperator, .agent, .agentDraining, by: [.agent], .reschedule,
    "The task was killed before its executor had it, while its agent was being drained to be marked as gone. Frameworks without "
      + "PARTITION_AWARE are told TASK_KILLED.")
}
