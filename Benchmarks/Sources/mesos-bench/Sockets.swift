import Foundation
import MesosHTTP
import MesosModel
import Synchronization

#if canImport(Glibc)
  import Glibc
#endif

extension sockaddr_in {
  static func loopback(port: Int) -> sockaddr_in {
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = UInt16(port).bigEndian
    address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
    return address
  }
}

enum Loopback {
  /// A blocking connection to `port`, which the caller closes.
  ///
  /// - Parameter delaysNothing: Whether small writes go out at once.
  static func connect(port: Int, as who: String, delaysNothing: Bool = false) throws -> Int32 {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    var address = sockaddr_in.loopback(port: port)
    let isConnected = withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        Glibc.connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
      }
    }
    try require(descriptor >= 0 && isConnected, "\(who) cannot connect to port \(port): errno \(errno)")
    if delaysNothing {
      var on: Int32 = 1
      setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &on, socklen_t(MemoryLayout<Int32>.size))
    }
    return descriptor
  }
}

/// A blocking loopback connection: the load must cost less than what it loads.
///
/// One thread uses it at a time: who makes it, or the thread it is handed to.
final class Connection: @unchecked Sendable {
  private let descriptor: Int32
  private var buffer = [UInt8](repeating: 0, count: 1 << 16)

  init(port: Int) throws {
    descriptor = try Loopback.connect(port: port, as: "a connection", delaysNothing: true)
  }

  deinit { close(descriptor) }

  func send(_ bytes: [UInt8]) throws {
    var sent = 0
    while sent < bytes.count {
      let count = bytes.withUnsafeBytes { write(descriptor, $0.baseAddress.map { $0 + sent }, bytes.count - sent) }
      try require(count > 0, "the connection broke")
      sent += count
    }
  }

  /// What has arrived, at least one byte.
  func receive() throws -> ArraySlice<UInt8> {
    let count = read(descriptor, &buffer, buffer.count)
    try require(count > 0, "the connection ended")
    return buffer[0..<count]
  }

  /// The same in a buffer of the caller's, at most `limit` bytes.
  func receive(into buffer: UnsafeMutableRawBufferPointer, upTo limit: Int) throws -> Int {
    let count = read(descriptor, buffer.baseAddress, min(buffer.count, limit))
    try require(count > 0, "the connection ended \(limit) bytes too early")
    return count
  }
}

/// Sends one request over and over.
enum Loop {
  /// - Returns: How many were answered with 202 within `seconds`.
  @concurrent
  static func run(port: Int, request: [UInt8], seconds: Double) async -> Result<Int, any Error> {
    await withCheckedContinuation { continuation in
      Thread.detachNewThread {
        continuation.resume(returning: Result { try answered(port: port, request: request, seconds: seconds) })
      }
    }
  }

  private static func answered(port: Int, request: [UInt8], seconds: Double) throws -> Int {
    let connection = try Connection(port: port)
    let end = ContinuousClock.now + .seconds(seconds)
    let expected = Array("HTTP/1.1 202".utf8)
    let separator = Array("\r\n\r\n".utf8)
    var count = 0
    while ContinuousClock.now < end {
      try connection.send(request)
      var answer: [UInt8] = []
      repeat { answer += try connection.receive() } while !answer.suffix(4).elementsEqual(separator)
      try require(answer.starts(with: expected), String(decoding: answer.prefix(300), as: UTF8.self))
      count += 1
    }
    return count
  }
}

/// A framework whose stream stays open and is read on a thread of its own.
final class Subscriber: @unchecked Sendable {
  // Written before the thread starts, read afterwards.
  private(set) var streamID = ""
  private(set) var frameworkID = FrameworkID()
  private let connection: Connection
  private let path: String
  private let counted = UpdateCounter()

  /// UPDATE events that have come.
  var updates: Int { counted.count }

  init(port: Int, prefix: String = "") throws {
    connection = try Connection(port: port)
    path = prefix + "/api/v1/scheduler"
    let info = #"{"user":"root","name":"load","roles":["*"],"capabilities":[{"type":"MULTI_ROLE"}]}"#
    let body = #"{"type":"SUBSCRIBE","subscribe":{"framework_info":\#(info),"suppressed_roles":["*"]}}"#
    try connection.send(
      Array(
        ("POST \(path) HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\nAccept: application/json\r\n"
          + "Content-Length: \(body.utf8.count)\r\n\r\n\(body)").utf8))
    var text = ""
    while !text.contains("\"master_info\"") { text += String(decoding: try connection.receive(), as: UTF8.self) }
    for line in text.split(separator: "\r\n") where line.lowercased().hasPrefix("mesos-stream-id:") {
      streamID = line.split(separator: ":", maxSplits: 1)[1].trimmingCharacters(in: .whitespaces)
    }
    guard let range = text.range(of: #""framework_id":{"value":""#),
      let end = text[range.upperBound...].firstIndex(of: "\"")
    else { throw WrongOutcome(description: "no framework id in: \(text.prefix(500))") }
    frameworkID.value = String(text[range.upperBound..<end])
    Thread.detachNewThread { [connection, counted] in
      var rest: [UInt8] = []
      while let bytes = try? connection.receive() { counted.add(in: bytes, after: &rest) }
    }
  }

  /// A call of the framework, ready to be sent.
  func request(_ call: SchedulerCall, _ encoding: MessageEncoding) -> [UInt8] {
    let body = encoding.encode(call)
    return Array(
      ("POST \(path) HTTP/1.1\r\nHost: bench\r\nContent-Type: \(encoding.contentType)\r\n"
        + "Mesos-Stream-Id: \(streamID)\r\nContent-Length: \(body.count)\r\n\r\n").utf8) + body
  }

  func teardown(port: Int) {
    let body = #"{"type":"TEARDOWN","framework_id":{"value":"\#(frameworkID.value)"}}"#
    let request =
      "POST \(path) HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\n"
      + "Mesos-Stream-Id: \(streamID)\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)"
    guard let calls = try? Connection(port: port) else { return }
    try? calls.send(Array(request.utf8))
    _ = try? calls.receive()
  }
}

/// Counts the UPDATE events of a stream in JSON.
private final class UpdateCounter: Sendable {
  private let state = Mutex(0)
  /// A member of the protocol that is in no other event.
  private static let mark = Array("\"type\":\"UPDATE\"".utf8)

  var count: Int { state.withLock { $0 } }

  /// - Parameter rest: The end of what came before, which a mark may have begun in.
  func add(in bytes: ArraySlice<UInt8>, after rest: inout [UInt8]) {
    rest += bytes
    var found = 0
    var end = 0
    rest.withUnsafeBytes { buffer in
      var place = 0
      while place + Self.mark.count <= buffer.count {
        if buffer[place] == Self.mark[0], buffer[place + 8] == Self.mark[8],
          buffer[place..<place + Self.mark.count].elementsEqual(Self.mark)
        {
          found += 1
          place += Self.mark.count
          end = place
        } else {
          place += 1
        }
      }
    }
    rest.removeFirst(max(end, rest.count - Self.mark.count + 1))
    if found > 0 { state.withLock { $0 += found } }
  }
}
