import MesosModel

// The calls of operators that change something.
extension MasterCore {
  /// Takes a call of an operator that was found valid in itself.
  ///
  /// - Returns: What its sender is told; `nil` when that waits for the registry, and `token` is answered later.
  mutating func perform(
    _ call: MasterCall, principal: Principal?, token: CallToken, at now: Moment
  ) -> CallAnswer? {
    switch call.type {
    case .teardown: teardown(call.teardown.frameworkID.key, principal: principal, at: now)
    case .reserveResources, .unreserveResources, .createVolumes, .destroyVolumes, .growVolume, .shrinkVolume:
      convertResources(call, principal: principal, at: now)
    case .updateQuota, .setQuota, .removeQuota, .updateWeights, .drainAgent, .deactivateAgent, .reactivateAgent,
      .markAgentGone, .updateMaintenanceSchedule, .startMaintenance, .stopMaintenance:
      changeRegistry(call, principal: principal, token: token, at: now)
    default:
      .rejected(
        status: 501, text: "The call \(call.type.wireName) is not built yet; see docs/compatibility.md")
    }
  }
}
