/// An amount of a resource in fixed point of three decimals, so that `0.1 + 0.2 == 0.3`.
///
/// Apache Mesos keeps three decimals as well: an amount is rounded when it is read from a message, half away from zero, and
/// becomes a `Double` again only on the wire. Sums that leave the range of `Int64` thousandths stay at its edge.
///
/// - Source: Apache Mesos, *Attributes & Resources*, "scalars … are supported with at most three digits of precision".
public struct Scalar: Hashable, Comparable, Sendable {
  /// The amount in thousandths of its unit.
  public var thousandths: Int64

  /// An amount of nothing.
  public static let zero = Scalar(thousandths: 0)

  /// The largest amount, in units, that is taken from a message or a text; a bound against overflow in sums over a cluster.
  public static let wireMax = 1e12

  /// An amount of so many thousandths of its unit.
  @inlinable
  public init(thousandths: Int64) { self.thousandths = thousandths }

  /// The amount nearest to `value`, or nil when it is no number or its size is above ``wireMax``.
  @inlinable
  public init?(_ value: Double) {
    guard value.magnitude <= Scalar.wireMax else { return nil }  // false for a NaN too
    thousandths = Int64((value * 1000).rounded(.toNearestOrAwayFromZero))
  }

  /// The amount in units, as messages carry it.
  @inlinable
  public var doubleValue: Double { Double(thousandths) / 1000 }

  /// Whether the left amount is the smaller.
  @inlinable
  public static func < (left: Scalar, right: Scalar) -> Bool { left.thousandths < right.thousandths }

  /// The sum; one that leaves the range stays at its edge.
  @inlinable
  public static func + (left: Scalar, right: Scalar) -> Scalar {
    let (sum, overflow) = left.thousandths.addingReportingOverflow(right.thousandths)
    return Scalar(thousandths: overflow ? (right.thousandths < 0 ? .min : .max) : sum)
  }

  /// The difference, which may be negative; one that leaves the range stays at its edge.
  @inlinable
  public static func - (left: Scalar, right: Scalar) -> Scalar {
    let (difference, overflow) = left.thousandths.subtractingReportingOverflow(right.thousandths)
    return Scalar(thousandths: overflow ? (right.thousandths < 0 ? .max : .min) : difference)
  }

  /// Adds the right amount, see `+`.
  @inlinable
  public static func += (left: inout Scalar, right: Scalar) { left = left + right }

  /// Takes the right amount away, see `-`.
  @inlinable
  public static func -= (left: inout Scalar, right: Scalar) { left = left - right }
}

extension Scalar: ExpressibleByIntegerLiteral, ExpressibleByFloatLiteral {
  /// An amount of whole units.
  public init(integerLiteral value: Int64) { self.init(thousandths: value * 1000) }

  /// The amount nearest to a literal, in three decimals.
  public init(floatLiteral value: Double) {
    self.init(thousandths: Int64((value * 1000).rounded(.toNearestOrAwayFromZero)))
  }
}

extension Scalar: CustomStringConvertible {
  /// The amount with as many decimals as it needs, none for a whole one: `3.5`, `4096`, `-0.001`.
  public var description: String {
    let magnitude = thousandths.magnitude
    let whole = String(magnitude / 1000)
    let rest = magnitude % 1000
    let sign = thousandths < 0 ? "-" : ""
    guard rest != 0 else { return sign + whole }
    var digits = String(rest)
    digits = String(repeating: "0", count: 3 - digits.count) + digits
    while digits.last == "0" { digits.removeLast() }
    return sign + whole + "." + digits
  }
}
