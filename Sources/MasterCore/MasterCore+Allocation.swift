import MesosAllocator
import MesosModel

// When allocation cycles run, and what the allocator is told.
extension MasterCore {
  struct CycleState: Sendable {
    var isRunning = false
    /// Something happened that is worth a cycle before the interval is over.
    var isRequested = false
    var started: Duration?

    var needsTick: Bool { isRunning || isRequested }
  }

  /// Asks for an allocation cycle at once; however many ask before it starts, there is one.
  mutating func requestCycle() { cycle.isRequested = true }

  /// The uptime at which a cycle is due that nobody asked for.
  var nextCycle: Duration? {
    guard !cycle.needsTick else { return cycle.started ?? .zero }
    let soonest = cycle.started.map { $0 + configuration.allocationInterval } ?? .zero
    if allocator.needsCycle { return soonest }
    return allocator.nextExpiry().map { max($0, soonest) }
  }

  /// Does one slice of an allocation cycle, if one runs or is due.
  mutating func allocate(at now: Moment) {
    if !cycle.isRunning {
      guard cycle.isRequested || (nextCycle.map { $0 <= now.uptime } ?? false) else { return }
      cycle = CycleState(isRunning: true, isRequested: false, started: now.uptime)
      allocator.beginCycle(at: now)
    }
    let step = allocator.step(budget: configuration.allocationSliceBudget)
    for allocation in step.allocations {
      offer(allocation.resources, of: allocation.agent, to: allocation.framework, role: allocation.role, at: now)
    }
    guard step.isComplete else { return }
    cycle.isRunning = false
    sendOffers()
    if !step.inverseOffers.isEmpty { offer(step.inverseOffers, at: now) }
  }
}

extension MasterCore.Configuration {
  var allocator: Allocator.Configuration {
    Allocator.Configuration(
      minimumAllocatable: minAllocatableResources, excludedFromFairness: fairSharingExcludedResourceNames,
      filtersGPUs: filtersGPUResources,
      region: masterInfo.domain.hasFaultDomain ? masterInfo.domain.faultDomain.region.name : nil,
      refusalMin: allocationInterval, roleOrder: roleOrder, frameworkOrder: frameworkOrder, seed: allocationSeed,
      recoveryFactor: agentRecoveryFactor, recoveryTimeout: recoveryTimeout)
  }
}

extension TrackedFramework {
  var options: FrameworkOptions {
    var minimums: [String: [ResourceQuantities]] = [:]
    for (role, filters) in info.offerFilters where filters.hasMinAllocatableResources {
      minimums[role] = filters.minAllocatableResources.quantities.map { alternative in
        ResourceQuantities(
          alternative.quantities.compactMap { name, value in
            Scalar(value.value).map { (name: name, amount: $0) }
          })
      }
    }
    return FrameworkOptions(
      roles: roles, suppressedRoles: suppressedRoles.sorted(), isActive: isConnected,
      capabilities: FrameworkOptions.Capabilities(info), minimumAllocatable: minimums, constraints: constraintsFilter)
  }
}

extension TrackedAgent {
  var options: AgentOptions {
    let domain = info.domain
    return AgentOptions(
      total: total, region: domain.hasFaultDomain ? domain.faultDomain.region.name : nil,
      zone: domain.hasFaultDomain ? domain.faultDomain.zone.name : nil, hostname: info.hostname,
      attributes: Attributes(sound: info.attributes), capabilities: AgentOptions.Capabilities(capabilities))
  }
}

extension Attributes {
  /// The attributes that can be read: an agent that says something else about itself is offered as if it had not.
  fileprivate init(sound messages: [Attribute]) {
    do { try self.init(messages) } catch {
      self.init()
      if let sound = try? Attributes(messages.filter { (try? Attributes([$0])) != nil }) { self = sound }
    }
  }
}

/// The allocator's calls as this core makes them. Whatever comes from outside was checked before, so an error is a defect of the core.
extension Allocator {
  private static func defect(_ error: AllocationError) -> Never {
    preconditionFailure("the master and its allocator disagree: \(error.message)")
  }

  /// - Throws: `ValidationError` when there would be more in the cluster than can be counted.
  mutating func add(_ agent: TrackedAgent, used: [FrameworkKey: Resources]) throws(ValidationError) {
    do {
      try addAgent(agent.id, agent.options, used: used)
    } catch {
      guard error.code == .tooLarge else { Self.defect(error) }
      throw ValidationError(.invalidResources, error.message)
    }
  }

  /// - Throws: `ValidationError` when there would be more in the cluster than can be counted.
  mutating func update(_ agent: TrackedAgent) throws(ValidationError) {
    do { try updateAgent(agent.id, agent.options) } catch {
      guard error.code == .tooLarge else { Self.defect(error) }
      throw ValidationError(.invalidResources, error.message)
    }
  }

  mutating func remove(_ agent: AgentKey) { do { try removeAgent(agent) } catch { Self.defect(error) } }

  mutating func set(_ agent: AgentKey, active: Bool) {
    do { try setAgent(agent, active: active) } catch { Self.defect(error) }
  }

  mutating func hinder(_ agent: AgentKey, _ hindrances: AgentHindrances) {
    do { try setAgent(agent, hindrances: hindrances) } catch { Self.defect(error) }
  }

  mutating func plan(_ agent: AgentKey, _ unavailability: PlannedUnavailability?) {
    do { try setUnavailability(of: agent, unavailability) } catch { Self.defect(error) }
  }

  /// Notes that the framework answered that it is to leave the agent, or that it is asked no longer.
  mutating func noteAnswer(of framework: FrameworkKey, about agent: AgentKey, refusal: Duration?, at now: Moment) {
    do { try answerInverseOffer(framework: framework, agent: agent, refusal: refusal, at: now) } catch {
      // The plan may have been called off since.
      if error.code != .noMaintenance { Self.defect(error) }
    }
  }

  mutating func add(_ framework: TrackedFramework) {
    do { try addFramework(framework.id, framework.options) } catch { Self.defect(error) }
  }

  mutating func update(_ framework: TrackedFramework) {
    do { try updateFramework(framework.id, framework.options) } catch { Self.defect(error) }
  }

  mutating func remove(_ framework: FrameworkKey) {
    do { try removeFramework(framework) } catch { Self.defect(error) }
  }

  mutating func set(_ framework: FrameworkKey, active: Bool) {
    do { try setFramework(framework, active: active) } catch { Self.defect(error) }
  }

  mutating func reviveOffers(_ framework: FrameworkKey, roles: [String]) {
    do { try revive(framework: framework, roles: roles) } catch { Self.defect(error) }
  }

  mutating func suppressOffers(_ framework: FrameworkKey, roles: [String]) {
    do { try suppress(framework: framework, roles: roles) } catch { Self.defect(error) }
  }

  mutating func recover(
    _ resources: Resources, of agent: AgentKey, from framework: FrameworkKey, refusal: Duration?, at now: Moment
  ) {
    guard !resources.isEmpty else { return }
    do {
      try recover(framework: framework, agent: agent, resources: resources, refusal: refusal, at: now)
    } catch { Self.defect(error) }
  }

  mutating func weigh(_ role: String, _ weight: Double) {
    do { try setWeight(role: role, weight) } catch { Self.defect(error) }
  }

  mutating func limit(_ role: String, to quota: Quota) {
    do { try setQuota(role: role, quota) } catch { Self.defect(error) }
  }
}
