internal import HeapModule
import MesosModel

/// When a filter must go; it may have gone before.
struct FilterExpiry: Comparable, Sendable {
  let until: Duration
  let agentSequence: Int
  let agent: Int
  let client: Int

  static func < (left: FilterExpiry, right: FilterExpiry) -> Bool {
    (left.until, left.agentSequence, left.client) < (right.until, right.agentSequence, right.client)
  }
}

extension Allocator {
  /// A refusal cannot last longer.
  public static let refusalMax: Duration = .seconds(365 * 24 * 3600)
  /// How long a refusal lasts that gives a negative duration.
  public static let refusalDefault: Duration = .seconds(5)

  /// Filters that one framework keeps on one agent in one role at most; the one that expires first makes room.
  static let filtersPerClientMax = 32

  /// When the next filter expires, in uptime: a cycle begun from then on offers again what it held back.
  public func nextFilterExpiry() -> Duration? { expiries.min?.until }

  mutating func addFilter(_ resources: Resources, client: Int, agent: Int, for refusal: Duration, at now: Moment) {
    let wish = refusal < .zero ? Allocator.refusalDefault : min(refusal, Allocator.refusalMax)
    guard wish > .zero else { return }
    let filter = OfferFilter(resources: resources, until: now.uptime + max(wish, configuration.refusalMin))
    var filters = agents[agent].filters[client] ?? []
    filterCount -= filters.count
    // What the new filter holds back as long or longer needs no other.
    filters.removeAll { $0.until <= filter.until && filter.resources.contains($0.resources) }
    if filters.count >= Allocator.filtersPerClientMax,
      let first = filters.indices.min(by: { filters[$0].until < filters[$1].until })
    {
      filters.remove(at: first)
    }
    filters.append(filter)
    filterCount += filters.count
    agents[agent].filters[client] = filters
    clients[client].filteredAgents.insert(agent)
    expiries.insert(
      FilterExpiry(until: filter.until, agentSequence: agents[agent].sequence, agent: agent, client: client))
    trimExpiries()
  }

  mutating func removeFilters(ofClient client: Int) {
    guard !clients[client].filteredAgents.isEmpty else { return }
    for agent in clients[client].filteredAgents {
      filterCount -= agents[agent].filters.removeValue(forKey: client)?.count ?? 0
    }
    clients[client].filteredAgents = []
    trimExpiries()
  }

  mutating func removeFilters(ofAgent agent: Int) {
    for (client, filters) in agents[agent].filters {
      filterCount -= filters.count
      clients[client].filteredAgents.remove(agent)
    }
    agents[agent].filters = [:]
    trimExpiries()
  }

  /// Removes what has expired; the agents concerned are to be visited.
  mutating func expireFilters(at now: Duration) {
    while let first = expiries.min, first.until <= now {
      expiries.removeMin()
      guard isCurrent(first) else { continue }
      var filters = agents[first.agent].filters[first.client] ?? []
      filterCount -= filters.count
      filters.removeAll { $0.until <= now }
      filterCount += filters.count
      agents[first.agent].filters[first.client] = filters.isEmpty ? nil : filters
      if filters.isEmpty { clients[first.client].filteredAgents.remove(first.agent) }
      markDirty(first.agent)
    }
    trimExpiries()
  }

  /// Forgets expiries of filters that have gone: those in front always, all of them when they are many.
  mutating func trimExpiries() {
    while let first = expiries.min, !isCurrent(first) { expiries.removeMin() }
    guard expiries.count > 2 * filterCount + 64 else { return }
    expiries = Heap(expiries.unordered.filter(isCurrent))
  }

  private func isCurrent(_ expiry: FilterExpiry) -> Bool {
    guard agents.holds(expiry.agent), agents[expiry.agent].sequence == expiry.agentSequence else { return false }
    return agents[expiry.agent].filters[expiry.client]?.contains { $0.until == expiry.until } ?? false
  }
}
