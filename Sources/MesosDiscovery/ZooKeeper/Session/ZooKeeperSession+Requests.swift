import DequeModule
import MesosModel

extension ZooKeeperSession {
  mutating func asked(_ request: ZooKeeperRequest, _ token: RequestToken, _ watch: WatchToken?, at now: Duration) {
    guard request.encoded(xid: 0, watch: false).count <= configuration.requestBytesMax else {
      return complete(
        token,
        .failure(
          ZooKeeperError(
            .invalidArgument,
            "\(request.path.prefix(200)): the request is larger than \(configuration.requestBytesMax) bytes")))
    }
    guard waiting.count + underWay.count < configuration.requestsMax else {
      return complete(
        token, .failure(ZooKeeperError(.queueFull, "\(configuration.requestsMax) requests wait already")))
    }
    switch phase {
    case .associated(let connection): put(request, token, watch, on: connection, at: now)
    case .closing, .finished: complete(token, .failure(closedError))
    case .idle, .waiting, .connecting:
      waiting.append(
        Waiting(token: token, request: request, watch: watch, expires: now + configuration.requestTimeout))
    }
  }

  mutating func put(
    _ request: ZooKeeperRequest, _ token: RequestToken, _ watch: WatchToken?, on connection: ConnectionNumber,
    at now: Duration
  ) {
    lastXid = nextXid
    underWay.append(UnderWay(xid: lastXid, request: request, token: token, watch: watch, sentAt: now))
    send(request.encoded(xid: lastXid, watch: watch != nil), on: connection, at: now)
  }

  var nextXid: Int32 { lastXid == .max ? 1 : lastXid + 1 }

  /// A request that was not sent is left out; the answer to one that was is not told.
  mutating func cancel(_ token: RequestToken) {
    if let index = waiting.firstIndex(where: { $0.token == token }) {
      waiting.remove(at: index)
    } else if let index = underWay.firstIndex(where: { $0.token == token }) {
      underWay[index].token = nil
      underWay[index].watch = nil
    }
  }

  /// A record of an associated server.
  mutating func recordReceived(
    _ frame: [UInt8], on connection: ConnectionNumber, at now: Duration, using rng: inout some RandomNumberGenerator
  ) throws(ZooKeeperError) {
    var reader = JuteReader(frame)
    let header = try ReplyHeader(&reader)
    if header.zxid > 0 { lastZxid = max(lastZxid, header.zxid) }
    switch header.xid {
    case SpecialXid.notification:
      let event = try WatcherEvent(&reader)
      guard let kind = event.kind else { return }
      for token in watches.fired(kind, at: event.path) {
        directives.append(.fire(token, .success(ZooKeeperEvent(kind: kind, path: event.path))))
      }
    case SpecialXid.ping:
      if let sentAt = pings.popFirst() { confirm(sentAt) }
    case SpecialXid.authentication:
      guard header.error == 0 else {
        return finish(
          ZooKeeperError(
            .authenticationFailed, "The server does not take the credentials", serverCode: header.error))
      }
    case SpecialXid.watches:
      guard header.error == 0 else {
        throw ZooKeeperError(.protocolViolation, "The server does not set the watches again (\(header.error))")
      }
    default:
      try answered(header, &reader, on: connection, at: now, using: &rng)
    }
  }

  private mutating func answered(
    _ header: ReplyHeader, _ reader: inout JuteReader, on connection: ConnectionNumber, at now: Duration,
    using rng: inout some RandomNumberGenerator
  ) throws(ZooKeeperError) {
    if case .closing = phase, header.xid == lastXid, underWay.isEmpty { return finish(nil) }
    guard let request = underWay.first, request.xid == header.xid else {
      throw ZooKeeperError(.protocolViolation, "The server answers \(header.xid), which is not the next one asked")
    }
    let result: Result<ZooKeeperReply, ZooKeeperError>
    switch header.error {
    case 0:
      // Decoded before it is taken off: an answer that cannot be read breaks the connection, with the request under way.
      result = .success(try request.request.reply(&reader))
    case -101:
      if case .exists = request.request {
        result = .success(.missing)
      } else {
        result = .failure(ZooKeeperError(serverCode: header.error, at: request.request.path))
      }
    case -112:
      return expire(at: now, using: &rng)
    case -118:
      throw ZooKeeperError(serverCode: header.error, at: request.request.path)
    default:
      result = .failure(ZooKeeperError(serverCode: header.error, at: request.request.path))
    }
    underWay.removeFirst()
    confirm(request.sentAt)
    guard let token = request.token else { return }
    if let watch = request.watch, case .success(let reply) = result, let kind = request.request.watchKind {
      watches.add(watch, kind: reply == .missing ? .existence : kind, at: request.request.path)
    }
    complete(token, result)
  }

  private mutating func confirm(_ sentAt: Duration) {
    if let confirmed = session?.confirmed, sentAt > confirmed { session?.confirmed = sentAt }
  }
}
