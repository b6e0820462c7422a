import SwiftProtobuf

/// Scalar amounts by resource name, with nothing else about them: what shares, quotas and minimums are counted in.
///
/// A small vector in ascending order of names; amounts are above zero, so an absent name means none of it. Adding and subtracting
/// quantities whose names are there already changes amounts in place and allocates nothing.
///
/// - Source: Apache Mesos, `include/mesos/resource_quantities.hpp`.
public struct ResourceQuantities: Hashable, Sendable {
  /// The amount of one resource.
  public struct Quantity: Hashable, Sendable {
    /// The resource's name, such as `cpus`.
    public let name: String
    /// The amount, above zero.
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

  /// Reads `cpus:0.01;mem:32`: pairs apart by `;`, blanks around names and in numbers do not matter, a name that stands there
  /// twice is summed, and amounts of zero are left out.
  ///
  /// - Throws: `ResourceError` with code `.malformedText` and the place in the text.
  /// - Source: Apache Mesos, `ResourceQuantities::fromString`, which `--min_allocatable_resources` is read with.
  public init(parsing text: String) throws(ResourceError) {
    self.init()
    for (name, amount, _) in try QuantityText.parse(text, as: "quantity") { add(amount, of: name) }
  }

  /// Reads the map of names to scalars that messages carry; amounts of zero are left out.
  ///
  /// - Throws: `ResourceError` with code `.invalidResource` for an amount that is no number, negative or too large.
  public init(_ amounts: [String: MesosValue.Scalar]) throws(ResourceError) {
    self.init()
    for (name, scalar) in amounts.sorted(by: { $0.key < $1.key }) {
      if let problem = QuantityText.problem(of: scalar.value) {
        throw ResourceError(.invalidResource, "Invalid resource quantity for '\(name)': \(problem)")
      }
      guard let amount = QuantityText.amount(scalar.value) else {
        throw ResourceError(.invalidResource, "Invalid resource quantity for '\(name)': the value is too large")
      }
      add(amount, of: name)
    }
  }

  /// Whether there is none of anything.
  public var isEmpty: Bool { quantities.isEmpty }

  /// The amount of `name`, zero when there is none.
  public subscript(name: String) -> Scalar {
    let index = position(of: name, from: 0)
    return index < quantities.count && quantities[index].name == name ? quantities[index].amount : .zero
  }

  /// The quantities as the map of names to scalars that messages carry.
  public var messages: [String: MesosValue.Scalar] {
    Dictionary(
      uniqueKeysWithValues: quantities.map { quantity in
        (quantity.name, MesosValue.Scalar.with { $0.value = quantity.amount.doubleValue })
      })
  }

  /// Whether there is at least as much of everything as in `other`.
  /// - Complexity: O(*n* + *m*).
  public func contains(_ other: ResourceQuantities) -> Bool {
    var index = 0
    for quantity in other.quantities {
      index = position(of: quantity.name, from: index)
      guard index < quantities.count, quantities[index].name == quantity.name else { return false }
      if quantities[index].amount < quantity.amount { return false }
      index += 1
    }
    return true
  }

  /// Adds an amount that is above zero; others are ignored.
  public mutating func add(_ amount: Scalar, of name: String) { add(amount, of: name, from: 0) }

  /// Adds amount by amount; a sum that leaves the range of ``Scalar`` stays at its edge.
  /// - Complexity: O(*n* + *m*) when the names are there, and no allocation.
  public static func += (left: inout ResourceQuantities, right: ResourceQuantities) {
    if left.quantities.isEmpty { return left = right }
    var index = 0
    for quantity in right.quantities { index = left.add(quantity.amount, of: quantity.name, from: index) + 1 }
  }

  /// Takes away what the right side has; no amount goes below zero.
  public static func -= (left: inout ResourceQuantities, right: ResourceQuantities) {
    var index = 0
    for quantity in right.quantities {
      index = left.position(of: quantity.name, from: index)
      guard index < left.quantities.count else { return }
      guard left.quantities[index].name == quantity.name else { continue }
      if left.quantities[index].amount > quantity.amount {
        left.quantities[index].amount -= quantity.amount
        index += 1
      } else {
        left.quantities.remove(at: index)
      }
    }
  }

  /// The sum, amount by amount.
  public static func + (left: Self, right: Self) -> Self {
    var sum = left
    sum += right
    return sum
  }

  /// What is left of the left side; no amount goes below zero.
  public static func - (left: Self, right: Self) -> Self {
    var difference = left
    difference -= right
    return difference
  }

  /// The larger amount of each resource.
  public static func pointwiseMax(_ left: Self, _ right: Self) -> Self {
    if right.quantities.isEmpty { return left }
    return left + (right - left)
  }

  /// The smaller amount of each resource: what both have.
  public static func pointwiseMin(_ left: Self, _ right: Self) -> Self { left - (left - right) }

  @discardableResult
  private mutating func add(_ amount: Scalar, of name: String, from start: Int) -> Int {
    let index = position(of: name, from: start)
    if index < quantities.count, quantities[index].name == name {
      if amount > .zero { quantities[index].amount += amount }
      return index
    }
    guard amount > .zero else { return index - 1 }
    quantities.insert(Quantity(name: name, amount: amount), at: index)
    return index
  }

  private func position(of name: String, from start: Int) -> Int {
    // Half a dozen names at most in practice: a scan beats a search, and equality is cheaper than order.
    var index = start
    while index < quantities.count, quantities[index].name != name, quantities[index].name < name { index += 1 }
    return index
  }
}

extension ResourceQuantities: ExpressibleByDictionaryLiteral {
  /// The sum of the given amounts; amounts of zero or less are left out.
  public init(dictionaryLiteral elements: (String, Scalar)...) {
    self.init(elements.lazy.map { (name: $0.0, amount: $0.1) })
  }
}

extension ResourceQuantities: CustomStringConvertible {
  /// The quantities as Apache Mesos prints them: `cpus:0.01; mem:32`, and `{}` for none.
  public var description: String {
    quantities.isEmpty ? "{}" : quantities.map { "\($0.name):\($0.amount)" }.joined(separator: "; ")
  }
}
