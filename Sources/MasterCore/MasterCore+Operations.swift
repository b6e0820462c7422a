import AgentLinkModel
import MesosAllocator
import MesosModel
import SwiftProtobuf

// Operations on resources: what an ACCEPT has of them, how they go, and who is told.
extension MasterCore {
  /// The offers of an ACCEPT on their way through its operations.
  struct AcceptedOffers: Sendable {
    let agent: AgentKey
    let role: String
    /// What was offered, before any operation.
    let offered: Resources
    /// What the next operation may use.
    var remaining: Resources
    /// The shared part of what was offered, which tasks of the call may use any number of times.
    var shared: Resources
    /// What volumes became that grew or shrank. No other operation of the call may use it, as on Apache Mesos.
    var resized = Resources()
    var hasConverted = false

    init(agent: AgentKey, role: String, _ resources: Resources) {
      self.agent = agent
      self.role = role
      offered = resources
      remaining = resources
      shared = resources.shared
    }
  }

  /// Gives what is left of accepted offers back: what the framework did not use is refused as it wishes, what it converted is not.
  mutating func recover(
    _ offers: AcceptedOffers, from framework: FrameworkKey, refusal: Duration?, at now: Moment
  ) {
    guard offers.hasConverted else {
      return allocator.recover(offers.remaining, of: offers.agent, from: framework, refusal: refusal, at: now)
    }
    let converted = offers.remaining + offers.resized - offers.offered
    let declined = offers.remaining + offers.resized - converted
    allocator.recover(converted, of: offers.agent, from: framework, refusal: nil, at: now)
    allocator.recover(declined, of: offers.agent, from: framework, refusal: refusal, at: now)
  }

  /// Does an operation of an ACCEPT that launches nothing.
  ///
  /// - Source: Apache Mesos `src/master/master.cpp`, `accept` and `_accept`.
  mutating func convert(
    _ operation: Offer.Operation, of id: FrameworkKey, with offers: inout AcceptedOffers, at now: Moment
  ) {
    guard let framework = frameworks[id], let agent = agents[offers.agent] else { return }
    var problem: String?
    let upgraded: Offer.Operation
    do throws(OperationError) {
      upgraded = try operation.upgraded().allocatedWhereMissing(to: offers.role)
    } catch {
      return drop(operation, of: id, "Operation attempted with invalid resources: \(error.message)")
    }
    if operation.hasID, let refusal = Self.refusalOfFeedback(agent, isProvider: upgraded.providerID != nil) {
      return drop(operation, of: id, refusal)
    }
    do throws(ValidationError) {
      try OperationValidation.validate(upgraded, in: context(of: framework, on: agent))
    } catch {
      return drop(operation, of: id, "\(error.message); on agent \(agent.text)")
    }
    if let refusal = refusal(of: upgraded, by: framework.info) { return drop(operation, of: id, refusal) }
    guard upgraded.isSpeculative else { return begin(upgraded, of: id, with: &offers) }
    if upgraded.type == .destroy { rescindOffers(of: upgraded.destroy.volumes, on: offers.agent, at: now) }
    let isResize = upgraded.type == .growVolume || upgraded.type == .shrinkVolume
    do throws(OperationError) {
      let conversions = try upgraded.conversions()
      var remaining = offers.remaining
      var resized = offers.resized
      if isResize {
        for conversion in conversions {
          guard remaining.contains(conversion.consumed) else {
            throw OperationError(
              .insufficient,
              "Invalid \(upgraded.type.wireName) operation: \(remaining) does not contain \(conversion.consumed)")
          }
          remaining -= conversion.consumed
          resized += conversion.converted
        }
      } else {
        remaining = try remaining.applying(conversions)
      }
      let total = try (agents[offers.agent]?.total ?? Resources()).applying(conversions.map(\.unallocated))
      for conversion in conversions where !(conversion.consumed.isEmpty && conversion.converted.isEmpty) {
        allocator.convert(conversion, of: offers.agent, for: id)
      }
      offers.remaining = remaining
      offers.resized = resized
      offers.hasConverted = true
      if upgraded.type == .create || upgraded.type == .destroy { offers.shared = remaining.shared }
      apply(upgraded, on: offers.agent, by: id, total: total)
    } catch {
      problem = error.message
    }
    if let problem { drop(operation, of: id, problem) }
  }

  /// Begins an operation whose outcome is known when it ends: what it consumes is kept from others until then.
  private mutating func begin(_ operation: Offer.Operation, of id: FrameworkKey, with offers: inout AcceptedOffers) {
    guard let agent = agents[offers.agent] else { return }
    guard agent.capabilities.contains(where: { $0.type == .resourceProvider }) else {
      return drop(
        operation, of: id,
        "Not supported on agent \(agent.text) because it does not have RESOURCE_PROVIDER capability")
    }
    let consumed: Resources
    do throws(OperationError) {
      consumed = try operation.consumedResources()
    } catch {
      return drop(operation, of: id, error.message)
    }
    guard offers.remaining.contains(consumed) else {
      return drop(
        operation, of: id,
        "Invalid \(operation.type.wireName) Operation: \(offers.remaining) does not contain \(consumed)")
    }
    offers.remaining -= consumed
    let key = apply(operation, on: offers.agent, by: id, total: agent.total)
    operations[key]?.holding = TrackedOperation.Holding(operation: operation, consumed: consumed, isWithheld: false)
    use(consumed, of: offers.agent, by: id)
  }

  /// Why an agent cannot say how operations went, if it cannot.
  private static func refusalOfFeedback(_ agent: TrackedAgent, isProvider: Bool) -> String? {
    let capabilities = Set(agent.capabilities.map(\.type))
    guard capabilities.contains(.resourceProvider) else {
      return
        "Operation requested feedback, but agent \(agent.id) does not have the required RESOURCE_PROVIDER capability"
    }
    guard isProvider || capabilities.contains(.agentOperationFeedback) else {
      return
        "Operation on agent default resources requested feedback, but agent \(agent.id) does not have the required "
        + "AGENT_OPERATION_FEEDBACK and RESOURCE_PROVIDER capabilities"
    }
    return nil
  }

  private func context(of framework: TrackedFramework, on agent: TrackedAgent) -> OperationContext {
    OperationContext(
      framework: OperationContext.Framework(framework.info),
      principal: framework.info.hasPrincipal ? framework.info.principal : nil,
      agentCapabilities: Set(agent.capabilities.map(\.type)), checkpointed: agent.total.needingCheckpoint,
      used: agent.allocated)
  }

  /// Takes the offers back that hold one of the volumes: others may have been offered copies of a shared one.
  private mutating func rescindOffers(of volumes: [Resource], on agent: AgentKey, at now: Moment) {
    guard let volumes = try? Resources(volumes).unallocated else { return }
    let held = (agents[agent]?.offers ?? []).filter { key in
      let offered = offers[key]?.resources.unallocated ?? Resources()
      return volumes.entries.contains { offered.contains($0.withOneCopy) }
    }
    removeOffers(held, notify: true, at: now)
  }

  /// Counts an operation as done, whose end is known before it is, and has the agent do it.
  ///
  /// - Parameters:
  ///   - operation: In the present format; what the allocator knows of it is up to the caller.
  ///   - framework: Whose it is; nil for that of an operator.
  ///   - total: What the agent has afterwards.
  /// - Returns: Its identifier.
  @discardableResult
  mutating func apply(
    _ operation: Offer.Operation, on agent: AgentKey, by framework: FrameworkKey?, total: Resources
  ) -> OperationKey {
    let provider = operation.providerID.map(ResourceProviderKey.init(_:))
    let version = provider.flatMap { agents[agent]?.providers[$0]?.version }
    lastOperation += 1
    let key = OperationKey(master: configuration.masterID, number: lastOperation)
    let pending = OperationStatus.with {
      if operation.hasID { $0.operationID = operation.id }
      $0.state = .operationPending
      $0.agentID = AgentID(agent)
      if let provider { $0.resourceProviderID = ResourceProviderID(provider) }
    }
    add(
      key,
      TrackedOperation(
        key, number: lastOperation, operation, framework: framework, agent: agent, latest: pending))
    agents[agent]?.total = total
    touch(agent)
    // At once: tasks that follow may use what has only come about by this.
    if let status = agents[agent]?.status { change(.agentStatus(agent, status)) }
    send(
      .applyOperation(
        .with {
          $0.operationUuid = MessageBytes.copy(key.bytes)
          if let framework { $0.frameworkID = framework.value }
          $0.operation = MessageBytes.copy(MessageBytes.encoded(operation))
          if let version { $0.resourceVersionUuid = MessageBytes.copy(version) }
        }), to: agent)
    return key
  }

  // MARK: Tables

  mutating func add(_ key: OperationKey, _ operation: TrackedOperation) {
    operations[key] = operation
    agents[operation.agent]?.operations.insert(key)
    if let name = operation.name { operationNames[name] = key }
    counters.operation(operation.type, from: nil, to: operation.latest.state)
    change(
      .operation(
        OperationRow(
          id: key, framework: operation.framework, agent: operation.agent, stable: operation.stable,
          status: operation.row)))
  }

  mutating func removeOperation(_ key: OperationKey) {
    guard let operation = operations.removeValue(forKey: key) else { return }
    agents[operation.agent]?.operations.remove(key)
    if let name = operation.name, operationNames[name] == key { operationNames[name] = nil }
    let state = operation.latest.state
    // Ends are counted for ever, all else as it is now.
    if !state.isTerminal { counters.operation(operation.type, from: state, to: nil) }
    change(.operationRemoved(key))
  }

  func sorted(_ keys: some Sequence<OperationKey>) -> [OperationKey] {
    keys.sorted { (operations[$0]?.number ?? .max, $0) < (operations[$1]?.number ?? .max, $1) }
  }

  // MARK: What agents say

  mutating func operationUpdate(_ update: LinkOperationUpdate, from agent: AgentKey, at now: Moment) {
    counters.messages["operation_status_update", default: 0] += 1
    guard let key = OperationKey(bytes: [UInt8](update.operationUuid)),
      let status = try? OperationStatus(serializedBytes: update.status, partial: true)
    else {
      counters.values["invalid_operation_status_updates", default: 0] += 1
      return
    }
    guard operations[key]?.agent == agent else {
      // It ended and that was acknowledged, which the agent has not heard; or its provider was away for a time.
      counters.values["invalid_operation_status_updates", default: 0] += 1
      if update.hasFrameworkID, status.hasOperationID {
        var told = status
        told.clearUuid()
        send(.update(told), to: FrameworkKey(update.frameworkID))
      }
      if status.state.isTerminal { acknowledgeToAgent(key, status, agent) }
      return
    }
    counters.values["valid_operation_status_updates", default: 0] += 1
    var newest: OperationStatus?
    if update.hasLatestStatus { newest = try? OperationStatus(serializedBytes: update.latestStatus, partial: true) }
    take(status, newest: newest, of: key, on: agent, at: now)
    checkDrained(agent, at: now)
  }

  /// Takes in how an operation went, and tells its framework or acknowledges in its stead.
  private mutating func take(
    _ told: OperationStatus, newest: OperationStatus? = nil, of key: OperationKey, on agent: AgentKey, at now: Moment
  ) {
    guard let before = operations[key] else { return }
    var status = told
    if let id = before.id { status.operationID = id } else { status.clearOperationID() }
    if !status.hasAgentID { status.agentID = AgentID(agent) }
    operations[key]?.add(status, newest: newest)
    if operations[key]?.latest.state.isTerminal ?? false { settle(key, at: now) }
    guard let operation = operations[key] else { return }
    counters.operation(operation.type, from: before.latest.state, to: operation.latest.state)
    change(.operationStatus(key, operation.row))

    if operation.id != nil, let framework = operation.framework, frameworks[framework] != nil {
      send(.update(status), to: framework)
      // Nobody is to acknowledge it.
      if status.state.isTerminal, !status.hasUuid { removeOperation(key) }
      return
    }
    if operation.id != nil, let framework = operation.framework, !completedFrameworks.contains(framework),
      let since = agents[agent]?.admitted, now.uptime < since + Self.orphanAdoptionDelay
    {
      // This master may have started a moment ago: its framework may come back. The agent tells it again.
      return
    }
    acknowledgeToAgent(key, status, agent)
    if status.state.isTerminal { removeOperation(key) }
  }

  /// How long operations of frameworks that are not known wait for them after their agent registered.
  /// - Source: Apache Mesos `src/master/constants.hpp`, `MIN_WAIT_BEFORE_ORPHAN_OPERATION_ADOPTION`.
  static let orphanAdoptionDelay = Duration.seconds(300)

  private mutating func acknowledgeToAgent(_ key: OperationKey, _ status: OperationStatus, _ agent: AgentKey) {
    guard status.hasUuid else { return }
    send(
      .acknowledgeOperation(
        .with {
          $0.operationUuid = MessageBytes.copy(key.bytes)
          $0.statusUuid = MessageBytes.copy(status.uuid.value)
          if status.hasResourceProviderID { $0.resourceProviderID = status.resourceProviderID.value }
        }), to: agent)
  }

  // MARK: Agents that come back, and agents that are gone

  /// An operation as an agent tells of it when it registers again.
  struct OperationInventory: Sendable {
    var key: OperationKey
    var framework: FrameworkKey?
    var info: Offer.Operation
    var latest: OperationStatus

    /// - Throws: `ValidationError` about a record that does not decode.
    init(_ record: LinkOperationRecord) throws(ValidationError) {
      guard let key = OperationKey(bytes: [UInt8](record.operationUuid)) else {
        throw ValidationError(.invalidValue, "Operation has an invalid UUID")
      }
      guard let info = try? Offer.Operation(serializedBytes: record.operation, partial: true),
        let latest = try? OperationStatus(serializedBytes: record.latestStatus, partial: true)
      else { throw ValidationError(.invalidValue, "Operation '\(key)' has a malformed description or status") }
      self.key = key
      self.info = info
      self.latest = latest
      framework = record.hasFrameworkID ? FrameworkKey(record.frameworkID) : nil
    }
  }

  /// Takes over what an agent that registered again says of operations: those it does not name never reached it.
  mutating func reconcile(_ inventory: [OperationInventory], on agent: AgentKey, at now: Moment) {
    // Most agents have none, and then there is nothing to sort.
    guard !inventory.isEmpty || agents[agent]?.operations.isEmpty == false else { return }
    let named = Set(inventory.map(\.key))
    for key in sorted(agents[agent]?.operations ?? []) where !named.contains(key) {
      // Of those of providers the agent tells apart.
      guard let operation = operations[key], operation.provider == nil else { continue }
      guard !operation.latest.state.isTerminal else {
        // The agent has forgotten it, as its end was acknowledged.
        removeOperation(key)
        continue
      }
      take(
        .with {
          $0.state = .operationDropped
          $0.message = "Reconciliation: Operation is unknown to the agent"
        }, of: key, on: agent, at: now)
      if operations[key] != nil { removeOperation(key) }
    }
    for record in inventory {
      if operations[record.key] != nil {
        // What the master does not know yet comes as an update.
        continue
      }
      lastOperation += 1
      var operation = TrackedOperation(
        record.key, number: lastOperation, record.info, framework: record.framework, agent: agent,
        latest: record.latest)
      if record.latest.state != .operationPending { operation.statuses = [record.latest] }
      add(record.key, operation)
    }
  }

  /// Forgets the operations of an agent that is registered no longer.
  ///
  /// - Parameter state: What frameworks that want to know are told; nil for nothing.
  mutating func forgetOperations(of agent: AgentKey, _ state: OperationState?, _ message: String) {
    for key in sorted(agents[agent]?.operations ?? []) {
      if let state, let operation = operations[key], let id = operation.id, let framework = operation.framework {
        sendOperationStatus(id, state, message, agent: AgentID(agent), to: framework)
      }
      removeOperation(key)
    }
  }

  // MARK: What frameworks say

  mutating func acknowledgeOperation(
    _ id: FrameworkKey, _ call: SchedulerCall.AcknowledgeOperationStatus, at now: Moment
  ) {
    counters.messages["operation_status_update_acknowledgement", default: 0] += 1
    guard agents[call.agentID.key]?.isConnected ?? false,
      let key = operationNames[OperationName(framework: id, id: call.operationID.value)],
      let operation = operations[key], operation.agent == call.agentID.key,
      let status = operation.statuses.first(where: { $0.hasUuid && $0.uuid.value == call.uuid })
    else {
      counters.values["invalid_operation_status_update_acknowledgements", default: 0] += 1
      return
    }
    if status.state.isTerminal { removeOperation(key) }
    acknowledgeToAgent(key, status, call.agentID.key)
    checkDrained(call.agentID.key, at: now)
    counters.values["valid_operation_status_update_acknowledgements", default: 0] += 1
  }

  /// What is the state of my operations? Statuses without UUID, which are not acknowledged.
  ///
  /// - Source: Apache Mesos, *Reconciliation*, "Offer Operation Reconciliation"; `src/master/master.cpp`, `reconcileOperations`.
  mutating func reconcileOperations(_ id: FrameworkKey, _ call: SchedulerCall.ReconcileOperations) {
    counters.messages["reconcile_operations", default: 0] += 1
    if call.operations.isEmpty {
      let own = operationNames.compactMap { $0.key.framework == id ? $0.value : nil }
      for key in sorted(own) {
        if let operation = operations[key] { send(.update(operation.told), to: id) }
      }
    }
    for asked in call.operations {
      let name = OperationName(framework: id, id: asked.operationID.value)
      if let key = operationNames[name], let operation = operations[key] {
        send(.update(operation.told), to: id)
        continue
      }
      let (state, message) = unknownOperation(
        on: asked.hasAgentID ? asked.agentID.key : nil,
        of: asked.hasResourceProviderID ? asked.resourceProviderID.key : nil)
      sendOperationStatus(
        asked.operationID, state, message, agent: asked.hasAgentID ? asked.agentID : nil,
        provider: asked.hasResourceProviderID ? asked.resourceProviderID : nil, to: id)
    }
  }

  private func unknownOperation(
    on agent: AgentKey?, of provider: ResourceProviderKey?
  ) -> (OperationState, String) {
    guard let agent else {
      return (.operationUnknown, "Reconciliation: Operation is unknown and no 'agent_id' was provided")
    }
    if recoveredAgents[agent] != nil {
      return (.operationRecovering, "Reconciliation: Agent is recovered but has not re-registered")
    }
    if let agent = agents[agent] {
      if let provider, agent.owesProviders || agent.awaitedProviders.contains(provider) {
        return (.operationRecovering, "Reconciliation: Resource provider is known but has not subscribed again")
      }
      return (.operationUnknown, "Reconciliation: Operation is unknown")
    }
    if unreachableAgents.contains(agent) { return (.operationUnreachable, "Reconciliation: Agent is unreachable") }
    if goneAgents.contains(agent) {
      return (.operationGoneByOperator, "Reconciliation: Agent marked gone by operator")
    }
    return (.operationUnknown, "Reconciliation: Both operation and agent are unknown")
  }

  // MARK: Refusals

  /// Notes that an operation was refused, and tells its framework if it wants to know.
  mutating func drop(_ operation: Offer.Operation, of framework: FrameworkKey, _ message: String) {
    counters.operation(operation.type, from: nil, to: .operationError)
    guard operation.hasID else { return }
    sendOperationStatus(operation.id, .operationError, message, agent: nil, to: framework)
  }

  mutating func sendOperationStatus(
    _ id: OperationID, _ state: OperationState, _ message: String, agent: AgentID?,
    provider: ResourceProviderID? = nil, to framework: FrameworkKey
  ) {
    let status = OperationStatus.with {
      $0.operationID = id
      $0.state = state
      $0.message = message
      if let agent { $0.agentID = agent }
      if let provider { $0.resourceProviderID = provider }
    }
    send(.update(status), to: framework)
  }
}

extension TrackedOperation {
  /// As its framework names it, if it does.
  var name: OperationName? {
    guard let id, let framework else { return nil }
    return OperationName(framework: framework, id: id.value)
  }
}

extension TrackedAgent {
  /// As Apache Mesos names an agent to people.
  var text: String { "\(id) at \(address.pid) (\(info.hostname))" }
}

extension SchedulerEvent {
  static func update(_ status: OperationStatus) -> SchedulerEvent {
    .with {
      $0.type = .updateOperationStatus
      $0.updateOperationStatus = .with { $0.status = status }
    }
  }
}

extension Allocator {
  /// Converts what an accepted offer has.
  mutating func convert(_ conversion: ResourceConversion, of agent: AgentKey, for framework: FrameworkKey) {
    do {
      try updateAllocation(
        framework: framework, agent: agent, from: conversion.consumed, to: conversion.converted)
    } catch { preconditionFailure("the master and its allocator disagree: \(error.message)") }
  }

  /// Gives tasks of an accepted offer further copies of its shared volumes.
  mutating func copy(_ shared: Resources, of agent: AgentKey, for framework: FrameworkKey) {
    do { try allocateCopies(framework: framework, agent: agent, copies: shared) } catch {
      preconditionFailure("the master and its allocator disagree: \(error.message)")
    }
  }
}
