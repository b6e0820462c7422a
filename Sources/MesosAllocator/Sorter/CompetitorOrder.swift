/// How competitors for resources are put in order.
public struct CompetitorOrder: Hashable, Sendable {
  private enum Value { case fair, random }
  private let value: Value

  /// Smallest weighted dominant share first, then fewest allocations, then the name: `drf` in Apache Mesos.
  public static let fair = CompetitorOrder(value: .fair)

  /// An order of chance for each agent, in which each is first as often as its weight says.
  ///
  /// Apache Mesos shuffles all roles of the tree at once; here the children of each role are shuffled, so that the frameworks of one role
  /// stand together. Who is first is as likely either way.
  /// - Source: Apache Mesos, `sorter/random/sorter.cpp`.
  public static let random = CompetitorOrder(value: .random)
}

/// The numbers that random orders follow from.
///
/// - Source: Steele, Lea and Flood, Fast Splittable Pseudorandom Number Generators, OOPSLA 2014.
struct SortGenerator: RandomNumberGenerator, Sendable {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
    return mixed ^ (mixed >> 31)
  }

  /// When something that happens `rate` times in a unit of time happens next: of several, each comes first as often as its rate says.
  mutating func wait(rate: Double) -> Double {
    // In (0, 1], so that the logarithm is finite.
    let uniform = Double((next() >> 11) + 1) / 0x1p53
    return -SortGenerator.naturalLogarithm(uniform) / rate
  }

  /// The logarithm by its series, so that every platform gives the same.
  static func naturalLogarithm(_ value: Double) -> Double {
    let ratio = (value.significand - 1) / (value.significand + 1)
    var (power, sum, divisor) = (ratio, 0.0, 1.0)
    while power > 1e-18 {
      sum += power / divisor
      power *= ratio * ratio
      divisor += 2
    }
    return Double(value.exponent) * 0.693_147_180_559_945_3 + 2 * sum
  }
}

extension Allocator {
  mutating func shuffledChildren(of role: Int) -> [FairOrder.Entry] {
    let entries = roles[role].children.entries
    return shuffled(entries, weights: entries.map { $0.index < 0 ? 1 : roles[Int($0.index)].weight })
  }

  mutating func shuffledClients(of role: Int) -> [FairOrder.Entry] {
    let entries = roles[role].clients.entries
    return shuffled(entries, weights: entries.map { _ in 1 })
  }

  private mutating func shuffled(_ entries: [FairOrder.Entry], weights: [Double]) -> [FairOrder.Entry] {
    guard entries.count > 1 else { return entries }
    let waits = weights.map { generator.wait(rate: $0) }
    return entries.indices.sorted { (waits[$0], $0) < (waits[$1], $1) }.map { entries[$0] }
  }
}
