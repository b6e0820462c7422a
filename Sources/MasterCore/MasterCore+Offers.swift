import MesosAllocator
import MesosModel
import SwiftProtobuf

extension MasterCore {
  /// Makes an offer of what the allocator allocated; it is sent at the end of the allocation cycle.
  mutating func offer(_ resources: Resources, of agentID: AgentKey, to id: FrameworkKey, role: String, at now: Moment) {
    let resources = resources.allocated(to: role)
    guard frameworks[id]?.isConnected ?? false, agents[agentID]?.isActive ?? false else {
      return allocator.recover(resources, of: agentID, from: id, refusal: nil, at: now)
    }
    let number = lastOffer
    lastOffer += 1
    let key = OfferKey(master: configuration.masterID, number: number)
    let message = offerMessage(key, resources, of: agentID, to: id, role: role)
    offers[key] = TrackedOffer(
      id: key, number: number, framework: id, agent: agentID, role: role, resources: resources, message: message)
    frameworks[id]?.offers.insert(key)
    frameworks[id]?.offered += resources
    agents[agentID]?.offers.insert(key)
    agents[agentID]?.offered += resources
    unsent[id, default: []].append(key)
    touch(id)
    touch(agentID)
    change(.offer(message))
    if let timeout = configuration.offerTimeout { deadlines.insert(.offer(key), at: now.uptime + timeout) }
  }

  private func offerMessage(
    _ key: OfferKey, _ resources: Resources, of agentID: AgentKey, to id: FrameworkKey, role: String
  ) -> Offer {
    var message = Offer()
    message.id = OfferID(key)
    message.frameworkID = FrameworkID(id)
    message.agentID = AgentID(agentID)
    guard let agent = agents[agentID] else { return message }
    message.hostname = agent.info.hostname
    message.url = .with {
      $0.scheme = "http"
      $0.address = .with {
        $0.hostname = agent.info.hostname
        $0.ip = agent.address.ip
        $0.port = agent.address.port
      }
      $0.path = "/slave(1)"
    }
    message.resources = resources.messages
    message.attributes = agent.info.attributes
    if agent.info.hasDomain { message.domain = agent.info.domain }
    message.executorIds = agent.executors.filter { $0.framework == id }.sorted().map { ExecutorID($0.executor) }
    message.allocationInfo = .with { $0.role = role }
    return message
  }

  /// Sends each framework the offers of the cycle that are still its own.
  mutating func sendOffers() {
    let all = unsent
    unsent = [:]
    for (id, keys) in all.sorted(by: { $0.key < $1.key }) {
      guard let framework = frameworks[id], framework.isConnected else { continue }
      let messages = keys.compactMap { offers[$0] }.map { $0.message(for: framework.info) }
      var rest = messages[...]
      while !rest.isEmpty {
        let batch = Array(rest.prefix(max(1, configuration.offersPerEventMax)))
        rest = rest.dropFirst(batch.count)
        send(
          SchedulerEvent.with {
            $0.type = .offers
            $0.offers = .with { $0.offers = batch }
          }, to: id)
      }
      counters.values["offers_sent", default: 0] += messages.count
    }
  }

  /// Takes the offers back and gives their resources to the allocator.
  ///
  /// - Parameters:
  ///   - notify: Whether the framework is told with RESCIND; it is not told about offers it was never sent.
  ///   - refusal: How long the framework does not want such resources.
  mutating func removeOffers(
    _ keys: Set<OfferKey>, notify: Bool, refusal: Duration? = nil, at now: Moment
  ) {
    let removed = keys.compactMap { offers[$0] }.sorted { $0.number < $1.number }
    for offer in removed {
      let isUnsent = unsent[offer.framework]?.contains(offer.id) ?? false
      take(offer)
      allocator.recover(offer.resources, of: offer.agent, from: offer.framework, refusal: refusal, at: now)
      if notify, !isUnsent {
        send(
          SchedulerEvent.with {
            $0.type = .rescind
            $0.rescind = .with { $0.offerID = OfferID(offer.id) }
          }, to: offer.framework)
      }
    }
  }

  /// Takes the offer out of the tables; its resources stay allocated.
  mutating func take(_ offer: TrackedOffer) {
    offers[offer.id] = nil
    frameworks[offer.framework]?.offers.remove(offer.id)
    frameworks[offer.framework]?.offered -= offer.resources
    agents[offer.agent]?.offers.remove(offer.id)
    agents[offer.agent]?.offered -= offer.resources
    unsent[offer.framework]?.removeAll { $0 == offer.id }
    touch(offer.framework)
    touch(offer.agent)
    change(.offerRemoved(offer.id))
  }

  mutating func decline(_ id: FrameworkKey, _ call: SchedulerCall.Decline, at now: Moment) {
    counters.messages["decline_offers", default: 0] += 1
    let own = call.offerIds.map(\.key).filter { offers[$0]?.framework == id }
    removeOffers(Set(own), notify: false, refusal: Self.refusal(call.filters), at: now)
  }

  /// How long a framework does not want what it declined.
  static func refusal(_ filters: Filters) -> Duration? {
    let seconds = filters.refuseSeconds
    let valid = seconds.isNaN || seconds < 0 ? Filters().refuseSeconds : min(seconds, 365 * 86_400)
    return valid > 0 ? .seconds(valid) : nil
  }

  /// Checks that the offers can be used together by this framework, in the order of Apache Mesos.
  ///
  /// - Returns: The offers, at least one, all of one agent and one role.
  func validateOffers(_ keys: [OfferKey], of framework: FrameworkKey) throws(ValidationError) -> [TrackedOffer] {
    try OfferValidation.validate(keys, of: framework) { key in
      offers[key].map { OfferValidation.Terms(framework: $0.framework, agent: $0.agent, role: $0.role) }
    }
    return keys.compactMap { offers[$0] }
  }
}

extension TrackedOffer {
  /// The offer as a framework of these capabilities can read it.
  func message(for framework: FrameworkInfo) -> Offer {
    let isMultiRole = framework.has(.multiRole)
    let isRefined = framework.has(.reservationRefinement)
    if isMultiRole, isRefined { return message }
    var message = self.message
    if !isRefined { message.resources = resources.messages(in: .preReservationRefinement) }
    if !isMultiRole {
      message.clearAllocationInfo()
      for index in message.resources.indices { message.resources[index].clearAllocationInfo() }
    }
    return message
  }
}
