import MesosModel
import MesosTestKit
import SchedulerCore
import Testing

/// A strict master in one value: knows one framework, its stream, offers and tasks; what breaks the protocol is recorded.
private struct ModelMaster {
  var stream: StreamNumber?
  var streamID: String?
  var framework: String?
  var offers: Set<String> = []
  var offerCount = 0
  var tasks: [String: TaskState] = [:]
  var launches: [String: Int] = [:]
  var accepts: Set<[String]> = []
  var violations: [String] = []
  var uuid = 0

  /// The answer to a call that arrived, and the events that follow it.
  mutating func take(_ call: SchedulerCall, streamID: String) -> (CallOutcome, [SchedulerEvent]) {
    guard streamID == self.streamID else {
      return (.answered(status: 400, text: "The stream ID does not match", location: nil), [])
    }
    guard call.frameworkID.value == framework else {
      violations.append("\(call.type) with framework \(call.frameworkID.value)")
      return (.answered(status: 400, text: "Framework cannot be found", location: nil), [])
    }
    var events: [SchedulerEvent] = []
    switch call.type {
    case .accept:
      let ids = call.accept.offerIds.map(\.value)
      if !accepts.insert(ids).inserted { violations.append("ACCEPT of \(ids) twice") }
      let isValid = ids.allSatisfy { offers.remove($0) != nil }
      for task in call.accept.launchedTasks {
        launches[task.taskID.value, default: 0] += 1
        if isValid { tasks[task.taskID.value] = .taskStaging }
        events.append(update(task.taskID.value, isValid ? .taskRunning : .taskDropped))
        if isValid { tasks[task.taskID.value] = .taskRunning }
      }
    case .decline:
      for id in call.decline.offerIds { offers.remove(id.value) }
    case .kill:
      let id = call.kill.taskID.value
      if let state = tasks[id], !state.isTerminal {
        tasks[id] = .taskKilled
        events.append(update(id, .taskKilled))
      }
    case .reconcile:
      let ids = call.reconcile.tasks.isEmpty ? tasks.keys.sorted() : call.reconcile.tasks.map(\.taskID.value)
      for id in ids { events.append(.update(id, tasks[id] ?? .taskGone, reconciliation: true)) }
    default: break
    }
    return (.answered(status: 202, text: "", location: nil), events)
  }

  mutating func update(_ id: String, _ state: TaskState) -> SchedulerEvent {
    uuid += 1
    return .update(id, state, uuid: "u\(uuid)")
  }

  mutating func offer() -> SchedulerEvent {
    offerCount += 1
    offers.insert("O\(offerCount)")
    return .offers("O\(offerCount)")
  }
}

/// Runs a scheduler against the model for a while with faults, then without, and returns what it did.
private func simulate(seed: UInt64) throws -> (driver: Driver, master: ModelMaster, made: Int) {
  var driver = try Driver(seed: seed) { $0.acknowledgementsInFlightMax = 2 }
  var chance = SplitMix64(seed: seed ^ 0xabcd)
  var master = ModelMaster()
  var pending: [SchedulerCore.Directive] = driver.feed(.start(nil))
  var held: [String] = []
  var made = 0
  var launched = 0

  func record(_ events: [SchedulerEvent]) {
    for event in events {
      guard let stream = master.stream else { return }
      pending += driver.feed(.record(stream, event))
    }
  }

  for step in 0..<2_500 {
    // Faults end first, then what is new.
    let (isCalm, isLast) = (step >= 2_000, step >= 2_400)
    // Do what the core said, each thing with a chance to go wrong.
    while !pending.isEmpty {
      let directive = pending.removeFirst()
      switch directive {
      case .openStream(let stream, _, let call):
        let fate = isCalm ? 9 : Int.random(in: 0..<10, using: &chance)
        switch fate {
        case 0: pending += driver.feed(.streamEnded(stream, reason: "refused"))
        case 1: pending += driver.feed(.streamOpened(stream, StreamHead(status: 503)))
        case 2: pending += driver.feed(.streamOpened(stream, StreamHead(status: 307, location: "//other:5050")))
        default:
          if let framework = master.framework, call.hasFrameworkID, call.frameworkID.value != framework {
            master.violations.append("another framework id")
          }
          master.framework = "F1"
          master.stream = stream
          master.streamID = "s\(stream.number)"
          master.offers = []
          held = []
          pending += driver.feed(.streamOpened(stream, StreamHead(status: 200, streamID: master.streamID)))
          record([.subscribed("F1"), .heartbeat])
        }
      case .closeStream(let stream):
        if master.stream == stream {
          master.stream = nil
          master.streamID = nil
        }
      case .saveFrameworkID(let stream, _): pending += driver.feed(.frameworkIDSaved(stream))
      case .send(let number, _, let streamID, let call):
        let fate = isCalm ? 9 : Int.random(in: 0..<12, using: &chance)
        switch fate {
        case 0: pending += driver.feed(.callEnded(number, .notSent("refused")))
        case 1: pending += driver.feed(.callEnded(number, .unknown("lost on its way")))
        case 2:
          let (_, events) = master.take(call, streamID: streamID)
          pending += driver.feed(.callEnded(number, .unknown("the answer was lost")))
          record(events)
        default:
          let (outcome, events) = master.take(call, streamID: streamID)
          pending += driver.feed(.callEnded(number, outcome))
          record(events)
        }
      case .deliver(let delivery, let update):
        if case .offers(let offers) = update { held += offers.map(\.id.value) }
        if case .rescinded(let id) = update { held.removeAll { $0 == id.value } }
        if isCalm || Int.random(in: 0..<20, using: &chance) > 0 { pending += driver.feed(.handled(delivery)) }
      case .decide(_, let proposed): pending += driver.feed(.decided(proposed))
      case .complete, .cancelSend, .forgetFrameworkID, .finished: break
      }
      driver.log = []
    }
    driver.uptime += .milliseconds(Int.random(in: 1...400, using: &chance))
    pending += driver.feed(.tick)
    if let stream = master.stream {
      switch isLast ? 0 : Int.random(in: 0..<(isCalm ? 4 : 12), using: &chance) {
      case 0: record([.heartbeat])
      case 1: record([master.offer()])
      case 2:
        if let id = master.tasks.filter({ !$0.value.isTerminal }).keys.sorted().first {
          master.tasks[id] = .taskFinished
          record([master.update(id, .taskFinished)])
        }
      case 3:
        if let offer = held.popLast() {
          made += 1
          launched += 1
          pending += driver.call(.launch("t\(launched)", on: offer)).1
        }
      case 4:
        pending += driver.feed(.streamEnded(stream, reason: "cut"))
        master.stream = nil
        master.streamID = nil
      case 5:
        made += 1
        pending += driver.call(.kill("t\(max(1, launched))")).1
      case 6: pending += driver.feed(.badRecord(stream, "garbage"))
      default: break
      }
    }
  }
  return (driver, master, made)
}

@Suite struct SeededTests {
  @Test(arguments: Seeds.few(40))
  func `whatever fails, no task is launched twice and in the end both sides agree`(seed: UInt64) throws {
    let (driver, master, _) = try simulate(seed: seed)
    #expect(master.violations.isEmpty, "SIM_SEED=\(seed) \(master.violations)")
    #expect(master.launches.values.allSatisfy { $0 == 1 }, "SIM_SEED=\(seed)")
    let running = master.tasks.filter { !$0.value.isTerminal }.keys.sorted()
    let known = driver.core.knownTasks.filter { !$0.isUncertain }.map(\.id.value)
    #expect(known == running, "SIM_SEED=\(seed)")
    #expect(!driver.core.knownTasks.contains { $0.isUncertain }, "SIM_SEED=\(seed) launches still in doubt")
    #expect(!master.launches.isEmpty, "SIM_SEED=\(seed) nothing was launched")
  }

  @Test(arguments: Seeds.few(4))
  func `equal seeds give equal runs`(seed: UInt64) throws {
    let (first, second) = (try simulate(seed: seed), try simulate(seed: seed))
    #expect(first.driver.core.knownTasks == second.driver.core.knownTasks)
    #expect(first.driver.uptime == second.driver.uptime)
    #expect(first.master.uuid == second.master.uuid)
  }
}
