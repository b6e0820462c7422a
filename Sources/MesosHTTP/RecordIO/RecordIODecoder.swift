/// Takes records out of a stream that arrives in pieces of any size.
///
/// Give it bytes with `append`, then call ``next()`` until it returns `nil`. It holds what was appended and not yet taken, so a
/// reader that drains it after each piece keeps at most one record and one piece. A record's room grows as its bytes arrive,
/// never on the word of its header. Once it has failed it stays failed: the framing is lost.
public struct RecordIODecoder: Sendable {
  /// Digits enough for any `UInt64`; more are not a length.
  private static let maximumHeaderDigits = 20

  private enum State {
    case header(digits: Int, length: Int)
    case payload(length: Int)
    case failed(RecordIOError)
  }

  /// The largest record that is accepted, in bytes.
  public let maximumRecordSize: Int
  private var state = State.header(digits: 0, length: 0)
  private var buffer: [UInt8] = []
  /// The first byte of `buffer` that was not consumed.
  private var position = 0
  /// How many bytes of the stream were dropped from the front of `buffer`.
  private var dropped = 0

  public init(maximumRecordSize: Int = RecordIO.defaultMaximumRecordSize) {
    precondition(maximumRecordSize >= 0, "a record limit of \(maximumRecordSize) bytes")
    self.maximumRecordSize = maximumRecordSize
  }

  /// Whether everything that was appended is consumed and no record has begun: where a stream may end.
  public var isAtRecordBoundary: Bool {
    if case .header(digits: 0, _) = state { return position == buffer.count }
    return false
  }

  /// How many bytes are held and not yet consumed.
  public var bufferedByteCount: Int { buffer.count - position }

  public mutating func append(_ bytes: [UInt8]) {
    guard prepareToAppend() else { return }
    buffer.append(contentsOf: bytes)
  }

  public mutating func append(_ bytes: ArraySlice<UInt8>) {
    guard prepareToAppend() else { return }
    buffer.append(contentsOf: bytes)
  }

  public mutating func append(_ bytes: UnsafeRawBufferPointer) {
    guard prepareToAppend() else { return }
    buffer.append(contentsOf: bytes)
  }

  public mutating func append(_ bytes: some Sequence<UInt8>) {
    guard prepareToAppend() else { return }
    buffer.append(contentsOf: bytes)
  }

  /// Returns the next whole record, empty ones too, or `nil` when more bytes are needed.
  ///
  /// - Throws: `RecordIOError` at the first byte that is no header, or for a record above ``maximumRecordSize``; from then on always
  ///   the same one.
  public mutating func next() throws(RecordIOError) -> [UInt8]? {
    while true {
      switch state {
      case .failed(let error):
        throw error
      case .payload(let length):
        guard buffer.count - position >= length else { return nil }
        state = .header(digits: 0, length: 0)
        return take(length)
      case .header(let digits, let length):
        guard try readHeader(digits: digits, length: length) else { return nil }
      }
    }
  }

  /// Checks that the stream may end here.
  ///
  /// - Throws: `RecordIOError` with code `.truncated` inside a record, or the error it failed with before.
  public func finish() throws(RecordIOError) {
    if case .failed(let error) = state { throw error }
    guard !isAtRecordBoundary else { return }
    throw RecordIOError(
      code: .truncated, offset: dropped + buffer.count, message: "the stream ended inside a record")
  }

  private mutating func readHeader(digits: Int, length: Int) throws(RecordIOError) -> Bool {
    var digits = digits
    var length = length
    while position < buffer.count {
      let byte = buffer[position]
      switch byte {
      case UInt8(ascii: "0")...UInt8(ascii: "9"):
        digits += 1
        guard digits <= Self.maximumHeaderDigits else {
          throw fail(.headerTooLong, "the length has more than \(Self.maximumHeaderDigits) digits")
        }
        let (tens, overflow) = length.multipliedReportingOverflow(by: 10)
        let (sum, carry) = tens.addingReportingOverflow(Int(byte - UInt8(ascii: "0")))
        guard !overflow, !carry, sum <= maximumRecordSize else {
          throw fail(.recordTooLarge, "the record is larger than the limit of \(maximumRecordSize) bytes")
        }
        length = sum
        position += 1
      case UInt8(ascii: "\n"):
        guard digits > 0 else { throw fail(.emptyHeader, "a line feed where a length was expected") }
        position += 1
        state = .payload(length: length)
        return true
      default:
        throw fail(.badHeaderByte, "byte \(byte) in the length of a record")
      }
    }
    state = .header(digits: digits, length: length)
    return false
  }

  private mutating func take(_ length: Int) -> [UInt8] {
    let end = position + length
    if position == 0, end == buffer.count {
      dropped += end
      let record = buffer
      buffer = []
      return record
    }
    let record = Array(buffer[position..<end])
    position = end
    if position == buffer.count {
      dropped += position
      position = 0
      buffer.removeAll(keepingCapacity: buffer.capacity <= 1 << 20)
    }
    return record
  }

  private mutating func prepareToAppend() -> Bool {
    if case .failed = state { return false }
    if position > 0 {
      buffer.removeSubrange(..<position)
      dropped += position
      position = 0
    }
    return true
  }

  private mutating func fail(_ code: RecordIOError.Code, _ message: String) -> RecordIOError {
    let error = RecordIOError(code: code, offset: dropped + position, message: message)
    state = .failed(error)
    buffer = []
    position = 0
    return error
  }
}
