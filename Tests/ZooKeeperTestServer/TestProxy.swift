import NIOCore
import NIOPosix
import Synchronization

/// Stands between a client and a server: what it does with their connections can be changed at any time.
public final class TestProxy: Sendable {
  public enum Mode: Sendable {
    case passes
    /// Connections stay open, or open, and nothing goes through.
    case stalls
    /// Connections are closed, and new ones at once.
    case cuts
  }

  private struct State {
    var mode = Mode.passes
    var channels: [ObjectIdentifier: any Channel] = [:]
  }

  private let state = Mutex(State())
  private let target: Int
  private let listener = Mutex<(any Channel)?>(nil)
  /// Of 127.0.0.1.
  public let port: Int

  private init(target: Int) throws {
    self.target = target
    port = try freePort()
  }

  /// Runs `body` with a proxy before the port `target` of 127.0.0.1.
  public static func with<Success: Sendable>(
    target: Int, _ body: (TestProxy) async throws -> Success
  ) async throws -> Success {
    let proxy = try TestProxy(target: target)
    let listener = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
      .childChannelOption(.autoRead, value: false)
      .childChannelInitializer { channel in proxy.accepted(channel) }
      .bind(host: "127.0.0.1", port: proxy.port).get()
    do {
      let success = try await body(proxy)
      proxy.set(.cuts)
      try await listener.close()
      return success
    } catch {
      proxy.set(.cuts)
      try? await listener.close()
      throw error
    }
  }

  public func set(_ mode: Mode) {
    let channels = state.withLock { state in
      state.mode = mode
      return Array(state.channels.values)
    }
    for channel in channels {
      switch mode {
      case .passes: channel.setOption(.autoRead, value: true).whenComplete { _ in }
      case .stalls: channel.setOption(.autoRead, value: false).whenComplete { _ in }
      case .cuts: channel.close(promise: nil)
      }
    }
  }

  private func accepted(_ channel: any Channel) -> EventLoopFuture<Void> {
    guard isWelcome(channel) else { return channel.close() }
    // On the same loop, so that neither side is ahead of the other.
    return ClientBootstrap(group: channel.eventLoop)
      .channelOption(.autoRead, value: false)
      .connect(host: "127.0.0.1", port: target)
      .flatMap { [self] far in
        guard isWelcome(far) else {
          far.close(promise: nil)
          return channel.close()
        }
        return channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.addHandler(Glue(to: far))
          try far.pipeline.syncOperations.addHandler(Glue(to: channel))
        }.map { [self] in
          guard case .passes = state.withLock({ $0.mode }) else { return }
          for each in [channel, far] { each.setOption(.autoRead, value: true).whenComplete { _ in } }
        }
      }
  }

  private func isWelcome(_ channel: any Channel) -> Bool {
    let key = ObjectIdentifier(channel)
    let isWelcome = state.withLock { state in
      if case .cuts = state.mode { return false }
      state.channels[key] = channel
      return true
    }
    if isWelcome {
      channel.closeFuture.whenComplete { [self] _ in state.withLock { $0.channels[key] = nil } }
    }
    return isWelcome
  }
}

/// Hands what one connection delivers to the other.
private final class Glue: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer

  private let other: any Channel

  init(to other: any Channel) { self.other = other }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    other.writeAndFlush(unwrapInboundIn(data), promise: nil)
  }

  func channelInactive(context: ChannelHandlerContext) {
    other.close(promise: nil)
    context.fireChannelInactive()
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}
