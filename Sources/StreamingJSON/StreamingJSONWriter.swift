import CYajl

/// Writes one JSON document of any size in bounded memory.
///
/// What is written collects in a buffer; whenever ``takeChunk()`` gives a chunk, send it and go on. Called after each row, at most a
/// chunk and a row are in memory:
/// ```swift
/// try writer.beginArray()
/// for task in tasks {
///   try write(task, to: &writer)
///   while let chunk = writer.takeChunk() { try await body.write(chunk) }
/// }
/// try writer.endArray()
/// for chunk in try writer.finish() { try await body.write(chunk) }
/// ```
/// Misuse, such as a value where a key belongs, is an error and not a broken document.
public struct StreamingJSONWriter: ~Copyable, @unchecked Sendable {
  // Sendable: the handle has one owner, since the writer cannot be copied.
  private let generator: yajl_gen
  private let chunkSize: Int
  /// What is open, from outside in.
  private var open: [Container] = []
  /// The document has its one value.
  private var isComplete = false
  private var ready: [[UInt8]] = []
  private var readyFirst = 0

  private enum Container {
    case array
    /// `key`: the next thing is a key; otherwise it is the value of one.
    case object(expectsKey: Bool)
  }

  /// Deepest nesting that can be written; yajl's own limit is 128.
  public static let depthMax = 120

  /// - Parameter chunkSize: Most bytes of a chunk, at least 1. Chunks come when this much has collected.
  /// - Throws: ``StreamingJSONError`` with code `.outOfMemory`.
  public init(chunkSize: Int = 64 * 1024) throws(StreamingJSONError) {
    precondition(chunkSize > 0, "a chunk holds at least one byte")
    guard let generator = yajl_gen_alloc(nil) else {
      throw StreamingJSONError(.outOfMemory, "yajl could not get memory for a writer")
    }
    self.generator = generator
    self.chunkSize = chunkSize
  }

  deinit { yajl_gen_free(generator) }

  // MARK: Values

  public mutating func null() throws(StreamingJSONError) {
    try beginValue()
    try check(yajl_gen_null(generator))
    endValue()
  }

  public mutating func bool(_ value: Bool) throws(StreamingJSONError) {
    try beginValue()
    try check(yajl_gen_bool(generator, value ? 1 : 0))
    endValue()
  }

  public mutating func integer(_ value: some BinaryInteger) throws(StreamingJSONError) { try number(String(value)) }

  /// Writes the shortest digits that read back as `value`, always with a fraction or an exponent: `4.0`.
  ///
  /// - Throws: ``StreamingJSONError`` with code `.notANumber` for infinities and NaN; nothing is written then.
  public mutating func double(_ value: Double) throws(StreamingJSONError) {
    guard let text = JSONNumberText.text(value) else { throw StreamingJSONError(.notANumber, "\(value) has no JSON") }
    try number(text)
  }

  public mutating func string(_ value: String) throws(StreamingJSONError) {
    try beginValue()
    try text(value)
    endValue()
  }

  /// Writes bytes as a string; what is not UTF-8 becomes U+FFFD, as it must not break the document.
  public mutating func string(utf8 bytes: some Collection<UInt8>) throws(StreamingJSONError) {
    try string(String(decoding: bytes, as: UTF8.self))
  }

  /// Writes a value that is JSON already, such as a record that was encoded before. It is not looked at.
  public mutating func encoded(_ json: some Collection<UInt8>) throws(StreamingJSONError) {
    try beginValue()
    let status =
      json.withContiguousStorageIfAvailable { Self.raw(generator, $0) }
      ?? Array(json).withUnsafeBufferPointer { Self.raw(generator, $0) }
    try check(status)
    endValue()
  }

  // MARK: Containers

  public mutating func beginArray() throws(StreamingJSONError) {
    try beginContainer()
    try check(yajl_gen_array_open(generator))
    open.append(.array)
  }

  public mutating func endArray() throws(StreamingJSONError) {
    guard case .array? = open.last else { throw StreamingJSONError(.outOfPlace, "no array is open here") }
    try check(yajl_gen_array_close(generator))
    open.removeLast()
    endValue()
  }

  public mutating func beginObject() throws(StreamingJSONError) {
    try beginContainer()
    try check(yajl_gen_map_open(generator))
    open.append(.object(expectsKey: true))
  }

  public mutating func endObject() throws(StreamingJSONError) {
    guard case .object(expectsKey: true)? = open.last else {
      throw StreamingJSONError(.outOfPlace, "no object is open here, or its last key has no value")
    }
    try check(yajl_gen_map_close(generator))
    open.removeLast()
    endValue()
  }

  public mutating func key(_ name: String) throws(StreamingJSONError) {
    guard case .object(expectsKey: true)? = open.last else {
      throw StreamingJSONError(.outOfPlace, "the key '\(name.prefix(100))' has no place here")
    }
    try text(name)
    open[open.count - 1] = .object(expectsKey: false)
    collect()
  }

  // MARK: Chunks

  /// Returns the next full chunk, `nil` while none is full.
  public mutating func takeChunk() -> [UInt8]? {
    guard readyFirst < ready.count else { return nil }
    let chunk = ready[readyFirst]
    ready[readyFirst] = []
    readyFirst += 1
    if readyFirst == ready.count {
      ready.removeAll(keepingCapacity: true)
      readyFirst = 0
    }
    return chunk
  }

  /// Ends the document.
  ///
  /// - Returns: What ``takeChunk()`` has not given yet.
  /// - Throws: ``StreamingJSONError`` with code `.outOfPlace` when the document is not complete.
  public mutating func finish() throws(StreamingJSONError) -> [[UInt8]] {
    guard isComplete else { throw StreamingJSONError(.outOfPlace, "the document is not complete") }
    drain(all: true)
    var chunks: [[UInt8]] = []
    while let chunk = takeChunk() { chunks.append(chunk) }
    return chunks
  }

  // MARK: Inside

  private mutating func number(_ digits: String) throws(StreamingJSONError) {
    try beginValue()
    var digits = digits
    try check(digits.withUTF8 { Self.raw(generator, $0) })
    endValue()
  }

  private static func raw(_ generator: yajl_gen, _ bytes: UnsafeBufferPointer<UInt8>) -> yajl_gen_status {
    guard let base = bytes.baseAddress else { return yajl_gen_invalid_number }
    return base.withMemoryRebound(to: CChar.self, capacity: bytes.count) { yajl_gen_number(generator, $0, bytes.count) }
  }

  /// Strings of Swift are valid UTF-8 already, so yajl need not look.
  private func text(_ value: String) throws(StreamingJSONError) {
    var value = value
    let status = value.withUTF8 { bytes in
      withUnsafePointer(to: UInt8(0)) { empty in yajl_gen_string(generator, bytes.baseAddress ?? empty, bytes.count) }
    }
    try check(status)
  }

  private func beginValue() throws(StreamingJSONError) {
    switch open.last {
    case nil where isComplete: throw StreamingJSONError(.outOfPlace, "the document has its value already")
    case .object(expectsKey: true)?: throw StreamingJSONError(.outOfPlace, "an object's value needs a key first")
    default: return
    }
  }

  private func beginContainer() throws(StreamingJSONError) {
    try beginValue()
    guard open.count < Self.depthMax else {
      throw StreamingJSONError(.tooDeep, "arrays and objects are nested more than \(Self.depthMax) deep")
    }
  }

  private mutating func endValue() {
    switch open.last {
    case nil: isComplete = true
    case .object?: open[open.count - 1] = .object(expectsKey: true)
    case .array?: break
    }
    collect()
  }

  private mutating func collect() { drain(all: false) }

  /// Moves full chunks, or everything, out of yajl's buffer.
  private mutating func drain(all: Bool) {
    var start: UnsafePointer<UInt8>?
    var count = 0
    guard yajl_gen_get_buf(generator, &start, &count) == yajl_gen_status_ok, let start, count > 0,
      all || count >= chunkSize
    else { return }
    let buffer = UnsafeBufferPointer(start: start, count: count)
    var first = 0
    while count - first >= chunkSize || (all && first < count) {
      let end = min(count, first + chunkSize)
      ready.append(Array(buffer[first..<end]))
      first = end
    }
    let rest = Array(buffer[first...])
    yajl_gen_clear(generator)
    // yajl's buffer holds only what it wrote, so a rest that is no full chunk is kept as one: a little shorter than the others.
    if !rest.isEmpty { ready.append(rest) }
  }

  private func check(_ status: yajl_gen_status) throws(StreamingJSONError) {
    switch status {
    case yajl_gen_status_ok: return
    case yajl_max_depth_exceeded:
      throw StreamingJSONError(.tooDeep, "arrays and objects are nested more than \(Self.depthMax) deep")
    default: throw StreamingJSONError(.outOfPlace, "yajl refused a value (status \(status.rawValue))")
    }
  }
}
