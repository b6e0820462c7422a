import Logging
import MesosHTTP
import MesosHTTPServer
import NIOCore
import NIOPosix
import Synchronization

/// A TCP connection that speaks bytes.
struct RawConnection {
  struct Ended: Error, CustomStringConvertible {
    let received: String
    var description: String { "the connection ended after: \(received)" }
  }

  private let outbound: NIOAsyncChannelOutboundWriter<ByteBuffer>
  private var inbound: NIOAsyncChannelInboundStream<ByteBuffer>.AsyncIterator
  private let channel: any Channel
  /// What arrived and was not read yet.
  private var pending = ""

  fileprivate init(
    _ inbound: NIOAsyncChannelInboundStream<ByteBuffer>, _ outbound: NIOAsyncChannelOutboundWriter<ByteBuffer>,
    _ channel: any Channel
  ) {
    self.inbound = inbound.makeAsyncIterator()
    self.outbound = outbound
    self.channel = channel
  }

  func send(_ text: String) async throws { try await outbound.write(ByteBuffer(string: text)) }

  /// Ends what we send; the other side may go on.
  func finish() { outbound.finish() }

  /// Closes at once, both ways.
  func close() async throws { try await channel.close() }

  /// Returns everything up to and with `mark`.
  mutating func read(until mark: String) async throws -> String {
    while true {
      if let range = pending.range(of: mark) {
        let text = String(pending[..<range.upperBound])
        pending = String(pending[range.upperBound...])
        return text
      }
      guard let bytes = try await inbound.next(isolation: #isolation) else { throw Ended(received: pending) }
      pending += String(buffer: bytes)
    }
  }

  /// Returns everything up to the end of the connection; a reset is an end too.
  mutating func readToEnd() async -> String {
    while let bytes = try? await inbound.next(isolation: #isolation) { pending += String(buffer: bytes) }
    defer { pending = "" }
    return pending
  }
}

extension String {
  /// The first place of `text`.
  fileprivate func range(of text: String) -> Range<String.Index>? {
    let units = Array(utf8)
    let mark = Array(text.utf8)
    guard !mark.isEmpty, units.count >= mark.count else { return nil }
    for start in 0...(units.count - mark.count) where Array(units[start..<(start + mark.count)]) == mark {
      let lower = utf8.index(utf8.startIndex, offsetBy: start)
      return lower..<utf8.index(lower, offsetBy: mark.count)
    }
    return nil
  }
}

/// Connects to a port on loopback.
func withRawConnection<Result: Sendable>(
  _ port: Int, _ body: @Sendable (inout RawConnection) async throws -> Result
) async throws -> Result {
  let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
    .channelOption(.allowRemoteHalfClosure, value: true)
    .connect(host: "127.0.0.1", port: port) { channel in
      channel.eventLoop.makeCompletedFuture {
        try NIOAsyncChannel<ByteBuffer, ByteBuffer>(
          wrappingChannelSynchronously: channel, configuration: .init(isOutboundHalfClosureEnabled: true))
      }
    }
  return try await channel.executeThenClose { inbound, outbound in
    var connection = RawConnection(inbound, outbound, channel.channel)
    return try await body(&connection)
  }
}

/// A connection that was accepted and is closed when nobody comes to play to it.
private final class AcceptedConnection: Sendable {
  private let channel: Shared<NIOAsyncChannel<ByteBuffer, ByteBuffer>?>

  init(_ channel: NIOAsyncChannel<ByteBuffer, ByteBuffer>) { self.channel = Shared(channel) }

  deinit {
    guard let channel = take() else { return }
    // unstructured: owned by nobody, ends at once.
    Task { try? await channel.executeThenClose { _, _ in } }
  }

  func take() -> NIOAsyncChannel<ByteBuffer, ByteBuffer>? {
    channel.withLock { channel in
      defer { channel = nil }
      return channel
    }
  }
}

/// A server that plays `script` to each connection, while `body` runs with its port.
func withRawServer<Result: Sendable>(
  _ script: @escaping @Sendable (inout RawConnection) async throws -> Void,
  _ body: @Sendable (Int) async throws -> Result
) async throws -> Result {
  let server = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
    .childChannelOption(.allowRemoteHalfClosure, value: true)
    .bind(host: "127.0.0.1", port: 0) { channel in
      channel.eventLoop.makeCompletedFuture {
        AcceptedConnection(
          try NIOAsyncChannel<ByteBuffer, ByteBuffer>(
            wrappingChannelSynchronously: channel, configuration: .init(isOutboundHalfClosureEnabled: true)))
      }
    }
  guard let port = server.channel.localAddress?.port else { throw ChannelError.inappropriateOperationForState }
  return try await withThrowingTaskGroup(of: Void.self) { group in
    group.addTask {
      try await server.executeThenClose { inbound in
        await withTaskGroup(of: Void.self) { connections in
          do {
            for try await accepted in inbound {
              connections.addTask {
                guard let connection = accepted.take() else { return }
                try? await connection.executeThenClose { inbound, outbound in
                  var raw = RawConnection(inbound, outbound, connection.channel)
                  try await script(&raw)
                }
              }
            }
          } catch {}
        }
      }
    }
    defer { group.cancelAll() }
    return try await body(port)
  }
}

/// Runs a server on a free port while `body` runs with that port.
func withServer<Result: Sendable>(
  _ routes: [Route], configure: (inout HTTPServerConfiguration) -> Void = { _ in },
  _ body: @Sendable (Int) async throws -> Result
) async throws -> Result {
  var configuration = HTTPServerConfiguration()
  configure(&configuration)
  var logger = Logger(label: "test")
  logger.logLevel = .critical
  let server = MesosHTTPServer(configuration: configuration, routes: routes, logger: logger)
  return try await withThrowingTaskGroup(of: Void.self) { group in
    group.addTask { try await server.run() }
    defer { group.cancelAll() }
    let port = try await server.address().port
    return try await body(port)
  }
}

/// An event that one task raises and others await.
final class Signal: Sendable {
  private let stream: AsyncStream<Void>
  private let continuation: AsyncStream<Void>.Continuation

  init() { (stream, continuation) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1)) }

  func raise() {
    continuation.yield()
    continuation.finish()
  }

  func wait() async { for await _ in stream { return } }
}

/// A value that several tasks change.
final class Shared<Value: Sendable>: Sendable {
  private let value: Mutex<Value>

  init(_ value: sending Value) { self.value = Mutex(value) }

  func withLock<Result: Sendable>(_ body: (inout Value) -> Result) -> Result { value.withLock { body(&$0) } }
}
