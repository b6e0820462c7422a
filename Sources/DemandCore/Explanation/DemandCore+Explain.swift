public import MesosModel

extension DemandCore {
  /// Says why a demand has not got what it wants, by what agents offered last.
  ///
  /// - Throws: `DemandError` with code `.unknownDemand`.
  /// - Complexity: O(*a* · *c*) in the agents remembered and the demand's resources and constraints.
  public func explain(_ name: String, at now: Moment) throws(DemandError) -> DemandExplanation {
    guard let state = demands[name] else {
      throw DemandError(.unknownDemand, "There is no demand named '\(name.prefix(Demand.nameLengthMax))'")
    }
    var explanation = DemandExplanation(
      status: state.status(at: now.uptime), role: state.demand.role, waiting: state.openings.count,
      obstacles: obstacles(of: state, at: now.uptime), agentsSeen: 0, agentsMatching: 0, findings: [])
    var found: [DemandExplanation.Mismatch: [(shortfall: Scalar, example: DemandExplanation.Example)]] = [:]
    let relative = state.demand.constraints.filter(\.isRelative)
    let census = census(for: state, relative.map(\.field))
    for agent in seen.values.sorted(by: { $0.place.agent < $1.place.agent }) {
      guard let free = agent.free[state.demand.role] else { continue }
      explanation.agentsSeen += 1
      var matches = true
      for (mismatch, shortfall, has) in mismatches(of: state, agent, free, census, at: now) {
        matches = false
        found[mismatch, default: []].append(
          (shortfall, DemandExplanation.Example(agent: agent.place.name, has: has)))
      }
      if matches { explanation.agentsMatching += 1 }
    }
    explanation.findings = found.map { mismatch, agents in
      let nearest = agents.sorted { ($0.shortfall, $0.example.agent) < ($1.shortfall, $1.example.agent) }
      return DemandExplanation.Finding(
        mismatch: mismatch, agents: agents.count,
        examples: nearest.prefix(DemandExplanation.examplesMax).map(\.example))
    }.sorted { left, right in
      left.agents != right.agents ? left.agents > right.agents : left.description < right.description
    }
    return explanation
  }

  /// As ``explain(_:at:)`` for all demands, by name.
  public func explain(at now: Moment) -> [DemandExplanation] {
    demands.keys.sorted().compactMap { try? explain($0, at: now) }
  }

  private func obstacles(of state: DemandState, at now: Duration) -> [DemandExplanation.Obstacle] {
    let demand = state.demand
    var obstacles: [DemandExplanation.Obstacle] = []
    if !isSubscribed { obstacles.append(.notSubscribed) }
    if let launchesFrom, launchesFrom > now { obstacles.append(.adopting(for: launchesFrom - now)) }
    let backingOff = state.slots.filter { $0.current == nil && $0.ending == nil && ($0.notBefore ?? now) > now }
    if let next = state.opensAt { obstacles.append(.backingOff(slots: max(1, backingOff.count), next: next - now)) }
    if state.waitingForEnds > 0 { obstacles.append(.waitingForEnds(slots: state.waitingForEnds)) }
    let failed = state.slots.count { $0.ending == .failed }
    if failed > 0 { obstacles.append(.failedForGood(slots: failed)) }
    if !demand.isService {
      let idle = state.slots.count { $0.isEmpty && $0.ending == nil && ($0.notBefore ?? now) <= now }
      if idle > state.openings.count { obstacles.append(.parallelism(slots: idle - state.openings.count)) }
    } else {
      let outdated = state.slots.count { slot in
        slot.current.map { $0.version != state.version } ?? false && slot.successor == nil && slot.leaving.isEmpty
          && !state.openings.contains { $0.slot == slot.index }
      }
      if outdated > 0 { obstacles.append(.rollout(slots: outdated)) }
    }
    guard !state.openings.isEmpty, let role = roles[demand.role] else { return obstacles }
    if role.isSuppressed {
      obstacles.append(.suppressed(role: demand.role, for: max(.zero, role.callFrom - now)))
    } else if !seen.values.contains(where: { $0.free[demand.role] != nil }) {
      obstacles.append(.noOffers(role: demand.role))
    }
    return obstacles
  }

  private func mismatches(
    of state: DemandState, _ agent: SeenAgent, _ free: [String: Scalar], _ census: Census, at now: Moment
  ) -> [(DemandExplanation.Mismatch, shortfall: Scalar, has: String?)] {
    var mismatches: [(DemandExplanation.Mismatch, shortfall: Scalar, has: String?)] = []
    for (name, amount) in state.wanted {
      let has = free[name] ?? .zero
      guard has < amount else { continue }
      mismatches.append((.insufficient(resource: name, asked: amount), amount - has, has.description))
    }
    for constraint in state.demand.constraints where !constraint.allows(agent.place, census) {
      let value = agent.place[constraint.field].map { value in
        guard constraint.isRelative else { return "'\(value)'" }
        return "'\(value)' with \(census.count(constraint.field, value))"
      }
      mismatches.append((.constraint(constraint), .zero, value))
    }
    let from = agent.unavailableFrom ?? maintenance[agent.place.agent]?.startNanoseconds
    if let from, from - configuration.maintenanceAhead.wholeNanoseconds <= now.wallNanoseconds {
      mismatches.append((.maintenance, .zero, nil))
    }
    return mismatches
  }

  /// Where a demand's instances are, and where they could be as far as is known.
  func census(for state: DemandState, _ fields: some Sequence<Demand.Field>) -> Census {
    let demand = state.demand
    let nobody = Census([])
    var census = state.census(Set(fields))
    for agent in seen.values where agent.free[demand.role] != nil {
      if demand.constraints.allSatisfy({ $0.isRelative || $0.allows(agent.place, nobody) }) { census.know(agent.place) }
    }
    return census
  }
}
