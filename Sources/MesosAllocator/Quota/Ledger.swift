import MesosModel

/// A quota with numbers for names.
struct QuotaVectors: Sendable {
  var guarantees: AmountVector
  /// Unlike an amount, a limit of zero is a limit.
  var limits: [(name: Int, amount: Int64)]
}

/// What one agent adds to the consumption of roles and to what is open to all, kept so that a change costs as much as it changes.
///
/// Agrees with `QuotaCharge` and `QuotaHeadroom.available`, which compute the same from whole agents.
struct Ledger: Sendable {
  /// What is reserved to one role, and how much of it is allocated to whomever.
  struct Reserved: Sendable {
    let role: Int
    var total = AmountVector()
    var allocated = AmountVector()
    /// What the role is charged with for what it does not use.
    var unused: AmountVector { (total - allocated).positivePart }
  }

  /// What tells one shared volume of an agent from another.
  struct Volume: Hashable {
    let name: String
    let id: String?
    let reservation: String?
    let provider: String?
    let amount: Resources.Amount

    init(_ entry: Resources.Entry) {
      name = entry.name
      id = entry.disk?.persistence.id
      reservation = entry.reservationRole
      provider = entry.providerID
      amount = entry.amount
    }
  }

  /// What is unreserved and not revocable, and how much of it is allocated.
  var openTotal = AmountVector()
  var openAllocated = AmountVector()
  var reserved: [Reserved] = []
  /// The copies that are allocated in each role.
  var volumes: [Volume: [Int: Int]] = [:]

  var open: AmountVector { (openTotal - openAllocated).positivePart }
}

extension Allocator {
  /// Adds to what `role`, and all roles above it up to but without `end`, are charged with; amounts may be below zero.
  mutating func charge(_ amounts: AmountVector, to role: Int, upTo end: Int? = nil) {
    guard !amounts.isZero else { return }
    let isLess = !amounts.contains(AmountVector())
    var node = role
    var isCharged = true
    while let parent = roles[node].parent {
      if node == end { isCharged = false }
      if isCharged { roles[node].consumed.add(amounts) }
      if roles[node].quotaCount > 0 {
        if isLess { isLoosened = true }
        updateRequired(node, below: parent)
      }
      node = parent
    }
  }

  /// Makes right what has to be held back for a role, after its quota, its consumption or what its children need changed.
  mutating func updateRequired(_ node: Int, below parent: Int) {
    if let limits = roles[node].quota?.limits, !limits.isEmpty {
      let consumed = roles[node].consumed
      roles[node].isExhausted =
        !minimum.isEmpty
        && minimum.allSatisfy { least in
          limits.contains { least[$0.name] > 0 && $0.amount &- consumed[$0.name] < least[$0.name] }
        }
    } else {
      roles[node].isExhausted = false
    }
    let unmet = roles[node].quota.map { ($0.guarantees - roles[node].consumed).positivePart } ?? AmountVector()
    let new = AmountVector.max(unmet, roles[node].requiredBelow)
    let old = roles[node].required
    guard new != old else { return }
    roles[node].required = new
    roles[parent].requiredBelow.subtract(old)
    roles[parent].requiredBelow.add(new)
  }

  /// Counts entries of an agent's total in or out.
  mutating func recordTotal(_ entries: [Resources.Entry], on agent: Int, adding: Bool) {
    for entry in entries where !entry.isRevocable {
      guard case .scalar(let scalar) = entry.amount else { continue }
      var amounts = AmountVector()
      amounts.add(adding ? scalar.thousandths : 0 &- scalar.thousandths, at: number(ofName: entry.name))
      if let path = entry.reservationRole {
        let role = makeRole(path)
        charge(changeReserved(role, on: agent) { $0.total.add(amounts) }, to: role)
        forgetReserved(role, on: agent)
      } else {
        changeOpen(on: agent) { $0.openTotal.add(amounts) }
      }
    }
  }

  /// Counts what is allocated to a role on an agent in or out.
  mutating func recordAllocation(_ entries: [Resources.Entry], to role: Int, on agent: Int, adding: Bool) {
    var (all, open) = (AmountVector(), AmountVector())
    for position in entries.indices {
      guard case .scalar(let scalar) = entries[position].amount, !entries[position].isRevocable else { continue }
      let name = number(ofName: entries[position].name)
      if entries[position].isShared {
        recordVolume(entries[position], to: role, on: agent, adding: adding)
        continue
      }
      let amount = adding ? scalar.thousandths : 0 &- scalar.thousandths
      all.add(amount, at: name)
      guard let path = entries[position].reservationRole else {
        open.add(amount, at: name)
        continue
      }
      var amounts = AmountVector()
      amounts.add(amount, at: name)
      let reservation = makeRole(path)
      let change = changeReserved(reservation, on: agent) { $0.allocated.add(amounts) }
      // A role that uses its own reservation is charged no more and no less than before.
      if reservation == role { all.add(change) } else { charge(change, to: reservation) }
      forgetReserved(reservation, on: agent)
    }
    charge(all, to: role)
    if !open.isZero { changeOpen(on: agent) { $0.openAllocated.add(open) } }
  }

  private mutating func changeOpen(on agent: Int, _ change: (inout Ledger) -> Void) {
    openAmounts.subtract(agents[agent].ledger.open)
    change(&agents[agent].ledger)
    openAmounts.add(agents[agent].ledger.open)
  }

  /// - Returns: By how much what the role is charged with for unused reservations changed.
  private mutating func changeReserved(
    _ role: Int, on agent: Int, _ change: (inout Ledger.Reserved) -> Void
  ) -> AmountVector {
    let known = agents[agent].ledger.reserved.firstIndex { $0.role == role }
    let position = known ?? agents[agent].ledger.reserved.count
    if known == nil {
      roles[role].references += 1
      agents[agent].ledger.reserved.append(Ledger.Reserved(role: role))
    }
    let before = agents[agent].ledger.reserved[position].unused
    change(&agents[agent].ledger.reserved[position])
    return agents[agent].ledger.reserved[position].unused - before
  }

  /// Forgets the record of a reservation when nothing is reserved or allocated any more.
  private mutating func forgetReserved(_ role: Int, on agent: Int) {
    guard let position = agents[agent].ledger.reserved.firstIndex(where: { $0.role == role }),
      agents[agent].ledger.reserved[position].total.isZero, agents[agent].ledger.reserved[position].allocated.isZero
    else { return }
    agents[agent].ledger.reserved.remove(at: position)
    release(role: role)
  }

  /// A shared volume counts once in each role that uses it or lies above one that does.
  private mutating func recordVolume(_ entry: Resources.Entry, to role: Int, on agent: Int, adding: Bool) {
    let volume = Ledger.Volume(entry)
    guard case .scalar(let scalar) = entry.amount else { return }
    var amounts = AmountVector()
    amounts.add(scalar.thousandths, at: number(ofName: entry.name))
    var uses = agents[agent].ledger.volumes[volume] ?? [:]
    let others = Set(uses.keys.filter { $0 != role }.flatMap(path(of:)))
    let (before, wasUsed) = (uses[role] ?? 0, !uses.isEmpty)
    let after = before + (adding ? entry.copies : -entry.copies)
    uses[role] = after > 0 ? after : nil
    agents[agent].ledger.volumes[volume] = uses.isEmpty ? nil : uses
    if (before > 0) != (after > 0), !others.contains(role) {
      charge(
        after > 0 ? amounts : AmountVector() - amounts, to: role,
        upTo: path(of: role).first(where: others.contains))
    }
    if wasUsed != !uses.isEmpty, let reservation = entry.reservationRole.map({ makeRole($0) }) {
      let change = changeReserved(reservation, on: agent) {
        if wasUsed { $0.allocated.subtract(amounts) } else { $0.allocated.add(amounts) }
      }
      charge(change, to: reservation)
      forgetReserved(reservation, on: agent)
    }
  }

  /// A role and those above it, the root of all apart.
  func path(of role: Int) -> [Int] {
    var path: [Int] = []
    var node = role
    while let parent = roles[node].parent {
      path.append(node)
      node = parent
    }
    return path
  }
}
