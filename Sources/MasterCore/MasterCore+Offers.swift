import MesosAllocator
import MesosModel
import SwiftProtobuf

extension MasterCore {
  /// Makes an offer of what the allocator allocated to the role; it is sent at the end of the allocation cycle.
  mutating func offer(_ resources: Resources, of agentID: AgentKey, to id: FrameworkKey, role: String, at now: Moment) {
    guard frameworks[id]?.isConnected ?? false, agents[agentID]?.isActive ?? false else {
      return allocator.recover(resources, of: agentID, from: id, refusal: nil, at: now)
    }
    let number = lastOffer
    lastOffer += 1
    let key = OfferKey(master: configuration.masterID, number: number)
    guard let message = agents[agentID]?.hold(key, resources, role: role, by: id) else { return }
    frameworks[id]?.hold(key, resources)
    offers[key] = TrackedOffer(
      id: key, number: number, framework: id, agent: agentID, role: role, resources: resources, message: message)
    unsent[id, default: []].append(key)
    touch(id)
    touch(agentID)
    change(.offer(message))
    if let timeout = configuration.offerTimeout { deadlines.insert(.offer(key), at: now.uptime + timeout) }
  }

  /// Sends each framework the offers of the cycle that are still its own.
  mutating func sendOffers() {
    let all = unsent
    unsent = [:]
    for (id, keys) in all.sorted(by: { $0.key < $1.key }) {
      guard let framework = frameworks[id], framework.isConnected else { continue }
      let messages = keys.compactMap { offers[$0] }.map { $0.message(for: framework.info) }
      sendInBatches(messages, to: id) { batch in
        .with {
          $0.type = .offers
          $0.offers.offers = batch
        }
      }
      counters.values["offers_sent", default: 0] += messages.count
    }
  }

  /// Sends offers, inverse ones or others, in events of a bounded size.
  mutating func sendInBatches<Message>(
    _ messages: [Message], to id: FrameworkKey, _ event: ([Message]) -> SchedulerEvent
  ) {
    var rest = messages[...]
    while !rest.isEmpty {
      let batch = Array(rest.prefix(max(1, configuration.offersPerEventMax)))
      rest = rest.dropFirst(batch.count)
      send(event(batch), to: id)
    }
  }

  /// Takes the offers back and gives their resources to the allocator.
  ///
  /// - Parameters:
  ///   - notify: Whether the framework is told with RESCIND; it is not told about offers it was never sent.
  ///   - refusal: How long the framework does not want such resources.
  mutating func removeOffers(
    _ keys: some Sequence<OfferKey>, notify: Bool, refusal: Duration? = nil, at now: Moment
  ) {
    var removed = keys.compactMap { offers[$0] }
    removed.sort { $0.number < $1.number }
    for offer in removed where offers.contains(offer.id) {
      let isUnsent = notify && (unsent[offer.framework]?.contains(offer.id) ?? false)
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
    frameworks[offer.framework]?.release(offer.id, offer.resources)
    agents[offer.agent]?.release(offer.id, offer.resources)
    if !unsent.isEmpty { unsent[offer.framework]?.removeAll { $0 == offer.id } }
    touch(offer.framework)
    touch(offer.agent)
    change(.offerRemoved(offer.id))
  }

  mutating func decline(_ id: FrameworkKey, _ call: SchedulerCall.Decline, at now: Moment) {
    counters.messages["decline_offers", default: 0] += 1
    let own = call.offerIds.map(\.key).filter { offers[$0]?.framework == id }
    frameworks[id]?.counts.offersDeclined += own.count
    removeOffers(own, notify: false, refusal: Self.refusal(call.filters), at: now)
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
