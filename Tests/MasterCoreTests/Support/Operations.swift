import AgentLinkModel
import MesosModel
import SwiftProtobuf
import Testing

@testable import MasterCore

/// Resources as messages: `dynamic` reserves them, `volume` makes the disk a volume.
func reserved(
  _ text: String, to role: String = "dev", principal: String? = nil, labels: [String: String] = [:],
  volume: String? = nil, shared: Bool = false, allocated: String? = nil, under parents: [String] = []
) throws -> [Resource] {
  try Resources.parse(text).messages.map { message in
    var resource = message
    for parent in parents {
      resource.reservations.append(
        .with {
          $0.type = .dynamic
          $0.role = parent
        })
    }
    resource.reservations.append(
      .with {
        $0.type = .dynamic
        $0.role = role
        if let principal { $0.principal = principal }
        for (key, value) in labels.sorted(by: { $0.key < $1.key }) {
          $0.labels.labels.append(
            .with {
              $0.key = key
              $0.value = value
            })
        }
      })
    if let volume {
      resource.disk.persistence.id = volume
      if let principal { resource.disk.persistence.principal = principal }
      resource.disk.volume.mode = .rw
      resource.disk.volume.containerPath = "data"
      if shared { resource.shared = .init() }
    }
    if let allocated { resource.allocationInfo.role = allocated }
    return resource
  }
}

extension Offer.Operation {
  static func of(_ type: TypeEnum, id: String? = nil, _ fill: (inout Self) throws -> Void) rethrows -> Self {
    var operation = Self()
    operation.type = type
    if let id { operation.id.value = id }
    try fill(&operation)
    return operation
  }

  static func reserve(_ resources: [Resource], from source: [Resource] = [], id: String? = nil) -> Self {
    of(.reserve, id: id) {
      $0.reserve.resources = resources
      $0.reserve.source = source
    }
  }
  static func unreserve(_ resources: [Resource], id: String? = nil) -> Self {
    of(.unreserve, id: id) { $0.unreserve.resources = resources }
  }
  static func create(_ volumes: [Resource], id: String? = nil) -> Self {
    of(.create, id: id) { $0.create.volumes = volumes }
  }
  static func destroy(_ volumes: [Resource], id: String? = nil) -> Self {
    of(.destroy, id: id) { $0.destroy.volumes = volumes }
  }
  static func launch(_ tasks: [TaskInfo]) -> Self { of(.launch) { $0.launch.taskInfos = tasks } }
}

extension Cluster {
  /// Accepts the offers with operations.
  @discardableResult
  mutating func accept(
    _ scheduler: Scheduler, _ offers: [Offer], _ operations: [Offer.Operation], refuse: Double = 0
  ) -> [MasterCore.Directive] {
    call(scheduler) { call in
      call.type = .accept
      call.accept = .with {
        $0.offerIds = offers.map(\.id)
        $0.operations = operations
        $0.filters = .with { $0.refuseSeconds = refuse }
      }
    }.directives
  }

  /// The agent says how the operation ended.
  @discardableResult
  mutating func finish(
    _ operation: LinkApplyOperation, _ agent: Agent, _ state: OperationState = .operationFinished, uuid: UInt8? = 9
  ) -> [MasterCore.Directive] {
    let status = OperationStatus.with {
      $0.state = state
      if let uuid { $0.uuid = .with { $0.value = MessageBytes.copy(Self.uuid(uuid)) } }
      $0.agentID = AgentID(agent.id)
    }
    return say(
      .operationUpdate(
        .with {
          $0.operationUuid = operation.operationUuid
          $0.status = MessageBytes.copy(MessageBytes.encoded(status))
        }), agent)
  }

  @discardableResult
  mutating func acknowledge(_ scheduler: Scheduler, operation: String, on agent: Agent, uuid: UInt8 = 9)
    -> [MasterCore.Directive]
  {
    call(scheduler) { call in
      call.type = .acknowledgeOperationStatus
      call.acknowledgeOperationStatus = .with {
        $0.agentID = AgentID(agent.id)
        $0.operationID.value = operation
        $0.uuid = MessageBytes.copy(Self.uuid(uuid))
      }
    }.directives
  }

  /// What the agent has, as readers see it.
  func total(of agent: Agent) -> Resources { view.agents[agent.id]?.status.total ?? Resources() }

  func metric(_ name: String) -> Double { core.metrics(at: now).first { $0.name == name }?.value ?? .nan }
}

extension [MasterCore.Directive] {
  func operations(on connection: SchedulerConnection) -> [OperationStatus] {
    events(on: connection).filter { $0.type == .updateOperationStatus }.map(\.updateOperationStatus.status)
  }

  func applied(_ agent: Agent) -> [LinkApplyOperation] {
    toAgent(agent.session).compactMap {
      guard case .applyOperation(let message) = $0 else { return nil }
      return message
    }
  }

  func operationAcknowledgements(_ agent: Agent) -> [LinkAcknowledgeOperation] {
    toAgent(agent.session).compactMap {
      guard case .acknowledgeOperation(let message) = $0 else { return nil }
      return message
    }
  }
}

extension MasterCall {
  static func of(_ type: TypeEnum, _ fill: (inout Self) throws -> Void) rethrows -> Self {
    var call = Self()
    call.type = type
    try fill(&call)
    return call
  }

  static func reserve(_ resources: [Resource], from source: [Resource] = [], on agent: Agent) -> Self {
    of(.reserveResources) {
      $0.reserveResources.agentID = AgentID(agent.id)
      $0.reserveResources.source = source
      $0.reserveResources.resources = resources
    }
  }

  static func unreserve(_ resources: [Resource], on agent: Agent) -> Self {
    of(.unreserveResources) {
      $0.unreserveResources.agentID = AgentID(agent.id)
      $0.unreserveResources.resources = resources
    }
  }

  static func create(_ volumes: [Resource], on agent: Agent) -> Self {
    of(.createVolumes) {
      $0.createVolumes.agentID = AgentID(agent.id)
      $0.createVolumes.volumes = volumes
    }
  }

  static func destroy(_ volumes: [Resource], on agent: Agent) -> Self {
    of(.destroyVolumes) {
      $0.destroyVolumes.agentID = AgentID(agent.id)
      $0.destroyVolumes.volumes = volumes
    }
  }
}

extension Resource {
  func with(_ change: (inout Resource) -> Void) -> Resource {
    var resource = self
    change(&resource)
    return resource
  }
}
