import MesosModel

/// An offer that nothing was done about yet.
struct HeldOffer: Hashable, Sendable {
  var id: OfferKey
  var role: String
  var place: Place
  var resources: [Resource]
  /// When the agent's maintenance begins, in nanoseconds on the wall; `nil` for none that is known.
  var unavailableFrom: Int64?
  var receivedAt: Duration
}

/// What an agent offered last.
struct SeenAgent: Hashable, Sendable {
  var place: Place
  /// What was left of its last offer to each role after our launches.
  var free: [String: [String: Scalar]] = [:]
  var unavailableFrom: Int64?
  var seenAt: Duration
}

/// What the master was told about a role.
struct RoleState: Hashable, Sendable {
  var isSuppressed = true
  /// Whether resources were refused since the last revival.
  var hasRefused = false
  /// The demands that wanted instances when the role was revived last, with their generations.
  var wanting: [String: UInt64] = [:]
  /// Whether the last call about it failed.
  var isRetrying = false
  /// A REVIVE, or a call that failed before, may be sent from then on.
  var callFrom: Duration = .zero
}

extension DemandCore {
  mutating func received(_ new: [Offer], at now: Moment) {
    for offer in new {
      let role = offer.hasAllocationInfo ? offer.allocationInfo.role : configuration.roles.first ?? RoleName.star
      let held = HeldOffer(
        id: offer.id.key, role: role, place: Place(offer), resources: offer.resources,
        unavailableFrom: offer.hasUnavailability ? max(0, offer.unavailability.start.nanoseconds) : nil,
        receivedAt: now.uptime)
      guard roles[role] != nil, offers.count < configuration.offersMax else {
        directives.append(.decline([held.id], refuse: configuration.refuseUnneeded))
        continue
      }
      offers[held.id] = held
      see(held)
    }
  }

  /// Remembers an agent by its offer.
  private mutating func see(_ offer: HeldOffer) {
    let agent = offer.place.agent
    let known = seen[agent]
    var new = known ?? SeenAgent(place: offer.place, seenAt: offer.receivedAt)
    new.place = offer.place
    new.unavailableFrom = offer.unavailableFrom
    new.seenAt = offer.receivedAt
    // Until it is matched, what it has is not known.
    new.free[offer.role] = new.free[offer.role] ?? [:]
    seen[agent] = new
    if seen.count > max(1, configuration.agentsRememberedMax) { forgetAgents() }
    if offer.unavailableFrom == nil { maintenance[agent] = nil }
    // Adopted instances are where their agent is; so are all where it came back with other attributes.
    guard placeless.remove(agent) != nil || (known != nil && known?.place != offer.place) else { return }
    for name in order {
      for id in demands[name]?.instances.keys.sorted() ?? [] where demands[name]?.instances[id]?.place.agent == agent {
        demands[name]?.instances[id]?.place = offer.place
      }
    }
  }

  /// Forgets the agents that made no offer for longest, a tenth at once so that it is rare.
  private mutating func forgetAgents() {
    let oldest = seen.sorted { ($0.value.seenAt, $0.key) < ($1.value.seenAt, $1.key) }
    let most = max(1, configuration.agentsRememberedMax)
    for (agent, _) in oldest.prefix(max(seen.count - most, most / 10)) { seen[agent] = nil }
  }

  // MARK: Roles

  /// The demands of a role that want an instance now, or while an offer may be held, with their generations.
  func wanting(_ role: String, at now: Duration) -> [String: UInt64] {
    var wanting: [String: UInt64] = [:]
    for name in order {
      guard let state = demands[name], state.demand.role == role, wantsSoon(state, at: now) else { continue }
      wanting[name] = state.generation
    }
    return wanting
  }

  private func wantsSoon(_ state: DemandState, at now: Duration) -> Bool {
    !state.openings.isEmpty || (state.opensAt.map { $0 <= now + configuration.offerHoldMax } ?? false)
  }

  /// Ends suppression and refusals where a want is new.
  mutating func reviveRoles(at now: Duration) {
    var revived: [String] = []
    for role in configuration.roles {
      guard var state = roles[role] else { continue }
      let wanting = wanting(role, at: now)
      let isNew = wanting.contains { state.wanting[$0.key] != $0.value }
      guard !wanting.isEmpty, state.isSuppressed || (isNew && state.hasRefused) else {
        state.wanting = wanting
        roles[role] = state
        if wanting.isEmpty { considerOpening(of: role, at: now) }
        continue
      }
      // Until then the wants stay new.
      guard state.callFrom <= now else {
        consider(state.callFrom)
        continue
      }
      state = RoleState(
        isSuppressed: false, hasRefused: false, wanting: wanting, callFrom: now + configuration.reviveIntervalMin)
      roles[role] = state
      revived.append(role)
    }
    if !revived.isEmpty { directives.append(.revive(revived.sorted())) }
  }

  /// The time to revive a role whose next want comes after a wait.
  private mutating func considerOpening(of role: String, at now: Duration) {
    for name in order where demands[name]?.demand.role == role {
      if let opens = demands[name]?.opensAt { consider(max(now, opens - configuration.offerHoldMax)) }
    }
  }

  /// Keeps offers away from roles that want nothing.
  mutating func suppressRoles(at now: Duration) {
    var suppressed: [String] = []
    for role in configuration.roles {
      guard let state = roles[role] else { continue }
      guard wanting(role, at: now).isEmpty else {
        // A want that came of this very plan is for the next one.
        if state.isSuppressed { consider(max(now, state.callFrom)) }
        continue
      }
      roles[role]?.wanting = [:]
      considerOpening(of: role, at: now)
      guard !state.isSuppressed else { continue }
      if state.isRetrying, state.callFrom > now {
        consider(state.callFrom)
        continue
      }
      roles[role]?.isSuppressed = true
      roles[role]?.isRetrying = false
      suppressed.append(role)
    }
    if !suppressed.isEmpty { directives.append(.suppress(suppressed.sorted())) }
  }

  mutating func rolesNotChanged(_ names: [String], suppressed: Bool, at now: Moment) {
    for role in names where roles[role]?.isSuppressed == suppressed {
      roles[role]?.isSuppressed = !suppressed
      roles[role]?.isRetrying = true
      roles[role]?.callFrom = now.uptime + configuration.reviveIntervalMin
    }
  }

  // MARK: Declining

  /// Gives back what is held and will not be used soon.
  mutating func declineOffers(at now: Moment) {
    var declined: [Duration: [OfferKey]] = [:]
    for offer in offers.values.sorted(by: { $0.id < $1.id }) {
      guard let refuse = refusal(of: offer, at: now) else { continue }
      offers[offer.id] = nil
      roles[offer.role]?.hasRefused = true
      declined[refuse, default: []].append(offer.id)
    }
    for (refuse, ids) in declined.sorted(by: { $0.key < $1.key }) {
      directives.append(.decline(ids, refuse: refuse))
    }
  }

  /// How long to refuse an offer; `nil` for one to hold on to.
  private mutating func refusal(of offer: HeldOffer, at now: Moment) -> Duration? {
    let holdsUntil = offer.receivedAt + configuration.offerHoldMax
    let mayHold = holdsUntil > now.uptime
    let states = order.compactMap { demands[$0] }.filter { $0.demand.role == offer.role }
    let wanting = states.filter { !$0.openings.isEmpty }
    if launchesFrom != nil, states.contains(where: { !$0.openings.isEmpty }) {
      guard mayHold else { return configuration.refuseSoon }
      consider(holdsUntil)
      return nil
    }
    if let opens = states.compactMap(\.opensAt).min(), opens <= holdsUntil, mayHold {
      consider(min(opens, holdsUntil))
      return nil
    }
    guard !wanting.isEmpty else { return configuration.refuseUnneeded }
    return wanting.contains { dependsOnOthers($0, offer, at: now) }
      ? configuration.refuseSoon : configuration.refuseUnmatched
  }

  /// Whether an offer would match but for where other instances of the demand are.
  private func dependsOnOthers(_ state: DemandState, _ offer: HeldOffer, at now: Moment) -> Bool {
    guard state.demand.constraints.contains(where: \.isRelative), isUsable(offer, for: state.demand, at: now),
      let pool = try? ResourcePool([offer.resources]), pool.has(state.wanted)
    else { return false }
    let nobody = Census([])
    return state.demand.constraints.allSatisfy { $0.isRelative || $0.allows(offer.place, nobody) }
  }

  /// Whether the agent of an offer stays long enough for a demand's instances.
  func isUsable(_ offer: HeldOffer, for demand: Demand, at now: Moment) -> Bool {
    guard let from = offer.unavailableFrom ?? maintenance[offer.place.agent]?.startNanoseconds else { return true }
    return from - configuration.maintenanceAhead.wholeNanoseconds > now.wallNanoseconds
  }
}
