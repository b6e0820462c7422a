import MesosModel
import SwiftProtobuf

/// An operation on the resources of a registered agent, until its end is acknowledged.
struct TrackedOperation: Sendable {
  /// Grows with each operation, so that lists of operations have an order.
  var number: UInt64
  /// Absent for an operation of an operator.
  var framework: FrameworkKey?
  var agent: AgentKey
  /// Whose resources it is on; absent for the agent's own.
  var provider: ResourceProviderKey?
  /// What it keeps from others, as what comes of it is not known before it ends.
  var holding: Holding?
  var type: Offer.Operation.TypeEnum
  /// As the framework named it; only then it is told how it went.
  var id: OperationID?
  /// `MesosOperation` with all that never changes, encoded.
  var stable: [UInt8]
  var latest: OperationStatus
  /// What the agent said, oldest first.
  var statuses: [OperationStatus] = []
  /// What an operation consumes while it is under way.
  struct Holding: Sendable {
    var operation: Offer.Operation
    var consumed: Resources
    /// Taken out of what the agent has, where its framework is not known; else it is allocated to the framework.
    var isWithheld: Bool
  }

  /// How many statuses are kept of an agent that flaps.
  private static let statusesMax = 16

  init(
    _ key: OperationKey, number: UInt64, _ operation: Offer.Operation, framework: FrameworkKey?, agent: AgentKey,
    latest: OperationStatus
  ) {
    self.number = number
    self.framework = framework
    self.agent = agent
    provider = operation.providerID.map(ResourceProviderKey.init(_:))
    type = operation.type
    id = operation.hasID ? operation.id : nil
    self.latest = latest
    stable = MessageBytes.encoded(
      MesosOperation.with {
        if let framework { $0.frameworkID = FrameworkID(framework) }
        $0.agentID = AgentID(agent)
        $0.info = operation
        $0.uuid = .with { $0.value = MessageBytes.copy(key.bytes) }
      })
  }

  /// What is told of it without being asked, or when asked: the newest that the agent said, or that it is pending.
  var told: OperationStatus {
    var status = statuses.last ?? latest
    status.clearUuid()
    return status
  }

  /// - Parameter newest: The newest status that is known, where that is another.
  mutating func add(_ status: OperationStatus, newest: OperationStatus? = nil) {
    if !latest.state.isTerminal { latest = newest ?? status }
    if statuses.last != status { statuses.append(status) }
    if statuses.count > Self.statusesMax { statuses.removeFirst() }
  }

  var row: OperationRow.Status {
    var writer = FieldWriter()
    writer.delimited(MessageBytes.encoded(latest), field: 4)
    for status in statuses { writer.delimited(MessageBytes.encoded(status), field: 5) }
    return OperationRow.Status(state: latest.state, encoded: writer.bytes)
  }
}

/// An operation as its framework names it.
struct OperationName: Hashable, Sendable {
  var framework: FrameworkKey
  var id: String
}

extension OperationKey {
  /// The identifier of the operation with this number of a master; masters have names that were never used before, and so have their
  /// operations.
  init(master: String, number: UInt64) {
    let base =
      OperationKey(text: master)
      ?? {
        // A name that is no UUID, in a test or a simulation: FNV-1a twice, the second over the name from its end.
        func hash(_ bytes: some Sequence<UInt8>) -> UInt64 {
          bytes.reduce(0xcbf2_9ce4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
        }
        return OperationKey(high: hash(master.utf8), low: hash(master.utf8.reversed()))
      }()
    // Version 4, as of any random UUID.
    self.init(
      high: base.high & 0xffff_ffff_ffff_0fff | 0x4000,
      low: ((base.low ^ number) & 0x3fff_ffff_ffff_ffff) | 0x8000_0000_0000_0000)
  }
}
