import MesosModel
import MesosTestKit
import Testing

@Suite struct `Quantities obey the laws` {
  /// Every choice of nothing, one and two thousandths of two resources, and of a third that sorts between them.
  static let small: [[String: Int64]] = {
    var values: [[String: Int64]] = []
    for cpus in Int64(0)...2 {
      for disk in Int64(0)...2 {
        for mem in Int64(0)...2 { values.append(["cpus": cpus, "disk": disk, "mem": mem]) }
      }
    }
    return values
  }()

  @Test func `on every small value, as a dictionary does`() {
    for left in Self.small {
      for right in Self.small { expectLaws(left, right) }
    }
  }

  @Test(arguments: Seeds.few(8))
  func `on random values, as a dictionary does`(seed: UInt64) {
    var rng = SplitMix64(seed: seed)
    let names = ["", "a", "cpus", "disk", "gpus", "mem", "memory", "ports", "ä", "a resource of a long name", "z"]
    func sample() -> [String: Int64] {
      Dictionary(
        uniqueKeysWithValues: names.shuffled(using: &rng).prefix(Int.random(in: 0...5, using: &rng)).map {
          ($0, Int64.random(in: 0...(Bool.random(using: &rng) ? 3 : 1_000_000), using: &rng))
        })
    }
    for _ in 0..<100 { expectLaws(sample(), sample()) }
  }

  private func expectLaws(_ left: [String: Int64], _ right: [String: Int64]) {
    let (a, b) = (ResourceQuantities(thousandths: left), ResourceQuantities(thousandths: right))
    let (x, y) = (NaiveQuantities(left), NaiveQuantities(right))
    #expect(NaiveQuantities(a) == x)
    #expect(NaiveQuantities(a + b) == .combine(x, y, +), "\(a) + \(b)")
    #expect(NaiveQuantities(a - b) == .combine(x, y) { max(0, $0 - $1) }, "\(a) - \(b)")
    #expect(NaiveQuantities(.pointwiseMax(a, b)) == .combine(x, y, max), "max of \(a) and \(b)")
    #expect(NaiveQuantities(.pointwiseMin(a, b)) == .combine(x, y, min), "min of \(a) and \(b)")
    #expect(a.contains(b) == x.contains(y), "\(a) contains \(b)")
    #expect((a == b) == (x == y))
    #expect(a + b == b + a)
    #expect(a + b - b == a)
    #expect((a + b).contains(a))
    #expect(a.contains(b) == (b - a).isEmpty)
    for quantities in [a, b, a + b, a - b] {
      #expect(quantities.quantities.map(\.name) == quantities.quantities.map(\.name).sorted())
      #expect(quantities.quantities.allSatisfy { $0.amount > .zero })
    }

    let (limits, others) = (ResourceLimits(thousandths: left), ResourceLimits(thousandths: right))
    let (bounds, bars) = (NaiveLimits(left), NaiveLimits(right))
    #expect(NaiveLimits(limits) == bounds)
    #expect(limits.contains(b) == bounds.contains(y), "\(limits) contains \(b)")
    #expect(limits.contains(limits: others) == bounds.contains(bars), "\(limits) contains \(others)")
    #expect(NaiveLimits(limits - b) == bounds - y, "\(limits) - \(b)")
    #expect(NaiveQuantities(limits.capping(b)) == NaiveQuantities(y.amounts.mapValuesByKey { min($1, bounds[$0]) }))
    #expect(limits.contains(limits.capping(b)))
    let both = ResourceLimits.tightest(limits, others)
    #expect(both.contains(a) == (bounds.contains(x) && bars.contains(x)))
    #expect(both == .tightest(others, limits))
    #expect(limits.contains(limits: both) && others.contains(limits: both))
    #expect(limits.limits.map(\.name) == limits.limits.map(\.name).sorted())
  }

  @Test func `and stay at the edge of what can be counted`() {
    let most = ResourceQuantities([("cpus", Scalar(thousandths: .max))])
    #expect((most + ["cpus": 1])["cpus"] == Scalar(thousandths: .max))
  }
}

extension Dictionary {
  /// The values as `body` makes them of key and value.
  fileprivate func mapValuesByKey(_ body: (Key, Value) -> Value) -> Self {
    Dictionary(uniqueKeysWithValues: map { ($0.key, body($0.key, $0.value)) })
  }
}
