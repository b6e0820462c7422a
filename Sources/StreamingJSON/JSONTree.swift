/// A small JSON document that an operator wrote, each value with its place, so that what is wrong with it can be shown there.
public struct JSONTree: Sendable {
  public indirect enum Value: Sendable {
    case null
    case bool(Bool)
    /// A number without fraction and exponent that fits.
    case integer(Int64)
    case double(Double)
    case string(String)
    case array([JSONTree])
    /// In the order of the text; no key occurs twice.
    case object([(key: String, value: JSONTree)])
  }

  public let value: Value
  /// Offset of the first byte of the value.
  let offset: Int
  let text: JSONText

  /// Where the value begins.
  public var place: JSONPlace { text.place(at: offset) }

  /// An error about this value, for a reader that finds it wrong.
  public func error(_ message: String) -> StreamingJSONError { StreamingJSONError(.unexpectedType, message, at: place) }

  /// The member of an object; `nil` when it is not there, is null, or this is no object.
  public subscript(_ key: String) -> JSONTree? {
    guard case .object(let members) = value, let member = members.first(where: { $0.key == key })?.value else {
      return nil
    }
    if case .null = member.value { return nil }
    return member
  }

  /// The member of an object.
  ///
  /// - Throws: ``StreamingJSONError`` at this value when it is no object, or has no such member.
  public func member(_ key: String) throws(StreamingJSONError) -> JSONTree {
    _ = try object()
    guard let member = self[key] else { throw StreamingJSONError(.missingKey, "'\(key)' is missing here", at: place) }
    return member
  }

  /// The members of an object, in the order of the text. Like each of the following, it throws an error at this value when it is of
  /// another type.
  public func object() throws(StreamingJSONError) -> [(key: String, value: JSONTree)] {
    guard case .object(let members) = value else { throw expected("an object") }
    return members
  }

  public func array() throws(StreamingJSONError) -> [JSONTree] {
    guard case .array(let elements) = value else { throw expected("an array") }
    return elements
  }

  public func string() throws(StreamingJSONError) -> String {
    guard case .string(let text) = value else { throw expected("a string") }
    return text
  }

  public func bool() throws(StreamingJSONError) -> Bool {
    guard case .bool(let value) = value else { throw expected("true or false") }
    return value
  }

  public func integer() throws(StreamingJSONError) -> Int64 {
    guard case .integer(let value) = value else { throw expected("a whole number") }
    return value
  }

  /// The number, whole or not.
  public func double() throws(StreamingJSONError) -> Double {
    switch value {
    case .double(let value): return value
    case .integer(let value): return Double(value)
    default: throw expected("a number")
    }
  }

  private func expected(_ what: String) -> StreamingJSONError {
    let found =
      switch value {
      case .null: "null"
      case .bool: "true or false"
      case .integer, .double: "a number"
      case .string: "a string"
      case .array: "an array"
      case .object: "an object"
      }
    return error("expected \(what) and found \(found)")
  }
}

/// A text with the name it goes by.
final class JSONText: Sendable {
  let source: String
  let bytes: [UInt8]

  init(source: String, bytes: [UInt8]) {
    self.source = source
    self.bytes = bytes
  }

  /// The line and column of an offset, with at most 80 characters of that line.
  func place(at offset: Int) -> JSONPlace {
    let offset = min(max(offset, 0), bytes.count)
    let before = bytes[..<offset]
    let lineStart = before.lastIndex(of: 0x0A).map { $0 + 1 } ?? 0
    let lineEnd = bytes[offset...].firstIndex(of: 0x0A) ?? bytes.count
    let left = String(decoding: bytes[lineStart..<offset], as: UTF8.self)
    let right = String(decoding: bytes[offset..<lineEnd], as: UTF8.self)
    let column = left.count + 1
    // Control characters would put the mark in the wrong column, or worse, act on a terminal.
    func shown(_ text: some StringProtocol) -> String {
      String(text.map { $0.unicodeScalars.contains { $0.value < 0x20 || $0.value == 0x7F } ? " " : $0 })
    }
    let context = shown(left.suffix(40))
    let line = before.reduce(1) { $1 == 0x0A ? $0 + 1 : $0 }
    return JSONPlace(
      source: source, line: line, column: column, excerpt: context + shown(right.prefix(40)), mark: context.count)
  }
}
