import MesosModel
import SwiftProtobuf
import Testing

@Suite struct `Typed values` {
  private func refusal(_ text: String) -> ValueError? {
    do throws(ValueError) {
      _ = try TypedValue.parse(text)
      return nil
    } catch { return error }
  }

  // Each asked of Apache Mesos 1.11.0 with --attributes, or stated in src/tests/values_tests.cpp.
  @Test(arguments: [
    ("45.55", 45.55), ("+5", 5), (".5", 0.5), ("5.", 5), ("1e3", 1_000), ("1 000", 1_000), ("-0", 0), ("1e20", 1e20),
    ("37.774929", 37.774929), ("0", 0), ("1e-400", 0),
  ])
  func `a decimal number is a scalar`(text: String, value: Double) throws {
    guard case .scalar(let read) = try TypedValue.parse(text) else {
      Issue.record("'\(text)' is no scalar")
      return
    }
    #expect(read == value)
  }

  @Test(arguments: [
    ("abc", "abc"), ("a b  c", "abc"), ("123abc,s", "123abc,s"), ("0x1F", "0x1F"), ("0x1p3", "0x1p3"),
    ("1e400", "1e400"),
    ("1e", "1e"), ("1..2", "1..2"), ("-", "-"), ("++5", "++5"), ("1_000", "1_000"), ("\t5", "\t5"), ("inf", "inf"),
    ("-inf", "-inf"), ("infinity", "infinity"), ("nan", "nan"), ("-nan", "-nan"), ("-5", "-5"), ("(a)", "(a)"),
    ("é\u{301} x", "é\u{301}x"),
  ])
  func `what is no number is text without its spaces`(text: String, value: String) throws {
    guard case .text(let read) = try TypedValue.parse(text) else {
      Issue.record("'\(text)' is no text")
      return
    }
    #expect(Array(read.utf8) == Array(value.utf8))
  }

  @Test(arguments: [
    ("[10000-20000, 30000-50000]", "[10000-20000, 30000-50000]"), ("[0x10-0x20]", "[16-32]"), ("[+5-7]", "[5-7]"),
    ("[9-10-1-2-3-4]", "[1-4, 9-10]"), ("[]", "[]"), ("[[1-2]][5-6]", "[1-2, 5-6]"), ("[1-2,,4-5,]", "[1-2, 4-5]"),
    ("[1,2]", "[1-2]"), ("[0-18446744073709551615]", "[0-18446744073709551615]"), ("{sda2, sda1}", "{sda1, sda2}"),
    ("{}", "{}"), ("{a,a}", "{a}"), ("{a}{b}", "{a, b}"),
  ])
  func `ranges and sets are read and printed`(text: String, printed: String) throws {
    #expect(try TypedValue.parse(text).description == printed)
  }

  @Test(arguments: [
    ("", "Expecting non-empty string", 0), ("  ", "Expecting non-empty string", 0),
    ("{aa,b}}", "Mismatched brackets", 6),
    ("[1-2]]", "Mismatched brackets", 5), ("a(b", "Mismatched brackets", 1), ("a{b}c", "Unexpected '{' found", 1),
    ("a[1-2]", "Unexpected '[' found", 1), ("[1-2b]", "Expecting non-negative integers in '2b'", 3),
    ("[1-2,3]", "Expecting one or more \"ranges\"", 5), ("[ 9 - 3 ]", "Invalid ranges: begin > end in '9-3'", 2),
    ("[0-18446744073709551616]", "Expecting non-negative integers in '18446744073709551616'", 3),
    ("[0x+5-9]", "Expecting non-negative integers in '0x+5'", 1),
    ("[0x-9]", "Expecting non-negative integers in '0x'", 1),
    ("7.63918e-313", "Subnormal values not supported", 0), ("-7.63918e-313", "Subnormal values not supported", 0),
  ])
  func `what is malformed is refused with its place`(text: String, message: String, offset: Int) {
    let error = refusal(text)
    #expect(error?.code == .malformedText)
    #expect(error?.message == message)
    #expect(error?.offset == offset)
  }

  @Test func `scalars are compared in three decimals`() {
    #expect(TypedValue.scalar(0.1 + 0.2) == .scalar(0.3))
    #expect(TypedValue.scalar(1.0004) == .scalar(1))
    #expect(TypedValue.scalar(1.001) != .scalar(1))
    #expect(TypedValue.scalar(1e20) == .scalar(1e20))
    #expect(TypedValue.scalar(1e20) != .scalar(2e20))
    #expect(TypedValue.scalar(1) != .text("1"))
    #expect(Set([TypedValue.scalar(1.0004), .scalar(1), .scalar(-0.0), .scalar(0)]).count == 2)
  }

  @Test(arguments: [
    ("1", "2", true), ("2", "1", false), ("1.0001", "1", true), ("1e20", "2e20", true), ("2e20", "1", false),
    ("[1-2]", "[1-3]", true), ("[1-4]", "[1-3, 4-4]", true), ("[1-5]", "[1-3, 5-5]", false), ("{a}", "{a,b}", true),
    ("{a,b}", "{a}", false), ("x", "x", true), ("x", "y", false), ("1", "x", false), ("{}", "[]", false),
  ])
  func `a value is contained in one that is at least as much`(left: String, right: String, outcome: Bool) throws {
    #expect(try TypedValue.parse(left).isContained(in: .parse(right)) == outcome)
  }

  @Test(arguments: ["2.5", "[1-3, 7-9]", "{a, b}", "rack1", "37.774929", "1e20", "[]", "{}"])
  func `a message is the same value`(text: String) throws {
    let value = try TypedValue.parse(text)
    #expect(try TypedValue(value.message) == value)
    #expect(try TypedValue(MesosValue(jsonBytes: value.message.jsonBytes())) == value)
  }

  @Test(arguments: [
    MesosValue(), .with { $0.type = .scalar }, .with { $0.type = .ranges }, .with { $0.type = .set },
    .with { $0.type = .text }, .with { ($0.type, $0.scalar.value) = (.scalar, .nan) },
    .with { ($0.type, $0.scalar.value) = (.scalar, .infinity) },
    .with { ($0.type, $0.ranges.range) = (.ranges, [.with { ($0.begin, $0.end) = (2, 1) }]) },
  ])
  func `a message that breaks a rule is refused`(message: MesosValue) {
    let error = #expect(throws: ValueError.self) { try TypedValue(message) }
    #expect(error?.code == .invalidMessage)
    #expect(error?.message.hasPrefix("Invalid") == true)
  }
}
