import MesosModel

extension Allocator {
  /// The largest fraction of the cluster's total that `amounts` is, over all resources that count.
  /// - Complexity: O(*r*) in the number of resource names.
  /// - Source: Ghodsi et al., NSDI 2011, section 4, "dominant share".
  func dominantShare(_ amounts: AmountVector) -> Double {
    var share = 0.0
    for name in names.indices where !isExcluded[name] {
      let (amount, total) = (amounts[name], totals[name])
      if amount > 0, total > 0 { share = max(share, Double(amount) / Double(total)) }
    }
    return share
  }

  func entry(ofClient client: Int) -> FairOrder.Entry {
    FairOrder.Entry(
      share: dominantShare(clients[client].allocation), count: clients[client].count, index: client)
  }

  func entry(ofRole role: Int) -> FairOrder.Entry {
    FairOrder.Entry(
      share: dominantShare(roles[role].subtree) / roles[role].weight, count: roles[role].subtreeCount, index: role)
  }

  /// The frameworks of a role itself as a sibling of the roles below.
  func ownEntry(ofRole role: Int) -> FairOrder.Entry {
    FairOrder.Entry(share: dominantShare(roles[role].own), count: roles[role].ownCount, index: RoleNode.itself)
  }

  private func isFresh(_ role: Int) -> Bool { roles[role].epoch == epoch }

  /// Makes both orders of a role right for the present totals and weights.
  mutating func freshen(_ role: Int) {
    guard !isFresh(role) else { return }
    var (children, competitors) = (FairOrder(), FairOrder())
    swap(&children, &roles[role].children)
    swap(&competitors, &roles[role].clients)
    children.rebuild(roleNames) { index in
      index == RoleNode.itself
        ? (dominantShare(roles[role].own), roles[role].ownCount)
        : (dominantShare(roles[index].subtree) / roles[index].weight, roles[index].subtreeCount)
    }
    competitors.rebuild(clientNames) { client in
      (dominantShare(clients[client].allocation), clients[client].count)
    }
    roles[role].children = children
    roles[role].clients = competitors
    roles[role].epoch = epoch
  }

  /// Changes what a client holds, and with it its role and all roles above.
  mutating func adjust(_ client: Int, by amounts: AmountVector, turns: Int) {
    let role = clients[client].role

    if clients[client].isEligible, isFresh(role) {
      let old = entry(ofClient: client)
      clients[client].allocation.add(amounts)
      clients[client].count += turns
      roles[role].clients.move(old, to: entry(ofClient: client), clientNames)
    } else {
      clients[client].allocation.add(amounts)
      clients[client].count += turns
    }

    if roles[role].eligible > 0, isFresh(role) {
      let old = ownEntry(ofRole: role)
      roles[role].own.add(amounts)
      roles[role].ownCount += turns
      roles[role].children.move(old, to: ownEntry(ofRole: role), roleNames)
    } else {
      roles[role].own.add(amounts)
      roles[role].ownCount += turns
    }

    var node = role
    while true {
      let parent = roles[node].parent
      if let parent, roles[node].subtreeEligible > 0, isFresh(parent) {
        let old = entry(ofRole: node)
        roles[node].subtree.add(amounts)
        roles[node].subtreeCount += turns
        roles[parent].children.move(old, to: entry(ofRole: node), roleNames)
      } else {
        roles[node].subtree.add(amounts)
        roles[node].subtreeCount += turns
      }
      guard let parent else { return }
      node = parent
    }
  }

  /// Lets a client into the competition, or takes it out, as its state asks.
  /// - Returns: Whether it came in.
  @discardableResult
  mutating func updateEligibility(_ client: Int) -> Bool {
    let framework = clients[client].framework
    let isEligible =
      frameworks[framework].isAdded && frameworks[framework].isActive && clients[client].isSubscribed
      && !clients[client].isSuppressed
    guard isEligible != clients[client].isEligible else { return false }
    clients[client].isEligible = isEligible
    let role = clients[client].role
    if isEligible {
      let entry = entry(ofClient: client)
      if isFresh(role) { roles[role].clients.insert(entry, clientNames) } else { roles[role].clients.append(entry) }
      roles[role].eligible += 1
      if roles[role].eligible == 1 { insertChild(ownEntry(ofRole: role), of: role) }
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
        insertChild(entry(ofRole: node), of: parent)
      } else if !isEligible, roles[node].subtreeEligible == 0 {
        roles[parent].children.remove(index: node)
      }
      node = parent
    }
  }

  private mutating func insertChild(_ entry: FairOrder.Entry, of role: Int) {
    if isFresh(role) {
      roles[role].children.insert(entry, roleNames)
    } else {
      roles[role].children.append(entry)
    }
  }
}
