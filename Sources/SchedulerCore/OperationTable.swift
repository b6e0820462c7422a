public import MesosModel

/// An operation with feedback as its scheduler knows it.
public struct OperationRecord: Hashable, Sendable {
  /// The id that the user gave it.
  public var id: String
  public var agentID: AgentID?
  public var resourceProviderID: ResourceProviderID?
  public var state: OperationState
  /// Whether the master took it at all is not known.
  public var isUncertain: Bool

  /// - Parameters:
  ///   - id: The id that the user gave it.
  ///   - agentID: Where it is done, if known: then the master can answer for it even when it does not know the operation.
  ///   - resourceProviderID: Whose resources it is about, if a resource provider's.
  ///   - state: The last that is known; pending where none is named.
  ///   - isUncertain: Whether the master took it at all is not known.
  public init(
    id: String, agentID: AgentID? = nil, resourceProviderID: ResourceProviderID? = nil,
    state: OperationState = .operationPending, isUncertain: Bool = false
  ) {
    self.id = id
    self.agentID = agentID
    self.resourceProviderID = resourceProviderID
    self.state = state
    self.isUncertain = isUncertain
  }
}

struct OperationEntry: Sendable {
  var agentID: AgentID?
  var resourceProviderID: ResourceProviderID?
  var state: OperationState
  var doubt: Doubt?
  /// What the master said when it refused the operation, where another copy of the call may have been taken.
  var refusal: OperationStatus?
  /// The last status that wants to be acknowledged, and whether it was.
  var last: SchedulerCall.AcknowledgeOperationStatus?
  var isAcknowledged = false

  init(agentID: AgentID? = nil, resourceProviderID: ResourceProviderID? = nil, state: OperationState) {
    self.agentID = agentID
    self.resourceProviderID = resourceProviderID
    self.state = state
  }
}

/// The operations of a framework that have an id: those that are not done, and the last ones that were.
typealias OperationTable = RecordTable<String, OperationEntry>

extension OperationTable {
  var records: [OperationRecord] {
    activeKeys.compactMap { id in
      active[id].map {
        OperationRecord(
          id: id, agentID: $0.agentID, resourceProviderID: $0.resourceProviderID, state: $0.state,
          isUncertain: $0.doubt != nil)
      }
    }
  }
}

extension SchedulerCall.Accept {
  /// Its operations that have an id, whose outcome is therefore told.
  public var operationsWithFeedback: [Offer.Operation] { operations.filter { !$0.id.value.isEmpty } }
}

extension Offer.Operation {
  /// The resource provider whose resources it changes; `nil` for the agent's own.
  var resourceProviderID: ResourceProviderID? {
    let resources: [Resource] =
      switch type {
      case .reserve: reserve.resources
      case .unreserve: unreserve.resources
      case .create: create.volumes
      case .destroy: destroy.volumes
      case .growVolume: [growVolume.volume]
      case .shrinkVolume: [shrinkVolume.volume]
      case .createDisk: [createDisk.source]
      case .destroyDisk: [destroyDisk.source]
      case .launch, .launchGroup, .unknown: []
      }
    return resources.first { $0.hasProviderID }?.providerID
  }
}
