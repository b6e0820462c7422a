import MesosModel
import MesosTestKit
import SchedulerCore
import Testing

private func isMalformed(_ update: SchedulerUpdate) -> Bool {
  if case .notice(.malformedEvent) = update { true } else { false }
}

@Suite struct ConnectionTests {
  @Test func `a first subscription is shown only once its id is durable`() throws {
    var driver = try Driver()
    let start = driver.feed(.start(nil))
    let stream = try #require(start.stream)
    let subscribe = try #require(start.opened)
    #expect(subscribe.master == MasterAddress(host: "m1", port: 5050))
    #expect(subscribe.call.type == .subscribe)
    #expect(!subscribe.call.hasFrameworkID)
    #expect(!subscribe.call.subscribe.frameworkInfo.hasID)
    #expect(start.updates == [.connection(.connecting(MasterAddress(host: "m1")))])

    #expect(driver.feed(.streamOpened(stream, StreamHead(status: 200, streamID: "s"))).isEmpty)
    let confirmed = driver.feed(.record(stream, .subscribed("F1", heartbeat: 15)))
    #expect(confirmed == [.saveFrameworkID(stream, FrameworkID("F1"))])
    #expect(driver.core.frameworkID == nil)

    let saved = driver.feed(.frameworkIDSaved(stream))
    #expect(driver.core.frameworkID == FrameworkID("F1"))
    #expect(saved.updates.first == .connection(.subscribed(MasterAddress(host: "m1"))))
    #expect(
      saved.updates.dropFirst().first
        == .subscribed(
          Subscription(
            frameworkID: FrameworkID("F1"), master: MasterAddress(host: "m1"), masterInfo: nil,
            heartbeatInterval: .seconds(15), isResubscription: false)))
    #expect(driver.core.connectionState == .subscribed(MasterAddress(host: "m1")))
  }

  @Test func `an id that cannot be stored ends the scheduler`() throws {
    var driver = try Driver()
    let stream = try #require(driver.feed(.start(nil)).stream)
    driver.feed(.streamOpened(stream, StreamHead(status: 200, streamID: "s")))
    driver.feed(.record(stream, .subscribed("F1")))
    let directives = driver.feed(.frameworkIDNotSaved(stream, "disk full"))
    guard case .finished(let error) = directives.last else {
      Issue.record("no end: \(directives)")
      return
    }
    #expect(error?.code == .frameworkIDNotSaved)
    #expect(directives.contains(.closeStream(stream)))
  }

  @Test func `a stored id is used, and needs no saving`() throws {
    var driver = try Driver()
    let start = driver.feed(.start(FrameworkID("F7")))
    let call = try #require(start.opened?.call)
    #expect(call.frameworkID == FrameworkID("F7"))
    #expect(call.subscribe.frameworkInfo.id == FrameworkID("F7"))
    let confirmed = driver.confirm(try #require(start.stream), id: "F7")
    #expect(!confirmed.contains { if case .saveFrameworkID = $0 { true } else { false } })
    guard case .subscribed(let subscription) = confirmed.updates.dropFirst().first else {
      Issue.record("not subscribed")
      return
    }
    #expect(subscription.isResubscription)
  }

  @Test func `redirects are followed at once, but not for ever`() throws {
    var driver = try Driver { $0.redirectsMax = 2 }
    var stream = try #require(driver.feed(.start(nil)).stream)
    for port in [7001, 7002] {
      let next = driver.feed(.streamOpened(stream, StreamHead(status: 307, location: "//10.0.0.1:\(port)")))
      #expect(next.first == .closeStream(stream))
      #expect(next.opened?.master == MasterAddress(host: "10.0.0.1", port: port))
      stream = try #require(next.stream)
    }
    let last = driver.feed(.streamOpened(stream, StreamHead(status: 307, location: "//10.0.0.1:7003")))
    #expect(last.stream == nil)
    guard case .connection(.backingOff(_, let reason)) = last.updates.last else {
      Issue.record("no back-off: \(last)")
      return
    }
    #expect(reason.contains("redirects"))
  }

  @Test(arguments: [nil, "/api/v1/scheduler", "//m1:5050", "//user:pw@m3:5050", "::::"])
  func `a redirect to nowhere is a failed attempt`(location: String?) throws {
    var driver = try Driver()
    let stream = try #require(driver.feed(.start(nil)).stream)
    let directives = driver.feed(.streamOpened(stream, StreamHead(status: 307, location: location)))
    #expect(directives.stream == nil)
    #expect(driver.core.nextDeadline != nil)
  }

  @Test(arguments: Seeds.all)
  func `attempts come further and further apart, up to a limit, and masters take turns`(seed: UInt64) throws {
    var driver = try Driver(seed: seed) { $0.reconnectBackoff = Backoff(initial: .seconds(1), limit: .seconds(8)) }
    var directives = driver.feed(.start(nil))
    for attempt in 1...8 {
      let stream = try #require(directives.stream)
      #expect(directives.opened?.master.host == (attempt % 2 == 1 ? "m1" : "m2"))
      let lost = driver.feed(.streamOpened(stream, StreamHead(status: 503, text: "no leader")))
      guard case .connection(.backingOff(let delay, let reason)) = lost.updates.last else {
        Issue.record("SIM_SEED=\(seed) attempt \(attempt): \(lost)")
        return
      }
      #expect(reason.contains("503"))
      let bound = Duration.seconds(min(8, 1 << (attempt - 1)))
      #expect(delay <= bound && delay >= bound / 2, "SIM_SEED=\(seed) attempt \(attempt): \(delay)")
      #expect(driver.after(delay - .nanoseconds(1)).stream == nil)
      directives = driver.after(.nanoseconds(1))
    }
  }

  @Test func `a subscription that lasted clears the back-off, one that did not does not`() throws {
    func delay(after lasted: Duration) throws -> Duration {
      var driver = try Driver { $0.reconnectBackoff = Backoff(initial: .seconds(1), limit: .seconds(64)) }
      var directives = driver.feed(.start(nil))
      for _ in 0..<4 {
        driver.feed(.streamEnded(try #require(directives.stream), reason: "refused"))
        directives = driver.atDeadline()
      }
      let stream = try #require(directives.stream)
      driver.confirm(stream)
      driver.uptime += lasted
      let lost = driver.feed(.streamEnded(stream, reason: "cut"))
      guard case .connection(.backingOff(let delay, "cut")) = lost.updates.last else { return .zero }
      return delay
    }
    #expect(try delay(after: .seconds(15)) <= .seconds(1))
    #expect(try delay(after: .seconds(14)) >= .seconds(8))
  }

  @Test func `silence for the allowed heartbeats ends a stream`() throws {
    var driver = try Driver { $0.missedHeartbeatsMax = 3 }
    let stream = driver.subscribe()
    driver.uptime += .seconds(44)
    #expect(driver.feed(.tick).isEmpty)
    driver.feed(.record(stream, .heartbeat))
    #expect(driver.after(.seconds(44)).isEmpty)
    let lost = driver.after(.seconds(1))
    #expect(lost.contains(.closeStream(stream)))
    let again = driver.atDeadline()
    #expect(again.opened?.call.frameworkID == FrameworkID("F1"))
  }

  @Test func `a reader that is behind does not look like a dead stream`() throws {
    var driver = try Driver { $0.missedHeartbeatsMax = 3 }
    let stream = driver.subscribe()
    driver.feed(.readingPaused(stream))
    #expect(!driver.after(.seconds(800)).contains(.closeStream(stream)))
    driver.feed(.readingResumed(stream))
    #expect(!driver.after(.seconds(44)).contains(.closeStream(stream)))
    #expect(driver.after(.seconds(1)).contains(.closeStream(stream)))
  }

  @Test(arguments: [0, -1, 1e300, Double.nan, Double.infinity])
  func `a senseless heartbeat interval is not believed`(seconds: Double) throws {
    var driver = try Driver { $0.defaultHeartbeatInterval = .seconds(10) }
    let stream = try #require(driver.feed(.start(nil)).stream)
    driver.feed(.streamOpened(stream, StreamHead(status: 200, streamID: "s")))
    driver.feed(.record(stream, .subscribed("F1", heartbeat: seconds)))
    driver.feed(.frameworkIDSaved(stream))
    #expect(!driver.after(.seconds(29)).contains(.closeStream(stream)))
    #expect(driver.after(.seconds(1)).contains(.closeStream(stream)))
  }

  @Test func `an attempt that is never confirmed is given up`() throws {
    var driver = try Driver { $0.subscribeTimeout = .seconds(5) }
    let stream = try #require(driver.feed(.start(nil)).stream)
    driver.feed(.streamOpened(stream, StreamHead(status: 200, streamID: "s")))
    driver.feed(.record(stream, .heartbeat))
    #expect(driver.after(.seconds(5)).contains(.closeStream(stream)))
    // What still arrives of it is told apart.
    #expect(driver.feed(.record(stream, .subscribed("F1"))).updates == [.notice(.staleRecord)])
    #expect(driver.core.frameworkID == nil)
  }

  @Test(arguments: [
    StreamHead(status: 200), StreamHead(status: 200, streamID: ""), StreamHead(status: 404, text: "404 Not Found."),
    StreamHead(status: 500), StreamHead(status: 307),
  ])
  func `an answer that is no subscription is a failed attempt`(head: StreamHead) throws {
    var driver = try Driver()
    let stream = try #require(driver.feed(.start(nil)).stream)
    let directives = driver.feed(.streamOpened(stream, head))
    #expect(directives.contains(.closeStream(stream)))
    #expect(!directives.finished)
    #expect(driver.core.nextDeadline != nil)
  }

  @Test(arguments: [(400, SchedulerError.Code.refused), (401, .unauthorized), (403, .unauthorized)])
  func `a refusal that will not change ends the scheduler`(status: Int, code: SchedulerError.Code) throws {
    var driver = try Driver()
    let stream = try #require(driver.feed(.start(nil)).stream)
    let directives = driver.feed(.streamOpened(stream, StreamHead(status: status, text: "because")))
    guard case .finished(let error?) = directives.last else {
      Issue.record("no end: \(directives)")
      return
    }
    #expect(error.code == code)
    #expect(error.status == status)
    #expect(error.message.contains("because"))
    #expect(directives.contains(.closeStream(stream)))
  }

  @Test(arguments: [
    ("Framework has been removed", SchedulerError.Code.frameworkRemoved),
    ("Framework failed over", .failedOver), ("Framework name is too long", .masterError),
  ])
  func `an ERROR event is typed and final`(text: String, code: SchedulerError.Code) throws {
    var driver = try Driver()
    let stream = driver.subscribe()
    let (token, _) = driver.call(.reviveAll)
    let directives = driver.feed(.record(stream, .error(text)))
    guard case .finished(let error?) = directives.last else {
      Issue.record("no end: \(directives)")
      return
    }
    #expect(error.code == code)
    #expect(error.message.hasPrefix(text))
    #expect(directives.updates.contains(.error(error)))
    #expect(directives.contains(.forgetFrameworkID) == (code == .frameworkRemoved))
    #expect(driver.log.completion(of: token) != nil)
    #expect(driver.feed(.tick).isEmpty)
    let (late, refusal) = driver.call(.reviveAll)
    #expect(refusal.completion(of: late)??.code == .stopped)
  }

  @Test func `a removed framework may start again as a new one by choice`() throws {
    var driver = try Driver { $0.onError.frameworkRemoved = .subscribeAsNew }
    let stream = try #require(driver.feed(.start(FrameworkID("F1"))).stream)
    driver.feed(.streamOpened(stream, StreamHead(status: 200, streamID: "s")))
    let removed = driver.feed(.record(stream, .error("Framework has been removed")))
    #expect(removed.contains(.forgetFrameworkID))
    #expect(!removed.finished)
    let again = driver.atDeadline()
    #expect(again.opened?.call.hasFrameworkID == false)
    driver.confirm(try #require(again.stream), id: "F2")
    #expect(driver.core.frameworkID == FrameworkID("F2"))
  }

  @Test func `what arrives of an earlier stream changes nothing`() throws {
    var driver = try Driver()
    let old = driver.subscribe()
    driver.feed(.streamEnded(old, reason: "cut"))
    let new = try #require(driver.atDeadline().stream)
    driver.confirm(new)
    #expect(driver.feed(.record(old, .error("Framework failed over"))).updates == [.notice(.staleRecord)])
    #expect(driver.feed(.streamEnded(old, reason: "late")).isEmpty)
    #expect(driver.feed(.streamOpened(old, StreamHead(status: 200, streamID: "x"))) == [.closeStream(old)])
    #expect(driver.feed(.frameworkIDSaved(old)).isEmpty)
    #expect(driver.core.connectionState == .subscribed(MasterAddress(host: "m2")))
  }

  @Test func `the suppressed roles hold over a re-subscription`() throws {
    var driver = try Driver {
      $0.framework.roles = ["a", "b", "c"]
      $0.suppressedRoles = ["c"]
    }
    #expect(driver.feed(.start(nil)).opened?.call.subscribe.suppressedRoles == ["c"])
    let stream = StreamNumber(1)
    driver.confirm(stream)
    _ = driver.call(.suppressAll)
    _ = driver.call(.of(.revive) { $0.revive.roles = ["b"] })
    driver.feed(.streamEnded(stream, reason: "cut"))
    #expect(driver.atDeadline().opened?.call.subscribe.suppressedRoles == ["a", "c"])
  }

  @Test func `events of unknown types and broken records are skipped and told`() throws {
    var driver = try Driver()
    let stream = driver.subscribe()
    #expect(driver.feed(.record(stream, .of(.unknown))).updates == [.notice(.unknownEvent)])
    #expect(driver.feed(.record(stream, .of(.update))).updates.map(isMalformed) == [true])
    #expect(driver.feed(.badRecord(stream, "garbage")).updates == [.notice(.undecodableRecord("garbage"))])
    #expect(driver.core.connectionState == .subscribed(MasterAddress(host: "m1")))
  }

  @Test func `a stop that keeps the framework waits for the calls that were made`() throws {
    var driver = try Driver()
    driver.answerAll(
      {
        driver.subscribe(); return driver.log
      }())
    let (token, sent) = driver.call(.reviveAll)
    #expect(!driver.feed(.stop(.keepFramework)).finished)
    let (late, refusal) = driver.call(.suppressAll)
    #expect(refusal.completion(of: late)??.code == .stopped)
    let ended = driver.feed(
      .callEnded(try #require(sent.sends.first).number, .answered(status: 202, text: "", location: nil)))
    #expect(ended.completion(of: token) == .some(nil))
    #expect(ended.last == .finished(nil))
    #expect(ended.sends.isEmpty)
  }

  @Test func `a stop that tears down sends TEARDOWN last and forgets the id`() throws {
    var driver = try Driver()
    driver.answerAll(
      {
        driver.subscribe(); return driver.log
      }())
    let stop = driver.feed(.stop(.tearDown))
    let teardown = try #require(stop.sends.first)
    #expect(teardown.call.type == .teardown)
    #expect(teardown.call.frameworkID == FrameworkID("F1"))
    let ended = driver.feed(.callEnded(teardown.number, .answered(status: 202, text: "", location: nil)))
    #expect(ended.contains(.forgetFrameworkID))
    #expect(ended.last == .finished(nil))
  }

  @Test func `a teardown that nobody takes ends at its deadline with an error`() throws {
    var driver = try Driver { $0.stopTimeout = .seconds(10) }
    let stream = driver.subscribe()
    driver.feed(.streamEnded(stream, reason: "cut"))
    #expect(!driver.feed(.stop(.tearDown)).finished)
    let ended = driver.after(.seconds(10))
    guard case .finished(let error?) = ended.last else {
      Issue.record("no end: \(ended)")
      return
    }
    #expect(error.code == .timedOut)
  }

  @Test func `without a subscription there is nothing to wait for when the framework is kept`() throws {
    var driver = try Driver()
    driver.feed(.start(nil))
    #expect(driver.feed(.stop(.keepFramework)).last == .finished(nil))
  }

  @Test func `a configuration that cannot work is refused`() {
    #expect(throws: SchedulerError.self) { _ = try Driver { $0.masters = [] } }
    #expect(throws: SchedulerError.self) { _ = try Driver { $0.missedHeartbeatsMax = 0 } }
    #expect(throws: SchedulerError.self) { _ = try Driver { $0.reconciliation.batchMax = 0 } }
  }
}

@Suite struct MasterAddressTests {
  @Test(arguments: [
    ("localhost", "localhost", 5050, false), ("10.0.0.1:5051", "10.0.0.1", 5051, false), ("[::1]:80", "::1", 80, false),
    ("[::1]", "::1", 5050, false), ("::1", "::1", 5050, false), ("http://m:1/path?x", "m", 1, false),
    ("https://m", "m", 5050, true), ("//m:5055", "m", 5055, false), ("//m:5055/master/api", "m", 5055, false),
  ])
  func `an address is read`(text: String, host: String, port: Int, isSecure: Bool) throws {
    let address = try MasterAddress(text)
    #expect(address == MasterAddress(host: host, port: port, isSecure: isSecure))
    #expect(try MasterAddress(address.description) == address)
  }

  @Test(arguments: [
    "", ":5050", "m:", "m:0", "m:65536", "m:x", "[::1", "[::1]x", "ftp://m", "zk://m/x", "u:p@m", "a b", "a,b",
  ])
  func `what is no address is refused`(text: String) {
    #expect(throws: MasterAddressError.self) { try MasterAddress(text) }
  }

  @Test func `a refusal does not repeat credentials`() {
    let error = #expect(throws: MasterAddressError.self) { try MasterAddress("http://user:secret@m") }
    #expect(error?.message.contains("secret") == false)
  }
}
