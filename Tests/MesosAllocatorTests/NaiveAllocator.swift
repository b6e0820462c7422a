import MesosAllocator
import MesosModel

/// The allocator's rules told as plainly as possible: every question is answered from the list of what is allocated, every cycle visits
/// every agent, every order is sorted afresh. Slow, and for small clusters only.
struct NaiveAllocator {
  struct Agent {
    let id: AgentKey
    var options: AgentOptions
    var hindrances: AgentHindrances = []
    var used: [FrameworkKey: Resources]

    var total: Resources {
      get { options.total }
      set { options.total = newValue }
    }

    var available: Resources {
      let used = used.values.reduce(Resources()) { $0 + $1.unallocated }
      return total.nonShared - used.nonShared + total.shared
    }
  }

  struct Filter {
    let framework: FrameworkKey
    let role: String
    let agent: AgentKey
    let resources: Resources
    let until: Duration
  }

  struct Member: Hashable {
    let framework: FrameworkKey
    let role: String
  }

  var configuration: Allocator.Configuration
  var agents: [Agent] = []
  var frameworks: [FrameworkKey: FrameworkOptions] = [:]
  /// As messages, to be evaluated here.
  var constraints: [FrameworkKey: OfferConstraints] = [:]
  var suppressed: Set<Member> = []
  var filters: [Filter] = []
  var weights: [String: Double] = [:]
  var quotas = QuotaTree()
  var whitelist: Set<String>?
  /// How often something was allocated to a framework in a role, to a role itself, and to a role with all below.
  var counts: [Member: Int] = [:]
  var ownCounts: [String: Int] = [:]
  var subtreeCounts: [String: Int] = [:]

  // MARK: Changes

  mutating func setFramework(
    _ id: FrameworkKey, _ options: FrameworkOptions, _ wanted: OfferConstraints = OfferConstraints()
  ) {
    let old = frameworks[id]
    frameworks[id] = options
    constraints[id] = wanted
    for role in Set(options.roles + (old?.roles ?? [])) {
      let member = Member(framework: id, role: role)
      let isSuppressed = options.suppressedRoles.contains(role)
      if !options.roles.contains(role) || (suppressed.contains(member) && !isSuppressed) { dropFilters(member) }
      if isSuppressed { suppressed.insert(member) } else { suppressed.remove(member) }
    }
    forget()
  }

  mutating func removeFramework(_ id: FrameworkKey) {
    frameworks[id] = nil
    constraints[id] = nil
    filters.removeAll { $0.framework == id }
    suppressed = suppressed.filter { $0.framework != id }
    for index in agents.indices { agents[index].used[id] = nil }
    forget()
  }

  mutating func setFramework(_ id: FrameworkKey, active: Bool) {
    frameworks[id]?.isActive = active
    if !active { filters.removeAll { $0.framework == id } }
  }

  mutating func suppress(_ id: FrameworkKey, _ roles: [String]) {
    for role in roles { suppressed.insert(Member(framework: id, role: role)) }
  }

  mutating func revive(_ id: FrameworkKey, _ roles: [String]) {
    for role in roles {
      suppressed.remove(Member(framework: id, role: role))
      dropFilters(Member(framework: id, role: role))
    }
  }

  mutating func updateAgent(_ id: AgentKey, _ options: AgentOptions) {
    guard let index = agents.firstIndex(where: { $0.id == id }) else { return }
    if agents[index].options.attributes != options.attributes { filters.removeAll { $0.agent == id } }
    agents[index].options = options
  }

  mutating func removeAgent(_ id: AgentKey) {
    agents.removeAll { $0.id == id }
    filters.removeAll { $0.agent == id }
    forget()
  }

  mutating func recover(
    _ id: FrameworkKey, _ agent: AgentKey, _ resources: Resources, _ refusal: Duration?, _ now: Duration
  ) {
    guard let index = agents.firstIndex(where: { $0.id == agent }), let held = agents[index].used[id] else { return }
    agents[index].used[id] = held - resources
    if let refusal, refusal != .zero {
      let until = now + max(.seconds(1), refusal < .zero ? .seconds(5) : min(refusal, .seconds(365 * 86400)))
      for role in frameworks[id]?.roles ?? [] {
        let part = resources.filter { $0.allocationRole == role }.unallocated
        if !part.isEmpty {
          filters.append(Filter(framework: id, role: role, agent: agent, resources: part, until: until))
        }
      }
    }
    forget()
  }

  mutating func convert(_ id: FrameworkKey, _ agent: AgentKey, from: Resources, to: Resources) {
    guard let index = agents.firstIndex(where: { $0.id == agent }), let held = agents[index].used[id] else { return }
    agents[index].used[id] = held + to - from
    agents[index].total = agents[index].total - from.unallocated + to.unallocated
  }

  private mutating func dropFilters(_ member: Member) {
    filters.removeAll { $0.framework == member.framework && $0.role == member.role }
  }

  /// Counts last as long as the framework is subscribed to the role or has something in it, and as long as the role has such a
  /// framework, a reservation or a quota, or a role below that has.
  mutating func forget() {
    for index in agents.indices { agents[index].used = agents[index].used.filter { !$0.value.isEmpty } }
    var members: Set<Member> = []
    for (id, options) in frameworks { for role in options.roles { members.insert(Member(framework: id, role: role)) } }
    for agent in agents {
      for (id, resources) in agent.used {
        for entry in resources.entries { members.insert(Member(framework: id, role: entry.allocationRole ?? "")) }
      }
    }
    let reserved = agents.flatMap { agent in
      ([agent.total] + agent.used.values).flatMap { $0.nonRevocable.scalars.entries.compactMap(\.reservationRole) }
    }
    let named = members.map(\.role) + reserved + quotas.roles
    let roles = Set(named.flatMap { [$0] + RoleName.ancestors(of: $0) })
    counts = counts.filter { members.contains($0.key) }
    ownCounts = ownCounts.filter { roles.contains($0.key) }
    subtreeCounts = subtreeCounts.filter { roles.contains($0.key) }
  }

  // MARK: Shares

  func share(_ isCounted: (FrameworkKey, String) -> Bool) -> Double {
    var total = ResourceQuantities()
    var held = ResourceQuantities()
    for agent in agents {
      total += agent.total.quantities
      for (id, resources) in agent.used {
        for role in Set(resources.entries.compactMap(\.allocationRole)) where isCounted(id, role) {
          held += resources.filter { $0.allocationRole == role }.quantities
        }
      }
    }
    return held.quantities
      .filter { !configuration.excludedFromFairness.contains($0.name) && total[$0.name] > .zero }
      .map { Double($0.amount.thousandths) / Double(total[$0.name].thousandths) }
      .max() ?? 0
  }

  // MARK: Cycle

  mutating func cycle(at now: Duration) -> [Allocation] {
    var allocations: [Allocation] = []
    var shared: [AgentKey: Resources] = [:]
    for isFirstStage in quotas.isEmpty ? [false] : [true, false] {
      for index in agents.indices where agents[index].hindrances.isEmpty && isListed(agents[index]) {
        var remaining = agents[index].available - (shared[agents[index].id] ?? Resources())
        // The order is that of the beginning; what roles consume is not.
        var after = agents
        for member in order() {
          let headroom = NaiveAllocator.headroom(quotas, after)
          guard
            let granted = grant(
              of: remaining, to: member, on: agents[index], at: now, isFirstStage: isFirstStage, headroom)
          else { continue }
          remaining -= granted
          shared[agents[index].id, default: Resources()] += granted.shared
          let allocated = granted.allocated(to: member.role)
          after[index].used[member.framework, default: Resources()] += allocated
          counts[member, default: 0] += 1
          ownCounts[member.role, default: 0] += 1
          for role in [member.role] + RoleName.ancestors(of: member.role) { subtreeCounts[role, default: 0] += 1 }
          allocations.append(
            Allocation(
              framework: member.framework, agent: agents[index].id, role: member.role, resources: allocated))
        }
        agents = after
      }
    }
    return allocations
  }

  private func isListed(_ agent: Agent) -> Bool { whitelist?.contains(agent.options.hostname) ?? true }

  /// What is held back for guarantees, counted afresh from all agents.
  static func headroom(_ quotas: QuotaTree, _ agents: [Agent]) -> QuotaHeadroom {
    var available = ResourceQuantities()
    var charges: [QuotaCharge] = []
    for agent in agents {
      let allocated = agent.used.sorted { $0.key < $1.key }.reduce(Resources()) { $0 + $1.value }
      available += QuotaHeadroom.available(total: agent.total, allocated: allocated.unallocated)
      charges.append(QuotaCharge(total: agent.total, allocated: allocated))
    }
    return QuotaHeadroom(quotas: quotas, consumption: QuotaConsumption(charges), available: available)
  }

  private func grant(
    of remaining: Resources, to member: Member, on agent: Agent, at now: Duration, isFirstStage: Bool,
    _ headroom: QuotaHeadroom
  ) -> Resources? {
    guard let framework = frameworks[member.framework] else { return nil }
    if agent.total.entries.contains(where: { $0.name == "gpus" }), configuration.filtersGPUs,
      !framework.capabilities.contains(.gpuResources)
    {
      return nil
    }
    if let mine = configuration.region, let its = agent.options.region, mine != its,
      !framework.capabilities.contains(.regionAware)
    {
      return nil
    }
    let can = agent.options.capabilities
    if framework.capabilities.contains(.multiRole), !can.contains(.multiRole) { return nil }
    if member.role.contains("/"), !can.contains(.hierarchicalRole) { return nil }
    if let wanted = constraints[member.framework]?.roleConstraints[member.role],
      !wanted.groups.contains(where: { $0.attributeConstraints.allSatisfy { NaiveAllocator.holds($0, agent.options) } })
    {
      return nil
    }
    var granted = remaining.filter { entry in
      (!entry.isReserved || entry.reservationRole == member.role
        || RoleName.ancestors(of: member.role).contains(entry.reservationRole ?? ""))
        && (!entry.isRevocable || framework.capabilities.contains(.revocableResources))
        && (!entry.isShared || framework.capabilities.contains(.sharedResources))
        && (!entry.hasRefinedReservation
          || (framework.capabilities.contains(.reservationRefinement) && can.contains(.reservationRefinement)))
    }
    let charged = granted.filter { QuotaHeadroom.isCharged($0) }
    let offering = headroom.offering(of: charged.quantities, to: member.role)
    if isFirstStage, !offering.meetsGuarantees { return nil }
    granted = granted.filter { !QuotaHeadroom.isCharged($0) } + charged.shrunk(to: offering.total)
    guard granted.entries.contains(where: { !$0.isShared }) else { return nil }
    let minimum = framework.minimumAllocatable[member.role] ?? configuration.minimumAllocatable
    guard minimum.isEmpty || minimum.contains(where: { granted.quantities.contains($0) }) else { return nil }
    let isFiltered = filters.contains {
      $0.framework == member.framework && $0.role == member.role && $0.agent == agent.id && $0.until > now
        && $0.resources.contains(granted)
    }
    return isFiltered ? nil : granted
  }

  /// Whether a constraint holds for an agent, as the comments of the protocol say.
  static func holds(_ constraint: AttributeConstraint, _ agent: AgentOptions) -> Bool {
    var (isThere, text): (Bool, String?) = (true, nil)
    switch constraint.selector.selector {
    case .pseudoattributeType(.hostname): text = agent.hostname
    case .pseudoattributeType(.region): (isThere, text) = (agent.region != nil, agent.region)
    case .pseudoattributeType(.zone): (isThere, text) = (agent.zone != nil, agent.zone)
    case .attributeName(let name):
      let value = agent.attributes.entries.first { $0.name == name }?.value
      isThere = value != nil
      if case .text(let found)? = value { text = found }
    default: return false
    }
    func matches(_ regex: String) -> Bool {
      guard let regex = try? Regex(regex), let text else { return false }
      return text.wholeMatch(of: regex) != nil
    }
    switch constraint.predicate.predicate {
    case .exists: return isThere
    case .notExists: return !isThere
    case .textEquals(let wanted): return isThere && (text == nil || text == wanted.value)
    case .textNotEquals(let wanted): return text == nil || text != wanted.value
    case .textMatches(let wanted): return isThere && (text == nil || matches(wanted.regex))
    case .textNotMatches(let wanted): return text == nil || !matches(wanted.regex)
    case nil: return false
    }
  }

  /// All frameworks in all their roles that may compete, in fair order.
  private func order() -> [Member] {
    let members = frameworks.filter(\.value.isActive).flatMap { id, options in
      options.roles.map { Member(framework: id, role: $0) }
    }.filter { !suppressed.contains($0) }
    return order(below: "", members)
  }

  private func order(below parent: String, _ members: [Member]) -> [Member] {
    struct Rival {
      var share: Double
      var count: Int
      var name: String
      var members: [Member]
    }
    func sorted(_ rivals: [Rival]) -> [Member] {
      rivals.sorted { ($0.share, $0.count, $0.name) < ($1.share, $1.count, $1.name) }.flatMap(\.members)
    }
    let own = members.filter { $0.role == parent }.map { member in
      Rival(
        share: share { $0 == member.framework && $1 == member.role }, count: counts[member] ?? 0,
        name: member.framework.value, members: [member])
    }
    var rivals: [Rival] = []
    if !own.isEmpty {
      rivals.append(
        Rival(share: share { $1 == parent }, count: ownCounts[parent] ?? 0, name: "", members: sorted(own)))
    }
    let prefix = parent.isEmpty ? "" : parent + "/"
    let below = members.filter { $0.role != parent && $0.role.hasPrefix(prefix) }
    let names = Set(below.map { prefix + ($0.role.dropFirst(prefix.count).split(separator: "/").first ?? "") })
    for child in names {
      let inside = below.filter { $0.role == child || $0.role.hasPrefix(child + "/") }
      rivals.append(
        Rival(
          share: share { $1 == child || $1.hasPrefix(child + "/") } / (weights[child] ?? 1),
          count: subtreeCounts[child] ?? 0, name: child, members: order(below: child, inside)))
    }
    return sorted(rivals)
  }
}
