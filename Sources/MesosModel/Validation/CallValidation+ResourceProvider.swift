import SwiftProtobuf

extension CallValidation {
  /// Checks a call of a resource provider.
  ///
  /// What an agent acts on is checked too, in the words of Apache Mesos where it has any: it ends with some of what is refused here.
  /// - Throws: `ValidationError` about the first rule broken.
  /// - Source: Apache Mesos, `src/resource_provider/validation.cpp`.
  public static func validate(_ call: ResourceProviderCall) throws(ValidationError) {
    try validateBase(isInitialized: call.isInitialized, hasType: call.hasType)
    switch call.type {
    case .unknown: break
    case .subscribe: try expect(call.hasSubscribe, "subscribe")
    case .updateOperationStatus:
      try expect(call.hasResourceProviderID, "resource_provider_id")
      try expect(call.hasUpdateOperationStatus, "update_operation_status")
      do {
        try validate(call.updateOperationStatus, of: call.resourceProviderID)
      } catch { throw error.within("", field: "update_operation_status") }
    case .updateState:
      try expect(call.hasResourceProviderID, "resource_provider_id")
      try expect(call.hasUpdateState, "update_state")
      do {
        try validate(call.updateState, of: call.resourceProviderID)
      } catch { throw error.within("", field: "update_state") }
    case .updatePublishResourcesStatus:
      try expect(call.hasResourceProviderID, "resource_provider_id")
      try expect(call.hasUpdatePublishResourcesStatus, "update_publish_resources_status")
    }
  }

  private static func validate(
    _ update: ResourceProviderCall.UpdateOperationStatus, of provider: ResourceProviderID
  ) throws(ValidationError) {
    try validate(uuid: update.operationUuid.value, "operation_uuid")
    for status in [update.status] + (update.hasLatestStatus ? [update.latestStatus] : []) {
      guard status.hasResourceProviderID, status.resourceProviderID == provider else {
        throw ValidationError(
          .mismatch, "Inconsistent resource provider ID in 'update_operation_status'", path: "status")
      }
      guard status.state.mayComeFromResourceProvider else {
        throw ValidationError(
          .invalidValue, "Operation state \(status.state.wireName) is not a resource provider's to tell", path: "status"
        )
      }
      if status.hasUuid { try validate(uuid: status.uuid.value, "status.uuid") }
    }
    // Nobody could acknowledge it.
    if update.status.state.isTerminal { try expect(update.status.hasUuid, "status.uuid") }
  }

  private static func validate(
    _ update: ResourceProviderCall.UpdateState, of provider: ResourceProviderID
  ) throws(ValidationError) {
    guard update.resources.allSatisfy({ $0.hasProviderID && $0.providerID == provider }) else {
      throw ValidationError(.mismatch, "Inconsistent resource provider ID in 'update_state'", path: "resources")
    }
    guard update.resources.allSatisfy({ !$0.hasAllocationInfo }) else {
      throw ValidationError(.invalidResources, "The resources are allocated to a role", path: "resources")
    }
    try validate(uuid: update.resourceVersionUuid.value, "resource_version_uuid")
    var seen: Set<OperationKey> = []
    for operation in update.operations {
      try validate(uuid: operation.uuid.value, "operations.uuid")
      guard let key = OperationKey(bytes: operation.uuid.value), seen.insert(key).inserted else {
        throw ValidationError(.duplicate, "Operation has a duplicate UUID", path: "operations.uuid")
      }
      guard operation.info.providerID == provider.value else {
        throw ValidationError(
          .mismatch, "Inconsistent resource provider ID in 'update_state'", path: "operations.info")
      }
    }
  }
}

extension OperationState {
  /// Whether this is how an operation can stand with a resource provider: others are said of operations that nobody can ask it about.
  public var mayComeFromResourceProvider: Bool {
    switch self {
    case .operationPending, .operationFinished, .operationFailed, .operationError, .operationDropped: true
    default: false
    }
  }
}
