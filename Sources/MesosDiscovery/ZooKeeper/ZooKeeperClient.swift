public import Logging
import MesosModel
public import MesosRuntime
import NIOCore
import NIOPosix
public import ServiceLifecycle
import Synchronization

/// A client of ZooKeeper: one session after another, kept over connections that break.
///
/// ```swift
/// let client = ZooKeeperClient(ZooKeeperConfiguration(servers: try ZooKeeperServers("zk1,zk2,zk3/app")))
/// try await withThrowingTaskGroup(of: Void.self) { group in
///   group.addTask { try await client.run() }
///   let path = try await client.create("/member_", mode: .ephemeralSequential)
///   let (children, watch) = try await client.watchChildren(of: "/")
///   …
///   client.close()
/// }
/// ```
///
/// Requests may be made from any task, also before ``run()``; they go out in the order in which they were made. One that waits for a
/// connection goes out when there is one; one that was under way when the connection broke fails with `.connectionLost`. When the
/// session expires everything that belongs to it fails with `.sessionExpired`, and a new session begins.
///
/// What it decides is `ZooKeeperSession`'s; this class connects it to the network and to the clock.
public final class ZooKeeperClient: Service {
  public let configuration: ZooKeeperConfiguration
  private let logger: Logger
  private let runtime: Runtime
  private let state: Mutex<ZooKeeperClientState>
  private let broadcast = Broadcast<ZooKeeperState>()

  public init(
    _ configuration: ZooKeeperConfiguration, logger: Logger = Logger(label: "mesos.zookeeper"),
    runtime: Runtime = .system
  ) {
    self.configuration = configuration
    self.logger = logger
    self.runtime = runtime
    var settings = ZooKeeperSession.Configuration(serverCount: configuration.servers.servers.count)
    settings.sessionTimeout = configuration.sessionTimeout
    settings.credentials = configuration.credentials.map { Array($0.userAndPassword.utf8) }
    settings.requestsMax = configuration.requestsMax
    settings.requestTimeout = configuration.requestTimeout
    state = Mutex(ZooKeeperClientState(session: ZooKeeperSession(configuration: settings), rng: runtime.generator))
  }

  /// How the session fares: the present state first, then each change.
  public var states: Changes<ZooKeeperState> { broadcast.changes }

  /// The number of the session that lives, if one does.
  public var session: Int64? {
    switch broadcast.last {
    case .connected(let session), .suspended(let session): session
    default: nil
    }
  }

  /// Why the last connection ended, or could not be opened.
  public var lastFailure: String? { state.withLock { $0.lastFailure } }

  /// Keeps a session until it is closed, cancelled, or its credentials are refused. To be called once.
  ///
  /// - Throws: `ZooKeeperError` with code `.authenticationFailed`; `CancellationError` when cancelled. The session is ended in each
  ///   case, as far as a server can be told.
  public func run() async throws {
    try await withGracefulShutdownHandler {
      try await self.runUntilCancelled()
    } onGracefulShutdown: {
      self.close()
    }
  }

  /// As ``run()``, whatever a service group does.
  func runUntilCancelled() async throws {
    guard state.withLock({ $0.begin() }) else { throw ZooKeeperError(.invalidArgument, "A client runs once") }
    let error = await withTaskCancellationHandler {
      await self.perform()
    } onCancel: {
      self.feed(.abandoned)
    }
    broadcast.finish()
    try Task.checkCancellation()
    if let error { throw error }
  }

  /// Ends the session, with its ephemeral nodes, and then ``run()``. Returns at once.
  public func close() { feed(.close) }

  private func perform() async -> ZooKeeperError? {
    await withDiscardingTaskGroup(returning: ZooKeeperError?.self) { group in
      group.addTask { await self.keepTime() }
      feed(.start)
      while true {
        switch await nextWork() {
        case .connect(let connection, let server, let timeout):
          let server = configuration.servers.servers[server]
          group.addTask { await self.connect(connection, to: server, timeout: timeout) }
        case .finished(let error):
          group.cancelAll()
          return error
        }
      }
    }
  }

  /// Holds one connection until it breaks or is given up.
  private func connect(
    _ connection: ConnectionNumber, to server: ZooKeeperServers.Server, timeout: Duration
  ) async {
    logger.debug("Connecting to ZooKeeper", metadata: ["server": "\(server.host):\(server.port)"])
    do {
      let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
        .connectTimeout(.nanoseconds(timeout.wholeNanoseconds))
        .channelOption(.tcpOption(.tcp_nodelay), value: 1)
        .channelInitializer { channel in
          channel.eventLoop.makeCompletedFuture {
            // Known from now on, so that an attempt can be given up.
            guard self.state.withLock({ $0.attach(channel, connection) }) else { throw CancellationError() }
            try channel.pipeline.syncOperations.addHandler(
              ZooKeeperHandler { bytes in
                self.feed(.received(connection, bytes))
              })
          }
        }
        .connect(host: server.host, port: server.port).get()
      if state.withLock({ $0.attach(channel, connection) }) {
        feed(.connected(connection))
      } else {
        channel.close(promise: nil)
      }
      // Not closed on cancellation: the end of the session goes out before the session's own end closes it.
      try await channel.closeFuture.get()
      feed(.closed(connection, reason: "the server closed the connection"))
    } catch {
      logger.debug(
        "No connection to ZooKeeper", metadata: ["server": "\(server.host):\(server.port)", "error": "\(error)"])
      feed(.closed(connection, reason: "\(server.host):\(server.port): \(error)"))
    }
    state.withLock { $0.detach(connection) }
  }

  /// Tells the session the time when it asked to be told.
  private func keepTime() async {
    while !Task.isCancelled {
      let deadline = state.withLock { $0.arm() }
      await withTaskGroup(of: Void.self) { group in
        if let deadline {
          group.addTask { try? await self.runtime.sleep(until: deadline) }
        }
        group.addTask { await self.earlierDeadline() }
        await group.next()
        group.cancelAll()
      }
      feed(.tick)
    }
  }

  private func feed(_ event: ZooKeeperSession.Event) {
    let wakes = state.withLock { state in
      // The clock is read under the lock, so that moments come in order.
      state.handle(event, at: runtime.now.uptime, telling: broadcast)
    }
    for wake in wakes { wake.perform() }
  }

  private func nextWork() async -> ZooKeeperClientState.Work {
    await withCheckedContinuation { continuation in
      let work = state.withLock { state -> ZooKeeperClientState.Work? in
        if let work = state.takeWork() { return work }
        state.workWaiter = continuation
        return nil
      }
      if let work { continuation.resume(returning: work) }
    }
  }

  /// Returns when the session asked for an earlier time than the armed one, or on cancellation.
  private func earlierDeadline() async {
    await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        let waits = state.withLock { state in
          guard !Task.isCancelled, !state.isLate else { return false }
          state.timerWaiter = continuation
          return true
        }
        if !waits { continuation.resume() }
      }
    } onCancel: {
      state.withLock { state -> ZooKeeperClientState.Waiter? in
        defer { state.timerWaiter = nil }
        return state.timerWaiter
      }?.resume()
    }
  }

  // MARK: Requests

  /// Creates a node.
  ///
  /// - Parameters:
  ///   - path: As all paths below the chroot. For a sequential node the start of its name: ten digits follow.
  ///   - data: At most a little less than 1 MiB with the path.
  ///   - mode: How long it lives, and whether digits are put behind its name.
  ///   - acl: Who may do what with it; not empty.
  /// - Returns: The path it got.
  /// - Throws: `ZooKeeperError`: `.nodeExists`, `.noNode` where the node above is missing, and others.
  @discardableResult
  public func create(
    _ path: String, data: [UInt8] = [], mode: ZooKeeperCreation = .persistent, acl: [ZooKeeperACL] = .open
  ) async throws -> String {
    let isSequential = mode == .ephemeralSequential || mode == .persistentSequential
    let whole = try whole(path, isSequential: isSequential)
    guard case .path(let created) = try await ask(.create(path: whole, data: data, acl: acl, mode)) else {
      throw wrongReply
    }
    return below(created)
  }

  /// Creates a node and those above it that are missing; all that it makes stay and have the access list.
  public func createAll(_ path: String, acl: [ZooKeeperACL] = .open) async throws {
    var ancestor = ""
    for part in path.split(separator: "/") {
      ancestor += "/" + part
      do {
        try await create(ancestor, acl: acl)
      } catch let error as ZooKeeperError where error.code == .nodeExists {
        continue
      } catch let error as ZooKeeperError where error.code == .notAuthorized && ancestor != path {
        // It may be there all the same; the next one tells.
        continue
      }
    }
  }

  /// Deletes a node without children.
  ///
  /// - Parameters:
  ///   - path: Of the node.
  ///   - version: Of the data, as last read; `nil` for any.
  public func delete(_ path: String, version: Int32? = nil) async throws {
    _ = try await ask(.delete(path: try whole(path), version: version ?? -1))
  }

  /// What is known of the node; `nil` when there is none.
  public func exists(_ path: String) async throws -> ZooKeeperStat? {
    try stat(try await ask(.exists(path: try whole(path))))
  }

  /// The node's data.
  public func get(_ path: String) async throws -> ZooKeeperData {
    guard case .data(let data) = try await ask(.getData(path: try whole(path))) else { throw wrongReply }
    return data
  }

  /// Replaces the node's data.
  ///
  /// - Parameters:
  ///   - path: Of the node.
  ///   - data: All of it.
  ///   - version: Of the data, as last read; `nil` for any.
  @discardableResult
  public func set(_ path: String, data: [UInt8], version: Int32? = nil) async throws -> ZooKeeperStat {
    guard
      case .stat(let stat) = try await ask(.setData(path: try whole(path), data: data, version: version ?? -1))
    else { throw wrongReply }
    return stat
  }

  /// The node's children.
  public func children(of path: String) async throws -> ZooKeeperChildren {
    guard case .children(let children) = try await ask(.getChildren(path: try whole(path))) else { throw wrongReply }
    return children
  }

  /// As ``exists(_:)``, and a watch for the node's creation, change of data or end.
  public func watchExistence(of path: String) async throws -> (stat: ZooKeeperStat?, watch: ZooKeeperWatch) {
    let (reply, watch) = try await watched(.exists(path: try whole(path)))
    return (try stat(reply), watch)
  }

  /// As ``get(_:)``, and a watch for the next change of the data or the node's end.
  public func watch(_ path: String) async throws -> (data: ZooKeeperData, watch: ZooKeeperWatch) {
    let (reply, watch) = try await watched(.getData(path: try whole(path)))
    guard case .data(let data) = reply else { throw wrongReply }
    return (data, watch)
  }

  /// As ``children(of:)``, and a watch for the next change of the names or the node's end.
  public func watchChildren(
    of path: String
  ) async throws -> (children: ZooKeeperChildren, watch: ZooKeeperWatch) {
    let (reply, watch) = try await watched(.getChildren(path: try whole(path)))
    guard case .children(let children) = reply else { throw wrongReply }
    return (children, watch)
  }

  private var wrongReply: ZooKeeperError { ZooKeeperError(.protocolViolation, "The answer is not the request's") }

  private func stat(_ reply: ZooKeeperReply) throws(ZooKeeperError) -> ZooKeeperStat? {
    switch reply {
    case .stat(let stat): stat
    case .missing: nil
    default: throw wrongReply
    }
  }

  private func whole(_ path: String, isSequential: Bool = false) throws(ZooKeeperError) -> String {
    try ZooKeeperPath.validate(path, isSequential: isSequential)
    let chroot = configuration.servers.chroot
    return path == "/" && !chroot.isEmpty && !isSequential ? chroot : chroot + path
  }

  private func below(_ path: String) -> String {
    let rest = path.dropFirst(configuration.servers.chroot.count)
    return rest.isEmpty ? "/" : String(rest)
  }

  private func watched(_ request: ZooKeeperRequest) async throws -> (ZooKeeperReply, ZooKeeperWatch) {
    let token = state.withLock { state in
      let token = WatchToken(state.nextToken())
      state.watches[token] = .set
      return token
    }
    // Dropped when the request fails: nobody waits for it then.
    let watch = ZooKeeperWatch(client: self, token: token)
    return (try await ask(request, watch: token), watch)
  }

  private func ask(_ request: ZooKeeperRequest, watch: WatchToken? = nil) async throws -> ZooKeeperReply {
    let token = state.withLock { RequestToken($0.nextToken()) }
    return try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { continuation in
        let wakes = state.withLock { state -> [ZooKeeperClientState.Wake]? in
          guard !Task.isCancelled else { return nil }
          state.callers[token] = continuation
          return state.handle(.request(token, request, watch: watch), at: runtime.now.uptime, telling: broadcast)
        }
        guard let wakes else { return continuation.resume(throwing: CancellationError()) }
        for wake in wakes { wake.perform() }
      }
    } onCancel: {
      if let continuation = state.withLock({ $0.callers.removeValue(forKey: token) }) {
        feed(.requestCancelled(token))
        continuation.resume(throwing: CancellationError())
      }
    }
  }

  // MARK: Watches

  fileprivate func fired(_ token: WatchToken) async throws -> ZooKeeperEvent {
    let event = try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<ZooKeeperEvent, any Error>) in
        let result = state.withLock { state -> Result<ZooKeeperEvent, any Error>? in
          switch state.watches[token] {
          case .fired(let result): return result.mapError { $0 }
          case .awaited, nil:
            return .failure(ZooKeeperError(.invalidArgument, "One task at a time waits for a watch"))
          case .set:
            guard !Task.isCancelled else { return .failure(CancellationError()) }
            state.watches[token] = .awaited(continuation)
            return nil
          }
        }
        if let result { continuation.resume(with: result) }
      }
    } onCancel: {
      state.withLock { state -> CheckedContinuation<ZooKeeperEvent, any Error>? in
        guard case .awaited(let continuation) = state.watches[token] else { return nil }
        state.watches[token] = .set
        return continuation
      }?.resume(throwing: CancellationError())
    }
    return ZooKeeperEvent(kind: event.kind, path: below(event.path))
  }

  fileprivate func drop(_ token: WatchToken) {
    state.withLock { _ = $0.watches.removeValue(forKey: token) }
    feed(.watchCancelled(token))
  }
}

/// A watch that is set and sees one event.
public final class ZooKeeperWatch: Sendable {
  private let client: ZooKeeperClient
  private let token: WatchToken

  fileprivate init(client: ZooKeeperClient, token: WatchToken) {
    self.client = client
    self.token = token
  }

  deinit { client.drop(token) }

  /// Waits for the event, and returns it at once if it has been; for one task at a time.
  ///
  /// - Throws: `ZooKeeperError` with code `.sessionExpired` or `.closed`; `CancellationError`.
  public func event() async throws -> ZooKeeperEvent { try await client.fired(token) }
}

/// Hands what arrives on a connection over as bytes.
private final class ZooKeeperHandler: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer

  private let receive: @Sendable ([UInt8]) -> Void

  init(_ receive: @escaping @Sendable ([UInt8]) -> Void) { self.receive = receive }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    receive(Array(unwrapInboundIn(data).readableBytesView))
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}
