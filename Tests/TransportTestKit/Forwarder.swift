import NIOCore
import NIOPosix
import NIOSSL
import Synchronization

/// Where a ``Forwarder`` listens.
public enum Listening: Sendable {
  case loopback
  case unixSocket(String)
}

/// A server in front of another one: it speaks TLS, or listens on a unix socket, and hands on what passes as it is.
public struct Forwarder: Sendable {
  /// What it takes TLS with.
  public struct TLS: Sendable {
    public var identity: TestAuthority.Identity
    /// Whose certificates clients must have; `nil` to ask for none.
    public var clients: TestAuthority?

    public init(_ identity: TestAuthority.Identity, clients: TestAuthority? = nil) {
      self.identity = identity
      self.clients = clients
    }

    fileprivate func context() throws -> NIOSSLContext {
      var configuration = TLSConfiguration.makeServerConfiguration(
        certificateChain: try NIOSSLCertificate.fromPEMFile(identity.certificate).map { .certificate($0) },
        privateKey: .privateKey(try NIOSSLPrivateKey(file: identity.key, format: .pem)))
      if let clients {
        configuration.trustRoots = .file(clients.certificate)
        configuration.certificateVerification = .noHostnameVerification
      }
      return try NIOSSLContext(configuration: configuration)
    }
  }

  /// Forwards to a port of loopback while `body` runs.
  ///
  /// - Parameter body: Gets the port that is listened on; 0 for a unix socket.
  public static func with<Result>(
    to backend: Int, listening: Listening = .loopback, tls: TLS? = nil, _ body: (Int) async throws -> Result
  ) async throws -> Result {
    let context = try tls?.context()
    let bootstrap = ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      .childChannelInitializer { channel in
        ClientBootstrap(group: channel.eventLoop).connect(host: "127.0.0.1", port: backend).flatMapThrowing { other in
          let front = channel.pipeline.syncOperations
          if let context { try front.addHandler(NIOSSLServerHandler(context: context)) }
          try front.addHandler(Relay(to: other))
          try other.pipeline.syncOperations.addHandler(Relay(to: channel))
        }
      }
    let server =
      switch listening {
      case .loopback: try await bootstrap.bind(host: "127.0.0.1", port: 0).get()
      case .unixSocket(let path):
        try await bootstrap.bind(unixDomainSocketPath: path, cleanupExistingSocketFile: true).get()
      }
    return try await closing(server) { try await body(server.localAddress?.port ?? 0) }
  }
}

/// An HTTP proxy that makes tunnels and writes down what it sees.
public final class TunnelProxy: Sendable {
  private struct Seen {
    var heads: [String] = []
    var tunnelled: [UInt8] = []
  }

  private let seen = Mutex(Seen())
  private let authorization: String?

  /// - Parameter authorization: What `Proxy-Authorization` has to be; `nil` for anything.
  public init(authorization: String? = nil) { self.authorization = authorization }

  /// The first line of each request.
  public var requests: [String] { heads.map { String($0.prefix { $0 != "\r\n" }) } }
  /// Each request's whole head.
  public var heads: [String] { seen.withLock { $0.heads } }
  /// What clients sent through tunnels.
  public var tunnelled: [UInt8] { seen.withLock { $0.tunnelled } }

  /// Serves on a port of loopback while `body` runs. Every tunnel leads to loopback, whatever the name.
  public func serving<Result>(_ body: (Int) async throws -> Result) async throws -> Result {
    let server = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      .childChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture { try channel.pipeline.syncOperations.addHandler(Tunnel(self)) }
      }
      .bind(host: "127.0.0.1", port: 0).get()
    return try await closing(server) { try await body(server.localAddress?.port ?? 0) }
  }

  fileprivate func note(head: String) { seen.withLock { $0.heads.append(head) } }
  fileprivate func note(tunnelled bytes: ByteBufferView) { seen.withLock { $0.tunnelled += bytes } }

  /// The port of the target, or how the request is refused.
  fileprivate func target(of head: String) -> (port: Int?, refusal: String) {
    let lines = head.split(separator: "\r\n")
    let words = lines.first?.split(separator: " ") ?? []
    guard words.count == 3, words[0] == "CONNECT", let port = words[1].split(separator: ":").last.flatMap({ Int($0) })
    else { return (nil, "405 Method Not Allowed") }
    guard let authorization else { return (port, "") }
    let isKnown = lines.contains { $0.lowercased().hasPrefix("proxy-authorization:") && $0.hasSuffix(authorization) }
    return isKnown ? (port, "") : (nil, "407 Proxy Authentication Required")
  }
}

private func closing<Result>(_ server: any Channel, _ body: () async throws -> Result) async throws -> Result {
  do {
    let result = try await body()
    try await server.close()
    return result
  } catch {
    try? await server.close()
    throw error
  }
}

/// Hands on what arrives, and the end of it.
private final class Relay: ChannelInboundHandler, Sendable {
  typealias InboundIn = ByteBuffer

  private let other: any Channel

  init(to other: any Channel) { self.other = other }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    other.writeAndFlush(unwrapInboundIn(data), promise: nil)
  }

  func channelInactive(context: ChannelHandlerContext) {
    // Behind what was written before.
    other.writeAndFlush(ByteBuffer()).whenComplete { [other] _ in other.close(promise: nil) }
    context.fireChannelInactive()
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}

/// One connection to a proxy.
private final class Tunnel: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer

  private let proxy: TunnelProxy
  private var head = ""
  private var other: (any Channel)?

  init(_ proxy: TunnelProxy) { self.proxy = proxy }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    let buffer = unwrapInboundIn(data)
    if let other {
      proxy.note(tunnelled: buffer.readableBytesView)
      return other.writeAndFlush(buffer, promise: nil)
    }
    head += String(buffer: buffer)
    guard head.hasSuffix("\r\n\r\n") else { return }
    proxy.note(head: head)
    let (port, refusal) = proxy.target(of: head)
    guard let port else {
      let channel = context.channel
      return channel.writeAndFlush(ByteBuffer(string: "HTTP/1.1 \(refusal)\r\nContent-Length: 0\r\n\r\n"))
        .whenComplete { _ in channel.close(promise: nil) }
    }
    let (channel, bound) = (context.channel, NIOLoopBound(self, eventLoop: context.eventLoop))
    ClientBootstrap(group: context.eventLoop)
      .channelInitializer { other in
        other.eventLoop.makeCompletedFuture { try other.pipeline.syncOperations.addHandler(Relay(to: channel)) }
      }
      .connect(host: "127.0.0.1", port: port).whenComplete { result in
        switch result {
        case .success(let other):
          bound.value.other = other
          channel.writeAndFlush(ByteBuffer(string: "HTTP/1.1 200 OK\r\n\r\n"), promise: nil)
        case .failure: channel.close(promise: nil)
        }
      }
  }

  func channelInactive(context: ChannelHandlerContext) {
    other?.close(promise: nil)
    context.fireChannelInactive()
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}
