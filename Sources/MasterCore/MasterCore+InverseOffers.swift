import MesosAllocator
import MesosModel
import SwiftProtobuf

// Frameworks are asked to leave agents that will be out of use, and answer.
extension MasterCore {
  /// Makes the inverse offers of an allocation cycle and sends them.
  mutating func offer(_ allocations: [InverseAllocation], at now: Moment) {
    var unsent: [FrameworkKey: [InverseOffer]] = [:]
    for allocation in allocations {
      let (id, agentID) = (allocation.framework, allocation.agent)
      guard frameworks[id]?.isConnected ?? false, let agent = agents[agentID], agent.isActive,
        let unavailability = agent.unavailability
      else {
        allocator.noteAnswer(of: id, about: agentID, refusal: nil, at: now)
        continue
      }
      let number = lastOffer
      lastOffer += 1
      let key = OfferKey(master: configuration.masterID, number: number)
      let message = InverseOffer.with {
        $0.id = OfferID(key)
        $0.frameworkID = FrameworkID(id)
        $0.agentID = AgentID(agentID)
        $0.url = agent.url
        $0.unavailability = unavailability
      }
      inverseOffers[key] = TrackedInverseOffer(
        id: key, number: number, framework: id, agent: agentID, message: message)
      frameworks[id]?.inverseOffers.insert(key)
      agents[agentID]?.inverseOffers.insert(key)
      change(.inverseOffer(message))
      if let timeout = configuration.offerTimeout { deadlines.insert(.inverseOffer(key), at: now.uptime + timeout) }
      unsent[id, default: []].append(message)
    }
    for (id, messages) in unsent.sorted(by: { $0.key < $1.key }) {
      sendInBatches(messages, to: id) { batch in
        .with {
          $0.type = .inverseOffers
          $0.inverseOffers.inverseOffers = batch
        }
      }
    }
  }

  /// Takes inverse offers back; who is still to leave is asked again.
  ///
  /// - Parameter notify: Whether their frameworks are told with RESCIND_INVERSE_OFFER.
  mutating func removeInverseOffers(_ keys: some Sequence<OfferKey>, notify: Bool, at now: Moment) {
    for offer in keys.compactMap({ inverseOffers[$0] }).sorted(by: { $0.number < $1.number }) {
      take(offer)
      allocator.noteAnswer(of: offer.framework, about: offer.agent, refusal: nil, at: now)
      guard notify else { continue }
      send(
        SchedulerEvent.with {
          $0.type = .rescindInverseOffer
          $0.rescindInverseOffer.inverseOfferID = OfferID(offer.id)
        }, to: offer.framework)
    }
  }

  mutating func removeInverseOffers(of agent: AgentKey, at now: Moment) {
    if let keys = agents[agent]?.inverseOffers { removeInverseOffers(keys, notify: true, at: now) }
  }

  private mutating func take(_ offer: TrackedInverseOffer) {
    inverseOffers[offer.id] = nil
    frameworks[offer.framework]?.inverseOffers.remove(offer.id)
    agents[offer.agent]?.inverseOffers.remove(offer.id)
    change(.inverseOfferRemoved(offer.id))
  }

  /// ACCEPT_INVERSE_OFFERS and DECLINE_INVERSE_OFFERS. Ids of others, and of what stands no more, are passed over.
  mutating func answerInverseOffers(
    _ ids: [OfferID], of framework: FrameworkKey, _ status: InverseOfferStatus.Status, _ filters: Filters,
    at now: Moment
  ) {
    for id in ids {
      guard let offer = inverseOffers[id.key], offer.framework == framework else { continue }
      take(offer)
      allocator.noteAnswer(of: framework, about: offer.agent, refusal: Self.refusal(filters), at: now)
      guard let machine = agents[offer.agent]?.machine else { continue }
      let answered = InverseOfferStatus.with {
        $0.status = status
        $0.frameworkID = FrameworkID(framework)
        $0.timestamp = now.timeInfo
      }
      inverseAnswers[offer.agent, default: []].insert(framework)
      change(.inverseOfferAnswer(machine, offer.agent, framework, answered))
    }
  }

  /// What frameworks answered about the agent counts no longer.
  mutating func forgetAnswers(of agent: AgentKey) {
    guard !inverseAnswers.isEmpty, let machine = agents[agent]?.machine,
      let answers = inverseAnswers.removeValue(forKey: agent)
    else { return }
    for framework in answers.sorted() { change(.inverseOfferAnswer(machine, agent, framework, nil)) }
  }

  /// What the framework answered counts no longer.
  mutating func forgetAnswers(of framework: FrameworkKey) {
    for agent in inverseAnswers.keys.sorted() where inverseAnswers[agent]?.remove(framework) != nil {
      if inverseAnswers[agent]?.isEmpty ?? true { inverseAnswers[agent] = nil }
      if let machine = agents[agent]?.machine { change(.inverseOfferAnswer(machine, agent, framework, nil)) }
    }
  }
}
