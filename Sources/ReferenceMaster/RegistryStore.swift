import MasterCore
import MesosModel
import StateStorage
import SwiftProtobuf

/// What the master's registry is in a `StateStorage`: the meaning of its keys and records.
enum RegistryStore {
  /// The format of the records that this release writes and the newest it reads.
  static let formatVersion = 1
  private static let agentPrefix = "agents/"

  /// The registry in `records`.
  ///
  /// - Throws: `MasterError` with code `.unreadableRegistry` for a key or a record that this release does not know.
  static func recover(_ records: [StoredRecord]) throws(MasterError) -> RecoveredRegistry {
    var agents: [RecoveredRegistry.Agent] = []
    for record in records {
      guard record.formatVersion <= formatVersion, record.key.hasPrefix(agentPrefix) else {
        throw MasterError(
          code: .unreadableRegistry,
          message: "the record '\(record.key)' has format \(record.formatVersion), this master reads up to "
            + "\(formatVersion): start the release that wrote it, or give another --work_dir")
      }
      let stored: RegistryAgent
      do {
        stored = try RegistryAgent(serializedBytes: record.bytes)
      } catch {
        throw MasterError(
          code: .unreadableRegistry,
          message: "the record '\(record.key)' is no agent (\(error)): restore the registry from a copy, "
            + "or give another --work_dir")
      }
      agents.append(
        RecoveredRegistry.Agent(
          id: AgentKey(String(record.key.dropFirst(agentPrefix.count))), info: Array(stored.info),
          unreachableSince: stored.hasUnreachableSince ? stored.unreachableSince : nil))
    }
    return RecoveredRegistry(agents: agents.sorted { $0.id < $1.id })
  }

  /// What `operation` changes in the storage.
  static func change(for operation: RegistryOperation) throws -> StateChange {
    switch operation {
    case .admitAgent(let id, let info), .markReachable(let id, let info):
      return .put(try record(id, info: info, unreachableSince: nil))
    case .markUnreachable(let id, let since, let info):
      return .put(try record(id, info: info, unreachableSince: since))
    case .removeAgent(let id):
      return .remove(key: agentPrefix + id.value)
    }
  }

  private static func record(_ id: AgentKey, info: [UInt8], unreachableSince: Int64?) throws -> StoredRecord {
    var stored = RegistryAgent()
    stored.info = .init(info)
    if let unreachableSince { stored.unreachableSince = unreachableSince }
    return StoredRecord(
      key: agentPrefix + id.value, formatVersion: formatVersion, bytes: try stored.serializedBytes() as [UInt8])
  }
}
