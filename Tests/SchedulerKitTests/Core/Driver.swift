import Foundation
import MesosModel
import MesosTestKit
import SchedulerCore

/// Drives a core by hand: a clock that moves when told, seeded chance, invariants checked after each event.
struct Driver {
  var core: SchedulerCore
  var rng: SplitMix64
  var uptime: Duration = .zero
  /// All directives so far.
  var log: [SchedulerCore.Directive] = []
  private var token: UInt64 = 0

  init(seed: UInt64 = 1, id: String? = nil, _ change: (inout SchedulerCore.Configuration) -> Void = { _ in }) throws {
    var framework = FrameworkInfo()
    framework.name = "test"
    framework.user = "nobody"
    framework.roles = ["*"]
    var configuration = SchedulerCore.Configuration(
      masters: [MasterAddress(host: "m1"), MasterAddress(host: "m2")], framework: framework)
    change(&configuration)
    core = try SchedulerCore(configuration: configuration)
    rng = SplitMix64(seed: seed)
  }

  @discardableResult
  mutating func feed(_ event: SchedulerCore.Event) -> [SchedulerCore.Directive] {
    let directives = core.handle(event, at: Moment(uptime: uptime, wallNanoseconds: 0), using: &rng)
    if let problem = core.brokenInvariant() { preconditionFailure(problem) }
    log += directives
    return directives
  }

  @discardableResult
  mutating func after(_ duration: Duration) -> [SchedulerCore.Directive] {
    uptime += duration
    return feed(.tick)
  }

  /// Jumps to the moment that the core waits for.
  @discardableResult
  mutating func atDeadline() -> [SchedulerCore.Directive] {
    guard let deadline = core.nextDeadline else { return [] }
    uptime = max(uptime, deadline)
    return feed(.tick)
  }

  mutating func call(_ call: SchedulerCall) -> (CallToken, [SchedulerCore.Directive]) {
    token += 1
    return (CallToken(token), feed(.call(call, CallToken(token))))
  }

  /// Starts and goes through to a subscription; returns its stream.
  @discardableResult
  mutating func subscribe(id: String = "F1", stored: String? = nil) -> StreamNumber {
    let directives = feed(.start(stored.map { FrameworkID(FrameworkKey($0)) }))
    let stream = directives.stream ?? StreamNumber(0)
    confirm(stream, id: id)
    return stream
  }

  /// Answers a SUBSCRIBE as a master does.
  @discardableResult
  mutating func confirm(_ stream: StreamNumber, id: String = "F1") -> [SchedulerCore.Directive] {
    var directives = feed(.streamOpened(stream, StreamHead(status: 200, streamID: "stream-\(stream.number)")))
    directives += feed(.record(stream, .subscribed(id)))
    if directives.contains(where: { if case .saveFrameworkID = $0 { true } else { false } }) {
      directives += feed(.frameworkIDSaved(stream))
    }
    // The library's own first reconciliation, out of the way of tests of other things.
    return directives
  }

  /// Answers every call on its way with 202 until there is none.
  mutating func answerAll(_ directives: [SchedulerCore.Directive]) {
    var sends = directives.sends
    while !sends.isEmpty {
      let next = sends.removeFirst()
      sends += feed(.callEnded(next.number, .answered(status: 202, text: "", location: nil))).sends
    }
  }
}

extension [SchedulerCore.Directive] {
  struct Send {
    var number: SendNumber
    var streamID: String
    var call: SchedulerCall
  }

  var stream: StreamNumber? {
    compactMap { if case .openStream(let stream, _, _) = $0 { stream } else { nil } }.last
  }
  var opened: (master: MasterAddress, call: SchedulerCall)? {
    compactMap { directive -> (master: MasterAddress, call: SchedulerCall)? in
      if case .openStream(_, let master, let call) = directive { (master, call) } else { nil }
    }.last
  }
  var sends: [Send] {
    compactMap {
      if case .send(let number, _, let streamID, let call) = $0 {
        Send(number: number, streamID: streamID, call: call)
      } else {
        nil
      }
    }
  }
  var updates: [SchedulerUpdate] { compactMap { if case .deliver(_, let update) = $0 { update } else { nil } } }
  var deliveries: [DeliveryNumber] { compactMap { if case .deliver(let number, _) = $0 { number } else { nil } } }
  var taskUpdates: [TaskUpdate] { updates.compactMap { if case .task(let update) = $0 { update } else { nil } } }
  var finished: Bool { contains { if case .finished = $0 { true } else { false } } }
  func completion(of token: CallToken) -> SchedulerError?? {
    for case .complete(token, let error) in self { return .some(error) }
    return nil
  }
}

extension SchedulerEvent {
  static func of(_ type: TypeEnum, _ change: (inout SchedulerEvent) -> Void = { _ in }) -> SchedulerEvent {
    var event = SchedulerEvent()
    event.type = type
    change(&event)
    return event
  }

  static func subscribed(_ id: String, heartbeat: Double = 15) -> SchedulerEvent {
    .of(.subscribed) {
      $0.subscribed.frameworkID.value = id
      $0.subscribed.heartbeatIntervalSeconds = heartbeat
    }
  }

  static let heartbeat = SchedulerEvent.of(.heartbeat)

  static func offers(_ ids: String...) -> SchedulerEvent {
    .of(.offers) { $0.offers.offers = ids.map { .test($0) } }
  }

  static func error(_ message: String) -> SchedulerEvent { .of(.error) { $0.error.message = message } }

  static func update(
    _ task: String, _ state: TaskState, uuid: String? = nil, reconciliation: Bool = false
  ) -> SchedulerEvent {
    .of(.update) {
      $0.update.status.taskID.value = task
      $0.update.status.state = state
      $0.update.status.agentID.value = "A1"
      if let uuid { $0.update.status.uuid = Data(uuid.utf8) }
      if reconciliation {
        $0.update.status.reason = .reconciliation
        $0.update.status.source = .master
      }
    }
  }
}

extension Offer {
  static func test(_ id: String, agent: String = "A1") -> Offer {
    var offer = Offer()
    offer.id.value = id
    offer.agentID.value = agent
    offer.frameworkID.value = "F1"
    offer.hostname = "h"
    return offer
  }
}

extension SchedulerCall {
  static func of(_ type: TypeEnum, _ change: (inout SchedulerCall) -> Void = { _ in }) -> SchedulerCall {
    var call = SchedulerCall()
    call.type = type
    change(&call)
    return call
  }

  static func launch(_ tasks: String..., on offer: String) -> SchedulerCall {
    .of(.accept) { call in
      call.accept.offerIds = [OfferID(OfferKey(offer))]
      var operation = Offer.Operation()
      operation.type = .launch
      operation.launch.taskInfos = tasks.map { id in
        var task = TaskInfo()
        task.taskID.value = id
        task.name = id
        task.agentID.value = "A1"
        return task
      }
      call.accept.operations = [operation]
    }
  }

  static func kill(_ task: String) -> SchedulerCall { .of(.kill) { $0.kill.taskID.value = task } }
  static func reconcile(_ tasks: String..., on agent: String) -> SchedulerCall {
    .of(.reconcile) {
      $0.reconcile.tasks = tasks.map { id in
        var task = SchedulerCall.Reconcile.Task()
        task.taskID.value = id
        task.agentID.value = agent
        return task
      }
    }
  }

  static let reviveAll = SchedulerCall.of(.revive)
  static let suppressAll = SchedulerCall.of(.suppress)
}

extension String {
  var data: Data { Data(utf8) }
}
