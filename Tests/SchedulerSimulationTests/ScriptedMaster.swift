import Foundation
import MesosHTTP
import SchedulerKit
import SchedulerSimulation
import Synchronization

/// A master of two agents that offers all it has and runs each task for as long as its command says in seconds.
///
/// Its latencies come from the runtime; each tenth task is lost, and the stream breaks at minute 20.
final class ScriptedMaster: SchedulerTransport {
  private struct State: Sendable {
    var stream: AsyncStream<SchedulerEvent>.Continuation?
    var streams = 0
    var offers = 0
    var launched = 0
    var free: [String: Int] = ["agent-1": 4, "agent-2": 4]
  }

  let runtime: Runtime
  private let notes: Notes
  private let state = Mutex(State())

  init(runtime: Runtime, notes: Notes) {
    self.runtime = runtime
    self.notes = notes
  }

  private func latency() async throws {
    var generator = runtime.generator
    try await runtime.sleep(for: .microseconds(Int64.random(in: 200..<5_000, using: &generator)))
  }

  func stream(
    _ call: SchedulerCall, from master: MasterAddress, head: (StreamHead) -> Void,
    record: (Result<SchedulerEvent, MessageDecodingError>) async throws -> Void
  ) async throws {
    try await latency()
    let (events, continuation) = AsyncStream<SchedulerEvent>.makeStream(bufferingPolicy: .bufferingOldest(10_000))
    let number = state.withLock { state in
      state.stream = continuation
      state.streams += 1
      return state.streams
    }
    head(StreamHead(status: 200, streamID: "stream-\(number)"))
    var subscribed = SchedulerEvent()
    subscribed.type = .subscribed
    subscribed.subscribed.frameworkID.value = "framework"
    subscribed.subscribed.heartbeatIntervalSeconds = 15
    continuation.yield(subscribed)
    let beating = runtime.spawn("heartbeats") {
      var beat = SchedulerEvent()
      beat.type = .heartbeat
      while true {
        try await self.runtime.sleep(for: .seconds(15))
        continuation.yield(beat)
        if number == 1, self.runtime.now.uptime > .seconds(1_200) { continuation.finish() }
      }
    }
    defer { beating.cancel() }
    offer()
    for await event in events {
      try await latency()
      try await record(.success(event))
    }
    try Task.checkCancellation()
  }

  func send(_ call: SchedulerCall, to master: MasterAddress, streamID: String) async -> CallOutcome {
    do { try await latency() } catch { return .unknown("cancelled") }
    if call.type == .accept {
      for task in call.accept.operations.flatMap(\.launch.taskInfos) { run(task) }
    }
    notes.add("\(runtime.now.uptime) \(call.type)")
    return .answered(status: 202, text: "", location: nil)
  }

  func shutdown() async {}

  /// Offers a slot of each agent that has one.
  private func offer() {
    let event = state.withLock { state -> SchedulerEvent? in
      var event = SchedulerEvent()
      event.type = .offers
      for (agent, free) in state.free.sorted(by: { $0.key < $1.key }) where free > 0 {
        state.offers += 1
        var offer = Offer()
        offer.id.value = "offer-\(state.offers)"
        offer.agentID.value = agent
        offer.frameworkID.value = "framework"
        offer.hostname = agent
        offer.resources = (try? Resources.parse("cpus:1;mem:64"))?.messages ?? []
        event.offers.offers.append(offer)
      }
      return event.offers.offers.isEmpty ? nil : event
    }
    guard let event else { return }
    notes.add("\(runtime.now.uptime) \(event.offers.offers.map(\.id.value))")
    state.withLock { $0.stream }?.yield(event)
  }

  private func run(_ task: TaskInfo) {
    let agent = task.agentID.value
    let number = state.withLock { state in
      state.launched += 1
      state.free[agent, default: 0] -= 1
      return state.launched
    }
    runtime.spawn("task \(task.taskID.value)") {
      self.report(task, .taskRunning)
      try await self.runtime.sleep(for: .seconds(Int64(task.command.value) ?? 1))
      self.state.withLock { $0.free[agent, default: 0] += 1 }
      self.report(task, number.isMultiple(of: 10) ? .taskFailed : .taskFinished)
      self.offer()
    }
  }

  private func report(_ task: TaskInfo, _ taskState: TaskState) {
    var event = SchedulerEvent()
    event.type = .update
    event.update.status.taskID = task.taskID
    event.update.status.agentID = task.agentID
    event.update.status.state = taskState
    event.update.status.uuid = Data(runtime.makeID().utf8.prefix(16))
    state.withLock { $0.stream }?.yield(event)
  }
}
