extension TaskState {
  /// Whether a task in this state never comes back: it has ended, or Apache Mesos has given it up for good.
  ///
  /// `TASK_UNREACHABLE` and `TASK_UNKNOWN` are not terminal: such a task may still be running.
  public var isTerminal: Bool {
    switch self {
    case .taskFinished, .taskFailed, .taskKilled, .taskError, .taskLost, .taskDropped, .taskGone, .taskGoneByOperator:
      true
    case .taskStaging, .taskStarting, .taskRunning, .taskKilling, .taskUnreachable, .taskUnknown:
      false
    }
  }

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
  /// - Source: Apache Mesos, *High Availability Framework Guide*, "Dealing with partitioned or failed agents".
  public func reported(toPartitionAware isPartitionAware: Bool) -> TaskState {
    needsPartitionAwareness && !isPartitionAware ? .taskLost : self
  }
}
