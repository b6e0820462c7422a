import Foundation
import NIOCore
import NIOHTTP1
import NIOPosix
import Synchronization

/// A web server of a test's own that counts what it is asked.
final class WebServer: Sendable {
  enum Answer: Sendable {
    case content(String)
    case redirect(to: String)
    case status(Int)
    /// A length, and nothing after it.
    case stall
    /// Content whose length is not told.
    case chunked(String)
  }

  private let channel: any Channel
  private let seen: Seen

  /// - Parameter answers: By path.
  init(_ answers: [String: Answer]) async throws {
    let seen = Seen()
    channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      .serverChannelOption(ChannelOptions.socketOption(.so_reuseaddr), value: 1)
      .childChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.configureHTTPServerPipeline()
          try channel.pipeline.syncOperations.addHandler(Handler(answers: answers, seen: seen))
        }
      }.bind(host: "127.0.0.1", port: 0).get()
    self.seen = seen
  }

  var port: Int { channel.localAddress?.port ?? 0 }
  func url(_ path: String) -> String { "http://127.0.0.1:\(port)\(path)" }

  /// What was asked, such as `GET /x`.
  var requests: [String] { seen.requests.withLock { $0 } }

  /// Returns when `request` was made.
  func wait(for request: String) async {
    while !requests.contains(request) { await Task.yield() }
  }

  func stop() async { try? await channel.close() }

  private final class Seen: Sendable {
    let requests = Mutex<[String]>([])
  }

  private final class Handler: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    let answers: [String: Answer]
    let seen: Seen

    init(answers: [String: Answer], seen: Seen) {
      self.answers = answers
      self.seen = seen
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
      guard case .head(let head) = unwrapInboundIn(data) else { return }
      seen.requests.withLock { $0.append("\(head.method) \(head.uri)") }
      var headers = HTTPHeaders()
      var status = HTTPResponseStatus.ok
      var body = ""
      var ends = true
      switch answers[head.uri] {
      case .content(let text):
        headers.add(name: "Content-Length", value: "\(text.utf8.count)")
        body = text
      case .chunked(let text):
        headers.add(name: "Transfer-Encoding", value: "chunked")
        body = text
      case .redirect(let target):
        status = .found
        headers.add(name: "Location", value: target)
        headers.add(name: "Content-Length", value: "0")
      case .status(let code):
        status = HTTPResponseStatus(statusCode: code)
        headers.add(name: "Content-Length", value: "0")
      case .stall:
        headers.add(name: "Content-Length", value: "10")
        ends = head.method == .HEAD
      case nil:
        status = .notFound
        headers.add(name: "Content-Length", value: "0")
      }
      context.write(wrapOutboundOut(.head(.init(version: .http1_1, status: status, headers: headers))), promise: nil)
      if head.method != .HEAD, !body.isEmpty {
        context.write(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(string: body)))), promise: nil)
      }
      if ends { context.write(wrapOutboundOut(.end(nil)), promise: nil) }
      context.flush()
    }
  }
}

/// Just enough of FTP to hand one file out, on a thread of its own.
final class FileServer: Sendable {
  let port: UInt16
  private let listener: Int32

  init(content: String) throws {
    let (listener, port) = try Self.listen()
    (self.listener, self.port) = (listener, port)
    Thread.detachNewThread {
      while true {
        let connection = accept(listener, nil, nil)
        guard connection >= 0 else { return }
        Self.serve(connection, content)
        close(connection)
      }
    }
  }

  deinit {
    shutdown(listener, Int32(SHUT_RDWR))
    close(listener)
  }

  private static func listen() throws -> (Int32, UInt16) {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let port = withUnsafeMutablePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer -> UInt16? in
        guard bind(descriptor, pointer, length) == 0, Glibc.listen(descriptor, 8) == 0,
          getsockname(descriptor, pointer, &length) == 0
        else { return nil }
        return pointer.withMemoryRebound(to: sockaddr_in.self, capacity: 1) { UInt16(bigEndian: $0.pointee.sin_port) }
      }
    }
    guard descriptor >= 0, let port else { throw CocoaError(.fileReadUnknown) }
    return (descriptor, port)
  }

  private static func serve(_ connection: Int32, _ content: String) {
    func say(_ text: String, on descriptor: Int32? = nil) {
      let bytes = Array((descriptor == nil ? text + "\r\n" : text).utf8)
      _ = bytes.withUnsafeBytes { send(descriptor ?? connection, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
    }
    var data: Int32 = -1
    defer { if data >= 0 { close(data) } }
    say("220 here")
    var buffer: [UInt8] = []
    while true {
      guard let end = buffer.firstIndex(of: 10) else {
        var piece = [UInt8](repeating: 0, count: 1_024)
        let count = recv(connection, &piece, piece.count, 0)
        guard count > 0 else { return }
        buffer += piece[..<count]
        continue
      }
      let line = String(decoding: buffer[..<end], as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
      buffer.removeSubrange(...end)
      switch line.split(separator: " ").first.map(String.init) {
      case "USER": say("331 name")
      case "PASS": say("230 in")
      case "PWD": say("257 \"/\"")
      case "CWD": say("250 there")
      case "TYPE": say("200 type")
      case "SIZE": say(line.hasSuffix("file") ? "213 \(content.utf8.count)" : "550 none")
      case "EPSV":
        guard let (listener, port) = try? listen() else { return }
        data = listener
        say("229 (|||\(port)|)")
      case "RETR":
        guard line.hasSuffix("file") else {
          say("550 none")
          continue
        }
        say("150 coming")
        let transfer = accept(data, nil, nil)
        say(content, on: transfer)
        close(transfer)
        say("226 done")
      case "QUIT":
        say("221 bye")
        return
      default: say("502 what")
      }
    }
  }
}
