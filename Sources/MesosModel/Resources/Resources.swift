/// What an agent has, an offer holds or a task asks for: named amounts, told apart by reservation, disk, allocation and so on.
///
/// A value in canonical form. An entry is an *identity* (name, kind, reservation stack, disk, provider, revocable, shared), the role it
/// is allocated to, and an amount. Entries of the same identity and role merge into one, so `cpus:1` and `cpus:2` are `cpus:3`, while
/// `cpus(eng):1` stands beside them; whole disks and persistent volumes never merge. An entry of nothing is no entry. The order of
/// entries is the order in which they came, for printing alone: equality does not look at it.
///
/// A shared persistent volume is counted in copies, so that it can be given to several tasks and is free when the last is done.
///
/// Adding and subtracting walk both sides at once and so cost O(*n*) where the right side's entries stand in the order of the left
/// side's, which is the rule; other orders cost O(*n*) on average through a hash index made for the occasion. Neither allocates memory
/// when the left side has all the identities of the right side already.
///
/// - Source: Apache Mesos, *Attributes & Resources*, *Reservation*, *Persistent Volumes*, *Shared Persistent Volumes*; which entries merge
///   and split follows `addable` and `subtractable` of `src/common/resources.cpp`.
public struct Resources: Sendable {
  /// The three kinds of amounts.
  public enum Kind: Hashable, Sendable {
    /// A number, such as cores or megabytes.
    case scalar
    /// A set of unsigned numbers, such as ports.
    case ranges
    /// A set of named things.
    case set
  }

  /// An amount in one of the three kinds.
  public enum Amount: Hashable, Sendable {
    /// A number, such as cores or megabytes.
    case scalar(Scalar)
    /// A set of unsigned numbers, such as ports.
    case ranges(ResourceRanges)
    /// A set of named things.
    case set(ResourceSet)
  }

  /// One identity with its amount.
  public struct Entry: Sendable {
    let identity: ResourceIdentity
    /// The role the resources are allocated to, nil when they are not.
    public private(set) var allocationRole: String?
    /// How much there is.
    public internal(set) var amount: Amount
    /// The copies, in few bytes; zero marks an entry about to be dropped.
    var count: Int32
    /// Equal for entries that match; most that do not match differ in it.
    private(set) var key: UInt32
    /// Whether amounts are compared as wholes instead of being added and split.
    let isWhole: Bool
    /// Which object the identity is: compared without counting references.
    let token: ObjectIdentifier

    init(_ identity: ResourceIdentity, _ amount: Amount, allocationRole: String? = nil, count: Int32 = 1) {
      self.identity = identity
      self.allocationRole = allocationRole
      self.amount = amount
      self.count = count
      key = identity.digest ^ Entry.key(ofRole: allocationRole)
      isWhole = identity.isIndivisible || identity.isShared
      token = ObjectIdentifier(identity)
    }

    static func key(ofRole role: String?) -> UInt32 {
      guard let role else { return 0 }
      return UInt32(truncatingIfNeeded: role.hashValue)
    }

    /// - Parameter roleKey: What ``key(ofRole:)`` gives for `role`.
    mutating func allocate(to role: String?, roleKey: UInt32) {
      allocationRole = role
      key = identity.digest ^ roleKey
    }

    /// The same amount, copies and allocation of another identity.
    func with(_ identity: ResourceIdentity) -> Entry {
      Entry(identity, amount, allocationRole: allocationRole, count: count)
    }

    /// How many times a shared resource is there; 1 for one that is not shared.
    public var copies: Int { Int(count) }
    /// The name, such as `cpus`.
    public var name: String { identity.name }
    /// Whether the amount is a scalar, ranges or a set.
    public var kind: Kind { identity.kind }
    /// The reservation stack, the one in force last; empty when unreserved.
    public var reservations: [Reservation] { identity.reservations }
    /// Whether there is a reservation.
    public var isReserved: Bool { !identity.reservations.isEmpty }
    /// The role of the reservation in force.
    public var reservationRole: String? { identity.reservations.last?.role }
    /// Whether the reservation in force was made by a framework or an operator.
    public var isDynamicallyReserved: Bool { identity.reservations.last?.kind == .dynamic }
    /// Whether there is more than one reservation on the stack.
    public var hasRefinedReservation: Bool { identity.reservations.count > 1 }
    /// The kind of disk and the volume on it, for entries named `disk` that have more than an amount.
    public var disk: Resource.DiskInfo? { identity.disk }
    /// Whether this is a persistent volume.
    public var isPersistentVolume: Bool { identity.isPersistentVolume }
    /// The resource provider that has the resources; nil for those of the agent itself.
    public var providerID: String? { identity.provider }
    /// Whether a resource provider has the resources, and not the agent itself.
    public var hasResourceProvider: Bool { identity.provider != nil }
    /// Whether the resources may be taken back at any time.
    public var isRevocable: Bool { identity.isRevocable }
    /// Whether several tasks may use the resource at the same time; such a one is counted in ``copies``.
    public var isShared: Bool { identity.isShared }

    /// Whether this is a disk of the given type.
    public func isDisk(of type: Resource.DiskInfo.Source.TypeEnum) -> Bool {
      guard let disk = identity.disk, disk.hasSource else { return false }
      return disk.source.type == type
    }

    /// Whether a framework in `role` may be offered this: unreserved, or reserved to the role or to an ancestor of it.
    public func isAllocatable(to role: String) -> Bool {
      guard let reserved = identity.reservations.last?.role else { return true }
      return reserved == role || RoleName.isStrictSubrole(role, of: reserved)
    }

    /// Whether this is reserved to `role` or to a role below it.
    public func isReserved(toSubtreeOf role: String) -> Bool {
      guard let reserved = identity.reservations.last?.role else { return false }
      return reserved == role || RoleName.isStrictSubrole(reserved, of: role)
    }

    /// Whether this is allocated to `role` or to a role below it.
    public func isAllocated(toSubtreeOf role: String) -> Bool {
      guard let allocationRole else { return false }
      return allocationRole == role || RoleName.isStrictSubrole(allocationRole, of: role)
    }

    /// Whether an agent has to keep this across restarts: what is dynamically reserved or a persistent volume, unless a resource
    /// provider keeps it.
    public var needsCheckpointing: Bool {
      !hasResourceProvider && (isDynamicallyReserved || isPersistentVolume)
    }

    /// Whether the other is the same but perhaps for its amount.
    @inline(__always)
    func matches(_ other: borrowing Entry) -> Bool {
      key == other.key && (token == other.token || identity.isEqualInDetail(to: other.identity))
        && allocationRole == other.allocationRole
    }
  }

  /// The entries in the order in which they came.
  public internal(set) var entries: [Entry]

  /// Nothing.
  public init() { entries = [] }

  /// What one entry has.
  public init(_ entry: Entry) { entries = entry.amount.isEmpty ? [] : [entry] }

  /// The sum of the entries, which may be of any order and repeat.
  public init(_ entries: some Sequence<Entry>) {
    self.init()
    for entry in entries { self += entry }
  }

  init(canonical entries: [Entry]) { self.entries = entries }

  /// Whether there is nothing.
  public var isEmpty: Bool { entries.isEmpty }
}

extension Resources.Amount {
  /// Whether this is nothing: no numbers, no items, zero or less.
  public var isEmpty: Bool {
    switch self {
    case .scalar(let scalar): scalar <= .zero
    case .ranges(let ranges): ranges.isEmpty
    case .set(let set): set.isEmpty
    }
  }

  /// Which of the kinds it is.
  public var kind: Resources.Kind {
    switch self {
    case .scalar: .scalar
    case .ranges: .ranges
    case .set: .set
    }
  }

  func contains(_ other: Resources.Amount) -> Bool {
    switch (self, other) {
    case (.scalar(let left), .scalar(let right)): left >= right
    case (.ranges(let left), .ranges(let right)): left.contains(right)
    case (.set(let left), .set(let right)): left.contains(right)
    default: false
    }
  }

  // Each takes its amount out of the enum while it changes it, so that ranges and sets are changed in place, not copied.

  mutating func add(_ other: borrowing Resources.Amount) {
    switch (self, copy other) {
    case (.scalar(let left), .scalar(let right)):
      self = .scalar(left + right)
    case (.ranges(var left), .ranges(let right)):
      self = .scalar(.zero)
      left += right
      self = .ranges(left)
    case (.set(var left), .set(let right)):
      self = .scalar(.zero)
      left += right
      self = .set(left)
    default:
      preconditionFailure("amounts of one identity are of one kind: \(self), \(copy other)")
    }
  }

  mutating func subtract(_ other: borrowing Resources.Amount) {
    switch (self, copy other) {
    case (.scalar(let left), .scalar(let right)):
      self = .scalar(left - right)
    case (.ranges(var left), .ranges(let right)):
      self = .scalar(.zero)
      left -= right
      self = .ranges(left)
    case (.set(var left), .set(let right)):
      self = .scalar(.zero)
      left -= right
      self = .set(left)
    default:
      preconditionFailure("amounts of one identity are of one kind: \(self), \(copy other)")
    }
  }
}

extension Resources.Entry: Hashable {
  /// Whether both are the same resources in the same amount, allocated to the same role.
  public static func == (left: Self, right: Self) -> Bool {
    left.matches(right) && left.amount == right.amount && left.count == right.count
  }

  /// Hashes what equality looks at.
  public func hash(into hasher: inout Hasher) {
    hasher.combine(key)
    hasher.combine(amount)
    hasher.combine(count)
  }
}

extension Resources: Hashable {
  /// Whether both have the same entries, in whatever order.
  public static func == (left: Resources, right: Resources) -> Bool {
    guard left.entries.count == right.entries.count else { return false }
    if left.entries == right.entries { return true }
    return left.contains(right) && right.contains(left)
  }

  /// Hashes the entries without regard to their order.
  public func hash(into hasher: inout Hasher) {
    hasher.combine(entries.reduce(into: 0) { $0 &+= $1.hashValue })
  }
}
