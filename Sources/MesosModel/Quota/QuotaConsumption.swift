/// What one agent adds to what roles consume of their quotas.
///
/// A role is charged with what is reserved to it, used or not, and with what is allocated to it besides; never twice for the same
/// resource. In detail, for the resources of one agent:
///
/// - what is allocated is charged to the role that it is allocated to and to all roles above it;
/// - what is reserved and not allocated is charged to the role of the reservation in force (the last of the stack) and to all above
///   it: amassing reservations and leaving them unused does not get a role beyond its quota (MESOS-4527);
/// - a shared volume counts once for each of those roles, however many tasks and roles use it;
/// - revocable resources are charged to nobody: they can be taken back.
///
/// ### Example
///
/// On an agent with `cpus:10`, four are reserved to `eng` and two of those are refined to `eng/web`. Tasks of `eng/web` use
/// one cpu that is reserved to `eng/web`, one that is reserved to `eng`, and one that is not reserved. Then `eng/web` is charged with
/// `cpus:4`: its reservation of two, the reserved cpu of `eng` that it uses and the unreserved one. `eng` is charged with `cpus:5`:
/// both reservations, four in all, and the unreserved one of `eng/web`.
///
/// - Source: Apache Mesos, *Quota*, "Quota Consumption"; `Master::RoleResourceBreakdown::consumedQuota`.
public struct QuotaCharge: Hashable, Sendable {
  /// What a role is charged with, with what roles below it are charged with in it.
  public struct Share: Hashable, Sendable {
    /// The role.
    public let role: String
    /// What it is charged with, never nothing.
    public let quantities: ResourceQuantities
  }

  /// What each role is charged with, in the order of ``RoleName/precedes(_:_:)``.
  public let shares: [Share]

  /// No charge.
  public init() { shares = [] }

  /// The charge of an agent.
  ///
  /// - Parameters:
  ///   - total: All the agent has, with reservations.
  ///   - allocated: What of it is allocated, each entry with the role that it is allocated to: what tasks and executors use; in the
  ///     allocator also what is offered. An entry without such a role is not charged as allocated.
  ///   - counting: Which kinds of resources count.
  /// - Complexity: O(*n* · *d*) in entries and depth of roles.
  public init(total: Resources, allocated: Resources, counting: ResourceCounting = .scalars) {
    var charges: [String: ResourceQuantities] = [:]
    var unallocated: [String: ResourceQuantities] = [:]
    for entry in total.entries {
      guard !entry.isRevocable, let role = entry.reservationRole else { continue }
      unallocated[role, default: [:]].add(counting.amount(of: entry.amount), of: entry.name)
    }
    func charge(_ quantities: ResourceQuantities, to roles: some Sequence<String>) {
      for role in roles { charges[role, default: [:]] += quantities }
    }
    func path(_ role: String) -> [String] { [role] + RoleName.ancestors(of: role) }

    var shared: [SharedVolume: (quantities: ResourceQuantities, roles: Set<String>)] = [:]
    for entry in allocated.entries {
      guard !entry.isRevocable, let role = entry.allocationRole else { continue }
      let quantities: ResourceQuantities = [entry.name: counting.amount(of: entry.amount)]
      if quantities.isEmpty { continue }
      if entry.isShared {
        let isFirst = shared[SharedVolume(entry)] == nil
        shared[SharedVolume(entry), default: (quantities, [])].roles.formUnion(path(role))
        guard isFirst else { continue }
      } else {
        charge(quantities, to: path(role))
      }
      if let reservation = entry.reservationRole { unallocated[reservation]? -= quantities }
    }
    for use in shared.values { charge(use.quantities, to: use.roles) }
    for (role, quantities) in unallocated { charge(quantities, to: path(role)) }
    shares = charges.filter { !$0.value.isEmpty }
      .sorted { RoleName.precedes($0.key, $1.key) }
      .map { Share(role: $0.key, quantities: $0.value) }
  }

  /// What tells one shared volume of an agent from another.
  private struct SharedVolume: Hashable {
    let name: String
    let id: String?
    let reservation: String?
    let provider: String?
    let amount: Resources.Amount

    init(_ entry: Resources.Entry) {
      name = entry.name
      id = entry.disk.map { $0.persistence.id }
      reservation = entry.reservationRole
      provider = entry.providerID
      amount = entry.amount
    }
  }
}

/// What roles consume of their quotas, over all agents.
///
/// The sum of the ``QuotaCharge`` of each agent. Where an agent's resources or allocations change, its old charge is replaced by the
/// new one, so that nothing has to be counted afresh.
public struct QuotaConsumption: Hashable, Sendable {
  private var roles: RoleTree<ResourceQuantities> = [:]

  /// Nothing is consumed.
  public init() {}

  /// The sum of the charges of all agents.
  public init(_ charges: some Sequence<QuotaCharge>) {
    for charge in charges { add(charge) }
  }

  /// What `role` consumes, with what the roles below it consume.
  public subscript(role: String) -> ResourceQuantities { roles[role] ?? [:] }

  /// What each role that consumes anything does, each role before those below it.
  public var entries: [(role: String, quantities: ResourceQuantities)] {
    roles.entries().map { ($0.role, $0.value) }
  }

  /// Adds the charge of an agent.
  public mutating func add(_ charge: QuotaCharge) {
    for share in charge.shares { roles[share.role, default: [:]] += share.quantities }
  }

  /// Takes the charge of an agent away.
  /// - Precondition: It was added before, and not taken away since.
  public mutating func subtract(_ charge: QuotaCharge) {
    for share in charge.shares { take(share.quantities, from: share.role) }
  }

  /// Puts the new charge of an agent in the place of its old one.
  public mutating func replace(_ old: QuotaCharge, with new: QuotaCharge) {
    guard old != new else { return }
    subtract(old)
    add(new)
  }

  /// Charges `role` and all roles above it with unreserved resources that it gets.
  public mutating func add(_ quantities: ResourceQuantities, to role: String) {
    guard !quantities.isEmpty else { return }
    roles[role, default: [:]] += quantities
    for ancestor in RoleName.ancestors(of: role) { roles[ancestor, default: [:]] += quantities }
  }

  /// Takes from `role` and all roles above it what ``add(_:to:)`` charged them with.
  public mutating func subtract(_ quantities: ResourceQuantities, from role: String) {
    guard !quantities.isEmpty else { return }
    take(quantities, from: role)
    for ancestor in RoleName.ancestors(of: role) { take(quantities, from: ancestor) }
  }

  private mutating func take(_ quantities: ResourceQuantities, from role: String) {
    roles[role, default: [:]] -= quantities
    if roles[role]?.isEmpty == true { roles[role] = nil }
  }
}
