public import MesosModel

extension Allocator {
  /// Adds an agent.
  /// - Parameters:
  ///   - id: Its name from now on.
  ///   - options: What it is and has.
  ///   - used: What frameworks already have on it, allocated to their roles; they may be added later or never, and it may be more than
  ///     the agent has.
  /// - Throws: `AllocationError` with code `.duplicateAgent`, `.noRole`, `.invalidRole` or `.tooLarge`.
  public mutating func addAgent(
    _ id: AgentKey, _ options: AgentOptions, used: [FrameworkKey: Resources] = [:]
  ) throws(AllocationError) {
    guard agentNumbers[id] == nil else { throw AllocationError(.duplicateAgent, "Agent \(id) is known already") }
    let used = used.sorted { $0.key < $1.key }
    for (framework, resources) in used { try Allocator.validate(allocated: resources, of: framework) }
    let amounts = vector(options.total)
    try checkTotals(adding: amounts, without: AmountVector(), of: id)
    totals.add(amounts)
    epoch += 1
    lastSequence += 1
    var agent = Agent(id: id, sequence: lastSequence, options, amounts: amounts)
    agent.isWhitelisted = whitelist?.contains(options.hostname) ?? true
    let number = agents.insert(agent)
    agentNumbers[id] = number
    recordTotal(agent.total.entries, on: number, adding: true)
    for (framework, resources) in used where !resources.isEmpty {
      change(makeFramework(framework), on: number, by: resources, adding: true)
    }
    markDirty(number)
    if let recovery, agents.count >= recovery.agents { endRecovery() }
  }

  /// Replaces what an agent has in all. When more is allocated than that, the agent has nothing to offer until enough is recovered.
  /// - Throws: `AllocationError` with code `.unknownAgent` or `.tooLarge`.
  public mutating func updateAgent(_ id: AgentKey, total: Resources) throws(AllocationError) {
    let agent = try number(of: id)
    let total = total.unallocated
    guard total != agents[agent].total else { return }
    let amounts = vector(total)
    try checkTotals(adding: amounts, without: agents[agent].totalAmounts, of: id)
    if amounts != agents[agent].totalAmounts {
      totals.subtract(agents[agent].totalAmounts)
      totals.add(amounts)
      epoch += 1
    }
    recordTotal(total.entries, on: agent, adding: true)
    recordTotal(agents[agent].total.entries, on: agent, adding: false)
    agents[agent].total = total
    agents[agent].totalAmounts = amounts
    agents[agent].classify()
    agents[agent].refresh()
    markDirty(agent)
  }

  /// Replaces what is known of an agent. When its attributes change, what frameworks refused of it is forgotten: they may have refused it
  /// because of them.
  /// - Throws: `AllocationError` with code `.unknownAgent` or `.tooLarge`.
  /// - Source: Apache Mesos, `hierarchical.cpp`, `updateSlave`.
  public mutating func updateAgent(_ id: AgentKey, _ options: AgentOptions) throws(AllocationError) {
    let agent = try number(of: id)
    try updateAgent(id, total: options.total)
    let traits = AgentTraits(options)
    guard traits != agents[agent].traits || options.capabilities != agents[agent].capabilities else { return }
    if traits.attributes != agents[agent].traits.attributes {
      removeFilters(ofAgent: agent)
      if agents[agent].maintenance?.refusals.isEmpty == false {
        agents[agent].maintenance?.refusals = [:]
        isMaintenanceDirty = true
      }
    }
    agents[agent].traits = traits
    agents[agent].capabilities = options.capabilities
    agents[agent].isWhitelisted = whitelist?.contains(traits.hostname) ?? true
    markDirty(agent)
  }

  /// Removes an agent with all that is allocated on it and all that was refused of it.
  /// - Throws: `AllocationError` with code `.unknownAgent`.
  public mutating func removeAgent(_ id: AgentKey) throws(AllocationError) {
    let agent = try number(of: id)
    for holder in agents[agent].holders {
      change(holder.framework, on: agent, by: holder.resources, adding: false)
    }
    recordTotal(agents[agent].total.entries, on: agent, adding: false)
    maintained.remove(agent)
    heldBack.remove(agent)
    removeFilters(ofAgent: agent)
    totals.subtract(agents[agent].totalAmounts)
    epoch += 1
    agentNumbers[id] = nil
    agents.remove(agent)
    trimExpiries()
  }

  /// Says whether an agent can be reached; whoever cannot is not offered.
  /// - Throws: `AllocationError` with code `.unknownAgent`.
  public mutating func setAgent(_ id: AgentKey, active: Bool) throws(AllocationError) {
    let hindrances = agents[try number(of: id)].hindrances
    try setAgent(id, hindrances: active ? hindrances.subtracting(.disconnected) : hindrances.union(.disconnected))
  }

  /// Says what keeps an agent from being offered; whoever sets a hindrance recovers the offers of the agent.
  /// - Throws: `AllocationError` with code `.unknownAgent`.
  public mutating func setAgent(_ id: AgentKey, hindrances: AgentHindrances) throws(AllocationError) {
    let agent = try number(of: id)
    let wasOffered = isOffered(agent)
    agents[agent].hindrances = hindrances
    guard isOffered(agent), !wasOffered else { return }
    markDirty(agent)
    if agents[agent].maintenance != nil { isMaintenanceDirty = true }
  }

  /// What keeps an agent from being offered, or nil for one that is not known.
  public func hindrances(of agent: AgentKey) -> AgentHindrances? { agentNumbers[agent].map { agents[$0].hindrances } }

  mutating func markDirty(_ agent: Int) {
    guard !agents[agent].isDirty else { return }
    agents[agent].isDirty = true
    dirty.append(agent)
  }

  static func validate(allocated resources: Resources, of framework: FrameworkKey) throws(AllocationError) {
    if let role = resources.onlyAllocationRole { return try validate(role: role) }
    for entry in resources.entries {
      guard let role = entry.allocationRole else {
        throw AllocationError(
          .noRole, "Of the resources of framework \(framework), \(entry) is not allocated to a role")
      }
      try validate(role: role)
    }
  }

  private func checkTotals(
    adding amounts: AmountVector, without old: AmountVector, of agent: AgentKey
  ) throws(AllocationError) {
    for name in names.indices {
      guard !(totals[name] - old[name]).addingReportingOverflow(amounts[name]).overflow else {
        throw AllocationError(.tooLarge, "With agent \(agent) there would be more \(names[name]) than can be counted")
      }
    }
  }

  // MARK: Allocated resources

  /// Gives back what was allocated: an offer that was declined or rescinded, or what a task no longer uses.
  ///
  /// - Parameters:
  ///   - id: Who had them.
  ///   - agentID: Where they are.
  ///   - resources: Allocated to roles, as they were when they were allocated.
  ///   - refusal: For how long the framework does not want these or fewer resources of this agent again, or nil for no such wish. A
  ///     negative duration counts as the default of 5 s, one above 365 days as 365 days, and one below the configuration's `refusalMin`
  ///     as that unless it is zero.
  ///   - now: When the refusal begins.
  /// - Throws: `AllocationError` with code `.unknownFramework`, `.unknownAgent`, `.noRole` or `.notAllocated`.
  public mutating func recover(
    framework id: FrameworkKey, agent agentID: AgentKey, resources: Resources, refusal: Duration? = nil, at now: Moment
  ) throws(AllocationError) {
    let framework = try number(of: id)
    let agent = try number(of: agentID)
    try checkAllocated(resources, to: framework, on: agent)
    guard !resources.isEmpty else { return }
    // The client of a role that the framework gave up may go with its last resources: filters are for the others.
    if let refusal {
      for (role, part) in resources.allocations {
        guard let client = frameworks[framework].client(in: role), clients[client].isSubscribed else { continue }
        addFilter(part.unallocated, client: client, agent: agent, for: refusal, at: now)
      }
    }
    change(framework, on: agent, by: resources, adding: false)
    markDirty(agent)
  }

  /// Converts allocated resources into others of equal amounts, on the agent too: reserved, unreserved, made a volume.
  /// - Throws: `AllocationError` with code `.unknownFramework`, `.unknownAgent`, `.noRole`, `.notAllocated` or `.differs`.
  public mutating func updateAllocation(
    framework id: FrameworkKey, agent agentID: AgentKey, from: Resources, to: Resources
  ) throws(AllocationError) {
    let framework = try number(of: id)
    let agent = try number(of: agentID)
    try checkAllocated(from, to: framework, on: agent)
    try Allocator.validate(allocated: to, of: id)
    guard from.quantities == to.quantities else {
      throw AllocationError(.differs, "\(from) cannot become \(to): the amounts differ")
    }
    guard agents[agent].total.contains(from.unallocated) else {
      throw AllocationError(.notAllocated, "\(from) is not on agent \(agentID)")
    }
    let (less, more) = (from.unallocated, to.unallocated)
    recordTotal(more.entries, on: agent, adding: true)
    recordTotal(less.entries, on: agent, adding: false)
    agents[agent].total -= less
    agents[agent].total += more
    if !agents[agent].isPlain || !more.entries.allSatisfy({ !$0.isReserved && !$0.isRevocable && !$0.isShared }) {
      agents[agent].classify()
    }
    change(framework, on: agent, by: to, adding: true, keepsAvailable: true)
    change(framework, on: agent, by: from, adding: false, keepsAvailable: true)
    if agents[agent].isOverallocated || agents[agent].hasShared || less.entries.contains(where: \.isShared) {
      agents[agent].refresh()
    }
    markDirty(agent)
  }

  /// Allocates further copies of shared resources that a framework has on the agent already, to roles as it has those.
  /// - Throws: `AllocationError` with code `.unknownFramework`, `.unknownAgent`, `.noRole` or `.notAllocated`, the last also for resources
  ///   that are not shared.
  /// - Source: Apache Mesos, *Shared Persistent Volumes*; `src/master/master.cpp`, `_accept`.
  public mutating func allocateCopies(
    framework id: FrameworkKey, agent agentID: AgentKey, copies: Resources
  ) throws(AllocationError) {
    let framework = try number(of: id)
    let agent = try number(of: agentID)
    guard copies.entries.allSatisfy(\.isShared) else {
      throw AllocationError(.notAllocated, "Of \(copies) there are no copies: not all of it is shared")
    }
    for entry in copies.entries {
      try checkAllocated(Resources(entry.withOneCopy), to: framework, on: agent)
    }
    guard !copies.isEmpty else { return }
    change(framework, on: agent, by: copies, adding: true)
    markDirty(agent)
  }

  /// Notes what a framework turns out to have on an agent already, allocated to its roles; it may be added later or never, and it may be
  /// more than the agent has.
  /// - Throws: `AllocationError` with code `.unknownAgent`, `.noRole` or `.invalidRole`.
  /// - Source: Apache Mesos, `hierarchical.cpp`, `addResourceProvider`.
  public mutating func addUsed(
    framework id: FrameworkKey, agent agentID: AgentKey, resources: Resources
  ) throws(AllocationError) {
    let agent = try number(of: agentID)
    try Allocator.validate(allocated: resources, of: id)
    guard !resources.isEmpty else { return }
    change(makeFramework(id), on: agent, by: resources, adding: true)
    markDirty(agent)
  }

  private func checkAllocated(_ resources: Resources, to framework: Int, on agent: Int) throws(AllocationError) {
    let isHeld = agents[agent].position(of: framework).map { agents[agent].holders[$0].resources.contains(resources) }
    // What is held was validated when it was allocated.
    if isHeld ?? resources.isEmpty { return }
    let (id, agentID) = (frameworks[framework].id, agents[agent].id)
    try Allocator.validate(allocated: resources, of: id)
    throw AllocationError(
      .notAllocated,
      "Framework \(id) has \(agents[agent].resources(of: framework)) on agent \(agentID), not \(resources)")
  }

  /// Changes what a framework has on an agent, and everything that counts it.
  ///
  /// - Parameters:
  ///   - isGrant: Whether this is an allocation of what is available, whose roles were charged already.
  ///   - keepsAvailable: Whether what is available stays the same.
  mutating func change(
    _ framework: Int, on agent: Int, by resources: Resources, adding: Bool, isGrant: Bool = false,
    keepsAvailable: Bool = false
  ) {
    let hasShared = agents[agent].hasShared || resources.entries.contains(where: \.isShared)
    let position = agents[agent].position(of: framework)
    // One role and nothing shared is the rule, and then no list is made.
    let onlyRole = hasShared ? nil : resources.onlyAllocationRole
    let parts = onlyRole == nil ? resources.allocations : []
    let before = hasShared ? agents[agent].resources(of: framework) : Resources()
    let hadOnly = onlyRole.map { holds($0, at: position, of: agent) } ?? false
    let had = parts.map { holds($0.role, at: position, of: agent) }

    changeHolding(of: framework, at: position, on: agent, by: resources, adding: adding)
    if !keepsAvailable { updateAvailable(of: agent, by: resources, adding: adding, isGrant: isGrant, hasShared) }
    if agents[agent].maintenance != nil { isMaintenanceDirty = true }

    let newPosition = agents[agent].position(of: framework)
    func settle(_ role: String, _ part: Resources, had: Bool, _ amounts: AmountVector) {
      let client = makeClient(framework, in: role)
      if !isGrant { recordAllocation(part.entries, to: clients[client].role, on: agent, adding: adding) }
      clients[client].holdings += (holds(role, at: newPosition, of: agent) ? 1 : 0) - (had ? 1 : 0)
      adjust(client, by: amounts, turns: isGrant ? 1 : 0)
      pruneClient(client)
    }
    if let onlyRole {
      let amounts = vector(resources)
      return settle(onlyRole, resources, had: hadOnly, adding ? amounts : AmountVector() - amounts)
    }
    let after = hasShared ? agents[agent].resources(of: framework) : Resources()
    for (index, (role, part)) in parts.enumerated() {
      var amounts = vector(part)
      if hasShared {
        // However many copies of a shared resource there are, they count once.
        let (old, new) = (before.filter { $0.allocationRole == role }, after.filter { $0.allocationRole == role })
        amounts = vector(new) - vector(old)
      } else if !adding {
        amounts = AmountVector() - amounts
      }
      settle(role, part, had: had[index], amounts)
    }
  }

  /// Changes what a framework has on an agent and nothing that counts it.
  private mutating func changeHolding(
    of framework: Int, at position: Int?, on agent: Int, by resources: Resources, adding: Bool
  ) {
    if let position {
      if adding {
        agents[agent].holders[position].resources += resources
      } else if agents[agent].holders[position].resources.isIdentical(to: resources) {
        agents[agent].holders.remove(at: position)
      } else {
        agents[agent].holders[position].resources -= resources
        if agents[agent].holders[position].resources.isEmpty { agents[agent].holders.remove(at: position) }
      }
    } else if adding {
      let id = frameworks[framework].id
      let place = agents[agent].holders.firstIndex { frameworks[$0.framework].id > id } ?? agents[agent].holders.count
      agents[agent].holders.insert(Holder(framework: framework, resources: resources), at: place)
    }
  }

  private func holds(_ role: String, at position: Int?, of agent: Int) -> Bool {
    position.map { agents[agent].holders[$0].has(role) } ?? false
  }

  private mutating func updateAvailable(
    of agent: Int, by resources: Resources, adding: Bool, isGrant: Bool, _ hasShared: Bool
  ) {
    if hasShared || agents[agent].isOverallocated { return agents[agent].refresh() }
    let change = resources.unallocated
    if !adding {
      agents[agent].available += change
    } else if !agents[agent].available.takeAway(change) {
      agents[agent].refresh()
    }
  }
}
