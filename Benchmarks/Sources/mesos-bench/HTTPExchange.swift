import Foundation

#if canImport(Glibc)
  import Glibc
#endif

/// Requests on one blocking connection, whose answers are counted and dropped as they come: what is measured is the server.
///
/// One thread uses it at a time.
final class HTTPExchange: @unchecked Sendable {
  struct Answer {
    var status: Int
    var head: String
    /// Bytes of the body.
    var count: Int
    /// The first bytes of the body.
    var start: [UInt8]
    /// From the request until the last byte of the body.
    var seconds: Double
  }

  private let connection: Connection
  private var input: [UInt8] = []

  init(port: Int) throws { connection = try Connection(port: port) }

  func get(_ path: String) throws -> Answer { try exchange("GET \(path) HTTP/1.1\r\nHost: bench\r\n\r\n", []) }

  func post(_ path: String, _ body: [UInt8], type: String, headers: String = "") throws -> Answer {
    try exchange(
      "POST \(path) HTTP/1.1\r\nHost: bench\r\nContent-Type: \(type)\r\nAccept: \(type)\r\n\(headers)"
        + "Content-Length: \(body.count)\r\n\r\n", body)
  }

  func exchange(_ head: String, _ body: [UInt8]) throws -> Answer {
    let begin = ContinuousClock.now
    try connection.send(Array(head.utf8) + body)
    return try answer(since: begin)
  }

  private func answer(since begin: ContinuousClock.Instant) throws -> Answer {
    let head = try head()
    let fields = head.lowercased()
    var answer = Answer(
      status: Int(head.split(separator: " ", maxSplits: 2).dropFirst().first ?? "") ?? 0, head: head, count: 0,
      start: [], seconds: 0)
    if fields.contains("transfer-encoding: chunked") {
      while true {
        let line = try line()
        guard let size = Int(line, radix: 16) else { throw WrongOutcome(description: "a chunk of size '\(line)'") }
        try drop(size, &answer)
        _ = try self.line()
        if size == 0 { break }
      }
    } else if let field = fields.split(separator: "\r\n").first(where: { $0.hasPrefix("content-length:") }),
      let length = Int(field.dropFirst(15).trimmingCharacters(in: .whitespaces))
    {
      try drop(length, &answer)
    }
    answer.seconds = (ContinuousClock.now - begin).seconds
    return answer
  }

  private func head() throws -> String { try part(endingWith: "\r\n\r\n") }

  private func line() throws -> String { try part(endingWith: "\r\n") }

  /// What comes before `end`, which is read and dropped.
  private func part(endingWith end: String) throws -> String {
    while true {
      if let end = input.firstRange(of: Array(end.utf8)) {
        defer { input.removeSubrange(..<end.upperBound) }
        return String(decoding: input[..<end.lowerBound], as: UTF8.self)
      }
      input += try connection.receive()
    }
  }

  /// Reads `count` bytes of the body and forgets them.
  private func drop(_ count: Int, _ answer: inout Answer) throws {
    let known = min(count, input.count)
    answer.start += input.prefix(min(known, max(0, 256 - answer.start.count)))
    input.removeSubrange(..<known)
    answer.count += count
    var rest = count - known
    try withUnsafeTemporaryAllocation(byteCount: 1 << 20, alignment: 16) { buffer in
      while rest > 0 {
        let got = try connection.receive(into: buffer, upTo: rest)
        answer.start += buffer.prefix(min(got, max(0, 256 - answer.start.count)))
        rest -= got
      }
    }
  }
}
