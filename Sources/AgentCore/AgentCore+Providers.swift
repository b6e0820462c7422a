import AgentLinkModel
public import MesosModel
import OrderedCollections
import SwiftProtobuf

// Resource providers: they subscribe, say what they have, and it is part of what the agent has while they are there.
//
// Ids outlive the agent's process, and so does that an operator marked one as gone; all else a provider tells when it comes back. Unlike
// Apache Mesos, a provider that may not come back is told so, and one that was marked as gone gets its TEARDOWN when it tries to.
extension AgentCore {
  private mutating func reject(_ token: CallToken, _ status: Int, _ text: String) {
    directives.append(.answer(token, .rejected(status: status, text: text)))
  }

  mutating func send(
    _ connection: ResourceProviderConnection, _ type: ResourceProviderEvent.TypeEnum,
    _ fill: (inout ResourceProviderEvent) -> Void = { _ in }
  ) {
    var event = ResourceProviderEvent()
    event.type = type
    fill(&event)
    directives.append(.sendToProvider(connection, event))
  }

  // MARK: Subscribing

  mutating func subscribeProvider(
    _ connection: ResourceProviderConnection, _ call: ResourceProviderCall, principal: Principal?, token: CallToken
  ) {
    do { try CallValidation.validate(call) } catch {
      return reject(token, 400, "Failed to validate resource_provider::Call: \(error.message)")
    }
    guard phase == .running || phase == .recovering, agentID != nil else {
      return reject(token, 503, "Agent has not registered yet")
    }
    let info = call.subscribe.resourceProviderInfo
    guard info.hasID else { return admitProvider(connection, info, token) }
    let key = info.id.key
    guard let provider = providers[key] else {
      return reject(token, 400, "Resource provider '\(key.value.prefix(256))' is not known to this agent")
    }
    guard provider.type == info.type, provider.name == info.name else {
      return reject(
        token, 400,
        "Resource provider '\(key)' is of type '\(provider.type)' and name '\(provider.name)' and cannot change them")
    }
    guard provider.standing != .leaving else {
      return reject(token, 503, "Resource provider '\(key)' is being marked as gone")
    }
    directives.append(.answer(token, .streaming))
    guard provider.standing == .admitted else {
      send(connection, .teardown)
      directives.append(.closeProvider(connection))
      return
    }
    if let old = provider.subscription?.connection {
      directives.append(.closeProvider(old))
      unsubscribe(key)
    }
    subscribed(connection, key, info)
  }

  /// Gives a provider its id, once that is durable.
  private mutating func admitProvider(
    _ connection: ResourceProviderConnection, _ info: ResourceProviderInfo, _ token: CallToken
  ) {
    guard providers.count + admittingProviders.count < configuration.resourceProvidersMax else {
      return reject(token, 503, "The agent has had \(configuration.resourceProvidersMax) resource providers")
    }
    var info = info
    let key = ResourceProviderKey(identities.uuidText())
    info.id = ResourceProviderID(key)
    admittingProviders[connection] = info
    put(Checkpoint.provider(key), ResourceProvider(type: info.type, name: info.name).record)
    consequences.append(.providerAdmitted(connection, key))
    directives.append(.answer(token, .streaming))
  }

  mutating func providerAdmittedDurably(_ connection: ResourceProviderConnection, _ key: ResourceProviderKey) {
    guard let info = admittingProviders.removeValue(forKey: connection) else {
      // It went away before it learnt its id: nobody will come back under it.
      remove(Checkpoint.provider(key))
      return
    }
    providers[key] = ResourceProvider(type: info.type, name: info.name)
    subscribed(connection, key, info)
  }

  private mutating func subscribed(
    _ connection: ResourceProviderConnection, _ key: ResourceProviderKey, _ info: ResourceProviderInfo
  ) {
    providers[key]?.subscription = ResourceProvider.Subscription(connection: connection, info: info)
    providerConnections[connection] = key
    counters.resourceProviderSubscriptions += 1
    send(connection, .subscribed) { $0.subscribed.providerID = ResourceProviderID(key) }
  }

  mutating func providerDisconnected(_ connection: ResourceProviderConnection) {
    admittingProviders[connection] = nil
    guard let key = providerConnections[connection], providers[key]?.subscription?.connection == connection else {
      return
    }
    unsubscribe(key)
  }

  /// The provider is away: what it has is no part of what the agent has until it comes back.
  private mutating func unsubscribe(_ key: ResourceProviderKey) {
    guard let subscription = providers[key]?.subscription else { return }
    providers[key]?.subscription = nil
    providerConnections[subscription.connection] = nil
    counters.resourceProviderDisconnections += 1
    guard isRegistered, subscription.state != nil else { return }
    sendUpdate { $0.unsubscribed = [key.value] }
  }

  // MARK: Other calls

  mutating func handleProvider(
    _ call: ResourceProviderCall, streamID: String?, principal: Principal?, token: CallToken
  ) {
    do { try CallValidation.validate(call) } catch {
      return reject(token, 400, "Failed to validate resource_provider::Call: \(error.message)")
    }
    let key = call.resourceProviderID.key
    guard let subscription = providers[key]?.subscription else {
      return reject(token, 400, "Resource provider is not subscribed")
    }
    // In the words of Apache Mesos, such as they are.
    guard let streamID else {
      return reject(token, 400, "All non-subscribe calls should include to 'Mesos-Stream-Id' header")
    }
    guard streamID == subscription.connection.streamID else {
      return reject(
        token, 400,
        "The stream ID '\(streamID.prefix(256))' included in this request didn't match the stream ID currently associated "
          + "with  resource provider ID \(key)")
    }
    switch call.type {
    case .updateState: updateState(call.updateState, of: key, token)
    case .updateOperationStatus: updateOperationStatus(call.updateOperationStatus, of: key, token)
    case .updatePublishResourcesStatus:
      directives.append(.answer(token, .accepted))
      updatePublication(call.updatePublishResourcesStatus, by: key)
    case .subscribe:
      reject(token, 400, "Failed to validate resource_provider::Call: Expecting 'subscribe' on a stream")
    case .unknown: reject(token, 501, "")
    }
  }

  /// Takes in what a provider has and does.
  ///
  /// - Source: Apache Mesos `src/slave/slave.cpp`, `handleResourceProviderMessage`.
  private mutating func updateState(
    _ update: ResourceProviderCall.UpdateState, of key: ResourceProviderKey, _ token: CallToken
  ) {
    guard let provider = providers[key], let subscription = provider.subscription else { return }
    guard provider.standing == .admitted else {
      return reject(token, 503, "Resource provider '\(key)' is being marked as gone")
    }
    let total: Resources
    do {
      total = try Resources(update.resources)
    } catch {
      return reject(token, 400, "Inconsistent call: Invalid resources in 'update_state': \(error.message)")
    }
    let others = providers.filter { $0.key != key }.values.reduce(into: self.total) { $0 += $1.total }
    do {
      try ResourceValidation.validateUniquePersistenceIDs(others + total)
    } catch {
      return reject(token, 400, "Inconsistent call: \(error.message)")
    }
    let version = [UInt8](update.resourceVersionUuid.value)
    if let state = subscription.state, state.version == version, state.total != total {
      // What the master asks for meanwhile could not be told from what it asks for afterwards.
      return reject(token, 400, "Inconsistent call: Other resources need another 'resource_version_uuid'")
    }
    directives.append(.answer(token, .accepted))
    providers[key]?.subscription?.state = ResourceProvider.State(total: total, version: version)
    let operations = merged(subscription.operations, with: update.operations, of: key)
    providers[key]?.subscription?.operations = operations
    tell(key)
    sendPublications(to: key)
  }

  /// The operations that a provider says it has; of those that are known, what it said of their end is kept.
  private func merged(
    _ known: OrderedDictionary<OperationKey, ProviderOperation>, with told: [MesosOperation],
    of key: ResourceProviderKey
  ) -> OrderedDictionary<OperationKey, ProviderOperation> {
    var reported: OrderedDictionary<OperationKey, MesosOperation> = [:]
    for operation in told {
      if let uuid = OperationKey(bytes: operation.uuid.value) { reported[uuid] = operation }
    }
    var merged: OrderedDictionary<OperationKey, ProviderOperation> = [:]
    for (uuid, operation) in known {
      guard let report = reported.removeValue(forKey: uuid) else { continue }
      merged[uuid] = operation
      // Its outcome is part of the total already.
      if !operation.latest.state.isTerminal, report.latestStatus.state.isTerminal {
        merged[uuid]?.latest = completed(report.latestStatus, of: operation.info, key)
      }
    }
    for (uuid, report) in reported {
      merged[uuid] = ProviderOperation(
        info: report.info, framework: report.hasFrameworkID ? report.frameworkID.key : nil,
        latest: completed(report.latestStatus, of: report.info, key),
        statuses: report.statuses.suffix(Self.providerStatusesMax).map { completed($0, of: report.info, key) })
    }
    return merged
  }

  /// A provider's status with what the provider does not know, or need not repeat.
  func completed(
    _ status: OperationStatus, of operation: Offer.Operation?, _ key: ResourceProviderKey
  ) -> OperationStatus {
    var status = status
    if let agentID { status.agentID = AgentID(agentID) }
    status.resourceProviderID = ResourceProviderID(key)
    if let operation {
      if operation.hasID { status.operationID = operation.id } else { status.clearOperationID() }
    }
    return status
  }

  // MARK: Telling the master

  /// Tells the master of one provider.
  mutating func tell(_ key: ResourceProviderKey) {
    guard isRegistered, let record = record(of: key) else { return }
    sendUpdate { $0.resourceProviders = [record] }
  }

  private mutating func sendUpdate(isComplete: Bool = false, _ fill: (inout LinkUpdateAgent) -> Void) {
    var update = LinkUpdateAgent()
    update.isComplete = isComplete
    fill(&update)
    directives.append(.sendToMaster(.updateAgent(update)))
  }

  /// Tells the master, which has just registered the agent, of all providers there are or were.
  mutating func tellProviders() {
    guard isRegistered, !providers.isEmpty else { return }
    let records = providers.keys.map { (key: $0, record: record(of: $0), isGone: providers[$0]?.standing == .gone) }
    sendUpdate(isComplete: true) {
      $0.resourceProviders = records.compactMap(\.record)
      $0.unsubscribed = records.filter { $0.record == nil && !$0.isGone }.map(\.key.value)
      $0.removed = records.filter(\.isGone).map(\.key.value)
    }
  }

  private func record(of key: ResourceProviderKey) -> LinkResourceProviderRecord? {
    guard let subscription = providers[key]?.subscription, let state = subscription.state else { return nil }
    return .with {
      $0.info = subscription.info
      $0.totalResources = state.total.messages
      $0.resourceVersionUuid = MessageBytes.copy(state.version)
      $0.operations = subscription.operations.map { uuid, operation in
        .with {
          $0.operationUuid = MessageBytes.copy(uuid.bytes)
          if let framework = operation.framework { $0.frameworkID = framework.value }
          $0.operation = encoded(operation.info)
          $0.latestStatus = encoded(operation.latest)
        }
      }
    }
  }

  // MARK: Providers that never come back

  /// Takes MARK_RESOURCE_PROVIDER_GONE.
  ///
  /// - Source: Apache Mesos `src/slave/slave.cpp`, `markResourceProviderGone`.
  mutating func markProviderGone(_ id: ResourceProviderID, principal: Principal?, token: CallToken) {
    let key = id.key
    func refusal(_ reason: String) -> String {
      "Could not mark resource provider '\(key.value.prefix(256))' as gone: \(reason)"
    }
    guard phase == .running || phase == .recovering, agentID != nil else {
      return reject(token, 500, refusal("Agent has not registered yet"))
    }
    guard let provider = providers[key] else { return reject(token, 404, refusal("Resource provider is not known")) }
    guard provider.total.isEmpty else { return reject(token, 500, refusal("Resource provider has resources")) }
    guard provider.standing != .gone else {
      directives.append(.answer(token, .ok))
      return
    }
    providers[key]?.standing = .leaving
    if let provider = providers[key] { put(Checkpoint.provider(key), provider.record) }
    consequences.append(.providerGone(key, token))
  }

  mutating func providerGoneDurably(_ key: ResourceProviderKey, _ token: CallToken) {
    directives.append(.answer(token, .ok))
    guard let provider = providers[key], provider.standing == .leaving else { return }
    providers[key]?.standing = .gone
    providers[key]?.subscription = nil
    for (uuid, operation) in provider.subscription?.operations ?? [:] where !operation.latest.state.isTerminal {
      report(
        uuid, operation.info, of: operation.framework, key, .operationGoneByOperator,
        "The resource provider was removed before a terminal operation status update was received")
    }
    if let connection = provider.subscription?.connection {
      providerConnections[connection] = nil
      counters.resourceProviderDisconnections += 1
      send(connection, .teardown)
      directives.append(.closeProvider(connection))
    }
    if isRegistered { sendUpdate { $0.removed = [key.value] } }
    failPublications(of: key)
  }

  /// Takes back the ids of all providers, as the agent's own is: they are to come anew.
  mutating func forgetProviders() {
    for (key, provider) in providers {
      if let connection = provider.subscription?.connection { directives.append(.closeProvider(connection)) }
      remove(Checkpoint.provider(key))
    }
    for connection in admittingProviders.keys.sorted() { directives.append(.closeProvider(connection)) }
    admittingProviders = [:]
    providers = [:]
    providerConnections = [:]
  }

  // MARK: Reading

  /// The providers that are subscribed, and what they have.
  public func getResourceProviders() -> AgentResponse.GetResourceProviders {
    .with {
      $0.resourceProviders = providers.values.compactMap { provider in
        guard let subscription = provider.subscription else { return nil }
        return .with {
          $0.resourceProviderInfo = subscription.info
          $0.totalResources = provider.total.messages(in: .endpoint)
        }
      }
    }
  }

  /// How many providers are subscribed.
  public var subscribedResourceProviders: Int { providers.values.count { $0.subscription != nil } }
}

extension ResourceProvider {
  /// What it has; nothing while it is away, or has not told.
  var total: Resources { subscription?.state?.total ?? Resources() }
}
