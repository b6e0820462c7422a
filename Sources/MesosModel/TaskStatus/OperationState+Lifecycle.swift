extension OperationState {
  /// Whether an operation in this state never changes again, as far as Apache Mesos counts.
  ///
  /// `OPERATION_GONE_BY_OPERATOR` is terminal although an agent that was wrongly given up may have applied the operation.
  /// - Source: Apache Mesos, `src/common/protobuf_utils.cpp`, `isTerminalState`.
  public var isTerminal: Bool {
    switch self {
    case .operationFinished, .operationFailed, .operationError, .operationDropped, .operationGoneByOperator: true
    case .operationUnsupported, .operationPending, .operationUnreachable, .operationRecovering, .operationUnknown:
      false
    }
  }

  /// Whether the state by itself calls for trying the same operation again, under a new operation id and on an offer as it is then.
  ///
  /// True for `OPERATION_DROPPED` alone: the operation did not reach whoever had to apply it, for a passing cause. False for
  /// `OPERATION_ERROR`, which would be refused again; for `OPERATION_FAILED`, where only the framework can tell; and for every
  /// state in which it may have been applied or still be: ``mayStillBeApplied``.
  /// - Source: Apache Mesos, `mesos.proto`, `OperationState`.
  public var canRetry: Bool { self == .operationDropped }

  /// Whether the operation may be applied later, or has been applied unseen: it is pending, or out of the master's sight.
  public var mayStillBeApplied: Bool {
    switch self {
    case .operationPending, .operationUnreachable, .operationGoneByOperator, .operationRecovering, .operationUnknown:
      true
    case .operationUnsupported, .operationFinished, .operationFailed, .operationError, .operationDropped: false
    }
  }
}
