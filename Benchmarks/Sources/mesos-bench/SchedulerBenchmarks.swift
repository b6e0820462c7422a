import CAllocationCount
import Foundation
import Logging
import MesosHTTP
import MesosHTTPServer
import MesosModel
import MesosTestKit
import SchedulerKit
import ServiceLifecycle
import Synchronization

/// What the SDK costs a framework that runs: updates in, acknowledgements and calls out, tasks remembered.
enum SchedulerBenchmarks {
  private static let quiet = Logger(label: "bench") { _ in SwiftLogNoOpLogHandler() }

  static func run(_ harness: inout Harness) async throws {
    for encoding in MessageEncoding.allCases {
      let floor = encoding == .protobuf ? 50_000.0 : 25_000
      if harness.wants("updates delivered") {
        let count = harness.isSmoke ? 500 : 200_000
        let perSecond = try await deliver(count, encoding)
        harness.record(
          Figure(
            name: "updates delivered by the SDK, one core (\(encoding))", value: perSecond, unit: "per second",
            better: .higher, floor: harness.isSmoke ? nil : floor))
      }
      if harness.wants("updates acknowledged") {
        let count = harness.isSmoke ? 100 : 20_000
        let perSecond = try await overLoopback(encoding) { master, scheduler in
          try await acknowledge(count, master, scheduler)
        }
        harness.record(
          Figure(
            name: "updates delivered and acknowledged, loopback (\(encoding))", value: perSecond, unit: "per second",
            better: .higher))
      }
      if harness.wants("calls sent by the SDK") {
        let count = harness.isSmoke ? 50 : 5_000
        let perSecond = try await overLoopback(encoding) { _, scheduler in
          try await call(count, scheduler)
        }
        harness.record(
          Figure(
            name: "calls sent by the SDK, one after the other, loopback (\(encoding))", value: perSecond,
            unit: "per second", better: .higher))
      }
    }
    if harness.wants("tasks tracked") { try memory(&harness) }
  }

  // MARK: Updates in

  /// UPDATE events per second of processor time, from the bytes of the stream to the reader of `updates`.
  private static func deliver(_ count: Int, _ encoding: MessageEncoding) async throws -> Double {
    var stream: [UInt8] = []
    RecordIOEncoder.encode(encoding.encode(subscribed), into: &stream)
    for index in 0..<count { RecordIOEncoder.encode(encoding.encode(update(index)), into: &stream) }
    let chunks = stride(from: 0, to: stream.count, by: 65_536).map {
      Array(stream[$0..<min($0 + 65_536, stream.count)])
    }
    var configuration = try configuration(port: 1, encoding)
    configuration.policy.acknowledgement = .explicit
    let runtime = Runtime(ReplayRuntime(chunks: chunks, encoding: encoding))
    let begin = processorSeconds()
    let end = try await withScheduler(configuration, logger: quiet, whenDone: .keepFramework, runtime: runtime) {
      scheduler in
      var delivered = 0
      for await update in scheduler.updates {
        guard case .task = update else { continue }
        delivered += 1
        if delivered == count { break }
      }
      try require(delivered == count, "\(delivered) updates of \(count)")
      return processorSeconds()
    }
    return Double(count) / (end - begin)
  }

  private static func acknowledge(_ count: Int, _ master: LoopbackMaster, _ scheduler: Scheduler) async throws
    -> Double
  {
    let begin = ContinuousClock.now
    master.sendUpdates(count)
    var delivered = 0
    for await update in scheduler.updates {
      guard case .task = update else { continue }
      delivered += 1
      if delivered == count { break }
    }
    // Asking for the next one acknowledges the last; there is none.
    async let next: Void = drain(scheduler)
    await master.acknowledged.wait(for: count)
    let seconds = (ContinuousClock.now - begin).seconds
    scheduler.stop(.keepFramework)
    await next
    return Double(count) / seconds
  }

  private static func drain(_ scheduler: Scheduler) async { for await _ in scheduler.updates {} }

  // MARK: Calls out

  private static func call(_ count: Int, _ scheduler: Scheduler) async throws -> Double {
    async let reading: Void = drain(scheduler)
    let begin = ContinuousClock.now
    for index in 0..<count { try await scheduler.kill(TaskID(TaskKey("task-\(index)"))) }
    let seconds = (ContinuousClock.now - begin).seconds
    scheduler.stop(.keepFramework)
    await reading
    return Double(count) / seconds
  }

  // MARK: Memory

  /// What the core keeps of tasks that run, with the last update of each.
  private static func memory(_ harness: inout Harness) throws {
    let count = harness.isSmoke ? 100 : 10_000
    var random = SplitMix64(seed: 1)
    var configuration = try configuration(port: 1, .protobuf)
    configuration.policy.reconciliation.isAutomatic = false
    var core = try SchedulerCore(configuration: configuration.policy)
    let now = Moment(uptime: .zero, wallNanoseconds: 0)
    _ = core.handle(.start(FrameworkID(FrameworkKey("F1"))), at: now, using: &random)
    let stream = StreamNumber(1)
    _ = core.handle(.streamOpened(stream, StreamHead(status: 200, streamID: "s")), at: now, using: &random)
    _ = core.handle(.record(stream, subscribed), at: now, using: &random)
    let before = heap_bytes_in_use()
    for index in 0..<count {
      for directive in core.handle(.record(stream, update(index)), at: now, using: &random) {
        if case .deliver(let number, _) = directive { _ = core.handle(.handled(number), at: now, using: &random) }
        if case .send(let number, _, _, _) = directive {
          _ = core.handle(.callEnded(number, .answered(status: 202, text: "", location: nil)), at: now, using: &random)
        }
      }
    }
    let after = heap_bytes_in_use()
    try require(core.knownTasks.count == count, "\(core.knownTasks.count) tasks of \(count)")
    harness.record(
      Figure(
        name: "tasks tracked by the SDK, 10,000 of them", value: Double(after - before) / 1_048_576, unit: "MB",
        better: .lower))
  }

  // MARK: Support

  private static func configuration(port: Int, _ encoding: MessageEncoding) throws -> SchedulerConfiguration {
    var configuration = try SchedulerConfiguration(
      masters: [MasterAddress(host: "127.0.0.1", port: port)], framework: FrameworkSettings(name: "bench", user: "me"))
    configuration.encoding = encoding
    configuration.policy.tasksMax = 1_000_000
    configuration.policy.reconciliation.isAutomatic = false
    return configuration
  }

  static let subscribed: SchedulerEvent = {
    var event = SchedulerEvent()
    event.type = .subscribed
    event.subscribed.frameworkID.value = "F1"
    event.subscribed.heartbeatIntervalSeconds = 15
    return event
  }()

  /// The update that one of ten thousand tasks runs; no two have the same UUID.
  static func update(_ index: Int) -> SchedulerEvent {
    var event = SchedulerEvent()
    event.type = .update
    event.update.status = Samples.status(index % 10_000, state: .taskRunning)
    event.update.status.uuid = withUnsafeBytes(of: (UInt64(index), UInt64(index))) { Data($0) }
    return event
  }

  private static func processorSeconds() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
  }

  /// Gives `body` a scheduler that is subscribed to a master in this process.
  private static func overLoopback(
    _ encoding: MessageEncoding, _ body: @escaping @Sendable (LoopbackMaster, Scheduler) async throws -> Double
  ) async throws -> Double {
    let master = LoopbackMaster()
    let server = MesosHTTPServer(configuration: HTTPServerConfiguration(), routes: [master.route], logger: quiet)
    let services = ServiceGroup(services: [server], logger: quiet)
    // Awaited below in every case.
    let running = Task { try await services.run() }
    let result: Result<Double, any Error>
    do {
      let configuration = try configuration(port: try await server.address().port, encoding)
      result = .success(
        try await withScheduler(configuration, logger: quiet, whenDone: .keepFramework) { scheduler in
          for await state in scheduler.connectionChanges { if case .subscribed = state { break } }
          return try await body(master, scheduler)
        })
    } catch {
      result = .failure(error)
    }
    await services.triggerGracefulShutdown()
    try await running.value
    return try result.get()
  }
}

/// The machine's runtime, with a network that replays bytes.
private struct ReplayRuntime: RuntimeProvider, SchedulerTransportProvider {
  let chunks: [[UInt8]]
  let encoding: MessageEncoding
  private let system = SystemRuntime()

  init(chunks: [[UInt8]], encoding: MessageEncoding) {
    self.chunks = chunks
    self.encoding = encoding
  }

  var now: Moment { system.now }
  func sleep(until uptime: Duration) async throws { try await system.sleep(until: uptime) }
  func random() -> UInt64 { system.random() }
  func spawn<Success: Sendable>(
    _ name: String, _ operation: nonisolated(nonsending) @escaping @Sendable () async throws -> Success
  ) -> Task<Success, any Error> { system.spawn(name, operation) }
  func external<Success: Sendable>(
    _ operation: nonisolated(nonsending) @escaping @Sendable () async throws -> Success
  ) async throws -> Success {
    try await system.external(operation)
  }

  func transport(for configuration: SchedulerConfiguration) -> (any SchedulerTransport)? {
    ReplayTransport(chunks: chunks, encoding: encoding)
  }
}

/// Reads chunks as the HTTP transport does, without a socket.
private struct ReplayTransport: SchedulerTransport {
  let chunks: [[UInt8]]
  let encoding: MessageEncoding

  func stream(
    _ call: SchedulerCall, from master: MasterAddress, head: (StreamHead) -> Void,
    record: nonisolated(nonsending) (Result<SchedulerEvent, MessageDecodingError>) async throws -> Void
  ) async throws {
    head(StreamHead(status: 200, streamID: "s"))
    var decoder = RecordIODecoder()
    for chunk in chunks {
      decoder.append(chunk)
      while let bytes = try decoder.next() {
        try Task.checkCancellation()
        try await record(
          Result { () throws(MessageDecodingError) in try encoding.decode(SchedulerEvent.self, from: bytes) })
      }
    }
    try await Task.sleep(for: .seconds(3_600))
  }

  func send(_ call: SchedulerCall, to master: MasterAddress, streamID: String) async -> CallOutcome {
    .answered(status: 202, text: "", location: nil)
  }

  func shutdown() async {}
}

/// A master that takes every call, counts acknowledgements and sends what it is told to.
private final class LoopbackMaster: Sendable {
  let acknowledged = Counter()
  private let updates = AsyncStream<Int>.makeStream()

  func sendUpdates(_ count: Int) { updates.continuation.yield(count) }

  var route: Route {
    Route("/api/v1/scheduler") { request in
      guard let encoding = MessageEncoding(MediaType(request.headers["Content-Type"] ?? "")) else {
        throw HTTPFailure.unsupportedMediaType("Content-Type")
      }
      let call = try encoding.decode(SchedulerCall.self, from: try await request.body.collect(upTo: 1 << 20))
      guard call.type == .subscribe else {
        if call.type == .acknowledge { self.acknowledged.add() }
        return .accepted
      }
      return .stream(encoding.mediaType, headers: ["Mesos-Stream-Id": "s"]) { stream in
        try await stream.write(RecordIOEncoder.encode(encoding.encode(SchedulerBenchmarks.subscribed)))
        for await count in self.updates.stream {
          var chunk: [UInt8] = []
          for index in 0..<count {
            RecordIOEncoder.encode(encoding.encode(SchedulerBenchmarks.update(index)), into: &chunk)
            guard chunk.count > 32_768 || index == count - 1 else { continue }
            try await stream.write(chunk)
            chunk.removeAll(keepingCapacity: true)
          }
        }
      }
    }
  }
}

/// A number that one waits to be reached.
private final class Counter: Sendable {
  private let state = Mutex<(count: Int, goal: Int, waiter: CheckedContinuation<Void, Never>?)>((0, .max, nil))

  func add() {
    state.withLock { state -> CheckedContinuation<Void, Never>? in
      state.count += 1
      guard state.count >= state.goal else { return nil }
      defer { state.waiter = nil }
      return state.waiter
    }?.resume()
  }

  func wait(for goal: Int) async {
    await withCheckedContinuation { continuation in
      let isReached = state.withLock { state in
        guard state.count < goal else { return true }
        state.goal = goal
        state.waiter = continuation
        return false
      }
      if isReached { continuation.resume() }
    }
  }
}
