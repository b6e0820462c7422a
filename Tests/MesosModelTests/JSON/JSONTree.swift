/// A JSON document as a tree, parsed plainly and apart from the codec under test.
indirect enum JSONTree: Hashable {
  case object([String: JSONTree])
  case array([JSONTree])
  case string(String)
  /// A number without a fraction or exponent, as it stands.
  case whole(String)
  /// Any other number; the text may differ where the value does not.
  case fraction(Double)
  case bool(Bool)
  case null

  struct Malformed: Error { let offset: Int }

  init(_ bytes: [UInt8]) throws {
    var parser = Parser(bytes: bytes)
    self = try parser.value()
    parser.skipSpace()
    guard parser.place == bytes.count else { throw Malformed(offset: parser.place) }
  }

  init(_ text: String) throws { try self.init(Array(text.utf8)) }

  /// Whether all that is in `other` is in this one too, with the same values.
  func contains(_ other: JSONTree) -> Bool {
    switch (self, other) {
    case (.object(let members), .object(let others)):
      others.allSatisfy { key, value in
        // Lists of requests are left out when empty.
        value == .null || value == .array([]) || members[key].map { $0.contains(value) } ?? false
      }
    case (.array(let elements), .array(let others)):
      elements.count == others.count && zip(elements, others).allSatisfy { $0.contains($1) }
    case (.fraction(let value), .whole(let text)): Double(text) == value
    default: self == other
    }
  }

  private struct Parser {
    let bytes: [UInt8]
    var place = 0

    var next: Character? { place < bytes.count ? Character(Unicode.Scalar(bytes[place])) : nil }

    mutating func skipSpace() {
      while let next, " \n\r\t".contains(next) { place += 1 }
    }

    mutating func expect(_ text: String) throws {
      guard bytes[place...].starts(with: text.utf8) else { throw Malformed(offset: place) }
      place += text.utf8.count
    }

    mutating func value() throws -> JSONTree {
      skipSpace()
      switch next {
      case "{":
        var members: [String: JSONTree] = [:]
        try list(from: "{", to: "}") { parser in
          parser.skipSpace()
          let start = parser.place
          guard case .string(let key) = try parser.value() else { throw Malformed(offset: start) }
          parser.skipSpace()
          try parser.expect(":")
          // A key that comes twice would hide a value.
          guard members.updateValue(try parser.value(), forKey: key) == nil else { throw Malformed(offset: start) }
        }
        return .object(members)
      case "[":
        var elements: [JSONTree] = []
        try list(from: "[", to: "]") { elements.append(try $0.value()) }
        return .array(elements)
      case "\"": return .string(try string())
      case "t":
        try expect("true")
        return .bool(true)
      case "f":
        try expect("false")
        return .bool(false)
      case "n":
        try expect("null")
        return .null
      default:
        let start = place
        while let next, "+-.0123456789Ee".contains(next) { place += 1 }
        let text = String(decoding: bytes[start..<place], as: UTF8.self)
        if !text.isEmpty, text.allSatisfy({ "-0123456789".contains($0) }) { return .whole(text) }
        guard let number = Double(text) else { throw Malformed(offset: start) }
        return .fraction(number)
      }
    }

    mutating func list(from open: String, to close: Character, _ element: (inout Parser) throws -> Void) throws {
      try expect(open)
      skipSpace()
      var isFirst = true
      while next != close {
        if !isFirst { try expect(",") }
        isFirst = false
        try element(&self)
        skipSpace()
      }
      place += 1
    }

    mutating func string() throws -> String {
      try expect("\"")
      var content: [UInt8] = []
      while let next, next != "\"" {
        guard next == "\\" else {
          content.append(bytes[place])
          place += 1
          continue
        }
        guard place + 1 < bytes.count else { throw Malformed(offset: place) }
        let escapes: [Character: UInt8] = [
          "\"": 0x22, "\\": 0x5C, "/": 0x2F, "b": 8, "t": 9, "n": 10, "f": 12, "r": 13,
        ]
        let kind = Character(Unicode.Scalar(bytes[place + 1]))
        if let byte = escapes[kind] {
          content.append(byte)
          place += 2
        } else {
          // Enough for what the codec writes: control characters only.
          let digits = String(decoding: bytes[(place + 2)..<min(place + 6, bytes.count)], as: UTF8.self)
          guard kind == "u", let unit = UInt16(digits, radix: 16), let scalar = Unicode.Scalar(unit) else {
            throw Malformed(offset: place)
          }
          content += Array(String(Character(scalar)).utf8)
          place += 6
        }
      }
      try expect("\"")
      return String(decoding: content, as: UTF8.self)
    }
  }
}
