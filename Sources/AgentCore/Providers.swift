import AgentLinkModel
import MesosModel
import OrderedCollections
import SwiftProtobuf

/// One event stream to a resource provider.
public struct ResourceProviderConnection: Hashable, Comparable, Sendable {
  /// Numbered by the shell; never used twice in the life of an agent's process.
  public let number: UInt64
  /// The value of `Mesos-Stream-Id` that the SUBSCRIBE was answered with.
  public let streamID: String

  public init(number: UInt64, streamID: String) {
    self.number = number
    self.streamID = streamID
  }

  public static func < (left: Self, right: Self) -> Bool { left.number < right.number }
}

/// A resource provider that was given an id here.
struct ResourceProvider: Sendable {
  /// Type and name, as it must come back with.
  let type: String
  let name: String
  var standing = Standing.admitted
  /// Absent while it is away; with it goes what it has and what it does, until it tells of that again.
  var subscription: Subscription?

  enum Standing: Hashable, Sendable {
    case admitted
    /// That an operator marked it as gone is on its way to the disk.
    case leaving
    /// It is not to come back.
    case gone
  }

  struct Subscription: Sendable {
    let connection: ResourceProviderConnection
    var info: ResourceProviderInfo
    /// Absent until it has told it.
    var state: State?
    /// In the order in which they came, until their end is acknowledged.
    var operations: OrderedDictionary<OperationKey, ProviderOperation> = [:]
  }

  /// What it has.
  struct State: Sendable {
    /// As it told, with everything that operations made of it since.
    var total: Resources
    /// Names what it told: who knows of an older state asks for what may not be there.
    var version: [UInt8]
  }

  init(type: String, name: String) {
    self.type = type
    self.name = name
  }

  init(_ record: CheckpointResourceProvider) {
    self.init(type: record.type, name: record.name)
    standing = record.gone ? .gone : .admitted
  }

  var record: CheckpointResourceProvider {
    .with {
      $0.type = type
      $0.name = name
      if standing != .admitted { $0.gone = true }
    }
  }
}

/// An operation on the resources of a provider, which keeps it and tells how it ended until that is acknowledged.
struct ProviderOperation: Sendable {
  var info: Offer.Operation
  /// Absent for an operation of an operator.
  var framework: FrameworkKey?
  var latest: OperationStatus
  /// What the provider said, oldest first.
  var statuses: [OperationStatus] = []

  /// Whether the status with this UUID is the one that ends the operation.
  func isEnded(by uuid: [UInt8]) -> Bool {
    (statuses + [latest]).contains { $0.state.isTerminal && $0.hasUuid && [UInt8]($0.uuid.value) == uuid }
  }
}

/// A task that waits until a provider has made available what it uses of the provider's resources.
struct Publication: Hashable, Sendable {
  var task: TaskAddress
  var container: ContainerKey
  var provider: ResourceProviderKey
}
