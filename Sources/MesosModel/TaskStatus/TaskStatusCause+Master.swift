// What masters report by themselves.
extension TaskStatusCause {
  // MARK: A task that will not be launched

  /// The task's description or what it asks for was refused.
  public static let taskInvalid = TaskStatusCause(
    .taskError, .master, .taskInvalid, by: [.master], .fix,
    "The task's description, or what it takes from the offer, does not pass the master's checks; the message names the check."
  )

  /// A task group, or what it asks for, was refused; all of its tasks are reported.
  public static let taskGroupInvalid = TaskStatusCause(
    .taskError, .master, .taskGroupInvalid, by: [.master], .fix,
    "A task group, its executor, or what they take from the offer, does not pass the master's checks. Each task of the group is "
      + "reported.")

  /// The master's rules do not let the framework run the task.
  public static let taskUnauthorized = TaskStatusCause(
    .taskError, .master, .taskUnauthorized, by: [.master], .fix,
    "The master's rules do not let the framework's principal run a task as that user.")

  /// The master's rules do not let the framework run the task group.
  public static let taskGroupUnauthorized = TaskStatusCause(
    .taskError, .master, .taskGroupUnauthorized, by: [.master], .fix,
    "The master's rules do not let the framework's principal run one of the group's tasks. Each task of the group is reported."
  )

  /// The offers that the task was launched on do not stand.
  public static let invalidOffers = TaskStatusCause(
    .taskDropped, .master, .invalidOffers, by: [.master], .reschedule,
    "The offers named in the ACCEPT call cannot be used: one was rescinded or already answered, or they do not belong together."
  )

  /// The agent was removed after its offer was accepted and before the task was sent to it.
  public static let agentRemovedBeforeLaunch = TaskStatusCause(
    .taskDropped, .master, .agentRemoved, by: [.master], .reschedule,
    here: .never("A launch is sent, or refused, in the same step as its offers are taken: there is no time between"),
    "The offer was accepted, and its agent was removed before the task was sent there.")

  /// The agent lost its connection after its offer was accepted and before the task was sent to it.
  public static let agentDisconnectedBeforeLaunch = TaskStatusCause(
    .taskDropped, .master, .agentDisconnected, by: [.master], .reschedule,
    here: .never("A launch is sent, or refused, in the same step as its offers are taken: there is no time between"),
    "The offer was accepted, and its agent's connection broke before the task was sent there.")

  /// The master does not know reserved resources or volumes that the task takes.
  public static let resourcesUnknown = TaskStatusCause(
    .taskDropped, .master, .resourcesUnknown, by: [.master], .reschedule,
    here: .never("Apache Mesos' page lists it; its source has it for agents alone"),
    "The task takes reserved resources or volumes that the master does not know of.")

  /// The scheduler driver had no master when the task was to be launched.
  public static let masterDisconnected = TaskStatusCause(
    .taskDropped, .master, .masterDisconnected, by: [.schedulerDriver], .reschedule,
    here: .never("Schedulers of the v1 API are told that a call cannot be sent instead"),
    "The scheduler driver was not connected when the task was to be launched, and answers in the master's name.")

  /// The task was killed while the master still decided about its launch.
  public static let killedBeforeDeliveryToAgent = TaskStatusCause(
    .taskKilled, .master, .taskKilledDuringLaunch, by: [.master], .nothing,
    here: .never("Releases before 1.10 only; later ones order the kill behind the launch"),
    "The task, or another of its group, was killed while the master was still authorizing the launch.")

  // MARK: A task whose framework or agent is gone

  /// The framework was removed; its tasks are being killed.
  public static let frameworkRemoved = TaskStatusCause(
    .taskKilled, .master, .frameworkRemoved, by: [.master], .nothing,
    "The framework was torn down or did not come back in time. The master notes the state before the agent has stopped the task; "
      + "operators see it, the framework is not there to be told.")

  /// The agent is registered no longer and will not come back under its id.
  public static let agentRemoved = TaskStatusCause(
    .taskLost, .master, .agentRemoved, by: [.master], .reschedule,
    "The task's agent is registered no longer: it left, was marked as gone, or was not heard of for too long. Frameworks with "
      + "PARTITION_AWARE are told a more telling state of the latter two.")

  /// The agent's connection broke, and the framework's tasks do not outlive that.
  public static let agentDisconnected = TaskStatusCause(
    .taskLost, .master, .agentDisconnected, by: [.master], .reschedule,
    here: .later("Frameworks without checkpointing"),
    "The task's agent lost its connection, and its framework does not checkpoint: such tasks are given up at once, whatever the "
      + "framework's capabilities.")

  /// The agent was not heard of for too long.
  public static let agentUnreachable = TaskStatusCause(
    .taskUnreachable, .master, .agentRemoved, by: [.master], .reschedule,
    "The task's agent did not answer the master's pings, or did not come back after a fail-over, in time. The task may still run and "
      + "is heard of again when the agent returns.")

  /// An operator said that the agent will not come back.
  public static let agentRemovedByOperator = TaskStatusCause(
    .taskGoneByOperator, .master, .agentRemovedByOperator, by: [.master], .reschedule,
    "An operator marked the task's agent as gone. If that was a mistake, the task may still run.")

  // MARK: What is said of a task without a change

  /// The answer to a reconciliation: the newest state that the master knows of the task.
  ///
  /// - Parameter state: Any state: that of a known task is whatever was reported of it last; of one that is not known the states are
  ///   `TASK_GONE`, `TASK_UNREACHABLE`, `TASK_GONE_BY_OPERATOR` and `TASK_UNKNOWN`.
  public static func reconciliation(_ state: TaskState) -> TaskStatusCause {
    reconciliations[state] ?? makeReconciliation(state)
  }

  /// The answer to a framework about a task on an agent that came back: the state that the agent gives.
  ///
  /// - Parameter state: Any state: it is whatever the agent says.
  public static func agentReregistered(_ state: TaskState) -> TaskStatusCause {
    reregistrations[state] ?? makeReregistration(state)
  }

  static let reconciliations = Dictionary(
    uniqueKeysWithValues: TaskState.allCases.map { ($0, makeReconciliation($0)) })
  static let reregistrations = Dictionary(
    uniqueKeysWithValues: TaskState.allCases.map { ($0, makeReregistration($0)) })

  private static func makeReconciliation(_ state: TaskState) -> TaskStatusCause {
    let known = "The framework asked, and this is the newest state that the master knows."
    let meaning =
      switch state {
      case .taskGone:
        "The framework asked for a task that the master does not know, on an agent that is registered. Also: " + latest
      case .taskUnreachable:
        "The framework asked for a task on an agent that is unreachable; `unreachable_time` says since when. Also: "
          + latest
      case .taskGoneByOperator:
        "The framework asked for a task on an agent that an operator marked as gone. Also: " + latest
      case .taskUnknown:
        "The framework asked, and the master knows neither the task nor its agent, or was given no agent."
      case .taskLost:
        "The framework asked, and the task is lost; or the framework is without PARTITION_AWARE, and the state is one of those that "
          + "it is not told."
      default: known
      }
    return TaskStatusCause(
      state, .master, .reconciliation, by: [.master], advice(after: state), meaning)
  }

  private static let latest = "it is the newest state that the master knows."

  private static func makeReregistration(_ state: TaskState) -> TaskStatusCause {
    TaskStatusCause(
      state, .master, .agentReregistered, by: [.master], advice(after: state),
      "The task's agent is back after it was unreachable or forgotten, and this is the state that it gives. Data and message of the "
        + "original status are not repeated.")
  }

  /// What the state calls for when nothing more is known.
  static func advice(after state: TaskState) -> Advice {
    switch state {
    case .taskError: .fix
    case .taskFailed: .judge
    case .taskLost, .taskDropped, .taskUnreachable, .taskGone, .taskGoneByOperator, .taskUnknown: .reschedule
    case .taskStaging, .taskStarting, .taskRunning, .taskKilling, .taskFinished, .taskKilled: .nothing
    }
  }
}
