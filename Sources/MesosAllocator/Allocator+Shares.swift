import MesosModel

extension Allocator {
  /// The largest fraction of the cluster's total that `amounts` is, over all resources that count.
  /// - Complexity: O(*r*) in the number of resource names.
  /// - Source: Ghodsi et al., NSDI 2011, section 4, "dominant share".
  func dominantShare(_ amounts: AmountVector) -> Double {
    var share = 0.0
    for (name, amount) in amounts.amounts.enumerated() where amount > 0 && !isExcluded[name] {
      let total = totals[name]
      if total > 0 { share = max(share, Double(amount) / Double(total)) }
    }
    return share
  }

  func entry(ofClient client: Int) -> FairOrder.Entry {
    FairOrder.Entry(
      share: dominantShare(clients[client].allocation), count: clients[client].count,
      name: frameworks[clients[client].framework].id.value, index: client)
  }

  func entry(ofRole role: Int) -> FairOrder.Entry {
    FairOrder.Entry(
      share: dominantShare(roles[role].subtree) / roles[role].weight, count: roles[role].subtreeCount,
      name: roles[role].path, index: role)
  }

  /// The frameworks of a role itself as a sibling of the roles below.
  func ownEntry(ofRole role: Int) -> FairOrder.Entry {
    FairOrder.Entry(
      share: dominantShare(roles[role].own), count: roles[role].ownCount, name: "", index: RoleNode.itself)
  }

  private func isFresh(_ role: Int) -> Bool { roles[role].epoch == epoch }

  /// Makes both orders of a role right for the present totals and weights.
  mutating func freshen(_ role: Int) {
    guard !isFresh(role) else { return }
    var (children, competitors) = (FairOrder(), FairOrder())
    swap(&children, &roles[role].children)
    swap(&competitors, &roles[role].clients)
    children.rebuild { index in
      let entry = index == RoleNode.itself ? ownEntry(ofRole: role) : entry(ofRole: index)
      return (entry.share, entry.count)
    }
    competitors.rebuild { client in
      let entry = entry(ofClient: client)
      return (entry.share, entry.count)
    }
    roles[role].children = children
    roles[role].clients = competitors
    roles[role].epoch = epoch
  }

  /// Changes what a client holds, and with it its role and all roles above.
  mutating func adjust(_ client: Int, by amounts: AmountVector, adding: Bool, counting: Bool) {
    func change(_ held: inout AmountVector) { if adding { held.add(amounts) } else { held.subtract(amounts) } }
    let turns = counting ? 1 : 0
    let role = clients[client].role

    let oldClient = entry(ofClient: client)
    change(&clients[client].allocation)
    clients[client].count += turns
    if clients[client].isEligible, isFresh(role) {
      roles[role].clients.move(oldClient, to: entry(ofClient: client))
    }

    let oldOwn = ownEntry(ofRole: role)
    change(&roles[role].own)
    roles[role].ownCount += turns
    if roles[role].eligible > 0, isFresh(role) { roles[role].children.move(oldOwn, to: ownEntry(ofRole: role)) }

    var node = role
    while true {
      let old = entry(ofRole: node)
      change(&roles[node].subtree)
      roles[node].subtreeCount += turns
      guard let parent = roles[node].parent else { return }
      if roles[node].subtreeEligible > 0, isFresh(parent) {
        roles[parent].children.move(old, to: entry(ofRole: node))
      }
      node = parent
    }
  }

  /// Lets a client into the competition, or takes it out, as its state asks.
  /// - Returns: Whether it came in.
  @discardableResult
  mutating func updateEligibility(_ client: Int) -> Bool {
    let framework = frameworks[clients[client].framework]
    let isEligible =
      framework.isAdded && framework.isActive && clients[client].isSubscribed && !clients[client].isSuppressed
    guard isEligible != clients[client].isEligible else { return false }
    clients[client].isEligible = isEligible
    let role = clients[client].role
    if isEligible {
      insert(entry(ofClient: client), into: \.clients, of: role)
      roles[role].eligible += 1
      if roles[role].eligible == 1 { insert(ownEntry(ofRole: role), into: \.children, of: role) }
    } else {
      roles[role].clients.remove(index: client)
      roles[role].eligible -= 1
      if roles[role].eligible == 0 { roles[role].children.remove(index: RoleNode.itself) }
    }
    var node = role
    while true {
      roles[node].subtreeEligible += isEligible ? 1 : -1
      guard let parent = roles[node].parent else { return isEligible }
      if isEligible, roles[node].subtreeEligible == 1 {
        insert(entry(ofRole: node), into: \.children, of: parent)
      } else if !isEligible, roles[node].subtreeEligible == 0 {
        roles[parent].children.remove(index: node)
      }
      node = parent
    }
  }

  private mutating func insert(
    _ entry: FairOrder.Entry, into order: WritableKeyPath<RoleNode, FairOrder>, of role: Int
  ) {
    if isFresh(role) {
      roles[role][keyPath: order].insert(entry)
    } else {
      roles[role][keyPath: order].append(entry)
    }
  }
}
