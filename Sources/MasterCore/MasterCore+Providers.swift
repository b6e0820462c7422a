import AgentLinkModel
import MesosAllocator
import MesosModel
import SwiftProtobuf

// Resource providers of agents: what they have is offered while they are there, and what operations on it come to is known when those end.
extension MasterCore {
  /// A provider as its agent tells of it, once that was found to be sound.
  private struct ProviderReport {
    var key: ResourceProviderKey
    var info: ResourceProviderInfo
    var total: Resources
    var version: [UInt8]
    var operations: [OperationInventory] = []

    /// - Throws: `ValidationError` that says which part of the record contradicts itself.
    init(_ record: LinkResourceProviderRecord) throws(ValidationError) {
      key = record.info.id.key
      info = record.info
      do { total = try Resources(record.totalResources) } catch {
        throw ValidationError(.invalidResources, "Invalid resources of provider '\(key)': \(error.message)")
      }
      guard total.entries.allSatisfy({ [key] in $0.providerID == key.value && $0.allocationRole == nil }) else {
        throw ValidationError(.invalidResources, "Provider '\(key)' has resources that are not its own")
      }
      version = MessageBytes.copy(record.resourceVersionUuid)
      for record in record.operations {
        let operation = try OperationInventory(record)
        guard operation.info.providerID == key.value else {
          throw ValidationError(.mismatch, "Provider '\(key)' has operation '\(operation.key)', which is not its own")
        }
        operations.append(operation)
      }
    }
  }

  /// Takes in what an agent says of its providers.
  ///
  /// - Source: Apache Mesos `src/master/master.cpp`, `updateSlave`. There every update tells of all providers, so that of one that has not
  ///   changed undoes what is on its way to it.
  mutating func updateAgent(_ update: LinkUpdateAgent, from id: AgentKey, at now: Moment) {
    counters.messages["update_slave", default: 0] += 1
    var reports: [ProviderReport] = []
    do throws(ValidationError) {
      for record in update.resourceProviders { reports.append(try ProviderReport(record)) }
    } catch {
      if let connection = agents[id]?.connection { refuse(connection, error.message) }
      return
    }
    let away = Set(update.unsubscribed.map(ResourceProviderKey.init(_:)))
    let gone = Set(update.removed.map(ResourceProviderKey.init(_:)))
    let here = Set(reports.map(\.key))
    for key in (agents[id]?.providers.keys.sorted() ?? [])
    where !here.contains(key) && (update.isComplete || away.contains(key) || gone.contains(key)) {
      removeProvider(key, of: id, at: now)
    }
    let awaited = update.isComplete ? [] : agents[id]?.awaitedProviders ?? []
    agents[id]?.awaitedProviders = awaited.union(away).subtracting(gone).subtracting(here)
    if update.isComplete { agents[id]?.owesProviders = false }
    var missing: [(OperationKey, ResourceProviderKey)] = []
    for report in reports { missing += take(report, of: id, at: now).map { ($0, report.key) } }
    if !missing.isEmpty {
      send(
        .reconcileOperations(
          .with {
            $0.operations = missing.map { operation, provider in
              .with {
                $0.operationUuid = MessageBytes.copy(operation.bytes)
                $0.resourceProviderID = provider.value
              }
            }
          }), to: id)
    }
    touch(id)
    checkDrained(id, at: now)
    requestCycle()
  }

  /// Takes over what a provider has and does.
  ///
  /// - Returns: Operations that the provider did not tell of.
  private mutating func take(_ report: ProviderReport, of id: AgentKey, at now: Moment) -> [OperationKey] {
    rescindOffers(ofProvider: report.key, on: id, at: now)
    agents[id]?.providers[report.key] = TrackedProvider(info: report.info, version: report.version)
    let told = Set(report.operations.map(\.key))
    let known = sorted(agents[id]?.operations ?? []).filter { operations[$0]?.provider == report.key }
    var total = report.total
    for record in report.operations {
      if operations[record.key] != nil {
        // What the provider has now is with what came of it; the status itself comes as an update.
        end(record.key, record.latest, at: now)
      } else {
        adopt(record, on: id, at: now)
      }
    }
    for key in sorted(agents[id]?.operations ?? []) {
      guard let operation = operations[key], operation.provider == report.key, let holding = operation.holding,
        holding.isWithheld
      else { continue }
      total -= holding.consumed.unallocated
    }
    replaceTotal(of: report.key, on: id, with: total)
    return known.filter { !told.contains($0) && operations[$0] != nil }
  }

  private mutating func replaceTotal(of provider: ResourceProviderKey, on id: AgentKey, with total: Resources) {
    guard let agent = agents[id] else { return }
    let others = agent.total.filter { $0.providerID != provider.value }
    agents[id]?.total = others + total
    do throws(AllocationError) { try allocator.updateAgent(id, total: others + total) } catch {
      // More than can be counted in the cluster: nothing of the provider is offered.
      agents[id]?.total = others
      allocator.set(id, total: others)
    }
  }

  /// Takes up an operation that another master began, or that its provider comes back with.
  private mutating func adopt(_ record: OperationInventory, on id: AgentKey, at now: Moment) {
    lastOperation += 1
    var operation = TrackedOperation(
      record.key, number: lastOperation, record.info, framework: record.framework, agent: id, latest: record.latest)
    if record.latest.state != .operationPending { operation.statuses = [record.latest] }
    add(record.key, operation)
    guard !record.latest.state.isTerminal, !record.info.isSpeculative,
      let consumed = try? record.info.consumedResources()
    else { return }
    let isAllocated = consumed.entries.allSatisfy { entry in
      entry.allocationRole.map { (try? RoleName.validate($0)) != nil } ?? false
    }
    let owner = isAllocated ? record.framework.flatMap { frameworks[$0] == nil ? nil : $0 } : nil
    operations[record.key]?.holding = TrackedOperation.Holding(
      operation: record.info, consumed: consumed, isWithheld: owner == nil)
    guard let owner else { return }
    allocator.use(consumed, of: id, by: owner)
    use(consumed, of: id, by: owner)
  }

  /// Notes that an operation has come to its end, where its provider tells so by the way.
  private mutating func end(_ key: OperationKey, _ latest: OperationStatus, at now: Moment) {
    guard let before = operations[key], !before.latest.state.isTerminal, latest.state.isTerminal else { return }
    release(key, at: now)
    operations[key]?.latest = latest
    counters.operation(before.type, from: before.latest.state, to: latest.state)
    if let row = operations[key]?.row { change(.operationStatus(key, row)) }
  }

  // MARK: Providers that are away

  /// The provider is away: what it has is not there, and of what it does is not heard. Frameworks are not told, as on Apache Mesos; who
  /// asks is told that it may come back.
  private mutating func removeProvider(_ key: ResourceProviderKey, of id: AgentKey, at now: Moment) {
    rescindOffers(ofProvider: key, on: id, at: now)
    for operation in sorted(agents[id]?.operations ?? []) where operations[operation]?.provider == key {
      release(operation, at: now)
      removeOperation(operation)
    }
    agents[id]?.providers[key] = nil
    replaceTotal(of: key, on: id, with: Resources())
  }

  /// The agent has no providers any more.
  mutating func removeProviders(of id: AgentKey, at now: Moment) {
    for key in agents[id]?.providers.keys.sorted() ?? [] { removeProvider(key, of: id, at: now) }
    agents[id]?.awaitedProviders = []
  }

  private mutating func rescindOffers(ofProvider key: ResourceProviderKey, on id: AgentKey, at now: Moment) {
    let affected = (agents[id]?.offers ?? []).filter { offer in
      offers[offer]?.resources.entries.contains { $0.providerID == key.value } ?? false
    }
    removeOffers(affected, notify: true, at: now)
  }

  // MARK: What operations hold

  /// What operations that are under way keep from others, by framework.
  func heldByOperations(on agent: TrackedAgent) -> [(framework: FrameworkKey, resources: Resources)] {
    sorted(agent.operations).compactMap { key in
      guard let operation = operations[key], let framework = operation.framework, let holding = operation.holding,
        !holding.isWithheld
      else { return nil }
      return (framework, holding.consumed)
    }
  }

  /// Gives back what an operation holds, as it was before.
  mutating func release(_ key: OperationKey, at now: Moment) {
    guard let operation = operations[key], let holding = operation.holding else { return }
    operations[key]?.holding = nil
    if !holding.isWithheld {
      guard let framework = operation.framework else { return }
      release(holding.consumed, of: operation.agent, from: framework, at: now)
    } else if let total = agents[operation.agent]?.total {
      setTotal(of: operation.agent, to: total + holding.consumed.unallocated)
    }
  }

  /// An operation has come to its end: what it held is there again, or what it became.
  mutating func settle(_ key: OperationKey, at now: Moment) {
    guard let operation = operations[key], let holding = operation.holding else { return }
    release(key, at: now)
    guard operation.latest.state == .operationFinished, let total = agents[operation.agent]?.total else { return }
    let converted = operation.latest.convertedResources
    // The agent has checked it, and tells anew of what its provider has where they disagree.
    guard let conversion = try? holding.operation.conversion(into: converted),
      let after = try? total.applying(conversion.unallocated)
    else { return }
    setTotal(of: operation.agent, to: after)
  }

  /// The framework is over: what its operations hold is nobody's until they end.
  mutating func withholdOperations(of id: FrameworkKey, at now: Moment) {
    for key in sorted(operations.keys.filter { operations[$0]?.framework == id }) {
      guard let operation = operations[key], var holding = operation.holding, !holding.isWithheld else { continue }
      release(key, at: now)
      guard let total = agents[operation.agent]?.total else { continue }
      setTotal(of: operation.agent, to: total - holding.consumed.unallocated)
      holding.isWithheld = true
      operations[key]?.holding = holding
    }
  }

  private mutating func setTotal(of id: AgentKey, to total: Resources) {
    agents[id]?.total = total
    allocator.set(id, total: total)
    touch(id)
  }
}

extension Allocator {
  /// Notes that operations of the framework use this on the agent.
  fileprivate mutating func use(_ resources: Resources, of agent: AgentKey, by framework: FrameworkKey) {
    do { try addUsed(framework: framework, agent: agent, resources: resources) } catch {
      preconditionFailure("the master and its allocator disagree: \(error.message)")
    }
  }
}
