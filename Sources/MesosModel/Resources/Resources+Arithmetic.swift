extension Resources {
  /// Adds the right side.
  ///
  /// Scalars add up, ranges and sets unite, copies of a shared resource are counted, and persistent volumes and whole disks stand beside
  /// those already there.
  /// - Complexity: O(*n*); no memory is allocated where the left side has all identities of the right side.
  public static func += (left: inout Resources, right: Resources) {
    guard !left.entries.isEmpty else { return left = right }
    left.add(right)
  }

  /// Takes away what of the right side is there; the rest of it is ignored, as Apache Mesos does.
  ///
  /// Use ``subtracting(_:)`` where something missing is an error.
  /// - Complexity: O(*n*); no memory is allocated.
  public static func -= (left: inout Resources, right: Resources) { left.subtract(right) }

  /// The sum, see `+=`.
  public static func + (left: Resources, right: Resources) -> Resources {
    var sum = left
    sum += right
    return sum
  }

  /// What is left, see `-=`: what is not there is ignored.
  public static func - (left: Resources, right: Resources) -> Resources {
    var difference = left
    difference -= right
    return difference
  }

  /// Adds one entry; one of nothing is ignored.
  public static func += (left: inout Resources, right: Entry) {
    if right.amount.isEmpty { return }
    left.add(Resources(canonical: [right]))
  }

  /// Takes one entry away as far as it is there.
  public static func -= (left: inout Resources, right: Entry) { left.subtract(Resources(canonical: [right])) }

  /// These resources without `other`.
  /// - Throws: `ResourceError` with code `.insufficient` when not all of `other` is there.
  public func subtracting(_ other: Resources) throws(ResourceError) -> Resources {
    guard contains(other) else { throw ResourceError(.insufficient, "\(self) does not contain \(other)") }
    return self - other
  }

  /// Takes away what of the right side is there, as `-=` does.
  /// - Returns: Whether all of it was there.
  @discardableResult
  package mutating func takeAway(_ other: Resources) -> Bool { subtract(other) }

  /// Whether these are the very same entries in memory: then they are equal, while unequal memory says nothing.
  /// - Complexity: O(1).
  package func isIdentical(to other: Resources) -> Bool {
    guard entries.count == other.entries.count else { return false }
    return entries.withUnsafeBufferPointer { mine in
      other.entries.withUnsafeBufferPointer { mine.baseAddress == $0.baseAddress }
    }
  }

  /// Whether `other` could be taken out of these resources.
  public func contains(_ other: Resources) -> Bool {
    if other.entries.isEmpty || isIdentical(to: other) { return true }
    // Divisible entries are alone of their identity on both sides; only wholes have to be counted off one by one.
    if other.entries.contains(where: \.isWhole) {
      var remaining = self
      return remaining.subtract(other)
    }
    var finder = EntryFinder()
    return other.entries.indices.allSatisfy { position in
      guard
        let index = finder.find(other.entries, position, in: entries)
      else { return false }
      return entries[index].amount.contains(other.entries[position].amount)
    }
  }

  /// Whether `entry` could be taken out of these resources.
  public func contains(_ entry: Entry) -> Bool { contains(Resources(canonical: [entry])) }

  /// How often these resources have exactly `entry`: its copies where it is shared, otherwise the number of times it is there.
  public func count(of entry: Entry) -> Int {
    entries.reduce(into: 0) { count, candidate in
      if candidate.matches(entry), candidate.amount == entry.amount { count += candidate.copies }
    }
  }

  /// Adds the scalars with which the right side begins, as long as they are those with which this begins; returns how many.
  ///
  /// This is what happens to offers and tasks all the time, so it touches no reference count.
  private mutating func addInStep(_ other: Resources) -> Int {
    other.entries.withUnsafeBufferPointer { right in
      entries.withUnsafeMutableBufferPointer { left in
        let count = min(left.count, right.count)
        var index = 0
        while index < count, left[index].token == right[index].token, !left[index].isWhole,
          left[index].allocationRole == right[index].allocationRole,
          case .scalar(let amount) = left[index].amount, case .scalar(let more) = right[index].amount
        {
          left[index].amount = .scalar(amount + more)
          index += 1
        }
        return index
      }
    }
  }

  /// As ``addInStep(_:)``; what is taken away entirely is marked by a count of zero.
  private mutating func subtractInStep(_ other: Resources, _ isComplete: inout Bool, _ hasEmptied: inout Bool) -> Int {
    other.entries.withUnsafeBufferPointer { right in
      entries.withUnsafeMutableBufferPointer { left in
        let count = min(left.count, right.count)
        var index = 0
        while index < count, left[index].token == right[index].token, !left[index].isWhole,
          left[index].allocationRole == right[index].allocationRole,
          case .scalar(let amount) = left[index].amount, case .scalar(let less) = right[index].amount
        {
          left[index].amount = .scalar(amount - less)
          if less >= amount {
            left[index].count = 0
            hasEmptied = true
            if less > amount { isComplete = false }
          }
          index += 1
        }
        return index
      }
    }
  }

  private mutating func add(_ other: Resources) {
    let inStep = addInStep(other)
    var finder = EntryFinder(guess: inStep)
    for position in inStep..<other.entries.count {
      let isIndivisible = other.entries[position].identity.isIndivisible
      let isShared = other.entries[position].identity.isShared
      if !isIndivisible || isShared, let index = finder.find(other.entries, position, in: entries) {
        if isShared {
          let (sum, overflow) = entries[index].count.addingReportingOverflow(other.entries[position].count)
          entries[index].count = overflow ? .max : sum
        } else if case .scalar(let more) = other.entries[position].amount,
          case .scalar(let amount) = entries[index].amount
        {
          entries[index].amount = .scalar(amount + more)
        } else {
          entries[index].amount.add(other.entries[position].amount)
        }
      } else {
        entries.append(other.entries[position])
      }
    }
  }

  /// Takes entries away as far as they are there; returns whether all of them were.
  @discardableResult
  private mutating func subtract(_ other: Resources) -> Bool {
    var (isComplete, hasEmptied) = (true, false)
    let inStep = subtractInStep(other, &isComplete, &hasEmptied)
    var finder = EntryFinder(guess: inStep)
    for position in inStep..<other.entries.count {
      guard let index = finder.find(other.entries, position, in: entries) else {
        isComplete = false
        continue
      }
      if other.entries[position].isWhole {
        let count = other.entries[position].count
        if entries[index].count < count { isComplete = false }
        entries[index].count = max(0, entries[index].count - count)
      } else if case .scalar(let less) = other.entries[position].amount,
        case .scalar(let amount) = entries[index].amount
      {
        if less > amount { isComplete = false }
        entries[index].amount = .scalar(amount - less)
        if less >= amount { entries[index].count = 0 }
      } else {
        if !entries[index].amount.contains(other.entries[position].amount) { isComplete = false }
        entries[index].amount.subtract(other.entries[position].amount)
        if entries[index].amount.isEmpty { entries[index].count = 0 }
      }
      if entries[index].count == 0 { hasEmptied = true }
    }
    if hasEmptied { entries.removeAll { $0.count == 0 } }
    return isComplete
  }
}

/// Finds the entries of one list in another.
///
/// The first guess is the entry after the one found last: right where both lists have the same order. Where guesses fail, a short list
/// is searched from its start, and a long one through a hash table of its keys that is made once.
struct EntryFinder {
  private var guess: Int
  private var failures = 0
  /// Positions in the list, open addressing by key; negative where free.
  private var table: [Int32] = []

  init(guess: Int = 0) { self.guess = guess }

  /// The position in `list` of an entry that matches `wanted[position]`; of wholes, one of the same amount that is not used up.
  @inline(__always)
  mutating func find(_ wanted: [Resources.Entry], _ position: Int, in list: [Resources.Entry]) -> Int? {
    if guess < list.count, EntryFinder.isMatch(wanted, position, list, guess) {
      guess += 1
      return guess - 1
    }
    return search(wanted, position, in: list)
  }

  @inline(never)
  private mutating func search(_ wanted: [Resources.Entry], _ position: Int, in list: [Resources.Entry]) -> Int? {
    failures += 1
    let found =
      table.isEmpty && (list.count <= 16 || failures <= 4 || wanted.count - position <= 4)
      ? list.indices.first { EntryFinder.isMatch(wanted, position, list, $0) }
      : lookUp(wanted, position, in: list)
    if let found { guess = found + 1 }
    return found
  }

  private mutating func lookUp(_ wanted: [Resources.Entry], _ position: Int, in list: [Resources.Entry]) -> Int? {
    if table.isEmpty { index(list) }
    let mask = table.count - 1
    var slot = Int(truncatingIfNeeded: wanted[position].key) & mask
    while table[slot] >= 0 {
      let candidate = Int(table[slot])
      if EntryFinder.isMatch(wanted, position, list, candidate) { return candidate }
      slot = (slot + 1) & mask
    }
    return nil
  }

  private mutating func index(_ list: [Resources.Entry]) {
    var size = 32
    while size < list.count * 2 { size *= 2 }
    table = [Int32](repeating: -1, count: size)
    for position in list.indices {
      var slot = Int(truncatingIfNeeded: list[position].key) & (size - 1)
      while table[slot] >= 0 { slot = (slot + 1) & (size - 1) }
      table[slot] = Int32(truncatingIfNeeded: position)
    }
  }

  @inline(__always)
  private static func isMatch(
    _ wanted: [Resources.Entry], _ position: Int, _ list: [Resources.Entry], _ index: Int
  ) -> Bool {
    guard list[index].matches(wanted[position]) else { return false }
    return !wanted[position].isWhole || (list[index].count > 0 && list[index].amount == wanted[position].amount)
  }
}
