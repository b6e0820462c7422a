import MesosModel
import SwiftProtobuf

/// What can be said about a scheduler's call without looking at the state.
enum CallValidation {
  static func validate(_ call: SchedulerCall, principal: Principal?) throws(ValidationError) {
    guard call.isInitialized else { throw ValidationError("Not initialized: a required field is missing") }
    guard call.hasType else { throw ValidationError("Expecting 'type' to be present") }
    guard call.type != .subscribe else { return try validateSubscribe(call, principal: principal) }
    guard call.hasFrameworkID else { throw ValidationError("Expecting 'framework_id' to be present") }
    switch call.type {
    case .accept: try expect(call.hasAccept, "accept")
    case .decline: try expect(call.hasDecline, "decline")
    case .acceptInverseOffers: try expect(call.hasAcceptInverseOffers, "accept_inverse_offers")
    case .declineInverseOffers: try expect(call.hasDeclineInverseOffers, "decline_inverse_offers")
    case .kill: try expect(call.hasKill, "kill")
    case .shutdown: try expect(call.hasShutdown, "shutdown")
    case .acknowledge:
      try expect(call.hasAcknowledge, "acknowledge")
      guard MessageBytes.isUUID(call.acknowledge.uuid) else { throw ValidationError("Not a valid UUID") }
    case .acknowledgeOperationStatus:
      try expect(call.hasAcknowledgeOperationStatus, "acknowledge_operation_status")
      let acknowledgement = call.acknowledgeOperationStatus
      guard MessageBytes.isUUID(acknowledgement.uuid) else { throw ValidationError("Not a valid UUID") }
      try expect(acknowledgement.hasAgentID, "agent_id")
    case .reconcile: try expect(call.hasReconcile, "reconcile")
    case .reconcileOperations: try expect(call.hasReconcileOperations, "reconcile_operations")
    case .message: try expect(call.hasMessage, "message")
    case .request: try expect(call.hasRequest, "request")
    case .updateFramework:
      try expect(call.hasUpdateFramework, "update_framework")
      guard call.frameworkID.value == call.updateFramework.frameworkInfo.id.value else {
        throw ValidationError("'framework_id' differs from 'update_framework.framework_info.id'")
      }
    case .teardown, .revive, .suppress, .subscribe, .unknown: break
    }
  }

  private static func expect(_ isPresent: Bool, _ field: String) throws(ValidationError) {
    guard isPresent else { throw ValidationError("Expecting '\(field)' to be present") }
  }

  private static func validateSubscribe(_ call: SchedulerCall, principal: Principal?) throws(ValidationError) {
    try expect(call.hasSubscribe, "subscribe")
    let info = call.subscribe.frameworkInfo
    guard info.id.value == call.frameworkID.value, info.hasID == call.hasFrameworkID || info.id.value.isEmpty else {
      throw ValidationError("'framework_id' differs from 'subscribe.framework_info.id'")
    }
    if let name = principal?.value, info.hasPrincipal, info.principal != name {
      throw ValidationError(
        "Authenticated principal '\(name)' does not match principal '\(info.principal)' set in `FrameworkInfo`")
    }
  }
}

/// The rules about ids that frameworks and operators choose: they become names of folders.
enum IDValidation {
  /// As long as a file name may be.
  static let lengthMax = 255

  static func validate(_ id: String) throws(ValidationError) {
    guard !id.isEmpty else { throw ValidationError("ID must not be empty") }
    guard id.utf8.count <= lengthMax else {
      throw ValidationError("ID must not be greater than \(lengthMax) characters")
    }
    guard id != ".", id != ".." else { throw ValidationError("'\(id)' is disallowed") }
    guard !id.utf8.contains(where: { $0 < 0x20 || $0 == 0x7f || $0 == UInt8(ascii: "/") || $0 == UInt8(ascii: "\\") })
    else { throw ValidationError("'\(id)' contains invalid characters") }
  }
}
