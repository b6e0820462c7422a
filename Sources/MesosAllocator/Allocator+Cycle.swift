public import MesosModel

/// A cycle under way.
struct Cycle: Sendable {
  /// Who is to be visited, in the order of addition; the sequence number tells whether it is still the same agent.
  var agents: [(number: Int, sequence: Int)]
  var next = 0
  let now: Duration
  /// In the first stage roles are given what meets their guarantees, in the second everybody whatever is left.
  var isFirstStage: Bool
  /// By agent, the shared resources that were allocated in the first stage; they are there for one in a cycle.
  var shared: [Int: Resources] = [:]
}

extension Allocator {
  /// Whether a cycle is under way or would have agents to visit, or frameworks to ask to leave agents.
  public var needsCycle: Bool {
    guard recovery == nil else { return false }
    return cycle != nil || !dirty.isEmpty || (isAllDirty && agents.count > 0) || isMoreThanHeldBack
      || (isMaintenanceDirty && !maintained.isEmpty)
  }

  /// Whether agents on which something was held back because of quotas might have more to offer now.
  private var isMoreThanHeldBack: Bool { !heldBack.isEmpty && (isLoosened || !heldSurplus.contains(surplus)) }

  /// Begins a cycle: the agents to visit are those that gained something since they were last visited, whose filters expired, on which
  /// something was held back that quotas no longer hold back, or all of them when a framework began to want offers. Agents that a
  /// cycle under way did not come to are among them.
  ///
  /// While the allocator waits for agents after a failover the cycle is empty.
  public mutating func beginCycle(at now: Moment) {
    cycleNumber += 1
    cycleTime = now.uptime
    expireFilters(at: now.uptime)
    expireRefusals(at: now.uptime)
    if let recovery {
      guard recovery.until <= now.uptime else { return }
      endRecovery()
    }
    if isMoreThanHeldBack {
      for agent in heldBack { markDirty(agent) }
      heldBack = []
      isLoosened = false
    }
    // With nobody to offer to there is nothing to look at: whoever begins to want offers has all agents looked at.
    if roles[root].subtreeEligible == 0, heldBack.isEmpty, !(isMaintenanceDirty && !maintained.isEmpty) {
      for agent in dirty where agents.holds(agent) { agents[agent].isDirty = false }
      dirty = []
      isAllDirty = false
      cycle = nil
      return
    }
    var candidates: [Int]
    if isAllDirty {
      candidates = agents.indices
    } else {
      candidates = dirty.filter { agents.holds($0) && agents[$0].isDirty }
      if let cycle {
        for (number, sequence) in cycle.agents[(cycle.isFirstStage ? 0 : cycle.next)...] {
          let isThere = agents.holds(number) && agents[number].sequence == sequence
          if isThere, !agents[number].isDirty { candidates.append(number) }
        }
      }
    }
    for agent in candidates { agents[agent].isDirty = false }
    dirty = []
    isAllDirty = false
    candidates.removeAll { !isOffered($0) || agents[$0].available.isEmpty }
    let visited = candidates.map { (number: $0, sequence: agents[$0].sequence) }.sorted { $0.sequence < $1.sequence }
    let isIdle = visited.isEmpty && !(isMaintenanceDirty && !maintained.isEmpty)
    cycle = isIdle ? nil : Cycle(agents: visited, now: now.uptime, isFirstStage: quotaCount > 0)
  }

  /// Goes on with the cycle, one agent at least.
  ///
  /// - Parameter budget: Units of work, about one for each framework that is looked at for an agent; the agent that exceeds it is
  ///   finished.
  /// - Returns: What was allocated. The allocations of all slices together do not depend on where the cycle is cut.
  public mutating func step(budget: Int) -> CycleStep {
    guard var current = cycle else { return CycleStep(allocations: [], inverseOffers: [], isComplete: true) }
    cycle = nil
    var allocations: [Allocation] = []
    var work = 0
    while true {
      if current.isFirstStage, current.next == current.agents.count || roles[root].requiredBelow.isZero {
        current.isFirstStage = false
        current.next = 0
      }
      guard current.next < current.agents.count else { break }
      if work >= budget, work > 0 {
        cycle = current
        return CycleStep(allocations: allocations, inverseOffers: [], isComplete: false)
      }
      let (agent, sequence) = current.agents[current.next]
      current.next += 1
      work += 1
      guard agents.holds(agent), agents[agent].sequence == sequence, isOffered(agent) else { continue }
      work += serve(agent, in: &current, &allocations)
    }
    return CycleStep(allocations: allocations, inverseOffers: makeInverseOffers(at: current.now), isComplete: true)
  }

  /// Runs the rest of the cycle in one go.
  public mutating func finishCycle() -> [Allocation] { step(budget: .max).allocations }

  func isRemote(_ agent: Int) -> Bool {
    guard let mine = configuration.region, let its = agents[agent].traits.region else { return false }
    return mine != its
  }

  func isOffered(_ agent: Int) -> Bool { agents[agent].hindrances.isEmpty && agents[agent].isWhitelisted }

  // MARK: One agent

  /// The distribution of one agent. The orders stand still until it is over; what roles are charged with does not.
  private struct Turn {
    let agent: Int
    let now: Duration
    let isFirstStage: Bool
    let isRemote: Bool
    /// What the agent cannot deal with.
    let lacked: AgentOptions.Capabilities
    let isPlain: Bool
    let hasFilters: Bool
    var remaining: Resources
    /// The scalars of ``remaining``.
    var amounts: AmountVector
    var grants: [(client: Int, resources: Resources)] = []
    var work = 0
    /// Whether quotas kept somebody from something.
    var isHeldBack = false
  }

  private mutating func serve(_ number: Int, in cycle: inout Cycle, _ allocations: inout [Allocation]) -> Int {
    // Changes since the cycle began are seen by the visit.
    if !cycle.isFirstStage { agents[number].isDirty = false }
    var remaining = agents[number].available
    if let shared = cycle.shared[number] { remaining -= shared }
    guard !remaining.isEmpty else { return 0 }
    var turn = Turn(
      agent: number, now: cycle.now, isFirstStage: cycle.isFirstStage, isRemote: isRemote(number),
      lacked: AgentOptions.Capabilities.all.subtracting(agents[number].capabilities), isPlain: agents[number].isPlain,
      hasFilters: !agents[number].filters.isEmpty, remaining: remaining,
      amounts: vector(remaining))
    visit(root, &turn)
    for (client, resources) in turn.grants {
      let (framework, role) = (clients[client].framework, roleNames[clients[client].role])
      let allocated = resources.allocated(to: role)
      change(framework, on: number, by: allocated, adding: true, isGrant: true)
      agents[number].winner = Winner(framework: frameworks[framework].id, role: role, cycle: cycleNumber)
      allocations.append(
        Allocation(framework: frameworks[framework].id, agent: agents[number].id, role: role, resources: allocated))
    }
    allocationCount += turn.grants.count
    if !turn.isPlain { settleShared(turn, in: &cycle) }
    if !cycle.isFirstStage {
      if turn.isHeldBack, !agents[number].available.isEmpty {
        heldSurplus = heldBack.isEmpty ? surplus : AmountVector.min(heldSurplus, surplus)
        if heldBack.isEmpty { isLoosened = false }
        heldBack.insert(number)
      } else if !heldBack.isEmpty {
        heldBack.remove(number)
      }
    }
    return turn.work
  }

  /// A shared resource is there for one in a cycle, and for the others again in the next.
  private mutating func settleShared(_ turn: Turn, in cycle: inout Cycle) {
    for (_, resources) in turn.grants where resources.entries.contains(where: \.isShared) {
      cycle.shared[turn.agent, default: Resources()] += resources.shared
    }
    if !cycle.isFirstStage, cycle.shared[turn.agent] != nil,
      agents[turn.agent].available.entries.contains(where: { !$0.isShared })
    {
      markDirty(turn.agent)
    }
  }

  private mutating func visit(_ role: Int, _ turn: inout Turn) {
    freshen(role)
    let children =
      configuration.roleOrder == .random ? shuffledChildren(of: role) : roles[role].children.entries
    for child in children {
      if turn.remaining.isEmpty { return }
      let index = Int(child.index)
      if index == RoleNode.itself {
        offer(to: role, &turn)
      } else if roles[index].isExhausted, turn.isPlain, ownMinimumCount == 0 {
        // Without reserved resources and other minimums there is nothing that the role could have.
        turn.isHeldBack = true
      } else if !turn.isFirstStage || !roles[index].required.isZero || role != root {
        visit(index, &turn)
      }
    }
  }

  /// Offers what is left to the frameworks of one role.
  private mutating func offer(to role: Int, _ turn: inout Turn) {
    turn.work += 1
    var visible = turn.isPlain ? turn.remaining : turn.remaining.allocatable(to: roleNames[role])
    let competitors =
      configuration.frameworkOrder == .random ? shuffledClients(of: role) : roles[role].clients.entries
    for competitor in competitors {
      if visible.isEmpty { return }
      turn.work += 1
      let client = Int(competitor.index)
      guard let granted = grant(of: visible, to: client, in: role, &turn) else { continue }
      turn.grants.append((client, granted))
      recordAllocation(granted.entries, to: role, on: turn.agent, adding: true)
      turn.remaining -= granted
      if turn.remaining.isEmpty { return }
      turn.amounts = vector(turn.remaining)
      visible = turn.isPlain ? turn.remaining : turn.remaining.allocatable(to: roleNames[role])
    }
  }

  /// What of `visible` a client may be offered now, nil when there is no offer to be made.
  private func grant(of visible: Resources, to client: Int, in role: Int, _ turn: inout Turn) -> Resources? {
    let capabilities = frameworks[clients[client].framework].capabilities
    if agents[turn.agent].hasGPUs, configuration.filtersGPUs, !capabilities.contains(.gpuResources) { return nil }
    if turn.isRemote, !capabilities.contains(.regionAware) { return nil }
    if !turn.lacked.isEmpty {
      if turn.lacked.contains(.multiRole), capabilities.contains(.multiRole) { return nil }
      if turn.lacked.contains(.hierarchicalRole), roles[role].isNested { return nil }
    }
    var granted = visible
    var amounts = turn.amounts
    if !turn.isPlain {
      if !capabilities.contains(.revocableResources) { granted = granted.nonRevocable }
      if !capabilities.contains(.sharedResources) { granted = granted.nonShared }
      if !capabilities.contains(.reservationRefinement) || turn.lacked.contains(.reservationRefinement) {
        granted = granted.filter { !$0.hasRefinedReservation }
      }
      // A shared volume alone would be offered again and again.
      guard granted.entries.contains(where: { !$0.isShared }) else { return nil }
      amounts = self.amounts(of: granted)
    }
    guard isWorthOffering(amounts, to: client) else { return nil }
    if let constraints = clients[client].constraints, !constraints.holds(for: agents[turn.agent].traits) { return nil }
    if quotaCount > 0 {
      let open = turn.isPlain ? amounts : openAmounts(of: granted)
      let (guaranteed, total) = quotaOffering(of: open, to: role)
      if turn.isFirstStage, guaranteed.isZero { return nil }
      if total != open {
        turn.isHeldBack = true
        // What chopping leaves is not more than this.
        guard isWorthOffering(amounts - open + total, to: client) else { return nil }
        granted = chopped(granted, to: total)
        guard granted.entries.contains(where: { !$0.isShared }), isWorthOffering(self.amounts(of: granted), to: client)
        else { return nil }
      }
    }
    if turn.hasFilters, let filters = agents[turn.agent].filters[client],
      filters.contains(where: { $0.until > turn.now && $0.resources.contains(granted) })
    {
      return nil
    }
    return granted
  }

  func isWorthOffering(_ amounts: AmountVector, to client: Int) -> Bool {
    let minimum = clients[client].minimum ?? minimum
    return minimum.isEmpty || minimum.contains { amounts.contains($0) }
  }

  /// The scalars of resources whose names are known.
  func amounts(of resources: Resources) -> AmountVector {
    var amounts = AmountVector()
    for entry in resources.entries {
      if case .scalar(let scalar) = entry.amount, let name = nameNumber(entry.name) {
        amounts.add(scalar.thousandths, at: name)
      }
    }
    return amounts
  }
}
