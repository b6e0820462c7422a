import SwiftProtobuf

extension CallValidation {
  /// Checks a call of an operator to a master. What is in quotas, weights and schedules of maintenance is checked by ``QuotaTree``,
  /// ``RoleWeights`` and ``MaintenanceValidation``, as their answers have no common beginning.
  /// - Throws: `ValidationError` about the first rule broken.
  public static func validate(_ call: MasterCall) throws(ValidationError) {
    try validateBase(isInitialized: call.isInitialized, hasType: call.hasType)
    switch call.type {
    case .getMetrics: try expect(call.hasGetMetrics, "get_metrics")
    case .setLoggingLevel: try expect(call.hasSetLoggingLevel, "set_logging_level")
    case .listFiles: try expect(call.hasListFiles, "list_files")
    case .readFile: try expect(call.hasReadFile, "read_file")
    case .updateWeights: try expect(call.hasUpdateWeights, "update_weights")
    case .reserveResources:
      try expect(call.hasReserveResources, "reserve_resources")
      try read(call.reserveResources.resources, "reserve_resources.resources")
    case .unreserveResources:
      try expect(call.hasUnreserveResources, "unreserve_resources")
      try read(call.unreserveResources.resources, "unreserve_resources.resources")
    case .createVolumes: try expect(call.hasCreateVolumes, "create_volumes")
    case .destroyVolumes: try expect(call.hasDestroyVolumes, "destroy_volumes")
    case .growVolume:
      try expect(call.hasGrowVolume, "grow_volume")
      try expectAgent(call.growVolume.hasAgentID, "grow_volume")
    case .shrinkVolume:
      try expect(call.hasShrinkVolume, "shrink_volume")
      try expectAgent(call.shrinkVolume.hasAgentID, "shrink_volume")
    case .updateMaintenanceSchedule: try expect(call.hasUpdateMaintenanceSchedule, "update_maintenance_schedule")
    case .startMaintenance: try expect(call.hasStartMaintenance, "start_maintenance")
    case .stopMaintenance: try expect(call.hasStopMaintenance, "stop_maintenance")
    case .drainAgent: try expect(call.hasDrainAgent, "drain_agent")
    case .deactivateAgent: try expect(call.hasDeactivateAgent, "deactivate_agent")
    case .reactivateAgent: try expect(call.hasReactivateAgent, "reactivate_agent")
    case .updateQuota: try expect(call.hasUpdateQuota, "update_quota")
    case .setQuota: try expect(call.hasSetQuota, "set_quota")
    case .removeQuota: try expect(call.hasRemoveQuota, "remove_quota")
    case .teardown: try expect(call.hasTeardown, "teardown")
    case .markAgentGone: try expect(call.hasMarkAgentGone, "mark_agent_gone")
    case .unknown, .getHealth, .getFlags, .getVersion, .getLoggingLevel, .getState, .getAgents, .getFrameworks,
      .getExecutors, .getOperations, .getTasks, .getRoles, .getWeights, .getMaster, .subscribe, .getMaintenanceStatus,
      .getMaintenanceSchedule, .getQuota:
      break
    }
  }

  private static func expectAgent(_ isPresent: Bool, _ field: String) throws(ValidationError) {
    guard isPresent else {
      throw ValidationError(
        .missingField,
        "Expecting 'agent_id' to be present; only agent default resources are supported right now",
        path: "\(field).agent_id")
    }
  }

  private static func read(_ messages: [Resource], _ path: String) throws(ValidationError) {
    do { _ = try Resources(messages) } catch {
      throw ValidationError(.invalidResources, error.message, path: path)
    }
  }
}
