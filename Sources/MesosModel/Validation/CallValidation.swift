import SwiftProtobuf

/// What can be said about the calls of schedulers, executors and operators without knowing what they are about.
///
/// The message of an error is what Apache Mesos answers behind `Failed to validate scheduler::Call: ` and the like.
///
/// - Source: Apache Mesos, `src/master/validation.cpp`, `src/common/validation.cpp` and `src/slave/validation.cpp`.
public enum CallValidation {
  /// Checks a call of a scheduler.
  ///
  /// - Parameters:
  ///   - call: The call.
  ///   - principal: Who makes it, nil when nobody was authenticated.
  /// - Throws: `ValidationError` about the first rule broken.
  public static func validate(_ call: SchedulerCall, principal: Principal? = nil) throws(ValidationError) {
    try validateBase(isInitialized: call.isInitialized, hasType: call.hasType)
    guard call.type != .subscribe else { return try validateSubscribe(call, principal: principal) }
    try expect(call.hasFrameworkID, "framework_id")
    switch call.type {
    case .accept: try expect(call.hasAccept, "accept")
    case .decline: try expect(call.hasDecline, "decline")
    case .acceptInverseOffers: try expect(call.hasAcceptInverseOffers, "accept_inverse_offers")
    case .declineInverseOffers: try expect(call.hasDeclineInverseOffers, "decline_inverse_offers")
    case .kill: try expect(call.hasKill, "kill")
    case .shutdown: try expect(call.hasShutdown, "shutdown")
    case .acknowledge:
      try expect(call.hasAcknowledge, "acknowledge")
      try validate(uuid: call.acknowledge.uuid, "acknowledge.uuid")
    case .acknowledgeOperationStatus:
      try expect(call.hasAcknowledgeOperationStatus, "acknowledge_operation_status")
      try validate(uuid: call.acknowledgeOperationStatus.uuid, "acknowledge_operation_status.uuid")
      try expect(call.acknowledgeOperationStatus.hasAgentID, "agent_id")
    case .reconcile: try expect(call.hasReconcile, "reconcile")
    case .reconcileOperations: try expect(call.hasReconcileOperations, "reconcile_operations")
    case .message: try expect(call.hasMessage, "message")
    case .request: try expect(call.hasRequest, "request")
    case .updateFramework:
      try expect(call.hasUpdateFramework, "update_framework")
      guard call.frameworkID.value == call.updateFramework.frameworkInfo.id.value else {
        throw ValidationError(
          .mismatch, "'framework_id' differs from 'update_framework.framework_info.id'", path: "framework_id")
      }
    case .teardown, .revive, .suppress, .subscribe, .unknown: break
    }
  }

  private static func validateSubscribe(_ call: SchedulerCall, principal: Principal?) throws(ValidationError) {
    try expect(call.hasSubscribe, "subscribe")
    let info = call.subscribe.frameworkInfo
    guard info.id.value == call.frameworkID.value, info.hasID == call.hasFrameworkID || info.id.value.isEmpty else {
      throw ValidationError(
        .mismatch, "'framework_id' differs from 'subscribe.framework_info.id'", path: "framework_id")
    }
    if let name = principal?.value, info.hasPrincipal { try validate(principal: name, matches: info) }
  }

  /// Checks that a framework is of the principal who speaks for it.
  /// - Throws: `ValidationError` with code `.mismatch`.
  public static func validate(principal name: String, matches info: FrameworkInfo) throws(ValidationError) {
    guard info.principal == name else {
      throw ValidationError(
        .mismatch,
        "Authenticated principal '\(name)' does not match principal '\(info.principal)' set in `FrameworkInfo`",
        path: "principal")
    }
  }

  static func validateBase(isInitialized: Bool, hasType: Bool) throws(ValidationError) {
    guard isInitialized else {
      throw ValidationError(.missingField, "Not initialized: a required field is missing")
    }
    try expect(hasType, "type")
  }

  static func expect(_ isPresent: Bool, _ field: String) throws(ValidationError) {
    guard isPresent else {
      throw ValidationError(.missingField, "Expecting '\(field)' to be present", path: field)
    }
  }

  static func validate(uuid: some SwiftProtobufContiguousBytes, _ path: String) throws(ValidationError) {
    guard MessageBytes.isUUID(uuid) else { throw ValidationError(.invalidValue, "Not a valid UUID", path: path) }
  }
}
