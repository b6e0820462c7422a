import MesosModel

// What happens because time passes.
extension MasterCore {
  enum Deadline: Sendable {
    case heartbeat(SchedulerConnection)
    case failover(FrameworkKey, subscription: UInt64)
    /// An agent that may have been silent for too long.
    case agent(AgentKey, incarnation: UInt64)
    /// Agents of the registry had their time to come back.
    case recoveredAgents
    case offer(OfferKey)
    case inverseOffer(OfferKey)
    /// An agent that was silent for too long has its turn to be given up.
    case agentRemoval(AgentKey, incarnation: UInt64)
    /// The same of one that did not come back after the start of this master.
    case recoveredRemoval(AgentKey)
    /// The registry is to be told again that the agent is drained.
    case drained(AgentKey)
    /// Agents that are remembered may be too old.
    case registryCollection
    /// A call that waits has its turn.
    case throttle(String?)
  }

  mutating func heard(_ connection: AgentConnection, at now: Moment) {
    if let agent = links[connection] { agents[agent]?.heard = now.uptime }
  }

  /// Most deadlines that one turn sees to: those of all agents may fall on one moment. The rest are due at once, in the next turn.
  private static let deadlinesPerTurn = 1_000

  mutating func tick(at now: Moment) {
    for _ in 0..<Self.deadlinesPerTurn {
      guard let due = deadlines.popDue(at: now.uptime) else { break }
      switch due {
      case .heartbeat(let connection):
        if subscribers[connection] != nil { sendHeartbeat(to: connection, at: now) }
      case .failover(let framework, let subscription):
        failoverTimedOut(framework, subscription: subscription, at: now)
      case .agent(let agent, let incarnation):
        checkAgent(agent, incarnation: incarnation, at: now)
      case .recoveredAgents:
        giveUpRecoveredAgents(at: now)
      case .offer(let key):
        if offers[key] != nil { removeOffers([key], notify: true, at: now) }
      case .inverseOffer(let key): removeInverseOffers([key], notify: true, at: now)
      case .agentRemoval(let agent, let incarnation): agentRemoval(agent, incarnation: incarnation, at: now)
      case .recoveredRemoval(let agent): giveUp([agent], at: now)
      case .drained(let agent): checkDrained(agent, at: now)
      case .registryCollection: collectRegistry(at: now)
      case .throttle(let key): releaseThrottled(key, at: now)
      }
    }
    allocate(at: now)
  }

  private mutating func checkAgent(_ id: AgentKey, incarnation: UInt64, at now: Moment) {
    // Of most agents no more is looked at than when they were heard.
    guard let place = agents.place(of: id), agents[place: place]?.incarnation == incarnation,
      let heard = agents[place: place]?.heard
    else { return }
    let limit = heard + configuration.agentTimeout
    guard limit <= now.uptime else {
      return deadlines.insert(.agent(id, incarnation: incarnation), at: limit)
    }
    // The registry is being told already; if that fails, the check comes again.
    guard let agent = agents[id], !agent.isLeaving, !agent.isRemovalScheduled else { return }
    guard !reregistering.contains(id) else {
      return deadlines.insert(
        .agent(id, incarnation: incarnation), at: now.uptime + configuration.agentPingTimeout)
    }
    counters.values["slave_unreachable_scheduled", default: 0] += 1
    let turn = removalTurn(at: now)
    guard turn <= now.uptime else {
      agents[id]?.isRemovalScheduled = true
      return deadlines.insert(.agentRemoval(id, incarnation: incarnation), at: turn)
    }
    giveUp(agent, at: now)
  }

  /// The registry was not told that the agent goes, so it stays. A check that came meanwhile was left out.
  mutating func keep(_ id: AgentKey, at now: Moment) {
    guard let agent = agents[id] else { return }
    agents[id]?.isLeaving = false
    deadlines.insert(
      .agent(id, incarnation: agent.incarnation), at: now.uptime + configuration.agentPingTimeout)
  }

  /// When the next agent may be given up.
  private mutating func removalTurn(at now: Moment) -> Duration {
    guard let interval = configuration.agentRemovalInterval else { return now.uptime }
    let turn = max(now.uptime, nextRemoval)
    nextRemoval = turn + interval
    return turn
  }

  private mutating func agentRemoval(_ id: AgentKey, incarnation: UInt64, at now: Moment) {
    guard let agent = agents[id], agent.incarnation == incarnation else { return }
    agents[id]?.isRemovalScheduled = false
    guard !agent.isLeaving else { return }
    let limit = agent.heard + configuration.agentTimeout
    guard limit <= now.uptime, !reregistering.contains(id) else {
      counters.values["slave_unreachable_canceled", default: 0] += 1
      let next = max(limit, now.uptime + configuration.agentPingTimeout)
      return deadlines.insert(.agent(id, incarnation: incarnation), at: next)
    }
    giveUp(agent, at: now)
  }

  private mutating func giveUp(_ agent: TrackedAgent, at now: Moment) {
    let id = agent.id
    agents[id]?.isLeaving = true
    counters.values["slave_unreachable_completed", default: 0] += 1
    let info = MessageBytes.encoded(agent.info)
    persist(
      [.markUnreachable(id, since: now.wallNanoseconds, info: info)],
      then: .unreachable(id, since: now.wallNanoseconds))
  }

  private mutating func giveUpRecoveredAgents(at now: Moment) {
    let missing = recoveredAgents.filter { !$0.value.isLeaving && !reregistering.contains($0.key) }
      .sorted { $0.key < $1.key }
    if missing.count < recoveredAgents.count {
      deadlines.insert(.recoveredAgents, at: now.uptime + configuration.agentPingTimeout)
    }
    guard !missing.isEmpty else { return }
    let fraction = Double(recoveredAgents.count) / Double(max(1, recoveredCount))
    guard fraction <= configuration.recoveryAgentRemovalLimit else {
      let limit = configuration.recoveryAgentRemovalLimit * 100
      effects.directives.append(
        .abort(
          "Post-recovery agent removal limit exceeded! After \(configuration.agentReregisterTimeout) there were "
            + "\(recoveredAgents.count) (\(fraction * 100)%) agents recovered from the registry that did not reregister. "
            + "The configured removal limit is \(limit)%. Please investigate or increase this limit to proceed further")
      )
      return
    }
    counters.values["slave_unreachable_scheduled", default: 0] += missing.count
    guard configuration.agentRemovalInterval != nil else { return giveUp(missing.map(\.key), at: now) }
    for (id, _) in missing {
      guard !scheduledRecovered.contains(id) else { continue }
      scheduledRecovered.insert(id)
      deadlines.insert(.recoveredRemoval(id), at: removalTurn(at: now))
    }
  }

  /// Has the registry told that agents did not come back, those that have not by now.
  private mutating func giveUp(_ ids: [AgentKey], at now: Moment) {
    let missing = ids.compactMap { id -> (id: AgentKey, info: [UInt8])? in
      scheduledRecovered.remove(id)
      guard let agent = recoveredAgents[id], !agent.isLeaving, !reregistering.contains(id) else { return nil }
      return (id, agent.info)
    }
    counters.values["slave_unreachable_canceled", default: 0] += ids.count - missing.count
    guard !missing.isEmpty else { return }
    counters.values["slave_unreachable_completed", default: 0] += missing.count
    for (id, _) in missing { recoveredAgents[id]?.isLeaving = true }
    persist(
      missing.map { .markUnreachable($0.id, since: now.wallNanoseconds, info: $0.info) },
      then: .recoveredUnreachable(missing.map(\.id), since: now.wallNanoseconds))
  }
}
