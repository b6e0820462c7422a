import Foundation
import MesosHTTP
import MesosModel

/// A master that serves, measured over HTTP alone: this project's and Apache Mesos' alike.
struct MeasuredMaster: Sendable {
  /// What its figures are called.
  let label: String
  let port: Int
  let process: ObservedProcess
  /// Where the v1 API and the pages begin; both masters have them there.
  private static let prefix = "/master"

  enum Read: String, CaseIterable {
    case stateProtobuf = "GET_STATE, protobuf"
    case stateJSON = "GET_STATE, JSON"
    case page = "/state"
  }

  /// One read by one reader.
  func read(_ read: Read) throws -> HTTPExchange.Answer { try Self.read(read, on: HTTPExchange(port: port)) }

  static func read(_ read: Read, on connection: HTTPExchange) throws -> HTTPExchange.Answer {
    let answer =
      switch read {
      case .stateProtobuf: try connection.post(prefix + "/api/v1", [8, 9], type: "application/x-protobuf")
      case .stateJSON:
        try connection.post(prefix + "/api/v1", Array(#"{"type":"GET_STATE"}"#.utf8), type: "application/json")
      case .page: try connection.get(prefix + "/state")
      }
    try require(answer.status == 200, "\(read.rawValue) is answered with \(answer.head)")
    return answer
  }

  /// Seconds of each of `count` reads that begin at the same moment, sorted.
  func readers(_ count: Int, _ read: Read) async throws -> [Double] {
    let port = port
    return try await withThrowingTaskGroup(of: Double.self) { group in
      for _ in 0..<count {
        group.addTask { try await onThread { try Self.read(read, on: HTTPExchange(port: port)).seconds } }
      }
      var all: [Double] = []
      for try await seconds in group { all.append(seconds) }
      return all.sorted()
    }
  }

  /// Runs `body` while `count` readers read over and over.
  ///
  /// - Returns: What `body` gives, and how many reads were answered a second.
  func whileReading<Success: Sendable>(
    _ count: Int, _ read: Read, _ body: @escaping @Sendable () async throws -> Success
  ) async throws -> (Success, readsPerSecond: Double) {
    let stop = StopSign()
    let port = port
    return try await withThrowingTaskGroup(of: Int.self) { group in
      for _ in 0..<count {
        group.addTask {
          try await onThread {
            let connection = try HTTPExchange(port: port)
            var reads = 0
            while !stop.isUp {
              _ = try Self.read(read, on: connection)
              reads += 1
            }
            return reads
          }
        }
      }
      let begin = ContinuousClock.now
      let result: Result<Success, any Error>
      do { result = .success(try await body()) } catch { result = .failure(error) }
      stop.raise()
      var reads = 0
      for try await count in group { reads += count }
      return (try result.get(), Double(reads) / (ContinuousClock.now - begin).seconds)
    }
  }

  enum Call: String, CaseIterable { case reconcile = "RECONCILE", decline = "DECLINE" }

  /// Scheduler calls in a closed loop; RECONCILE names one unknown task, so that each brings an event, DECLINE one unknown offer.
  func calls(
    _ call: Call, _ encoding: MessageEncoding, connections: Int, seconds: Double
  ) async throws -> CallLoad.Outcome {
    let subscriber = try Subscriber(port: port, prefix: Self.prefix)
    let message = SchedulerCall.with {
      $0.frameworkID = subscriber.frameworkID
      switch call {
      case .reconcile:
        $0.type = .reconcile
        $0.reconcile.tasks = [.with { $0.taskID.value = "nosuch" }]
      case .decline:
        $0.type = .decline
        $0.decline.offerIds = [.with { $0.value = "nosuch" }]
      }
    }
    let outcome = try await CallLoad.run(
      port: port, request: subscriber.request(message, encoding), connections: connections, seconds: seconds)
    subscriber.teardown(port: port)
    return outcome
  }

  /// One RECONCILE of `count` unknown tasks.
  ///
  /// - Returns: Seconds until it was accepted, and until all its updates had come.
  func reconcile(_ count: Int, _ encoding: MessageEncoding) throws -> (accepted: Double, updated: Double) {
    let subscriber = try Subscriber(port: port, prefix: Self.prefix)
    defer { subscriber.teardown(port: port) }
    let message = SchedulerCall.with {
      $0.frameworkID = subscriber.frameworkID
      $0.type = .reconcile
      $0.reconcile.tasks = (0..<count).map { index in .with { $0.taskID.value = "unknown-\(index)" } }
    }
    let request = subscriber.request(message, encoding)
    let before = subscriber.updates
    let begin = ContinuousClock.now
    let connection = try HTTPExchange(port: port)
    let answer = try connection.exchange("", request)
    try require(answer.status == 202, answer.head)
    let accepted = (ContinuousClock.now - begin).seconds
    while subscriber.updates - before < count {
      try require(
        (ContinuousClock.now - begin).seconds < 120, "\(subscriber.updates - before) of \(count) updates came")
      usleep(1_000)
    }
    return (accepted, (ContinuousClock.now - begin).seconds)
  }

  /// A value of the page of metrics; nil where there is none of the name.
  func metric(_ name: String) throws -> Double? {
    let connection = try Connection(port: port)
    try connection.send(Array("GET /metrics/snapshot HTTP/1.1\r\nHost: bench\r\nConnection: close\r\n\r\n".utf8))
    var text: [UInt8] = []
    while let bytes = try? connection.receive() { text += bytes }
    guard let key = text.firstRange(of: Array("\"\(name)\":".utf8)) else { return nil }
    return Double(String(decoding: text[key.upperBound...].prefix { $0 != 0x2C && $0 != 0x7D }, as: UTF8.self))
  }
}

/// Tells threads to stop.
private final class StopSign: @unchecked Sendable {
  private let lock = NSLock()
  private var up = false
  var isUp: Bool { lock.withLock { up } }
  func raise() { lock.withLock { up = true } }
}
