import DequeModule
import MesosModel

extension ZooKeeperSession {
  mutating func start(at now: Duration, using rng: inout some RandomNumberGenerator) {
    guard case .idle = phase else { return }
    // Not all clients go to the first server.
    servers = Array(0..<max(1, configuration.serverCount)).shuffled(using: &rng)
    show(.connecting)
    connect(at: now)
  }

  mutating func connect(at now: Duration) {
    lastConnection += 1
    let connection = ConnectionNumber(lastConnection)
    let server = servers[nextServer % servers.count]
    nextServer = (nextServer + 1) % servers.count
    // All servers can be tried within the session's timeout.
    let limit = max(.milliseconds(100), timeout / (servers.count + 1))
    phase = .connecting(connection, deadline: now + limit, askedAt: nil)
    directives.append(.connect(connection, server: server, timeout: limit))
  }

  mutating func connected(_ connection: ConnectionNumber, at now: Duration) {
    guard case .connecting(connection, let deadline, nil) = phase else {
      return directives.append(.disconnect(connection, reason: "too late"))
    }
    phase = .connecting(connection, deadline: deadline, askedAt: now)
    let milliseconds = configuration.sessionTimeout.wholeNanoseconds / 1_000_000
    let request = ConnectRequest(
      lastZxid: lastZxid, timeoutMilliseconds: Int32(clamping: milliseconds), sessionID: session?.id ?? 0,
      password: session?.password ?? Array(repeating: 0, count: 16))
    send(request.encoded, on: connection, at: now)
  }

  mutating func received(
    _ bytes: [UInt8], on connection: ConnectionNumber, at now: Duration, using rng: inout some RandomNumberGenerator
  ) {
    guard isPresent(connection) else { return }
    heard = now
    decoder.append(bytes)
    do throws(ZooKeeperError) {
      while isPresent(connection), let frame = try decoder.next() {
        if case .connecting(_, _, let askedAt) = phase {
          guard let askedAt else {
            throw ZooKeeperError(.protocolViolation, "The server speaks before it is asked")
          }
          try associated(try ConnectResponse(frame), on: connection, askedAt: askedAt, at: now, using: &rng)
        } else {
          try recordReceived(frame, on: connection, at: now, using: &rng)
        }
      }
    } catch {
      guard isPresent(connection) else { return }
      lose(connection, error.message, at: now, using: &rng)
    }
  }

  private mutating func associated(
    _ response: ConnectResponse, on connection: ConnectionNumber, askedAt: Duration, at now: Duration,
    using rng: inout some RandomNumberGenerator
  ) throws(ZooKeeperError) {
    guard response.timeoutMilliseconds > 0, response.sessionID != 0 else {
      guard session != nil else {
        throw ZooKeeperError(.protocolViolation, "The server gives no session to one who had none")
      }
      return expire(at: now, using: &rng)
    }
    guard session == nil || session?.id == response.sessionID else {
      throw ZooKeeperError(.protocolViolation, "The server gives another session than the one asked for")
    }
    session = Session(
      id: response.sessionID, password: response.password,
      timeout: .milliseconds(Int64(response.timeoutMilliseconds)), confirmed: askedAt)
    phase = .associated(connection)
    failures = 0
    pings = []
    if let credentials = configuration.credentials {
      send(Frames.authentication(scheme: "digest", credentials: credentials), on: connection, at: now)
    }
    for frame in watches.framesToSetAgain(since: lastZxid, bytesMax: configuration.watchesBytesMax) {
      send(frame, on: connection, at: now)
    }
    show(.connected(session: response.sessionID))
    while let next = waiting.popFirst() { put(next.request, next.token, next.watch, on: connection, at: now) }
  }

  mutating func closed(
    _ connection: ConnectionNumber, _ reason: String, at now: Duration, using rng: inout some RandomNumberGenerator
  ) {
    guard isPresent(connection) else { return }
    if case .closing = phase { return finish(nil) }
    lose(connection, reason, at: now, using: &rng, isOpen: false)
  }

  /// Gives the connection up and goes to the next server, at once or, when all were tried in vain, after a while.
  mutating func lose(
    _ connection: ConnectionNumber, _ reason: String, at now: Duration, using rng: inout some RandomNumberGenerator,
    isOpen: Bool = true
  ) {
    if isOpen { directives.append(.disconnect(connection, reason: reason)) }
    let wasAssociated: Bool
    if case .associated = phase { wasAssociated = true } else { wasAssociated = false }
    loseRequestsUnderWay(reason)
    if case .closing = phase { return finish(nil) }
    if wasAssociated {
      // Others lost theirs at the same moment.
      phase = .waiting(until: now + pause(after: 0, using: &rng))
      if let session { show(.suspended(session: session.id)) }
      return
    }
    failures += 1
    let rounds = failures / servers.count
    let isRoundOver = failures % servers.count == 0
    phase = .waiting(until: isRoundOver ? now + pause(after: rounds - 1, using: &rng) : now)
  }

  /// A wait between half of a bound and the bound, which doubles with each round in vain.
  private func pause(after rounds: Int, using rng: inout some RandomNumberGenerator) -> Duration {
    var bound = configuration.backoffInitial
    for _ in 0..<min(16, rounds) where bound < configuration.backoffMax { bound = bound * 2 }
    let nanoseconds = max(0, min(bound, configuration.backoffMax).wholeNanoseconds)
    return .nanoseconds(nanoseconds - Int64.random(in: 0...(nanoseconds / 2), using: &rng))
  }

  /// Forgets the session: what belonged to it is told, and a new one is asked for.
  mutating func expire(at now: Duration, using rng: inout some RandomNumberGenerator) {
    guard let session else { return }
    let error = ZooKeeperError(.sessionExpired, "The ZooKeeper session expired")
    self.session = nil
    lastZxid = 0
    loseRequestsUnderWay("the session expired")
    for request in waiting { complete(request.token, .failure(error)) }
    waiting = []
    for token in watches.removeAll() { directives.append(.fire(token, .failure(error))) }
    show(.expired(session: session.id))
    switch phase {
    case .connecting(_, _, nil), .waiting:
      break  // what is opened will ask for a new one
    case .connecting(let connection, _, _), .associated(let connection):
      directives.append(.disconnect(connection, reason: "the session expired"))
      phase = .waiting(until: now + pause(after: 0, using: &rng))
    case .closing: return finish(nil)
    case .idle, .finished: return
    }
    show(.connecting)
  }

  // MARK: The end

  mutating func close(at now: Duration) {
    guard case .associated(let connection) = phase else {
      if case .closing = phase { return }
      return finish(nil)
    }
    lastXid = nextXid
    send(Frames.closeSession(xid: lastXid), on: connection, at: now)
    phase = .closing(connection, deadline: now + configuration.closeTimeout)
  }

  mutating func abandon() {
    if case .associated(let connection) = phase {
      directives.append(
        .part(connection, Frames.closeSession(xid: nextXid), within: configuration.closeTimeout))
      phase = .idle
    }
    finish(nil)
  }

  mutating func finish(_ error: ZooKeeperError?) {
    switch phase {
    case .connecting(let connection, _, _), .associated(let connection), .closing(let connection, _):
      directives.append(.disconnect(connection, reason: "closed"))
    case .idle, .waiting, .finished: break
    }
    loseRequestsUnderWay("the client is closed")
    for request in waiting { complete(request.token, .failure(error ?? closedError)) }
    waiting = []
    for token in watches.removeAll() { directives.append(.fire(token, .failure(error ?? closedError))) }
    session = nil
    phase = .finished
    show(.closed)
    directives.append(.finished(error))
  }

  private mutating func loseRequestsUnderWay(_ reason: String) {
    decoder = FrameDecoder(frameBytesMax: configuration.frameBytesMax)
    pings = []
    let lost = underWay
    underWay = []
    for request in lost {
      guard let token = request.token else { continue }
      complete(
        token,
        .failure(
          ZooKeeperError(
            .connectionLost,
            "\(request.request.path.prefix(200)): the connection broke before the answer: \(reason.prefix(200))")))
    }
  }
}
