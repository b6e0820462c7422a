/// What makes an answer of the agent unreadable.
struct HTTPResponseError: Error, CustomStringConvertible {
  var description: String
}

/// Takes answers out of an HTTP/1.1 connection whose bytes arrive in pieces of any size, one answer after the other.
struct HTTPResponseParser {
  enum Part: Equatable {
    case head(status: Int)
    case body([UInt8])
    case end
  }

  private enum State {
    case head
    case fixed(left: Int)
    case chunkSize
    case chunk(left: Int)
    case chunkEnd
    case trailers
    case untilClose
  }

  private static let headBytesMax = 64 * 1024
  private static let lineBytesMax = 8 * 1024
  private var state = State.head
  private var buffer: [UInt8] = []
  private var position = 0
  /// Whether the agent closes the connection after this answer.
  private(set) var closesConnection = false

  /// Whether nothing of an answer has arrived.
  var isBetweenAnswers: Bool {
    if case .head = state { return position == buffer.count }
    return false
  }

  mutating func append(_ bytes: ArraySlice<UInt8>) {
    if position > 0 {
      buffer.removeSubrange(..<position)
      position = 0
    }
    buffer += bytes
  }

  /// The next part, or `nil` when more bytes are needed.
  mutating func next() throws(HTTPResponseError) -> Part? {
    while true {
      switch state {
      case .head:
        guard let head = try readHead() else { return nil }
        // 100 Continue and its like announce the real answer.
        if (100..<200).contains(head) {
          state = .head
          continue
        }
        return .head(status: head)
      case .fixed(let left):
        if left == 0 { return finish() }
        guard let bytes = take(upTo: left) else { return nil }
        state = .fixed(left: left - bytes.count)
        return .body(bytes)
      case .chunkSize:
        guard let line = try readLine() else { return nil }
        let digits = line.prefix { $0 != UInt8(ascii: ";") && $0 != UInt8(ascii: " ") }
        guard let size = Int(String(decoding: digits, as: UTF8.self), radix: 16), size >= 0 else {
          throw HTTPResponseError(description: "The size of a chunk is not a number")
        }
        state = size == 0 ? .trailers : .chunk(left: size)
      case .chunk(let left):
        guard let bytes = take(upTo: left) else { return nil }
        state = bytes.count == left ? .chunkEnd : .chunk(left: left - bytes.count)
        return .body(bytes)
      case .chunkEnd:
        guard let line = try readLine() else { return nil }
        guard line.isEmpty else { throw HTTPResponseError(description: "A chunk is longer than its size") }
        state = .chunkSize
      case .trailers:
        guard let line = try readLine() else { return nil }
        if line.isEmpty { return finish() }
      case .untilClose:
        return take(upTo: .max).map { .body($0) }
      }
    }
  }

  /// The connection has ended: `.end` where that is how the answer ends, `nil` where it cuts one short.
  func end() -> Part? {
    if case .untilClose = state { return .end }
    return nil
  }

  private mutating func finish() -> Part {
    state = .head
    return .end
  }

  private mutating func take(upTo limit: Int) -> [UInt8]? {
    guard position < buffer.count else { return nil }
    let end = position + min(limit, buffer.count - position)
    defer { position = end }
    return Array(buffer[position..<end])
  }

  /// A line without its end, or `nil` when it is not whole yet.
  private mutating func readLine() throws(HTTPResponseError) -> ArraySlice<UInt8>? {
    guard let feed = buffer[position...].firstIndex(of: UInt8(ascii: "\n")) else {
      guard buffer.count - position <= Self.lineBytesMax else {
        throw HTTPResponseError(description: "A line of an answer is too long")
      }
      return nil
    }
    var line = buffer[position..<feed]
    if line.last == UInt8(ascii: "\r") { line.removeLast() }
    position = feed + 1
    return line
  }

  /// The status of a head that is whole; what follows it is then the state.
  private mutating func readHead() throws(HTTPResponseError) -> Int? {
    let start = position
    var status: Int?
    var length: Int?
    var isChunked = false
    var closes = false
    while let line = try readLine() {
      let text = String(decoding: line, as: UTF8.self)
      guard let known = status else {
        let fields = text.split(separator: " ", maxSplits: 2)
        guard fields.count >= 2, fields[0].hasPrefix("HTTP/1."), let code = Int(fields[1]), (100..<600).contains(code)
        else { throw HTTPResponseError(description: "The agent did not answer in HTTP/1.1") }
        status = code
        closes = fields[0] == "HTTP/1.0"
        continue
      }
      guard !text.isEmpty else {
        closesConnection = closes
        if (100..<200).contains(known) || known == 204 || known == 304 {
          state = .fixed(left: 0)
        } else if isChunked {
          state = .chunkSize
        } else if let length {
          state = .fixed(left: length)
        } else {
          closesConnection = true
          state = .untilClose
        }
        return known
      }
      guard let colon = text.firstIndex(of: ":") else {
        throw HTTPResponseError(description: "A header field of an answer has no colon")
      }
      let value = text[text.index(after: colon)...].drop { $0 == " " || $0 == "\t" }.lowercased()
      switch text[..<colon].lowercased() {
      case "content-length":
        guard let number = Int(value), number >= 0 else {
          throw HTTPResponseError(description: "The length of an answer is not a number")
        }
        length = number
      case "transfer-encoding": isChunked = value.hasSuffix("chunked")
      case "connection": closes = closes ? !value.contains("keep-alive") : value.contains("close")
      default: break
      }
    }
    guard buffer.count - start <= Self.headBytesMax else {
      throw HTTPResponseError(description: "The head of an answer is too long")
    }
    position = start
    return nil
  }
}
