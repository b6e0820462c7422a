import AgentLinkModel
import MesosModel
import OrderedCollections
import SwiftProtobuf

// Operations on the resources of providers pass through: the provider does them, keeps them and tells how they ended until that is
// acknowledged. The agent keeps account of what comes of them.
extension AgentCore {
  /// Takes in an operation of the master on the resources of a provider.
  ///
  /// - Parameter version: Of the provider's resources that the master knew.
  mutating func apply(
    _ uuid: OperationKey, _ info: Offer.Operation, of framework: FrameworkKey?, to key: ResourceProviderKey,
    version: [UInt8]?
  ) {
    guard let subscription = providers[key]?.subscription, let state = subscription.state else {
      return report(uuid, info, of: framework, key, .operationDropped, "Resource provider \(key) is not subscribed")
    }
    guard subscription.operations[uuid] == nil else { return }
    guard version == state.version else {
      return report(
        uuid, info, of: framework, key, .operationDropped, "The resources of the provider have changed since the offer")
    }
    if info.isSpeculative {
      do {
        let total = try state.total.applying(info.conversions().map(\.unallocated))
        providers[key]?.subscription?.state?.total = total
      } catch {
        // The master counts with what does not come about: it is told by everything that there is.
        report(uuid, info, of: framework, key, .operationError, error.message)
        return tell(key)
      }
    }
    let pending = completed(.with { $0.state = .operationPending }, of: info, key)
    providers[key]?.subscription?.operations[uuid] = ProviderOperation(
      info: info, framework: framework, latest: pending)
    send(subscription.connection, .applyOperation) {
      if let framework { $0.applyOperation.frameworkID = FrameworkID(framework) }
      $0.applyOperation.info = info
      $0.applyOperation.operationUuid.value = MessageBytes.copy(uuid.bytes)
      $0.applyOperation.resourceVersionUuid.value = MessageBytes.copy(state.version)
    }
  }

  /// Tells the master how an operation ended that no provider will tell of. Nobody acknowledges it: where it gets lost, the operation is
  /// missing when the agent tells of its providers again.
  mutating func report(
    _ uuid: OperationKey, _ info: Offer.Operation, of framework: FrameworkKey?, _ key: ResourceProviderKey,
    _ state: OperationState, _ message: String
  ) {
    let status = completed(
      .with {
        $0.state = state
        $0.message = String(message.prefix(1_000))
      }, of: info, key)
    forward(uuid, status, latest: status, of: framework)
  }

  private mutating func forward(
    _ uuid: OperationKey, _ status: OperationStatus, latest: OperationStatus, of framework: FrameworkKey?
  ) {
    guard isRegistered else { return }
    directives.append(
      .sendToMaster(
        .operationUpdate(
          .with {
            $0.operationUuid = MessageBytes.copy(uuid.bytes)
            $0.status = encoded(status)
            if latest != status { $0.latestStatus = encoded(latest) }
            if let framework { $0.frameworkID = framework.value }
          })))
  }

  // MARK: What providers say

  /// Takes in how an operation went, and passes it on. While there is no master to hear it nothing is kept: the provider says it again.
  mutating func updateOperationStatus(
    _ update: ResourceProviderCall.UpdateOperationStatus, of key: ResourceProviderKey, _ token: CallToken
  ) {
    guard let subscription = providers[key]?.subscription,
      let uuid = OperationKey(bytes: update.operationUuid.value)
    else { return }
    let operation = subscription.operations[uuid]
    let status = completed(update.status, of: operation?.info, key)
    var latest = update.hasLatestStatus ? completed(update.latestStatus, of: operation?.info, key) : status
    if var operation, let state = subscription.state {
      if operation.latest.state.isTerminal {
        latest = operation.latest
      } else {
        do {
          providers[key]?.subscription?.state?.total = try state.total.counting(operation.info, endedWith: latest)
        } catch {
          directives.append(.answer(token, .rejected(status: 400, text: "Inconsistent call: \(error.message)")))
          return
        }
        operation.latest = latest
      }
      if !operation.statuses.contains(where: { $0.hasUuid && $0.uuid == status.uuid }) {
        operation.statuses.append(status)
        if operation.statuses.count > Self.providerStatusesMax { operation.statuses.removeFirst() }
      }
      providers[key]?.subscription?.operations[uuid] = operation
    }
    directives.append(.answer(token, .accepted))
    forward(
      uuid, status, latest: latest,
      of: operation?.framework ?? (update.hasFrameworkID ? update.frameworkID.key : nil))
  }

  /// How many statuses are kept of an operation.
  static let providerStatusesMax = 16

  // MARK: What the master says

  /// Passes an acknowledgement of a provider's status on.
  mutating func acknowledgeToProvider(_ message: LinkAcknowledgeOperation) {
    let key = ResourceProviderKey(message.resourceProviderID)
    guard let subscription = providers[key]?.subscription,
      let uuid = OperationKey(bytes: [UInt8](message.operationUuid))
    else { return }
    send(subscription.connection, .acknowledgeOperationStatus) {
      $0.acknowledgeOperationStatus.operationUuid.value = MessageBytes.copy(uuid.bytes)
      $0.acknowledgeOperationStatus.statusUuid.value = message.statusUuid
    }
    if subscription.operations[uuid]?.isEnded(by: [UInt8](message.statusUuid)) == true {
      providers[key]?.subscription?.operations[uuid] = nil
    }
  }

  /// Asks providers for operations that the master knows and they did not tell of.
  mutating func reconcile(_ message: LinkReconcileOperations) {
    var asked: OrderedDictionary<ResourceProviderKey, [OperationKey]> = [:]
    for entry in message.operations {
      let key = ResourceProviderKey(entry.resourceProviderID)
      guard let uuid = OperationKey(bytes: [UInt8](entry.operationUuid)),
        let subscription = providers[key]?.subscription, subscription.operations[uuid] == nil
      else { continue }
      asked[key, default: []].append(uuid)
    }
    for (key, uuids) in asked {
      guard let connection = providers[key]?.subscription?.connection else { continue }
      send(connection, .reconcileOperations) {
        $0.reconcileOperations.operationUuids = uuids.map { uuid in .with { $0.value = MessageBytes.copy(uuid.bytes) } }
      }
    }
  }

  // MARK: Reading

  /// Operations on providers' resources whose end was not acknowledged.
  var providerOperations: [MesosOperation] {
    providers.values.flatMap { provider in
      (provider.subscription?.operations ?? [:]).map { uuid, operation in
        .with {
          if let framework = operation.framework { $0.frameworkID = FrameworkID(framework) }
          if let agentID { $0.agentID = AgentID(agentID) }
          $0.info = operation.info
          $0.latestStatus = operation.latest
          $0.statuses = operation.statuses
          $0.uuid = .with { $0.value = MessageBytes.copy(uuid.bytes) }
        }
      }
    }
  }
}

extension Resources {
  /// These resources, allocated to nobody, once `operation` stands as `status` says: only the end of one whose outcome was not counted
  /// with makes a difference.
  fileprivate func counting(
    _ operation: Offer.Operation, endedWith status: OperationStatus
  ) throws(OperationError) -> Resources {
    guard status.state == .operationFinished, !operation.isSpeculative else { return self }
    return try applying(operation.conversion(into: status.convertedResources).unallocated)
  }
}
