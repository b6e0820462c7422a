import MesosModel
import MesosTestKit
import SwiftProtobuf
import Testing

/// What is refused, with what words and where; the words are those of an Apache Mesos that was asked the same.
@Suite struct `JSON that is refused` {
  struct Refusal: Sendable, CustomStringConvertible {
    let json: String
    let code: JSONMessageError.Code
    let offset: Int
    let answer: String
    var path = ""
    var description: String { String(json.prefix(80)) }
  }

  private static let syntax: [(String, Int, String)] = [
    ("", 0, "1 near: "), (" ", 1, "1 near: "), ("x", 0, "1 near: x"), ("{", 1, "1 near: "),
    (#"{"type":"GET_HEALTH""#, 20, "1 near: "), (#"{"type":"GET_HEALTH",}"#, 21, "1 near: }"),
    (#"{"type":"GET_HEALTH","foo":[1,2,{"a":tru}]}"#, 40, "1 near: }]}"),
    ("{\n\"a\":1,\n\"b\":x y z\n}", 13, "3 near: x y z"), (#"{"a" 1}"#, 5, "1 near: 1}"), ("{1:2}", 1, "1 near: 1:2}"),
    (#"{"a":1 "b":2}"#, 7, #"1 near: "b":2}"#), ("[1,]", 3, "1 near: ]"), (#"{"x":1-2}"#, 5, "1 near: }"),
    (#"{"x":-}"#, 5, "1 near: }"), (#"{"x":1e}"#, 5, "1 near: }"), (#"{"x":.5}"#, 5, "1 near: .5}"),
    (#"{"x":+1}"#, 5, "1 near: +1}"), (#"{"x":0x10}"#, 6, "1 near: x10}"), (#"{"x":1.5.5}"#, 5, "1 near: }"),
    (#"{"x":--5}"#, 5, "1 near: }"), (#"{"x":NaN}"#, 5, "1 near: NaN}"), (#"{"x":inf}"#, 5, "1 near: inf}"),
    (#"{"x":-inf}"#, 5, "1 near: inf}"), (#"{"x":/* c */1}"#, 5, "1 near: /* c */1}"),
    (#"{"x":falsy}"#, 9, "1 near: y}"), (#"{"x":nul}"#, 8, "1 near: }"), (#"{"x":"\ud83d"}"#, 12, #"1 near: "}"#),
    (#"{"x":"\udc00"}"#, 12, #"1 near: "}"#), (#"{"x":"\u12"}"#, 10, #"1 near: "}"#),
    (#"{"x":"\x"}"#, 7, #"1 near: "}"#),
    ("{\"x\":\"a\nb\"}", 7, "1 near: "), ("{\"x\":\"\t\"}", 6, #"1 near: "}"#), ("{\"x\":\"a", 7, "1 near: "),
    ("\u{FEFF}{}", 0, "1 near: \u{FEFF}{}"),
  ]

  private static let prefix = "Failed to convert JSON into Call protobuf: "

  private static let wrong: [Refusal] = [
    Refusal(json: "[]", code: .notAnObject, offset: 0, answer: "Expecting a JSON object"),
    Refusal(json: "\"a\"", code: .notAnObject, offset: 0, answer: "Expecting a JSON object"),
    Refusal(json: "null", code: .notAnObject, offset: 0, answer: "Expecting a JSON object"),
    Refusal(
      json: #"{"type":3}"#, code: .unexpectedType, offset: 8, answer: "Not expecting a JSON number for field 'type'",
      path: "type"),
    Refusal(
      json: #"{"type":["GET_HEALTH"]}"#, code: .unexpectedType, offset: 8,
      answer: "Not expecting a JSON array for field 'type'", path: "type"),
    Refusal(
      json: #"{"type":true}"#, code: .unexpectedType, offset: 8,
      answer: "Not expecting a JSON boolean for field 'type'",
      path: "type"),
    Refusal(
      json: #"{"type":{"a":1}}"#, code: .unexpectedType, offset: 8,
      answer: "Not expecting a JSON object for field 'type'",
      path: "type"),
    Refusal(
      json: #"{"set_logging_level":{"level":1,"duration":"1s"}}"#, code: .unexpectedType, offset: 43,
      answer: "Not expecting a JSON string for field 'duration'", path: "set_logging_level.duration"),
    Refusal(
      json: #"{"update_maintenance_schedule":{"schedule":{"windows":[{},{"machine_ids":[{"hostname":3}]}]}}}"#,
      code: .unexpectedType, offset: 86, answer: "Not expecting a JSON number for field 'hostname'",
      path: "update_maintenance_schedule.schedule.windows[1].machine_ids[0].hostname"),
    Refusal(
      json: #"{"update_maintenance_schedule":{"schedule":{"windows":[{},3]}}}"#, code: .unexpectedType, offset: 58,
      answer: "Not expecting a JSON number for field 'windows'", path: "update_maintenance_schedule.schedule.windows[1]"
    ),
    Refusal(
      json: #"{"update_quota":{"force":1,"quota_configs":[]}}"#, code: .unexpectedType, offset: 25,
      answer: "Not expecting a JSON number for field 'force'", path: "update_quota.force"),
    Refusal(
      json: #"{"update_quota":{"force":"1"}}"#, code: .malformedValue, offset: 25,
      answer: "Failed to parse '1' as a JSON boolean for field 'force': Unexpected JSON type parsed",
      path: "update_quota.force"
    ),
    Refusal(
      json: #"{"set_logging_level":{"duration":{"nanoseconds":"x"}}}"#, code: .malformedValue, offset: 48,
      answer: "Failed to parse 'x' as a JSON number for field 'nanoseconds': syntax error at line 1 near: x",
      path: "set_logging_level.duration.nanoseconds"),
    Refusal(
      json: #"{"set_logging_level":{"duration":{"nanoseconds":"1 "}}}"#, code: .malformedValue, offset: 48,
      answer:
        "Failed to parse '1 ' as a JSON number for field 'nanoseconds': Parsed JSON included non-whitespace trailing "
        + "characters: ", path: "set_logging_level.duration.nanoseconds"),
    Refusal(
      json: #"{"list_files":{"path":null}}"#, code: .missingRequired, offset: 28,
      answer: "Missing required fields: list_files.path", path: "list_files.path"),
    Refusal(
      json: #"{"set_logging_level":{}}"#, code: .missingRequired, offset: 24,
      answer: "Missing required fields: set_logging_level.level, set_logging_level.duration",
      path: "set_logging_level.level"),
    Refusal(
      json: #"{"reserve_resources":{"resources":[{},{"name":"a","scalar":{}}]}}"#, code: .missingRequired, offset: 65,
      answer: "Missing required fields: reserve_resources.agent_id, reserve_resources.resources[0].name, "
        + "reserve_resources.resources[0].type, reserve_resources.resources[1].type, "
        + "reserve_resources.resources[1].scalar.value", path: "reserve_resources.agent_id"),
    Refusal(
      json: #"{"update_quota":{"quota_configs":[{"role":"r","limits":{"cpus":1}}]}}"#, code: .unexpectedType,
      offset: 63,
      answer: "Not expecting a JSON number for field 'value'", path: "update_quota.quota_configs[0].limits[cpus].value"),
    Refusal(
      json: #"{"set_logging_level":{"level":-1}}"#, code: .numberOutOfRange, offset: 30,
      answer: "Number out of range for field 'level'", path: "set_logging_level.level"),
    Refusal(
      json: #"{"set_logging_level":{"level":4294967296}}"#, code: .numberOutOfRange, offset: 30,
      answer: "Number out of range for field 'level'", path: "set_logging_level.level"),
    Refusal(
      json: #"{"set_logging_level":{"duration":{"nanoseconds":9223372036854775808}}}"#, code: .numberOutOfRange,
      offset: 48,
      answer: "Number out of range for field 'nanoseconds'", path: "set_logging_level.duration.nanoseconds"),
    Refusal(
      json: #"{"update_weights":{"weight_infos":[{"weight":"Infinity"}]}}"#, code: .malformedValue, offset: 45,
      answer: "Failed to parse 'Infinity' as a JSON number for field 'weight': syntax error at line 1 near: Infinity",
      path: "update_weights.weight_infos[0].weight"),
  ]

  @Test(arguments: syntax)
  func `what is no JSON is refused where it stops being JSON`(json: String, offset: Int, near: String) {
    let error = refusal(of: Array(json.utf8), as: MasterCall.self)
    #expect(error?.code == .syntax)
    #expect(error?.offset == offset)
    #expect(error?.answer() == "Failed to parse body into JSON: syntax error at line \(near)")
  }

  @Test(arguments: wrong)
  func `JSON of the wrong shape is refused with the field's name`(_ expected: Refusal) {
    let error = refusal(of: Array(expected.json.utf8), as: MasterCall.self)
    #expect(error?.code == expected.code)
    #expect(error?.offset == expected.offset)
    #expect(error?.path == expected.path)
    #expect(error?.answer() == Self.prefix + expected.answer)
  }

  @Test func `text after the document is refused`() {
    for (rest, offset) in [("x", 2), ("\n\n  zz", 6), (" {}", 3), ("\0", 2), ("\u{0C}", 2)] {
      let error = refusal(of: Array("{}\(rest)".utf8), as: MasterCall.self)
      #expect(error?.code == .trailingCharacters)
      #expect(error?.offset == offset)
      #expect(
        error?.answer()
          == "Failed to parse body into JSON: Parsed JSON included non-whitespace trailing characters: \(rest)")
    }
  }

  @Test func `a fault of the text counts more than an earlier one of a field`() {
    let error = refusal(of: Array(#"{"type":3,"x":y}"#.utf8), as: MasterCall.self)
    #expect(error?.code == .syntax)
    #expect(error?.offset == 14)
  }

  @Test func `a number beyond all doubles is refused, one near zero is zero`() throws {
    for text in ["1e400", "-1e400", "1" + String(repeating: "0", count: 400)] {
      let error = refusal(of: Array("{\"x\":\(text)}".utf8), as: MasterCall.self)
      #expect(error?.code == .numberTooLarge)
      #expect(error?.answer() == "Failed to parse body into JSON: Value out of range")
    }
    #expect(try MesosValue.Scalar(jsonBytes: Array(#"{"value":1e-400}"#.utf8)).value == 0)
  }

  @Test(arguments: [("[", "]"), ("{\"a\":", "}")])
  func `nesting is bounded as in Apache Mesos`(open: String, close: String) throws {
    func document(_ depth: Int) -> [UInt8] {
      let inner = open == "[" ? "" : "1"
      let nested = String(repeating: open, count: depth) + inner + String(repeating: close, count: depth)
      return Array("{\"type\":\"GET_HEALTH\",\"x\":\(nested)}".utf8)
    }
    #expect(try MasterCall(jsonBytes: document(199)).type == .getHealth)
    for depth in [200, 201, 500, 100_000] {
      let error = refusal(of: document(depth), as: MasterCall.self)
      #expect(error?.code == .nestingTooDeep)
    }
  }

  @Test func `messages within messages are bounded too`() throws {
    func container(_ depth: Int) -> [UInt8] {
      Array(
        (String(repeating: #"{"value":"c","parent":"#, count: depth) + #"{"value":"c"}"#
          + String(repeating: "}", count: depth)).utf8)
    }
    #expect(try ContainerID(jsonBytes: container(199)).parent.parent.value == "c")
    let error = refusal(of: container(200), as: ContainerID.self)
    #expect(error?.code == .nestingTooDeep)
  }

  @Test func `text of the document in a message is capped`() {
    let error = refusal(of: Array("{\"x\":\(String(repeating: "z", count: 100_000))".utf8), as: MasterCall.self)
    #expect((error?.message.utf8.count ?? .max) < 300)
  }

  @Test func `a text that is not UTF-8 is refused where it is kept`() throws {
    let bytes = Array(#"{"type":"LIST_FILES","list_files":{"path":""#.utf8) + [0xFF, 0xFE] + Array("\"}}".utf8)
    let error = refusal(of: bytes, as: MasterCall.self)
    #expect(error?.code == .invalidUTF8)
    #expect(error?.path == "list_files.path")
    let unknown = Array(#"{"type":"GET_HEALTH",""#.utf8) + [0xFF] + Array("\":1}".utf8)
    #expect(try MasterCall(jsonBytes: unknown).type == .getHealth)
  }

  @Test func `base64 is read leniently and a wrong character refused`() throws {
    func document(_ text: String) -> [UInt8] {
      Array(#"{"agent_id":{"value":"a"},"executor_id":{"value":"e"},"data":"\#(text)"}"#.utf8)
    }
    func data(_ text: String) throws(JSONMessageError) -> [UInt8] {
      try Array(SchedulerCall.Message(jsonBytes: document(text)).data)
    }
    for text in ["aGk=", "aGk", "aGk==", "aGk= ", "aG k=", "aGk=aGk="] { #expect(try data(text) == Array("hi".utf8)) }
    for text in ["", "A"] { #expect(try data(text).isEmpty) }
    for (text, character) in [("a?", "?"), ("-_-_", "-")] {
      let error = refusal(of: document(text), as: SchedulerCall.Message.self)
      #expect(error?.code == .malformedValue)
      #expect(error?.message == "Failed to base64 decode bytes field 'data': Invalid character '\(character)'")
    }
  }
}

@Suite struct `JSON that is taken` {
  private func call(_ json: String) throws -> MasterCall { try MasterCall(jsonBytes: Array(json.utf8)) }

  @Test(arguments: [
    ("1", 1), ("-1", -1), ("\"1\"", 1), ("\"-7\"", -7), ("1.5", 1), ("1.0", 1), ("-1.9", -1), ("1e3", 1000),
    ("\"1.5\"", 1),
    ("\"1e3\"", 1000), ("9223372036854775807", .max), ("-9223372036854775808", .min), ("\"9223372036854775807\"", .max),
    ("1e18", 1_000_000_000_000_000_000), ("\" 1\"", 1), ("\"01\"", 1), ("01", 1), ("1.", 1), ("-0", 0), ("-.5", 0),
    ("9007199254740993", 9_007_199_254_740_993), ("0000000000000000000000000000001", 1),
  ])
  func `an integer may be quoted, have zeros before it or a fraction that is cut`(text: String, expected: Int64) throws
  {
    #expect(try DurationInfo(jsonBytes: Array("{\"nanoseconds\":\(text)}".utf8)).nanoseconds == expected)
  }

  @Test func `unsigned integers reach their full range`() throws {
    let call = try call(#"{"read_file":{"path":"p","offset":18446744073709551615,"length":"18446744073709551615"}}"#)
    #expect(call.readFile.offset == .max)
    #expect(call.readFile.length == .max)
  }

  @Test func `unknown fields are skipped whatever they hold`() throws {
    let call = try call(
      #" { "a":[1,-2.5e3,{"b":[]},null,true,false,"\u00e9"],"":{}, "type" : "GET_HEALTH" , "z":{"y":{}}} "#)
    #expect(call.type == .getHealth)
  }

  @Test(arguments: [#""NOPE""#, #""get_health""#, #""""#, "null"])
  func `an unknown name of an enumeration value leaves the field unset`(name: String) throws {
    #expect(try !call("{\"type\":\(name)}").hasType)
  }

  @Test func `of equal keys the last counts, and replaces all of the earlier`() throws {
    #expect(try call(#"{"type":"GET_HEALTH","type":"GET_VERSION"}"#).type == .getVersion)
    #expect(try !call(#"{"type":"GET_HEALTH","type":null}"#).hasType)
    let last = try call(#"{"list_files":{},"list_files":{"path":"b"}}"#)
    #expect(last.listFiles.path == "b")
    let volumes = try call(#"{"update_quota":{"quota_configs":[{"role":"a"}],"quota_configs":[{"role":"b"}]}}"#)
    #expect(volumes.updateQuota.quotaConfigs.map(\.role) == ["b"])
  }

  @Test(arguments: [
    (#""a""#, ["a"]), (#"["a",null]"#, ["a"]), (#"[["a"],"b"]"#, ["a", "b"]),
    (#"["a",["b",["c"],[]]]"#, ["a", "b", "c"]),
    ("[]", []), ("[[]]", []), ("null", []),
  ])
  func `a list may be one element, and lists in it are flattened`(json: String, expected: [String]) throws {
    #expect(try SchedulerCall.Revive(jsonBytes: Array("{\"roles\":\(json)}".utf8)).roles == expected)
  }

  @Test func `a list of messages skips nulls and takes one message for a list of it`() throws {
    func roles(_ json: String) throws -> [String] {
      try call("{\"update_quota\":{\"quota_configs\":\(json)}}").updateQuota.quotaConfigs.map(\.role)
    }
    #expect(try roles(#"{"role":"a"}"#) == ["a"])
    #expect(try roles(#"[null,{"role":"a"},[{"role":"b"}]]"#) == ["a", "b"])
    let empty = String(repeating: "[],", count: 100_000)
    #expect(try roles("[\(empty){\"role\":\"a\"}]") == ["a"])
  }

  @Test func `keys and values may have escapes`() throws {
    #expect(try call(#"{"\u0074ype":"GET\u005fHEALTH"}"#).type == .getHealth)
    let path = try call(#"{"list_files":{"path":"\"\\\/\b\f\n\r\t\u0041\uD83D\uDE00\u2028\u0000"}}"#).listFiles.path
    #expect(path == "\"\\/\u{8}\u{C}\n\r\tA😀\u{2028}\0")
  }

  @Test func `Booleans may be quoted`() throws {
    #expect(try call(#"{"update_quota":{"force":"true"}}"#).updateQuota.force)
    #expect(try !call(#"{"update_quota":{"force":"false"}}"#).updateQuota.force)
  }

  @Test func `a duration is the object of its fields`() throws {
    let call = try call(
      #"{"type":"DRAIN_AGENT","drain_agent":{"agent_id":{"value":"x"},"max_grace_period":{"seconds":"5","nanos":7}}}"#)
    #expect(call.drainAgent.maxGracePeriod == .init(seconds: 5, nanos: 7))
    #expect(
      String(decoding: call.drainAgent.jsonBytes(), as: UTF8.self)
        == #"{"agent_id":{"value":"x"},"max_grace_period":{"seconds":5,"nanos":7},"mark_gone":false}"#)
  }

  @Test func `a slice and a span are read like an array`() throws {
    let bytes = Array(#"__{"value":"x"}__"#.utf8)
    #expect(try TaskID(jsonBytes: bytes[2..<15]).value == "x")
    #expect(try TaskID(jsonBytes: bytes.span.extracting(2..<15)).value == "x")
  }

  @Test func `several values are read one after another from one reader`() throws {
    let bytes = Array(#"{"value":"a"} {"value":"b"}"#.utf8)
    let values = try bytes.withUnsafeBytes { buffer in
      var reader = JSONReader(buffer)
      var first = TaskID()
      var second = TaskID()
      try first.decodeJSON(from: &reader)
      try second.decodeJSON(from: &reader)
      #expect(throws: JSONMessageError.self) { try first.decodeJSON(from: &reader) }
      return [first.value, second.value]
    }
    #expect(values == ["a", "b"])
  }
}
