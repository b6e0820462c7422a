import AgentCore
import AgentLinkModel
import MasterCore
import MesosModel

/// A mistake that the harness makes on purpose, once, so that a checker has something to find: the cores are as they are, what they ask for
/// is done wrongly.
public enum Sabotage: Hashable, Sendable, CaseIterable {
  /// An offer is made a second time under another id.
  case offersTwice
  /// A framework whose task has finished is told that it failed.
  case endsTwice
  /// An agent's write of an update is said to be done and is not.
  case forgetsUpdate
  /// An agent's disk loses an update that its framework has not acknowledged.
  case losesUpdate
  /// The registry says that a write is durable before it is.
  case confirmsEarly
  /// A change of the master's state does not reach its readers.
  case losesChange
  /// A command that ends is not seen to end.
  case overlooksExit
  /// An executor's stream is given the number of the stream before it, which is still open.
  case confusesStreams
  /// The registry loses that an agent is deactivated.
  case losesCondition
  /// An agent that was deactivated is offered once more.
  case offersDeactivated
  /// A quota is shown before the registry holds it.
  case showsQuotaEarly
}

extension SimulatedCluster {
  /// Has the harness make this mistake at the first opportunity after a moment; what for is told in ``Sabotage``.
  public mutating func sabotage(_ mistake: Sabotage) {
    sabotage = mistake
    hasSabotaged = false
  }

  mutating func sabotaged(_ directives: [MasterCore.Directive]) -> [MasterCore.Directive] {
    guard let sabotage, !hasSabotaged else { return directives }
    var result: [MasterCore.Directive] = []
    for directive in directives {
      guard !hasSabotaged else {
        result.append(directive)
        continue
      }
      switch (sabotage, directive) {
      case (.offersTwice, .changed(let change)):
        result.append(directive)
        guard case .offer(var offer) = change.kind else { break }
        hasSabotaged = true
        offer.id.value += "-again"
        result.append(.changed(Change(sequence: change.sequence, kind: .offer(offer))))
      case (.losesChange, .changed(let change)):
        guard case .task = change.kind else {
          result.append(directive)
          break
        }
        hasSabotaged = true
      case (.endsTwice, .send(let connection, let event)):
        result.append(directive)
        guard event.type == .update, event.update.status.state == .taskFinished else { break }
        hasSabotaged = true
        var second = event
        second.update.status.state = .taskFailed
        second.update.status.uuid = MessageBytes.copy([UInt8](repeating: 0x41, count: 16))
        result.append(.send(connection, second))
      case (.losesCondition, .persist(let operations, let number)):
        let kept = operations.filter { if case .setCondition = $0 { false } else { true } }
        hasSabotaged = kept.count < operations.count
        result.append(.persist(kept, number))
      case (.offersDeactivated, .changed(let change)):
        result.append(directive)
        if case .offer(let offer) = change.kind { sabotagedOffers[offer.agentID.key] = offer }
      case (.offersDeactivated, .answer(_, .ok)):
        result.append(directive)
        let deactivated = master.core?.snapshot().agents.filter(\.value.deactivated).keys.sorted() ?? []
        guard let offer = deactivated.compactMap({ sabotagedOffers[$0] }).first else { break }
        hasSabotaged = true
        result.append(.changed(Change(sequence: 0, kind: .offer(offer))))
      case (.showsQuotaEarly, .persist(let operations, _)):
        result.append(directive)
        for case .setQuota(let role, let quota) in operations where !hasSabotaged {
          hasSabotaged = true
          result.append(.changed(Change(sequence: 0, kind: .quota(role, quota))))
        }
      case (.confirmsEarly, .persist(_, let number)):
        result.append(directive)
        hasSabotaged = true
        master.pending.append(.persisted(number))
      default: result.append(directive)
      }
    }
    return result
  }

  /// The number of an agent's next stream to an executor.
  mutating func nextStream(of index: Int) -> ExecutorConnection {
    let last = ExecutorConnection(number: agents[index].lastConnection)
    if sabotage == .confusesStreams, !hasSabotaged, agents[index].streams[last] != nil {
      hasSabotaged = true
      return last
    }
    agents[index].lastConnection += 1
    return ExecutorConnection(number: agents[index].lastConnection)
  }

  mutating func sabotaged(_ directives: [AgentCore.Directive], of index: Int) -> [AgentCore.Directive] {
    guard let sabotage, !hasSabotaged else { return directives }
    return directives.map { directive in
      guard !hasSabotaged, case .persist(let changes, let number) = directive else { return directive }
      let update = changes.first { change in
        if case .put(let key, _) = change { key.hasPrefix("updates/") } else { false }
      }
      guard case .put(let key, _)? = update else { return directive }
      switch sabotage {
      case .forgetsUpdate:
        hasSabotaged = true
        return .persist(changes.filter { $0 != update }, number)
      case .losesUpdate:
        hasSabotaged = true
        return .persist(changes + [.remove(key: key)], number)
      default: return directive
      }
    }
  }
}
