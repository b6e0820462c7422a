public import MesosModel

/// When an operator plans to have an agent out of use.
public struct PlannedUnavailability: Hashable, Sendable {
  /// When it begins, in nanoseconds since 1970.
  public let startNanoseconds: Int64
  /// How long it lasts; nil for no end.
  public let duration: Duration?

  /// From `startNanoseconds` since 1970 on, for `duration` or for ever.
  public init(startNanoseconds: Int64, duration: Duration? = nil) {
    self.startNanoseconds = startNanoseconds
    self.duration = duration
  }
}

/// A framework to be asked to leave an agent before it becomes unavailable.
public struct InverseAllocation: Hashable, Sendable {
  /// Who is to be asked.
  public let framework: FrameworkKey
  /// What it has something on.
  public let agent: AgentKey
  /// When the agent will be out of use.
  public let unavailability: PlannedUnavailability
}

extension Maintenance {
  mutating func forget(_ framework: Int) {
    asked.remove(framework)
    refusals[framework] = nil
  }
}

/// The wait for agents after a failover.
struct Recovery: Sendable {
  let agents: Int
  let until: Duration
}

extension Allocator {
  /// Plans maintenance of an agent, or with nil cancels it; whoever was asked to leave it before, or refused, is asked again.
  ///
  /// The agent is offered as before, and each active framework that has something on it gets an inverse offer with the next cycle.
  /// - Throws: `AllocationError` with code `.unknownAgent`.
  /// - Source: Apache Mesos, *Maintenance Primitives*; `hierarchical.cpp`, `updateUnavailability`.
  public mutating func setUnavailability(
    of id: AgentKey, _ unavailability: PlannedUnavailability?
  ) throws(AllocationError) {
    let agent = try number(of: id)
    agents[agent].maintenance = unavailability.map { Maintenance(unavailability: $0) }
    if unavailability == nil {
      maintained.remove(agent)
    } else {
      maintained.insert(agent)
      isMaintenanceDirty = true
    }
    markDirty(agent)
  }

  /// Takes note that a framework answered an inverse offer, or that it was taken back.
  ///
  /// - Parameters:
  ///   - id: Who was asked.
  ///   - agentID: The agent to leave.
  ///   - refusal: For how long the framework does not want to be asked again, or nil or zero to be asked with the next cycle; with the
  ///     bounds of ``recover(framework:agent:resources:refusal:at:)``, but not lengthened to a cycle.
  ///   - now: When the refusal begins.
  /// - Throws: `AllocationError` with code `.unknownFramework`, `.unknownAgent` or `.noMaintenance`.
  public mutating func answerInverseOffer(
    framework id: FrameworkKey, agent agentID: AgentKey, refusal: Duration? = nil, at now: Moment
  ) throws(AllocationError) {
    let framework = try number(ofAdded: id)
    let agent = try number(of: agentID)
    guard agents[agent].maintenance != nil else {
      throw AllocationError(.noMaintenance, "No maintenance is planned for agent \(agentID)")
    }
    agents[agent].maintenance?.asked.remove(framework)
    let wish = refusal.map { $0 < .zero ? Allocator.refusalDefault : min($0, Allocator.refusalMax) } ?? .zero
    if wish > .zero {
      let until = now.uptime + wish
      let old = agents[agent].maintenance?.refusals[framework] ?? .zero
      agents[agent].maintenance?.refusals[framework] = max(old, until)
    }
    isMaintenanceDirty = true
  }

  /// When the next refusal to leave an agent expires, in uptime.
  public func nextInverseFilterExpiry() -> Duration? {
    var next: Duration?
    for agent in maintained {
      guard let expiry = agents[agent].maintenance?.refusals.values.min() else { continue }
      next = next.map { min($0, expiry) } ?? expiry
    }
    return next
  }

  mutating func expireRefusals(at now: Duration) {
    for agent in maintained {
      guard let refusals = agents[agent].maintenance?.refusals, refusals.values.contains(where: { $0 <= now }) else {
        continue
      }
      agents[agent].maintenance?.refusals = refusals.filter { $0.value > now }
      isMaintenanceDirty = true
    }
  }

  /// The inverse offers that are due, by agent in the order of addition, then by framework.
  mutating func makeInverseOffers(at now: Duration) -> [InverseAllocation] {
    guard isMaintenanceDirty else { return [] }
    isMaintenanceDirty = false
    var offers: [InverseAllocation] = []
    for agent in maintained.sorted(by: { agents[$0].sequence < agents[$1].sequence }) where isOffered(agent) {
      for holder in agents[agent].holders {
        let framework = holder.framework
        guard let maintenance = agents[agent].maintenance, frameworks[framework].isAdded,
          frameworks[framework].isActive, !maintenance.asked.contains(framework),
          maintenance.refusals[framework] == nil
        else { continue }
        agents[agent].maintenance?.asked.insert(framework)
        offers.append(
          InverseAllocation(
            framework: frameworks[framework].id, agent: agents[agent].id, unavailability: maintenance.unavailability))
      }
    }
    inverseAllocationCount += offers.count
    return offers
  }

  // MARK: Whitelist

  /// Offers only agents of these host names from now on, or all of them for nil.
  public mutating func setWhitelist(_ hostnames: Set<String>?) {
    whitelist = hostnames
    for agent in agents.indices {
      let isListed = hostnames?.contains(agents[agent].traits.hostname) ?? true
      if isListed, !agents[agent].isWhitelisted {
        markDirty(agent)
        isMaintenanceDirty = true
      }
      agents[agent].isWhitelisted = isListed
    }
  }

  // MARK: After a failover

  /// Holds all offers back after a failover until enough of the agents are back, when there are quotas: with few agents known, what
  /// roles consume is not known either.
  ///
  /// Ends when the configuration's `recoveryFactor` of them, rounded down, are there, or after its `recoveryTimeout`. Does nothing
  /// where no role has a quota, or no agent is waited for.
  /// - Parameters:
  ///   - count: How many agents were there before.
  ///   - now: When the wait begins.
  /// - Source: Apache Mesos, *Quota*, "Implementation Notes"; `hierarchical.cpp`, `recover`.
  public mutating func beginRecovery(agents count: Int, at now: Moment) {
    let factor = configuration.recoveryFactor
    let expected = Int(exactly: (Double(max(0, count)) * factor).rounded(.down)) ?? 0
    guard quotaCount > 0, expected > agents.count else { return }
    recovery = Recovery(agents: expected, until: now.uptime + configuration.recoveryTimeout)
    cycle = nil
    isAllDirty = true
  }

  /// Whether offers are held back after a failover.
  public var isRecovering: Bool { recovery != nil }

  mutating func endRecovery() {
    recovery = nil
    isAllDirty = true
  }

  /// When time alone makes a cycle due, in uptime: the next filter or refusal expires, or the wait after a failover ends.
  public func nextExpiry() -> Duration? {
    if let recovery { return recovery.until }
    switch (nextFilterExpiry(), nextInverseFilterExpiry()) {
    case (let filter?, let refusal?): return min(filter, refusal)
    case (let filter, let refusal): return filter ?? refusal
    }
  }
}
