/// What an agent has, an offer holds or a task asks for: named amounts, told apart by reservation, disk, allocation and so on.
///
/// A value in canonical form. An entry is an *identity* (name, kind, reservation stack, disk, provider, revocable, shared), the role it
/// is allocated to, and an amount. Entries of the same identity and role merge into one, so `cpus:1` and `cpus:2` are `cpus:3`, while
/// `cpus(eng):1` stands beside them; whole disks and persistent volumes never merge. An entry of nothing is no entry. The order of
/// entries is the order in which they came, for printing alone: equality does not look at it.
///
/// A shared persistent volume is counted in copies, so that it can be given to several tasks and is free when the last is done.
///
/// - Source: Apache Mesos, *Attributes & Resources*, *Reservation*, *Persistent Volumes*, *Shared Persistent Volumes*.
public struct Resources: Sendable {
  /// An amount in one of the three kinds.
  public enum Amount: Hashable, Sendable {
    case scalar(Scalar)
    case ranges(ResourceRanges)
    case set(ResourceSet)
  }

  /// One identity with its amount.
  public struct Entry: Sendable {
    let identity: ResourceIdentity
    /// The role the resources are allocated to, nil when they are not.
    public internal(set) var allocationRole: String?
    public internal(set) var amount: Amount
    /// How many times a shared resource is there; 1 for one that is not shared.
    public internal(set) var copies: Int

    public var name: String { identity.name }
    /// The reservation stack, the one in force last; empty when unreserved.
    public var reservations: [Reservation] { identity.reservations }
    public var isReserved: Bool { !identity.reservations.isEmpty }
    /// The role of the reservation in force.
    public var reservationRole: String? { identity.reservations.last?.role }
    public var isDynamicallyReserved: Bool { identity.reservations.last?.kind == .dynamic }
    /// Whether there is more than one reservation on the stack.
    public var hasRefinedReservation: Bool { identity.reservations.count > 1 }
    public var disk: Resource.DiskInfo? { identity.disk }
    public var isPersistentVolume: Bool { identity.disk?.hasPersistence == true }
    public var providerID: String? { identity.provider }
    /// Whether the resources may be taken back at any time.
    public var isRevocable: Bool { identity.isRevocable }
    public var isShared: Bool { identity.isShared }

    /// Whether a framework in `role` may be offered this: unreserved, or reserved to the role or to an ancestor of it.
    public func isAllocatable(to role: String) -> Bool {
      guard let reserved = identity.reservations.last?.role else { return true }
      return reserved == role || RoleName.isStrictSubrole(role, of: reserved)
    }

    /// Whether the other is the same but perhaps for its amount.
    func matches(_ other: Entry) -> Bool { identity == other.identity && allocationRole == other.allocationRole }

    /// Whether amounts are compared as wholes instead of being added and split.
    var isWhole: Bool { identity.isIndivisible || identity.isShared }
  }

  /// The entries in the order in which they came.
  public internal(set) var entries: [Entry]

  /// Nothing.
  public init() { entries = [] }

  init(canonical entries: [Entry]) { self.entries = entries }

  public var isEmpty: Bool { entries.isEmpty }

  // MARK: Arithmetic

  public static func += (left: inout Resources, right: Resources) {
    if left.entries.isEmpty { return left = right }
    for entry in right.entries { left.add(entry) }
  }

  /// Takes away what of the right side is there; the rest of it is ignored, as Apache Mesos does.
  ///
  /// Use ``subtracting(_:)`` where something missing is an error.
  public static func -= (left: inout Resources, right: Resources) {
    for entry in right.entries { left.subtract(entry) }
  }

  public static func + (left: Resources, right: Resources) -> Resources {
    var sum = left
    sum += right
    return sum
  }

  /// See `-=`: what is not there is ignored.
  public static func - (left: Resources, right: Resources) -> Resources {
    var difference = left
    difference -= right
    return difference
  }

  /// These resources without `other`.
  /// - Throws: `ResourceError` with code `.insufficient` when not all of `other` is there.
  public func subtracting(_ other: Resources) throws(ResourceError) -> Resources {
    guard contains(other) else { throw ResourceError(.insufficient, "\(self) does not contain \(other)") }
    return self - other
  }

  /// Whether `other` could be taken out of these resources.
  public func contains(_ other: Resources) -> Bool {
    if other.entries.isEmpty { return true }
    // Divisible entries are alone of their identity on both sides; only wholes have to be counted off one by one.
    if other.entries.contains(where: \.isWhole) {
      var remaining = self
      return other.entries.allSatisfy { remaining.subtract($0) }
    }
    return other.entries.allSatisfy(contains)
  }

  func contains(_ entry: Entry) -> Bool {
    for candidate in entries where candidate.matches(entry) {
      if entry.isWhole {
        if candidate.amount == entry.amount, candidate.copies >= entry.copies { return true }
      } else {
        return candidate.amount.contains(entry.amount)
      }
    }
    return false
  }

  mutating func add(_ entry: Entry) {
    if !entry.identity.isIndivisible || entry.isShared {
      for index in entries.indices where entries[index].matches(entry) {
        guard entry.isShared else { return entries[index].amount.add(entry.amount) }
        if entries[index].amount == entry.amount {
          entries[index].copies += entry.copies
          return
        }
      }
    }
    entries.append(entry)
  }

  /// Takes an entry away as far as it is there; returns whether all of it was.
  @discardableResult
  mutating func subtract(_ entry: Entry) -> Bool {
    for index in entries.indices where entries[index].matches(entry) {
      guard entry.isWhole else {
        let complete = entries[index].amount.contains(entry.amount)
        entries[index].amount.subtract(entry.amount)
        if entries[index].amount.isEmpty { entries.remove(at: index) }
        return complete
      }
      guard entries[index].amount == entry.amount else { continue }
      let complete = entries[index].copies >= entry.copies
      if entry.isShared, entries[index].copies > entry.copies {
        entries[index].copies -= entry.copies
      } else {
        entries.remove(at: index)
      }
      return complete
    }
    return false
  }
}

extension Resources.Amount {
  public var isEmpty: Bool {
    switch self {
    case .scalar(let scalar): scalar <= .zero
    case .ranges(let ranges): ranges.isEmpty
    case .set(let set): set.isEmpty
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

  mutating func add(_ other: Resources.Amount) {
    switch (self, other) {
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
      preconditionFailure("amounts of one identity are of one kind: \(self), \(other)")
    }
  }

  mutating func subtract(_ other: Resources.Amount) {
    switch (self, other) {
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
      preconditionFailure("amounts of one identity are of one kind: \(self), \(other)")
    }
  }
}

extension Resources.Entry: Hashable {
  public static func == (left: Self, right: Self) -> Bool {
    left.matches(right) && left.amount == right.amount && left.copies == right.copies
  }

  public func hash(into hasher: inout Hasher) {
    hasher.combine(identity)
    hasher.combine(allocationRole)
    hasher.combine(amount)
    hasher.combine(copies)
  }
}

extension Resources: Hashable {
  public static func == (left: Resources, right: Resources) -> Bool {
    guard left.entries.count == right.entries.count else { return false }
    if left.entries == right.entries { return true }
    return left.contains(right) && right.contains(left)
  }

  public func hash(into hasher: inout Hasher) {
    // Order must not matter.
    hasher.combine(entries.reduce(into: 0) { $0 ^= $1.hashValue })
  }
}
