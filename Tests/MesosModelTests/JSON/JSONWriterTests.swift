import Foundation
import MesosModel
import MesosTestKit
import SwiftProtobuf
import Testing

@Suite struct `JSON values as written` {
  private func text(_ write: (inout JSONWriter) -> Void) -> String {
    var writer = JSONWriter()
    write(&writer)
    return String(decoding: writer.finish(), as: UTF8.self)
  }

  /// What an Apache Mesos wrote for the same values.
  static let doubles: [(Double, String)] = [
    (0, "0.0"), (-0.0, "-0.0"), (1, "1.0"), (4, "4.0"), (-1, "-1.0"), (1.5, "1.5"), (0.1, "0.1"), (0.01, "0.01"),
    (0.001, "0.001"), (1e15, "1000000000000000.0"), (1e20, "100000000000000000000.0"), (1e21, "1e21"), (1e22, "1e22"),
    (1.5e21, "1.5e21"), (123_456_789_012_345_680, "123456789012345680.0"),
    (1.2345678901234568e20, "123456789012345680000.0"),
    (1_606_232_317, "1606232317.0"), (0.0025, "0.0025"),
    (0.00001, "0.00001"), (1e-7, "1e-7"), (5e-7, "5e-7"), (0.00012345678901234567, "0.00012345678901234567"),
    (.leastNonzeroMagnitude, "5e-324"), (1 / 3, "0.3333333333333333"),
    (123456.7891234567, "123456.7891234567"),
    (.infinity, "\"Infinity\""), (-.infinity, "\"-Infinity\""), (0.771484375, "0.771484375"),
    (.greatestFiniteMagnitude, "1.7976931348623157e308"), (2_147_483_648, "2147483648.0"),
    (99999999999999.95, "99999999999999.95"),
  ]

  @Test(arguments: doubles)
  func `a double has the form of Apache Mesos`(value: Double, expected: String) {
    #expect(text { $0.append(value) } == expected)
  }

  @Test(arguments: Seeds.all)
  func `a double reads back as the same value`(seed: UInt64) throws {
    var random = SplitMix64(seed: seed)
    for _ in 0..<2_000 {
      let pattern = Double(bitPattern: random.next())
      let plain = Double(Int64(truncatingIfNeeded: random.next() >> 12)) / 1e6
      for value in [pattern, plain, pattern.significand, (plain * 1000).rounded() / 1000] where value.isFinite {
        let written = text { $0.append(value) }
        #expect(Double(written) == value, "SIM_SEED=\(seed) \(written)")
        #expect(written.contains { ".e".contains($0) })
        // Through the codec's own reader as well.
        let scalar = try MesosValue.Scalar(jsonBytes: Array("{\"value\":\(written)}".utf8))
        #expect(scalar.value.bitPattern == value.bitPattern, "SIM_SEED=\(seed) \(written)")
      }
    }
  }

  @Test(arguments: Seeds.all)
  func `the reader takes every decimal to the nearest double`(seed: UInt64) throws {
    var random = SplitMix64(seed: seed)
    for _ in 0..<2_000 {
      let digits = String(random.next() >> UInt64.random(in: 0..<64, using: &random))
      let point = Int.random(in: 0...digits.count, using: &random)
      var text = digits.prefix(point) + "." + digits.dropFirst(point)
      if text.hasPrefix(".") { text = "0" + text }
      if text.hasSuffix(".") { text += "0" }
      if Int.random(in: 0..<4, using: &random) == 0 { text += "e\(Int.random(in: -30...30, using: &random))" }
      let scalar = try MesosValue.Scalar(jsonBytes: Array("{\"value\":\(text)}".utf8))
      #expect(scalar.value == Double(String(text)), "SIM_SEED=\(seed) \(text)")
    }
  }

  @Test func `integers have all their digits`() {
    #expect(text { $0.append(Int64.min) } == "-9223372036854775808")
    #expect(text { $0.append(Int64.max) } == "9223372036854775807")
    #expect(text { $0.append(UInt64.max) } == "18446744073709551615")
    var power: UInt64 = 1
    for _ in 0..<19 {
      for value in [power - 1, power, power + 1] { #expect(text { $0.append(value) } == String(value)) }
      power *= 10
    }
  }

  @Test func `control characters, quotes and backslashes are escaped and nothing else`() {
    let controls = String(String.UnicodeScalarView((1..<0x20).compactMap { Unicode.Scalar($0) }))
    #expect(
      text { $0.append(string: controls) }
        == #""\u0001\u0002\u0003\u0004\u0005\u0006\u0007\b\t\n\u000B\f\r\u000E\u000F\u0010\u0011\u0012\u0013\u0014\u0015\u0016\u0017"#
        + #"\u0018\u0019\u001A\u001B\u001C\u001D\u001E\u001F""#)
    let plain = "/ \u{7F}\u{80}é\u{2028}\u{2029}😀 <>&'"
    #expect(text { $0.append(string: plain) } == "\"\(plain)\"")
    #expect(text { $0.append(string: "\\ \"quoted\" \0x") } == #""\\ \"quoted\" \u0000x""#)
  }

  @Test func `an escape is found at every place of a text`() throws {
    for length in 0..<40 {
      for place in 0...length {
        for special in ["\"", "\\", "\n", "\u{1F}", "é", "😀"] {
          let value = String(repeating: "a", count: place) + special + String(repeating: "b", count: length - place)
          let written = text { $0.append(string: value) }
          #expect(try JSONTree(written) == .string(value))
          #expect(try TaskID(jsonBytes: Array("{\"value\":\(written)}".utf8)).value == value)
        }
      }
    }
  }

  @Test func `bytes become base64 and back for every length`() throws {
    var random = SplitMix64(seed: 7)
    for length in 0..<70 {
      let bytes = (0..<length).map { _ in UInt8.random(in: .min ... .max, using: &random) }
      var secret = MesosSecret.Value()
      secret.data = .init(bytes)
      #expect(try MesosSecret.Value(jsonBytes: secret.jsonBytes()).data == secret.data)
      #expect(try JSONTree(secret.jsonBytes()) == .object(["data": .string(secret.data.base64EncodedString())]))
    }
  }

  @Test func `stored values are joined as they stand`() throws {
    let task = TaskID.with { $0.value = "t" }
    var writer = JSONWriter(capacity: 0)
    writer.append("[")
    for index in 0..<1_000 {
      if index > 0 { writer.append(UInt8(ascii: ",")) }
      writer.append(raw: task.jsonBytes())
    }
    writer.append("]")
    #expect(try JSONTree(writer.bytes) == .array(Array(repeating: .object(["value": .string("t")]), count: 1_000)))
    #expect(writer.withUnsafeBytes { $0.count } == writer.count)
    writer.removeAll()
    #expect(writer.bytes.isEmpty)
  }

  @Test func `fields with a default are written unset, deprecated ones are not`() throws {
    let framework = FrameworkInfo.with {
      $0.user = "root"
      $0.name = "n"
    }
    #expect(
      String(decoding: framework.jsonBytes(), as: UTF8.self)
        == #"{"user":"root","name":"n","failover_timeout":0.0,"checkpoint":false}"#)
    #expect(
      String(decoding: CommandInfo.URI.with { $0.value = "u" }.jsonBytes(), as: UTF8.self)
        == #"{"value":"u","extract":true}"#)
  }

  @Test func `the lists of answers are written empty, lists elsewhere are not`() {
    let answer = MasterResponse.with {
      $0.type = .getTasks
      $0.getTasks = .init()
    }
    #expect(
      String(decoding: answer.jsonBytes(), as: UTF8.self)
        == #"{"type":"GET_TASKS","get_tasks":{"tasks":[],"unreachable_tasks":[],"completed_tasks":[]}}"#)
    #expect(SchedulerEvent.Offers().jsonBytes() == Array("{}".utf8))
  }

  @Test func `a map is written in the order of its keys`() {
    let limits = TaskInfo.with { task in
      for name in ["mem", "cpus", "disk"] { task.limits[name] = .with { $0.value = 1 } }
    }
    #expect(
      String(decoding: limits.jsonBytes(), as: UTF8.self)
        .hasSuffix(#""limits":{"cpus":{"value":1.0},"disk":{"value":1.0},"mem":{"value":1.0}}}"#))
  }
}
