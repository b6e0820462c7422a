import MesosTestKit
import Testing

@testable import MesosDiscovery

@Suite struct SessionTests {
  @Test func `a session is asked for, and what waited for it goes out in order`() {
    var driver = SessionDriver()
    let start = driver.feed(.start)
    #expect(start.states == [.connecting])
    #expect(start.server == 0)
    let connection = start.connection ?? ConnectionNumber(0)
    let (first, waits) = driver.ask(.exists(path: "/a"))
    #expect(waits.isEmpty)
    let (second, _) = driver.ask(.getChildren(path: "/b"))
    let associated = driver.associate(connection)
    #expect(associated.states == [.connected(session: SessionDriver.id)])
    #expect(
      associated.frames == [
        ConnectRequest(
          lastZxid: 0, timeoutMilliseconds: 9_000, sessionID: 0, password: Array(repeating: 0, count: 16)
        ).encoded,
        ZooKeeperRequest.exists(path: "/a").encoded(xid: 1, watch: false),
        ZooKeeperRequest.getChildren(path: "/b").encoded(xid: 2, watch: false),
      ])
    #expect(driver.reply(connection, xid: 1, error: -101).result(of: first) == .success(.missing))
    #expect(driver.reply(connection, xid: 2, error: -101).result(of: second)?.code == .noNode)
  }

  @Test func `a ping goes out after a third of the timeout, and silence of two thirds is the end of a connection`() {
    var driver = SessionDriver()
    let connection = driver.start()
    #expect(driver.session.nextDeadline == .seconds(3))
    #expect(driver.after(.seconds(3)).frames == [Frames.ping])
    // Answered: all is well for another third.
    #expect(driver.reply(connection, xid: -2).isEmpty)
    #expect(driver.atDeadline().frames == [Frames.ping])
    #expect(driver.now == .seconds(6))
    // Not answered: nothing was heard since the third second.
    let lost = driver.atDeadline()
    #expect(driver.now == .seconds(9))
    #expect(lost.isDisconnecting)
    #expect(lost.states == [.suspended(session: SessionDriver.id)])
    // A ping that left at the third second was answered: so long lasts the session.
    #expect(driver.after(.milliseconds(2_900)).states.isEmpty)
    #expect(driver.after(.milliseconds(100)).states == [.expired(session: SessionDriver.id), .connecting])
  }

  @Test func `a request counts as a sign of life that needs no ping`() {
    var driver = SessionDriver()
    let connection = driver.start()
    driver.now = .seconds(2)
    _ = driver.ask(.exists(path: "/a"))
    #expect(driver.session.nextDeadline == .seconds(5))
    _ = driver.reply(connection, xid: 1, error: -101)
    #expect(driver.after(.milliseconds(2_900)).frames.isEmpty)
    #expect(driver.after(.milliseconds(100)).frames == [Frames.ping])
  }

  @Test func `when the connection breaks, what was under way is lost, what waits goes on, and the session is taken up`()
  {
    var driver = SessionDriver(servers: 2)
    var connection = driver.start()
    _ = driver.reply(connection, xid: -2, zxid: 42)
    let (underWay, _) = driver.ask(.setData(path: "/a", data: [1], version: -1))
    let lost = driver.feed(.closed(connection, reason: "cut"))
    #expect(lost.result(of: underWay)?.code == .connectionLost)
    #expect(lost.states == [.suspended(session: SessionDriver.id)])
    let (waiting, _) = driver.ask(.exists(path: "/a"))
    let next = driver.atDeadline()
    connection = next.connection ?? ConnectionNumber(0)
    let associated = driver.associate(connection)
    #expect(associated.states == [.connected(session: SessionDriver.id)])
    #expect(
      associated.frames == [
        ConnectRequest(
          lastZxid: 42, timeoutMilliseconds: 9_000, sessionID: SessionDriver.id,
          password: Array(repeating: 7, count: 16)
        ).encoded,
        ZooKeeperRequest.exists(path: "/a").encoded(xid: 2, watch: false),
      ])
    #expect(driver.reply(connection, xid: 2, error: -101).result(of: waiting) == .success(.missing))
    // What a connection of before still delivers is of no matter.
    #expect(driver.reply(ConnectionNumber(1), xid: 1).isEmpty)
    #expect(driver.feed(.closed(ConnectionNumber(1), reason: "late")).isEmpty)
  }

  @Test(arguments: Seeds.all)
  func `all servers are tried in turn at once, then again after waits that grow and vary`(seed: UInt64) {
    var driver = SessionDriver(servers: 3, seed: seed)
    var tried: [Int] = []
    var waits: [Duration] = []
    var directives = driver.feed(.start)
    for round in 0..<6 {
      for _ in 0..<3 {
        tried.append(directives.server ?? -1)
        let before = driver.now
        directives = driver.feed(.closed(directives.connection ?? ConnectionNumber(0), reason: "refused"))
        if directives.connection == nil { directives = driver.atDeadline() }
        waits.append(driver.now - before)
      }
      #expect(Set(tried.suffix(3)) == [0, 1, 2], "round \(round)")
    }
    for (index, wait) in waits.enumerated() {
      if index % 3 == 2 {
        let bound = min(Duration.seconds(2), .milliseconds(100) * (1 << (index / 3)))
        #expect(wait >= bound / 2 && wait <= bound, "attempt \(index): \(wait)")
      } else {
        #expect(wait == .zero, "attempt \(index): \(wait)")
      }
    }
  }

  @Test func `a server that does not answer is given up in time to try the others within the session`() {
    var driver = SessionDriver(servers: 2)
    let start = driver.feed(.start)
    #expect(driver.session.nextDeadline == .seconds(3))
    driver.feed(.connected(start.connection ?? ConnectionNumber(0)))
    let late = driver.atDeadline()
    #expect(late.isDisconnecting)
    #expect(driver.now == .seconds(3))
    // One that opens too late is closed, and the other server has its turn.
    driver = SessionDriver(servers: 2)
    let first = driver.feed(.start).connection ?? ConnectionNumber(0)
    #expect(driver.atDeadline().isDisconnecting)
    let answer = driver.feed(.connected(first))
    #expect(answer.first == .disconnect(first, reason: "too late"))
    #expect(answer.count == 2 && answer.connection != nil)
  }

  @Test func `a session that the servers gave up takes all that belongs to it with it, and a new one begins`() {
    var driver = SessionDriver()
    var connection = driver.start()
    let (asked, watch, _) = driver.watch(.getData(path: "/a"))
    let set = driver.reply(connection, xid: 1, zxid: 5) {
      $0.buffer([1])
      $0.stat()
    }
    #expect(set.result(of: asked) != nil)
    _ = driver.feed(.closed(connection, reason: "cut"))
    let (waiting, _) = driver.ask(.exists(path: "/b"))
    connection = driver.atDeadline().connection ?? ConnectionNumber(0)
    let expired = driver.associate(connection, session: 0, timeout: 0)
    #expect(expired.result(of: waiting)?.code == .sessionExpired)
    #expect(expired.event(of: watch)?.code == .sessionExpired)
    #expect(expired.states == [.expired(session: SessionDriver.id), .connecting])
    #expect(expired.isDisconnecting)
    connection = driver.atDeadline().connection ?? ConnectionNumber(0)
    let associated = driver.associate(connection, session: 78)
    #expect(associated.states == [.connected(session: 78)])
    // The new one knows nothing of the old one: neither its number nor its changes nor its watches.
    #expect(
      associated.frames == [
        ConnectRequest(
          lastZxid: 0, timeoutMilliseconds: 9_000, sessionID: 0, password: Array(repeating: 0, count: 16)
        ).encoded
      ])
  }

  @Test func `a session of which nothing is heard for its timeout is over, whatever the servers think`() {
    var driver = SessionDriver()
    let connection = driver.start()
    _ = driver.feed(.closed(connection, reason: "cut"))
    var states: [ZooKeeperState] = []
    while driver.now < .seconds(9) {
      let directives = driver.atDeadline()
      states += directives.states
      if let connection = directives.connection {
        states += driver.feed(.closed(connection, reason: "refused")).states
      }
    }
    #expect(states == [.expired(session: SessionDriver.id), .connecting])
    #expect(driver.now == .seconds(9))
    // Attempts go on, for a new session.
    var opened: ConnectionNumber?
    for _ in 0..<3 where opened == nil { opened = driver.atDeadline().connection }
    #expect(driver.associate(opened ?? ConnectionNumber(0), session: 78).states == [.connected(session: 78)])
  }

  @Test func `credentials are given on each connection, before anything else`() {
    var driver = SessionDriver { $0.credentials = Array("u:p".utf8) }
    var connection = driver.feed(.start).connection ?? ConnectionNumber(0)
    let frame = Frames.authentication(scheme: "digest", credentials: Array("u:p".utf8))
    #expect(driver.associate(connection).frames[1] == frame)
    _ = driver.feed(.closed(connection, reason: "cut"))
    _ = driver.ask(.exists(path: "/a"))
    connection = driver.atDeadline().connection ?? ConnectionNumber(0)
    #expect(driver.associate(connection).frames[1] == frame)
    #expect(driver.reply(connection, xid: -4, zxid: 0).isEmpty)
  }

  @Test func `refused credentials are the end`() {
    var driver = SessionDriver { $0.credentials = Array("u:p".utf8) }
    let connection = driver.start()
    let (asked, _) = driver.ask(.exists(path: "/a"))
    let end = driver.reply(connection, xid: -4, zxid: 0, error: -115)
    #expect(end.end??.code == .authenticationFailed)
    #expect(end.result(of: asked)?.code == .connectionLost)
    #expect(end.states == [.closed])
    #expect(end.end.map { "\(String(describing: $0))".contains("u:p") } == false)
  }

  @Test func `requests that wait too long or are too many fail, and those beyond a server's limit are not sent`() {
    var driver = SessionDriver { $0.requestsMax = 2 }
    let connection = driver.feed(.start).connection ?? ConnectionNumber(0)
    _ = driver.feed(.closed(connection, reason: "refused"))
    let (first, _) = driver.ask(.exists(path: "/a"))
    driver.now += .seconds(1)
    let (second, _) = driver.ask(.exists(path: "/a"))
    let (third, refused) = driver.ask(.exists(path: "/a"))
    #expect(refused.result(of: third)?.code == .queueFull)
    var results: [ZooKeeperError.Code?] = []
    while driver.now < .seconds(40) {
      let directives = driver.atDeadline()
      if let connection = directives.connection { _ = driver.feed(.closed(connection, reason: "refused")) }
      if let result = directives.result(of: first) {
        results.append(result.code)
        #expect(driver.now == .seconds(30))
      }
      if let result = directives.result(of: second) {
        results.append(result.code)
        #expect(driver.now == .seconds(31))
      }
    }
    #expect(results == [.timedOut, .timedOut])
    let (big, tooBig) = driver.ask(.setData(path: "/a", data: Array(repeating: 0, count: 1 << 20), version: -1))
    #expect(tooBig.result(of: big)?.code == .invalidArgument)
  }

  @Test func `a cancelled request is not sent, or its answer is nobody's`() {
    var driver = SessionDriver()
    let connection = driver.feed(.start).connection ?? ConnectionNumber(0)
    let (waiting, _) = driver.ask(.exists(path: "/a"))
    #expect(driver.feed(.requestCancelled(waiting)).isEmpty)
    #expect(driver.associate(connection).frames.count == 1)
    let (sent, watch, _) = driver.watch(.exists(path: "/a"))
    let (after, _) = driver.ask(.exists(path: "/b"))
    driver.feed(.requestCancelled(sent))
    #expect(driver.reply(connection, xid: 1, error: -101).isEmpty)
    #expect(driver.notify(connection, type: 1, "/a").event(of: watch) == nil)
    #expect(driver.reply(connection, xid: 2, error: -101).result(of: after) == .success(.missing))
  }

  @Test(arguments: [1, 3, 5, 7])
  func `an answer to something else, or one that cannot be read, ends the connection and not the session`(kind: Int) {
    var driver = SessionDriver()
    let connection = driver.start()
    let (asked, _) = driver.ask(.getChildren(path: "/a"))
    let directives: [ZooKeeperSession.Directive]
    switch kind {
    case 1: directives = driver.reply(connection, xid: 9)
    case 3: directives = driver.reply(connection, xid: 1) { $0.int32(.max) }
    case 5: directives = driver.feed(.received(connection, Array("HTTP/1.1".utf8)))
    default: directives = driver.reply(connection, xid: -8, error: -5)
    }
    #expect(directives.isDisconnecting)
    #expect(directives.result(of: asked)?.code == .connectionLost)
    #expect(directives.states == [.suspended(session: SessionDriver.id)])
    #expect(driver.atDeadline().connection != nil)
  }

  @Test func `one who speaks before he is asked, or gives a session to nobody, is no ZooKeeper`() {
    var driver = SessionDriver()
    let connection = driver.feed(.start).connection ?? ConnectionNumber(0)
    #expect(driver.feed(.received(connection, Array("SSH-2.0-x\r\n".utf8))).isDisconnecting)
    driver = SessionDriver()
    let second = driver.feed(.start).connection ?? ConnectionNumber(0)
    #expect(driver.associate(second, session: 0, timeout: 0).isDisconnecting)
    driver = SessionDriver()
    var third = driver.start()
    _ = driver.feed(.closed(third, reason: "cut"))
    third = driver.atDeadline().connection ?? ConnectionNumber(0)
    #expect(driver.associate(third, session: 99).isDisconnecting)
  }

  @Test func `a close ends the session first, after the answers that are due`() {
    var driver = SessionDriver()
    let connection = driver.start()
    let (asked, _) = driver.ask(.exists(path: "/a"))
    #expect(driver.feed(.close).frames == [Frames.closeSession(xid: 2)])
    let (late, refused) = driver.ask(.exists(path: "/a"))
    #expect(refused.result(of: late)?.code == .closed)
    #expect(driver.reply(connection, xid: 1, error: -101).result(of: asked) == .success(.missing))
    let end = driver.reply(connection, xid: 2)
    #expect(end.end == .some(nil))
    #expect(end.states == [.closed])
    // Nothing more happens.
    #expect(driver.session.nextDeadline == nil)
    #expect(driver.after(.seconds(99)).isEmpty)
  }

  @Test func `a close that is not answered ends all the same`() {
    var driver = SessionDriver()
    _ = driver.start()
    driver.feed(.close)
    #expect(driver.after(.seconds(1)).end == .some(nil))
    driver = SessionDriver()
    driver.feed(.start)
    #expect(driver.feed(.close).end == .some(nil))
    driver = SessionDriver()
    _ = driver.start()
    let (_, watch, _) = driver.watch(.getData(path: "/a"))
    let abandoned = driver.feed(.abandoned)
    #expect(abandoned.frames == [Frames.closeSession(xid: 2)])
    #expect(abandoned.end == .some(nil))
    // What it parts from is not closed from this side, lest the last frame be lost.
    #expect(!abandoned.isDisconnecting)
    #expect(abandoned.event(of: watch) == nil)
  }
}

@Suite struct WatchTests {
  /// Sets a watch on each kind of thing at `/a`; returns them by kind.
  static func set(_ driver: inout SessionDriver, _ connection: ConnectionNumber) -> [WatchKind: WatchToken] {
    let (_, data, _) = driver.watch(.getData(path: "/a"))
    _ = driver.reply(connection, xid: 1, zxid: 5) {
      $0.buffer([])
      $0.stat()
    }
    let (_, existence, _) = driver.watch(.exists(path: "/a"))
    _ = driver.reply(connection, xid: 2, zxid: 5, error: -101)
    let (_, children, _) = driver.watch(.getChildren(path: "/a"))
    _ = driver.reply(connection, xid: 3, zxid: 6) {
      $0.int32(0)
      $0.stat()
    }
    return [.data: data, .existence: existence, .children: children]
  }

  @Test(
    arguments: [
      (1, .created, [.data, .existence]), (2, .deleted, [.data, .existence, .children]),
      (3, .dataChanged, [.data, .existence]),
      (4, .childrenChanged, [.children]),
    ] as [(Int32, ZooKeeperEvent.Kind, [WatchKind])])
  func `an event fires the watches that it concerns, once`(
    type: Int32, kind: ZooKeeperEvent.Kind, concerned: [WatchKind]
  ) {
    var driver = SessionDriver()
    let connection = driver.start()
    let watches = Self.set(&driver, connection)
    #expect(driver.notify(connection, type: type, "/b").isEmpty)
    let fired = driver.notify(connection, type: type, "/a")
    for (watchKind, token) in watches {
      let expected: Result<ZooKeeperEvent, ZooKeeperError>? =
        concerned.contains(watchKind) ? .success(ZooKeeperEvent(kind: kind, path: "/a")) : nil
      #expect(fired.event(of: token) == expected, "\(watchKind)")
    }
    #expect(fired.count == concerned.count)
    #expect(driver.notify(connection, type: type, "/a").isEmpty)
  }

  @Test func `watches are set again on the next connection, as of the last change seen`() {
    var driver = SessionDriver()
    var connection = driver.start()
    let watches = Self.set(&driver, connection)
    _ = driver.feed(.closed(connection, reason: "cut"))
    connection = driver.atDeadline().connection ?? ConnectionNumber(0)
    let frames = driver.associate(connection).frames
    #expect(frames.last == Frames.setWatches(since: 6, data: ["/a"], exists: ["/a"], children: ["/a"]))
    #expect(driver.reply(connection, xid: -8, zxid: 7).isEmpty)
    #expect(driver.notify(connection, type: 4, "/a").event(of: watches[.children] ?? WatchToken(0)) != nil)
    // Fired ones are not set again, nor those that nobody waits for.
    driver.feed(.watchCancelled(watches[.data] ?? WatchToken(0)))
    _ = driver.feed(.closed(connection, reason: "cut"))
    connection = driver.atDeadline().connection ?? ConnectionNumber(0)
    #expect(
      driver.associate(connection).frames.last == Frames.setWatches(since: 7, data: [], exists: ["/a"], children: []))
  }

  @Test func `many watches are set again in records of bounded size`() {
    var driver = SessionDriver { $0.watchesBytesMax = 100 }
    var connection = driver.start()
    for xid in 1...50 {
      _ = driver.watch(.exists(path: "/node-\(100 + xid)"))
      _ = driver.reply(connection, xid: Int32(xid), error: -101)
    }
    _ = driver.feed(.closed(connection, reason: "cut"))
    connection = driver.atDeadline().connection ?? ConnectionNumber(0)
    let frames = driver.associate(connection).frames.dropFirst()
    #expect(frames.count > 5)
    #expect(frames.allSatisfy { $0.count < 200 })
    let paths = frames.map { String(decoding: $0, as: UTF8.self) }.joined()
    for xid in 1...50 { #expect(paths.contains("/node-\(100 + xid)")) }
  }
}

/// Whatever a network does, each request is answered once and each watch fires at most once.
@Suite struct SeededSessionTests {
  @Test(arguments: Seeds.few(40))
  func `each request is completed exactly once and each watch fires at most once`(seed: UInt64) {
    var rng = SplitMix64(seed: seed)
    var driver = SessionDriver(servers: 2, seed: seed) {
      $0.requestsMax = 20
      $0.credentials = seed % 2 == 0 ? Array("u:p".utf8) : nil
    }
    var asked: Set<RequestToken> = []
    var completed: [RequestToken: Int] = [:]
    var fired: [WatchToken: Int] = [:]
    var connection = ConnectionNumber(0)
    var isOpen = false
    var isAssociated = false
    var pendingXids: [Int32] = []

    func take(_ directives: [ZooKeeperSession.Directive]) {
      for directive in directives {
        switch directive {
        case .complete(let token, _): completed[token, default: 0] += 1
        case .fire(let token, _): fired[token, default: 0] += 1
        case .connect(let new, _, _):
          connection = new
          isOpen = false
          isAssociated = false
        case .send(_, let frame):
          // The number of the first request that is not answered on this connection.
          if frame.count > 8 {
            let xid = Int32(bitPattern: frame[4..<8].reduce(UInt32(0)) { $0 << 8 | UInt32($1) })
            if xid > 0, isAssociated, !pendingXids.contains(xid) { pendingXids.append(xid) }
          }
        case .show(let state):
          if case .connected = state {
            isAssociated = true
            pendingXids = []
          }
        case .part, .disconnect, .finished: break
        }
      }
    }
    take(driver.feed(.start))
    for _ in 0..<400 {
      driver.now += .milliseconds(Int64.random(in: 0...700, using: &rng))
      switch Int.random(in: 0..<10, using: &rng) {
      case 0..<3:
        if Bool.random(using: &rng) {
          let (token, directives) = driver.ask(.exists(path: "/\(Int.random(in: 0..<3, using: &rng))"))
          asked.insert(token)
          take(directives)
        } else {
          let (token, _, directives) = driver.watch(.exists(path: "/\(Int.random(in: 0..<3, using: &rng))"))
          asked.insert(token)
          take(directives)
        }
      case 3..<5:
        if isAssociated, let xid = pendingXids.first {
          pendingXids.removeFirst()
          take(driver.reply(connection, xid: xid, zxid: Int64.random(in: 1...9, using: &rng), error: -101))
        } else if isAssociated {
          take(driver.reply(connection, xid: -2))
        }
      case 5: take(driver.notify(connection, type: Int32.random(in: 0...5, using: &rng), "/1"))
      case 6, 7:
        if !isOpen {
          isOpen = true
          let isExpired = Int.random(in: 0..<8, using: &rng) == 0
          take(driver.associate(connection, session: isExpired ? 0 : SessionDriver.id, timeout: isExpired ? 0 : 9_000))
        }
      case 8:
        if Int.random(in: 0..<3, using: &rng) == 0 { take(driver.feed(.closed(connection, reason: "cut"))) }
      default:
        let garbage = (0..<Int.random(in: 1...20, using: &rng)).map { _ in
          UInt8.random(in: .min ... .max, using: &rng)
        }
        if Int.random(in: 0..<10, using: &rng) == 0 { take(driver.feed(.received(connection, garbage))) }
      }
      take(driver.feed(.tick))
    }
    take(driver.feed(.abandoned))
    #expect(Set(completed.keys) == asked, "SIM_SEED=\(seed)")
    #expect(completed.values.allSatisfy { $0 == 1 }, "SIM_SEED=\(seed)")
    #expect(fired.values.allSatisfy { $0 == 1 }, "SIM_SEED=\(seed)")
  }
}
