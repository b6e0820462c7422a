import MesosModel
import MesosTestKit
import Testing

@Suite struct `Resources as text` {
  @Test(arguments: [
    ("cpus:4;mem:8192", "cpus:4; mem:8192"),
    ("cpus:4;mem:8192;", "cpus:4; mem:8192"),
    (" cpus : 4 ; mem : 8 ", "cpus:4; mem:8"),
    ("ports:[31000-32000]", "ports:[31000-32000]"),
    ("ports:[31005-32000, 31000-31003]", "ports:[31000-31003, 31005-32000]"),
    ("ports:[1-5,3-8,9-10]", "ports:[1-10]"),
    ("zones:{b,a}", "zones:{a, b}"),
    ("zones(*):{a,b}", "zones:{a, b}"),
    ("disk(eng):100", "disk(reservations: [(STATIC,eng)]):100"),
    ("disk(eng/web):100", "disk(reservations: [(STATIC,eng/web)]):100"),
    ("cpus:1;cpus:2", "cpus:3"),
    ("cpus:1;cpus(eng):2", "cpus:1; cpus(reservations: [(STATIC,eng)]):2"),
    ("cpus:0", "{}"), ("ports:[]", "{}"), ("zones:{}", "{}"), ("", "{}"), (";;", "{}"), ("cpus::4:", "cpus:4"),
    ("cpus:1;cpus:[]", "cpus:1"), ("cpus:0.1;cpus:00.25", "cpus:0.35"), ("cpus:.5", "cpus:0.5"), ("cpus:5.", "cpus:5"),
    ("mem:999999999999.999", "mem:999999999999.999"), ("mem:1000000000000", "mem:1000000000000"),
    ("cpus:0.0005", "cpus:0.001"), ("cpus:1e2", "cpus:100"),
    ("bugs(ui):{a, b, c}", "bugs(reservations: [(STATIC,ui)]):{a, b, c}"),
  ])
  func `is read and printed as Apache Mesos does`(text: String, printed: String) throws {
    #expect(try Resources.parse(text).description == printed)
  }

  @Test func `names a role for what has none`() throws {
    #expect(try Resources.parse("cpus:1;mem(*):2", defaultRole: "eng") == Resources.parse("cpus(eng):1;mem:2"))
  }

  @Test(arguments: [
    ("cpus", "missing or extra ':'", 0), ("cpus:1:2", "missing or extra ':'", 0),
    ("mem:1;cpus", "missing or extra ':'", 6),
    ("cpus(eng:1", "mismatched parentheses", 0), ("cpus)eng(:1", "mismatched parentheses", 0),
    ("cpus(-x):1", "starts with a dash", 0), ("cpus():1", "empty string", 0), (" :1", "Empty resource name", 0),
    (":1", "missing or extra ':'", 0), ("cpus:", "missing or extra ':'", 0),
    ("cpus: ", "Expecting non-empty string", 5),
    ("cpus:0.0004", "value <= 0", 5), ("mem:1000000000001", "Invalid scalar value", 4), ("ports:[", "Mismatched", 6),
    ("cpus:four", "Bad type for resource cpus value four type TEXT", 5),
    ("mem:1;cpus:nan", "Invalid scalar value", 11), ("cpus:inf", "Invalid scalar value", 5),
    ("cpus:-1", "value <= 0", 5),
    ("ports:[5-1]", "begin > end", 6), ("ports:[1]", "ranges", 6), ("ports:[1-2", "Mismatched brackets", 6),
    ("ports:[1-2-3]", "ranges", 6), ("ports:[a-b]", "ranges", 6), ("ports:[-1-2]", "ranges", 6),
    ("ports:1-2]", "Bad type", 6),
    ("zones:{a", "Mismatched brackets", 6), ("zones:{a,a}", "duplicated elements", 6),
    ("x:a[1-2]", "Unexpected '['", 2),
    ("x:1{", "Unexpected '{'", 2), ("ports:[1-99999999999999999999]", "ranges", 6),
    ("cpus:1;cpus:[1-2]", "different types", 7),
  ])
  func `that is malformed is refused with place and reason`(text: String, reason: String, offset: Int) {
    do {
      Issue.record("\(text) was read as \(try Resources.parse(text))")
    } catch {
      #expect(error.code == .malformedText)
      #expect(error.message.contains(reason), "\(error.message)")
      #expect(error.offset == offset, "\(error)")
    }
  }

  @Test(arguments: Seeds.few(4))
  func `at random neither traps nor hangs, and what is read prints to what reads alike`(seed: UInt64) throws {
    var rng = SplitMix64(seed: seed)
    let pieces = [
      "cpus", "ports", ":", ";", "[", "]", "{", "}", "(", ")", "*", "eng", "1", "2-3", "-", ",", " ", ".", "e9", "é",
    ]
    var read = 0
    for _ in 0..<4_000 {
      let text = (0..<Int.random(in: 0...12, using: &rng)).map { _ in pieces.randomElement(using: &rng) ?? "" }.joined()
      guard let resources = try? Resources.parse(text) else { continue }
      read += 1
      if resources.unreserved.isEmpty { continue }
      #expect(try Resources.parse(resources.unreserved.description) == resources.unreserved, "\(text)")
    }
    #expect(read > 100)
  }

  @Test func `in JSON is read too`() throws {
    let text = """
       [ {"name":"cpus","type":"SCALAR","scalar":{"value":4}},
         {"name":"ports","type":"RANGES","ranges":{"range":[{"begin":1,"end":5}]},"role":"eng"},
         {"name":"disk","type":"SCALAR","scalar":{"value":10},"reservations":[{"type":"STATIC","role":"ops"}]} ]
      """
    #expect(try Resources.parse(text) == Resources.parse("cpus:4;ports(eng):[1-5];disk(ops):10"))
    #expect(try Resources.parse(text, defaultRole: "a") == Resources.parse("cpus(a):4;ports(eng):[1-5];disk(ops):10"))
    #expect(try Resources.parse("[]").isEmpty)
  }

  @Test(arguments: [
    "[", "[]x", "[],\"agent_id\":{}", "[1]", "[{}]", "[{\"name\":\"cpus\"}]",
    "[{\"name\":\"cpus\",\"type\":\"SCALAR\"}]",
    #"[{"name":"cpus","type":"SCALAR","scalar":{"value":-4}}]"#,
    #"[{"name":"cpus","type":"SCALAR","scalar":{"value":4},"revocable":{}}]"#,
    #"[{"name":"cpus","type":"SCALAR","scalar":{"value":4},"role":"a","reservation":{}}]"#,
    #"[{"name":"cpus","type":"SCALAR","scalar":{"value":4}},{"name":"cpus","type":"SET","set":{"item":["a"]}}]"#,
  ])
  func `in JSON that is malformed is refused`(text: String) {
    #expect(throws: ResourceError.self) { try Resources.parse(text) }
  }

  @Test(arguments: [
    (#""type":"SCALAR","scalar":{"value":-4}"#, "value <= 0"),
    (#""type":"SCALAR","scalar":{"value":4},"revocable":{}"#, "do not include a 'revocable' key"),
    (
      #""type":"SCALAR","scalar":{"value":4},"reservations":[{"type":"DYNAMIC","role":"a"}]"#,
      "do not include a reservation with DYNAMIC type"
    ),
    (#""type":"SET","set":{"item":["a"]}"#, "different types"),
  ])
  func `in JSON names the element that is wrong`(fields: String, reason: String) {
    let first = #"[ {"name":"disk","type":"SCALAR","scalar":{"value":1}} , "#
    let text = first + #"{"name":"disk","# + fields + "}]"
    do {
      Issue.record("\(text) was read as \(try Resources.parse(text))")
    } catch {
      #expect(error.message.contains(reason), "\(error.message)")
      #expect(error.offset == first.utf8.count, "\(error)")
    }
  }
}
