import AgentLinkModel
public import MesosModel
import SwiftProtobuf

/// Keys of the agent's records; see `agent_checkpoint.proto`.
enum Checkpoint {
  static let agent = "agent"
  static let drain = "drain"

  static let resources = "resources"

  static func provider(_ key: ResourceProviderKey) -> String { "providers/\(escaped(key.value))" }

  static func operation(_ key: OperationKey) -> String {
    "operations/\(String(key.description.filter { $0 != "-" }))"
  }

  static func framework(_ framework: FrameworkKey) -> String { "frameworks/\(escaped(framework.value))" }

  static func executor(_ address: ExecutorAddress, _ container: ContainerKey) -> String {
    "executors/\(path(address, container))"
  }

  static func task(_ address: ExecutorAddress, _ container: ContainerKey, _ task: TaskKey) -> String {
    "tasks/\(path(address, container))/\(escaped(task.value))"
  }

  static func progress(_ address: ExecutorAddress, _ container: ContainerKey, _ task: TaskKey) -> String {
    "progress/\(path(address, container))/\(escaped(task.value))"
  }

  static func update(
    _ address: TaskAddress, _ executor: ExecutorAddress?, _ container: ContainerKey?, _ number: UInt64
  ) -> String {
    let digits = String(number)
    // As wide as numbers get, so that keys sort as numbers do.
    let padded = String(repeating: "0", count: 20 - digits.count) + digits
    return [
      "updates", escaped(address.framework.value), escaped(executor?.executor.value ?? ""),
      escaped(container?.value ?? ""), escaped(address.task.value), padded,
    ].joined(separator: "/")
  }

  private static func path(_ address: ExecutorAddress, _ container: ContainerKey) -> String {
    "\(escaped(address.framework.value))/\(escaped(address.executor.value))/\(escaped(container.value))"
  }

  static func escaped(_ name: String) -> String {
    guard name.utf8.contains(where: { $0 == UInt8(ascii: "/") || $0 == UInt8(ascii: "%") }) else { return name }
    var text = ""
    for character in name.unicodeScalars {
      switch character {
      case "/": text += "%2F"
      case "%": text += "%25"
      default: text.unicodeScalars.append(character)
      }
    }
    return text
  }

  /// The names that a key is made of.
  static func components(_ key: String) -> [String] {
    key.split(separator: "/", omittingEmptySubsequences: false).map { part in
      var text = ""
      var rest = Substring(part)
      while let percent = rest.firstIndex(of: "%") {
        text += rest[..<percent]
        let escape = rest[percent...].prefix(3)
        text += escape == "%2F" ? "/" : escape == "%25" ? "%" : String(escape)
        rest = rest[percent...].dropFirst(3)
      }
      return text + rest
    }
  }

  /// The first processes of containers that `records` tell of and that have not ended, to be looked for before an agent starts.
  static func decode<Message: SwiftProtobuf.Message>(
    _ type: Message.Type, _ record: (key: String, record: [UInt8])
  ) throws(AgentError) -> Message {
    do {
      return try Message(serializedBytes: record.record)
    } catch {
      throw AgentError(
        code: .badRecord,
        message: "The agent's record '\(record.key.prefix(300))' does not decode (\(error)); it was written by other "
          + "software or damaged. Remove the agent's state to start as a new agent; its tasks are lost then")
    }
  }
}

extension CheckpointedProgress {
  init(_ message: CheckpointProgress) {
    state = message.state
    statuses = message.statuses
    statusUpdateState = message.hasStatusUpdateState ? message.statusUpdateState : nil
    statusUpdateUUID = message.hasStatusUpdateUuid ? [UInt8](message.statusUpdateUuid) : nil
  }

  var message: CheckpointProgress {
    CheckpointProgress.with {
      $0.state = state
      $0.statuses = statuses
      if let statusUpdateState { $0.statusUpdateState = statusUpdateState }
      if let statusUpdateUUID { $0.statusUpdateUuid = MessageBytes.copy(statusUpdateUUID) }
    }
  }

  /// Takes in the next status: one of the same state takes the place of the one before.
  mutating func apply(_ status: TaskStatus) {
    if statuses.last?.state == status.state { statuses.removeLast() }
    statuses.append(status)
    state = status.state
  }
}

extension AgentCore {
  mutating func put(_ key: String, _ message: some SwiftProtobuf.Message) {
    changes.append(.put(key: key, record: encoded(message)))
  }

  mutating func remove(_ key: String) { changes.append(.remove(key: key)) }

  func record(of executor: Executor, completed: Bool = false) -> CheckpointExecutor {
    CheckpointExecutor.with {
      $0.info = executor.info
      $0.isCommandExecutor = executor.isCommandExecutor
      $0.directory = executor.directory
      if let process = executor.process {
        $0.pid = process.pid
        $0.startTime = process.startTime
      }
      if completed { $0.completed = true }
      $0.order = executor.order
    }
  }

  /// The containers that `records` tell of and that have not ended, with their first processes, to be looked for before an agent
  /// starts.
  ///
  /// - Throws: `AgentError` with code `.badRecord`.
  public static func processes(
    in records: [(key: String, record: [UInt8])]
  ) throws(AgentError) -> [(container: ContainerKey, process: ProcessIdentity)] {
    var found: [(container: ContainerKey, process: ProcessIdentity)] = []
    for record in records where record.key.hasPrefix("executors/") {
      let executor = try Checkpoint.decode(CheckpointExecutor.self, record)
      let names = Checkpoint.components(record.key)
      guard names.count == 4, executor.hasPid, !executor.completed else { continue }
      found.append(
        (ContainerKey(names[3]), ProcessIdentity(pid: executor.pid, startTime: executor.startTime)))
    }
    return found
  }
}
