import MesosTestKit

@testable import MesosDiscovery

/// Drives a session by hand: a clock that moves when told, seeded chance.
struct SessionDriver {
  var session: ZooKeeperSession
  var rng: SplitMix64
  var now: Duration = .zero
  private var numbers: UInt64 = 0

  static let id: Int64 = 77

  init(servers: Int = 1, seed: UInt64 = 1, _ change: (inout ZooKeeperSession.Configuration) -> Void = { _ in }) {
    var configuration = ZooKeeperSession.Configuration(serverCount: servers)
    configuration.sessionTimeout = .seconds(9)
    change(&configuration)
    session = ZooKeeperSession(configuration: configuration)
    rng = SplitMix64(seed: seed)
  }

  @discardableResult
  mutating func feed(_ event: ZooKeeperSession.Event) -> [ZooKeeperSession.Directive] {
    session.handle(event, at: now, using: &rng)
  }

  @discardableResult
  mutating func after(_ duration: Duration) -> [ZooKeeperSession.Directive] {
    now += duration
    return feed(.tick)
  }

  /// Jumps to the moment that the session waits for.
  @discardableResult
  mutating func atDeadline() -> [ZooKeeperSession.Directive] {
    guard let deadline = session.nextDeadline else { return [] }
    now = max(now, deadline)
    return feed(.tick)
  }

  mutating func ask(_ request: ZooKeeperRequest) -> (RequestToken, [ZooKeeperSession.Directive]) {
    numbers += 1
    return (RequestToken(numbers), feed(.request(RequestToken(numbers), request, watch: nil)))
  }

  mutating func watch(_ request: ZooKeeperRequest) -> (RequestToken, WatchToken, [ZooKeeperSession.Directive]) {
    numbers += 2
    return (
      RequestToken(numbers), WatchToken(numbers - 1),
      feed(.request(RequestToken(numbers), request, watch: WatchToken(numbers - 1)))
    )
  }

  /// A record of the server, framed.
  mutating func answer(_ connection: ConnectionNumber, _ write: (inout JuteWriter) -> Void)
    -> [ZooKeeperSession.Directive]
  {
    var writer = JuteWriter()
    write(&writer)
    return feed(.received(connection, writer.framed))
  }

  mutating func reply(
    _ connection: ConnectionNumber, xid: Int32, zxid: Int64 = 1, error: Int32 = 0,
    _ body: (inout JuteWriter) -> Void = { _ in }
  ) -> [ZooKeeperSession.Directive] {
    answer(connection) {
      $0.int32(xid)
      $0.int64(zxid)
      $0.int32(error)
      body(&$0)
    }
  }

  mutating func notify(_ connection: ConnectionNumber, type: Int32, _ path: String) -> [ZooKeeperSession.Directive] {
    reply(connection, xid: -1, zxid: -1) {
      $0.int32(type)
      $0.int32(3)
      $0.string(path)
    }
  }

  /// Opens the connection that was asked for and gives it a session.
  @discardableResult
  mutating func associate(
    _ connection: ConnectionNumber, session: Int64 = SessionDriver.id, timeout: Int32 = 9_000
  ) -> [ZooKeeperSession.Directive] {
    let asked = feed(.connected(connection))
    return asked
      + answer(connection) {
        $0.int32(0)
        $0.int32(timeout)
        $0.int64(session)
        $0.buffer(Array(repeating: 7, count: 16))
        $0.bool(false)
      }
  }

  /// Starts and goes through to a session; returns its connection.
  mutating func start() -> ConnectionNumber {
    let connection = feed(.start).connection ?? ConnectionNumber(0)
    associate(connection)
    return connection
  }
}

extension [ZooKeeperSession.Directive] {
  var connection: ConnectionNumber? {
    compactMap { if case .connect(let connection, _, _) = $0 { connection } else { nil } }.last
  }
  var server: Int? { compactMap { if case .connect(_, let server, _) = $0 { server } else { nil } }.last }
  var frames: [[UInt8]] {
    compactMap {
      switch $0 {
      case .send(_, let frame), .part(_, let frame, within: _): frame
      default: nil
      }
    }
  }
  var states: [ZooKeeperState] { compactMap { if case .show(let state) = $0 { state } else { nil } } }
  var isDisconnecting: Bool { contains { if case .disconnect = $0 { true } else { false } } }
  var end: ZooKeeperError?? {
    for case .finished(let error) in self { return .some(error) }
    return nil
  }
  func result(of token: RequestToken) -> Result<ZooKeeperReply, ZooKeeperError>? {
    for case .complete(token, let result) in self { return result }
    return nil
  }
  func event(of token: WatchToken) -> Result<ZooKeeperEvent, ZooKeeperError>? {
    for case .fire(token, let result) in self { return result }
    return nil
  }
}

extension Result where Failure == ZooKeeperError {
  var code: ZooKeeperError.Code? { if case .failure(let error) = self { error.code } else { nil } }
}

extension JuteWriter {
  mutating func stat() {
    for _ in 0..<4 { int64(1) }
    for _ in 0..<3 { int32(0) }
    int64(0)
    int32(0)
    int32(0)
    int64(1)
  }
}
