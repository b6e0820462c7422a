public import MesosModel

extension Allocator {
  /// Adds an agent.
  /// - Parameter used: What frameworks already have on it, allocated to their roles; they may be added later or never, and it may be
  ///   more than the agent has.
  /// - Throws: `AllocationError` with code `.duplicateAgent`, `.noRole`, `.invalidRole` or `.tooLarge`.
  public mutating func addAgent(
    _ id: AgentKey, _ options: AgentOptions, used: [FrameworkKey: Resources] = [:]
  ) throws(AllocationError) {
    guard agentNumbers[id] == nil else { throw AllocationError(.duplicateAgent, "Agent \(id) is known already") }
    for (framework, resources) in used.sorted(by: { $0.key < $1.key }) {
      try Allocator.validate(allocated: resources, of: framework)
    }
    let amounts = vector(options.total.quantities)
    try checkTotals(adding: amounts, without: AmountVector(), of: id)
    totals.add(amounts)
    epoch += 1
    lastSequence += 1
    var agent = Agent(
      id: id, sequence: lastSequence, region: options.region, total: options.total.unallocated, totalAmounts: amounts,
      available: options.total.unallocated)
    agent.classify()
    let number = agents.insert(agent)
    agentNumbers[id] = number
    for (framework, resources) in used.sorted(by: { $0.key < $1.key }) where !resources.isEmpty {
      change(makeFramework(framework), on: number, by: resources, adding: true)
    }
    markDirty(number)
  }

  /// Replaces what an agent has in all. When more is allocated than that, the agent has nothing to offer until enough is recovered.
  /// - Throws: `AllocationError` with code `.unknownAgent` or `.tooLarge`.
  public mutating func updateAgent(_ id: AgentKey, total: Resources) throws(AllocationError) {
    let agent = try number(of: id)
    let total = total.unallocated
    guard total != agents[agent].total else { return }
    let amounts = vector(total.quantities)
    try checkTotals(adding: amounts, without: agents[agent].totalAmounts, of: id)
    if amounts != agents[agent].totalAmounts {
      totals.subtract(agents[agent].totalAmounts)
      totals.add(amounts)
      epoch += 1
    }
    agents[agent].total = total
    agents[agent].totalAmounts = amounts
    agents[agent].classify()
    agents[agent].refresh()
    markDirty(agent)
  }

  /// Removes an agent with all that is allocated on it and all that was refused of it.
  /// - Throws: `AllocationError` with code `.unknownAgent`.
  public mutating func removeAgent(_ id: AgentKey) throws(AllocationError) {
    let agent = try number(of: id)
    for (framework, resources) in agents[agent].holders {
      change(framework, on: agent, by: resources, adding: false)
    }
    for (client, filters) in agents[agent].filters {
      filterCount -= filters.count
      clients[client].filteredAgents.remove(agent)
    }
    totals.subtract(agents[agent].totalAmounts)
    epoch += 1
    agentNumbers[id] = nil
    agents.remove(agent)
    trimExpiries()
  }

  /// Says whether an agent may be offered: not while it is disconnected, draining or deactivated.
  /// - Throws: `AllocationError` with code `.unknownAgent`.
  public mutating func setAgent(_ id: AgentKey, active: Bool) throws(AllocationError) {
    let agent = try number(of: id)
    guard agents[agent].isActive != active else { return }
    agents[agent].isActive = active
    if active { markDirty(agent) }
  }

  mutating func markDirty(_ agent: Int) {
    guard !agents[agent].isDirty else { return }
    agents[agent].isDirty = true
    dirty.append(agent)
  }

  static func validate(allocated resources: Resources, of framework: FrameworkKey) throws(AllocationError) {
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
    for (name, amount) in amounts.amounts.enumerated() {
      guard !(totals[name] - old[name]).addingReportingOverflow(amount).overflow else {
        throw AllocationError(.tooLarge, "With agent \(agent) there would be more \(names[name]) than can be counted")
      }
    }
  }

  // MARK: Allocated resources

  /// Gives back what was allocated: an offer that was declined or rescinded, or what a task no longer uses.
  ///
  /// - Parameters:
  ///   - resources: Allocated to roles, as they were when they were allocated.
  ///   - refusal: For how long the framework does not want these or fewer resources of this agent again, or nil for no such wish. A
  ///     negative duration counts as the default of 5 s, one above 365 days as 365 days, and one below the configuration's `refusalMin` as that unless it is zero.
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
    agents[agent].total = agents[agent].total - from.unallocated + to.unallocated
    agents[agent].classify()
    change(framework, on: agent, by: to, adding: true)
    change(framework, on: agent, by: from, adding: false)
    markDirty(agent)
  }

  private func checkAllocated(_ resources: Resources, to framework: Int, on agent: Int) throws(AllocationError) {
    let (id, agentID) = (frameworks[framework].id, agents[agent].id)
    try Allocator.validate(allocated: resources, of: id)
    let held = agents[agent].resources(of: framework)
    guard held.contains(resources) else {
      throw AllocationError(.notAllocated, "Framework \(id) has \(held) on agent \(agentID), not \(resources)")
    }
  }

  /// Changes what a framework has on an agent, and everything that counts it.
  mutating func change(
    _ framework: Int, on agent: Int, by resources: Resources, adding: Bool, counting: Bool = false
  ) {
    let before = agents[agent].resources(of: framework)
    let after = adding ? before + resources : before - resources
    func holds(_ resources: Resources, _ role: String) -> Bool {
      resources.entries.contains { $0.allocationRole == role }
    }

    let position = agents[agent].holders.firstIndex { $0.framework == framework }
    switch (position, after.isEmpty) {
    case (let position?, true): agents[agent].holders.remove(at: position)
    case (let position?, false): agents[agent].holders[position].resources = after
    case (nil, false):
      let id = frameworks[framework].id
      let place = agents[agent].holders.firstIndex { frameworks[$0.framework].id > id } ?? agents[agent].holders.count
      agents[agent].holders.insert((framework, after), at: place)
    case (nil, true): break
    }
    if adding {
      agents[agent].allocated += resources.unallocated
    } else {
      agents[agent].allocated -= resources.unallocated
    }
    agents[agent].refresh()

    let hasShared = resources.entries.contains(where: \.isShared)
    for (role, part) in resources.allocations {
      let client = makeClient(framework, in: role)
      var amounts = vector(part.quantities)
      if hasShared {
        // However many copies of a shared resource there are, they count once.
        let (old, new) = (before.filter { $0.allocationRole == role }, after.filter { $0.allocationRole == role })
        amounts = vector(adding ? new.quantities - old.quantities : old.quantities - new.quantities)
      }
      clients[client].holdings += (holds(after, role) ? 1 : 0) - (holds(before, role) ? 1 : 0)
      adjust(client, by: amounts, adding: adding, counting: counting)
      pruneClient(client)
    }
  }
}
