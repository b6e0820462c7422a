/// A set of unsigned numbers, such as ports, kept as sorted intervals that neither overlap nor touch.
public struct ResourceRanges: Hashable, Sendable {
  /// All numbers from ``begin`` to ``end``, both included.
  public struct Interval: Hashable, Sendable {
    public var begin: UInt64
    public var end: UInt64

    /// - Precondition: `begin <= end`.
    public init(_ begin: UInt64, _ end: UInt64) {
      precondition(begin <= end, "an interval from \(begin) to \(end)")
      self.begin = begin
      self.end = end
    }
  }

  /// The intervals in ascending order, with at least one absent number between two of them.
  public private(set) var intervals: [Interval]

  /// No numbers.
  public init() { intervals = [] }

  /// The numbers of all of `intervals`, which may overlap and stand in any order.
  public init(_ intervals: some Sequence<Interval>) {
    self.intervals = ResourceRanges.coalesced(intervals.sorted { $0.begin < $1.begin })
  }

  public var isEmpty: Bool { intervals.isEmpty }

  /// How many numbers there are; `UInt64.max` also stands for one more than that.
  public var count: UInt64 {
    var count: UInt64 = 0
    for interval in intervals {
      let (sum, overflow) = count.addingReportingOverflow(interval.end - interval.begin)
      let (next, carried) = sum.addingReportingOverflow(1)
      guard !overflow, !carried else { return .max }
      count = next
    }
    return count
  }

  /// Whether `number` is among the numbers.
  /// - Complexity: O(log *n*) in the number of intervals.
  public func contains(_ number: UInt64) -> Bool { interval(holding: number) != nil }

  /// Whether every number of `other` is among the numbers.
  public func contains(_ other: ResourceRanges) -> Bool {
    var index = 0
    for wanted in other.intervals {
      while index < intervals.count, intervals[index].end < wanted.begin { index += 1 }
      guard index < intervals.count, intervals[index].begin <= wanted.begin, wanted.end <= intervals[index].end else {
        return false
      }
    }
    return true
  }

  /// Adds the numbers of the right side; those already there are not counted twice.
  public static func += (left: inout ResourceRanges, right: ResourceRanges) {
    guard !right.isEmpty else { return }
    guard !left.isEmpty else { return left = right }
    if right.intervals.count == 1, let only = right.intervals.first { return left.insert(only) }
    var merged: [Interval] = []
    merged.reserveCapacity(left.intervals.count + right.intervals.count)
    var (i, j) = (0, 0)
    while i < left.intervals.count || j < right.intervals.count {
      let takesLeft =
        j == right.intervals.count
        || (i < left.intervals.count && left.intervals[i].begin <= right.intervals[j].begin)
      if takesLeft {
        merged.append(left.intervals[i])
        i += 1
      } else {
        merged.append(right.intervals[j])
        j += 1
      }
    }
    left.intervals = coalesced(merged)
  }

  /// Takes away the numbers of the right side; those that are not there are ignored.
  public static func -= (left: inout ResourceRanges, right: ResourceRanges) {
    guard !right.isEmpty, !left.isEmpty else { return }
    var kept: [Interval] = []
    kept.reserveCapacity(left.intervals.count + right.intervals.count)
    var index = 0
    for interval in left.intervals {
      var begin = interval.begin
      var consumed = false
      while index < right.intervals.count, right.intervals[index].end < begin { index += 1 }
      var cut = index
      while cut < right.intervals.count, right.intervals[cut].begin <= interval.end {
        let removed = right.intervals[cut]
        if begin < removed.begin { kept.append(Interval(begin, removed.begin - 1)) }
        guard removed.end < interval.end else {
          consumed = true
          break
        }
        begin = removed.end + 1
        cut += 1
      }
      if !consumed { kept.append(Interval(begin, interval.end)) }
    }
    left.intervals = kept
  }

  public static func + (left: ResourceRanges, right: ResourceRanges) -> ResourceRanges {
    var sum = left
    sum += right
    return sum
  }

  public static func - (left: ResourceRanges, right: ResourceRanges) -> ResourceRanges {
    var difference = left
    difference -= right
    return difference
  }

  private func interval(holding number: UInt64) -> Int? {
    let index = firstEndingAt(orAfter: number)
    guard index < intervals.count, intervals[index].begin <= number else { return nil }
    return index
  }

  private func firstEndingAt(orAfter number: UInt64) -> Int {
    var (low, high) = (0, intervals.count)
    while low < high {
      let middle = (low + high) / 2
      if intervals[middle].end < number { low = middle + 1 } else { high = middle }
    }
    return low
  }

  private mutating func insert(_ new: Interval) {
    // What touches or overlaps the new interval is one run of neighbours.
    let first = firstEndingAt(orAfter: new.begin == 0 ? 0 : new.begin - 1)
    let limit = new.end == .max ? new.end : new.end + 1
    var last = first
    while last < intervals.count, intervals[last].begin <= limit { last += 1 }
    if first == last { return intervals.insert(new, at: first) }
    let merged = Interval(min(new.begin, intervals[first].begin), max(new.end, intervals[last - 1].end))
    if last - first == 1 {
      intervals[first] = merged
    } else {
      intervals.replaceSubrange(first..<last, with: CollectionOfOne(merged))
    }
  }

  private static func coalesced(_ sorted: [Interval]) -> [Interval] {
    var result: [Interval] = []
    result.reserveCapacity(sorted.count)
    for interval in sorted {
      guard let last = result.last, last.end == .max || interval.begin <= last.end + 1 else {
        result.append(interval)
        continue
      }
      if interval.end > last.end { result[result.count - 1].end = interval.end }
    }
    return result
  }
}

extension ResourceRanges: CustomStringConvertible {
  /// The intervals as Apache Mesos prints them: `[31000-31003, 31005-32000]`.
  public var description: String {
    "[" + intervals.map { "\($0.begin)-\($0.end)" }.joined(separator: ", ") + "]"
  }
}
