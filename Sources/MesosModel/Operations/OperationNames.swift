extension Offer.Operation.TypeEnum {
  /// Such as `GROW_VOLUME`.
  public var wireName: String {
    switch self {
    case .unknown: "UNKNOWN"
    case .launch: "LAUNCH"
    case .launchGroup: "LAUNCH_GROUP"
    case .reserve: "RESERVE"
    case .unreserve: "UNRESERVE"
    case .create: "CREATE"
    case .destroy: "DESTROY"
    case .growVolume: "GROW_VOLUME"
    case .shrinkVolume: "SHRINK_VOLUME"
    case .createDisk: "CREATE_DISK"
    case .destroyDisk: "DESTROY_DISK"
    }
  }
}

extension OperationState {
  /// Such as `OPERATION_FINISHED`.
  public var wireName: String {
    switch self {
    case .operationUnsupported: "OPERATION_UNSUPPORTED"
    case .operationPending: "OPERATION_PENDING"
    case .operationFinished: "OPERATION_FINISHED"
    case .operationFailed: "OPERATION_FAILED"
    case .operationError: "OPERATION_ERROR"
    case .operationDropped: "OPERATION_DROPPED"
    case .operationUnreachable: "OPERATION_UNREACHABLE"
    case .operationGoneByOperator: "OPERATION_GONE_BY_OPERATOR"
    case .operationRecovering: "OPERATION_RECOVERING"
    case .operationUnknown: "OPERATION_UNKNOWN"
    }
  }
}
