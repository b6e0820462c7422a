import SwiftProtobuf

extension CallValidation {
  /// Checks a call of an executor.
  /// - Throws: `ValidationError` about the first rule broken.
  public static func validate(_ call: ExecutorCall) throws(ValidationError) {
    try validateBase(isInitialized: call.isInitialized, hasType: call.hasType)
    try expect(call.hasExecutorID, "executor_id")
    try expect(call.hasFrameworkID, "framework_id")
    switch call.type {
    case .subscribe: try expect(call.hasSubscribe, "subscribe")
    case .message: try expect(call.hasMessage, "message")
    case .update:
      try expect(call.hasUpdate, "update")
      do { try validate(call.update.status, of: call) } catch { throw error.within("", field: "update.status") }
    case .heartbeat, .unknown: break
    }
  }

  private static func validate(_ status: TaskStatus, of call: ExecutorCall) throws(ValidationError) {
    let executor = call.executorID.value
    let sender = "executor \(executor) of framework \(call.frameworkID.value)"
    try expect(status.hasUuid, "uuid")
    try validate(uuid: status.uuid, "uuid")
    guard !status.hasExecutorID || status.executorID.value == executor else {
      throw ValidationError(
        .mismatch,
        "ExecutorID in Call: \(executor) does not match ExecutorID in TaskStatus: \(status.executorID.value)",
        path: "executor_id")
    }
    guard status.hasSource, status.source == .executor else {
      throw ValidationError(
        .invalidValue, "Received Call from \(sender) with invalid source, expecting 'SOURCE_EXECUTOR'", path: "source")
    }
    guard status.state != .taskStaging else {
      throw ValidationError(
        .invalidValue, "Received TASK_STAGING from \(sender) which is not allowed", path: "state")
    }
    guard status.hasCheckStatus else { return }
    do { try CheckValidation.validate(status.checkStatus) } catch { throw error.within("", field: "check_status") }
  }
}
