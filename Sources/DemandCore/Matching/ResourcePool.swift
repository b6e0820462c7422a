import MesosModel

/// What is left of the offers of one agent to one role while instances are put onto it.
///
/// Plain amounts alone are taken: no volumes, no disks of their own, no revocable or shared resources, none of a resource provider. What is
/// reserved for the role goes first, since nobody else can use it.
struct ResourcePool: Sendable {
  private struct Entry: Sendable {
    var resource: Resource
    var left: Resources.Amount

    /// Scalars in their unit, ranges in numbers.
    var amount: Scalar {
      switch left {
      case .scalar(let scalar): scalar
      case .ranges(let ranges): Scalar(thousandths: Int64(clamping: min(ranges.count, 1 << 40)) * 1000)
      case .set: .zero
      }
    }
  }

  private var entries: [Entry] = []

  /// - Throws: `ResourceError` where an offer holds what is no resource.
  init(_ offered: [[Resource]]) throws(ResourceError) {
    var unreserved: [Entry] = []
    for messages in offered {
      for message in messages {
        let entry = try Resources.Entry(message)
        guard !entry.isRevocable, !entry.isShared, !entry.hasResourceProvider, entry.disk == nil, entry.kind != .set
        else { continue }
        let new = Entry(resource: message, left: entry.amount)
        if entry.isReserved { entries.append(new) } else { unreserved.append(new) }
      }
    }
    entries += unreserved
  }

  /// How much is left of a resource; ranges count their numbers.
  func left(of name: String) -> Scalar {
    entries.reduce(.zero) { $1.resource.name == name ? $0 + $1.amount : $0 }
  }

  /// What is left, by name.
  var amounts: [String: Scalar] {
    entries.reduce(into: [:]) { $0[$1.resource.name, default: .zero] += $1.amount }
  }

  func has(_ wanted: [(name: String, amount: Scalar)]) -> Bool {
    wanted.allSatisfy { left(of: $0.name) >= $0.amount }
  }

  /// Takes all that is wanted, or nothing and returns `nil`.
  ///
  /// - Returns: The resources as a launch carries them, and the numbers taken of `ports`, in ascending order.
  mutating func take(
    _ wanted: [(name: String, amount: Scalar)], using rng: inout some RandomNumberGenerator
  ) -> (resources: [Resource], ports: [UInt64])? {
    guard has(wanted) else { return nil }
    var taken: [Resource] = []
    var ports: [UInt64] = []
    for (name, amount) in wanted {
      var missing = amount
      for index in entries.indices where entries[index].resource.name == name && missing > .zero {
        var resource = entries[index].resource
        switch entries[index].left {
        case .scalar(let left):
          let part = min(missing, left)
          guard part > .zero else { continue }
          entries[index].left = .scalar(left - part)
          missing -= part
          resource.scalar.value = part.doubleValue
        case .ranges(let left):
          // A fraction of a number is a whole one.
          let count = min(UInt64(clamping: (missing.thousandths + 999) / 1000), left.count)
          guard count > 0 else { continue }
          let numbers = ResourcePool.choose(count, of: left, using: &rng)
          entries[index].left = .ranges(left - numbers)
          missing -= Scalar(thousandths: Int64(clamping: count) * 1000)
          resource.ranges.range = numbers.intervals.map { interval in
            var range = MesosValue.Range()
            range.begin = interval.begin
            range.end = interval.end
            return range
          }
          if name == "ports" { ports += numbers.intervals.flatMap { Array($0.begin...$0.end) } }
        case .set: continue
        }
        taken.append(resource)
      }
    }
    return (taken, ports.sorted())
  }

  /// So many numbers in a row from a place of chance on, so that a port that was just freed is not the next one's.
  private static func choose(
    _ count: UInt64, of ranges: ResourceRanges, using rng: inout some RandomNumberGenerator
  ) -> ResourceRanges {
    let total = ranges.count
    guard count < total else { return ranges }
    let start = UInt64.random(in: 0..<total, using: &rng)
    var parts: [ResourceRanges.Interval] = []
    func add(from first: UInt64, count: UInt64) {
      var (skip, left) = (first, count)
      for interval in ranges.intervals where left > 0 {
        let size = interval.end - interval.begin + 1
        if skip >= size {
          skip -= size
          continue
        }
        let part = min(size - skip, left)
        parts.append(ResourceRanges.Interval(interval.begin + skip, interval.begin + skip + part - 1))
        left -= part
        skip = 0
      }
    }
    let tail = min(count, total - start)
    add(from: start, count: tail)
    if tail < count { add(from: 0, count: count - tail) }
    return ResourceRanges(parts)
  }
}
