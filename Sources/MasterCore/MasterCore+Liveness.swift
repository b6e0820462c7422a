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
  }

  mutating func heard(_ connection: AgentConnection, at now: Moment) {
    if let agent = links[connection] { agents[agent]?.heard = now.uptime }
  }

  mutating func tick(at now: Moment) {
    while let due = deadlines.popDue(at: now.uptime) {
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
      }
    }
    allocate(at: now)
  }

  private mutating func checkAgent(_ id: AgentKey, incarnation: UInt64, at now: Moment) {
    guard let agent = agents[id], agent.incarnation == incarnation else { return }
    let limit = agent.heard + configuration.agentTimeout
    guard limit <= now.uptime else {
      return deadlines.insert(.agent(id, incarnation: incarnation), at: limit)
    }
    // The registry is being told already; if that fails, the check comes again.
    guard !agent.isLeaving else { return }
    guard !reregistering.contains(id) else {
      return deadlines.insert(
        .agent(id, incarnation: incarnation), at: now.uptime + configuration.agentPingTimeout)
    }
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
    for (id, _) in missing { recoveredAgents[id]?.isLeaving = true }
    persist(
      missing.map { .markUnreachable($0.key, since: now.wallNanoseconds, info: $0.value.info) },
      then: .recoveredUnreachable(missing.map(\.key), since: now.wallNanoseconds))
  }
}
