import Foundation
import MesosModel
import MesosTestKit
import Testing

/// Every parser of the model with inputs from seeded generators.
///
/// `FUZZ_INPUTS` says how many inputs all parsers get together, a few tens of thousands when it is absent.
@Suite struct `Fuzzed parsers` {
  private static let seeds = Seeds.few(2)

  private static let count: Int = {
    let total = ProcessInfo.processInfo.environment["FUZZ_INPUTS"].flatMap { Int($0) } ?? 24_000
    return max(1, total / FuzzTarget.all.count / seeds.count)
  }()

  @Test(arguments: FuzzTarget.all, seeds)
  func `whatever a parser is given is read or refused`(target: FuzzTarget, seed: UInt64) throws {
    let read = try target.run(seed: seed, count: Self.count)
    if Self.count >= 500 {
      // Neither the generator nor the checks are worth anything when all inputs fare the same.
      #expect(read * 20 > Self.count, "\(read) of \(Self.count) read")
      #expect((Self.count - read) * 20 > Self.count, "\(read) of \(Self.count) read")
    }
  }

  /// Texts of a hundred thousand bytes and more; a test shows their name alone.
  enum LargeInput: String, CaseIterable {
    case brackets, braces, both, colons, emptyEntries, parentheses, digits, ranges, nestedRoles

    var text: String {
      switch self {
      case .brackets: String(repeating: "[", count: 100_000)
      case .braces: String(repeating: "{", count: 100_000)
      case .both: String(repeating: "[{\"a\":", count: 50_000)
      case .colons: String(repeating: ":", count: 100_000)
      case .emptyEntries: String(repeating: ";", count: 100_000)
      case .parentheses: "cpus" + String(repeating: "(", count: 100_000) + ":1"
      case .digits: "cpus:" + String(repeating: "9", count: 100_000)
      case .ranges: "ports:[" + (0..<20_000).map { "\($0 * 2)-\($0 * 2)" }.joined(separator: ",") + "]"
      case .nestedRoles: "cpus(" + String(repeating: "a/", count: 50_000) + "a):1"
      }
    }
  }

  @Test(arguments: LargeInput.allCases)
  func `large inputs come to an end`(large: LargeInput) {
    let input = large.text
    let start = ContinuousClock.now
    _ = try? Resources.parse(input)
    _ = try? Resources.parse(json: Array(input.utf8))
    _ = try? Attributes.parse(input)
    _ = try? TypedValue.parse(input)
    _ = try? ResourceQuantities(parsing: input)
    _ = try? ResourceLimits(parsing: input)
    _ = try? RoleName.validate(input)
    _ = try? SchedulerCall(jsonBytes: Array(input.utf8))
    #expect(ContinuousClock.now - start < .seconds(30))
  }
}
