/// Scalar amounts by resource name, with nothing else about them: what shares, quotas and minimums are counted in.
///
/// A small vector in ascending order of names; amounts are above zero, so an absent name means none of it.
public struct ResourceQuantities: Hashable, Sendable {
  public struct Quantity: Hashable, Sendable {
    public let name: String
    public internal(set) var amount: Scalar
  }

  /// The quantities in ascending order of names, each above zero.
  public private(set) var quantities: [Quantity]

  /// None of anything.
  public init() { quantities = [] }

  /// The sum of the given amounts; amounts of zero or less are left out.
  public init(_ amounts: some Sequence<(name: String, amount: Scalar)>) {
    self.init()
    for (name, amount) in amounts { add(amount, of: name) }
  }

  /// Reads `cpus:0.01;mem:32`.
  /// - Throws: `ResourceError` when the text is malformed, has a role, or names something that is not counted by scalars.
  public init(parsing text: String) throws(ResourceError) {
    let resources = try Resources.parse(text)
    for entry in resources.entries {
      guard case .scalar = entry.amount, !entry.isReserved else {
        throw ResourceError(
          .malformedText, "Invalid resource quantity for '\(entry.name)': expecting a scalar without a role")
      }
    }
    self = resources.quantities
  }

  public var isEmpty: Bool { quantities.isEmpty }

  /// The amount of `name`, zero when there is none.
  public subscript(name: String) -> Scalar {
    let index = position(of: name)
    return index < quantities.count && quantities[index].name == name ? quantities[index].amount : .zero
  }

  /// Whether there is at least as much of everything as in `other`.
  public func contains(_ other: ResourceQuantities) -> Bool {
    other.quantities.allSatisfy { self[$0.name] >= $0.amount }
  }

  /// Adds an amount that is above zero; others are ignored.
  public mutating func add(_ amount: Scalar, of name: String) {
    guard amount > .zero else { return }
    let index = position(of: name)
    if index < quantities.count, quantities[index].name == name {
      quantities[index].amount += amount
    } else {
      quantities.insert(Quantity(name: name, amount: amount), at: index)
    }
  }

  public static func += (left: inout ResourceQuantities, right: ResourceQuantities) {
    for quantity in right.quantities { left.add(quantity.amount, of: quantity.name) }
  }

  /// Takes away what the right side has; no amount goes below zero.
  public static func -= (left: inout ResourceQuantities, right: ResourceQuantities) {
    for quantity in right.quantities {
      let index = left.position(of: quantity.name)
      guard index < left.quantities.count, left.quantities[index].name == quantity.name else { continue }
      left.quantities[index].amount -= quantity.amount
      if left.quantities[index].amount <= .zero { left.quantities.remove(at: index) }
    }
  }

  public static func + (left: Self, right: Self) -> Self {
    var sum = left
    sum += right
    return sum
  }

  public static func - (left: Self, right: Self) -> Self {
    var difference = left
    difference -= right
    return difference
  }

  private func position(of name: String) -> Int {
    // Half a dozen names at most in practice: a scan beats a search.
    var index = 0
    while index < quantities.count, quantities[index].name < name { index += 1 }
    return index
  }
}

extension ResourceQuantities: CustomStringConvertible {
  /// The quantities as Apache Mesos prints them: `cpus:0.01; mem:32`.
  public var description: String { quantities.map { "\($0.name):\($0.amount)" }.joined(separator: "; ") }
}
