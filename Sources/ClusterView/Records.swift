import MasterCore
import MesosModel
import SwiftProtobuf

/// Names a task: ids of tasks are unique within a framework.
struct TaskPath: Hashable, Sendable {
  var framework: FrameworkKey
  var task: TaskKey
}

/// Names an executor.
struct ExecutorPath: Hashable, Sendable {
  var framework: FrameworkKey
  var agent: AgentKey
  var executor: ExecutorKey
}

struct TaskContent: RecordContent {
  var row: TaskRow

  var key: TaskPath { TaskPath(framework: row.framework, task: row.id) }

  func protobufParts(_ ledger: EncodingLedger) -> [[UInt8]] { [row.stable, row.status.encoded] }

  func json(_ protobufParts: [[UInt8]]) -> [UInt8] { row.message.jsonBytes() }
}

struct AgentContent: RecordContent {
  var row: AgentRow

  var key: AgentKey { row.id }

  func protobufParts(_ ledger: EncodingLedger) -> [[UInt8]] {
    [
      row.stable,
      encode(MasterResponse.GetAgents.Agent.with { row.status.fill(&$0) }, ledger),
    ]
  }

  func json(_ protobufParts: [[UInt8]]) -> [UInt8] {
    (decode(protobufParts, as: MasterResponse.GetAgents.Agent.self) ?? .init()).jsonBytes()
  }
}

struct RecoveredAgentContent: RecordContent {
  var id: AgentKey
  var info: [UInt8]

  var key: AgentKey { id }

  func protobufParts(_ ledger: EncodingLedger) -> [[UInt8]] { [info] }

  func json(_ protobufParts: [[UInt8]]) -> [UInt8] {
    (decode(protobufParts, as: AgentInfo.self) ?? .with { $0.id = AgentID(id) }).jsonBytes()
  }
}

struct ExecutorContent: RecordContent {
  var row: ExecutorRow

  var key: ExecutorPath { ExecutorPath(framework: row.framework, agent: row.agent, executor: row.id) }

  func protobufParts(_ ledger: EncodingLedger) -> [[UInt8]] {
    var head: [UInt8] = []
    WireBytes.appendHeader(field: 1, length: row.info.count, to: &head)
    var tail: [UInt8] = []
    let agent = encode(AgentID(row.agent), ledger)
    WireBytes.appendHeader(field: 2, length: agent.count, to: &tail)
    return [head, row.info, tail + agent]
  }

  func json(_ protobufParts: [[UInt8]]) -> [UInt8] {
    (decode([protobufParts.flatMap { $0 }], as: MasterResponse.GetExecutors.Executor.self)
      ?? .with {
        $0.executorInfo.executorID = ExecutorID(row.id)
        $0.agentID = AgentID(row.agent)
      }).jsonBytes()
  }
}

struct OperationContent: RecordContent {
  var row: OperationRow

  var key: OperationKey { row.id }

  func protobufParts(_ ledger: EncodingLedger) -> [[UInt8]] { [row.stable, row.status.encoded] }

  func json(_ protobufParts: [[UInt8]]) -> [UInt8] {
    (decode(protobufParts, as: MesosOperation.self) ?? .init()).jsonBytes()
  }
}

/// A framework without its offers, which come and go much faster.
struct FrameworkContent: RecordContent {
  var row: FrameworkRow

  var key: FrameworkKey { row.id }

  func protobufParts(_ ledger: EncodingLedger) -> [[UInt8]] {
    var head: [UInt8] = []
    WireBytes.appendHeader(field: 1, length: row.info.count, to: &head)
    return [
      head, row.info,
      encode(MasterResponse.GetFrameworks.Framework.with { row.status.fill(&$0) }, ledger),
    ]
  }

  func json(_ protobufParts: [[UInt8]]) -> [UInt8] {
    (decode([protobufParts.flatMap { $0 }], as: MasterResponse.GetFrameworks.Framework.self)
      ?? .with { $0.frameworkInfo.id = FrameworkID(row.id) }).jsonBytes()
  }
}

struct OfferContent: RecordContent {
  var offer: Offer
  /// Offers are shown in the order in which they were made.
  var ordinal: UInt64

  var key: OfferKey { offer.id.key }

  func protobufParts(_ ledger: EncodingLedger) -> [[UInt8]] { [encode(offer, ledger)] }

  func json(_ protobufParts: [[UInt8]]) -> [UInt8] { offer.jsonBytes() }
}

struct InverseOfferContent: RecordContent {
  var offer: InverseOffer
  /// As offers are.
  var ordinal: UInt64

  var key: OfferKey { offer.id.key }

  func protobufParts(_ ledger: EncodingLedger) -> [[UInt8]] { [encode(offer, ledger)] }

  func json(_ protobufParts: [[UInt8]]) -> [UInt8] { offer.jsonBytes() }
}

/// A framework with its offers.
struct FrameworkEntry: SlabRow {
  var record: Record<FrameworkContent>
  var offers: [OfferKey: Record<OfferContent>] = [:]
  var inverseOffers: [OfferKey: Record<InverseOfferContent>] = [:]

  /// The inverse offers in the order in which they were made.
  var inverseOffersInOrder: [Record<InverseOfferContent>] {
    inverseOffers.values.sorted { $0.content.ordinal < $1.content.ordinal }
  }

  var key: FrameworkKey { record.key }

  /// The offers in the order in which they were made.
  var offersInOrder: [Record<OfferContent>] { offers.values.sorted { $0.content.ordinal < $1.content.ordinal } }
}
