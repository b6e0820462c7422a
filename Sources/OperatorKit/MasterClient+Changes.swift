public import MesosModel
import SwiftProtobuf

// Calls that change something. Each returns when the master has taken it, and throws `OperatorError` otherwise.
extension MasterClient {
  /// Makes the master log more or less for a while.
  ///
  /// - Parameters:
  ///   - level: 0 to 3.
  ///   - duration: After it the level falls back to what the flags say.
  public func setLoggingLevel(_ level: UInt32, for duration: Duration) async throws(OperatorError) {
    try await tell(.setLoggingLevel) { call in
      call.setLoggingLevel.level = level
      call.setLoggingLevel.duration.nanoseconds = duration.wholeNanoseconds
    }
  }

  /// Sets the weights of roles; others keep theirs.
  public func updateWeights(_ weights: [WeightInfo]) async throws(OperatorError) {
    try await tell(.updateWeights) { $0.updateWeights.weightInfos = weights }
  }

  // MARK: Reservations and volumes

  /// Reserves resources of an agent. The agent applies it after the answer; GET_AGENTS shows when it has.
  ///
  /// - Parameters:
  ///   - agent: Whose they are.
  ///   - resources: The resources as they are to be, with their reservations.
  ///   - source: The resources as they are, where a reservation is to be changed into another.
  /// - Throws: Code `.conflict` where the agent has not so much that is free.
  public func reserveResources(
    on agent: AgentID, _ resources: [Resource], from source: [Resource] = []
  ) async throws(OperatorError) {
    try await tell(.reserveResources) { call in
      call.reserveResources = .with {
        $0.agentID = agent
        $0.resources = resources
        $0.source += source
      }
    }
  }

  /// Gives up reservations; one level of a refined reservation.
  public func unreserveResources(on agent: AgentID, _ resources: [Resource]) async throws(OperatorError) {
    try await tell(.unreserveResources) { call in
      call.unreserveResources.agentID = agent
      call.unreserveResources.resources = resources
    }
  }

  /// Makes persistent volumes out of reserved disk.
  public func createVolumes(on agent: AgentID, _ volumes: [Resource]) async throws(OperatorError) {
    try await tell(.createVolumes) { call in
      call.createVolumes.agentID = agent
      call.createVolumes.volumes = volumes
    }
  }

  /// Destroys persistent volumes with the data in them.
  public func destroyVolumes(on agent: AgentID, _ volumes: [Resource]) async throws(OperatorError) {
    try await tell(.destroyVolumes) { call in
      call.destroyVolumes.agentID = agent
      call.destroyVolumes.volumes = volumes
    }
  }

  /// Makes a persistent volume larger.
  ///
  /// - Parameters:
  ///   - agent: Where the volume is; `nil` for a volume of a resource provider, which Apache Mesos 1.11 refuses.
  ///   - volume: As it is.
  ///   - addition: Free disk of the same kind and reservation.
  public func growVolume(
    on agent: AgentID?, _ volume: Resource, by addition: Resource
  ) async throws(OperatorError) {
    try await tell(.growVolume) { call in
      if let agent { call.growVolume.agentID = agent }
      call.growVolume.volume = volume
      call.growVolume.addition = addition
    }
  }

  /// Makes a persistent volume smaller.
  ///
  /// - Parameters:
  ///   - agent: Where the volume is; `nil` for a volume of a resource provider, which Apache Mesos 1.11 refuses.
  ///   - volume: As it is.
  ///   - amount: What it loses, in MB (2^20 bytes); less than the volume has.
  public func shrinkVolume(
    on agent: AgentID?, _ volume: Resource, by amount: Scalar
  ) async throws(OperatorError) {
    try await tell(.shrinkVolume) { call in
      if let agent { call.shrinkVolume.agentID = agent }
      call.shrinkVolume.volume = volume
      call.shrinkVolume.subtract.value = amount.doubleValue
    }
  }

  // MARK: Maintenance

  /// Plans maintenance, in the place of what was planned.
  public func updateMaintenanceSchedule(_ schedule: MaintenanceSchedule) async throws(OperatorError) {
    try await tell(.updateMaintenanceSchedule) { $0.updateMaintenanceSchedule.schedule = schedule }
  }

  /// Takes machines down that are scheduled for it: their agents are removed and refused.
  public func startMaintenance(of machines: [MachineID]) async throws(OperatorError) {
    try await tell(.startMaintenance) { $0.startMaintenance.machines = machines }
  }

  /// Lets machines come back that are down.
  public func stopMaintenance(of machines: [MachineID]) async throws(OperatorError) {
    try await tell(.stopMaintenance) { $0.stopMaintenance.machines = machines }
  }

  /// Ends the tasks of an agent and offers nothing of it until it is reactivated.
  ///
  /// - Parameters:
  ///   - agent: Which it is.
  ///   - maxGracePeriod: What tasks may take to end at most, whatever their kill policies say; `nil` leaves it to these.
  ///   - markGone: Whether the agent is gone for good once it is empty.
  public func drainAgent(
    _ agent: AgentID, maxGracePeriod: Duration? = nil, markGone: Bool = false
  ) async throws(OperatorError) {
    try await tell(.drainAgent) { call in
      call.drainAgent.agentID = agent
      if let maxGracePeriod {
        let (seconds, attoseconds) = maxGracePeriod.components
        call.drainAgent.maxGracePeriod.seconds = seconds
        call.drainAgent.maxGracePeriod.nanos = Int32(attoseconds / 1_000_000_000)
      }
      call.drainAgent.markGone = markGone
    }
  }

  /// Offers nothing of an agent any more; its tasks run on.
  public func deactivateAgent(_ agent: AgentID) async throws(OperatorError) {
    try await tell(.deactivateAgent) { $0.deactivateAgent.agentID = agent }
  }

  /// Offers resources of an agent again that was deactivated or drained.
  public func reactivateAgent(_ agent: AgentID) async throws(OperatorError) {
    try await tell(.reactivateAgent) { $0.reactivateAgent.agentID = agent }
  }

  /// Declares that an agent never comes back: its tasks are gone, and it is refused.
  public func markAgentGone(_ agent: AgentID) async throws(OperatorError) {
    try await tell(.markAgentGone) { $0.markAgentGone.agentID = agent }
  }

  // MARK: Quota

  /// Sets guarantees and limits of roles, all or none.
  ///
  /// - Parameters:
  ///   - configs: One for each role that is to change; it takes the place of the role's quota.
  ///   - force: Whether limits below what is in use, or more guarantees than the cluster has, are taken.
  public func updateQuota(_ configs: [QuotaConfig], force: Bool = false) async throws(OperatorError) {
    try await tell(.updateQuota) { call in
      call.updateQuota.force = force
      call.updateQuota.quotaConfigs = configs
    }
  }

  /// Sets one role's guarantee: what ``updateQuota(_:force:)`` does better, where the master has it.
  public func setQuota(_ request: QuotaRequest) async throws(OperatorError) {
    try await tell(.setQuota) { $0.setQuota.quotaRequest = request }
  }

  /// Removes one role's quota.
  public func removeQuota(of role: String) async throws(OperatorError) {
    try await tell(.removeQuota) { $0.removeQuota.role = role }
  }

  // MARK: Frameworks

  /// Ends a framework with all that it runs.
  public func teardown(_ framework: FrameworkID) async throws(OperatorError) {
    try await tell(.teardown) { $0.teardown.frameworkID = framework }
  }
}
