import MesosModel
import MesosTestKit
import Testing

@Suite struct `Ranges` {
  typealias Interval = ResourceRanges.Interval

  /// The numbers one by one.
  private func numbers(_ ranges: ResourceRanges) -> Set<UInt64> {
    Set(ranges.intervals.flatMap { Array($0.begin...$0.end) })
  }

  private func random(_ rng: inout SplitMix64) -> ResourceRanges {
    ResourceRanges(
      (0..<Int.random(in: 0...5, using: &rng)).map { _ in
        let begin = UInt64.random(in: 0...20, using: &rng)
        return Interval(begin, begin + UInt64.random(in: 0...4, using: &rng))
      })
  }

  @Test(arguments: Seeds.few(8))
  func `agree with sets of numbers`(seed: UInt64) {
    var rng = SplitMix64(seed: seed)
    for _ in 0..<200 {
      let (a, b) = (random(&rng), random(&rng))
      #expect(numbers(a + b) == numbers(a).union(numbers(b)), "\(a) + \(b)")
      #expect(numbers(a - b) == numbers(a).subtracting(numbers(b)), "\(a) - \(b)")
      #expect(a.contains(b) == numbers(a).isSuperset(of: numbers(b)), "\(a) contains \(b)")
      #expect(a.count == UInt64(numbers(a).count))
      for result in [a, a + b, a - b] {
        for (left, right) in zip(result.intervals, result.intervals.dropFirst()) { #expect(left.end + 1 < right.begin) }
      }
      #expect((0...30).allSatisfy { (number: UInt64) in a.contains(number) == numbers(a).contains(number) })
    }
  }

  @Test func `every subset of six numbers is canonical and prints as it reads`() throws {
    func ranges(_ bits: Int) -> ResourceRanges {
      ResourceRanges((0..<6).filter { bits & (1 << $0) != 0 }.map { Interval(UInt64($0), UInt64($0)) })
    }
    for a in 0..<64 {
      #expect(try Resources.parse("ports:\(ranges(a))").ranges("ports") == ranges(a))
      for b in 0..<64 {
        #expect(ranges(a) + ranges(b) == ranges(a | b))
        #expect(ranges(a) - ranges(b) == ranges(a & ~b))
        #expect(ranges(a).contains(ranges(b)) == (a & b == b))
      }
    }
  }

  @Test func `the ends of the numbers do no harm`() {
    let all = ResourceRanges([Interval(0, .max)])
    #expect(all.count == .max)
    #expect(all + ResourceRanges([Interval(5, 7)]) == all)
    #expect((all - all).isEmpty)
    #expect(all - ResourceRanges([Interval(.max, .max)]) == ResourceRanges([Interval(0, .max - 1)]))
    #expect(all - ResourceRanges([Interval(0, 0)]) == ResourceRanges([Interval(1, .max)]))
    #expect(ResourceRanges([Interval(.max, .max), Interval(0, 0)]).intervals.count == 2)
    #expect(ResourceRanges([Interval(0, .max - 1)]) + ResourceRanges([Interval(.max, .max)]) == all)
  }

  @Test func `print as Apache Mesos prints them`() {
    #expect("\(ResourceRanges([Interval(31005, 32000), Interval(31000, 31003)]))" == "[31000-31003, 31005-32000]")
    #expect("\(ResourceRanges())" == "[]")
    #expect("\(ResourceSet(["b", "a", "b"]))" == "{a, b}")
  }
}
