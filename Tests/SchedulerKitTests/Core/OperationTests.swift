import Foundation
import MesosModel
import SchedulerCore
import Testing

private func subscribed(
  _ change: (inout SchedulerCore.Configuration) -> Void = { _ in }
) throws -> (Driver, StreamNumber) {
  var driver = try Driver(change)
  let stream = driver.subscribe()
  driver.answerAll(driver.log)
  driver.feed(.record(stream, .offers("O1", "O2")))
  return (driver, stream)
}

extension SchedulerCall {
  fileprivate static func reserve(_ ids: String..., on offer: String = "O1") -> SchedulerCall {
    .of(.accept) { call in
      call.accept.offerIds = [OfferID(OfferKey(offer))]
      call.accept.operations = ids.map { id in
        var resource = Resource()
        resource.name = "disk"
        resource.providerID.value = "P1"
        var operation = Offer.Operation()
        operation.type = .reserve
        operation.id.value = id
        operation.reserve.resources = [resource]
        return operation
      }
    }
  }
}

extension SchedulerEvent {
  fileprivate static func operation(_ id: String, _ state: OperationState, uuid: String? = nil) -> SchedulerEvent {
    .of(.updateOperationStatus) {
      $0.updateOperationStatus.status.operationID.value = id
      $0.updateOperationStatus.status.state = state
      $0.updateOperationStatus.status.agentID.value = "A1"
      if let uuid { $0.updateOperationStatus.status.uuid.value = uuid.data }
    }
  }
}

extension [SchedulerCore.Directive] {
  fileprivate var operations: [OperationState] {
    updates.compactMap { if case .operation(let status) = $0 { status.state } else { nil } }
  }
  fileprivate var asked: [[String]] {
    sends.filter { $0.call.type == .reconcileOperations }
      .map { $0.call.reconcileOperations.operations.map(\.operationID.value) }
  }
}

@Suite struct OperationTests {
  @Test func `an operation with an id is known until it ends, told once, and acknowledged`() throws {
    var (driver, stream) = try subscribed()
    driver.answerAll(driver.call(.reserve("r")).1)
    #expect(driver.core.knownOperations.map(\.id) == ["r"])
    #expect(driver.core.knownOperations.first?.state == .operationPending)
    #expect(driver.core.knownOperations.first?.agentID == AgentID("A1"))
    #expect(driver.core.knownOperations.first?.resourceProviderID?.value == "P1")

    let finished = driver.feed(.record(stream, .operation("r", .operationFinished, uuid: "u")))
    #expect(finished.operations == [.operationFinished])
    #expect(driver.core.knownOperations.isEmpty)
    // Again before the user is done with it, and again after it was acknowledged.
    #expect(driver.feed(.record(stream, .operation("r", .operationFinished, uuid: "u"))).updates.isEmpty)
    let sends = driver.feed(.handled(try #require(finished.deliveries.last))).sends
    #expect(sends.map(\.call.acknowledgeOperationStatus.operationID.value) == ["r"])
    driver.answerAll(driver.log)
    let again = driver.feed(.record(stream, .operation("r", .operationFinished, uuid: "u")))
    #expect(again.updates.isEmpty)
    #expect(again.sends.map(\.call.type) == [.acknowledgeOperationStatus])
  }

  @Test func `operations are asked for after each subscription until each is answered`() throws {
    var (driver, stream) = try subscribed {
      $0.reconciliation.batchMax = 2
      $0.reconciliation.backoff = Backoff(initial: .seconds(4), limit: .seconds(60))
    }
    driver.answerAll(driver.call(.reserve("c", "a", "b")).1)
    driver.feed(.streamEnded(stream, reason: "cut"))
    let new = try #require(driver.atDeadline().stream)
    driver.log = []
    driver.answerAll(driver.confirm(new))
    #expect(driver.log.asked == [["a", "b"], ["c"]])
    #expect(!driver.log.updates.contains(.reconciled))

    // Nothing new of `a`: the user is not told. The agent of `b` is not back: no answer. `c` is unknown, so it never was.
    #expect(driver.feed(.record(new, .operation("a", .operationPending))).updates.isEmpty)
    driver.feed(.record(new, .operation("b", .operationRecovering)))
    #expect(driver.feed(.record(new, .operation("c", .operationUnknown))).operations == [.operationUnknown])
    driver.log = []
    driver.answerAll(driver.after(.seconds(4)))
    #expect(driver.log.asked == [["b"]])
    let answer = driver.feed(.record(new, .operation("b", .operationFailed)))
    #expect(answer.operations == [.operationFailed])
    #expect(answer.updates.last == .reconciled)
    #expect(driver.core.knownOperations.map(\.id) == ["a"])
  }

  @Test func `an operation in doubt is settled by a later subscription`() throws {
    var (driver, stream) = try subscribed()
    let (token, sent) = driver.call(.reserve("r"))
    let unknown = driver.feed(.callEnded(try #require(sent.sends.first).number, .unknown("cut")))
    #expect(unknown.completion(of: token)??.code == .outcomeUnknown)
    #expect(driver.core.knownOperations.map(\.isUncertain) == [true])
    let asked = driver.atDeadline()
    #expect(asked.asked == [["r"]])
    driver.answerAll(asked)
    let denied = driver.feed(.record(stream, .operation("r", .operationUnknown)))
    #expect(denied.operations.isEmpty)
    #expect(denied.contains(.closeStream(stream)))
    let new = try #require(driver.atDeadline().stream)
    #expect(driver.confirm(new).asked == [["r"]])
    #expect(driver.feed(.record(new, .operation("r", .operationUnknown))).operations == [.operationUnknown])
    #expect(driver.core.knownOperations.isEmpty)
  }

  @Test(arguments: [true, false])
  func `a refusal may be that of a second copy, and the master is asked`(isTaken: Bool) throws {
    var (driver, stream) = try subscribed()
    driver.answerAll(driver.call(.reserve("r")).1)
    #expect(driver.feed(.record(stream, .operation("r", .operationError))).operations.isEmpty)
    let asked = driver.atDeadline()
    #expect(asked.asked == [["r"]])
    driver.answerAll(asked)
    let answer = driver.feed(.record(stream, .operation("r", isTaken ? .operationPending : .operationUnknown)))
    #expect(answer.operations == (isTaken ? [] : [.operationError]))
    #expect(driver.core.knownOperations.map(\.isUncertain) == (isTaken ? [false] : []))
  }

  @Test func `an operation that was refused with its call is forgotten`() throws {
    var (driver, _) = try subscribed()
    let (token, sent) = driver.call(.reserve("r"))
    let text = "Failed to validate scheduler::Call: no"
    let outcome = CallOutcome.answered(status: 400, text: text, location: nil)
    let refused = driver.feed(.callEnded(try #require(sent.sends.first).number, outcome))
    #expect(refused.completion(of: token)??.code == .refused)
    #expect(driver.core.knownOperations.isEmpty)
  }

  @Test func `operations have a bound, and an id is used once`() throws {
    var (driver, stream) = try subscribed { $0.operationsMax = 2 }
    let (many, refusal) = driver.call(.reserve("a", "b", "c"))
    #expect(refusal.completion(of: many)??.code == .tooManyOperations)
    driver.answerAll(driver.call(.reserve("a")).1)
    let (twice, second) = driver.call(.reserve("a", on: "O2"))
    #expect(second.completion(of: twice)??.code == .invalidCall)
    driver.feed(.record(stream, .operation("x", .operationPending)))
    let untracked = driver.feed(.record(stream, .operation("y", .operationPending)))
    var id = OperationID()
    id.value = "y"
    #expect(untracked.updates.contains(.notice(.operationNotTracked(id))))
    #expect(untracked.operations == [.operationPending])
  }

  @Test func `what the user asked for about operations is always told`() throws {
    var (driver, stream) = try subscribed()
    driver.answerAll(driver.call(.reserve("r")).1)
    #expect(driver.feed(.record(stream, .operation("r", .operationPending))).operations.isEmpty)
    driver.answerAll(driver.call(.of(.reconcileOperations)).1)
    #expect(driver.feed(.record(stream, .operation("r", .operationPending))).operations == [.operationPending])
  }

  @Test func `an operation's status without an id is told and no more`() throws {
    var (driver, stream) = try subscribed()
    #expect(driver.feed(.record(stream, .operation("", .operationFinished))).operations == [.operationFinished])
    #expect(driver.core.knownOperations.isEmpty)
  }
}
