/// Competitors for resources, the one with the best claim first: smallest weighted dominant share, then fewest allocations so far,
/// then the name.
///
/// The count of allocations lets competitors with equal shares take turns; without it one that declines all would be asked for ever.
struct FairOrder: Sendable {
  struct Entry: Sendable {
    var share: Double
    /// How often something was allocated so far; never goes down.
    var count: Int
    let name: String
    /// What competes, in numbers of the owner of the order.
    let index: Int

    static func precedes(_ left: Entry, _ right: Entry) -> Bool {
      if left.share != right.share { return left.share < right.share }
      if left.count != right.count { return left.count < right.count }
      return left.name < right.name
    }
  }

  private(set) var entries: [Entry] = []

  mutating func insert(_ entry: Entry) { entries.insert(entry, at: position(of: entry)) }

  /// Adds an entry without regard to the order, which ``rebuild(_:)`` must restore before it is used.
  mutating func append(_ entry: Entry) { entries.append(entry) }

  /// Removes the entry of that number, however the order is.
  mutating func remove(index: Int) {
    if let position = entries.firstIndex(where: { $0.index == index }) { entries.remove(at: position) }
  }

  /// Gives an entry another claim; the order must be right.
  mutating func move(_ old: Entry, to new: Entry) {
    let from = position(of: old)
    precondition(from < entries.count && entries[from].index == old.index, "\(old) is not where it should be")
    // The common case: the claim changed, the place did not.
    let isAfterPrevious = from == 0 || Entry.precedes(entries[from - 1], new)
    let isBeforeNext = from + 1 == entries.count || Entry.precedes(new, entries[from + 1])
    if isAfterPrevious, isBeforeNext {
      entries[from] = new
    } else {
      entries.remove(at: from)
      entries.insert(new, at: position(of: new))
    }
  }

  /// Computes all claims again and sorts.
  mutating func rebuild(_ claim: (Int) -> (share: Double, count: Int)) {
    for position in entries.indices {
      (entries[position].share, entries[position].count) = claim(entries[position].index)
    }
    entries.sort(by: Entry.precedes)
  }

  private func position(of entry: Entry) -> Int {
    var (low, high) = (0, entries.count)
    while low < high {
      let middle = (low + high) / 2
      if Entry.precedes(entries[middle], entry) { low = middle + 1 } else { high = middle }
    }
    return low
  }
}
