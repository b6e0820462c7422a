import MesosModel
import SwiftProtobuf
import Testing

@Suite struct `Attributes of agents` {
  private func refusal(_ text: String) -> ValueError? {
    do throws(ValueError) {
      _ = try Attributes.parse(text)
      return nil
    } catch { return error }
  }

  // src/tests/attributes_tests.cpp
  @Test func `numbers, ranges and texts are told apart`() throws {
    let attributes = try Attributes.parse("cpus:45.55;ports:[10000-20000, 30000-50000];rack:rack1,rack2")
    #expect(attributes.entries.map(\.name) == ["cpus", "ports", "rack"])
    #expect(attributes.scalar("cpus") == 45.55)
    #expect(attributes.ranges("ports")?.description == "[10000-20000, 30000-50000]")
    #expect(attributes.text("rack") == "rack1,rack2")
    #expect(attributes["rack"] == .text("rack1,rack2"))
    #expect(attributes["zone"] == nil)
    #expect(attributes.scalar("rack") == nil)
    #expect(attributes.description == "cpus=45.55; ports=[10000-20000, 30000-50000]; rack=rack1,rack2")
  }

  @Test func `a colon in a value is text`() throws {
    let attributes = try Attributes.parse("attr1:foo:bar;attr2:baz:qux:")
    #expect(attributes.text("attr1") == "foo:bar")
    #expect(attributes.text("attr2") == "baz:qux:")
  }

  // Asked of Apache Mesos 1.11.0.
  @Test func `spaces count in names alone`() throws {
    #expect(try Attributes.parse(" n m : v w").entries.first == Attributes.parse(" n m :vw").entries.first)
    #expect(try Attributes.parse(" n m :v")["n m"] == nil)
  }

  @Test(arguments: ["", ";", ";;\n;", "\n"])
  func `an empty entry is none`(text: String) throws { #expect(try Attributes.parse(text).isEmpty) }

  @Test func `a name may stand several times`() throws {
    let attributes = try Attributes.parse("dup:x\ndup:2;dup:1")
    #expect(attributes.entries.count == 3)
    #expect(attributes["dup"] == .text("x"))
    #expect(attributes.scalar("dup") == 2)
  }

  @Test(arguments: [
    ("rack", "Invalid attribute key:value pair 'rack'", 0),
    ("a:1;rack:", "Invalid attribute key:value pair 'rack:'", 4),
    ("a:1;:x", "Invalid attribute key:value pair ':x'", 4),
    ("a:1;x: ", "Failed to parse attribute x text   error Expecting non-empty string", 6),
    ("é:1;brc:a}b{c", "Failed to parse attribute brc text a}b{c error Mismatched brackets", 10),
    ("brc:a{b}c", "Failed to parse attribute brc text a{b}c error Unexpected '{' found", 5),
    ("p:[1-x]", "Failed to parse attribute p text [1-x] error Expecting non-negative integers in 'x'", 5),
  ])
  func `what is malformed is refused with its place`(text: String, message: String, offset: Int) {
    let error = refusal(text)
    #expect(error?.code == .malformedText)
    #expect(error?.message == message)
    #expect(error?.offset == offset)
    #expect(error?.description == "\(message) (at byte \(offset))")
  }

  @Test func `a set is refused`() {
    let error = refusal("a:1;st:{a,b}")
    #expect(error?.code == .unsupportedType)
    #expect(error?.offset == 7)
    #expect(error?.message.hasPrefix("Bad type for attribute st text {a,b} type SET") == true)
  }

  @Test(arguments: [
    ("cpus:45.55;ports:[1-2, 3-5];rack:r1,r2", "cpus:45.5501;ports:[1-5];rack:r1,r2", true),
    ("rack:r1;dedicated:c1;dedicated:c2", "dedicated:c2;dedicated:c1;rack:r1", true),
    ("", "", true), ("a:1", "", false), ("", "a:1", false), ("a:1", "a:x", false), ("a:1", "b:1", false),
    ("a:1;a:1;b:2", "a:1;b:2;b:2", true), ("a:1;b:2", "a:1;b:2;b:2", false), ("a:1", "a:1.001", false),
  ])
  func `equality looks neither at order nor at repetition`(left: String, right: String, outcome: Bool) throws {
    let (left, right) = (try Attributes.parse(left), try Attributes.parse(right))
    #expect((left == right) == outcome)
    #expect((right == left) == outcome)
    if outcome { #expect(left.hashValue == right.hashValue) }
  }

  @Test func `messages keep every decimal and the order`() throws {
    let attributes = try Attributes.parse("lat:37.774929;rack:r1;ports:[3-4,1-2]")
    let messages = attributes.messages
    #expect(messages.map(\.name) == ["lat", "rack", "ports"])
    #expect(messages[0].scalar.value == 37.774929)
    #expect(messages[1].text.value == "r1")
    #expect(messages[2].ranges.range.map(\.begin) == [1])
    #expect(try Attributes(messages) == attributes)
    #expect(attributes.text == "lat:37.775;rack:r1;ports:[1-4]")
  }

  @Test(arguments: [
    (Attribute.with { $0.type = .text }, ValueError.Code.invalidMessage),
    (.with { $0.name = "a" }, .invalidMessage),
    (.with { ($0.name, $0.type) = ("a", .scalar) }, .invalidMessage),
    (.with { ($0.name, $0.type, $0.scalar.value) = ("a", .scalar, .nan) }, .invalidMessage),
    (.with { ($0.name, $0.type, $0.set.item) = ("a", .set, ["x"]) }, .unsupportedType),
  ])
  func `a message that breaks a rule is refused with its index`(message: Attribute, code: ValueError.Code) throws {
    let good = try Attributes.parse("rack:r1").messages
    let error = #expect(throws: ValueError.self) { try Attributes(good + [message]) }
    #expect(error?.code == code)
    #expect(error?.index == 1)
    #expect(error?.description.hasSuffix("(message 1)") == true)
  }

  // src/slave/compatibility.cpp
  @Test(
    arguments: [
      ("rack:r1;p:[1-3];l:2", "new:x;l:2;p:[0-9];rack:r1", nil),
      ("rack:r1", "", "Couldn't find attribute rack=r1"),
      ("rack:r1", "rack:1", "Type of attribute 'rack' changed from TEXT to SCALAR"),
      ("rack:r1", "rack:r2", "Value of text attribute 'rack' changed from r1 to r2"),
      ("l:2", "l:3", "Value of scalar attribute 'l' changed from 2 to 3"),
      ("p:[1-3]", "p:[2-4]", "Previous value of ranges attribute 'p' ([1-3]) not included in current [2-4]"),
      ("p:[1-3]", "p:x", "Type of attribute 'p' changed from RANGES to TEXT"),
    ] as [(String, String, String?)])
  func `an additive change keeps what there was`(before: String, now: String, reason: String?) throws {
    let (before, now) = (try Attributes.parse(before), try Attributes.parse(now))
    do throws(ValueError) {
      try before.checkAdditiveChange(to: now)
      #expect(reason == nil)
    } catch {
      #expect(error.code == .incompatible)
      #expect(error.message == "Configuration change not permitted under 'additive' policy: \(reason ?? "none")")
    }
  }
}
