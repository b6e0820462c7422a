import CAllocationCount
import Foundation
import MesosModel
import SwiftProtobuf

/// The resources algebra alone, on one core: the grids of Apache Mesos' `src/tests/resources_tests.cpp`.
///
/// Set-up is outside the clock, and every point checks what it computed.
enum ResourceBenchmarks {
  static func run(_ harness: inout Harness) {
    harness.point("resources/arithmetic", arithmetic)
    harness.point("resources/allocations", allocations)
    harness.point("resources/filter", filters)
    harness.point("resources/contains", contains)
    harness.point("resources/parse", parse)
    harness.point("resources/ranges", ranges)
  }

  /// The seconds that this thread has had a core: what else the machine does then does not count.
  private static var coreSeconds: Double {
    var time = timespec()
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
  }

  /// The median seconds of a core that `work` takes: `setUp` before and `check` after each run are outside the clock.
  private static func seconds<State>(
    _ setUp: () throws -> State, _ work: (inout State) throws -> Void, _ check: (State) throws -> Void
  ) throws -> Double {
    var times: [Double] = []
    let begin = ContinuousClock.now
    repeat {
      var state = try setUp()
      let start = coreSeconds
      try work(&state)
      let time = coreSeconds - start
      try check(state)
      times.append(time)
    } while times.count < 3 || (times.count < 100 && (ContinuousClock.now - begin).seconds < 0.3)
    times.sort()
    return times[times.count / 2]
  }

  // MARK: Arithmetic

  /// Resources, how often they are added and taken away again, and how fast that has to be.
  private struct ArithmeticCase {
    var name: String
    var resources: Resources
    var operations: Int
    /// Operations per second of `+=` and `-=`.
    var floorInPlace: Double?
    /// Operations per second of `a = a + b` and `a = a - b`.
    var floorCopying: Double?
  }

  private static func arithmetic(_ harness: inout Harness) throws {
    guard harness.wants("resources/arithmetic") else { return }
    let reservations = harness.isSmoke ? 100 : 1_000
    let cases = [
      ArithmeticCase(
        name: "plain", resources: try plain(), operations: harness.isSmoke ? 500 : 50_000, floorInPlace: 5e6),
      // The floor of 10 operations in 0.1 s, as operations per second.
      ArithmeticCase(
        name: "\(reservations) reservations", resources: try reserved(reservations), operations: 10, floorInPlace: 100,
        floorCopying: 100),
      ArithmeticCase(name: "shared", resources: try shared(), operations: harness.isSmoke ? 500 : 50_000),
    ]
    for point in cases {
      let (one, count) = (point.resources, point.operations)
      var all = Resources()
      for _ in 0..<count { all += one }
      try require(all.contains(one) && all != one, "\(count) times \(point.name) is not more than one")
      func record(_ name: String, _ seconds: Double, _ floor: Double?) {
        harness.record(
          Figure(
            name: "resources/arithmetic/\(point.name) \(name)", value: Double(count) / seconds, unit: "per second",
            better: .higher, floor: floor))
      }
      func isSum(_ total: Resources) throws { try require(total == all, "a sum of \(count) is wrong: \(point.name)") }
      func isNothing(_ total: Resources) throws { try require(total.isEmpty, "something is left: \(point.name)") }
      record(
        "+=", try seconds({ Resources() }, { total in for _ in 0..<count { total += one } }, isSum), point.floorInPlace)
      record(
        "-=", try seconds({ all }, { total in for _ in 0..<count { total -= one } }, isNothing), point.floorInPlace)
      record(
        "a=a+b", try seconds({ Resources() }, { total in for _ in 0..<count { total = total + one } }, isSum),
        point.floorCopying)
      record(
        "a=a-b", try seconds({ all }, { total in for _ in 0..<count { total = total - one } }, isNothing),
        point.floorCopying)
    }
  }

  private static func allocations(_ harness: inout Harness) throws {
    guard harness.wants("resources/allocations"), allocation_count() >= 0 else { return }
    let before = allocation_count()
    let probe = [Int](repeating: 1, count: 1_000)
    try require(allocation_count() > before, "allocations are not counted, \(probe.count)")
    let one = try plain()
    let operations = 10_000
    var total = one
    total += one
    let addition = allocation_count()
    for _ in 0..<operations { total += one }
    let subtraction = allocation_count()
    for _ in 0..<operations { total -= one }
    let end = allocation_count()
    try require(total == one + one, "adding and taking away gave \(total)")
    harness.record(
      Figure(
        name: "resources/allocations/plain +=", value: Double(subtraction - addition) / Double(operations),
        unit: "per operation", better: .lower, floor: 0))
    harness.record(
      Figure(
        name: "resources/allocations/plain -=", value: Double(end - subtraction) / Double(operations),
        unit: "per operation", better: .lower, floor: 0))
  }

  // MARK: Filters

  private static func filters(_ harness: inout Harness) throws {
    guard harness.wants("resources/filter") else { return }
    let count = harness.isSmoke ? 500 : 50_000
    let plain = try plain()
    let revocable = try Resources([
      .with {
        $0.name = "cpus"
        $0.type = .scalar
        $0.scalar.value = 1
        $0.revocable = .init()
      }
    ])
    let reserved = try Resources.parse("cpus(role):1;gpus(role):1;mem(role):128;disk(role):256")
    func record(_ name: String, of resources: Resources, _ filter: (Resources) -> Resources) throws {
      let seconds = try seconds({ 0 }) { kept in
        for _ in 0..<count { kept += filter(resources).entries.count }
      } _: { kept in
        try require(kept == count * resources.entries.count, "\(name) kept \(kept) entries")
      }
      harness.record(
        Figure(
          name: "resources/filter/\(name)", value: Double(count) / seconds, unit: "per second", better: .higher))
    }
    try record("nonRevocable", of: plain) { $0.nonRevocable }
    try record("revocable", of: revocable) { $0.revocable }
    try record("unreserved", of: plain) { $0.unreserved }
    try record("reserved(role)", of: reserved) { $0.reserved(to: "role") }
    try require(plain.revocable.isEmpty && reserved.unreserved.isEmpty, "a filter keeps what it has to leave out")
  }

  // MARK: Containment

  private static func contains(_ harness: inout Harness) throws {
    guard harness.wants("resources/contains") else { return }
    let end: UInt64 = harness.isSmoke ? 160 : 16_000
    let few = try Resources.parse("cpus:1;mem:128")
    let many = try plain()
    let whole = try ports([(1, end)])
    let fragments = try ports(stride(from: 1, to: end, by: 2).map { ($0, $0) })
    let times = harness.isSmoke ? 1 : 100
    let cases: [(name: String, superset: Resources, subset: Resources, outcome: Bool, operations: Int)] = [
      ("scalars superset", many, few, true, 50 * times),
      ("scalars not", few, many, false, 50 * times),
      ("scalars equal", few, few, true, 50 * times),
      ("ports superset", whole, fragments, true, times),
      ("ports not", fragments, whole, false, times),
      ("ports equal", fragments, fragments, true, times),
      ("mixed superset", many + whole, few + fragments, true, times),
      ("mixed not", few + fragments, many + whole, false, times),
      ("mixed equal", few + fragments, few + fragments, true, times),
    ]
    for point in cases {
      let seconds = try seconds({ 0 }) { held in
        for _ in 0..<point.operations where point.superset.contains(point.subset) { held += 1 }
      } _: { held in
        try require(held == (point.outcome ? point.operations : 0), "contains is wrong: \(point.name)")
      }
      harness.record(
        Figure(
          name: "resources/contains/\(point.name)", value: Double(point.operations) / seconds, unit: "per second",
          better: .higher))
    }
  }

  // MARK: Text

  private static func parse(_ harness: inout Harness) throws {
    guard harness.wants("resources/parse") else { return }
    let text = (0..<100).map { "res\($0):\($0)" }.joined(separator: ";")
    for count in harness.isSmoke ? [10] : [1_000, 10_000, 50_000] {
      let start = coreSeconds
      var entries = 0
      for _ in 0..<count { entries += try Resources.parse(text).entries.count }
      let seconds = coreSeconds - start
      // The first of the hundred is an amount of nothing.
      try require(entries == count * 99, "\(entries) entries in \(count) texts")
      harness.record(
        Figure(
          name: "resources/parse/100 entries \(count)", value: Double(count) / seconds, unit: "per second",
          better: .higher))
    }
  }

  // MARK: Ranges

  private static func ranges(_ harness: inout Harness) throws {
    guard harness.wants("resources/ranges") else { return }
    let count = harness.isSmoke ? 10 : 1_000
    for size in harness.isSmoke ? [10] : [10, 100, 1_000] {
      let begins = (0..<UInt64(size)).map { $0 * 10 }
      let left = try ports(begins.map { ($0 + 1, $0 + 6) })
      let right = try ports(begins.map { ($0 + 3, $0 + 8) })
      let sum = try ports(begins.map { ($0 + 1, $0 + 8) })
      let difference = try ports(begins.map { ($0 + 1, $0 + 2) })
      func record(
        _ name: String, _ outcome: Resources, floor: Double? = nil, _ operation: (inout Resources) -> Void
      ) throws {
        let seconds = try seconds({ [Resources](repeating: left, count: count) }) { results in
          for index in results.indices { operation(&results[index]) }
        } _: { results in
          try require(results.allSatisfy { $0 == outcome }, "ranges \(name) is wrong")
        }
        harness.record(
          Figure(
            name: "resources/ranges/\(size) overlapping \(name), \(count) times", value: seconds, unit: "s",
            better: .lower, floor: floor))
      }
      try record("+=", sum, floor: size == 1_000 ? 0.05 : nil) { $0 += right }
      try record("-=", difference) { $0 -= right }
      try record("a+b", sum) { $0 = left + right }
      try record("a-b", difference) { $0 = left - right }
    }
  }

  // MARK: What is measured

  private static func plain() throws -> Resources { try .parse("cpus:1;gpus:1;mem:128;disk:256") }

  /// As many dynamic reservations of four scalars, each with a role, a principal and a label of its own.
  private static func reserved(_ count: Int) throws -> Resources {
    var messages: [Resource] = []
    for number in 0..<count {
      for var message in try plain().messages {
        message.reservations = [
          .with {
            $0.type = .dynamic
            $0.role = "\(number)"
            $0.principal = "principal_\(number)"
            $0.labels.labels = [
              .with {
                $0.key = "key_\(number)"
                $0.value = "value_\(number)"
              }
            ]
          }
        ]
        messages.append(message)
      }
    }
    return try Resources(messages)
  }

  private static func shared() throws -> Resources {
    let volume = Resource.with {
      $0.name = "disk"
      $0.type = .scalar
      $0.scalar.value = 256
      $0.role = "test"
      $0.disk.persistence.id = "persistentId"
      $0.disk.volume.containerPath = "/volume"
      $0.disk.volume.mode = .rw
      $0.shared = .init()
    }
    return try .parse("cpus:1;mem:128") + Resources([volume])
  }

  private static func ports(_ intervals: [(UInt64, UInt64)]) throws -> Resources {
    try Resources([
      .with {
        $0.name = "ports"
        $0.type = .ranges
        $0.ranges.range = intervals.map { interval in
          .with { ($0.begin, $0.end) = interval }
        }
      }
    ])
  }
}
