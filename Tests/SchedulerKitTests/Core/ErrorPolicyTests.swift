import MesosModel
import SchedulerCore
import Testing

@Suite struct ErrorPolicyTests {
  private static let texts: [(String, @Sendable (inout ErrorPolicy, ErrorReaction) -> Void)] = [
    ("Framework has been removed", { $0.frameworkRemoved = $1 }), ("Framework failed over", { $0.failedOver = $1 }),
    ("anything", { $0.other = $1 }),
  ]

  @Test(arguments: 0..<3)
  func `an ERROR may lead to another attempt under the same id`(index: Int) throws {
    let (text, set) = Self.texts[index]
    var driver = try Driver { set(&$0.onError, .retry) }
    let stream = driver.subscribe()
    let directives = driver.feed(.record(stream, .error(text)))
    #expect(directives.contains(.closeStream(stream)))
    #expect(!directives.finished)
    #expect(!directives.contains(.forgetFrameworkID))
    #expect(driver.atDeadline().opened?.call.frameworkID == FrameworkID("F1"))
  }

  @Test(arguments: 0..<3)
  func `an ERROR may lead to a new framework, that knows nothing of the old one`(index: Int) throws {
    let (text, set) = Self.texts[index]
    var driver = try Driver { set(&$0.onError, .subscribeAsNew) }
    let stream = driver.subscribe()
    let update = driver.feed(.record(stream, .update("t", .taskRunning, uuid: "u")))
    #expect(driver.feed(.record(stream, .error(text))).contains(.forgetFrameworkID))
    #expect(driver.core.knownTasks.isEmpty)
    let again = driver.atDeadline()
    #expect(again.opened?.call.hasFrameworkID == false)
    driver.confirm(try #require(again.stream), id: "F2")
    // An acknowledgement for a task of the old framework would be one too many.
    #expect(driver.feed(.handled(try #require(update.deliveries.last))).sends.isEmpty)
    #expect(driver.core.frameworkID == FrameworkID("F2"))
  }

  @Test(arguments: [400, 401, 403])
  func `a SUBSCRIBE that is refused is an error of that policy`(status: Int) throws {
    var driver = try Driver { $0.onError.other = .retry }
    let stream = try #require(driver.feed(.start(nil)).stream)
    let refused = driver.feed(.streamOpened(stream, StreamHead(status: status, text: "no")))
    #expect(!refused.finished)
    #expect(driver.atDeadline().stream == StreamNumber(2))
  }

  @Test(arguments: [ErrorReaction.fail, .subscribeAsNew, .retry])
  func `a user who is asked decides, and until then nothing is tried`(reaction: ErrorReaction) throws {
    var driver = try Driver { $0.asksAboutErrors = true }
    let stream = driver.subscribe()
    let error = SchedulerError(masterError: "Framework failed over")
    let asked = driver.feed(.record(stream, .error("Framework failed over")))
    #expect(asked.last == .decide(error, proposed: .fail))
    #expect(asked.contains(.closeStream(stream)))
    #expect(driver.core.connectionState == .disconnected)
    #expect(driver.after(.seconds(3_600)).isEmpty)
    let decided = driver.feed(.decided(reaction))
    #expect(decided.finished == (reaction == .fail))
    #expect(decided.contains(.forgetFrameworkID) == (reaction == .subscribeAsNew))
    if reaction != .fail { #expect(driver.atDeadline().stream == StreamNumber(2)) }
    #expect(driver.feed(.decided(.retry)).isEmpty)
  }

  @Test func `a stop does not wait for a decision`() throws {
    var driver = try Driver { $0.asksAboutErrors = true }
    let stream = driver.subscribe()
    driver.feed(.record(stream, .error("Framework has been removed")))
    let stopped = driver.feed(.stop(.tearDown))
    #expect(stopped.finished)
    #expect(stopped.contains(.forgetFrameworkID))
  }

  @Test func `an attempt that was cut and is served late does not end its own framework`() throws {
    var driver = try Driver()
    let first = try #require(driver.feed(.start(FrameworkID("F1"))).stream)
    driver.feed(.streamEnded(first, reason: "reset"))
    let second = try #require(driver.atDeadline().stream)
    driver.confirm(second)
    let ghost = driver.feed(.record(second, .error("Framework failed over")))
    #expect(!ghost.finished)
    // Once: the next one is another scheduler.
    let third = try #require(driver.atDeadline().stream)
    driver.confirm(third)
    #expect(driver.feed(.record(third, .error("Framework failed over"))).finished)
  }

  /// None of these leaves a SUBSCRIBE that could come late.
  @Test(arguments: 0..<4)
  func `attempts that were answered or never left excuse nobody`(kind: Int) throws {
    var driver = try Driver()
    let first = try #require(driver.feed(.start(FrameworkID("F1"))).stream)
    switch kind {
    case 0: driver.feed(.streamRefused(first, reason: "nobody listens"))
    case 1: driver.feed(.streamOpened(first, StreamHead(status: 503)))
    case 2: driver.feed(.streamOpened(first, StreamHead(status: 307)))
    default:
      driver.feed(.streamOpened(first, StreamHead(status: 200, streamID: "s")))
      driver.feed(.streamEnded(first, reason: "cut"))
    }
    let second = try #require(driver.atDeadline().stream)
    driver.confirm(second)
    #expect(driver.feed(.record(second, .error("Framework failed over"))).finished)
  }

  @Test func `an attempt of long ago excuses nobody`() throws {
    var driver = try Driver()
    let first = try #require(driver.feed(.start(FrameworkID("F1"))).stream)
    driver.feed(.streamEnded(first, reason: "reset"))
    let second = try #require(driver.atDeadline().stream)
    driver.confirm(second)
    for _ in 0..<20 {
      driver.uptime += .seconds(10)
      driver.feed(.record(second, .heartbeat))
    }
    #expect(driver.feed(.record(second, .error("Framework failed over"))).finished)
  }
}

@Suite struct SettledCallTests {
  @Test func `a call on a subscription that ended is not waited for`() throws {
    var driver = try Driver()
    let stream = driver.subscribe()
    driver.answerAll(driver.log)
    let (_, sent) = driver.call(.kill("t"))
    let stuck = try #require(sent.sends.first).number
    driver.feed(.streamEnded(stream, reason: "nothing heard"))
    let confirmed = driver.confirm(try #require(driver.atDeadline().stream))
    #expect(confirmed.contains(.cancelSend(stuck)))
    #expect(confirmed.sends.first?.call.type == .kill)
    #expect(confirmed.sends.first?.streamID == "stream-2")
    #expect(driver.feed(.callEnded(stuck, .answered(status: 400, text: "late", location: nil))).isEmpty)
  }

  @Test func `a launch on a subscription that ended is asked for on the next one, where the answer counts`() throws {
    var driver = try Driver()
    let stream = driver.subscribe()
    driver.answerAll(driver.log)
    driver.feed(.record(stream, .offers("O1")))
    let (token, _) = driver.call(.launch("t", on: "O1"))
    driver.feed(.streamEnded(stream, reason: "nothing heard"))
    let new = try #require(driver.atDeadline().stream)
    let confirmed = driver.confirm(new)
    #expect(confirmed.completion(of: token)??.code == .outcomeUnknown)
    #expect(confirmed.sends.first?.call.reconcile.tasks.map(\.taskID.value) == ["t"])
    let denied = driver.feed(.record(new, .update("t", .taskGone, reconciliation: true)))
    #expect(denied.taskUpdates.map(\.isTerminal) == [true])
  }

  @Test func `a question of the library's that was on its way is not asked twice`() throws {
    var driver = try Driver()
    let stream = driver.subscribe()
    #expect(driver.log.sends.map(\.call.type) == [.reconcile])
    _ = driver.call(.kill("t"))
    driver.feed(.streamEnded(stream, reason: "cut"))
    driver.log = []
    driver.answerAll(driver.confirm(try #require(driver.atDeadline().stream)))
    #expect(driver.log.sends.map(\.call.type) == [.kill, .reconcile])
  }

  @Test func `acknowledgements keep their order over it`() throws {
    var driver = try Driver { $0.acknowledgementsInFlightMax = 2 }
    let stream = driver.subscribe()
    driver.answerAll(driver.log)
    for id in ["a", "b", "c"] {
      let update = driver.feed(.record(stream, .update(id, .taskRunning, uuid: id)))
      driver.feed(.handled(try #require(update.deliveries.last)))
    }
    driver.feed(.streamEnded(stream, reason: "cut"))
    let confirmed = driver.confirm(try #require(driver.atDeadline().stream))
    let acknowledged = confirmed.sends.filter { $0.call.type == .acknowledge }.map(\.call.acknowledge.taskID.value)
    #expect(acknowledged == ["a", "b"])
  }

  @Test func `an acknowledgement of the user's that waits ends with the scheduler`() throws {
    var driver = try Driver { $0.acknowledgement = .explicit }
    driver.feed(.start(nil))
    let call = SchedulerCall.of(.acknowledge) {
      $0.acknowledge.taskID.value = "t"
      $0.acknowledge.agentID.value = "A1"
      $0.acknowledge.uuid = "u".data
    }
    let (token, _) = driver.call(call)
    #expect(driver.feed(.stop(.keepFramework)).completion(of: token)??.code == .stopped)
  }

  @Test func `acknowledgements of the user's have a bound too`() throws {
    var driver = try Driver {
      $0.acknowledgement = .explicit
      $0.acknowledgementsQueuedMax = 1
    }
    driver.feed(.start(nil))
    func call(_ uuid: String) -> SchedulerCall {
      .of(.acknowledge) {
        $0.acknowledge.taskID.value = "t"
        $0.acknowledge.agentID.value = "A1"
        $0.acknowledge.uuid = uuid.data
      }
    }
    _ = driver.call(call("u1"))
    let (token, refusal) = driver.call(call("u2"))
    #expect(refusal.completion(of: token)??.code == .queueFull)
  }
}
