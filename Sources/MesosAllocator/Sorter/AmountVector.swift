/// Amounts in thousandths by the number of the resource's name; what lies beyond the end is zero.
///
/// Wraps around instead of trapping: every addition is undone by one subtraction, so absurd amounts on one agent cannot stop the
/// allocator or spoil a count for good.
struct AmountVector: Sendable, Equatable {
  private(set) var amounts: [Int64] = []

  subscript(name: Int) -> Int64 { name < amounts.count ? amounts[name] : 0 }

  mutating func add(_ amount: Int64, at name: Int) {
    while amounts.count <= name { amounts.append(0) }
    amounts[name] &+= amount
  }

  mutating func add(_ other: AmountVector) {
    for (name, amount) in other.amounts.enumerated() where amount != 0 { add(amount, at: name) }
  }

  mutating func subtract(_ other: AmountVector) {
    for (name, amount) in other.amounts.enumerated() where amount != 0 { add(0 &- amount, at: name) }
  }

  static func == (left: AmountVector, right: AmountVector) -> Bool {
    (0..<max(left.amounts.count, right.amounts.count)).allSatisfy { left[$0] == right[$0] }
  }
}
