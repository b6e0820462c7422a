import AgentLinkModel
import MesosAllocator
import MesosModel
import SwiftProtobuf

// Agents that are drained, deactivated and offered again.
extension MasterCore {
  /// What an operator does to an agent.
  enum ConditionChange: Hashable, Sendable {
    case drain
    case deactivate
    case reactivate
  }

  /// Whether the master knows of the agent: it is registered, expected back, or unreachable.
  func isKnown(_ id: AgentKey) -> Bool {
    (agents[id] != nil && !removing.contains(id)) || recoveredAgents[id] != nil || unreachableAgents.contains(id)
  }

  // MARK: Calls

  mutating func drain(_ call: MasterCall.DrainAgent, token: CallToken, at now: Moment) -> CallAnswer? {
    let id = call.agentID.key
    if let agent = agents[id] {
      if let machine = maintenance.id(of: agent.machine) {
        return .rejected(
          status: 400,
          text: "Agent \(id) is part of a maintenance schedule under Machine \(machine.hostname) (\(machine.ip))")
      }
      guard agent.capabilities.contains(where: { $0.type == .agentDraining }) else {
        return .rejected(status: 400, text: "Agent \(id) is not capable of draining")
      }
    }
    guard isKnown(id) else { return .rejected(status: 400, text: "Unknown agent") }
    guard !markingGone.contains(id) else {
      return .rejected(status: 409, text: "Agent is currently being marked gone")
    }
    let info = DrainInfo.with {
      $0.state = .draining
      $0.config.markGone = call.markGone
      if call.hasMaxGracePeriod {
        $0.config.maxGracePeriod.nanoseconds = Self.nanoseconds(
          seconds: call.maxGracePeriod.seconds, call.maxGracePeriod.nanos)
      }
    }
    let condition = AgentCondition(isDeactivated: true, drain: info, drainStart: now.wallNanoseconds)
    return stage(
      [.setCondition(id, condition), .requireCapability(MasterCapability.agentDraining)],
      .condition(id, condition, .drain), token: token, at: now)
  }

  private static func nanoseconds(seconds: Int64, _ nanoseconds: Int32) -> Int64 {
    let (product, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
    guard !overflow else { return seconds < 0 ? .min : .max }
    let (sum, carried) = product.addingReportingOverflow(Int64(nanoseconds))
    return carried ? (seconds < 0 ? .min : .max) : sum
  }

  mutating func deactivate(_ id: AgentKey, token: CallToken, at now: Moment) -> CallAnswer? {
    guard isKnown(id) else { return .rejected(status: 400, text: "Unknown agent") }
    var condition = conditions[id] ?? AgentCondition(isDeactivated: true)
    condition.isDeactivated = true
    return stage(
      [.setCondition(id, condition), .requireCapability(MasterCapability.agentDraining)],
      .condition(id, condition, .deactivate), token: token, at: now)
  }

  /// Offers the agent again. One that is still being drained is not drained any longer, where Apache Mesos refuses the call.
  mutating func reactivate(_ id: AgentKey, token: CallToken, at now: Moment) -> CallAnswer? {
    guard conditions[id]?.isDeactivated ?? false else {
      return .rejected(status: 400, text: "Agent is not deactivated")
    }
    guard !markingGone.contains(id) else {
      return .rejected(status: 409, text: "Agent is currently being marked gone")
    }
    var operations: [RegistryOperation] = [.clearCondition(id)]
    if conditions.count == 1 { operations.append(.releaseCapability(MasterCapability.agentDraining)) }
    return stage(operations, .condition(id, nil, .reactivate), token: token, at: now)
  }

  // MARK: Taking effect

  mutating func apply(
    _ condition: AgentCondition?, to id: AgentKey, _ change: ConditionChange, at now: Moment
  ) -> CallAnswer {
    // It was removed meanwhile, and the registry with it.
    guard isKnown(id) || agents[id] != nil else {
      if condition != nil { persist([.clearCondition(id)], then: .silent) }
      return change == .reactivate
        ? .rejected(status: 409, text: "Agent removed while processing the call") : .ok
    }
    let wasDraining = conditions[id]?.drain != nil
    conditions[id] = condition
    guard agents[id] != nil else { return .ok }
    settleCondition(of: id)
    switch change {
    case .drain, .deactivate:
      if let offers = agents[id]?.offers { removeOffers(offers, notify: true, at: now) }
      removeInverseOffers(of: id, at: now)
      if change == .drain { tellDraining(id) }
    case .reactivate:
      if wasDraining { tellDraining(id) }
      requestCycle()
    }
    checkDrained(id, at: now)
    return .ok
  }

  /// Gives the tracked agent its condition, and tells the allocator and readers.
  mutating func settleCondition(of id: AgentKey) {
    guard agents[id] != nil else { return }
    agents[id]?.condition = conditions[id]
    touch(id)
    settleHindrances(of: id)
  }

  /// Tells the allocator what keeps the agent from being offered.
  mutating func settleHindrances(of id: AgentKey) {
    guard let agent = agents[id] else { return }
    var hindrances: AgentHindrances = []
    if !agent.isConnected { hindrances.insert(.disconnected) }
    if agent.isDeactivated { hindrances.insert(.deactivated) }
    if agent.condition?.drain != nil { hindrances.insert(.draining) }
    allocator.hinder(id, hindrances)
  }

  /// Tells the agent how it is to be drained, or that it is not to be any more.
  mutating func tellDraining(_ id: AgentKey) {
    send(
      .drainAgent(
        .with {
          if let drain = conditions[id]?.drain { $0.config = drain.config }
        }), to: id)
  }

  /// An agent that came back is told that it is to be drained: it may have been when it was away, or have forgotten.
  mutating func restoreCondition(of id: AgentKey) {
    guard let condition = conditions[id] else { return }
    settleCondition(of: id)
    if condition.drain != nil { tellDraining(id) }
  }

  // MARK: The end of a draining

  /// Notes that nothing runs any more on an agent that is being drained, and that all its operations are settled.
  mutating func checkDrained(_ id: AgentKey, at now: Moment) {
    guard let condition = conditions[id], condition.isDraining, let agent = agents[id], agent.tasks.isEmpty,
      agent.operations.isEmpty, !agent.isLeaving, !settling.contains(id), !markingGone.contains(id),
      registryCalls.agent != id
    else { return }
    settling.insert(id)
    if condition.drain?.config.markGone ?? false {
      markingGone.insert(id)
      agents[id]?.isLeaving = true
      persist([.markGone(id, since: now.wallNanoseconds)], then: .drainedForGood(id, since: now.wallNanoseconds))
      return
    }
    var drained = condition
    drained.drain?.state = .drained
    persist([.setCondition(id, drained)], then: .drained(id, drained))
  }

  mutating func drained(_ id: AgentKey, _ condition: AgentCondition, at now: Moment) {
    settling.remove(id)
    // Drained anew, or called off, meanwhile; or removed.
    guard conditions[id]?.isDraining ?? false, registryCalls.agent != id else { return checkDrained(id, at: now) }
    conditions[id] = condition
    settleCondition(of: id)
  }

  mutating func drainedForGood(_ id: AgentKey, since: Int64, at now: Moment) {
    settling.remove(id)
    gone(id, since: since, at: now)
  }

  /// The registry could not be told that the agent is drained: it is told again later.
  mutating func drainingFailed(_ id: AgentKey, at now: Moment) {
    settling.remove(id)
    deadlines.insert(.drained(id), at: now.uptime + configuration.agentPingTimeout)
  }
}
