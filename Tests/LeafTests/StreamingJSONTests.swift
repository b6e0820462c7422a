import Foundation
import Testing

@testable import StreamingJSON

@Suite struct StreamingJSONWriterTests {
  private func document(
    chunkSize: Int = 1 << 16, _ body: (inout StreamingJSONWriter) throws -> Void
  ) throws -> String {
    var writer = try StreamingJSONWriter(chunkSize: chunkSize)
    try body(&writer)
    return String(decoding: try writer.finish().flatMap { $0 }, as: UTF8.self)
  }

  @Test func `every kind of value is written as Apache Mesos writes it`() throws {
    let text = try document {
      try $0.beginObject()
      try $0.key("string")
      try $0.string("a\"b\\c\n\u{1}é😀/")
      try $0.key("numbers")
      try $0.beginArray()
      try $0.integer(-7)
      try $0.integer(UInt64.max)
      try $0.double(4)
      try $0.double(0.1)
      try $0.double(0.1 + 0.2)
      try $0.double(-0.5)
      try $0.endArray()
      try $0.key("rest")
      try $0.beginArray()
      try $0.bool(true)
      try $0.bool(false)
      try $0.null()
      try $0.encoded(Array(#"{"x":[1]}"#.utf8))
      try $0.beginObject()
      try $0.endObject()
      try $0.string("")
      try $0.endArray()
      try $0.endObject()
    }
    #expect(
      text == #"{"string":"a\"b\\c\n\u0001é😀/","numbers":[-7,18446744073709551615,4.0,0.1,0.30000000000000004,-0.5],"#
        + #""rest":[true,false,null,{"x":[1]},{},""]}"#)
  }

  @Test(arguments: [1, 2, 7, 64, 1_000])
  func `chunks are bounded and join to the whole document`(chunkSize: Int) throws {
    var writer = try StreamingJSONWriter(chunkSize: chunkSize)
    var bytes: [UInt8] = []
    try writer.beginArray()
    for number in 0..<500 {
      try writer.beginObject()
      try writer.key("number")
      try writer.integer(number)
      try writer.key("text")
      try writer.string(String(repeating: "é", count: number % 40))
      try writer.endObject()
      while let chunk = writer.takeChunk() {
        #expect(chunk.count <= chunkSize && !chunk.isEmpty)
        bytes += chunk
      }
    }
    try writer.endArray()
    for chunk in try writer.finish() {
      #expect(chunk.count <= chunkSize)
      bytes += chunk
    }
    let parsed = try JSONSerialization.jsonObject(with: Data(bytes)) as? [[String: Any]]
    #expect(parsed?.count == 500)
    #expect(parsed?[499]["number"] as? Int == 499)
    #expect(parsed?[39]["text"] as? String == String(repeating: "é", count: 39))
  }

  @Test func `bytes that are no UTF-8 do not break the document`() throws {
    let text = try document { try $0.string(utf8: [0x61, 0xFF, 0xC3, 0x62]) }
    #expect(text == "\"a\u{FFFD}\u{FFFD}b\"")
  }

  @Test(arguments: [Double.nan, .infinity, -.infinity])
  func `a number without JSON is refused and nothing is written`(value: Double) throws {
    var writer = try StreamingJSONWriter()
    try writer.beginArray()
    do {
      try writer.double(value)
      Issue.record("written")
    } catch {
      #expect(error.code == .notANumber)
    }
    try writer.endArray()
    #expect(try writer.finish().flatMap { $0 } == Array("[]".utf8))
  }

  /// Each misuse and the code it gives.
  private static let misuses: [@Sendable (inout StreamingJSONWriter) throws -> Void] = [
    { try $0.key("a") }, { try $0.endArray() }, { try $0.endObject() },
    {
      try $0.beginObject()
      try $0.integer(1)
    },
    {
      try $0.beginObject()
      try $0.key("a")
      try $0.endObject()
    },
    {
      try $0.beginObject()
      try $0.key("a")
      try $0.key("b")
    },
    {
      try $0.beginArray()
      try $0.endObject()
    },
    {
      try $0.null()
      try $0.null()
    },
    {
      try $0.beginArray()
      _ = try $0.finish()
    },
    { _ = try $0.finish() },
  ]

  @Test(arguments: misuses.indices) func `misuse is an error`(index: Int) throws {
    var writer = try StreamingJSONWriter()
    do {
      try Self.misuses[index](&writer)
      Issue.record("accepted")
    } catch let error as StreamingJSONError {
      #expect(error.code == .outOfPlace)
    }
  }

  @Test func `too deep nesting is an error`() throws {
    var writer = try StreamingJSONWriter()
    for _ in 0..<StreamingJSONWriter.depthMax { try writer.beginArray() }
    do {
      try writer.beginArray()
      Issue.record("accepted")
    } catch {
      #expect(error.code == .tooDeep)
    }
  }
}

@Suite struct LocatedJSONParserTests {
  private let parser = LocatedJSONParser()

  @Test func `values keep their type, order and place`() throws {
    let text = """
      {
        "name": "a\\u00e9\\n", "n": [1, -2.5, 1e3, true, null],
        "object": {"k": {}}
      }
      """
    let tree = try parser.parse(text, source: "acls.json")
    #expect(try tree.object().map(\.key) == ["name", "n", "object"])
    #expect(try tree.member("name").string() == "aé\n")
    let numbers = try tree.member("n").array()
    #expect(try numbers[0].integer() == 1)
    #expect(try numbers[1].double() == -2.5)
    #expect(try numbers[2].double() == 1_000)
    #expect(try numbers[3].bool())
    let place = try tree.member("object").member("k").place
    #expect((place.line, place.column) == (3, 19))
    #expect(numbers[1].place.column == 33)
    #expect(tree["missing"] == nil)
  }

  @Test(arguments: [
    ("{\"a\": 1,}", 1, 9), ("{\"a\": tru}", 1, 10), ("[1, 2", 1, 6), ("", 1, 1), ("{\n  \"a\" 1\n}", 2, 7),
    ("[1] x", 1, 5),
  ])
  func `a mistake is shown where it is`(text: String, line: Int, column: Int) throws {
    let error = try #require(throws: StreamingJSONError.self) { try parser.parse(text, source: "f.json") }
    #expect(error.code == .malformed)
    let place = try #require(error.place)
    #expect(place.line == line)
    #expect(abs(place.column - column) <= 1, "\(error)")
    #expect(error.description.hasPrefix("f.json:\(line):"))
    #expect(error.description.hasSuffix("^"))
  }

  @Test func `a key given twice is refused at the second`() throws {
    let error = try #require(throws: StreamingJSONError.self) { try parser.parse("{\"a\":1,\n \"a\":2}", source: "f") }
    #expect(error.code == .duplicateKey)
    #expect(error.place?.line == 2)
    #expect(error.place?.column == 2)
  }

  @Test func `deep nesting, huge texts and huge numbers are refused`() throws {
    let deep = String(repeating: "[", count: 100_000)
    #expect(try #require(throws: StreamingJSONError.self) { try parser.parse(deep, source: "f") }.code == .tooDeep)
    let small = LocatedJSONParser(sizeMax: 3)
    #expect(try #require(throws: StreamingJSONError.self) { try small.parse("[1,2]", source: "f") }.code == .tooLarge)
    #expect(
      try #require(throws: StreamingJSONError.self) { try parser.parse("[1e999]", source: "f") }.code == .notANumber)
  }

  @Test func `comments are read where they are allowed`() throws {
    let text = "// first\n{\"a\": /* why */ 1}"
    let tree = try LocatedJSONParser(allowsComments: true).parse(text, source: "f")
    #expect(try tree.member("a").integer() == 1)
    #expect(try tree.member("a").place.line == 2)
    #expect(try tree.member("a").place.column == 17)
    #expect(throws: StreamingJSONError.self) { try parser.parse(text, source: "f") }
  }

  @Test func `a value of the wrong type is reported at its place`() throws {
    let tree = try parser.parse("{\n \"port\": \"x\"}", source: "f.json")
    let error = try #require(throws: StreamingJSONError.self) { try tree.member("port").integer() }
    #expect(error.code == .unexpectedType)
    #expect(error.description.hasPrefix("f.json:2:10: expected a whole number and found a string"))
    #expect(try #require(throws: StreamingJSONError.self) { try tree.member("ip") }.code == .missingKey)
  }

  @Test func `what the writer wrote is read back`() throws {
    var state: UInt64 = 3
    for _ in 0..<50 {
      var writer = try StreamingJSONWriter(chunkSize: 16)
      var bytes: [UInt8] = []
      var numbers: [Double] = []
      try writer.beginArray()
      for _ in 0..<20 {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        let number = Double(bitPattern: state)
        guard number.isFinite else { continue }
        numbers.append(number)
        try writer.double(number)
      }
      try writer.endArray()
      for chunk in try writer.finish() { bytes += chunk }
      #expect(try parser.parse(bytes, source: "f").array().map { try $0.double() } == numbers)
    }
  }
}
