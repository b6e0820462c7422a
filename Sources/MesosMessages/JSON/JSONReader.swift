import Foundation
import SwiftProtobuf

#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// A position in a JSON text that messages are read from.
///
/// The first fault is noted in `failure` and moves the position to the end, so that whoever is reading comes to an end as well; later
/// faults are ignored. That keeps the generated code free of error paths.
///
/// The bytes must stay where they are while the reader is in use.
public struct JSONReader: ~Copyable {
  /// How deep objects and arrays may lie in each other, as in Apache Mesos.
  public static let depthMax = 200

  private let start: UnsafeRawPointer
  private let end: UnsafeRawPointer
  private var position: UnsafeRawPointer
  private var depth = 0
  /// Where a key or name with escapes is put together.
  private var scratch: UnsafeMutableRawPointer?
  /// Strings of a large document, each at the place that its bytes point to: ids come again and again, and sharing them costs less
  /// than making them anew.
  private var recent: UnsafeMutablePointer<String>?
  private static let recentCount = 256
  private static let recentDocumentMin = 16_384
  private let tracksPath: Bool
  private var path: [PathPart] = []
  private var missing: [String] = []
  /// Which element of a list is read next, while paths are tracked.
  private var elementIndex: Int?

  /// The first fault met.
  public private(set) var failure: JSONMessageError?

  /// Whether an object lacked a field that is required.
  private(set) var lacksRequired = false

  private enum PathPart {
    case field(StaticString)
    case element(Int)
    case key(String)
  }

  /// A reader at the start of `bytes`.
  ///
  /// - Parameters:
  ///   - bytes: One JSON document, in memory that outlives the reader.
  ///   - tracksPath: Whether errors name the field with its whole path; reading is slower then.
  public init(_ bytes: UnsafeRawBufferPointer, tracksPath: Bool = false) {
    let nothing: StaticString = ""
    let base = bytes.baseAddress ?? UnsafeRawPointer(nothing.utf8Start)
    start = base
    position = base
    end = base + bytes.count
    self.tracksPath = tracksPath
  }

  deinit {
    scratch?.deallocate()
    recent?.deinitialize(count: Self.recentCount)
    recent?.deallocate()
  }

  /// Bytes read so far.
  public var offset: Int { position - start }

  // MARK: Faults

  /// Notes a fault of the text at the position, in the words of the parser of Apache Mesos.
  @inline(never)
  private mutating func failSyntax(skipping skipped: Int = 0) {
    guard failure == nil else { return }
    let before = UnsafeRawBufferPointer(start: start, count: position - start)
    let line = 1 + before.count { $0 == UInt8(ascii: "\n") }
    var near = position
    for _ in 0..<skipped where near < end && near.load(as: UInt8.self) != UInt8(ascii: "\n") { near += 1 }
    var rest = near
    while rest < end, rest.load(as: UInt8.self) != UInt8(ascii: "\n") { rest += 1 }
    note(.syntax, "syntax error at line \(line) near: \(excerpt(from: near, to: rest))", at: position)
  }

  @inline(never)
  private mutating func fail(_ code: JSONMessageError.Code, _ message: String, at place: UnsafeRawPointer? = nil) {
    guard failure == nil else { return }
    note(code, message, at: place ?? position)
  }

  private mutating func note(_ code: JSONMessageError.Code, _ message: String, at place: UnsafeRawPointer) {
    failure = JSONMessageError(code: code, message: message, offset: place - start, path: renderedPath())
    position = end
  }

  /// Text of the document for a message, at most 200 bytes of it.
  private func excerpt(from: UnsafeRawPointer, to: UnsafeRawPointer) -> String {
    String(decoding: UnsafeRawBufferPointer(start: from, count: min(to - from, 200)), as: UTF8.self)
  }

  private func renderedPath() -> String {
    var text = ""
    for part in path {
      switch part {
      case .field(let name): text += (text.isEmpty ? "" : ".") + name.description
      case .element(let index): text += "[\(index)]"
      case .key(let key): text += "[\(key.prefix(100))]"
      }
    }
    return text
  }

  /// The error for the fields that were found missing; the reader has to have tracked paths to name them.
  func missingRequiredError() -> JSONMessageError {
    JSONMessageError(
      code: .missingRequired, message: "Missing required fields: " + missing.joined(separator: ", "), offset: offset,
      path: missing.first ?? "")
  }

  // MARK: Structure

  @inline(__always)
  private mutating func skipSpace() {
    while position < end {
      let byte = position.load(as: UInt8.self)
      guard byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 else { return }
      position += 1
    }
  }

  /// The next byte that is not white space; 0 at the end.
  @inline(__always)
  private mutating func peek() -> UInt8 {
    if position < end {
      let byte = position.load(as: UInt8.self)
      if byte > 0x20 { return byte }
    }
    skipSpace()
    return position < end ? position.load(as: UInt8.self) : 0
  }

  /// Notes a fault unless only white space is left.
  package mutating func expectEnd() {
    guard failure == nil else { return }
    let before = position
    skipSpace()
    guard position < end else { return }
    fail(
      .trailingCharacters,
      "Parsed JSON included non-whitespace trailing characters: \(excerpt(from: before, to: end))", at: position)
  }

  private mutating func enter() -> Bool {
    position += 1
    depth += 1
    if depth <= Self.depthMax { return true }
    guard failure == nil else { return false }
    failSyntax()
    if let noted = failure {
      failure = JSONMessageError(
        code: .nestingTooDeep, message: noted.message, offset: noted.offset, path: noted.path)
    }
    return false
  }

  /// Where in an object the reader is.
  struct ObjectCursor {
    fileprivate var isFirst = true
    fileprivate var isOpen: Bool
    fileprivate var missingMark: Int
  }

  /// Enters an object; anything else in its place is a fault.
  mutating func object() -> ObjectCursor {
    let cursor = ObjectCursor(isOpen: peek() == UInt8(ascii: "{"), missingMark: missing.count)
    if cursor.isOpen {
      _ = enter()
    } else if failure == nil {
      // Fields check the type of their value first, so this is the document itself.
      let place = position
      skipValue()
      fail(.notAnObject, "Expecting a JSON object", at: place)
    }
    return cursor
  }

  /// The next key of an object, with the position at its value; nil at the object's end and after a fault.
  @inline(never)
  mutating func nextKey(_ cursor: inout ObjectCursor) -> JSONText? {
    guard cursor.isOpen else { return nil }
    var byte = peek()
    if byte == UInt8(ascii: "}") {
      position += 1
      depth &-= 1
      return nil
    }
    if !cursor.isFirst {
      guard byte == UInt8(ascii: ",") else {
        failSyntax()
        return nil
      }
      position += 1
      byte = peek()
    }
    cursor.isFirst = false
    guard byte == UInt8(ascii: "\"") else {
      failSyntax()
      return nil
    }
    guard let key = text() else { return nil }
    guard peek() == UInt8(ascii: ":") else {
      failSyntax()
      return nil
    }
    position += 1
    return key
  }

  /// Notes that an object lacks a required field, unless it is there; called at the object's end.
  @inline(never)
  mutating func require(_ isThere: Bool, _ field: StaticString, _ cursor: ObjectCursor) {
    guard !isThere, failure == nil else { return }
    lacksRequired = true
    guard tracksPath else { return }
    // Before what its own fields lack, and after what was noted for this object so far.
    let prefix = renderedPath()
    let name = prefix.isEmpty ? field.description : "\(prefix).\(field)"
    var place = cursor.missingMark
    while place < missing.count, isDirectField(missing[place], of: prefix) { place += 1 }
    missing.insert(name, at: place)
  }

  private func isDirectField(_ name: String, of prefix: String) -> Bool {
    let rest = name.dropFirst(prefix.isEmpty ? 0 : prefix.count + 1)
    return !rest.contains(".") && !rest.contains("[")
  }

  // MARK: Text

  /// A text without its quotes and escapes, good until the next one is read; the position is at its quote.
  @inline(__always)
  private mutating func text() -> JSONText? {
    let content = position + 1
    var byte = content
    // All bytes together: its high bits tell whether the text is ASCII.
    var seen: UInt64 = 0
    while end - byte >= 8 {
      let word = UInt64(littleEndian: byte.loadUnaligned(as: UInt64.self))
      let specials = JSONBytes.specials(in: word)
      if specials != 0 {
        let place = specials.trailingZeroBitCount &>> 3
        let close = byte + place
        guard close.load(as: UInt8.self) == UInt8(ascii: "\"") else { return escapedText() }
        seen |= word & ((1 &<< UInt64(place &* 8)) &- 1)
        position = close + 1
        return JSONText(start: content, count: close - content, isASCII: seen & 0x8080_8080_8080_8080 == 0)
      }
      seen |= word
      byte += 8
    }
    while byte < end {
      let character = byte.load(as: UInt8.self)
      if JSONBytes.isSpecial(character) {
        guard character == UInt8(ascii: "\"") else { break }
        position = byte + 1
        return JSONText(start: content, count: byte - content, isASCII: false)
      }
      byte += 1
    }
    return escapedText()
  }

  @inline(never)
  private mutating func escapedText() -> JSONText? {
    guard let bytes = unescaped() else { return nil }
    scratch?.deallocate()
    let memory = UnsafeMutableRawPointer.allocate(byteCount: max(bytes.count, 1), alignment: 1)
    bytes.withUnsafeBytes { memory.copyMemory(from: $0.baseAddress ?? UnsafeRawPointer(memory), byteCount: $0.count) }
    scratch = memory
    return JSONText(start: UnsafeRawPointer(memory), count: bytes.count, isASCII: false)
  }

  /// A text that has escapes, or a fault; the position is at its quote.
  private mutating func unescaped() -> [UInt8]? {
    var bytes: [UInt8] = []
    position += 1
    while position < end {
      let byte = position.load(as: UInt8.self)
      switch byte {
      case UInt8(ascii: "\""):
        position += 1
        return bytes
      case 0..<0x20:
        failSyntax(skipping: 1)
        return nil
      case UInt8(ascii: "\\"):
        position += 1
        guard unescape(into: &bytes) else { return nil }
      default:
        bytes.append(byte)
        position += 1
      }
    }
    failSyntax()
    return nil
  }

  /// Reads what follows a backslash.
  private mutating func unescape(into bytes: inout [UInt8]) -> Bool {
    guard position < end else {
      failSyntax()
      return false
    }
    switch position.load(as: UInt8.self) {
    case UInt8(ascii: "\""): bytes.append(UInt8(ascii: "\""))
    case UInt8(ascii: "\\"): bytes.append(UInt8(ascii: "\\"))
    case UInt8(ascii: "/"): bytes.append(UInt8(ascii: "/"))
    case UInt8(ascii: "b"): bytes.append(0x08)
    case UInt8(ascii: "f"): bytes.append(0x0C)
    case UInt8(ascii: "n"): bytes.append(0x0A)
    case UInt8(ascii: "r"): bytes.append(0x0D)
    case UInt8(ascii: "t"): bytes.append(0x09)
    case UInt8(ascii: "u"):
      position += 1
      guard let scalar = escapedScalar() else { return false }
      bytes.append(contentsOf: String(Character(scalar)).utf8)
      return true
    default:
      failSyntax(skipping: 1)
      return false
    }
    position += 1
    return true
  }

  /// Reads the digits after `\u`, those of a second half included.
  private mutating func escapedScalar() -> Unicode.Scalar? {
    guard let unit = hexUnit() else { return nil }
    if let scalar = Unicode.Scalar(UInt32(unit)) { return scalar }
    if UTF16.isLeadSurrogate(unit), end - position >= 2, position.load(as: UInt8.self) == UInt8(ascii: "\\"),
      (position + 1).load(as: UInt8.self) == UInt8(ascii: "u")
    {
      position += 2
      guard let low = hexUnit() else { return nil }
      if UTF16.isTrailSurrogate(low) {
        return Unicode.Scalar(0x10000 + (UInt32(unit) - 0xD800) << 10 + (UInt32(low) - 0xDC00))
      }
    }
    failSyntax()
    return nil
  }

  private mutating func hexUnit() -> UInt16? {
    var unit: UInt16 = 0
    for _ in 0..<4 {
      guard position < end, let digit = Character(Unicode.Scalar(position.load(as: UInt8.self))).hexDigitValue else {
        failSyntax()
        return nil
      }
      unit = unit << 4 | UInt16(digit)
      position += 1
    }
    return unit
  }

  /// The text as a string; nil where it is not UTF-8.
  @inline(__always)
  private mutating func string(of text: JSONText) -> String? {
    let bytes = UnsafeBufferPointer(start: text.start.assumingMemoryBound(to: UInt8.self), count: text.count)
    guard text.isASCII else { return String(validating: bytes, as: UTF8.self) }
    // Shorter ones are no allocation, longer ones rarely the same.
    if text.count > 15, text.count < 64, end - start >= Self.recentDocumentMin { return recentString(bytes) }
    return String(decoding: bytes, as: UTF8.self)
  }

  private mutating func recentString(_ bytes: UnsafeBufferPointer<UInt8>) -> String {
    if recent == nil {
      recent = .allocate(capacity: Self.recentCount)
      recent?.initialize(repeating: "", count: Self.recentCount)
    }
    guard let recent, let start = bytes.baseAddress.map({ UnsafeRawPointer($0) }) else { return "" }
    let first = start.loadUnaligned(as: UInt64.self)
    let last = start.loadUnaligned(fromByteOffset: bytes.count &- 8, as: UInt64.self)
    let mixed = (first ^ (last &<< 1) ^ UInt64(truncatingIfNeeded: bytes.count)) &* 0x9E37_79B9_7F4A_7C15
    let slot = recent + Int(truncatingIfNeeded: mixed &>> 56)
    let isSame = slot.pointee.utf8.withContiguousStorageIfAvailable { kept in
      kept.count == bytes.count && kept.baseAddress.map { memcmp($0, start, bytes.count) == 0 } ?? false
    }
    if isSame != true { slot.pointee = String(decoding: bytes, as: UTF8.self) }
    return slot.pointee
  }

  // MARK: Any value

  /// Reads over one value, checking that it is JSON.
  package mutating func skipValue() {
    switch peek() {
    case UInt8(ascii: "{"):
      guard enter() else { return }
      var cursor = ObjectCursor(isOpen: true, missingMark: 0)
      while nextKey(&cursor) != nil { skipValue() }
    case UInt8(ascii: "["):
      guard enter() else { return }
      if peek() == UInt8(ascii: "]") {
        position += 1
        depth -= 1
        return
      }
      while true {
        skipValue()
        guard failure == nil, let more = nextElement() else { return }
        if !more { return }
      }
    case UInt8(ascii: "\""):
      _ = text()
    case UInt8(ascii: "t"): skipWord("true")
    case UInt8(ascii: "f"): skipWord("false")
    case UInt8(ascii: "n"): skipWord("null")
    default: _ = number()
    }
  }

  /// After an element: whether another follows; nil after a fault.
  @inline(__always)
  private mutating func nextElement() -> Bool? {
    switch peek() {
    case UInt8(ascii: ","):
      position += 1
      return true
    case UInt8(ascii: "]"):
      position += 1
      depth &-= 1
      return false
    default:
      failSyntax()
      return nil
    }
  }

  /// A number at the position; nil after a fault.
  @inline(__always)
  private mutating func number() -> JSONNumber? {
    let scan = JSONNumberScan(from: position, to: end)
    guard scan.outcome == .number else {
      failNumber(scan)
      return nil
    }
    position = scan.end
    return scan.number
  }

  @inline(never)
  private mutating func failNumber(_ scan: JSONNumberScan) {
    if scan.outcome == .tooLarge { return fail(.numberTooLarge, "Value out of range") }
    let byte = position < end ? position.load(as: UInt8.self) : 0
    let looksLikeNumber = byte == UInt8(ascii: "-") || byte &- 0x30 < 10
    failSyntax(skipping: looksLikeNumber ? scan.end - position : 0)
  }

  private mutating func skipWord(_ word: StaticString) {
    for index in 0..<word.utf8CodeUnitCount {
      guard position < end, position.load(as: UInt8.self) == word.utf8Start[index] else { return failSyntax() }
      position += 1
    }
  }

  /// Whether the value is `null`, which is then read.
  @inline(__always)
  private mutating func readNull() -> Bool {
    guard peek() == UInt8(ascii: "n") else { return false }
    skipWord("null")
    return true
  }

  /// Notes that a value has the wrong type for its field.
  ///
  /// The value itself is read first: a fault of the text in it counts more.
  @inline(never)
  private mutating func failType(_ field: StaticString) {
    let kind: StaticString
    switch peek() {
    case UInt8(ascii: "{"): kind = "object"
    case UInt8(ascii: "["): kind = "array"
    case UInt8(ascii: "\""): kind = "string"
    case UInt8(ascii: "t"), UInt8(ascii: "f"): kind = "boolean"
    default: kind = "number"
    }
    let place = position
    skipValue()
    if tracksPath, failure == nil { _ = descend(field) }
    fail(.unexpectedType, "Not expecting a JSON \(kind) for field '\(field)'", at: place)
  }

  @inline(never)
  private mutating func failField(
    _ field: StaticString, _ code: JSONMessageError.Code, _ message: String, at place: UnsafeRawPointer
  ) {
    if tracksPath, failure == nil { _ = descend(field) }
    fail(code, message, at: place)
  }

  // MARK: Values of fields: nil for null and after a fault

  @inline(never)
  mutating func string(_ field: StaticString) -> String? {
    guard peek() == UInt8(ascii: "\"") else { return otherThanText(field) }
    let place = position
    guard let text = text() else { return nil }
    if let string = string(of: text) { return string }
    failField(field, .invalidUTF8, "Text of field '\(field)' is not UTF-8", at: place)
    return nil
  }

  @inline(never)
  private mutating func otherThanText<Value>(_ field: StaticString) -> Value? {
    if !readNull() { failType(field) }
    return nil
  }

  /// An enumeration value; nil also for a name that is unknown.
  @inline(__always)
  mutating func name<Value: JSONEnum>(_ field: StaticString, _: Value.Type) -> Value? {
    guard let text = nameText(field) else { return nil }
    return Value(jsonName: text)
  }

  @inline(never)
  private mutating func nameText(_ field: StaticString) -> JSONText? {
    guard peek() == UInt8(ascii: "\"") else { return otherThanText(field) }
    return text()
  }

  mutating func data(_ field: StaticString) -> Data? {
    guard peek() == UInt8(ascii: "\"") else { return otherThanText(field) }
    let place = position
    guard let text = text() else { return nil }
    let read = withUnsafeTemporaryAllocation(byteCount: text.count / 4 * 3 + 3, alignment: 1) {
      memory -> Result<Data, JSONBytes.Base64Fault> in
      guard let base = memory.baseAddress else { return .success(Data()) }
      return JSONBytes.readBase64(UnsafeRawBufferPointer(start: text.start, count: text.count), to: base)
        .map { Data(bytes: base, count: $0) }
    }
    switch read {
    case .success(let data): return data
    case .failure(let fault):
      let character = String(decoding: [fault.character], as: UTF8.self)
      failField(
        field, .malformedValue, "Failed to base64 decode bytes field '\(field)': Invalid character '\(character)'",
        at: place)
      return nil
    }
  }

  mutating func bool(_ field: StaticString) -> Bool? {
    switch peek() {
    case UInt8(ascii: "t"):
      skipWord("true")
      return failure == nil ? true : nil
    case UInt8(ascii: "f"):
      skipWord("false")
      return failure == nil ? false : nil
    case UInt8(ascii: "\""):
      let place = position
      guard let text = text() else { return nil }
      if text.count == 4, text == "true" { return true }
      if text.count == 5, text == "false" { return false }
      var inner = JSONReader(UnsafeRawBufferPointer(start: text.start, count: text.count))
      inner.skipValue()
      inner.expectEnd()
      failField(
        field, .malformedValue,
        "Failed to parse '\(excerpt(from: text.start, to: text.start + text.count))' as a JSON boolean for field '\(field)': "
          + (inner.failure?.message ?? "Unexpected JSON type parsed"), at: place)
      return nil
    default:
      return otherThanText(field)
    }
  }

  @inline(__always)
  mutating func int64(_ field: StaticString) -> Int64? { integer(field) }

  @inline(__always)
  mutating func uint64(_ field: StaticString) -> UInt64? { integer(field) }

  @inline(__always)
  mutating func int32(_ field: StaticString) -> Int32? { integer(field) }

  @inline(__always)
  mutating func uint32(_ field: StaticString) -> UInt32? { integer(field) }

  private mutating func integer<Value: FixedWidthInteger>(_ field: StaticString) -> Value? {
    skipSpace()
    let place = position
    guard let number = numberValue(field) else { return nil }
    if let value: Value = number.integer() { return value }
    failField(field, .numberOutOfRange, "Number out of range for field '\(field)'", at: place)
    return nil
  }

  mutating func double(_ field: StaticString) -> Double? {
    numberValue(field)?.double
  }

  /// A number, or one in quotes.
  @inline(__always)
  private mutating func numberValue(_ field: StaticString) -> JSONNumber? {
    let byte = peek()
    if byte == UInt8(ascii: "-") || byte &- 0x30 < 10 { return number() }
    return quotedNumber(field)
  }

  @inline(never)
  private mutating func quotedNumber(_ field: StaticString) -> JSONNumber? {
    guard peek() == UInt8(ascii: "\"") else { return otherThanText(field) }
    let place = position
    guard let text = text() else { return nil }
    var inner = JSONReader(UnsafeRawBufferPointer(start: text.start, count: text.count))
    inner.skipSpace()
    let number = inner.number()
    if inner.failure == nil, inner.position < inner.end {
      // The parser of Apache Mesos has read one character more by then.
      let rest = inner.excerpt(from: inner.position + 1, to: inner.end)
      inner.fail(.malformedValue, "Parsed JSON included non-whitespace trailing characters: \(rest)")
    }
    guard let fault = inner.failure else { return number }
    failField(
      field, .malformedValue,
      "Failed to parse '\(excerpt(from: text.start, to: text.start + text.count))' as a JSON number for field '\(field)': "
        + fault.message, at: place)
    return nil
  }

  /// An object as a message.
  mutating func message<Value: JSONMessage>(_ field: StaticString, _: Value.Type) -> Value? {
    guard let parts = enterMessage(field) else { return nil }
    var value = Value()
    value.readJSON(from: &self)
    if parts > 0 { path.removeLast(parts) }
    return value
  }

  /// Whether an object comes, and how many parts its field has added to the path.
  @inline(never)
  private mutating func enterMessage(_ field: StaticString) -> Int? {
    guard peek() == UInt8(ascii: "{") else { return otherThanText(field) }
    return tracksPath ? descend(field) : 0
  }

  /// Adds a field, and which element of it is being read, to the path; returns how many parts that are.
  @inline(never)
  private mutating func descend(_ field: StaticString) -> Int {
    path.append(.field(field))
    guard let index = elementIndex else { return 1 }
    path.append(.element(index))
    elementIndex = nil
    return 2
  }

  /// An array, or one element in its place; arrays in it are flattened and nulls dropped, as Apache Mesos does.
  mutating func list<Value>(
    _ field: StaticString, _ element: (inout JSONReader, StaticString) -> Value?
  ) -> [Value] {
    var values: [Value] = []
    var cursor = ListCursor()
    while nextElement(&cursor, index: values.count) {
      guard let value = element(&self, field) else { continue }
      if values.count == values.capacity {
        // Most lists have one element or some; a list grown step by step is moved again and again.
        values.reserveCapacity(values.isEmpty ? max(1, 64 / MemoryLayout<Value>.stride) : max(8, values.count * 2))
      }
      values.append(value)
    }
    return values
  }

  /// Where in a list the reader is.
  struct ListCursor {
    fileprivate var isStarted = false
    /// How many arrays are open.
    fileprivate var open = 0
  }

  /// Moves to the next element, over the brackets and commas before it; false at the list's end and after a fault.
  @inline(never)
  private mutating func nextElement(_ cursor: inout ListCursor, index: Int) -> Bool {
    elementIndex = nil
    var isBehindElement = cursor.isStarted
    cursor.isStarted = true
    while true {
      if isBehindElement {
        if cursor.open == 0 { return false }
        guard failure == nil, let more = nextElement() else { return false }
        if !more {
          cursor.open -= 1
          continue
        }
      }
      guard peek() == UInt8(ascii: "[") else { break }
      guard enter() else { return false }
      cursor.open += 1
      // An empty array is no element.
      isBehindElement = peek() == UInt8(ascii: "]")
      if isBehindElement {
        position += 1
        depth &-= 1
        cursor.open -= 1
      }
    }
    // Only a path needs it.
    if tracksPath { elementIndex = index }
    return true
  }

  /// An object whose keys are a map's; a value must be there for each.
  mutating func map<Value>(
    _ field: StaticString, _ value: (inout JSONReader, StaticString) -> Value?
  ) -> [String: Value] {
    var values: [String: Value] = [:]
    guard peek() == UInt8(ascii: "{") else {
      let _: Value? = otherThanText(field)
      return values
    }
    var cursor = object()
    while let key = nextKey(&cursor) {
      guard let name = string(of: key) else {
        failField(field, .invalidUTF8, "Text of field '\(field)' is not UTF-8", at: position)
        return values
      }
      let place = position
      let parts = tracksPath ? descend(field) : 0
      if tracksPath { path.append(.key(name)) }
      if let value = value(&self, "value") {
        values[name] = value
        if tracksPath { path.removeLast(parts + 1) }
      } else {
        fail(.missingRequired, "Missing required fields: \(field)[\(name.prefix(100))].value", at: place)
      }
    }
    return values
  }
}

/// The bytes of a text in the document, without quotes and escapes.
struct JSONText {
  let start: UnsafeRawPointer
  let count: Int
  /// Whether it is known to be ASCII.
  let isASCII: Bool

  /// Whether it is `name`, which has as many bytes.
  @inline(__always)
  static func == (text: JSONText, name: StaticString) -> Bool {
    memcmp(text.start, name.utf8Start, name.utf8CodeUnitCount) == 0
  }
}
