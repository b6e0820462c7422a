#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// A growing byte buffer that JSON is written into.
///
/// Values are written as given: the caller puts the braces, commas and keys of what it composes by hand with `append(_:)`.
public struct JSONWriter: ~Copyable {
  private var base: UnsafeMutableRawPointer
  private var capacity: Int

  /// Bytes written.
  public private(set) var count = 0

  /// An empty buffer.
  ///
  /// - Parameter capacity: Bytes to provide for; it grows beyond them by doubling.
  public init(capacity: Int = 512) {
    self.capacity = max(capacity, 64)
    base = Self.checked(malloc(self.capacity))
  }

  deinit { free(base) }

  /// Makes room for so many more bytes.
  @inline(__always)
  public mutating func reserve(_ more: Int) {
    if capacity - count < more { grow(more) }
  }

  @inline(never)
  private mutating func grow(_ more: Int) {
    capacity = max(capacity * 2, count + more)
    // It moves pages rather than bytes where the buffer is large.
    base = Self.checked(realloc(base, capacity))
  }

  private static func checked(_ memory: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer {
    guard let memory else { preconditionFailure("out of memory for JSON") }
    return memory
  }

  /// Forgets what was written and keeps the memory.
  public mutating func removeAll() { count = 0 }

  /// What was written, as an array of its own.
  public var bytes: [UInt8] { withUnsafeBytes { Array($0) } }

  /// Ends the writer and gives what was written.
  public consuming func finish() -> [UInt8] { bytes }

  /// Lends what was written, without a copy.
  public borrowing func withUnsafeBytes<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
    body(UnsafeRawBufferPointer(start: base, count: count))
  }

  // MARK: Text as it stands

  /// Appends text as it stands, without quotes.
  @inline(__always)
  public mutating func append(_ text: StaticString) {
    let length = text.utf8CodeUnitCount
    reserve(length)
    memcpy(base + count, text.utf8Start, length)
    count &+= length
  }

  /// Appends one byte as it stands.
  @inline(__always)
  public mutating func append(_ byte: UInt8) {
    reserve(1)
    base.storeBytes(of: byte, toByteOffset: count, as: UInt8.self)
    count &+= 1
  }

  /// Appends bytes as they stand, such as a value that is already JSON.
  public mutating func append(raw bytes: UnsafeRawBufferPointer) {
    guard let start = bytes.baseAddress else { return }
    reserve(bytes.count)
    memcpy(base + count, start, bytes.count)
    count &+= bytes.count
  }

  /// Appends bytes as they stand, such as a value that is already JSON.
  public mutating func append(raw bytes: [UInt8]) {
    bytes.withUnsafeBytes { append(raw: $0) }
  }

  /// Appends bytes as they stand, such as a value that is already JSON.
  public mutating func append(raw bytes: ArraySlice<UInt8>) {
    bytes.withUnsafeBytes { append(raw: $0) }
  }

  // MARK: Values

  /// Appends a string in quotes.
  ///
  /// Escaped are the quote, the backslash and control characters (`\b \t \n \f \r`, others as `\u001F`); all else stands as it is.
  public mutating func append(string text: String) {
    if text.utf8.withContiguousStorageIfAvailable({ appendQuoted(UnsafeRawBufferPointer($0)) }) == nil {
      appendQuoted(copyOf: text)
    }
  }

  @inline(never)
  private mutating func appendQuoted(copyOf text: String) {
    Array(text.utf8).withUnsafeBytes { appendQuoted($0) }
  }

  private mutating func appendQuoted(_ text: UnsafeRawBufferPointer) {
    let length = text.count
    reserve(length &+ 2)
    var out = base + count
    out.storeBytes(of: UInt8(ascii: "\""), as: UInt8.self)
    out += 1
    if length > 0, let start = text.baseAddress {
      var done = 0
      if length >= 8 {
        while done <= length &- 8 {
          let word = start.loadUnaligned(fromByteOffset: done, as: UInt64.self)
          if JSONBytes.specials(in: word) != 0 { break }
          out.storeBytes(of: word, toByteOffset: done, as: UInt64.self)
          done &+= 8
        }
        if done > length &- 8, done < length {
          let word = start.loadUnaligned(fromByteOffset: length &- 8, as: UInt64.self)
          if JSONBytes.specials(in: word) == 0 {
            out.storeBytes(of: word, toByteOffset: length &- 8, as: UInt64.self)
            done = length
          }
        }
      }
      while done < length {
        let byte = start.load(fromByteOffset: done, as: UInt8.self)
        if JSONBytes.isSpecial(byte) {
          count &+= 1 &+ done
          return appendEscaped(UnsafeRawBufferPointer(rebasing: text[done...]))
        }
        out.storeBytes(of: byte, toByteOffset: done, as: UInt8.self)
        done &+= 1
      }
    }
    out.storeBytes(of: UInt8(ascii: "\""), toByteOffset: length, as: UInt8.self)
    count &+= length &+ 2
  }

  @inline(never)
  private mutating func appendEscaped(_ rest: UnsafeRawBufferPointer) {
    reserve(rest.count &* 6 &+ 1)
    for byte in rest {
      switch byte {
      case UInt8(ascii: "\""): append("\\\"")
      case UInt8(ascii: "\\"): append("\\\\")
      case 0x08: append("\\b")
      case 0x09: append("\\t")
      case 0x0A: append("\\n")
      case 0x0C: append("\\f")
      case 0x0D: append("\\r")
      case 0..<0x20:
        append(byte < 0x10 ? "\\u000" : "\\u001")
        let low = byte & 0x0F
        append(low < 10 ? UInt8(ascii: "0") + low : UInt8(ascii: "A") + low - 10)
      default: append(byte)
      }
    }
    append(UInt8(ascii: "\""))
  }

  /// Appends `true` or `false`.
  public mutating func append(_ value: Bool) {
    if value { append("true") } else { append("false") }
  }

  /// Appends an integer.
  public mutating func append(_ value: Int64) {
    if value < 0 { append(UInt8(ascii: "-")) }
    append(value.magnitude)
  }

  /// Appends an integer.
  public mutating func append(_ value: UInt64) {
    reserve(20)
    count &+= JSONBytes.writeDigits(of: value, to: base + count)
  }

  /// Appends bytes in base64, in quotes.
  public mutating func append(base64 bytes: UnsafeRawBufferPointer) {
    reserve((bytes.count + 2) / 3 * 4 + 2)
    append(UInt8(ascii: "\""))
    count += JSONBytes.writeBase64(of: bytes, to: base + count)
    append(UInt8(ascii: "\""))
  }

  // MARK: Objects and arrays
  //
  // Each member is written with a comma before it; the first of these commas then becomes the opening bracket.

  /// Ends an object whose members, each with a comma before it, were written since `start`.
  @inline(__always)
  mutating func closeObject(since start: Int) {
    close(since: start, UInt8(ascii: "{"), UInt8(ascii: "}"))
  }

  /// Ends an array whose elements, each with a comma before it, were written since `start`.
  @inline(__always)
  mutating func closeArray(since start: Int) {
    close(since: start, UInt8(ascii: "["), UInt8(ascii: "]"))
  }

  @inline(__always)
  private mutating func close(since start: Int, _ opening: UInt8, _ closing: UInt8) {
    reserve(2)
    if count == start { count &+= 1 }
    base.storeBytes(of: opening, toByteOffset: start, as: UInt8.self)
    base.storeBytes(of: closing, toByteOffset: count, as: UInt8.self)
    count &+= 1
  }
}
