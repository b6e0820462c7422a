import MesosTestKit
import NIOCore
import NIOPosix
import Synchronization

/// A TCP proxy before a master that does to the first connections what a seed says, byte by byte, and lets those after them pass.
final class ChaosProxy: Sendable {
  /// What becomes of one connection.
  enum Fate: Hashable, Sendable {
    case passes
    /// Closed as soon as it is made.
    case closes
    /// The request is not passed on; this is the answer.
    case answers(String)
    /// Both ways end once so many bytes went up, or down.
    case cutUp(Int)
    case cutDown(Int)
    /// After so many bytes the rest vanishes, and the connection stays open.
    case swallowsUp(Int)
    case swallowsDown(Int)
    /// What the scheduler sends arrives so many milliseconds later, also when it has long gone.
    case late(Int)
    /// What the scheduler sends reaches the master a second time, on a connection of its own, so many milliseconds later.
    case twice(Int)
    /// A few bytes at a time.
    case drips(Int)
  }

  private struct State {
    var random: SplitMix64
    var connections = 0
    var fates: [Fate] = []
  }

  private let state: Mutex<State>
  private let troubled: Int
  private let master: Int
  private let ownPort = Mutex(0)

  private init(master: Int, seed: UInt64, troubled: Int) {
    state = Mutex(State(random: SplitMix64(seed: seed)))
    self.master = master
    self.troubled = troubled
  }

  /// What became of the connections so far.
  var fates: [Fate] { state.withLock { $0.fates } }

  private func nextFate() -> Fate {
    let port = ownPort.withLock { $0 }
    return state.withLock { state in
      state.connections += 1
      guard state.connections <= troubled else { return .passes }
      let fate = Self.fate(from: port, &state.random)
      state.fates.append(fate)
      return fate
    }
  }

  private static func fate(from port: Int, _ random: inout SplitMix64) -> Fate {
    func number(_ range: Range<Int>) -> Int { Int.random(in: range, using: &random) }
    func redirect(_ location: String) -> Fate {
      .answers("HTTP/1.1 307 Temporary Redirect\r\nLocation: \(location)\r\nContent-Length: 0\r\n\r\n")
    }
    switch number(0..<20) {
    case 0: return .closes
    case 1: return .answers("HTTP/1.1 503 Service Unavailable\r\nContent-Length: 5\r\n\r\nstorm")
    case 2: return redirect("//127.0.0.1:1/api/v1/scheduler")
    case 3: return redirect("//127.0.0.1:\(port)/api/v1/scheduler")
    // By another name it is another master, and it leads back.
    case 4: return redirect("//localhost:\(port)/api/v1/scheduler")
    case 5: return .answers("SSH-2.0-OpenSSH\r\n")
    case 6:
      return .answers(
        "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nMesos-Stream-Id: x\r\nContent-Length: 4\r\n\r\nhtml")
    case 7, 8: return .cutUp(number(0..<4_000))
    case 9, 10, 11: return .cutDown(number(0..<4_000))
    case 12: return .swallowsUp(number(0..<4_000))
    case 13: return .swallowsDown(number(0..<4_000))
    case 14, 15: return .late(number(0..<1_500))
    case 16, 17: return .twice(number(0..<1_000))
    case 18: return .drips(number(1..<40))
    default: return .passes
    }
  }

  /// Serves in front of the master on `port` while `body` runs.
  ///
  /// - Parameter troubled: How many connections something may happen to.
  static func serving<Success: Sendable>(
    master port: Int, seed: UInt64, troubled: Int,
    _ body: (_ port: Int, _ proxy: ChaosProxy) async throws -> Success
  ) async throws -> Success {
    let proxy = ChaosProxy(master: port, seed: seed, troubled: troubled)
    let server = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      .serverChannelOption(.backlog, value: 256)
      .childChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.addHandler(SchedulerSide(fate: proxy.nextFate(), master: port))
        }
      }
      .bind(host: "127.0.0.1", port: 0).get()
    let own = server.localAddress?.port ?? 0
    proxy.ownPort.withLock { $0 = own }
    do {
      let success = try await body(own, proxy)
      try await server.close().get()
      return success
    } catch {
      try? await server.close().get()
      throw error
    }
  }
}

/// Bytes on their way to one side, all at once or a few at a time. Confined to the event loop of its channel.
private final class Pipe: @unchecked Sendable {
  private let channel: any Channel
  /// How many bytes go at once; `nil` for as many as there are.
  private let step: Int?
  private var waiting = ByteBuffer()
  private var dripped = 0
  private var closes = false
  private var isScheduled = false

  init(_ channel: any Channel, step: Int?) {
    self.channel = channel
    self.step = step
  }

  func send(_ bytes: ByteBuffer) {
    var bytes = bytes
    guard step != nil else { return channel.writeAndFlush(bytes, promise: nil) }
    waiting.writeBuffer(&bytes)
    pump()
  }

  /// Closes once everything is written.
  func close() {
    closes = true
    if waiting.readableBytes == 0 { channel.close(promise: nil) }
  }

  private func pump() {
    guard !isScheduled, let step else { return }
    // After the first kilobyte it has dripped enough.
    let count = dripped < 1_000 ? min(step, waiting.readableBytes) : waiting.readableBytes
    if let part = waiting.readSlice(length: count), count > 0 {
      dripped += count
      channel.writeAndFlush(part, promise: nil)
    }
    guard waiting.readableBytes > 0 else {
      if closes { channel.close(promise: nil) }
      return
    }
    isScheduled = true
    channel.eventLoop.assumeIsolated().scheduleTask(in: .milliseconds(1)) {
      self.isScheduled = false
      self.pump()
    }
  }
}

/// What came from the scheduler, and where it goes. Confined to the event loop of its channel, as all it opens is.
private final class SchedulerSide: ChannelInboundHandler, @unchecked Sendable {
  typealias InboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer

  private let fate: ChaosProxy.Fate
  private let master: Int
  private var up: Pipe?
  private var copy: Pipe?
  /// What came before there was a connection to pass it on to.
  private var early: [ByteBuffer] = []
  private var earlyCopy: [ByteBuffer] = []
  private var sent = 0
  private var isGone = false
  private var hasAnswered = false

  init(fate: ChaosProxy.Fate, master: Int) {
    self.fate = fate
    self.master = master
  }

  func channelActive(context: ChannelHandlerContext) {
    switch fate {
    case .closes: context.close(promise: nil)
    case .answers: break
    case .twice(let delay):
      connect(context, isCopy: false, after: 0)
      connect(context, isCopy: true, after: delay)
    case .late(let delay): connect(context, isCopy: false, after: delay)
    default: connect(context, isCopy: false, after: 0)
    }
  }

  private func connect(_ context: ChannelHandlerContext, isCopy: Bool, after delay: Int) {
    let client = context.channel
    let (fate, master) = (fate, master)
    let loop = context.eventLoop
    loop.assumeIsolated().scheduleTask(in: .milliseconds(Int64(delay))) {
      ClientBootstrap(group: loop)
        .channelInitializer { channel in
          channel.eventLoop.makeCompletedFuture {
            try channel.pipeline.syncOperations.addHandler(
              MasterSide(fate: fate, client: isCopy ? nil : client))
          }
        }
        .connect(host: "127.0.0.1", port: master)
        .assumeIsolated()
        .whenComplete { result in
          switch result {
          case .success(let channel): self.connected(channel, isCopy: isCopy)
          case .failure: if !isCopy { client.close(promise: nil) }
          }
        }
    }
  }

  private func connected(_ channel: any Channel, isCopy: Bool) {
    var step: Int?
    if case .drips(let count) = fate { step = count }
    let pipe = Pipe(channel, step: step)
    if isCopy { copy = pipe } else { up = pipe }
    for bytes in isCopy ? earlyCopy : early { pipe.send(bytes) }
    if isCopy { earlyCopy = [] } else { early = [] }
    if isGone { end(pipe, channel) }
  }

  /// The scheduler has gone: what was sent still arrives, and the answer is for nobody.
  private func end(_ pipe: Pipe, _ channel: any Channel) {
    channel.eventLoop.assumeIsolated().scheduleTask(in: .milliseconds(200)) { pipe.close() }
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    var bytes = Self.unwrapInboundIn(data)
    switch fate {
    case .closes: return
    case .answers(let text):
      guard !hasAnswered else { return }
      hasAnswered = true
      context.writeAndFlush(Self.wrapOutboundOut(ByteBuffer(string: text)), promise: nil)
      return context.close(promise: nil)
    case .cutUp(let limit), .swallowsUp(let limit):
      let left = max(0, limit - sent)
      sent += bytes.readableBytes
      guard bytes.readableBytes > left else { break }
      if let part = bytes.readSlice(length: left) { pass(part) }
      if case .cutUp = fate { context.close(promise: nil) }
      return
    default: break
    }
    pass(bytes)
  }

  private func pass(_ bytes: ByteBuffer) {
    if let up { up.send(bytes) } else { early.append(bytes) }
    guard case .twice = fate else { return }
    if let copy { copy.send(bytes) } else { earlyCopy.append(bytes) }
  }

  func channelInactive(context: ChannelHandlerContext) {
    isGone = true
    let loop = context.eventLoop.assumeIsolated()
    switch fate {
    case .twice, .late:
      // The copy goes on for a while, as what is under way in a network does.
      for pipe in [up, copy].compactMap({ $0 }) { loop.scheduleTask(in: .milliseconds(200)) { pipe.close() } }
    default: up?.close()
    }
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}

/// What came from the master. Confined to the event loop of its channel.
private final class MasterSide: ChannelInboundHandler, @unchecked Sendable {
  typealias InboundIn = ByteBuffer

  private let fate: ChaosProxy.Fate
  private let client: (any Channel)?
  private let down: Pipe?
  private var received = 0

  /// - Parameter client: Whom it is for; `nil` for nobody.
  init(fate: ChaosProxy.Fate, client: (any Channel)?) {
    self.fate = fate
    self.client = client
    var step: Int?
    if case .drips(let count) = fate { step = count }
    down = client.map { Pipe($0, step: step) }
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    guard let down else { return }
    var bytes = Self.unwrapInboundIn(data)
    switch fate {
    case .cutDown(let limit), .swallowsDown(let limit):
      let left = max(0, limit - received)
      received += bytes.readableBytes
      guard bytes.readableBytes > left else { break }
      if let part = bytes.readSlice(length: left) { down.send(part) }
      if case .cutDown = fate {
        down.close()
        context.close(promise: nil)
      }
      return
    default: break
    }
    down.send(bytes)
  }

  func channelInactive(context: ChannelHandlerContext) {
    switch fate {
    // Half open: its end is not told.
    case .swallowsDown, .swallowsUp: break
    default: down?.close()
    }
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}
