import MesosModel
import SwiftProtobuf

/// An agent that is registered.
struct TrackedAgent: Sendable {
  var id: AgentKey
  var info: AgentInfo
  var capabilities: [AgentInfo.Capability]
  var version: String
  var address: AgentAddress
  /// Absent while the agent is disconnected.
  var connection: AgentConnection?
  var registeredTime: TimeInfo
  var reregisteredTime: TimeInfo?
  /// With everything that operations of this master made of it, though the agent may not have heard of all of them yet.
  var total: Resources
  /// When it last registered or registered again.
  var admitted: Duration
  /// When it was last heard of.
  var heard: Duration
  /// Tells this registration from an earlier one of the same id.
  var incarnation: UInt64
  /// The registry is being told that it is unreachable, or that it is gone.
  var isLeaving = false

  var tasks: Set<TaskName> = []
  var executors: Set<ExecutorName> = []
  var operations: Set<OperationKey> = []
  /// Most often none or one.
  var offers: [OfferKey] = []
  /// Its resource providers that are there.
  var providers: [ResourceProviderKey: TrackedProvider] = [:]
  /// Those that are to come back.
  var awaitedProviders: Set<ResourceProviderKey> = []
  /// It has not told of its providers since it registered.
  var owesProviders = false
  /// Tasks that are to be killed, in case the agent comes back without having heard of it.
  var killed: Set<TaskName> = []
  /// What tasks and executors use.
  var allocated = Resources()
  var offered = Resources()
  /// Whether readers are to be told its status at the end of the present event.
  var isTouched = false
  /// The last offer that was made of it, without what is the offer's own: most offers of an agent are alike.
  var pattern: (resources: Resources, role: String, message: Offer)?

  /// What an operator did to it.
  var condition: AgentCondition?
  /// Its machine was taken down, and the registry is being told that the agent is gone.
  var isDown = false
  /// When its machine is planned to be out of use.
  var unavailability: Unavailability? { didSet { if unavailability != oldValue { pattern = nil } } }
  var inverseOffers: Set<OfferKey> = []
  /// It was silent for too long, and waits for its turn to be given up.
  var isRemovalScheduled = false

  var isConnected: Bool { connection != nil }
  /// Whether an operator does not want it to be offered.
  var isDeactivated: Bool { isDown || condition?.isDeactivated ?? false }
  /// Whether its resources are offered.
  var isActive: Bool { isConnected && !isDeactivated }
  /// The machine that it runs on.
  var machine: MachineName { MachineName(hostname: info.hostname, ip: address.ip) }

  var status: AgentRow.Status {
    AgentRow.Status(
      active: isActive, deactivated: condition?.isDeactivated ?? false, reregisteredTime: reregisteredTime,
      total: total, allocated: allocated, offered: offered, drainInfo: condition?.drain,
      drainStartTime: condition?.drainStart.map { start in .with { $0.nanoseconds = start } },
      resourceProviders: providers.isEmpty ? [] : providers.sorted { $0.key < $1.key }.map(\.value.info))
  }

  /// Notes that the status is to be told; returns whether it was not to be told before.
  mutating func touch() -> Bool {
    defer { isTouched = true }
    return !isTouched
  }

  /// Notes an offer, and makes the message that tells of it.
  mutating func hold(_ key: OfferKey, _ resources: Resources, role: String, by framework: FrameworkKey) -> Offer {
    offers.append(key)
    offered += resources
    var message = message(resources, role: role)
    message.id = OfferID(key)
    message.frameworkID = FrameworkID(framework)
    if !executors.isEmpty {
      message.executorIds = executors.filter { $0.framework == framework }.sorted().map { ExecutorID($0.executor) }
    }
    return message
  }

  mutating func release(_ key: OfferKey, _ resources: Resources) {
    offers.removeAll { $0 == key }
    offered -= resources
  }

  /// Describes the agent anew, as it did itself.
  mutating func describe(
    _ info: AgentInfo, capabilities: [AgentInfo.Capability], version: String, address: AgentAddress, total: Resources
  ) {
    self.info = info
    self.capabilities = capabilities
    self.version = version
    self.address = address
    self.total = total
    pattern = nil
  }

  private mutating func message(_ resources: Resources, role: String) -> Offer {
    if let pattern, pattern.role == role, pattern.resources == resources { return pattern.message }
    var message = Offer()
    message.agentID = AgentID(id)
    message.hostname = info.hostname
    message.url = url
    if let unavailability { message.unavailability = unavailability }
    message.resources = resources.messages
    message.attributes = info.attributes
    if info.hasDomain { message.domain = info.domain }
    message.allocationInfo = .with { $0.role = role }
    pattern = (resources, role, message)
    return message
  }

  /// Where it is reached by HTTP.
  var url: MesosURL {
    .with {
      $0.scheme = "http"
      $0.address = .with {
        $0.hostname = info.hostname
        $0.ip = address.ip
        $0.port = address.port
      }
      $0.path = "/slave(1)"
    }
  }

  var row: AgentRow { row(encodedInfo: MessageBytes.encoded(info)) }

  /// The row, where ``info`` is at hand in its encoding.
  func row(encodedInfo: [UInt8]) -> AgentRow {
    // `agent_info`, the first field of all.
    var head = FieldWriter()
    head.delimited(encodedInfo, field: 1)
    var stable = MasterResponse.GetAgents.Agent()
    stable.version = version
    stable.pid = address.pid
    stable.registeredTime = registeredTime
    stable.capabilities = capabilities
    return AgentRow(id: id, stable: head.bytes + MessageBytes.encoded(stable), status: status)
  }
}

/// A resource provider of a registered agent; what it has is part of the agent's total.
struct TrackedProvider: Sendable {
  var info: ResourceProviderInfo
  /// Names the resources that it told of: operations on them say which they presume.
  var version: [UInt8]
}

/// An agent that the registry knows and that has not come back since this master started.
struct RecoveredAgent: Sendable {
  var info: [UInt8]
  /// The registry is being told that it is unreachable.
  var isLeaving = false
}
