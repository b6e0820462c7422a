/// Which kinds of resources count when resources become quantities.
public struct ResourceCounting: Hashable, Sendable {
  private enum Value { case scalars, everything }
  private let value: Value

  /// Scalars alone: what the allocator of Apache Mesos counts quota in.
  public static let scalars = ResourceCounting(value: .scalars)

  /// Scalars, ranges by how many numbers they have and sets by how many items they have: `ports:[31000-31009]` counts as
  /// `ports:10`. What Apache Mesos shows as consumed in `/roles`, and what a quota of ports is counted in here.
  public static let everything = ResourceCounting(value: .everything)

  /// What `amount` counts for, zero when its kind does not count.
  ///
  /// A range of more numbers than a ``Scalar`` can hold counts as the largest scalar.
  public func amount(of amount: Resources.Amount) -> Scalar {
    switch amount {
    case .scalar(let scalar): return scalar
    case .ranges(let ranges): return value == .everything ? ResourceCounting.units(ranges.count) : .zero
    case .set(let set): return value == .everything ? ResourceCounting.units(UInt64(set.items.count)) : .zero
    }
  }

  private static func units(_ count: UInt64) -> Scalar {
    Scalar(thousandths: count > UInt64(Int64.max / 1000) ? .max : Int64(count) * 1000)
  }
}

extension ResourceQuantities {
  /// The sums of `resources` by name, whatever their reservation, disk and so on; a shared resource counts once, however many
  /// copies of it there are.
  ///
  /// - Parameters:
  ///   - resources: What is counted.
  ///   - counting: Which kinds count; the others are left out.
  /// - Source: Apache Mesos, `ResourceQuantities::fromScalarResources` and `fromResources`.
  public init(_ resources: Resources, counting: ResourceCounting = .scalars) {
    self.init()
    for entry in resources.entries { add(counting.amount(of: entry.amount), of: entry.name) }
  }
}
