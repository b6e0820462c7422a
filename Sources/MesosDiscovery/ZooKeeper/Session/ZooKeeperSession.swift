import DequeModule
import MesosModel

/// What a client of ZooKeeper decides: which server it talks to, what becomes of requests when the connection breaks, when the session
/// is over.
///
/// A *session* lives in the servers and outlasts connections: its ephemeral nodes stay while the client comes back, to any server,
/// within the session's timeout. So there are two kinds of loss:
/// - **The connection breaks.** Requests under way fail with `.connectionLost`, as nobody knows whether they took effect. What was not sent
///   waits. The next server is tried, the session goes on, the credentials are given again and the watches are set again as of the last
///   change seen, so that none is missed.
/// - **The session expires.** A server says so, or nothing that left was answered for the whole timeout, in which case the servers
///   have given it up or are about to. Everything that belonged to it fails, and a new session begins.
///
/// A connection on which nothing is heard for two thirds of the timeout is dead; a ping goes out when nothing else did for a third.
/// Equal events give equal directives in every process.
///
/// - Source: ZooKeeper 3.8, programmer's guide, "ZooKeeper Sessions" and "ZooKeeper Watches"; what a server of 3.8.0 answers.
package struct ZooKeeperSession: Sendable {
  enum Phase: Hashable, Sendable {
    case idle
    case waiting(until: Duration)
    /// The connection opens, or the session is asked for on it.
    case connecting(ConnectionNumber, deadline: Duration, askedAt: Duration?)
    case associated(ConnectionNumber)
    /// The end of the session is on its way.
    case closing(ConnectionNumber, deadline: Duration)
    case finished
  }

  struct Session: Hashable, Sendable {
    var id: Int64
    var password: [UInt8]
    var timeout: Duration
    /// When something left that was answered later: the servers knew of us then.
    var confirmed: Duration
  }

  struct Waiting: Sendable {
    var token: RequestToken
    var request: ZooKeeperRequest
    var watch: WatchToken?
    var expires: Duration
  }

  struct UnderWay: Sendable {
    var xid: Int32
    var request: ZooKeeperRequest
    /// `nil` once nobody waits for it.
    var token: RequestToken?
    var watch: WatchToken?
    var sentAt: Duration
  }

  package let configuration: Configuration

  var phase = Phase.idle
  var session: Session?
  var lastZxid: Int64 = 0

  // Connection.
  var lastConnection: UInt64 = 0
  /// The order in which servers are tried.
  var servers: [Int] = []
  var nextServer = 0
  /// Attempts in a row without a session.
  var failures = 0
  var decoder: FrameDecoder
  var lastXid: Int32 = 0
  var heard: Duration = .zero
  var sent: Duration = .zero
  /// When the pings left that are not answered.
  var pings: Deque<Duration> = []

  // Requests.
  var waiting: Deque<Waiting> = []
  var underWay: Deque<UnderWay> = []
  var watches = WatchTable()

  var directives: [Directive] = []

  package init(configuration: Configuration) {
    self.configuration = configuration
    decoder = FrameDecoder(frameBytesMax: configuration.frameBytesMax)
  }

  /// Takes what happened and returns what to do.
  ///
  /// - Parameters:
  ///   - now: An uptime, not before that of the last call.
  ///   - rng: For the order of servers and for jitter.
  package mutating func handle(
    _ event: Event, at now: Duration, using rng: inout some RandomNumberGenerator
  ) -> [Directive] {
    if case .finished = phase {
      if case .request(let token, _, _) = event { return [.complete(token, .failure(closedError))] }
      return []
    }
    switch event {
    case .start: start(at: now, using: &rng)
    case .connected(let connection): connected(connection, at: now)
    case .received(let connection, let bytes): received(bytes, on: connection, at: now, using: &rng)
    case .closed(let connection, let reason): closed(connection, reason, at: now, using: &rng)
    case .request(let token, let request, let watch): asked(request, token, watch, at: now)
    case .requestCancelled(let token): cancel(token)
    case .watchCancelled(let token): watches.remove(token)
    case .tick: break
    case .close: close(at: now)
    case .abandoned: abandon()
    }
    if let deadline = nextDeadline, deadline <= now { deadlinesPassed(at: now, using: &rng) }
    defer { directives = [] }
    return directives
  }

  /// The uptime at which a `.tick` is due at the latest; `nil` when nothing waits for time.
  package var nextDeadline: Duration? {
    var deadlines: [Duration] = []
    switch phase {
    case .idle: break
    case .waiting(let until): deadlines.append(until)
    case .connecting(_, let deadline, _): deadlines.append(deadline)
    case .associated:
      deadlines.append(heard + readTimeout)
      if pings.isEmpty { deadlines.append(sent + pingInterval) }
    case .closing(_, let deadline): deadlines.append(deadline)
    case .finished: return nil
    }
    if let session { deadlines.append(session.confirmed + session.timeout) }
    if let first = waiting.first { deadlines.append(first.expires) }
    return deadlines.min()
  }

  /// The servers' timeout, or the one to be asked for.
  var timeout: Duration { session?.timeout ?? configuration.sessionTimeout }
  var readTimeout: Duration { timeout * 2 / 3 }
  var pingInterval: Duration { timeout / 3 }

  private mutating func deadlinesPassed(at now: Duration, using rng: inout some RandomNumberGenerator) {
    while let first = waiting.first, first.expires <= now {
      waiting.removeFirst()
      complete(
        first.token,
        .failure(ZooKeeperError(.timedOut, "No server answered for \(configuration.requestTimeout)")))
    }
    switch phase {
    case .waiting(let until) where until <= now: connect(at: now)
    case .connecting(let connection, let deadline, _) where deadline <= now:
      lose(connection, "the server did not answer in time", at: now, using: &rng)
    case .associated(let connection):
      if heard + readTimeout <= now {
        lose(connection, "nothing was heard for \(readTimeout)", at: now, using: &rng)
      } else if pings.isEmpty, sent + pingInterval <= now {
        pings.append(now)
        send(Frames.ping, on: connection, at: now)
      }
    case .closing(_, let deadline) where deadline <= now: finish(nil)
    default: break
    }
    if let session, session.confirmed + session.timeout <= now { expire(at: now, using: &rng) }
  }

  // MARK: Telling

  mutating func show(_ state: ZooKeeperState) { directives.append(.show(state)) }

  mutating func complete(_ token: RequestToken, _ result: Result<ZooKeeperReply, ZooKeeperError>) {
    directives.append(.complete(token, result))
  }

  mutating func send(_ frame: [UInt8], on connection: ConnectionNumber, at now: Duration) {
    sent = now
    directives.append(.send(connection, frame))
  }

  var closedError: ZooKeeperError { ZooKeeperError(.closed, "The ZooKeeper client is closed") }

  /// Whether the connection is the present one.
  func isPresent(_ connection: ConnectionNumber) -> Bool {
    switch phase {
    case .connecting(let present, _, _), .associated(let present), .closing(let present, _): present == connection
    case .idle, .waiting, .finished: false
    }
  }
}
