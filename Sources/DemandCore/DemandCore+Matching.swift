import MesosModel

extension DemandCore {
  /// All offers of one agent to one role, and what is put onto them.
  private struct Site {
    var place: Place
    var offers: [HeldOffer]
    var pool: ResourcePool
    var tasks: [TaskInfo] = []
  }

  /// Puts instances where they fit, and says which offers are accepted for them.
  mutating func match(at now: Moment, using rng: inout some RandomNumberGenerator) {
    guard !offers.isEmpty else { return }
    for role in configuration.roles {
      var sites = sites(of: role)
      guard !sites.isEmpty else { continue }
      if launchesFrom == nil {
        for name in order {
          guard let state = demands[name], state.demand.role == role, !state.openings.isEmpty else { continue }
          place(state, on: &sites, at: now, using: &rng)
        }
      }
      for site in sites {
        seen[site.place.agent]?.free[role] = site.pool.amounts
        guard !site.tasks.isEmpty else { continue }
        accept(site, role, at: now)
      }
    }
  }

  private mutating func sites(of role: String) -> [Site] {
    var byAgent: [AgentKey: [HeldOffer]] = [:]
    for offer in offers.values where offer.role == role { byAgent[offer.place.agent, default: []].append(offer) }
    var sites: [Site] = []
    for (_, held) in byAgent.sorted(by: { $0.key < $1.key }) {
      let held = held.sorted { $0.id < $1.id }
      do throws(ResourceError) {
        sites.append(Site(place: held[0].place, offers: held, pool: try ResourcePool(held.map(\.resources))))
      } catch {
        for offer in held {
          offers[offer.id] = nil
          directives.append(.tell(.unreadableOffer(offer.id, error.message)))
        }
        directives.append(.decline(held.map(\.id), refuse: configuration.refuseUnneeded))
      }
    }
    return sites
  }

  private mutating func accept(_ site: Site, _ role: String, at now: Moment) {
    for offer in site.offers { offers[offer.id] = nil }
    let rest = order.contains { name in
      guard let state = demands[name] else { return false }
      return state.demand.role == role && !state.openings.isEmpty
    }
    roles[role]?.hasRefused = true
    directives.append(
      .accept(
        site.offers.map(\.id), site.tasks,
        refuse: rest ? configuration.refuseSoon : configuration.refuseUnneeded))
  }

  // MARK: Placing

  private mutating func place(
    _ state: DemandState, on sites: inout [Site], at now: Moment, using rng: inout some RandomNumberGenerator
  ) {
    let demand = state.demand
    let nobody = Census([])
    var candidates = sites.indices.filter { index in
      sites[index].offers.allSatisfy { isUsable($0, for: demand, at: now) } && sites[index].pool.has(state.wanted)
        && demand.constraints.allSatisfy { $0.isRelative || $0.allows(sites[index].place, nobody) }
    }
    guard !candidates.isEmpty else { return }
    let relative = demand.constraints.filter(\.isRelative)
    var census = census(for: state, relative.map(\.field) + demand.spread)
    for opening in state.openings {
      let besides = opening.besides.flatMap { state.instances[$0]?.place }
      if let besides { census.add(besides, -1) }
      let best = candidates.filter { index in relative.allSatisfy { $0.allows(sites[index].place, census) } }
        .min { precedes(sites[$0], sites[$1], demand, census) }
      if let besides { census.add(besides, 1) }
      if best == nil, relative.isEmpty { return }
      guard let best, let taken = sites[best].pool.take(state.wanted, using: &rng) else { continue }
      let id = newID(state, slot: opening.slot, at: now, using: &rng)
      let place = sites[best].place
      sites[best].tasks.append(task(demand, id, on: place.agent, taken.resources, ports: taken.ports))
      let instance = Instance(id: id, phase: .launching, place: place, ports: taken.ports, since: now.uptime)
      demands[demand.name]?.fill(opening, with: instance)
      demands[demand.name]?.tell(id, at: now.uptime, into: &directives)
      census.add(place)
      if !sites[best].pool.has(state.wanted) { candidates.removeAll { $0 == best } }
    }
  }

  /// Whether an instance is better put on the left: fewer of its demand there by the most important field, then fewer tasks of this round.
  private func precedes(_ left: Site, _ right: Site, _ demand: Demand, _ census: Census) -> Bool {
    for field in demand.spread {
      let (a, b) = (census.count(field, left.place[field]), census.count(field, right.place[field]))
      if a != b { return a < b }
    }
    if left.tasks.count != right.tasks.count { return left.tasks.count < right.tasks.count }
    return left.place.agent < right.place.agent
  }

  private func task(
    _ demand: Demand, _ id: InstanceID, on agent: AgentKey, _ resources: [Resource], ports: [UInt64]
  ) -> TaskInfo {
    var task = demand.template
    task.taskID = TaskID(id.task)
    if task.name.isEmpty { task.name = demand.name }
    task.agentID = AgentID(agent)
    task.resources = resources
    var variables = [("DEMAND_NAME", demand.name), ("DEMAND_SLOT", String(id.slot))]
    if let first = ports.first { variables.append(("PORT", String(first))) }
    for (index, port) in ports.enumerated() { variables.append(("PORT\(index)", String(port))) }
    if task.hasCommand { DemandCore.set(variables, in: &task.command) }
    if task.hasExecutor {
      if task.executor.executorID.value.isEmpty { task.executor.executorID.value = id.task.value }
      DemandCore.set(variables, in: &task.executor.command)
    }
    return task
  }

  private static func set(_ variables: [(name: String, value: String)], in command: inout CommandInfo) {
    let present = Set(command.environment.variables.map(\.name))
    for (name, value) in variables where !present.contains(name) {
      var variable = CommandEnvironment.Variable()
      variable.name = name
      variable.value = value
      command.environment.variables.append(variable)
    }
  }
}
