import MesosModel
import MesosTestKit
import SchedulerCore
import Testing

/// A scheduler whose leading master is detected.
@Suite struct DetectionTests {
  static let m1 = MasterAddress(host: "m1")
  static let m2 = MasterAddress(host: "m2")

  static func driver(seed: UInt64 = 1) throws -> Driver {
    try Driver(seed: seed) {
      $0.masters = []
      $0.detectsMaster = true
    }
  }

  /// Through to a subscription at `m1`; returns its stream.
  static func subscribe(_ driver: inout Driver) throws -> StreamNumber {
    _ = driver.feed(.start(nil))
    let stream = try #require(driver.feed(.masterDetected(m1)).stream)
    driver.confirm(stream)
    #expect(driver.core.connectionState == .subscribed(m1))
    return stream
  }

  @Test func `it waits for a leader and goes there at once`() throws {
    var driver = try Self.driver()
    let start = driver.feed(.start(nil))
    #expect(start.updates == [.connection(.detecting)])
    #expect(driver.core.nextDeadline == nil)
    #expect(driver.feed(.masterDetected(nil)).isEmpty)
    #expect(driver.feed(.masterDetected(Self.m1)).opened?.master == Self.m1)
  }

  @Test(arguments: Seeds.all)
  func `another leader ends the stream, and it is subscribed there again soon with its id`(seed: UInt64) throws {
    var driver = try Self.driver(seed: seed)
    let stream = try Self.subscribe(&driver)
    let left = driver.feed(.masterDetected(Self.m2))
    #expect(left.contains(.closeStream(stream)))
    #expect(left.opened == nil)
    let before = driver.uptime
    let next = driver.atDeadline()
    #expect(driver.uptime - before <= .milliseconds(500))
    #expect(next.opened?.master == Self.m2)
    #expect(next.opened?.call.frameworkID.value == "F1")
    driver.confirm(try #require(next.stream))
    #expect(driver.core.connectionState == .subscribed(Self.m2))
  }

  @Test func `the same leader, or none, ends nothing`() throws {
    var driver = try Self.driver()
    _ = try Self.subscribe(&driver)
    for detected in [Self.m1, nil, Self.m1, nil, nil, Self.m1] {
      #expect(driver.feed(.masterDetected(detected)).isEmpty)
    }
    #expect(
      driver.feed(.detectionTroubled("ZooKeeper is away")).updates == [
        .notice(.detectionTroubled("ZooKeeper is away"))
      ])
    #expect(driver.core.connectionState == .subscribed(Self.m1))
  }

  @Test func `a leader known by two names is one`() throws {
    var driver = try Self.driver()
    _ = driver.feed(.start(nil))
    let asked = try #require(driver.feed(.masterDetected(Self.m1)).stream)
    // The detector knows its address, the master its name.
    let redirected = driver.feed(.streamOpened(asked, StreamHead(status: 307, location: "//master.example:5050")))
    driver.confirm(try #require(redirected.stream))
    let state = ConnectionState.subscribed(MasterAddress(host: "master.example"))
    #expect(driver.core.connectionState == state)
    #expect(driver.feed(.masterDetected(nil)).isEmpty)
    #expect(driver.feed(.masterDetected(Self.m1)).isEmpty)
    #expect(driver.core.connectionState == state)
  }

  @Test func `while a leader that died is tried again and again, a new one is gone to at once`() throws {
    var driver = try Self.driver()
    let stream = try Self.subscribe(&driver)
    _ = driver.feed(.streamEnded(stream, reason: "cut"))
    for _ in 0..<8 {
      let again = driver.atDeadline()
      #expect(again.opened?.master == Self.m1)
      _ = driver.feed(.streamEnded(try #require(again.stream), reason: "refused"))
    }
    // The next attempt would be half a minute away.
    let before = driver.uptime
    #expect(driver.feed(.masterDetected(Self.m2)).opened == nil)
    let next = driver.atDeadline()
    #expect(driver.uptime - before <= .milliseconds(500))
    #expect(next.opened?.master == Self.m2)
    // Not ready yet: a short wait, as the failures at the old one do not count.
    let busy = driver.feed(.streamOpened(try #require(next.stream), StreamHead(status: 503)))
    guard case .connection(.backingOff(let delay, _)) = busy.updates.last else {
      Issue.record("no back-off")
      return
    }
    #expect(delay <= .milliseconds(500))
  }

  @Test func `when a lost leader is nobody any more, no attempt is made until there is one`() throws {
    var driver = try Self.driver()
    let stream = try Self.subscribe(&driver)
    _ = driver.feed(.streamEnded(stream, reason: "cut"))
    #expect(driver.feed(.masterDetected(nil)).updates == [.connection(.detecting)])
    #expect(driver.after(.seconds(3_600)).isEmpty)
    _ = driver.feed(.masterDetected(Self.m1))
    #expect(driver.atDeadline().opened?.master == Self.m1)
    // Nor is a stream that is lost after the leader was.
    var other = try Self.driver()
    let second = try Self.subscribe(&other)
    _ = other.feed(.masterDetected(nil))
    _ = other.feed(.streamEnded(second, reason: "cut"))
    #expect(other.atDeadline().updates == [.connection(.detecting)])
  }

  @Test func `an attempt at the old leader is given up for the new one`() throws {
    var driver = try Self.driver()
    _ = driver.feed(.start(nil))
    let stream = try #require(driver.feed(.masterDetected(Self.m1)).stream)
    #expect(driver.feed(.masterDetected(Self.m1)).isEmpty)
    #expect(driver.feed(.masterDetected(Self.m2)).contains(.closeStream(stream)))
    #expect(driver.atDeadline().opened?.master == Self.m2)
  }

  @Test func `a call waits for the new leader's subscription`() throws {
    var driver = try Self.driver()
    _ = try Self.subscribe(&driver)
    _ = driver.feed(.masterDetected(Self.m2))
    let (token, waits) = driver.call(.kill("t"))
    #expect(waits.sends.isEmpty)
    let confirmed = driver.confirm(try #require(driver.atDeadline().stream))
    let send = try #require(confirmed.sends.last)
    #expect(send.call.type == .kill)
    let done = driver.feed(.callEnded(send.number, .answered(status: 202, text: "", location: nil)))
    #expect(done.completion(of: token) == .some(nil))
  }

  @Test func `a detector that gave up ends what has no leader, and only that`() throws {
    var driver = try Self.driver()
    let stream = try Self.subscribe(&driver)
    let told = driver.feed(.detectionEnded("refused"))
    guard case .error(let error) = told.updates.last else {
      Issue.record("no error")
      return
    }
    #expect(error.code == .detectionFailed)
    #expect(!told.finished)
    _ = driver.feed(.streamEnded(stream, reason: "cut"))
    #expect(driver.atDeadline().opened?.master == Self.m1)

    var other = try Self.driver()
    _ = other.feed(.start(nil))
    #expect(other.feed(.detectionEnded("refused")).finished)
  }

  @Test(arguments: [StopMode.keepFramework, .tearDown])
  func `one that never had a leader stops at once`(mode: StopMode) throws {
    var driver = try Self.driver()
    _ = driver.feed(.start(nil))
    #expect(driver.feed(.stop(mode)).finished)
  }

  @Test func `where masters are named nothing detected counts`() throws {
    var driver = try Driver()
    let stream = driver.subscribe()
    #expect(driver.feed(.masterDetected(MasterAddress(host: "m9"))).isEmpty)
    #expect(driver.feed(.detectionEnded("x")).isEmpty)
    _ = driver.feed(.streamEnded(stream, reason: "cut"))
    #expect(driver.atDeadline().opened?.master == Self.m2)
  }
}
