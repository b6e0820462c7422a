extension TaskStatusCause {
  /// The whole table, by state in the order of a task's life, then by source, then by the reason's name, none first.
  ///
  /// It holds each static member, ``reconciliation(_:)`` and ``agentReregistered(_:)`` for every state, and what frameworks without
  /// partition awareness are told in place of them. No triple comes twice.
  public static let all: [TaskStatusCause] = {
    let reduced = own.keys.sorted(by: precedes).map { $0.reported(toPartitionAware: false) }.filter { own[$0] == nil }
    return Set(own.values).union(reduced).sorted(by: precedes)
  }()

  /// Reasons that no row has, with why.
  public static let unusedReasons: [(reason: TaskStatus.Reason, why: String)] = [
    (
      .commandExecutorFailed,
      "Deprecated. It is the value 0, which readers see that do not look whether there is a reason at all."
    ),
    (.invalidFrameworkid, "Not used since 1.4."),
    (.agentUnknown, "Not used since 1.4."),
    (.taskUnknown, "Not used since 1.4."),
  ]

  /// Returns the row of a triple, or nil for one that the table does not have.
  ///
  /// - Parameters:
  ///   - state: The status' state.
  ///   - source: Who reports it.
  ///   - reason: Its reason, nil for a status without one.
  /// - Complexity: O(1).
  public static func find(
    state: TaskState, source: TaskStatus.Source, reason: TaskStatus.Reason?
  ) -> TaskStatusCause? {
    rows[Key(state: state, source: source, reason: reason)]
  }

  /// Whether a status with this triple is in order, whoever sends it: the table has it; or it comes from an executor, and those may report
  /// every state but `TASK_STAGING` with any reason or none.
  ///
  /// - Source: Apache Mesos, *Task State Reasons*, "Guidelines for Framework Authors"; `src/common/validation.cpp`.
  public static func isAccepted(
    state: TaskState, source: TaskStatus.Source, reason: TaskStatus.Reason?
  ) -> Bool {
    source == .executor ? state.mayComeFromExecutor : find(state: state, source: source, reason: reason) != nil
  }

  /// The rows that are written down, rather than derived for frameworks without partition awareness.
  static let own: [TaskStatusCause: TaskStatusCause] = {
    let written = fromMasters + fromAgents + fromExecutors
    let families = TaskState.allCases.flatMap { [reconciliation($0), agentReregistered($0)] }
    return Dictionary(uniqueKeysWithValues: (written + families).map { ($0, $0) })
  }()

  private static let fromMasters: [TaskStatusCause] = [
    taskInvalid, taskGroupInvalid, taskUnauthorized, taskGroupUnauthorized, invalidOffers, agentRemovedBeforeLaunch,
    agentDisconnectedBeforeLaunch, resourcesUnknown, masterDisconnected, killedBeforeDeliveryToAgent, frameworkRemoved,
    agentRemoved, agentDisconnected, agentUnreachable, agentRemovedByOperator,
  ]

  private static let fromAgents: [TaskStatusCause] = [
    taskUnauthorizedOnAgent, taskGroupUnauthorizedOnAgent, taskInvalidOnAgent, executorInUse, executorGone,
    outdatedResources, resourcesUnknownToAgent, gcError, launchedWhileDraining, agentRestarted, unknownToAgent,
    killedBeforeDelivery, killedBeforeRegistration, containerLaunchFailed, containerLimitation,
    containerLimitationMemory, containerLimitationDisk, ioSwitchboardExited, executorRegistrationTimeout,
    executorReregistrationTimeout, executorReregistrationTimeoutAsDocumented, executorTerminated, containerPreempted,
    containerUpdateFailed, drained, drainedForGood,
  ]

  private static let fromExecutors: [TaskStatusCause] = [
    starting, running, killing, finished, failed, killed, refused, dropped, lost, gone, checkStatusUpdated,
    healthCheckStatusUpdated, maxCompletionTimeReached, nestedContainerLimitation, nestedContainerLimitationMemory,
    nestedContainerLimitationDisk, nestedContainerIOSwitchboardExited, taskInvalidToExecutor,
    taskUnauthorizedToExecutor, drainingByExecutor, drainedByExecutor, drainedForGoodByExecutor,
  ]

  private struct Key: Hashable {
    var state: TaskState
    var source: TaskStatus.Source
    var reason: TaskStatus.Reason?
  }

  private static let rows = Dictionary(
    uniqueKeysWithValues: all.map { (Key(state: $0.state, source: $0.source, reason: $0.reason), $0) })

  private static let lifeCycle: [TaskState] = [
    .taskStaging, .taskStarting, .taskRunning, .taskKilling, .taskFinished, .taskFailed, .taskKilled, .taskError,
    .taskLost, .taskDropped, .taskUnreachable, .taskGone, .taskGoneByOperator, .taskUnknown,
  ]

  private static func precedes(_ left: TaskStatusCause, _ right: TaskStatusCause) -> Bool {
    func rank(_ cause: TaskStatusCause) -> (Int, Int, String) {
      (lifeCycle.firstIndex(of: cause.state) ?? lifeCycle.count, cause.source.rawValue, cause.reason?.wireName ?? "")
    }
    return rank(left) < rank(right)
  }
}
