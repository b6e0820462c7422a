/// Amounts in thousandths by the number of the resource's name.
///
/// The first eight names are held in place, so that the usual cluster costs no memory of its own. Wraps around instead of trapping:
/// every addition is undone by one subtraction, so absurd amounts on one agent cannot stop the allocator or spoil a count for good.
struct AmountVector: Sendable, Equatable {
  private static let lowCount = 8
  private var low = SIMD8<Int64>.zero
  private var high: [Int64] = []

  init() {}

  /// The same amount of everything.
  private init(low: SIMD8<Int64>, high: [Int64]) {
    self.low = low
    self.high = high
  }

  subscript(name: Int) -> Int64 {
    get {
      if name < AmountVector.lowCount { return low[name] }
      return name - AmountVector.lowCount < high.count ? high[name - AmountVector.lowCount] : 0
    }
    set {
      if name < AmountVector.lowCount { return low[name] = newValue }
      while high.count <= name - AmountVector.lowCount { high.append(0) }
      high[name - AmountVector.lowCount] = newValue
    }
  }

  var isZero: Bool { low == .zero && high.allSatisfy { $0 == 0 } }

  mutating func add(_ amount: Int64, at name: Int) { self[name] &+= amount }

  mutating func add(_ other: AmountVector) {
    low &+= other.low
    if !other.high.isEmpty { combineHigh(other) { $0 &+ $1 } }
  }

  mutating func subtract(_ other: AmountVector) {
    low &-= other.low
    if !other.high.isEmpty { combineHigh(other) { $0 &- $1 } }
  }

  static func + (left: AmountVector, right: AmountVector) -> AmountVector {
    var sum = left
    sum.add(right)
    return sum
  }

  static func - (left: AmountVector, right: AmountVector) -> AmountVector {
    var difference = left
    difference.subtract(right)
    return difference
  }

  /// The amounts above zero; zero in the place of the others.
  var positivePart: AmountVector { AmountVector.max(self, AmountVector()) }

  static func max(_ left: AmountVector, _ right: AmountVector) -> AmountVector {
    var result = left
    result.low = left.low.replacing(with: right.low, where: right.low .> left.low)
    if !left.high.isEmpty || !right.high.isEmpty { result.combineHigh(right) { Swift.max($0, $1) } }
    return result
  }

  static func min(_ left: AmountVector, _ right: AmountVector) -> AmountVector {
    var result = left
    result.low = left.low.replacing(with: right.low, where: right.low .< left.low)
    if !left.high.isEmpty || !right.high.isEmpty { result.combineHigh(right) { Swift.min($0, $1) } }
    return result
  }

  /// Whether there is at least as much of everything.
  func contains(_ other: AmountVector) -> Bool {
    guard all(low .>= other.low) else { return false }
    return (0..<Swift.max(high.count, other.high.count)).allSatisfy { place in
      self[place + AmountVector.lowCount] >= other[place + AmountVector.lowCount]
    }
  }

  static func == (left: AmountVector, right: AmountVector) -> Bool {
    guard left.low == right.low else { return false }
    return (0..<Swift.max(left.high.count, right.high.count)).allSatisfy { place in
      left[place + lowCount] == right[place + lowCount]
    }
  }

  private mutating func combineHigh(_ other: AmountVector, _ combine: (Int64, Int64) -> Int64) {
    for place in 0..<Swift.max(high.count, other.high.count) {
      let name = place + AmountVector.lowCount
      self[name] = combine(self[name], other[name])
    }
  }
}
