import MasterCore
public import MesosHTTP
import MesosModel
import SwiftProtobuf
import Synchronization

/// One event of the operator API's stream. It is encoded when the first reader wants it, once in each encoding for all readers.
///
/// An ordinary reader gets the events of Apache Mesos 1.11. One that asks for more gets extensions besides, and in each event its
/// `sequence`; `docs/operator-events.md` describes them.
public final class ClusterEvent: Sendable {
  /// Number of the change that it tells of.
  public let sequence: UInt64
  /// Whether ordinary readers do not get it.
  public let isExtension: Bool
  /// Bytes that it can take once it is encoded both ways, roughly.
  let cost: Int
  private let kind: ClusterEventKind
  /// What decides who may see it, where that depends on a framework.
  private let subject: EventSubject?
  private let ledger: EncodingLedger
  private let kept = Mutex<[Form: [UInt8]]>([:])

  private struct Form: Hashable {
    var encoding: MessageEncoding
    var isExtended: Bool
  }

  init(sequence: UInt64, kind: ClusterEventKind, subject: EventSubject? = nil, ledger: EncodingLedger) {
    self.sequence = sequence
    self.kind = kind
    self.subject = subject
    self.ledger = ledger
    isExtension = kind.isExtension
    // Two forms in each encoding may be kept, and JSON takes three to four times what protobuf does.
    cost = 256 + 10 * kind.size
  }

  /// The name of its type, such as `TASK_ADDED`.
  public var typeName: String { kind.name }

  /// What a reader may see of it; `nil` for nothing.
  func seen(with visibility: Visibility) -> ClusterEvent? {
    func changed(_ kind: ClusterEventKind) -> ClusterEvent {
      ClusterEvent(sequence: sequence, kind: kind, subject: subject, ledger: ledger)
    }
    switch kind {
    case .agentAdded(let agent): return changed(.agentAdded(AgentContent(row: visibility.seen(of: agent.row))))
    case .agentUpdated(let agent): return changed(.agentUpdated(AgentContent(row: visibility.seen(of: agent.row))))
    case .agentRemoved: return self
    case .frameworkAdded(let row), .frameworkUpdated(let row), .frameworkRemoved(let row), .frameworkStatus(let row):
      return visibility.sees(framework: row.info) ? self : nil
    case .taskAdded, .taskUpdated, .taskForgotten, .offerAdded, .offerRemoved, .executorAdded, .executorRemoved:
      return subject?.isSeen(with: visibility) ?? false ? self : nil
    }
  }

  /// The event as one record of the stream, with the record's length in front.
  ///
  /// - Parameter isExtended: Whether its `sequence` is in it.
  public func record(_ encoding: MessageEncoding, isExtended: Bool) -> [UInt8] {
    let form = Form(encoding: encoding, isExtended: isExtended)
    return kept.withLock { kept in
      if let record = kept[form] { return record }
      // The two forms differ by a suffix; the message itself is encoded once.
      let other = kept[Form(encoding: encoding, isExtended: !isExtended)]
      let payload: [UInt8] = other.map { self.payload(of: $0, encoding, isExtended) } ?? encode(encoding, isExtended)
      let record = RecordIOEncoder.encode(payload)
      kept[form] = record
      return record
    }
  }

  /// The payload of the last event that an extended reader gets when it was too slow: `message` says why.
  public static func dropped(after sequence: UInt64, _ encoding: MessageEncoding, message: String) -> [UInt8] {
    switch encoding {
    case .json:
      EventBytes.json(
        "DROPPED", SchedulerEvent.Error.with { $0.message = message }.jsonBytes(), sequence: sequence)
    case .protobuf:
      EventBytes.protobuf(
        type: 1007, field: 1007, EventBytes.nested([Array(message.utf8)]), sequence: sequence)
    }
  }

  private func encode(_ encoding: MessageEncoding, _ isExtended: Bool) -> [UInt8] {
    ledger.countEvent()
    switch encoding {
    case .json: return EventBytes.json(kind.name, kind.json(ledger), sequence: isExtended ? sequence : nil)
    case .protobuf:
      return EventBytes.protobuf(
        type: kind.number, field: kind.field, kind.protobuf(ledger), sequence: isExtended ? sequence : nil)
    }
  }

  /// The payload of the other form's record with the suffix put on or taken off.
  private func payload(of record: [UInt8], _ encoding: MessageEncoding, _ isExtended: Bool) -> [UInt8] {
    let start = (record.firstIndex(of: UInt8(ascii: "\n")) ?? -1) + 1
    let suffix = EventBytes.suffix(encoding, sequence: sequence)
    var payload = Array(record[start...])
    let closing = encoding == .json ? 1 : 0
    if isExtended {
      payload.insert(contentsOf: suffix, at: payload.count - closing)
    } else {
      payload.removeSubrange(payload.count - closing - suffix.count..<payload.count - closing)
    }
    return payload
  }
}

/// What an event tells.
enum ClusterEventKind: Sendable {
  case taskAdded(TaskContent)
  /// `status` is an encoded `TaskStatus`.
  case taskUpdated(FrameworkKey, status: [UInt8], TaskState)
  case agentAdded(AgentContent)
  case agentRemoved(AgentKey)
  case frameworkAdded(FrameworkRow)
  case frameworkUpdated(FrameworkRow)
  case frameworkRemoved(FrameworkRow)

  // Extensions.
  case agentUpdated(AgentContent)
  /// It connected or disconnected: Apache Mesos has no event for that.
  case frameworkStatus(FrameworkRow)
  case offerAdded(OfferContent)
  case offerRemoved(OfferKey, FrameworkKey)
  case executorAdded(ExecutorContent)
  case executorRemoved(ExecutorPath)
  case taskForgotten(TaskPath)

  var isExtension: Bool {
    switch self {
    case .taskAdded, .taskUpdated, .agentAdded, .agentRemoved, .frameworkAdded, .frameworkUpdated, .frameworkRemoved:
      false
    case .agentUpdated, .frameworkStatus, .offerAdded, .offerRemoved, .executorAdded, .executorRemoved, .taskForgotten:
      true
    }
  }

  var name: String {
    switch self {
    case .taskAdded: "TASK_ADDED"
    case .taskUpdated: "TASK_UPDATED"
    case .agentAdded: "AGENT_ADDED"
    case .agentRemoved: "AGENT_REMOVED"
    case .frameworkAdded: "FRAMEWORK_ADDED"
    case .frameworkUpdated, .frameworkStatus: "FRAMEWORK_UPDATED"
    case .frameworkRemoved: "FRAMEWORK_REMOVED"
    case .agentUpdated: "AGENT_UPDATED"
    case .offerAdded: "OFFER_ADDED"
    case .offerRemoved: "OFFER_REMOVED"
    case .executorAdded: "EXECUTOR_ADDED"
    case .executorRemoved: "EXECUTOR_REMOVED"
    case .taskForgotten: "TASK_FORGOTTEN"
    }
  }

  /// `MasterEvent.Type`; extensions begin at 1001, where its own values never come.
  var number: Int {
    switch self {
    case .taskAdded: 2
    case .taskUpdated: 3
    case .agentAdded: 4
    case .agentRemoved: 5
    case .frameworkAdded: 6
    case .frameworkUpdated, .frameworkStatus: 7
    case .frameworkRemoved: 8
    case .agentUpdated: 1001
    case .offerAdded: 1002
    case .offerRemoved: 1003
    case .executorAdded: 1004
    case .executorRemoved: 1005
    case .taskForgotten: 1006
    }
  }

  /// The field of `MasterEvent` that holds it; extensions have the number of their type.
  var field: Int { number < 1000 ? number + 1 : number }

  /// Bytes of the message in protobuf, roughly.
  var size: Int {
    switch self {
    case .taskAdded(let task): task.row.stable.count + task.row.status.encoded.count
    case .taskUpdated(_, let status, _): status.count + 64
    case .agentAdded(let agent), .agentUpdated(let agent):
      agent.row.stable.count + 512 + Self.size(agent.row.status.total) + Self.size(agent.row.status.allocated)
        + Self.size(agent.row.status.offered)
    case .frameworkAdded(let row), .frameworkUpdated(let row), .frameworkRemoved(let row), .frameworkStatus(let row):
      row.info.count + 256
    case .offerAdded(let content): 512 + Self.size(content.offer)
    case .executorAdded(let executor): executor.row.info.count + 64
    case .agentRemoved, .offerRemoved, .executorRemoved, .taskForgotten: 128
    }
  }

  private static func size(_ resources: Resources) -> Int {
    resources.entries.reduce(0) { sum, entry in
      switch entry.amount {
      case .scalar: sum + 96
      case .ranges(let ranges): sum + 96 + 24 * ranges.intervals.count
      case .set(let set): sum + 96 + 32 * set.items.count
      }
    }
  }

  private static func size(_ offer: Offer) -> Int {
    let resources = offer.resources.reduce(0) { $0 + 128 + 24 * $1.ranges.range.count + 32 * $1.set.item.count }
    let attributes = offer.attributes.reduce(0) { $0 + 64 + $1.text.value.utf8.count + 24 * $1.ranges.range.count }
    return resources + attributes
  }

  // MARK: Encoding

  /// The message inside of the event.
  func protobuf(_ ledger: EncodingLedger) -> [UInt8] {
    switch self {
    case .taskAdded(let content): EventBytes.nested(content.protobufParts(ledger))
    case .agentAdded(let content), .agentUpdated(let content): EventBytes.nested(content.protobufParts(ledger))
    case .offerAdded(let content): EventBytes.nested(content.protobufParts(ledger))
    case .executorAdded(let content): EventBytes.nested(content.protobufParts(ledger))
    case .taskUpdated(let framework, let status, let state):
      EventBytes.nested([encode(FrameworkID(framework), ledger)])
        + EventBytes.nested([status], field: 2) + EventBytes.enumeration(state.rawValue, field: 3)
    case .frameworkAdded(let row), .frameworkUpdated(let row), .frameworkStatus(let row):
      EventBytes.nested(Self.parts(row, ledger))
    case .frameworkRemoved(let row): EventBytes.nested([row.info])
    case .agentRemoved(let agent): EventBytes.nested([encode(AgentID(agent), ledger)])
    case .offerRemoved(let offer, let framework):
      EventBytes.identifiers([offer.value, framework.value])
    case .executorRemoved(let path):
      EventBytes.identifiers([path.framework.value, path.agent.value, path.executor.value])
    case .taskForgotten(let path): EventBytes.identifiers([path.framework.value, path.task.value])
    }
  }

  func json(_ ledger: EncodingLedger) -> [UInt8] {
    switch self {
    case .taskAdded(let content): EventBytes.object("task", content.json(content.protobufParts(ledger)))
    case .agentAdded(let content), .agentUpdated(let content):
      EventBytes.object("agent", content.json(content.protobufParts(ledger)))
    case .offerAdded(let content): EventBytes.object("offer", content.json(content.protobufParts(ledger)))
    case .executorAdded(let content): EventBytes.object("executor", content.json(content.protobufParts(ledger)))
    case .taskUpdated(let framework, let status, let state):
      MasterEvent.TaskUpdated.with {
        $0.frameworkID = FrameworkID(framework)
        $0.status = decode([status], as: TaskStatus.self) ?? .with { $0.state = state }
        $0.state = state
      }.jsonBytes()
    case .frameworkAdded(let row), .frameworkUpdated(let row), .frameworkStatus(let row):
      EventBytes.object(
        "framework",
        (decode(Self.parts(row, ledger), as: MasterResponse.GetFrameworks.Framework.self)
          ?? .with { $0.frameworkInfo.id = FrameworkID(row.id) }).jsonBytes())
    case .frameworkRemoved(let row):
      EventBytes.object(
        "framework_info",
        (decode([row.info], as: FrameworkInfo.self) ?? .with { $0.id = FrameworkID(row.id) }).jsonBytes())
    case .agentRemoved(let agent): EventBytes.object("agent_id", AgentID(agent).jsonBytes())
    case .offerRemoved(let offer, let framework):
      EventBytes.objects([
        ("offer_id", OfferID(offer).jsonBytes()), ("framework_id", FrameworkID(framework).jsonBytes()),
      ])
    case .executorRemoved(let path):
      EventBytes.objects([
        ("framework_id", FrameworkID(path.framework).jsonBytes()), ("agent_id", AgentID(path.agent).jsonBytes()),
        ("executor_id", ExecutorID(path.executor).jsonBytes()),
      ])
    case .taskForgotten(let path):
      EventBytes.objects([
        ("framework_id", FrameworkID(path.framework).jsonBytes()), ("task_id", TaskID(path.task).jsonBytes()),
      ])
    }
  }

  /// `GetFrameworks.Framework` as Apache Mesos has it in events: all three times always, no resources, offers and constraints.
  private static func parts(_ row: FrameworkRow, _ ledger: EncodingLedger) -> [[UInt8]] {
    let status = encode(
      MasterResponse.GetFrameworks.Framework.with {
        $0.active = row.status.active
        $0.connected = row.status.connected
        $0.recovered = row.status.recovered
        $0.registeredTime = row.status.registeredTime ?? .with { $0.nanoseconds = 0 }
        $0.reregisteredTime = row.status.reregisteredTime ?? .with { $0.nanoseconds = 0 }
        $0.unregisteredTime = row.status.unregisteredTime ?? .with { $0.nanoseconds = 0 }
      }, ledger)
    return [EventBytes.nested([row.info]) + status]
  }
}

/// How events are put together from encoded messages.
enum EventBytes {
  /// The field of `MasterEvent` for `sequence`, an extension.
  static let sequenceField = 1000

  static func json(_ name: String, _ content: [UInt8]?, sequence: UInt64?) -> [UInt8] {
    var bytes = Array("{\"type\":\"\(name)\"".utf8)
    if let content {
      bytes += Array(",\"\(name.lowercased())\":".utf8)
      bytes += content
    }
    if let sequence { bytes += suffix(.json, sequence: sequence) }
    bytes.append(UInt8(ascii: "}"))
    return bytes
  }

  static func protobuf(type: Int, field: Int, _ content: [UInt8]?, sequence: UInt64?) -> [UInt8] {
    var bytes = enumeration(type, field: 1)
    if let content {
      WireBytes.appendHeader(field: field, length: content.count, to: &bytes)
      bytes += content
    }
    if let sequence { bytes += suffix(.protobuf, sequence: sequence) }
    return bytes
  }

  /// What says an event's number, at its end (in JSON before the brace that closes it).
  static func suffix(_ encoding: MessageEncoding, sequence: UInt64) -> [UInt8] {
    switch encoding {
    case .json: return Array(",\"sequence\":\(sequence)".utf8)
    case .protobuf:
      var bytes: [UInt8] = []
      WireBytes.appendVarint(UInt64(sequenceField) << 3, to: &bytes)
      WireBytes.appendVarint(sequence, to: &bytes)
      return bytes
    }
  }

  /// A message of these parts as a field.
  static func nested(_ parts: [[UInt8]], field: Int = 1) -> [UInt8] {
    var bytes: [UInt8] = []
    let length = parts.reduce(0) { $0 + $1.count }
    bytes.reserveCapacity(length + 8)
    WireBytes.appendHeader(field: field, length: length, to: &bytes)
    for part in parts { bytes += part }
    return bytes
  }

  static func enumeration(_ value: Int, field: Int) -> [UInt8] {
    var bytes: [UInt8] = []
    WireBytes.appendVarint(UInt64(field) << 3, to: &bytes)
    WireBytes.appendVarint(UInt64(bitPattern: Int64(value)), to: &bytes)
    return bytes
  }

  /// Messages with a `value` each, such as `AgentID`, as the fields 1, 2 and so on.
  static func identifiers(_ values: [String]) -> [UInt8] {
    values.enumerated().flatMap { nested([nested([Array($0.element.utf8)])], field: $0.offset + 1) }
  }

  static func object(_ name: String, _ json: [UInt8]) -> [UInt8] { objects([(name, json)]) }

  static func objects(_ members: [(name: String, json: [UInt8])]) -> [UInt8] {
    var bytes: [UInt8] = []
    for member in members {
      bytes += Array("\(bytes.isEmpty ? "{" : ",")\"\(member.name)\":".utf8)
      bytes += member.json
    }
    bytes.append(UInt8(ascii: "}"))
    return bytes
  }
}
