public import MesosModel

extension Allocator {
  /// Says for a framework, role by role and agent by agent, what the next cycle will offer it, or why it will not.
  ///
  /// Between questions this costs the last winner of each agent. A question runs the next cycle on a copy of the allocator, so the
  /// offers it foretells are those that ``beginCycle(at:)`` and ``step(budget:)`` make if nothing happens in between; the state is then asked,
  /// in a fixed order, for the first thing that stands between the framework and each other agent.
  ///
  /// - Parameters:
  ///   - id: The framework.
  ///   - roles: Which of its roles; nil for all.
  ///   - only: Which agents; nil for all. Names that are not known are left out.
  ///   - now: When the next cycle is supposed to begin.
  /// - Throws: `AllocationError` with code `.unknownFramework`, or `.invalidRole` for a role that it is not subscribed to.
  /// - Complexity: A cycle, and the number of agents times that of the framework's roles.
  public func explain(
    framework id: FrameworkKey, roles: [String]? = nil, agents only: [AgentKey]? = nil, at now: Moment
  ) throws(AllocationError) -> OfferExplanation {
    let framework = try number(ofAdded: id)
    var subscribed = frameworks[framework].clients.filter { clients[$0.client].isSubscribed }
    if let roles {
      if let unknown = roles.first(where: { role in !subscribed.contains { $0.role == role } }) {
        throw AllocationError(.invalidRole, "Framework \(id) is not subscribed to role '\(unknown)'")
      }
      subscribed = subscribed.filter { roles.contains($0.role) }
    }
    var next = self
    next.beginCycle(at: now)
    var offers: [Place: Resources] = [:]
    for allocation in next.finishCycle() where allocation.framework == id {
      offers[Place(role: allocation.role, agent: allocation.agent), default: Resources()] += allocation.resources
    }
    let numbers = (only?.compactMap { agentNumbers[$0] } ?? agents.indices)
      .sorted { agents[$0].sequence < agents[$1].sequence }
    var verdicts: [OfferVerdict] = []
    for (role, client) in subscribed {
      for agent in numbers {
        let place = Place(role: role, agent: agents[agent].id)
        let reason =
          offers[place].map { .offered($0) } ?? reason(against: client, on: agent, at: now.uptime, next: next)
        verdicts.append(OfferVerdict(role: role, agent: place.agent, reason: reason))
      }
    }
    return OfferExplanation(
      framework: id, time: now.uptime, lastCycle: cycleNumber, lastCycleTime: cycleTime, verdicts: verdicts)
  }

  private struct Place: Hashable {
    let role: String
    let agent: AgentKey
  }

  /// The first thing that keeps a client from being offered an agent.
  /// - Parameter next: The allocator after the next cycle.
  private func reason(
    against client: Int, on agent: Int, at now: Duration, next: Allocator
  ) -> OfferVerdict.Reason {
    if let reason = reasonOfFramework(client, next: next) ?? reasonOfAgent(agent, client) { return reason }
    let free = agents[agent].available
    if free.isEmpty { return taken(agent) }
    let role = clients[client].role
    let visible = free.allocatable(to: roleNames[role])
    if visible.isEmpty { return .reserved(roles: Set(free.entries.compactMap(\.reservationRole)).sorted()) }

    let usable = usable(visible, by: client, on: agent)
    if let reason = tooLittle(usable, of: visible, client, agent) { return reason }
    if let reason = reasonOfQuota(usable, role, client) { return reason }
    if let reason = filtered(usable, client, agent, at: now) { return reason }

    // Nothing stands against the offer now: what changes that is what the cycle gives to others before.
    let rest = next.usable(next.agents[agent].available.allocatable(to: roleNames[role]), by: client, on: agent)
    if next.tooLittle(rest, of: rest, client, agent) == nil {
      if let reason = next.reasonOfQuota(rest, role, client) { return reason }
      let chopped = next.chopped(rest, to: next.quotaOffering(of: next.openAmounts(of: rest), to: role).total)
      if let reason = filtered(chopped, client, agent, at: now) { return reason }
    }
    return next.taken(agent)
  }

  private func reasonOfFramework(_ client: Int, next: Allocator) -> OfferVerdict.Reason? {
    if !frameworks[clients[client].framework].isActive { return .inactive }
    if clients[client].isSuppressed { return .suppressed }
    if let recovery = next.recovery {
      return .recovering(missingAgents: recovery.agents - agents.count, until: recovery.until)
    }
    return nil
  }

  private func reasonOfAgent(_ agent: Int, _ client: Int) -> OfferVerdict.Reason? {
    let known = agents[agent]
    if !known.hindrances.isEmpty { return .hindered(known.hindrances) }
    if !known.isWhitelisted { return .notWhitelisted(hostname: known.traits.hostname) }
    let capabilities = frameworks[clients[client].framework].capabilities
    if !known.capabilities.contains(.multiRole), capabilities.contains(.multiRole) { return .agentLacks(.multiRole) }
    if !known.capabilities.contains(.hierarchicalRole), roles[clients[client].role].isNested {
      return .agentLacks(.hierarchicalRole)
    }
    if known.hasGPUs, configuration.filtersGPUs, !capabilities.contains(.gpuResources) {
      return .frameworkLacks(.gpuResources)
    }
    if isRemote(agent), !capabilities.contains(.regionAware) { return .frameworkLacks(.regionAware) }
    if let constraints = clients[client].constraints, !constraints.holds(for: known.traits) {
      return .constraintsFailed(constraints.failures(for: known.traits))
    }
    return nil
  }

  /// Who has what is on an agent: the winner of the last cycle that gave something of it, while they have it.
  private func taken(_ agent: Int) -> OfferVerdict.Reason {
    let holders = agents[agent].holders.map { frameworks[$0.framework].id }
    if let winner = agents[agent].winner, holders.contains(winner.framework) {
      return .lost(to: winner.framework, role: winner.role, cycle: winner.cycle)
    }
    return .nothingFree(holders: holders)
  }

  /// The part of resources that a framework can deal with.
  private func usable(_ resources: Resources, by client: Int, on agent: Int) -> Resources {
    let capabilities = frameworks[clients[client].framework].capabilities
    let knowsRefinement =
      capabilities.contains(.reservationRefinement) && agents[agent].capabilities.contains(.reservationRefinement)
    return resources.filter { entry in
      (!entry.isRevocable || capabilities.contains(.revocableResources))
        && (!entry.isShared || capabilities.contains(.sharedResources))
        && (!entry.hasRefinedReservation || knowsRefinement)
    }
  }

  private func tooLittle(
    _ usable: Resources, of visible: Resources, _ client: Int, _ agent: Int
  ) -> OfferVerdict.Reason? {
    let isEnough = isWorthOffering(amounts(of: usable), to: client)
    if usable.entries.contains(where: { !$0.isShared }), isEnough { return nil }
    let capabilities = frameworks[clients[client].framework].capabilities
    // With what it cannot deal with there might have been enough.
    var lacked: FrameworkOptions.Capabilities = []
    for entry in visible.entries {
      if entry.isRevocable { lacked.insert(.revocableResources) }
      if entry.isShared { lacked.insert(.sharedResources) }
      if entry.hasRefinedReservation { lacked.insert(.reservationRefinement) }
    }
    lacked.subtract(capabilities)
    let isMore = visible.entries.contains { !$0.isShared } && isWorthOffering(amounts(of: visible), to: client)
    if isMore, !lacked.isEmpty { return .frameworkLacks(lacked) }
    if isMore, usable != visible { return .agentLacks(.reservationRefinement) }
    if isEnough || !visible.entries.contains(where: { !$0.isShared }) { return .onlyShared }
    let minimum = clients[client].minimumQuantities ?? configuration.minimumAllocatable
    return .belowMinimum(usable, minimum: minimum)
  }

  private func filtered(
    _ resources: Resources, _ client: Int, _ agent: Int, at now: Duration
  ) -> OfferVerdict.Reason? {
    let filters = agents[agent].filters[client] ?? []
    let until = filters.filter { $0.until > now && $0.resources.contains(resources) }.map(\.until).max()
    return until.map { .filtered(until: $0, remaining: $0 - now) }
  }

  /// Whether quotas leave less of resources than an offer must contain.
  private func reasonOfQuota(_ resources: Resources, _ role: Int, _ client: Int) -> OfferVerdict.Reason? {
    guard quotaCount > 0 else { return nil }
    let open = openAmounts(of: resources)
    let (limited, total) = (limitedOffering(of: open, to: role).capped, quotaOffering(of: open, to: role).total)
    func isOffered(_ most: AmountVector) -> Bool {
      let chopped = most == open ? resources : chopped(resources, to: most)
      return chopped.entries.contains { !$0.isShared } && isWorthOffering(amounts(of: chopped), to: client)
    }
    if isOffered(total) { return nil }
    guard isOffered(limited) else { return .limitsReached(limits(of: role, below: open)) }
    let waiting = roles.indices.filter { number in
      roles[number].quota.map { !($0.guarantees - roles[number].consumed).positivePart.isZero } ?? false
    }
    return .heldForGuarantees(roles: waiting.map { roleNames[$0] }.sorted(), amounts: quantities(limited - total))
  }

  /// The limits of a role, and of those above it, that leave less than `open`.
  private func limits(of role: Int, below open: AmountVector) -> [OfferVerdict.Limit] {
    path(of: role).reversed().flatMap { node in
      let consumed = roles[node].consumed
      return (roles[node].quota?.limits ?? [])
        .filter { open[$0.name] > 0 && $0.amount - consumed[$0.name] < open[$0.name] }
        .map { limit in
          OfferVerdict.Limit(
            role: roleNames[node], name: names[limit.name], limit: Scalar(thousandths: limit.amount),
            consumed: Scalar(thousandths: consumed[limit.name]))
        }
    }
  }
}
