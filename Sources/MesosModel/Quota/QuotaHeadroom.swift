/// What of the cluster has to be held back so that every guarantee can still be met, during one allocation cycle.
///
/// A role's *need* is what it is guaranteed and does not consume yet, and never below zero: a role with more reservations than
/// guarantees needs nothing, and does not make up for what another one needs (MESOS-8339). The needs of a role and of the roles below
/// it overlap, so of each resource the larger counts: that of the role itself, or the sum of those just below. The *required* headroom
/// is the sum at the top; the *available* headroom is what is neither reserved, nor allocated, nor revocable. What is more than
/// required, the *surplus*, may be given to any role within its limits.
///
/// ### Example
///
/// A cluster of `cpus:20`, nothing reserved or allocated. `eng` is guaranteed `cpus:10`, `ads` is guaranteed `cpus:4` and has reserved
/// `cpus:6` of the cluster. `eng` needs 10 and `ads` nothing, so 10 are required; 14 are available; the surplus is 4. `dev`, which
/// has no quota, may get 4 of an agent's 8 cpus; `eng` may get all 8, for they meet its guarantee.
///
/// - Source: Apache Mesos, `allocator/mesos/hierarchical.cpp`, "required headroom" and "available headroom"; nested roles are ours.
public struct QuotaHeadroom: Sendable {
  private struct Need: Sendable {
    /// What has to be held back for the role and all below it.
    var required: ResourceQuantities
    /// The sum of what has to be held back for the roles just below.
    var ofChildren: ResourceQuantities
  }

  /// The quotas that hold.
  public let quotas: QuotaTree
  /// What roles consume, with what was given in this cycle.
  public private(set) var consumption: QuotaConsumption
  /// What is neither reserved, nor allocated, nor revocable.
  public private(set) var available: ResourceQuantities
  /// What of it has to be held back for guarantees that are not met yet.
  public private(set) var required: ResourceQuantities = [:]
  private var needs: [String: Need] = [:]

  /// The headroom at the start of a cycle.
  ///
  /// - Parameters:
  ///   - quotas: The quotas of all roles.
  ///   - consumption: What roles consume, offers among it.
  ///   - available: What is neither reserved, nor allocated, nor revocable, over all agents; see ``available(total:allocated:counting:)``.
  /// - Complexity: O(*r* · *d*) in roles with quota and their depth.
  public init(quotas: QuotaTree, consumption: QuotaConsumption, available: ResourceQuantities) {
    self.quotas = quotas
    self.consumption = consumption
    self.available = available
    for role in quotas.roles.reversed() {
      let ofChildren = needs[role]?.ofChildren ?? [:]
      let need = Need(required: .pointwiseMax(unmet(role), ofChildren), ofChildren: ofChildren)
      needs[role] = need
      if let parent = RoleName.parent(of: role) {
        needs[parent, default: Need(required: [:], ofChildren: [:])].ofChildren += need.required
      } else {
        required += need.required
      }
    }
  }

  /// What of one agent is neither reserved, nor allocated, nor revocable.
  ///
  /// - Parameters:
  ///   - total: All the agent has.
  ///   - allocated: What of it is allocated.
  ///   - counting: Which kinds of resources count.
  public static func available(
    total: Resources, allocated: Resources, counting: ResourceCounting = .scalars
  ) -> ResourceQuantities {
    func isOpen(_ entry: Resources.Entry) -> Bool { !entry.isReserved && !entry.isRevocable }
    return ResourceQuantities(total.filter(isOpen), counting: counting)
      - ResourceQuantities(allocated.filter(isOpen), counting: counting)
  }

  /// What is available and not required: any role may have it.
  public var surplus: ResourceQuantities { available - required }

  /// What `role` is guaranteed and does not consume yet, whatever the roles above and below it are guaranteed.
  public func unmet(_ role: String) -> ResourceQuantities { quotas[role].guarantees - consumption[role] }

  /// What has to be held back for `role` and all roles below it.
  public func required(for role: String) -> ResourceQuantities { needs[role]?.required ?? [:] }

  /// What `role` may get out of what is held back, because giving it to the role meets guarantees: its own, or those of roles
  /// above it as far as its siblings do not need them.
  public func claim(of role: String) -> ResourceQuantities {
    var claim: ResourceQuantities = [:]
    for step in path(of: role) { claim = step.claim }
    return claim
  }

  /// The most that `role` may get without bringing itself or a role above it beyond its limit, and without taking from a limit
  /// above it what a sibling's guarantee needs.
  public func room(of role: String) -> ResourceLimits { bounds(of: role).room }

  /// How much of unreserved resources on an agent `role` may be offered.
  ///
  /// What the role claims comes first and is always given, even where guarantees exceed what the cluster has; what is beyond comes
  /// out of the surplus, also of resources for which the role has no quota (MESOS-8352). Both stay within the role's ``room(of:)``, to
  /// the thousandth (MESOS-7099).
  ///
  /// What is reserved to the role or a role above it, and what is revocable, is not subject to this: the former is charged
  /// already, the latter never, and both are offered whatever the quota (MESOS-8293); see ``isCharged(_:counting:)``.
  ///
  /// - Parameters:
  ///   - unreserved: What is unreserved, unallocated and not revocable on the agent.
  ///   - role: The role to be offered to.
  public func offering(of unreserved: ResourceQuantities, to role: String) -> QuotaOffering {
    let (claim, room) = bounds(of: role)
    let capped = room.capping(unreserved)
    let guaranteed = ResourceQuantities.pointwiseMin(capped, claim)
    let rest = capped - guaranteed
    return QuotaOffering(
      guaranteed: guaranteed, additional: required.isEmpty ? rest : .pointwiseMin(rest, surplus))
  }

  /// Whether offering `entry` has to be charged to a role: it is not reserved, not revocable, and of a kind that counts.
  public static func isCharged(_ entry: Resources.Entry, counting: ResourceCounting = .scalars) -> Bool {
    !entry.isReserved && !entry.isRevocable && counting.amount(of: entry.amount) > .zero
  }

  /// Gives `role` unreserved resources: it and the roles above it consume them, and they are no longer available.
  ///
  /// - Parameters:
  ///   - quantities: What it gets, as ``offering(of:to:)`` said.
  ///   - role: The role that gets it.
  /// - Complexity: O(*d*) in the depth of the role.
  public mutating func give(_ quantities: ResourceQuantities, to role: String) {
    consumption.add(quantities, to: role)
    available -= quantities
    for node in [role] + RoleName.ancestors(of: role) {
      guard let old = needs[node]?.required, let ofChildren = needs[node]?.ofChildren else { continue }
      let new = ResourceQuantities.pointwiseMax(unmet(node), ofChildren)
      guard new != old else { continue }
      needs[node]?.required = new
      if let parent = RoleName.parent(of: node) {
        needs[parent]?.ofChildren -= old
        needs[parent]?.ofChildren += new
      } else {
        required -= old
        required += new
      }
    }
  }

  private struct Step {
    let role: String
    /// What is required for the role and all below it.
    let required: ResourceQuantities
    /// What of that is required whatever the role at the start of the path gets.
    let ofOthers: ResourceQuantities
    /// What of it the role at the start of the path can meet.
    var claim: ResourceQuantities { required - ofOthers }
  }

  /// The path from `role` up to the top, as far as there are quotas.
  ///
  /// Giving a role more lowers what each role above requires until only what its siblings on the way need is left.
  private func path(of role: String) -> [Step] {
    var steps: [Step] = []
    for node in [role] + RoleName.ancestors(of: role) {
      guard let need = needs[node] else { continue }
      let ofOthers = steps.last.map { need.ofChildren - $0.required + $0.ofOthers } ?? need.ofChildren
      steps.append(Step(role: node, required: need.required, ofOthers: ofOthers))
    }
    return steps
  }

  private func bounds(of role: String) -> (claim: ResourceQuantities, room: ResourceLimits) {
    var room: ResourceLimits = [:]
    var claim: ResourceQuantities = [:]
    for step in path(of: role) {
      claim = step.claim
      let consumed = consumption[step.role]
      for limit in quotas[step.role].limits.limits {
        let free = max(limit.amount - consumed[limit.name], .zero)
        // Where a limit was forced below what is needed under it, first come is first served.
        let most =
          free < step.required[limit.name]
          ? min(free, claim[limit.name]) : free - step.ofOthers[limit.name]
        room[limit.name] = min(room[limit.name] ?? most, most)
      }
    }
    return (claim, room)
  }
}

/// How much of unreserved resources a role may be offered, and why.
public struct QuotaOffering: Hashable, Sendable {
  /// What meets guarantees.
  public let guaranteed: ResourceQuantities
  /// What comes out of the surplus.
  public let additional: ResourceQuantities

  /// An offering of the given parts.
  public init(guaranteed: ResourceQuantities, additional: ResourceQuantities) {
    self.guaranteed = guaranteed
    self.additional = additional
  }

  /// All that may be offered.
  public var total: ResourceQuantities { guaranteed + additional }

  /// Whether the offering brings guarantees nearer: in the first stage of a cycle only such offerings are made, and what is reserved
  /// goes out with them.
  public var meetsGuarantees: Bool { !guaranteed.isEmpty }
}
