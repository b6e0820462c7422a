public import MesosModel

/// A cycle under way.
struct Cycle: Sendable {
  /// Who is to be visited, in the order of addition; the sequence number tells whether it is still the same agent.
  var agents: [(number: Int, sequence: Int)]
  var next = 0
  let now: Duration
}

extension Allocator {
  /// Whether a cycle is under way or would have agents to visit.
  public var needsCycle: Bool { cycle != nil || !dirty.isEmpty || (isAllDirty && agents.count > 0) }

  /// Begins a cycle: the agents to visit are those that gained something since they were last visited, whose filters expired, or all of
  /// them when a framework began to want offers. Agents that a cycle under way did not come to are among them.
  public mutating func beginCycle(at now: Moment) {
    expireFilters(at: now.uptime)
    var candidates: [Int]
    if isAllDirty {
      candidates = agents.indices
    } else {
      candidates = dirty.filter { agents.holds($0) && agents[$0].isDirty }
      if let cycle {
        for (number, sequence) in cycle.agents[cycle.next...] {
          let isThere = agents.holds(number) && agents[number].sequence == sequence
          if isThere, !agents[number].isDirty { candidates.append(number) }
        }
      }
    }
    for agent in candidates { agents[agent].isDirty = false }
    dirty = []
    isAllDirty = false
    candidates.removeAll { !agents[$0].isActive || agents[$0].available.isEmpty }
    let visited = candidates.map { (number: $0, sequence: agents[$0].sequence) }.sorted { $0.sequence < $1.sequence }
    cycle = visited.isEmpty ? nil : Cycle(agents: visited, now: now.uptime)
  }

  /// Goes on with the cycle, one agent at least.
  ///
  /// - Parameter budget: Units of work, about one for each framework that is looked at for an agent; the agent that exceeds it is
  ///   finished.
  /// - Returns: What was allocated. The allocations of all slices together do not depend on where the cycle is cut.
  public mutating func step(budget: Int) -> CycleStep {
    guard var current = cycle else { return CycleStep(allocations: [], isComplete: true) }
    cycle = nil
    var allocations: [Allocation] = []
    var work = 0
    while current.next < current.agents.count {
      let (agent, sequence) = current.agents[current.next]
      current.next += 1
      work += 1
      if agents.holds(agent), agents[agent].sequence == sequence, agents[agent].isActive {
        // Changes since the cycle began are seen by this visit.
        agents[agent].isDirty = false
        work += serve(agent, at: current.now, &allocations)
      }
      if work >= budget, current.next < current.agents.count {
        cycle = current
        return CycleStep(allocations: allocations, isComplete: false)
      }
    }
    return CycleStep(allocations: allocations, isComplete: true)
  }

  /// Runs the rest of the cycle in one go.
  public mutating func finishCycle() -> [Allocation] { step(budget: .max).allocations }

  // MARK: One agent

  /// The distribution of one agent. Nothing else changes until it is over, so the orders stand still.
  private struct Turn {
    let agent: Agent
    let now: Duration
    let isRemote: Bool
    var remaining: Resources
    var quantities: ResourceQuantities
    var grants: [(client: Int, resources: Resources)] = []
    var work = 0
  }

  private mutating func serve(_ number: Int, at now: Duration, _ allocations: inout [Allocation]) -> Int {
    let agent = agents[number]
    guard !agent.available.isEmpty else { return 0 }
    let isRemote = configuration.region != nil && agent.region != nil && configuration.region != agent.region
    var turn = Turn(
      agent: agent, now: now, isRemote: isRemote, remaining: agent.available, quantities: agent.available.quantities)
    visit(root, &turn)
    for (client, resources) in turn.grants {
      let (framework, role) = (clients[client].framework, roles[clients[client].role].path)
      let allocated = resources.allocated(to: role)
      change(framework, on: number, by: allocated, adding: true, counting: true)
      allocations.append(
        Allocation(framework: frameworks[framework].id, agent: agent.id, role: role, resources: allocated))
    }
    // A shared resource is there for one in a turn, and for the others again in the next.
    if turn.grants.contains(where: { $0.resources.entries.contains(where: \.isShared) }),
      agents[number].available.entries.contains(where: { !$0.isShared })
    {
      markDirty(number)
    }
    return turn.work
  }

  private mutating func visit(_ role: Int, _ turn: inout Turn) {
    freshen(role)
    for child in roles[role].children.entries {
      if turn.remaining.isEmpty { return }
      if child.index == RoleNode.itself {
        offer(to: role, &turn)
      } else {
        visit(child.index, &turn)
      }
    }
  }

  /// Offers what is left to the frameworks of one role.
  private func offer(to role: Int, _ turn: inout Turn) {
    let path = roles[role].path
    func view() -> Resources {
      turn.agent.isPlain ? turn.remaining : turn.remaining.allocatable(to: path)
    }
    var visible = view()
    turn.work += 1
    for competitor in roles[role].clients.entries {
      if visible.isEmpty { return }
      turn.work += 1
      guard let granted = grant(of: visible, to: competitor.index, turn) else { continue }
      turn.grants.append((competitor.index, granted))
      turn.remaining -= granted
      turn.quantities = turn.remaining.quantities
      visible = view()
    }
  }

  /// What of `visible` a client may be offered now, nil when there is no offer to be made.
  private func grant(of visible: Resources, to number: Int, _ turn: Turn) -> Resources? {
    let client = clients[number]
    let capabilities = frameworks[client.framework].capabilities
    if turn.agent.hasGPUs, configuration.filtersGPUs, !capabilities.contains(.gpuResources) { return nil }
    if turn.isRemote, !capabilities.contains(.regionAware) { return nil }
    var granted = visible
    var quantities = turn.quantities
    if !turn.agent.isPlain {
      if !capabilities.contains(.revocableResources) { granted = granted.nonRevocable }
      if !capabilities.contains(.sharedResources) { granted = granted.nonShared }
      if !capabilities.contains(.reservationRefinement) { granted = granted.filter { !$0.hasRefinedReservation } }
      // A shared volume alone would be offered again and again.
      guard granted.entries.contains(where: { !$0.isShared }) else { return nil }
      quantities = granted.quantities
    }
    let minimum = client.minimum ?? configuration.minimumAllocatable
    guard minimum.isEmpty || minimum.contains(where: quantities.contains) else { return nil }
    if let filters = turn.agent.filters[number],
      filters.contains(where: { $0.until > turn.now && $0.resources.contains(granted) })
    {
      return nil
    }
    return granted
  }
}
