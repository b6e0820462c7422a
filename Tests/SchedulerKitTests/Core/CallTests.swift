import MesosModel
import MesosTestKit
import SchedulerCore
import Testing

private let accepted = CallOutcome.answered(status: 202, text: "", location: nil)

/// A driver that is subscribed and has nothing under way.
private func subscribed(_ change: (inout SchedulerCore.Configuration) -> Void = { _ in }) throws -> (
  Driver, StreamNumber
) {
  var driver = try Driver { change(&$0) }
  let stream = driver.subscribe()
  driver.answerAll(driver.log)
  driver.log = []
  return (driver, stream)
}

@Suite struct CallTests {
  @Test func `calls go out one at a time in the user's order`() throws {
    var (driver, _) = try subscribed()
    let (first, sent) = driver.call(.reviveAll)
    #expect(sent.sends.map(\.call.type) == [.revive])
    #expect(sent.sends.first?.streamID == "stream-1")
    #expect(sent.sends.first?.call.frameworkID == FrameworkID("F1"))
    let (second, none) = driver.call(.kill("t"))
    #expect(none.isEmpty)
    let next = driver.feed(.callEnded(try #require(sent.sends.first).number, accepted))
    #expect(next.completion(of: first) == .some(nil))
    #expect(next.sends.map(\.call.type) == [.kill])
    let last = driver.feed(.callEnded(try #require(next.sends.first).number, accepted))
    #expect(last.completion(of: second) == .some(nil))
  }

  @Test func `acknowledgements do not wait for calls`() throws {
    var (driver, stream) = try subscribed()
    _ = driver.call(.reviveAll)
    let update = driver.feed(.record(stream, .update("t", .taskRunning, uuid: "u1")))
    #expect(update.sends.isEmpty)
    let handled = driver.feed(.handled(try #require(update.deliveries.last)))
    #expect(handled.sends.map(\.call.type) == [.acknowledge])
    #expect(handled.sends.first?.call.acknowledge.taskID == TaskID("t"))
  }

  @Test func `no more acknowledgements are on their way than allowed`() throws {
    var (driver, stream) = try subscribed { $0.acknowledgementsInFlightMax = 2 }
    var sends: [[SchedulerCore.Directive].Send] = []
    for index in 0..<5 {
      let update = driver.feed(.record(stream, .update("t\(index)", .taskRunning, uuid: "u\(index)")))
      sends += driver.feed(.handled(try #require(update.deliveries.last))).sends
    }
    #expect(sends.count == 2)
    sends += driver.feed(.callEnded(sends[0].number, accepted)).sends
    #expect(sends.map(\.call.acknowledge.taskID.value) == ["t0", "t1", "t2"])
  }

  @Test func `acknowledgements of one task keep their order, those of others do not wait`() throws {
    var (driver, stream) = try subscribed()
    var sends: [[SchedulerCore.Directive].Send] = []
    for (task, uuid) in [("a", "1"), ("a", "2"), ("b", "3")] {
      let update = driver.feed(.record(stream, .update(task, .taskRunning, uuid: uuid)))
      sends += driver.feed(.handled(try #require(update.deliveries.last))).sends
    }
    #expect(sends.map(\.call.acknowledge.uuid) == ["1".data, "3".data])
    let next = driver.feed(.callEnded(sends[0].number, accepted))
    #expect(next.sends.map(\.call.acknowledge.uuid) == ["2".data])
  }

  @Test func `a refusal is told with its status and text`() throws {
    var (driver, _) = try subscribed()
    let (token, sent) = driver.call(.kill("t"))
    let ended = driver.feed(
      .callEnded(try #require(sent.sends.first).number, .answered(status: 400, text: "Nope", location: nil)))
    let error = try #require(ended.completion(of: token) ?? nil)
    #expect(error.code == .refused)
    #expect(error.status == 400)
    #expect(error.message.contains("Nope"))
  }

  @Test func `calls made before there is a subscription wait for it, in order`() throws {
    var driver = try Driver()
    driver.feed(.start(nil))
    let (first, none) = driver.call(.reviveAll)
    #expect(none.isEmpty)
    let (second, _) = driver.call(.kill("t"))
    let confirmed = driver.confirm(StreamNumber(1))
    #expect(confirmed.sends.first?.call.type == .revive)
    driver.answerAll(confirmed)
    #expect(driver.log.completion(of: first) == .some(nil))
    #expect(driver.log.completion(of: second) == .some(nil))
  }

  @Test func `the queue has a bound, and waiting has one`() throws {
    var driver = try Driver {
      $0.callsQueuedMax = 2
      $0.callWaitMax = .seconds(30)
    }
    driver.feed(.start(nil))
    let (first, _) = driver.call(.reviveAll)
    driver.uptime += .milliseconds(100)
    _ = driver.call(.reviveAll)
    let (third, refusal) = driver.call(.reviveAll)
    #expect(refusal.completion(of: third)??.code == .queueFull)
    driver.feed(.streamEnded(StreamNumber(1), reason: "refused"))
    driver.uptime = .seconds(30)
    #expect(driver.feed(.tick).completion(of: first)??.code == .timedOut)
  }

  @Test func `by choice calls are refused without a subscription`() throws {
    var driver = try Driver { $0.whileDisconnected = .refuse }
    driver.feed(.start(nil))
    let (token, refusal) = driver.call(.reviveAll)
    #expect(refusal.completion(of: token)??.code == .notConnected)
  }

  @Test func `a call that may be repeated is, after a pause, when its outcome is unknown`() throws {
    var (driver, _) = try subscribed {
      $0.callAttemptsMax = 3
      $0.callBackoff = Backoff(initial: .seconds(1), limit: .seconds(4))
    }
    let (token, sent) = driver.call(.kill("t"))
    var send = try #require(sent.sends.first)
    for _ in 0..<2 {
      #expect(driver.feed(.callEnded(send.number, .unknown("timeout"))).isEmpty)
      let again = driver.after(.seconds(2))
      #expect(again.sends.map(\.call.type) == [.kill])
      send = try #require(again.sends.first)
    }
    let ended = driver.feed(.callEnded(send.number, .unknown("timeout")))
    #expect(ended.completion(of: token)??.code == .outcomeUnknown)
    #expect(driver.after(.seconds(10)).sends.isEmpty)
  }

  @Test(
    arguments: [
      (403, "Framework is not subscribed", true), (400, "Framework cannot be found", true), (502, "", true),
      (400, "Failed to validate scheduler::Call: no", false), (401, "", false), (413, "", false),
    ])
  func `an ACCEPT is refused for certain by what is true of each copy of it`(
    status: Int, text: String, isInDoubt: Bool
  ) throws {
    var (driver, stream) = try subscribed()
    driver.feed(.record(stream, .offers("O1")))
    let (token, sent) = driver.call(.launch("t", on: "O1"))
    let outcome = CallOutcome.answered(status: status, text: text, location: nil)
    let error = driver.feed(.callEnded(try #require(sent.sends.first).number, outcome)).completion(of: token)
    #expect((error??.code == .outcomeUnknown) == isInDoubt)
    #expect(error??.status == status)
    #expect(driver.core.knownTasks.map(\.isUncertain) == (isInDoubt ? [true] : []))
    // A subscription that the master does not know is made again first.
    let next = driver.atDeadline()
    let asked = (next.stream.map { driver.confirm($0) } ?? next).sends.filter { $0.call.type == .reconcile }
    #expect(asked.flatMap { $0.call.reconcile.tasks.map(\.taskID.value) } == (isInDoubt ? ["t"] : []))
  }

  @Test(arguments: [CallOutcome.unknown("cut"), .notSent("refused")])
  func `an ACCEPT is sent once, whatever comes of it`(outcome: CallOutcome) throws {
    var (driver, stream) = try subscribed()
    driver.feed(.record(stream, .offers("O1")))
    let (token, sent) = driver.call(.launch("t", on: "O1"))
    let ended = driver.feed(.callEnded(try #require(sent.sends.first).number, outcome))
    #expect(ended.completion(of: token)??.code == (outcome == .notSent("refused") ? .notSent : .outcomeUnknown))
    for _ in 0..<5 { driver.answerAll(driver.after(.seconds(14))); driver.feed(.record(stream, .heartbeat)) }
    #expect(driver.log.sends.count { $0.call.type == .accept } == 1)
    // Only a launch in doubt is asked for; one that was not sent is forgotten.
    let asked = driver.log.sends.contains {
      $0.call.type == .reconcile && $0.call.reconcile.tasks.map(\.taskID.value) == ["t"]
    }
    #expect(asked == (outcome == .unknown("cut")))
    #expect(driver.core.knownTasks.isEmpty == (outcome == .notSent("refused")))
  }

  @Test func `a launch in doubt ends only when the master denies it on a later subscription`() throws {
    var (driver, stream) = try subscribed()
    driver.feed(.record(stream, .offers("O1")))
    let (_, sent) = driver.call(.launch("t", on: "O1"))
    driver.feed(.callEnded(try #require(sent.sends.first).number, .unknown("cut")))
    #expect(driver.core.knownTasks.map(\.isUncertain) == [true])

    // The call may still be on its way: that the master does not know the task proves nothing.
    driver.answerAll(driver.atDeadline())
    let denied = driver.feed(.record(stream, .update("t", .taskGone, reconciliation: true)))
    #expect(denied.taskUpdates.map(\.isProvisional) == [true])
    #expect(driver.core.knownTasks.count == 1)

    // With another stream id it would be refused.
    #expect(denied.contains(.closeStream(stream)))
    let again = driver.atDeadline()
    #expect(again.opened?.master == MasterAddress(host: "m1"))
    let new = try #require(again.stream)
    let asked = driver.confirm(new)
    #expect(asked.sends.first?.call.reconcile.tasks.map(\.taskID.value) == ["t"])
    let ended = driver.feed(.record(new, .update("t", .taskGone, reconciliation: true)))
    #expect(ended.taskUpdates.map(\.isTerminal) == [true])
    #expect(driver.core.knownTasks.isEmpty)
  }

  @Test func `that a task is missing is told once, and other news brings it back`() throws {
    var (driver, stream) = try subscribed()
    driver.feed(.record(stream, .update("t", .taskRunning, uuid: "u0")))
    let first = driver.feed(.record(stream, .update("t", .taskDropped)))
    #expect(first.taskUpdates.map(\.isTerminal) == [true])
    for state in [TaskState.taskGone, .taskUnknown, .taskLost] {
      #expect(driver.feed(.record(stream, .update("t", state, reconciliation: true))).taskUpdates.isEmpty)
    }
    #expect(driver.feed(.record(stream, .update("t", .taskRunning, uuid: "u1"))).taskUpdates.count == 1)
    #expect(driver.core.knownTasks.map(\.state) == [.taskRunning])
  }

  /// TASK_UNKNOWN, of an agent that the master does not know, is no end by itself; the refusal is.
  @Test(arguments: [TaskState.taskRunning, .taskGone, .taskUnknown])
  func `a launch that is refused for its offers may have come twice, and the master is asked`(
    state: TaskState
  ) throws {
    let runs = state == .taskRunning
    var (driver, stream) = try subscribed()
    driver.feed(.record(stream, .offers("O1")))
    let (_, sent) = driver.call(.launch("t", on: "O1"))
    driver.answerAll(sent)
    var refusal = SchedulerEvent.update("t", .taskDropped)
    refusal.update.status.reason = .invalidOffers
    refusal.update.status.source = .master
    refusal.update.status.message = "Task launched with invalid offers"
    let refused = driver.feed(.record(stream, refusal))
    #expect(refused.taskUpdates.map(\.isTerminal) == [false])
    #expect(driver.core.knownTasks.map(\.isUncertain) == [true])

    let asked = driver.atDeadline()
    #expect(asked.sends.map { $0.call.reconcile.tasks.map(\.taskID.value) } == [["t"]])
    driver.answerAll(asked)
    let answer = driver.feed(.record(stream, .update("t", state, reconciliation: true)))
    // What the master said first is what the user is told, once it is certain.
    #expect(answer.taskUpdates.map(\.status) == [runs ? answer.taskUpdates[0].status : refusal.update.status])
    #expect(answer.taskUpdates.map(\.isTerminal) == [!runs])
    #expect(driver.core.knownTasks.map(\.isUncertain) == (runs ? [false] : []))
    #expect(driver.core.connectionState == .subscribed(MasterAddress(host: "m1")))
  }

  @Test func `a launch in doubt is certain with the first news of its task`() throws {
    var (driver, stream) = try subscribed()
    driver.feed(.record(stream, .offers("O1")))
    let (_, sent) = driver.call(.launch("t", on: "O1"))
    driver.feed(.callEnded(try #require(sent.sends.first).number, .unknown("cut")))
    driver.feed(.record(stream, .update("t", .taskRunning, uuid: "u1")))
    #expect(driver.core.knownTasks.map(\.isUncertain) == [false])
    let lost = driver.feed(.record(stream, .update("t", .taskLost, uuid: "u2")))
    #expect(lost.taskUpdates.map(\.isTerminal) == [true])
  }

  @Test func `an offer is used once`() throws {
    var (driver, stream) = try subscribed()
    driver.feed(.record(stream, .offers("O1", "O2")))
    _ = driver.call(.launch("t", on: "O1"))
    let (again, refusal) = driver.call(.launch("t2", on: "O1"))
    #expect(refusal.completion(of: again)??.code == .offerNotHeld)
    let (double, doubled) = driver.call(.launch("t", on: "O2"))
    #expect(doubled.completion(of: double)??.code == .invalidCall)
    driver.feed(.record(stream, .of(.rescind) { $0.rescind.offerID.value = "O2" }))
    let (late, rescinded) = driver.call(.launch("t3", on: "O2"))
    #expect(rescinded.completion(of: late)??.code == .offerNotHeld)
  }

  @Test func `by choice the master answers for offers that are not held`() throws {
    var (driver, stream) = try subscribed { $0.checksOffers = false }
    driver.feed(.record(stream, .offers("O1")))
    for _ in 0..<2 {
      let (token, directives) = driver.call(.launch("t", on: "O1"))
      #expect(directives.sends.map(\.call.type) == [.accept])
      driver.answerAll(directives)
      #expect(driver.log.completion(of: token) == .some(nil))
    }
    #expect(driver.core.knownTasks.count == 1)
  }

  @Test func `declining what is gone is no error and sends nothing`() throws {
    var (driver, stream) = try subscribed()
    driver.feed(.record(stream, .offers("O1")))
    let (token, directives) = driver.call(
      .of(.decline) { $0.decline.offerIds = ["O1", "O9"].map { OfferID(OfferKey($0)) } })
    #expect(directives.sends.first?.call.decline.offerIds == [OfferID("O1")])
    driver.answerAll(directives)
    #expect(driver.log.completion(of: token) == .some(nil))
    let (second, none) = driver.call(.of(.decline) { $0.decline.offerIds = [OfferID("O1")] })
    #expect(none == [.complete(second, nil)])
  }

  @Test func `offers end with their subscription, and an ACCEPT that waits with them`() throws {
    var (driver, stream) = try subscribed()
    driver.feed(.record(stream, .offers("O1", "O2")))
    _ = driver.call(.reviveAll)
    let (waiting, _) = driver.call(.launch("t", on: "O1"))
    let lost = driver.feed(.streamEnded(stream, reason: "cut"))
    #expect(lost.completion(of: waiting)??.code == .offerNotHeld)
    #expect(driver.core.knownTasks.isEmpty)
    let (late, refusal) = driver.call(.launch("t", on: "O2"))
    #expect(refusal.completion(of: late)??.code == .notConnected)
  }

  @Test func `offers beyond the bound are declined and told`() throws {
    var (driver, stream) = try subscribed { $0.offersMax = 1 }
    let directives = driver.feed(.record(stream, .offers("O1", "O2")))
    #expect(directives.updates == [.notice(.offersDeclined(1)), .offers([.test("O1")])])
    #expect(directives.sends.first?.call.decline.offerIds == [OfferID("O2")])
  }

  @Test func `a call cancelled before it left is left out`() throws {
    var (driver, _) = try subscribed()
    let (_, sent) = driver.call(.reviveAll)
    let (token, _) = driver.call(.suppressAll)
    driver.feed(.callCancelled(token))
    #expect(driver.feed(.callEnded(try #require(sent.sends.first).number, accepted)).sends.isEmpty)
  }

  @Test func `a master that leads no more is left, and what it refused goes to the next`() throws {
    var (driver, stream) = try subscribed()
    let (token, sent) = driver.call(.kill("t"))
    let lost = driver.feed(
      .callEnded(try #require(sent.sends.first).number, .answered(status: 307, text: "", location: "//m9:5051")))
    #expect(lost.contains(.closeStream(stream)))
    let next = driver.atDeadline()
    #expect(next.opened?.master == MasterAddress(host: "m9", port: 5051))
    let confirmed = driver.confirm(try #require(next.stream))
    #expect(confirmed.sends.map(\.call.type) == [.kill])
    #expect(confirmed.sends.first?.streamID == "stream-2")
    driver.answerAll(confirmed)
    #expect(driver.log.completion(of: token) == .some(nil))
  }

  /// 400 where another stream is subscribed by then, 403 where none is.
  @Test(arguments: [400, 403])
  func `a call refused for a stream that is over goes out on the new one`(status: Int) throws {
    var (driver, stream) = try subscribed()
    let (token, sent) = driver.call(.kill("t"))
    driver.feed(.streamEnded(stream, reason: "cut"))
    let refusal = CallOutcome.answered(status: status, text: "The stream ID …", location: nil)
    #expect(driver.feed(.callEnded(try #require(sent.sends.first).number, refusal)).isEmpty)
    let again = driver.confirm(try #require(driver.atDeadline().stream))
    #expect(again.sends.map(\.call.type) == [.kill])
    driver.answerAll(again)
    #expect(driver.log.completion(of: token) == .some(nil))
  }

  @Test(arguments: [(400, "Framework cannot be found"), (403, "Framework is not subscribed")])
  func `a master that does not know the subscription is subscribed to again, and the call goes out then`(
    status: Int, text: String
  ) throws {
    var (driver, stream) = try subscribed()
    let (token, sent) = driver.call(.reconcile("t", on: "A"))
    let refused = driver.feed(
      .callEnded(try #require(sent.sends.first).number, .answered(status: status, text: text, location: nil)))
    #expect(refused.contains(.closeStream(stream)))
    #expect(driver.log.completion(of: token) == nil)
    let again = driver.confirm(try #require(driver.atDeadline().stream))
    #expect(again.sends.first?.call == sent.sends.first?.call)
    driver.answerAll(again)
    #expect(driver.log.completion(of: token) == .some(nil))
  }

  @Test func `what a call misses is refused here`() throws {
    var (driver, _) = try subscribed()
    for call in [
      SchedulerCall.of(.accept), .of(.decline), .of(.kill), .of(.shutdown), .of(.acknowledge), .of(.message),
      .of(.subscribe),
      .of(.unknown), .of(.updateFramework),
    ] {
      let (token, directives) = driver.call(call)
      #expect(directives.completion(of: token)??.code == .invalidCall, "\(call.type)")
    }
  }

  @Test func `more tasks than the bound are not launched`() throws {
    var (driver, stream) = try subscribed { $0.tasksMax = 1 }
    driver.feed(.record(stream, .offers("O1", "O2")))
    let (two, refusal) = driver.call(.launch("a", "b", on: "O1"))
    #expect(refusal.completion(of: two)??.code == .tooManyTasks)
    let (one, _) = driver.call(.launch("a", on: "O1"))
    #expect(driver.log.completion(of: one) == nil)
    let heard = driver.feed(.record(stream, .update("other", .taskRunning, uuid: "u")))
    #expect(heard.updates.first == .notice(.taskNotTracked(TaskID("other"))))
    #expect(heard.taskUpdates.count == 1)
  }
}

@Suite struct UpdateTests {
  @Test func `an update is acknowledged once the user is done with it, and told once`() throws {
    var (driver, stream) = try subscribed()
    let event = SchedulerEvent.update("t", .taskRunning, uuid: "u1")
    let update = driver.feed(.record(stream, event))
    #expect(update.taskUpdates.map(\.status.state) == [.taskRunning])
    #expect(update.sends.isEmpty)
    #expect(driver.feed(.record(stream, event)).isEmpty)

    let handled = driver.feed(.handled(try #require(update.deliveries.last)))
    driver.answerAll(handled)
    #expect(handled.sends.count == 1)
    #expect(driver.feed(.handled(try #require(update.deliveries.last))).isEmpty)

    // The acknowledgement may have been lost on its way: the update comes again and is acknowledged again.
    let repeated = driver.feed(.record(stream, event))
    #expect(repeated.updates.isEmpty)
    #expect(repeated.sends.map(\.call.type) == [.acknowledge])
  }

  @Test func `an ended task is remembered for its repeated updates`() throws {
    var (driver, stream) = try subscribed { $0.endedTasksMax = 2 }
    for index in 0..<3 {
      let update = driver.feed(.record(stream, .update("t\(index)", .taskFinished, uuid: "u\(index)")))
      driver.answerAll(driver.feed(.handled(try #require(update.deliveries.last))))
    }
    #expect(driver.core.knownTasks.isEmpty)
    #expect(driver.feed(.record(stream, .update("t2", .taskFinished, uuid: "u2"))).updates.isEmpty)
    // Beyond the bound it is told again rather than lost.
    #expect(driver.feed(.record(stream, .update("t0", .taskFinished, uuid: "u0"))).taskUpdates.count == 1)
  }

  /// Apache Mesos answers with the newest state it knows when it could not pass an update on; the updates come after it.
  @Test(arguments: [SchedulerCore.Acknowledgement.automatic, .explicit])
  func `updates that come after the end was told are acknowledged and told as notices alone`(
    acknowledgement: SchedulerCore.Acknowledgement
  ) throws {
    var (driver, stream) = try subscribed { $0.acknowledgement = acknowledgement }
    driver.feed(.record(stream, .update("t", .taskStarting, uuid: "u0")))
    let ended = driver.feed(.record(stream, .update("t", .taskFinished, reconciliation: true)))
    #expect(ended.taskUpdates.map(\.isTerminal) == [true])
    for (state, uuid) in [(TaskState.taskRunning, "u1"), (.taskFinished, "u2")] {
      let late = driver.feed(.record(stream, .update("t", state, uuid: uuid)))
      #expect(late.taskUpdates.isEmpty)
      #expect(late.updates.count == 1)
      #expect(late.sends.map(\.call.acknowledge.uuid) == [uuid.data])
      driver.answerAll(late)
      let again = driver.feed(.record(stream, .update("t", state, uuid: uuid)))
      #expect(again.updates.isEmpty)
      #expect(again.sends.map(\.call.acknowledge.uuid) == [uuid.data])
      driver.answerAll(again)
    }
    #expect(driver.core.knownTasks.isEmpty)
  }

  @Test func `with explicit acknowledgement nothing is acknowledged by itself, and what is not comes again`() throws {
    var (driver, stream) = try subscribed { $0.acknowledgement = .explicit }
    let event = SchedulerEvent.update("t", .taskRunning, uuid: "u1")
    let update = driver.feed(.record(stream, event))
    #expect(driver.feed(.handled(try #require(update.deliveries.last))).isEmpty)
    #expect(driver.feed(.record(stream, event)).taskUpdates.count == 1)
    let (token, sent) = driver.call(
      .of(.acknowledge) {
        $0.acknowledge.taskID = event.update.status.taskID
        $0.acknowledge.agentID = event.update.status.agentID
        $0.acknowledge.uuid = event.update.status.uuid
      })
    #expect(sent.sends.map(\.call.type) == [.acknowledge])
    driver.answerAll(sent)
    #expect(driver.log.completion(of: token) == .some(nil))
    #expect(driver.feed(.record(stream, event)).updates.isEmpty)
  }

  @Test func `acknowledgements that wait have a bound, and what is left out is told`() throws {
    var (driver, stream) = try subscribed {
      $0.acknowledgementsInFlightMax = 1
      $0.acknowledgementsQueuedMax = 1
    }
    for index in 0..<3 {
      let update = driver.feed(.record(stream, .update("t\(index)", .taskRunning, uuid: "u\(index)")))
      driver.feed(.handled(try #require(update.deliveries.last)))
    }
    #expect(
      driver.log.updates.contains {
        if case .notice(.acknowledgementLost(TaskID("t1"), _)) = $0 { true } else { false }
      })
    #expect(driver.feed(.record(stream, .update("t1", .taskRunning, uuid: "u1"))).taskUpdates.count == 1)
  }

  @Test func `an acknowledgement survives the connection`() throws {
    var (driver, stream) = try subscribed()
    let update = driver.feed(.record(stream, .update("t", .taskRunning, uuid: "u1")))
    driver.feed(.streamEnded(stream, reason: "cut"))
    #expect(driver.feed(.handled(try #require(update.deliveries.last))).sends.isEmpty)
    let confirmed = driver.confirm(try #require(driver.atDeadline().stream))
    #expect(confirmed.sends.contains { $0.call.type == .acknowledge })
  }

  @Test func `an operation's status is acknowledged too`() throws {
    var (driver, stream) = try subscribed()
    let update = driver.feed(
      .record(
        stream,
        .of(.updateOperationStatus) {
          $0.updateOperationStatus.status.operationID.value = "op"
          $0.updateOperationStatus.status.state = .operationFinished
          $0.updateOperationStatus.status.uuid.value = "u".data
          $0.updateOperationStatus.status.agentID.value = "A1"
        }))
    let sends = driver.feed(.handled(try #require(update.deliveries.last))).sends
    #expect(sends.map(\.call.type) == [.acknowledgeOperationStatus])
    #expect(sends.first?.call.acknowledgeOperationStatus.operationID.value == "op")
  }
}

@Suite struct ReconciliationTests {
  @Test func `known tasks are asked for until each is answered, then all of them`() throws {
    var (driver, stream) = try subscribed {
      $0.reconciliation.batchMax = 2
      $0.reconciliation.backoff = Backoff(initial: .seconds(4), limit: .seconds(60))
    }
    for id in ["c", "a", "b"] { driver.feed(.record(stream, .update(id, .taskRunning, uuid: id))) }
    driver.feed(.streamEnded(stream, reason: "cut"))
    let new = try #require(driver.atDeadline().stream)
    driver.log = []
    driver.answerAll(driver.confirm(new))
    func asked() -> [[String]] {
      driver.log.sends.filter { $0.call.type == .reconcile }.map { $0.call.reconcile.tasks.map(\.taskID.value) }
    }
    #expect(asked() == [["a", "b"], ["c"]])
    #expect(driver.log.sends.first?.call.reconcile.tasks.first?.agentID == AgentID("A1"))

    // Nothing new of `a`: the user is not told. News of `b`: the user is.
    #expect(driver.feed(.record(new, .update("a", .taskRunning, reconciliation: true))).updates.isEmpty)
    let news = driver.feed(.record(new, .update("b", .taskFailed, reconciliation: true)))
    #expect(news.taskUpdates.map(\.isReconciliation) == [true])
    #expect(!driver.log.updates.contains(.reconciled))

    driver.log = []
    driver.answerAll(driver.after(.seconds(4)))
    #expect(asked() == [["c"]])
    driver.log = []
    driver.answerAll(driver.after(.seconds(8)))
    #expect(asked() == [["c"]])
    driver.log = []
    let answer = driver.feed(.record(new, .update("c", .taskUnreachable, reconciliation: true)))
    driver.answerAll(answer)
    #expect(answer.updates.last == .reconciled)
    #expect(asked() == [[]])
    #expect(driver.core.knownTasks.map(\.state) == [.taskRunning, .taskUnreachable])
  }

  @Test func `a scheduler that took over learns its tasks from the implicit answers`() throws {
    var driver = try Driver()
    let stream = driver.subscribe(id: "F1", stored: "F1")
    #expect(driver.log.updates.contains(.reconciled))
    #expect(driver.log.sends.first?.call.reconcile.tasks.isEmpty == true)
    #expect(driver.feed(.record(stream, .update("t", .taskRunning, reconciliation: true))).taskUpdates.count == 1)
    #expect(driver.core.knownTasks.map(\.id) == ["t"])
  }

  @Test func `answers that the user asked for are always told`() throws {
    var (driver, stream) = try subscribed()
    driver.feed(.record(stream, .update("t", .taskRunning, uuid: "u")))
    #expect(driver.feed(.record(stream, .update("t", .taskRunning, reconciliation: true))).updates.isEmpty)
    _ = driver.call(.reconcile("t", on: "A1"))
    #expect(driver.feed(.record(stream, .update("t", .taskRunning, reconciliation: true))).taskUpdates.count == 1)
    #expect(driver.feed(.record(stream, .update("t", .taskRunning, reconciliation: true))).updates.isEmpty)
  }

  /// A master is silent about a task whose agent has not come back since the failover.
  @Test func `tasks that the user asked for are asked for again, also over a new subscription, until each is answered`()
    throws
  {
    var (driver, stream) = try subscribed {
      $0.reconciliation.backoff = Backoff(initial: .seconds(4), limit: .seconds(4))
    }
    func asked(_ directives: [SchedulerCore.Directive]) -> [String] {
      directives.sends.flatMap { $0.call.reconcile.tasks.map { "\($0.taskID.value) on \($0.agentID.value)" } }
    }
    let (token, sent) = driver.call(.reconcile("a", "b", on: "A7"))
    #expect(asked(sent) == ["a on A7", "b on A7"])
    driver.answerAll(sent)
    #expect(driver.log.completion(of: token) == .some(nil))
    #expect(driver.feed(.record(stream, .update("b", .taskGone, reconciliation: true))).taskUpdates.count == 1)

    let again = driver.after(.seconds(4))
    #expect(asked(again) == ["a on A7"])
    driver.answerAll(again)
    driver.feed(.streamEnded(stream, reason: "cut"))
    let confirmed = driver.confirm(try #require(driver.atDeadline().stream))
    #expect(asked(confirmed) == ["a on A7"])
    driver.answerAll(confirmed)
    let new = try #require(driver.log.stream)
    #expect(driver.feed(.record(new, .update("a", .taskGone, reconciliation: true))).taskUpdates.count == 1)
    #expect(asked(driver.after(.seconds(10))) == [])
  }

  @Test func `a question that could not be put is not put again`() throws {
    var (driver, _) = try subscribed()
    let (token, sent) = driver.call(.reconcile("a", on: "A7"))
    let refused = driver.feed(
      .callEnded(try #require(sent.sends.first).number, .answered(status: 403, text: "no", location: nil)))
    #expect(refused.completion(of: token)??.code == .refused)
    #expect(driver.after(.seconds(40)).sends.isEmpty)
  }

  /// What a KILL or RECONCILE of an unknown id is answered with; should there be such a task, its news come by themselves.
  @Test func `a task that neither side knows is told and not followed`() throws {
    var (driver, stream) = try subscribed()
    driver.answerAll(driver.call(.kill("t")).1)
    let answer = driver.feed(.record(stream, .update("t", .taskUnknown, reconciliation: true)))
    #expect(answer.taskUpdates.map(\.status.state) == [.taskUnknown])
    #expect(driver.core.knownTasks == [])
    driver.feed(.record(stream, .update("t", .taskRunning, uuid: "u")))
    #expect(driver.core.knownTasks.map(\.id) == ["t"])
    // One that was known is followed on: it may be on an agent that comes back.
    driver.feed(.record(stream, .update("t", .taskUnknown, reconciliation: true)))
    #expect(driver.core.knownTasks.map(\.state) == [.taskUnknown])
  }

  @Test func `all tasks are asked for from time to time`() throws {
    var (driver, stream) = try subscribed { $0.reconciliation.interval = .seconds(60) }
    var asked = 0
    for _ in 0..<12 {
      driver.feed(.record(stream, .heartbeat))
      let directives = driver.after(.seconds(10))
      asked += directives.sends.count { $0.call.type == .reconcile && $0.call.reconcile.tasks.isEmpty }
      driver.answerAll(directives)
    }
    #expect(asked == 2)
  }

  @Test func `by choice nothing is asked`() throws {
    var (driver, stream) = try subscribed { $0.reconciliation.isAutomatic = false }
    driver.feed(.record(stream, .update("t", .taskRunning, uuid: "u")))
    driver.feed(.streamEnded(stream, reason: "cut"))
    let confirmed = driver.confirm(try #require(driver.atDeadline().stream))
    #expect(confirmed.sends.isEmpty)
    #expect(!confirmed.updates.contains(.reconciled))
  }
}
