import HTTPTypes
import HummingbirdCore
public import Logging
import MesosHTTP
import MesosModel
import NIOCore
import NIOHTTP1
import NIOPosix
public import ServiceLifecycle
import Synchronization

/// Why a server does not run.
public enum HTTPServerError: Error, Hashable, Sendable {
  /// It stopped, or never could listen.
  case notListening(String)
}

/// An HTTP/1.1 server with a table of routes, on Hummingbird's connections.
///
/// Its answers are Apache Mesos': plain text for what is refused, `Allow` with 405, `Date` on all of them. Streaming answers are
/// cancelled when their client goes away and end when the server shuts down gracefully; other answers are awaited.
public final class MesosHTTPServer: Service {
  private enum Listening {
    case notYet([Int: CheckedContinuation<Void, Never>])
    case at(host: String, port: Int)
    case never(String)
  }

  private let configuration: HTTPServerConfiguration
  private let routes: RouteTable
  private let authenticators: [String: any HTTPAuthenticator]
  private let logger: Logger
  private let listening = Mutex<(state: Listening, nextWaiter: Int)>((.notYet([:]), 0))

  /// - Parameter authenticators: Who finds out who sends requests, by realm.
  public init(
    configuration: HTTPServerConfiguration, routes: [Route], authenticators: [String: any HTTPAuthenticator] = [:],
    logger: Logger
  ) {
    self.configuration = configuration
    self.routes = RouteTable(routes)
    self.authenticators = authenticators
    self.logger = logger
  }

  /// Serves until the task is cancelled or the service group shuts down gracefully. To be called once.
  ///
  /// - Throws: What the system says when the address cannot be listened on.
  public func run() async throws {
    let turns = BodyTurns()
    let child = MesosConnection(configuration: configuration) {
      [routes, authenticators, logger] request, writer, channel, monitor in
      try await respond(
        to: request, with: routes, authenticators, writer: writer, channel: channel, monitor: monitor, turns: turns,
        logger: logger)
    }
    let service = child.server(
      configuration: ServerConfiguration(
        address: .hostname(configuration.host, port: configuration.port), backlog: configuration.backlog,
        availableConnectionsDelegate: MaximumAvailableConnections(configuration.connectionsMax, logger: logger)),
      onServerRunning: { [self] channel in
        let address = channel.localAddress
        settle(.at(host: address?.ipAddress ?? configuration.host, port: address?.port ?? configuration.port))
      },
      eventLoopGroup: MultiThreadedEventLoopGroup.singleton, logger: logger)
    defer { settle(.never("the server has stopped")) }
    do {
      try await service.run()
    } catch {
      settle(.never("cannot listen on \(configuration.host):\(configuration.port): \(error)"))
      throw error
    }
  }

  /// The address it listens on; waits until it does.
  ///
  /// - Throws: `HTTPServerError` when it stopped or cannot listen, `CancellationError` when the caller is cancelled.
  public func address() async throws -> (host: String, port: Int) {
    let number = listening.withLock { listening in
      listening.nextWaiter += 1
      return listening.nextWaiter
    }
    await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        let resumesNow = listening.withLock { listening in
          guard case .notYet(var waiters) = listening.state, !Task.isCancelled else { return true }
          waiters[number] = continuation
          listening.state = .notYet(waiters)
          return false
        }
        if resumesNow { continuation.resume() }
      }
    } onCancel: {
      listening.withLock { listening -> CheckedContinuation<Void, Never>? in
        guard case .notYet(var waiters) = listening.state else { return nil }
        defer { listening.state = .notYet(waiters) }
        return waiters.removeValue(forKey: number)
      }?.resume()
    }
    switch listening.withLock({ $0.state }) {
    case .at(let host, let port): return (host, port)
    case .never(let reason): throw HTTPServerError.notListening(reason)
    case .notYet: throw CancellationError()
    }
  }

  /// Says that ``run()`` will not be called, for whoever assembles a server with other things that may fail first: those who wait for
  /// the address are told, and nobody waits any more. Does nothing once it listens.
  public func abandon(_ reason: String) {
    let isListening = listening.withLock { listening in
      if case .at = listening.state { return true }
      return false
    }
    if !isListening { settle(.never(reason)) }
  }

  private func settle(_ state: Listening) {
    let waiters = listening.withLock { listening -> [Int: CheckedContinuation<Void, Never>] in
      if case .never = listening.state { return [:] }
      defer { listening.state = state }
      if case .notYet(let waiters) = listening.state { return waiters }
      return [:]
    }
    for waiter in waiters.values { waiter.resume() }
  }
}

/// A connection of Hummingbird's with a ``ConnectionHandler`` in its pipeline.
private struct MesosConnection: ServerChildChannel {
  typealias Respond =
    @concurrent @Sendable (Request, consuming ResponseWriter, any Channel, ConnectionMonitor) async throws -> Void

  /// A connection that was accepted and may never be handled: a server that stops drops those it has not come to.
  final class Value: ServerChildChannelValue {
    let monitor: ConnectionMonitor
    let channel: any Channel
    private let http: Mutex<HTTP1Channel.Value?>

    init(http: HTTP1Channel.Value, monitor: ConnectionMonitor) {
      self.channel = http.channel
      self.monitor = monitor
      self.http = Mutex(http)
    }

    deinit {
      guard let http = takeHTTP() else { return }
      // unstructured: owned by nobody, ends at once; an asynchronous channel must be closed before it is dropped.
      Task { try? await http.executeThenClose { _, _ in } }
    }

    func takeHTTP() -> HTTP1Channel.Value? {
      http.withLock { http in
        defer { http = nil }
        return http
      }
    }
  }

  let configuration: HTTPServerConfiguration
  let respond: Respond

  func setup(channel: any Channel, logger: Logger) -> EventLoopFuture<Value> {
    let monitor = ConnectionMonitor()
    return http1 { _, _, _ in }.setup(channel: channel, logger: logger).flatMapThrowing { http in
      // Made before anything can fail, as it sees to it that the channel is closed.
      let value = Value(http: http, monitor: monitor)
      let pipeline = channel.pipeline.syncOperations
      let decoder = try pipeline.context(handlerType: ByteToMessageHandler<HTTPRequestDecoder>.self).handler
      guard let decoder = decoder as? any ChannelInboundHandler else {
        throw ChannelError.inappropriateOperationForState
      }
      try pipeline.addHandler(
        ConnectionHandler(configuration: configuration, monitor: monitor), position: .after(decoder))
      setSocketOptions(of: channel)
      return value
    }
  }

  func handle(value: Value, logger: Logger) async {
    guard let http = value.takeHTTP() else { return }
    await http1 { [respond, monitor = value.monitor] request, writer, channel in
      try await respond(request, writer, channel, monitor)
    }.handle(value: http, logger: logger)
  }

  private func http1(_ responder: @escaping HTTPChannelHandler.Responder) -> HTTP1Channel {
    var decoder = HTTP1Channel.Configuration.DecoderConfiguration()
    decoder.maxHeaderFieldSize = configuration.headerBytesMax
    decoder.maxHeaderListSize = configuration.headerBytesMax
    decoder.maxHeaderFieldCount = configuration.headerFieldsMax
    return HTTP1Channel(responder: responder, configuration: .init(httpDecoderConfiguration: decoder))
  }

  /// Lets the kernel find clients that vanished. What a system or socket does not have is left out.
  private func setSocketOptions(of channel: any Channel) {
    guard let options = channel.syncOptions else { return }
    try? options.setOption(.socketOption(.so_keepalive), value: 1)
    try? options.setOption(.tcpOption(.tcp_nodelay), value: 1)
    #if os(Linux)
      // From <linux/tcp.h>: TCP_KEEPIDLE, TCP_KEEPINTVL, TCP_KEEPCNT in seconds and probes, TCP_USER_TIMEOUT in milliseconds.
      let idle = max(1, configuration.keepAliveIdle.components.seconds)
      let userTimeout = max(1, configuration.userTimeout.components.seconds) * 1_000
      for (option, value) in [(4, idle), (5, 10), (6, 3), (18, userTimeout)] as [(Int32, Int64)] {
        let name = NIOBSDSocket.Option(rawValue: option)
        try? options.setOption(.tcpOption(name), value: SocketOptionValue(value))
      }
    #endif
  }
}

/// Bytes of slices that go to the connection at once.
private let sliceBatchBytes = 256 * 1024

@concurrent private func respond(
  to request: Request, with routes: RouteTable, _ authenticators: [String: any HTTPAuthenticator],
  writer: consuming ResponseWriter, channel: any Channel,
  monitor: ConnectionMonitor, turns: BodyTurns, logger: Logger
) async throws {
  turns.noteRequest()
  let isHead = request.method == .head
  let response = await response(
    to: request, from: routes, authenticators, channel: channel, monitor: monitor, logger: logger)
  var head = HTTPResponse(status: .init(code: response.status))
  for field in response.headers {
    guard let name = HTTPField.Name(field.name) else { continue }
    head.headerFields.append(HTTPField(name: name, value: field.value))
  }
  switch response.body {
  case .none:
    head.setLength(0)
    try await writer.writeResponse(head)
  case .bytes(let bytes):
    head.setLength(bytes.count)
    if isHead {
      try await writer.writeResponse(head)
    } else {
      try await writer.write(response: head, body: ResponseBody(byteBuffer: ByteBuffer(bytes: bytes)))
    }
  case .slices(let slices):
    head.setLength(slices.reduce(0) { $0 + $1.count })
    guard !isHead else { return try await writer.writeResponse(head) }
    var body = try await writer.writeHead(head)
    var next = slices.startIndex
    while next < slices.endIndex {
      var (end, count) = (next, 0)
      while end < slices.endIndex, count < sliceBatchBytes {
        count += slices[end].count
        end += 1
      }
      let batch = slices[next..<end]
      next = end
      // A body that is no more than one piece does not wait for those that are many.
      guard batch.count < slices.count else {
        try await body.write(contentsOf: batch.map { ByteBuffer(bytes: $0) })
        break
      }
      await monitor.waitForRoom()
      try await turns.pass {
        try await body.write(contentsOf: batch.map { ByteBuffer(bytes: $0) })
        try await taken(by: channel)
      }
    }
    try await body.finish(nil)
  case .stream(let produce):
    guard !isHead else { return try await writer.writeResponse(head) }
    let body = try await writer.writeHead(head)
    try await stream(produce, to: body, channel: channel, monitor: monitor)
    try await body.finish(nil)
  }
}

/// Runs `produce` until it ends or the client is gone, whichever is first.
private func stream(
  _ produce: @escaping @Sendable (any ResponseStream) async throws -> Void, to body: some ResponseBodyWriter,
  channel: any Channel, monitor: ConnectionMonitor
) async throws {
  let stream = ChunkStream(writer: body, channel: channel)
  try await withThrowingTaskGroup(of: Void.self) { group in
    group.addTask {
      await monitor.waitForInputClosed()
      throw CancellationError()
    }
    group.addTask { try await produce(stream) }
    defer { group.cancelAll() }
    try await group.next()
  }
}

/// The server's writer is a handle to a connection's thread-safe outbound writer, declared without `Sendable`.
private final class ChunkStream: ResponseStream, @unchecked Sendable {
  private let writer: any ResponseBodyWriter
  private let channel: any Channel
  /// Bytes handed over since the connection was last seen to have taken all.
  private let handedOver = Mutex(0)

  init(writer: any ResponseBodyWriter, channel: any Channel) {
    self.writer = writer
    self.channel = channel
  }

  func write(_ bytes: [UInt8]) async throws {
    // A chunk without bytes would end the body.
    guard !bytes.isEmpty else { return }
    var writer = writer
    try await writer.write(ByteBuffer(bytes: bytes))
    let isMuch = handedOver.withLock { count in
      count += bytes.count
      guard count >= sliceBatchBytes else { return false }
      count = 0
      return true
    }
    if isMuch { try await taken(by: channel) }
  }
}

/// Waits until the connection's thread has taken what was handed over.
///
/// Only then is it known whether the client still reads, so that the next write waits where it does not. Without this a thread that is kept busy
/// elsewhere is handed any amount.
private func taken(by channel: any Channel) async throws {
  try await channel.eventLoop.submit {}.get()
}

private func response(
  to request: Request, from routes: RouteTable, _ authenticators: [String: any HTTPAuthenticator],
  channel: any Channel, monitor: ConnectionMonitor, logger: Logger
) async -> OutgoingResponse {
  let number = monitor.beginRequest()
  do {
    let target = try RequestTarget(request.head.path ?? "")
    let candidates = try routes.candidates(path: target.path)
    var headers = HeaderFields(request.headers.lazy.map { ($0.name.rawName, $0.value) })
    if let authority = request.head.authority { headers.append(name: "Host", value: authority) }
    var principal: Principal?
    if let realm = candidates.realm, let authenticator = authenticators[realm] {
      switch await authenticator.authenticate(headers) {
      case .principal(let known): principal = known
      case .unauthorized(let challenges): throw HTTPFailure.unauthorized(challenges: challenges)
      }
    }
    let match = try candidates.match(method: request.method.rawValue)
    let isChunked = headers["Transfer-Encoding"] != nil
    let length = isChunked ? nil : (headers["Content-Length"].flatMap { Int($0) } ?? 0)
    let incoming = IncomingRequest(
      method: request.method.rawValue, path: target.path, rawPath: target.rawPath, rawQuery: target.rawQuery,
      pathRemainder: match.remainder,
      query: target.query, headers: headers, remoteAddress: remoteAddress(of: channel), principal: principal,
      body: IncomingBody(request.body, declaredLength: length, request: number, monitor: monitor))
    return try await match.route.handler(incoming)
  } catch let failure as HTTPFailure {
    return .failure(failure)
  } catch {
    logger.warning("A handler failed", metadata: ["path": "\(request.head.path ?? "")", "error": "\(error)"])
    return .text("Internal Server Error", status: 500)
  }
}

private func remoteAddress(of channel: any Channel) -> String {
  guard let address = channel.remoteAddress, let host = address.ipAddress, let port = address.port else {
    return "unix"
  }
  return host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
}

extension HTTPResponse {
  fileprivate mutating func setLength(_ length: Int) { headerFields[.contentLength] = String(length) }
}
