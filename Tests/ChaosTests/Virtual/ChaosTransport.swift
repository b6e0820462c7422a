import MesosHTTP
import MesosTestKit
import SchedulerKit
import Synchronization

/// A scheduler's network that loses, repeats, delays and falsifies, until a moment from which on it is a good one.
struct ChaosTransport: SchedulerTransport {
  let inner: any SchedulerTransport
  let runtime: Runtime
  /// From this uptime on nothing goes wrong any more, and what is on its way arrives.
  let calm: Duration
  private let random: Shared

  /// How long a call may take, as over HTTP.
  private static let callTimeout = Duration.seconds(5)
  /// Redirects lead here; so that they can go in a circle it redirects, too.
  private static let elsewhere = MasterAddress(host: "elsewhere", port: 5050)

  private final class Shared: Sendable {
    let generator: Mutex<SplitMix64>
    init(seed: UInt64) { generator = Mutex(SplitMix64(seed: seed)) }
  }

  struct Broken: Error, CustomStringConvertible {
    let description: String
  }

  init(_ inner: any SchedulerTransport, runtime: Runtime, seed: UInt64, calm: Duration) {
    self.inner = inner
    self.runtime = runtime
    self.calm = calm
    random = Shared(seed: seed)
  }

  private func draw(_ range: Range<Int>) -> Int {
    random.generator.withLock { Int.random(in: range, using: &$0) }
  }
  private func drawDelay(upTo milliseconds: Int) -> Duration { .milliseconds(draw(0..<milliseconds)) }
  private var isCalm: Bool { runtime.now.uptime >= calm }

  /// The moment of `delay` from now, but not long after the calm has come.
  private func moment(after delay: Duration) -> Duration {
    let now = runtime.now.uptime
    return min(now + delay, max(now, calm))
  }

  // MARK: Streams

  func stream(
    _ call: SchedulerCall, from master: MasterAddress, head: (StreamHead) -> Void,
    record: (Result<SchedulerEvent, MessageDecodingError>) async throws -> Void
  ) async throws {
    if master == Self.elsewhere {
      if isCalm || draw(0..<2) == 0 { throw SchedulerError(.notSent, "nobody is elsewhere") }
      return head(StreamHead(status: 307, location: "//\(SimulatedAddress.text)/api/v1/scheduler"))
    }
    guard !isCalm else { return try await inner.stream(call, from: master, head: head, record: record) }
    switch draw(0..<16) {
    case 0: throw SchedulerError(.notSent, "refused")
    case 1: head(StreamHead(status: 503, text: "storm"))
    case 2: head(StreamHead(status: 307, location: "//nowhere:1/api/v1/scheduler"))
    case 3: head(StreamHead(status: 307, location: "//\(Self.elsewhere)/api/v1/scheduler"))
    case 4: head(StreamHead(status: 307, location: "//\(SimulatedAddress.text)/api/v1/scheduler"))
    case 5:
      // It vanishes; nothing comes back.
      try await runtime.sleep(for: .seconds(60))
      throw Broken(description: "lost")
    case 6:
      // It is given up for lost, and served late.
      replay(call, from: master, after: drawDelay(upTo: 20_000))
      throw Broken(description: "reset")
    case 7:
      // Served twice, the second time now or soon.
      replay(call, from: master, after: drawDelay(upTo: 3_000))
      try await carry(call, from: master, head: head, record: record)
    case 8: throw SchedulerError(.protocolViolation, "a page in HTML")
    case 9: head(StreamHead(status: 200, text: ""))
    default: try await carry(call, from: master, head: head, record: record)
    }
  }

  /// The real stream, with what may happen to its records.
  private func carry(
    _ call: SchedulerCall, from master: MasterAddress, head: (StreamHead) -> Void,
    record: (Result<SchedulerEvent, MessageDecodingError>) async throws -> Void
  ) async throws {
    let fate = draw(0..<8)
    let limit = draw(0..<30)
    var count = 0
    try await inner.stream(call, from: master) { answer in
      head(answer)
    } record: { arrived in
      defer { count += 1 }
      guard !isCalm, count >= limit else { return try await record(arrived) }
      switch fate {
      case 0: throw Broken(description: "cut")
      case 1:
        // Half open: nothing more arrives, and nobody says so.
        try await runtime.sleep(for: .seconds(600))
      case 2:
        try await runtime.sleep(until: moment(after: drawDelay(upTo: 400)))
        try await record(arrived)
      case 3 where draw(0..<4) == 0:
        try await record(.failure(MessageDecodingError(code: .protobuf, detail: "garbage")))
        try await record(arrived)
      case 4 where draw(0..<8) == 0: throw SchedulerError(.protocolViolation, "a length that is no number")
      default: try await record(arrived)
      }
    }
  }

  /// Has the master serve a SUBSCRIBE that its sender does not hear the answer to.
  private func replay(_ call: SchedulerCall, from master: MasterAddress, after delay: Duration) {
    let held = drawDelay(upTo: 5_000)
    let (until, inner, runtime) = (moment(after: delay), inner, runtime)
    // unstructured: a packet in a network; the simulation ends it.
    runtime.spawn("late SUBSCRIBE") {
      try await runtime.sleep(until: until)
      try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask {
          try await inner.stream(call, from: master) { _ in
          } record: { _ in
          }
        }
        group.addTask { try await runtime.sleep(for: held) }
        defer { group.cancelAll() }
        try await group.next()
      }
    }
  }

  // MARK: Calls

  func send(_ call: SchedulerCall, to master: MasterAddress, streamID: String) async -> CallOutcome {
    guard !isCalm else { return await inner.send(call, to: master, streamID: streamID) }
    switch draw(0..<20) {
    case 0: return .notSent("refused")
    case 1: return .answered(status: 503, text: "storm", location: nil)
    case 2: return .answered(status: 307, text: "", location: "//\(Self.elsewhere)/api/v1/scheduler")
    case 3:
      try? await runtime.sleep(for: Self.callTimeout)
      return .unknown("lost on its way")
    case 4:
      _ = await inner.send(call, to: master, streamID: streamID)
      return .unknown("the answer was cut")
    case 5, 6:
      // Given up, and served late.
      sendLate(call, to: master, streamID: streamID, after: drawDelay(upTo: 20_000))
      if draw(0..<2) == 0 { try? await runtime.sleep(for: Self.callTimeout) }
      return .unknown("no answer in time")
    case 7, 8:
      sendLate(call, to: master, streamID: streamID, after: drawDelay(upTo: 3_000))
      return await inner.send(call, to: master, streamID: streamID)
    case 9:
      // Of two copies the answer of the second comes back.
      _ = await inner.send(call, to: master, streamID: streamID)
      return await inner.send(call, to: master, streamID: streamID)
    case 10:
      try? await runtime.sleep(until: moment(after: drawDelay(upTo: 4_000)))
      return await inner.send(call, to: master, streamID: streamID)
    default: return await inner.send(call, to: master, streamID: streamID)
    }
  }

  private func sendLate(_ call: SchedulerCall, to master: MasterAddress, streamID: String, after delay: Duration) {
    let (until, inner, runtime) = (moment(after: delay), inner, runtime)
    // unstructured: a packet in a network; the simulation ends it.
    runtime.spawn("late call") {
      try await runtime.sleep(until: until)
      _ = await inner.send(call, to: master, streamID: streamID)
    }
  }

  func shutdown() async { await inner.shutdown() }
}
