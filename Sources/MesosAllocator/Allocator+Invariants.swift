import MesosModel

extension Allocator {
  /// Computes everything that is kept up to date again from the agents alone, and compares.
  ///
  /// For tests and the simulator; costs as much as building the state.
  /// - Returns: What does not hold, empty when all is well.
  public func checkInvariants() -> [String] {
    var broken: [String] = []
    func expect(_ holds: Bool, _ what: @autoclosure () -> String) { if !holds { broken.append(what()) } }

    var held: [Int: ResourceQuantities] = [:]
    var holdings: [Int: Int] = [:]
    var sum = ResourceQuantities()
    var open = ResourceQuantities()
    var consumption = QuotaConsumption()
    var filters = 0
    for number in agents.indices {
      let agent = agents[number]
      sum += agent.total.quantities
      var allocated = Resources()
      var allocatedToRoles = Resources()
      for holder in agent.holders {
        let framework = holder.framework
        allocated += holder.resources.unallocated
        allocatedToRoles += holder.resources
        for (role, part) in holder.resources.allocations {
          guard let client = frameworks[framework].client(in: role) else {
            broken.append("framework \(frameworks[framework].id) holds \(part) on \(agent.id) without a client")
            continue
          }
          held[client, default: ResourceQuantities()] += part.quantities
          holdings[client, default: 0] += 1
        }
      }
      let available = agent.total.nonShared - allocated.nonShared + agent.total.shared
      expect(agent.available == available, "\(agent.id): available is \(agent.available), should be \(available)")
      open += QuotaHeadroom.available(total: agent.total, allocated: allocated)
      consumption.add(QuotaCharge(total: agent.total, allocated: allocatedToRoles))
      for (client, list) in agent.filters {
        filters += list.count
        expect(clients[client].filteredAgents.contains(number), "\(agent.id): filter of a client that has none")
      }
    }
    expect(filters == filterCount, "there are \(filters) filters, counted \(filterCount)")
    expect(
      sum.quantities.allSatisfy { quantity in
        names.firstIndex(of: quantity.name).map { totals[$0] == quantity.amount.thousandths } ?? false
      }, "the totals are not \(sum)")

    expect(availableHeadroom == open, "the headroom is \(availableHeadroom), should be \(open)")
    for (role, consumed) in consumption.entries {
      let counted = consumedQuantities(role: role)
      expect(counted == consumed, "role '\(role)': consumes \(consumed), counted \(counted)")
    }
    let headroom = QuotaHeadroom(quotas: quotas, consumption: consumption, available: open)
    expect(
      requiredHeadroom == headroom.required, "required are \(headroom.required), counted \(requiredHeadroom)")

    for number in clients.indices {
      let client = clients[number]
      let name = "framework \(frameworks[client.framework].id) in role '\(roles[client.role].path)'"
      expect(amounts(held[number]) == client.allocation, "\(name): holds something else than the agents say")
      expect(holdings[number] ?? 0 == client.holdings, "\(name): holdings are \(client.holdings)")
      let framework = frameworks[client.framework]
      let mayCompete = framework.isAdded && framework.isActive && client.isSubscribed && !client.isSuppressed
      expect(mayCompete == client.isEligible, "\(name): eligible is \(client.isEligible)")
      let isThere = roles[client.role].clients.entries.contains { $0.index == number }
      expect(isThere == client.isEligible, "\(name): in the order \(isThere), eligible \(client.isEligible)")
      for agent in client.filteredAgents { expect(agents[agent].filters[number] != nil, "\(name): filter is missing") }
    }
    for number in roles.indices { checkRole(number, expect) }
    return broken
  }

  private func checkRole(_ number: Int, _ expect: (Bool, @autoclosure () -> String) -> Void) {
    let role = roles[number]
    var (own, subtree, eligible, subtreeEligible) = (AmountVector(), AmountVector(), 0, 0)
    for index in clients.indices where clients[index].role == number {
      own.add(clients[index].allocation)
      eligible += clients[index].isEligible ? 1 : 0
    }
    subtree.add(own)
    subtreeEligible += eligible
    var present = Set(eligible > 0 ? [RoleNode.itself] : [])
    for index in roles.indices where roles[index].parent == number {
      subtree.add(roles[index].subtree)
      subtreeEligible += roles[index].subtreeEligible
      if roles[index].subtreeEligible > 0 { present.insert(index) }
    }
    expect(own == role.own && subtree == role.subtree, "role '\(role.path)': does not hold what its frameworks do")
    expect(
      eligible == role.eligible && subtreeEligible == role.subtreeEligible, "role '\(role.path)': counts are wrong")
    expect(
      Set(role.children.entries.map { Int($0.index) }) == present, "role '\(role.path)': the wrong children compete")
    guard role.epoch == epoch else { return }
    for entry in role.children.entries {
      let claim = entry.index < 0 ? ownEntry(ofRole: number) : self.entry(ofRole: Int(entry.index))
      expect(claim.share == entry.share && claim.count == entry.count, "role '\(role.path)': a stale claim")
    }
    for entry in role.clients.entries {
      let claim = self.entry(ofClient: Int(entry.index))
      expect(claim.share == entry.share && claim.count == entry.count, "role '\(role.path)': a stale claim")
    }
    for (order, names) in [(role.children.entries, roleNames), (role.clients.entries, clientNames)] {
      expect(
        zip(order, order.dropFirst()).allSatisfy { FairOrder.Entry.precedes($0, $1, names) },
        "role '\(role.path)': not in order")
    }
  }

  private func amounts(_ quantities: ResourceQuantities?) -> AmountVector {
    var vector = AmountVector()
    for quantity in quantities?.quantities ?? [] {
      if let name = names.firstIndex(of: quantity.name) { vector.add(quantity.amount.thousandths, at: name) }
    }
    return vector
  }
}
