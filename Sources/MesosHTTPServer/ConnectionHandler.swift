import NIOCore
import NIOHTTP1

/// A connection's end that the pipeline decided on, as the reader of a body sees it.
enum ConnectionFault: Error {
  case bodyTimeout
  case bodyCut
}

/// Keeps one connection to the rules that the server above it leaves open.
///
/// It stands between the HTTP/1 codec and the server: it dates answers, closes after HTTP/1.0 requests and after answers that say so,
/// bounds the time of headers, bodies, blocked writes and of the end, answers `Expect`, and tells the ``ConnectionMonitor`` when the
/// client is gone. Closing is gentle: output first, then the client's rest is dropped for a while, so that an answer such as 413
/// is not lost to a reset.
final class ConnectionHandler: ChannelDuplexHandler {
  typealias InboundIn = HTTPServerRequestPart
  typealias InboundOut = HTTPServerRequestPart
  typealias OutboundIn = HTTPServerResponsePart
  typealias OutboundOut = HTTPServerResponsePart

  private struct Exchange {
    var version: HTTPVersion
    var keepsAlive: Bool
    var isReceived = false
  }

  private let configuration: HTTPServerConfiguration
  private let monitor: ConnectionMonitor
  private var date = HTTPDate()
  /// Requests whose answers have not ended, oldest first.
  private var exchanges: [Exchange] = []
  /// The first exchange's answer has begun, and is of no known length.
  private var isStreaming = false
  private var closesAfterAnswer = false
  /// An answer ended before its request: the rest of that request is on its way, and no one wants it.
  private var isDraining = false
  private var drainedBytes = 0
  private var isLingering = false
  private var isInputClosed = false
  /// Whether the bytes of the last read made a part of a request.
  private var hasReadPart = false
  private var receivedBodyBytes = 0
  private var bodyStart = NIODeadline.now()
  private var receiveTimer: Scheduled<Void>?
  private var writeTimer: Scheduled<Void>?
  private var lingerTimer: Scheduled<Void>?

  init(configuration: HTTPServerConfiguration, monitor: ConnectionMonitor) {
    self.configuration = configuration
    self.monitor = monitor
  }

  // MARK: - From the client

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    guard !isLingering else { return drop(Self.unwrapInboundIn(data), context: context) }
    hasReadPart = true
    switch Self.unwrapInboundIn(data) {
    case .head(let head):
      exchanges.append(Exchange(version: head.version, keepsAlive: head.isKeepAlive))
      receivedBodyBytes = 0
      bodyStart = .now()
      startBodyTimer(context: context, after: TimeAmount(configuration.bodyDeadline))
      if head.version == .http1_1, exchanges.count == 1,
        head.headers["expect"].contains(where: { $0.lowercased() == "100-continue" })
      {
        context.writeAndFlush(
          Self.wrapOutboundOut(.head(HTTPResponseHead(version: .http1_1, status: .continue))), promise: nil)
      }
    case .body(let bytes):
      receivedBodyBytes += bytes.readableBytes
      if isDraining {
        drainedBytes += bytes.readableBytes
        if drainedBytes > configuration.lingerBytesMax { return linger(context: context) }
      }
    case .end:
      monitor.noteRequestReceived()
      receiveTimer?.cancel()
      receiveTimer = nil
      if isDraining {
        isDraining = false
      } else if !exchanges.isEmpty {
        exchanges[exchanges.count - 1].isReceived = true
      }
    }
    context.fireChannelRead(data)
  }

  func channelReadComplete(context: ChannelHandlerContext) {
    // Bytes came that are no part of a request yet: a header has begun.
    if !hasReadPart, receiveTimer == nil, !isLingering, !isDraining, exchanges.isEmpty {
      receiveTimer = context.eventLoop.assumeIsolated().scheduleTask(in: TimeAmount(configuration.headerDeadline)) {
        context.close(promise: nil)
      }
    }
    hasReadPart = false
    context.fireChannelReadComplete()
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    switch event {
    case ChannelEvent.inputClosed:
      isInputClosed = true
      monitor.noteInputClosed()
      if isLingering { return context.close(promise: nil) }
      if isReceivingBody { context.fireErrorCaught(ConnectionFault.bodyCut) }
    case is ChannelShouldQuiesceEvent:
      // Streams end now, those that have yet to begin too; other answers are awaited.
      monitor.noteInputClosed()
    default:
      break
    }
    context.fireUserInboundEventTriggered(event)
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    monitor.noteInputClosed()
    closesAfterAnswer = true
    context.fireErrorCaught(error)
  }

  func channelInactive(context: ChannelHandlerContext) {
    monitor.noteInputClosed()
    monitor.noteWritability(true)
    cancelTimers()
    context.fireChannelInactive()
  }

  func handlerRemoved(context: ChannelHandlerContext) {
    monitor.noteInputClosed()
    monitor.noteWritability(true)
    cancelTimers()
  }

  // MARK: - To the client

  func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
    switch Self.unwrapOutboundIn(data) {
    case .head(let head) where head.status.code >= 200:
      context.write(Self.wrapOutboundOut(.head(begin(head))), promise: promise)
    case .head, .body:
      context.write(data, promise: promise)
    case .end:
      let promise = promise ?? context.eventLoop.makePromise()
      context.write(data, promise: promise)
      end(context: context, written: promise.futureResult)
    }
  }

  func channelWritabilityChanged(context: ChannelHandlerContext) {
    monitor.noteWritability(context.channel.isWritable)
    if context.channel.isWritable {
      writeTimer?.cancel()
      writeTimer = nil
    } else if writeTimer == nil {
      watchWrites(context: context)
    }
    context.fireChannelWritabilityChanged()
  }

  func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
    if mode == .output { startLingerTimer(context: context) }
    context.close(mode: mode, promise: promise)
  }

  private func begin(_ head: HTTPResponseHead) -> HTTPResponseHead {
    var head = head
    var headers = HTTPHeaders([("Date", date.current())])
    headers.add(contentsOf: head.headers)
    head.headers = headers
    isStreaming = head.status.mayHaveResponseBody && !headers.contains(name: "content-length")
    if let exchange = exchanges.first {
      if !exchange.keepsAlive { closesAfterAnswer = true }
      if isStreaming, (exchange.version.major, exchange.version.minor) < (1, 1) {
        // Without chunks only the connection's end tells where the body ends.
        head.version = .http1_0
        closesAfterAnswer = true
      }
      if isStreaming, !exchange.isReceived {
        // A streaming answer may go on beside its request's body for any time.
        receiveTimer?.cancel()
        receiveTimer = nil
      }
    }
    if headers[canonicalForm: "connection"].contains(where: { $0.lowercased() == "close" }) { closesAfterAnswer = true }
    return head
  }

  private func end(context: ChannelHandlerContext, written: EventLoopFuture<Void>) {
    isStreaming = false
    if !exchanges.isEmpty {
      let exchange = exchanges.removeFirst()
      if !exchange.isReceived {
        isDraining = true
        drainedBytes = 0
        if receiveTimer == nil { startBodyTimer(context: context, after: TimeAmount(configuration.bodyDeadline)) }
      }
    }
    guard closesAfterAnswer else { return }
    let loopBound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
    written.whenComplete { _ in
      let (handler, context) = loopBound.value
      handler.linger(context: context)
    }
  }

  // MARK: - Deadlines

  /// The client has yet to send the rest of a request.
  private var isReceivingBody: Bool { isDraining || exchanges.contains { !$0.isReceived } }

  private func startBodyTimer(context: ChannelHandlerContext, after delay: TimeAmount) {
    receiveTimer?.cancel()
    receiveTimer = context.eventLoop.assumeIsolated().scheduleTask(in: delay) {
      self.receiveTimer = nil
      let earned =
        self.configuration.bodyDeadline
        + .seconds(self.receivedBodyBytes / max(1, self.configuration.minimumBodyRate))
      let rest = TimeAmount(earned) - (.now() - self.bodyStart)
      if rest > .zero {
        self.startBodyTimer(context: context, after: rest)
      } else if self.isDraining {
        self.linger(context: context)
      } else {
        context.fireErrorCaught(ConnectionFault.bodyTimeout)
      }
    }
  }

  private func watchWrites(context: ChannelHandlerContext) {
    let before = bufferedBytes(context)
    writeTimer = context.eventLoop.assumeIsolated().scheduleTask(in: TimeAmount(configuration.writeDeadline)) {
      self.writeTimer = nil
      guard !context.channel.isWritable else { return }
      if self.bufferedBytes(context) < before {
        self.watchWrites(context: context)
      } else {
        context.close(promise: nil)
      }
    }
  }

  private func bufferedBytes(_ context: ChannelHandlerContext) -> Int {
    (try? context.channel.syncOptions?.getOption(.bufferedWritableBytes)) ?? 0
  }

  /// Ends the connection: our side at once, the rest when the client ends its own or the deadline passes.
  private func linger(context: ChannelHandlerContext) {
    guard !isLingering else { return }
    isLingering = true
    drainedBytes = 0
    receiveTimer?.cancel()
    receiveTimer = nil
    if isInputClosed { return context.close(promise: nil) }
    startLingerTimer(context: context)
    context.close(mode: .output, promise: nil)
    context.read()
  }

  private func startLingerTimer(context: ChannelHandlerContext) {
    guard lingerTimer == nil else { return }
    lingerTimer = context.eventLoop.assumeIsolated().scheduleTask(in: TimeAmount(configuration.lingerDeadline)) {
      context.close(promise: nil)
    }
  }

  private func drop(_ part: HTTPServerRequestPart, context: ChannelHandlerContext) {
    if case .body(let bytes) = part { drainedBytes += bytes.readableBytes }
    if drainedBytes > configuration.lingerBytesMax { return context.close(promise: nil) }
    context.read()
  }

  private func cancelTimers() {
    receiveTimer?.cancel()
    writeTimer?.cancel()
    lingerTimer?.cancel()
    receiveTimer = nil
    writeTimer = nil
    lingerTimer = nil
  }
}
