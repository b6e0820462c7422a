/// A set of unsigned numbers, such as ports, kept as sorted intervals that neither overlap nor touch.
public struct ResourceRanges: Hashable, Sendable {
  /// All numbers from ``begin`` to ``end``, both included.
  public struct Interval: Hashable, Sendable {
    /// The least number.
    public var begin: UInt64
    /// The greatest number.
    public var end: UInt64

    /// All numbers from `begin` to `end`.
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

  /// Whether there are no numbers.
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
  ///
  /// - Complexity: O(*n* + *m*) in the numbers of intervals, O(log *n*) and the moving of what follows where the right side is one
  ///   interval. Happens in place: memory is allocated where the intervals no longer fit, and not where all numbers are there already.
  public static func += (left: inout ResourceRanges, right: ResourceRanges) {
    guard !right.isEmpty else { return }
    guard !left.isEmpty else { return left = right }
    if right.intervals.count == 1, let only = right.intervals.first { return left.insert(only) }
    if left.contains(right) { return }
    let (count, added) = (left.intervals.count, right.intervals.count)
    left.makeRoom(added)
    // The left side was moved up by as many places as the right side has, so no place is written before it was read.
    let written = left.intervals.withUnsafeMutableBufferPointer { places in
      right.intervals.withUnsafeBufferPointer { right in
        var (i, j, written) = (added, 0, -1)
        while i < count + added || j < added {
          let next: Interval
          if j == added || (i < count + added && places[i].begin <= right[j].begin) {
            next = places[i]
            i += 1
          } else {
            next = right[j]
            j += 1
          }
          if written >= 0, places[written].end == .max || next.begin <= places[written].end + 1 {
            if next.end > places[written].end { places[written].end = next.end }
          } else {
            written += 1
            places[written] = next
          }
        }
        return written + 1
      }
    }
    left.intervals.removeLast(count + added - written)
  }

  /// Takes away the numbers of the right side; those that are not there are ignored.
  ///
  /// - Complexity: O(*n* + *m*) in the numbers of intervals. Happens in place: memory is allocated where cutting leaves more intervals
  ///   than fit.
  public static func -= (left: inout ResourceRanges, right: ResourceRanges) {
    guard left.overlaps(right) else { return }
    let (count, cuts) = (left.intervals.count, right.intervals.count)
    left.makeRoom(cuts)
    // As above: a cut makes one interval more at most.
    let written = left.intervals.withUnsafeMutableBufferPointer { places in
      right.intervals.withUnsafeBufferPointer { right in
        var (written, first) = (0, 0)
        for i in cuts..<count + cuts {
          let interval = places[i]
          var begin = interval.begin
          var isUsedUp = false
          while first < cuts, right[first].end < begin { first += 1 }
          var cut = first
          while cut < cuts, right[cut].begin <= interval.end {
            if begin < right[cut].begin {
              places[written] = Interval(begin, right[cut].begin - 1)
              written += 1
            }
            guard right[cut].end < interval.end else {
              isUsedUp = true
              break
            }
            begin = right[cut].end + 1
            cut += 1
          }
          if !isUsedUp {
            places[written] = Interval(begin, interval.end)
            written += 1
          }
        }
        return written
      }
    }
    left.intervals.removeLast(count + cuts - written)
  }

  /// The union, see `+=`.
  public static func + (left: ResourceRanges, right: ResourceRanges) -> ResourceRanges {
    var sum = left
    sum += right
    return sum
  }

  /// The numbers of the left side that the right side has not.
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

  /// Whether any number is in both.
  private func overlaps(_ other: ResourceRanges) -> Bool {
    var (i, j) = (0, 0)
    while i < intervals.count, j < other.intervals.count {
      if intervals[i].end < other.intervals[j].begin {
        i += 1
      } else if other.intervals[j].end < intervals[i].begin {
        j += 1
      } else {
        return true
      }
    }
    return false
  }

  /// Moves all intervals up by `places`, leaving whatever there was below.
  private mutating func makeRoom(_ places: Int) {
    let count = intervals.count
    intervals.append(contentsOf: repeatElement(Interval(0, 0), count: places))
    intervals.withUnsafeMutableBufferPointer { all in
      guard let start = all.baseAddress else { return }
      (start + places).update(from: start, count: count)
    }
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
