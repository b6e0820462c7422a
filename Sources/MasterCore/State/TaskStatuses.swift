import MesosModel
import SwiftProtobuf

/// The part of a task that changes: `state`, `statuses`, `status_update_state` and `status_update_uuid` of `MesosTask`.
///
/// What an agent sent stays as the bytes it came in until the first change; each status stays encoded.
struct TaskStatuses: Sendable {
  struct Status: Sendable {
    var state: TaskState
    /// `TaskStatus` without `data`.
    var bytes: [UInt8]
  }

  /// The newest state that the agent knows, ahead of what the framework was told.
  private(set) var state: TaskState
  /// The state and UUID of the newest update the framework was sent and has to acknowledge.
  private(set) var awaited: (state: TaskState, uuid: [UInt8])?
  /// The newest update, where the framework was not there to be sent it. An acknowledgement can come all the same: the framework may
  /// have been sent it before, by a master that gave the agent up since.
  private(set) var unsent: (state: TaskState, uuid: [UInt8])?
  /// What was acknowledged last. An agent that was given up and is back may be about to tell it again, and waits for nothing more.
  private var acknowledged: [UInt8]?
  /// The newest status of each run of equal states, oldest first; nil while only ``original`` is known.
  private var list: [Status]?
  private var original: [UInt8] = []
  /// As the master believes the end of the list to grow, so that a task that flaps stays small.
  private static let countMax = 64

  /// A task that nothing was heard of.
  init(state: TaskState) {
    self.state = state
    list = []
  }

  /// What an agent says about a task.
  init(state: TaskState, awaited: (state: TaskState, uuid: [UInt8])?, volatile: [UInt8]) {
    self.state = state
    self.awaited = awaited
    original = volatile
  }

  var row: TaskRow.Status { TaskRow.Status(state: state, encoded: encoded) }

  /// The four fields, encoded.
  var encoded: [UInt8] {
    guard let list else { return original }
    var writer = FieldWriter()
    writer.enumeration(state, field: 6)
    for status in list { writer.delimited(status.bytes, field: 8) }
    if let awaited {
      writer.enumeration(awaited.state, field: 9)
      writer.delimited(awaited.uuid, field: 10)
    }
    return writer.bytes
  }

  /// The newest status and the newest that has a container status, for reconciliation.
  var newest: (last: TaskStatus?, container: ContainerStatus?) {
    let messages = statuses.compactMap { try? TaskStatus(serializedBytes: $0.bytes, partial: true) }
    return (messages.last, messages.last { $0.hasContainerStatus }?.containerStatus)
  }

  private var statuses: [Status] {
    if let list { return list }
    guard let task = try? MesosTask(serializedBytes: original, partial: true) else { return [] }
    return task.statuses.map { Status(state: $0.state, bytes: MessageBytes.encoded($0)) }
  }

  /// Notes that the framework was sent an update that it has to acknowledge.
  mutating func noteSent(_ state: TaskState, uuid: [UInt8]) {
    list = statuses
    awaited = (state, uuid)
    unsent = nil
  }

  /// Notes that an update came which the framework was not there to be sent.
  mutating func noteUnsent(_ state: TaskState, uuid: [UInt8]) { unsent = (state, uuid) }

  /// Notes an acknowledgement that goes to the agent.
  ///
  /// - Returns: Whether the framework knows by it how the task ended.
  mutating func acknowledge(_ uuid: [UInt8]) -> Bool {
    acknowledged = uuid
    for case let update? in [awaited, unsent] where update.uuid == uuid { return update.state.isTerminal }
    return false
  }

  /// Whether the framework acknowledged this update before the agent, that was given up and is back, told it again.
  func wasAcknowledged(_ uuid: [UInt8]) -> Bool { acknowledged == uuid }

  /// Adds a status; it replaces the one before it where both have the same state. A terminal state never changes again.
  mutating func add(_ status: TaskStatus, latest: TaskState) {
    var list = statuses
    if !state.isTerminal { state = latest }
    var kept = status
    if kept.hasData { kept.clearData() }
    if list.last?.state == status.state { list.removeLast() }
    if list.count == Self.countMax { list.removeFirst() }
    list.append(Status(state: status.state, bytes: MessageBytes.encoded(kept)))
    self.list = list
    original = []
  }
}
