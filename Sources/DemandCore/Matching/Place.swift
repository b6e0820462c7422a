import MesosModel

/// Where an instance is, in the words of constraints.
struct Place: Hashable, Sendable {
  var agent: AgentKey
  var hostname: String?
  var region: String?
  var zone: String?
  /// The first attribute of each name, as text.
  var attributes: [String: String] = [:]

  /// An agent of which nothing more is known, as of a task that was adopted.
  init(agent: AgentKey) { self.agent = agent }

  init(_ offer: Offer) {
    agent = offer.agentID.key
    hostname = offer.hostname
    if offer.domain.hasFaultDomain {
      region = offer.domain.faultDomain.region.name
      zone = offer.domain.faultDomain.zone.name
    }
    // An agent whose attributes cannot be read is an agent without them.
    for attribute in (try? Attributes(offer.attributes))?.entries ?? [] where attributes[attribute.name] == nil {
      attributes[attribute.name] = attribute.value.description
    }
  }

  subscript(field: Demand.Field) -> String? {
    switch field.value {
    case .agent: agent.value
    case .hostname: hostname
    case .region: region
    case .zone:
      // Zones of two regions may have one name.
      if let region, let zone { "\(region)/\(zone)" } else { nil }
    case .attribute(let name): attributes[name]
    }
  }

  /// The host's name, or the agent's id where it is not known.
  var name: String { hostname ?? agent.value }
}

/// How many instances of a demand there are with each value of some fields.
struct Census: Sendable {
  private(set) var counts: [Demand.Field: [String: Int]] = [:]

  init(_ fields: some Sequence<Demand.Field>) { for field in fields { counts[field] = [:] } }

  mutating func add(_ place: Place, _ number: Int = 1) {
    for field in counts.keys {
      if let value = place[field] { counts[field, default: [:]][value, default: 0] += number }
    }
  }

  /// A value that instances may take, though none has yet.
  mutating func know(_ place: Place) { add(place, 0) }

  func count(_ field: Demand.Field, _ value: String?) -> Int { value.flatMap { counts[field]?[$0] } ?? 0 }
}

extension Demand.Constraint {
  /// Whether an instance may be put on `place` while the others are where `census` says.
  func allows(_ place: Place, _ census: Census) -> Bool {
    let value = place[field]
    switch rule {
    case .exists: return value != nil
    case .absent: return value == nil
    case .isIn(let values): return value.map { values.contains($0) } ?? false
    case .notIn(let values): return value.map { !values.contains($0) } ?? true
    case .maxPer(let most):
      guard let value else { return false }
      return census.count(field, value) < most
    case .groupBy(let least):
      guard let value else { return false }
      let counts = census.counts[field] ?? [:]
      let known = counts.count + (counts[value] == nil ? 1 : 0)
      // Values that nobody offered yet have no instance.
      let lowest = known < least ? 0 : counts[value] == nil ? 0 : counts.values.min() ?? 0
      return census.count(field, value) <= lowest
    case .cluster:
      guard let value else { return false }
      let taken = (census.counts[field] ?? [:]).filter { $0.value > 0 }
      return taken.isEmpty || taken[value] != nil
    }
  }
}
