import CYajl

/// Reads the JSON files that operators write, such as flags with JSON values, with errors that show the place.
public struct LocatedJSONParser: Sendable {
  /// Largest text in bytes.
  public var sizeMax: Int
  /// Deepest nesting of arrays and objects.
  public var depthMax: Int
  /// Whether `//` and `/* */` comments may stand in the text.
  public var allowsComments: Bool

  public init(sizeMax: Int = 16 << 20, depthMax: Int = 64, allowsComments: Bool = false) {
    self.sizeMax = sizeMax
    self.depthMax = depthMax
    self.allowsComments = allowsComments
  }

  /// Reads one document.
  ///
  /// - Parameters:
  ///   - bytes: UTF-8 text; white space around the value is allowed.
  ///   - source: Name of the text in errors, such as the file's path.
  /// - Throws: ``StreamingJSONError`` with its place: `.malformed`, `.duplicateKey`, `.tooDeep`, `.tooLarge`, `.notANumber` (a number beyond
  ///   the range of a double).
  public func parse(_ bytes: some Sequence<UInt8>, source: String) throws(StreamingJSONError) -> JSONTree {
    let text = JSONText(source: source, bytes: Array(bytes))
    guard text.bytes.count <= sizeMax else {
      throw StreamingJSONError(.tooLarge, "the text has more than \(sizeMax) bytes", at: text.place(at: 0))
    }
    let builder = TreeBuilder(text: text, depthMax: depthMax)
    var callbacks = TreeBuilder.callbacks
    guard let parser = yajl_alloc(&callbacks, nil, Unmanaged.passUnretained(builder).toOpaque()) else {
      throw StreamingJSONError(.outOfMemory, "yajl could not get memory for a parser")
    }
    defer { yajl_free(parser) }
    if allowsComments { cyajl_allow_comments(parser) }
    builder.parser = parser
    // yajl keeps a pointer to the callbacks: they and the builder outlive the calls.
    let status = withExtendedLifetime(builder) {
      withUnsafeMutablePointer(to: &callbacks) { _ in
        text.bytes.withUnsafeBufferPointer { buffer -> yajl_status in
          var status = yajl_status_ok
          if let base = buffer.baseAddress, !buffer.isEmpty { status = yajl_parse(parser, base, buffer.count) }
          guard status == yajl_status_ok else { return status }
          builder.atEnd = true
          return yajl_complete_parse(parser)
        }
      }
    }
    if let error = builder.error { throw error }
    guard status == yajl_status_ok, let tree = builder.result else {
      let offset = builder.atEnd ? text.bytes.count : Int(yajl_get_bytes_consumed(parser))
      throw StreamingJSONError(
        .malformed, message(parser, text), at: text.place(at: place(offset, in: text, builder.atEnd)))
    }
    return tree
  }

  /// Reads one document from a string.
  public func parse(_ text: String, source: String) throws(StreamingJSONError) -> JSONTree {
    try parse(text.utf8, source: source)
  }

  /// yajl counts the offending byte as consumed: step back onto it.
  private func place(_ offset: Int, in text: JSONText, _ atEnd: Bool) -> Int { atEnd ? offset : max(0, offset - 1) }

  private func message(_ parser: yajl_handle, _ text: JSONText) -> String {
    guard let message = yajl_get_error(parser, 0, nil, 0) else { return "not JSON" }
    defer { yajl_free_error(parser, message) }
    var words = String(cString: message)
    while let last = words.last, last.isWhitespace { words.removeLast() }
    return words
  }
}

// Callbacks are C functions: they capture nothing, not even a type.

private func of(_ context: UnsafeMutableRawPointer?) -> TreeBuilder? {
  context.map { Unmanaged<TreeBuilder>.fromOpaque($0).takeUnretainedValue() }
}

private func string(_ bytes: UnsafePointer<UInt8>?, _ count: Int) -> String {
  String(decoding: UnsafeBufferPointer(start: bytes, count: bytes == nil ? 0 : count), as: UTF8.self)
}

/// Puts the values that yajl finds together.
private final class TreeBuilder {
  let text: JSONText
  let depthMax: Int
  var parser: yajl_handle?
  var atEnd = false
  var error: StreamingJSONError?
  var result: JSONTree?
  private var open: [Open] = []
  /// Where the last token ended.
  private var end = 0

  private struct Open {
    var offset: Int
    var isObject: Bool
    var elements: [JSONTree] = []
    var members: [(key: String, value: JSONTree)] = []
    var keys: Set<String> = []
    var key: String?
  }

  init(text: JSONText, depthMax: Int) {
    self.text = text
    self.depthMax = depthMax
  }

  /// The offset of the token that yajl just read: the first byte after the one before that is neither space, comment nor punctuation.
  func token() -> Int {
    var start = end
    let bytes = text.bytes
    while start < bytes.count {
      switch bytes[start] {
      case 0x20, 0x09, 0x0A, 0x0D, 0x2C, 0x3A: start += 1
      case 0x2F where start + 1 < bytes.count && bytes[start + 1] == 0x2F:
        while start < bytes.count, bytes[start] != 0x0A { start += 1 }
      case 0x2F:
        start += 2
        while start + 1 < bytes.count, bytes[start] != 0x2A || bytes[start + 1] != 0x2F { start += 1 }
        start += 2
      default:
        if !atEnd, let parser { end = max(start, Int(yajl_get_bytes_consumed(parser))) }
        return start
      }
    }
    return min(start, bytes.count)
  }

  func add(_ value: JSONTree.Value, at offset: Int) -> Int32 {
    let tree = JSONTree(value: value, offset: offset, text: text)
    guard var container = open.popLast() else {
      result = tree
      return 1
    }
    if let key = container.key {
      container.members.append((key, tree))
      container.key = nil
    } else {
      container.elements.append(tree)
    }
    open.append(container)
    return 1
  }

  func add(key: String) -> Int32 {
    let offset = token()
    guard var container = open.popLast() else { return 0 }
    guard container.keys.insert(key).inserted else {
      return fail(.duplicateKey, "the key '\(key.prefix(100))' is here a second time", offset)
    }
    container.key = key
    open.append(container)
    return 1
  }

  func begin(isObject: Bool) -> Int32 {
    let offset = token()
    guard open.count < depthMax else { return fail(.tooDeep, "nested more than \(depthMax) deep", offset) }
    open.append(Open(offset: offset, isObject: isObject))
    return 1
  }

  func finish() -> Int32 {
    _ = token()
    guard let container = open.popLast() else { return 0 }
    return add(container.isObject ? .object(container.members) : .array(container.elements), at: container.offset)
  }

  func add(number: UnsafeBufferPointer<CChar>) -> Int32 {
    let offset = token()
    let digits = String(decoding: number.lazy.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    if let value = Int64(digits) { return add(.integer(value), at: offset) }
    guard let value = Double(digits), value.isFinite else {
      return fail(.notANumber, "the number is out of range", offset)
    }
    return add(.double(value), at: offset)
  }

  private func fail(_ code: StreamingJSONError.Code, _ message: String, _ offset: Int) -> Int32 {
    error = StreamingJSONError(code, message, at: text.place(at: offset))
    return 0
  }

  static var callbacks: yajl_callbacks {
    yajl_callbacks(
      yajl_null: { context in of(context).map { $0.add(.null, at: $0.token()) } ?? 0 },
      yajl_boolean: { context, value in of(context).map { $0.add(.bool(value != 0), at: $0.token()) } ?? 0 },
      yajl_integer: nil, yajl_double: nil,
      yajl_number: { context, digits, count in
        of(context)?.add(number: UnsafeBufferPointer(start: digits, count: digits == nil ? 0 : count)) ?? 0
      },
      yajl_string: { context, bytes, count in
        of(context).map { $0.add(.string(string(bytes, count)), at: $0.token()) } ?? 0
      },
      yajl_start_map: { context in of(context)?.begin(isObject: true) ?? 0 },
      yajl_map_key: { context, bytes, count in of(context)?.add(key: string(bytes, count)) ?? 0 },
      yajl_end_map: { context in of(context)?.finish() ?? 0 },
      yajl_start_array: { context in of(context)?.begin(isObject: false) ?? 0 },
      yajl_end_array: { context in of(context)?.finish() ?? 0 })
  }
}
