import MasterCore
import MesosModel
import StateStorage
import SwiftProtobuf

/// What the master's registry is in a `StateStorage`: the meaning of its keys and records.
enum RegistryStore {
  /// The format of the records that this release writes and the newest it reads.
  static let formatVersion = 1

  /// The beginnings of keys; what follows is a name, but for ``maintenance``, which is a key itself.
  private enum Prefix: String, CaseIterable {
    case agents = "agents/"
    case conditions = "conditions/"
    case gone = "gone/"
    case quotas = "quotas/"
    case weights = "weights/"
    case maintenance
    case capabilities = "capabilities/"

    func key(_ name: String = "") -> String { rawValue + name }
  }

  /// The registry in `records`.
  ///
  /// What operators did to agents that are not there any more is left out: the master forgot it without a word to the registry.
  ///
  /// - Throws: `MasterError` with code `.unreadableRegistry` for a key or a record that this release does not know, and for a
  ///   registry that asks for a capability that it does not have.
  static func recover(_ records: [StoredRecord]) throws(MasterError) -> RecoveredRegistry {
    var contents = RegistryContents()
    var missing: [String] = []
    for record in records {
      let prefix = Prefix.allCases.first { prefix in
        prefix == .maintenance ? record.key == prefix.rawValue : record.key.hasPrefix(prefix.rawValue)
      }
      guard let prefix, record.formatVersion <= formatVersion else {
        throw MasterError(
          code: .unreadableRegistry,
          message: "the record '\(record.key)' has format \(record.formatVersion), this master reads up to "
            + "\(formatVersion): start the release that wrote it, or give another --work_dir")
      }
      let name = String(record.key.dropFirst(prefix.rawValue.count))
      if prefix == .capabilities, !MasterCapability.all.contains(name) { missing.append(name) }
      do {
        try apply(record.bytes, prefix, name, to: &contents)
      } catch {
        throw MasterError(
          code: .unreadableRegistry,
          message: "the record '\(record.key)' is not what its key says (\(error)): restore the registry from a copy, "
            + "or give another --work_dir")
      }
    }
    guard missing.isEmpty else {
      throw MasterError(
        code: .unreadableRegistry,
        message: "Master is missing the following minimum capabilities: \(missing.joined(separator: ", ")). "
          + "Start the release that wrote the registry, undo there what needs them, or give another --work_dir")
    }
    return contents.recovered
  }

  private static func apply(
    _ bytes: [UInt8], _ prefix: Prefix, _ name: String, to contents: inout RegistryContents
  ) throws {
    switch prefix {
    case .agents:
      let stored = try RegistryAgent(serializedBytes: bytes)
      let info = [UInt8](stored.info)
      contents.apply(
        stored.hasUnreachableSince
          ? .markUnreachable(AgentKey(name), since: stored.unreachableSince, info: info)
          : .admitAgent(AgentKey(name), info: info))
    case .conditions:
      let stored = try RegistryCondition(serializedBytes: bytes)
      contents.apply(
        .setCondition(
          AgentKey(name),
          AgentCondition(
            isDeactivated: stored.deactivated,
            drain: stored.hasDrainInfo ? try DrainInfo(serializedBytes: [UInt8](stored.drainInfo)) : nil,
            drainStart: stored.hasDrainStart ? stored.drainStart : nil)))
    case .gone:
      contents.apply(.markGone(AgentKey(name), since: try RegistryGoneAgent(serializedBytes: bytes).since))
    case .quotas:
      let stored = try RegistryQuota(serializedBytes: bytes)
      contents.apply(.setQuota(name, try Quota(QuotaConfig(serializedBytes: [UInt8](stored.config)))))
    case .weights:
      let weight = try RegistryWeight(serializedBytes: bytes).weight
      var weights = RoleWeights()
      try weights.update([
        .with {
          $0.role = name
          $0.weight = weight
        }
      ])
      contents.apply(.setWeight(name, weight))
    case .maintenance:
      let stored = try RegistryMaintenance(serializedBytes: bytes)
      let schedule = try MaintenanceSchedule(serializedBytes: [UInt8](stored.schedule))
      try MaintenanceValidation.validate(schedule, down: [])
      let down = stored.down.map { machine in
        MachineName(hostname: machine.hasHostname ? machine.hostname : nil, ip: machine.hasIp ? machine.ip : nil)
      }
      contents.apply(.setMaintenance(MaintenancePlan(schedule: schedule, down: down)))
    case .capabilities: contents.apply(.requireCapability(name))
    }
  }

  /// What `operation` changes in the storage.
  static func changes(for operation: RegistryOperation) throws -> [StateChange] {
    switch operation {
    case .admitAgent(let id, let info), .markReachable(let id, let info):
      [.put(try agent(id, info: info, unreachableSince: nil))]
    case .markUnreachable(let id, let since, let info):
      [.put(try agent(id, info: info, unreachableSince: since))]
    case .removeAgent(let id): removal(of: id)
    case .setCondition(let id, let condition):
      [
        .put(
          try record(
            .conditions, id.value,
            RegistryCondition.with {
              $0.deactivated = condition.isDeactivated
              if let drain = condition.drain { $0.drainInfo = .init(MessageBytes.encoded(drain)) }
              if let start = condition.drainStart { $0.drainStart = start }
            }))
      ]
    case .clearCondition(let id): [.remove(key: Prefix.conditions.key(id.value))]
    case .markGone(let id, let since):
      removal(of: id) + [.put(try record(.gone, id.value, RegistryGoneAgent.with { $0.since = since }))]
    case .forgetGone(let id): [.remove(key: Prefix.gone.key(id.value))]
    case .setQuota(let role, let quota):
      [
        .put(
          try record(
            .quotas, role,
            RegistryQuota.with { $0.config = .init(MessageBytes.encoded(quota.config(role: role))) }))
      ]
    case .removeQuota(let role): [.remove(key: Prefix.quotas.key(role))]
    case .setWeight(let role, let weight):
      [.put(try record(.weights, role, RegistryWeight.with { $0.weight = weight }))]
    case .setMaintenance(let plan):
      plan.isEmpty
        ? [.remove(key: Prefix.maintenance.key())]
        : [
          .put(
            try record(
              .maintenance, "",
              RegistryMaintenance.with {
                $0.schedule = .init(MessageBytes.encoded(plan.schedule))
                $0.down = plan.down.map { name in
                  .with {
                    if let hostname = name.hostname { $0.hostname = hostname }
                    if let ip = name.ip { $0.ip = ip }
                  }
                }
              }))
        ]
    case .requireCapability(let name): [.put(try record(.capabilities, name, RegistryMinimumCapability()))]
    case .releaseCapability(let name): [.remove(key: Prefix.capabilities.key(name))]
    }
  }

  private static func removal(of id: AgentKey) -> [StateChange] {
    [.remove(key: Prefix.agents.key(id.value)), .remove(key: Prefix.conditions.key(id.value))]
  }

  private static func agent(_ id: AgentKey, info: [UInt8], unreachableSince: Int64?) throws -> StoredRecord {
    var stored = RegistryAgent()
    stored.info = .init(info)
    if let unreachableSince { stored.unreachableSince = unreachableSince }
    return try record(.agents, id.value, stored)
  }

  private static func record(
    _ prefix: Prefix, _ name: String, _ message: some SwiftProtobuf.Message
  ) throws -> StoredRecord {
    StoredRecord(
      key: prefix.key(name), formatVersion: formatVersion, bytes: try message.serializedBytes() as [UInt8])
  }
}
