import MesosModel

extension DemandCore {
  /// Answers inverse offers: yes where all instances on the agent can move, or where there are none.
  mutating func received(inverse new: [InverseOffer], at now: Moment) {
    var accepted: [OfferKey] = []
    var declined: [OfferKey] = []
    for offer in new {
      let agent = offer.agentID.key
      let stays = demands.values.contains { state in
        state.demand.maintenance == .stay && state.instances.values.contains { $0.place.agent == agent }
      }
      let isAccepted = !stays
      if isAccepted { accepted.append(offer.id.key) } else { declined.append(offer.id.key) }
      guard offer.hasAgentID, maintenance[agent] != nil || maintenance.count < configuration.agentsRememberedMax else {
        continue
      }
      var planned = maintenance[agent] ?? PlannedMaintenance(startNanoseconds: 0, offers: [], isAccepted: isAccepted)
      if maintenance[agent]?.isAccepted != isAccepted {
        directives.append(.tell(.maintenance(agent, isAccepted: isAccepted)))
      }
      planned.startNanoseconds = max(0, offer.unavailability.start.nanoseconds)
      planned.offers = [offer.id.key]
      planned.isAccepted = isAccepted
      maintenance[agent] = planned
      for name in order { demands[name]?.isDirty = true }
    }
    if !accepted.isEmpty { directives.append(.acceptInverse(accepted.sorted())) }
    if !declined.isEmpty { directives.append(.declineInverse(declined.sorted())) }
  }

  /// The maintenance was called off, or is announced again later.
  mutating func rescinded(inverse offer: OfferKey) {
    for agent in maintenance.keys.sorted() where maintenance[agent]?.offers.contains(offer) ?? false {
      maintenance[agent] = nil
      for name in order { demands[name]?.isDirty = true }
    }
  }

  /// Forgets maintenance that began a day ago: an agent that is still there has come through it.
  mutating func forgetMaintenance(at now: Moment) {
    guard !maintenance.isEmpty else { return }
    let yesterday = now.wallNanoseconds - Duration.seconds(86_400).wholeNanoseconds
    maintenance = maintenance.filter { $0.value.startNanoseconds > yesterday }
  }
}
