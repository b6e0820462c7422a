/// Competitors for resources, the one with the best claim first: smallest weighted dominant share, then fewest allocations so far,
/// then the name.
///
/// The count of allocations lets competitors with equal shares take turns; without it one that declines all would be asked for ever.
/// Names stay with the owner of the order, so that an entry is small enough for thousands of them to be moved in a microsecond.
struct FairOrder: Sendable {
  struct Entry: Sendable {
    var share: Double
    /// How often something was allocated so far; never goes down.
    var count: Int32
    /// What competes, in numbers of the owner of the order; below zero what has no name.
    let index: Int32

    init(share: Double, count: Int, index: Int) {
      self.share = share
      self.count = Int32(clamping: count)
      self.index = Int32(truncatingIfNeeded: index)
    }

    /// - Parameter names: By ``index``.
    static func precedes(_ left: Entry, _ right: Entry, _ names: [String]) -> Bool {
      if left.share != right.share { return left.share < right.share }
      if left.count != right.count { return left.count < right.count }
      guard left.index >= 0, right.index >= 0 else { return left.index < right.index }
      return left.index != right.index && names[Int(left.index)] < names[Int(right.index)]
    }
  }

  private(set) var entries: [Entry] = []

  mutating func insert(_ entry: Entry, _ names: [String]) { entries.insert(entry, at: position(of: entry, names)) }

  /// Adds an entry without regard to the order, which ``rebuild(_:_:)`` must restore before it is used.
  mutating func append(_ entry: Entry) { entries.append(entry) }

  /// Removes the entry of that number, however the order is.
  mutating func remove(index: Int) {
    if let position = entries.firstIndex(where: { $0.index == index }) { entries.remove(at: position) }
  }

  /// Gives an entry another claim; the order must be right.
  mutating func move(_ old: Entry, to new: Entry, _ names: [String]) {
    let from = position(of: old, names)
    precondition(from < entries.count && entries[from].index == old.index, "\(old) is not where it should be")
    if from + 1 == entries.count || Entry.precedes(new, entries[from + 1], names),
      from == 0 || Entry.precedes(entries[from - 1], new, names)
    {
      // The common case: the claim changed, the place did not.
      entries[from] = new
      return
    }
    var to = position(of: new, names)
    if to > from { to -= 1 }
    entries.withUnsafeMutableBufferPointer { places in
      guard let base = places.baseAddress else { return }
      if to > from {
        (base + from).update(from: base + from + 1, count: to - from)
      } else {
        (base + to + 1).update(from: base + to, count: from - to)
      }
      places[to] = new
    }
  }

  /// Computes all claims again and sorts.
  mutating func rebuild(_ names: [String], _ claim: (Int) -> (share: Double, count: Int)) {
    for position in entries.indices {
      let (share, count) = claim(Int(entries[position].index))
      (entries[position].share, entries[position].count) = (share, Int32(clamping: count))
    }
    entries.sort { Entry.precedes($0, $1, names) }
  }

  private func position(of entry: Entry, _ names: [String]) -> Int {
    var (low, high) = (0, entries.count)
    while low < high {
      let middle = (low + high) / 2
      if Entry.precedes(entries[middle], entry, names) { low = middle + 1 } else { high = middle }
    }
    return low
  }
}
