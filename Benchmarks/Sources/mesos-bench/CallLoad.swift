import Foundation
import MesosHTTP
import MesosModel

#if canImport(Glibc)
  import Glibc
#endif

/// One request over and over on several keep-alive connections from one thread, each connection sending the next when it has the answer
/// to the last.
enum CallLoad {
  struct Outcome {
    var seconds: Double
    /// Milliseconds, sorted.
    var latencies: [Double]

    var perSecond: Double { Double(latencies.count) / seconds }
    func percentile(_ part: Double) -> Double {
      latencies.isEmpty ? 0 : latencies[min(latencies.count - 1, Int(part * Double(latencies.count)))]
    }
  }

  private struct Line {
    var descriptor: Int32
    var sent = ContinuousClock.now
    var input: [UInt8] = []
  }

  /// - Throws: `WrongOutcome` when an answer is not 202.
  @concurrent
  static func run(port: Int, request: [UInt8], connections: Int, seconds: Double) async throws -> Outcome {
    try await onThread { try load(port: port, request: request, connections: connections, seconds: seconds) }
  }

  private static func load(port: Int, request: [UInt8], connections: Int, seconds: Double) throws -> Outcome {
    var lines: [Line] = []
    defer { for line in lines { close(line.descriptor) } }
    for _ in 0..<connections {
      let descriptor = try Loopback.connect(port: port, as: "a caller", delaysNothing: true)
      lines.append(Line(descriptor: descriptor))
    }
    let begin = ContinuousClock.now
    let end = begin + .seconds(seconds)
    var outcome = Outcome(seconds: seconds, latencies: [])
    outcome.latencies.reserveCapacity(Int(seconds * 20_000))
    for index in lines.indices { try send(request, on: &lines[index]) }
    var events = lines.map { pollfd(fd: $0.descriptor, events: Int16(POLLIN), revents: 0) }
    let expected = Array("HTTP/1.1 202".utf8)
    let separator = Array("\r\n\r\n".utf8)
    var open = lines.count
    while open > 0 {
      try require(poll(&events, nfds_t(events.count), 60_000) > 0, "no answer within a minute")
      for index in lines.indices where events[index].revents != 0 {
        try withUnsafeTemporaryAllocation(byteCount: 4_096, alignment: 16) { buffer in
          let got = recv(lines[index].descriptor, buffer.baseAddress, buffer.count, 0)
          try require(got > 0, "the connection ended")
          lines[index].input.append(contentsOf: buffer.prefix(got))
        }
        guard lines[index].input.suffix(4).elementsEqual(separator) else { continue }
        try require(
          lines[index].input.starts(with: expected), String(decoding: lines[index].input.prefix(300), as: UTF8.self))
        let now = ContinuousClock.now
        outcome.latencies.append((now - lines[index].sent).seconds * 1_000)
        lines[index].input.removeAll(keepingCapacity: true)
        if now < end {
          try send(request, on: &lines[index])
        } else {
          open -= 1
          // Passed over from now on.
          events[index].fd = -1
        }
      }
    }
    outcome.seconds = (ContinuousClock.now - begin).seconds
    outcome.latencies.sort()
    return outcome
  }

  private static func send(_ request: [UInt8], on line: inout Line) throws {
    line.sent = .now
    let count = write(line.descriptor, request, request.count)
    try require(count == request.count, "the connection broke: errno \(errno)")
  }
}

/// Runs blocking work on a thread of its own.
@concurrent
func onThread<Success: Sendable>(_ work: @escaping @Sendable () throws -> Success) async throws -> Success {
  try await withCheckedThrowingContinuation { continuation in
    Thread.detachNewThread { continuation.resume(with: Result { try work() }) }
  }
}
