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

  private let descriptor: Int32
  private var input: [UInt8] = []

  init(port: Int) throws {
    descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    var address = sockaddr_in.loopback(port: port)
    let connected = withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
    try require(descriptor >= 0 && connected == 0, "cannot connect to port \(port): errno \(errno)")
    var on: Int32 = 1
    setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &on, socklen_t(MemoryLayout<Int32>.size))
  }

  deinit { close(descriptor) }

  func get(_ path: String) throws -> Answer { try exchange("GET \(path) HTTP/1.1\r\nHost: bench\r\n\r\n", []) }

  func post(_ path: String, _ body: [UInt8], type: String, headers: String = "") throws -> Answer {
    try exchange(
      "POST \(path) HTTP/1.1\r\nHost: bench\r\nContent-Type: \(type)\r\nAccept: \(type)\r\n\(headers)"
        + "Content-Length: \(body.count)\r\n\r\n", body)
  }

  func exchange(_ head: String, _ body: [UInt8]) throws -> Answer {
    let begin = ContinuousClock.now
    try send(Array(head.utf8) + body)
    return try answer(since: begin)
  }

  func send(_ bytes: [UInt8]) throws {
    var sent = 0
    while sent < bytes.count {
      let count = bytes.withUnsafeBytes { write(descriptor, $0.baseAddress.map { $0 + sent }, bytes.count - sent) }
      try require(count > 0, "the connection broke: errno \(errno)")
      sent += count
    }
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

  private func head() throws -> String {
    while true {
      if let end = input.firstRange(of: Array("\r\n\r\n".utf8)) {
        defer { input.removeSubrange(..<end.upperBound) }
        return String(decoding: input[..<end.lowerBound], as: UTF8.self)
      }
      try fill()
    }
  }

  private func line() throws -> String {
    while true {
      if let end = input.firstRange(of: Array("\r\n".utf8)) {
        defer { input.removeSubrange(..<end.upperBound) }
        return String(decoding: input[..<end.lowerBound], as: UTF8.self)
      }
      try fill()
    }
  }

  private func fill() throws {
    try withUnsafeTemporaryAllocation(byteCount: 1 << 16, alignment: 16) { buffer in
      let count = recv(descriptor, buffer.baseAddress, buffer.count, 0)
      try require(count > 0, "the connection ended")
      input.append(contentsOf: buffer.prefix(count))
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
        let got = recv(descriptor, buffer.baseAddress, min(buffer.count, rest), 0)
        try require(got > 0, "the connection ended \(rest) bytes before the body did")
        answer.start += buffer.prefix(min(got, max(0, 256 - answer.start.count)))
        rest -= got
      }
    }
  }
}
