import SwiftProtobuf

/// The most that may be had of each resource; a name that is absent is not limited.
///
/// A small vector in ascending order of names. A limit of zero is a limit: nothing of that resource may be had.
///
/// - Source: Apache Mesos, `include/mesos/resource_quantities.hpp`.
public struct ResourceLimits: Hashable, Sendable {
  /// The limit of one resource.
  public struct Limit: Hashable, Sendable {
    /// The resource's name, such as `cpus`.
    public let name: String
    /// The most that may be had, not negative.
    public internal(set) var amount: Scalar
  }

  /// The limits in ascending order of names.
  public private(set) var limits: [Limit]

  /// No limit on anything.
  public init() { limits = [] }

  /// The given limits; of two with one name the last holds, and a negative one is zero.
  public init(_ limits: some Sequence<(name: String, amount: Scalar)>) {
    self.init()
    for (name, amount) in limits { self[name] = amount }
  }

  /// Limits everything that `quantities` has to what it has of it; everything else is not limited.
  public init(of quantities: ResourceQuantities) {
    limits = quantities.quantities.map { Limit(name: $0.name, amount: $0.amount) }
  }

  /// Reads `cpus:10;mem:0`: pairs apart by `;`, blanks around names and in numbers do not matter, zero is a limit.
  ///
  /// - Throws: `ResourceError` with code `.malformedText` and the place in the text, also for a name that stands there twice.
  /// - Source: Apache Mesos, `ResourceLimits::fromString`.
  public init(parsing text: String) throws(ResourceError) {
    self.init()
    for (name, amount, offset) in try QuantityText.parse(text, as: "limit") {
      guard self[name] == nil else {
        throw ResourceError(
          .malformedText, "Failed to parse '\(amount)' to limit: duplicate names are not allowed", offset: offset)
      }
      self[name] = amount
    }
  }

  /// Reads the map of names to scalars that messages carry.
  ///
  /// - Throws: `ResourceError` with code `.invalidResource` for an amount that is no number, negative or too large.
  public init(_ amounts: [String: MesosValue.Scalar]) throws(ResourceError) {
    self.init()
    for (name, scalar) in amounts.sorted(by: { $0.key < $1.key }) {
      if let problem = QuantityText.problem(of: scalar.value) {
        throw ResourceError(.invalidResource, "Invalid resource limit for '\(name)': \(problem)")
      }
      guard let amount = QuantityText.amount(scalar.value) else {
        throw ResourceError(.invalidResource, "Invalid resource limit for '\(name)': the value is too large")
      }
      self[name] = amount
    }
  }

  /// Whether nothing is limited.
  public var isEmpty: Bool { limits.isEmpty }

  /// The limit of `name`, nil when there is none; a negative one is set as zero.
  public subscript(name: String) -> Scalar? {
    get {
      let index = position(of: name)
      return index < limits.count && limits[index].name == name ? limits[index].amount : nil
    }
    set {
      let index = position(of: name)
      let isThere = index < limits.count && limits[index].name == name
      switch (newValue.map { max($0, .zero) }, isThere) {
      case (let amount?, true): limits[index].amount = amount
      case (let amount?, false): limits.insert(Limit(name: name, amount: amount), at: index)
      case (nil, true): limits.remove(at: index)
      case (nil, false): break
      }
    }
  }

  /// The limits as the map of names to scalars that messages carry.
  public var messages: [String: MesosValue.Scalar] {
    Dictionary(
      uniqueKeysWithValues: limits.map { limit in
        (limit.name, MesosValue.Scalar.with { $0.value = limit.amount.doubleValue })
      })
  }

  /// Whether `quantities` stays within the limits.
  public func contains(_ quantities: ResourceQuantities) -> Bool {
    limits.allSatisfy { quantities[$0.name] <= $0.amount }
  }

  /// Whether whatever stays within `other` stays within these limits: `other` is at least as tight everywhere.
  public func contains(limits other: ResourceLimits) -> Bool {
    limits.allSatisfy { limit in other[limit.name].map { $0 <= limit.amount } ?? false }
  }

  /// What of `quantities` the limits let through: each amount, or its limit where that is smaller.
  public func capping(_ quantities: ResourceQuantities) -> ResourceQuantities {
    if contains(quantities) { return quantities }
    return ResourceQuantities(
      quantities.quantities.lazy.map { quantity in
        (name: quantity.name, amount: min(quantity.amount, self[quantity.name] ?? quantity.amount))
      })
  }

  /// Takes from each limit what of it is used; no limit goes below zero, and what is not limited stays so.
  public static func -= (left: inout ResourceLimits, right: ResourceQuantities) {
    for index in left.limits.indices {
      left.limits[index].amount = max(left.limits[index].amount - right[left.limits[index].name], .zero)
    }
  }

  /// What is left of the limits when `right` of them is used.
  public static func - (left: ResourceLimits, right: ResourceQuantities) -> ResourceLimits {
    var rest = left
    rest -= right
    return rest
  }

  /// The limits that hold when both hold: the smaller of two for one name.
  public static func tightest(_ left: ResourceLimits, _ right: ResourceLimits) -> ResourceLimits {
    if right.isEmpty { return left }
    var result = left
    for limit in right.limits { result[limit.name] = min(result[limit.name] ?? limit.amount, limit.amount) }
    return result
  }

  private func position(of name: String) -> Int {
    var index = 0
    while index < limits.count, limits[index].name != name, limits[index].name < name { index += 1 }
    return index
  }
}

extension ResourceLimits: ExpressibleByDictionaryLiteral {
  /// The given limits; of two with one name the last holds, and a negative one is zero.
  public init(dictionaryLiteral elements: (String, Scalar)...) {
    self.init(elements.lazy.map { (name: $0.0, amount: $0.1) })
  }
}

extension ResourceLimits: CustomStringConvertible {
  /// The limits as Apache Mesos prints them: `cpus:10; mem:0`, and `{}` for none.
  public var description: String {
    limits.isEmpty ? "{}" : limits.map { "\($0.name):\($0.amount)" }.joined(separator: "; ")
  }
}
