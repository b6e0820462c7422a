import AgentCore
import ProcessLaunch
import StateStorage

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// What an agent's state is in a `StateStorage`: the core's records under `agent/`, and which boot of the machine they are of.
enum AgentStore {
  /// The format of the records that this release writes and the newest it reads.
  static let formatVersion = 1
  private static let prefix = "agent/"
  private static let bootKey = "boot"

  /// What the core is to begin with; `alive` tells whether a process still runs.
  static func recover(
    _ records: [StoredRecord], bootID: String, isAlive: (ProcessIdentity) -> Bool
  ) throws -> RecoveredAgent {
    var found: [(key: String, record: [UInt8])] = []
    var rebooted = false
    for record in records {
      if record.key == bootKey {
        rebooted = record.bytes != Array(bootID.utf8)
      } else if record.key.hasPrefix(prefix) {
        found.append((String(record.key.dropFirst(prefix.count)), record.bytes))
      } else {
        throw ReferenceAgentError(
          code: .unreadableState,
          message:
            "the agent's state has a record '\(record.key.prefix(200))' that this release does not know: start the "
            + "release that wrote it, or give another --work_dir")
      }
    }
    let alive = rebooted ? [] : Set(try AgentCore.processes(in: found).map(\.process).filter(isAlive))
    return RecoveredAgent(records: found, alive: alive, rebooted: rebooted)
  }

  static func change(for change: CheckpointChange) -> StateChange {
    switch change {
    case .put(let key, let record):
      .put(StoredRecord(key: prefix + key, formatVersion: formatVersion, bytes: record))
    case .remove(let key): .remove(key: prefix + key)
    }
  }

  static func bootRecord(_ bootID: String) -> StateChange {
    .put(StoredRecord(key: bootKey, formatVersion: formatVersion, bytes: Array(bootID.utf8)))
  }

  /// The machine's present boot, as the kernel names it; empty where it does not.
  static func bootID() -> String {
    guard let file = fopen("/proc/sys/kernel/random/boot_id", "r") else { return "" }
    defer { fclose(file) }
    var buffer = [UInt8](repeating: 0, count: 64)
    let count = fread(&buffer, 1, buffer.count, file)
    return String(decoding: buffer[..<count].filter { $0 > 0x20 }, as: UTF8.self)
  }
}
