import MesosModel

/// A second implementation of quantities, obvious and slow: a dictionary of thousandths, where absence and zero are one.
struct NaiveQuantities: Equatable {
  var amounts: [String: Int64]

  init(_ amounts: [String: Int64] = [:]) { self.amounts = amounts.filter { $0.value > 0 } }

  init(_ quantities: ResourceQuantities) {
    amounts = Dictionary(uniqueKeysWithValues: quantities.quantities.map { ($0.name, $0.amount.thousandths) })
  }

  subscript(name: String) -> Int64 { amounts[name] ?? 0 }

  /// The amounts of either side by name, put together.
  static func combine(_ left: Self, _ right: Self, _ body: (Int64, Int64) -> Int64) -> Self {
    let names = Set(left.amounts.keys).union(right.amounts.keys)
    return Self(Dictionary(uniqueKeysWithValues: names.map { ($0, body(left[$0], right[$0])) }))
  }

  func contains(_ other: Self) -> Bool { other.amounts.allSatisfy { self[$0.key] >= $0.value } }
}

/// A second implementation of limits: a dictionary where absence means infinite.
struct NaiveLimits: Equatable {
  var amounts: [String: Int64]

  init(_ amounts: [String: Int64] = [:]) { self.amounts = amounts }

  init(_ limits: ResourceLimits) {
    amounts = Dictionary(uniqueKeysWithValues: limits.limits.map { ($0.name, $0.amount.thousandths) })
  }

  subscript(name: String) -> Int64 { amounts[name] ?? .max }

  func contains(_ other: Self) -> Bool {
    Set(amounts.keys).union(other.amounts.keys).allSatisfy { self[$0] >= other[$0] }
  }

  func contains(_ quantities: NaiveQuantities) -> Bool {
    quantities.amounts.allSatisfy { self[$0.key] >= $0.value }
  }

  static func - (left: Self, right: NaiveQuantities) -> Self {
    Self(Dictionary(uniqueKeysWithValues: left.amounts.map { ($0.key, max(0, $0.value - right[$0.key])) }))
  }
}

extension ResourceQuantities {
  /// Thousandths by name.
  init(thousandths: [String: Int64]) {
    self.init(thousandths.map { (name: $0.key, amount: Scalar(thousandths: $0.value)) })
  }
}

extension ResourceLimits {
  /// Thousandths by name.
  init(thousandths: [String: Int64]) {
    self.init(thousandths.map { (name: $0.key, amount: Scalar(thousandths: $0.value)) })
  }
}
