import MesosHTTP
import MesosHTTPClient
import MesosHTTPServer
import MesosModel
import SwiftProtobuf
import OperatorKit

/// A master whose event streams a test writes.
final class StreamingMaster: Sendable {
  enum Output: Sendable {
    case event(MasterEvent)
    case bytes([UInt8])
    /// A record by its bytes in either encoding.
    case record(json: String, protobuf: [UInt8])
    case end
    /// The connection breaks inside the answer.
    case cut
  }

  private struct State {
    var refusals: [OutgoingResponse]
    var streams: [AsyncStream<Output>.Continuation] = []
  }

  private let state: Shared<State>
  private let opened: AsyncStream<Int>
  private let announce: AsyncStream<Int>.Continuation

  /// - Parameter refusals: How the first subscriptions are answered; the others get streams.
  init(refusals: [OutgoingResponse] = []) {
    state = Shared(State(refusals: refusals))
    (opened, announce) = AsyncStream.makeStream()
  }

  var route: Route {
    OperatorServer.masterRoute { call, encoding in
      guard call.type == .subscribe else { throw HTTPFailure.notImplemented("only a stream") }
      let (outputs, continuation) = AsyncStream.makeStream(of: Output.self)
      let (refusal, count) = self.state.withLock { state -> (OutgoingResponse?, Int) in
        if !state.refusals.isEmpty { return (state.refusals.removeFirst(), 0) }
        state.streams.append(continuation)
        return (nil, state.streams.count)
      }
      if let refusal { return refusal }
      return .stream(encoding.mediaType) { stream in
        self.announce.yield(count)
        for await output in outputs {
          switch output {
          case .event(let event): try await stream.write(RecordIOEncoder.encode(encoding.encode(event)))
          case .bytes(let bytes): try await stream.write(bytes)
          case .record(let json, let protobuf):
            try await stream.write(RecordIOEncoder.encode(encoding == .json ? Array(json.utf8) : protobuf))
          case .end: return
          case .cut: throw CancellationError()
          }
        }
      }
    }
  }

  /// Waits until so many streams were opened.
  func opened(_ count: Int) async {
    if state.withLock({ $0.streams.count }) >= count { return }
    for await number in opened where number >= count { return }
  }

  /// Writes to the newest stream.
  func send(_ outputs: Output...) {
    let stream = state.withLock { $0.streams.last }
    for output in outputs { stream?.yield(output) }
  }

  func send(_ events: MasterEvent...) {
    let stream = state.withLock { $0.streams.last }
    for event in events { stream?.yield(.event(event)) }
  }

  /// Serves it while `body` runs with a client of it.
  func serving(
    _ encoding: MessageEncoding = .protobuf, adjust: (inout OperatorConfiguration) -> Void = { _ in },
    body: @Sendable @escaping (MasterClient) async throws -> Void
  ) async throws {
    var configuration = OperatorConfiguration()
    configuration.encoding = encoding
    adjust(&configuration)
    try await OperatorServer.serving([[route]]) { [configuration] endpoints in
      try await withMasterClient(endpoints[0].description, configuration: configuration, body)
    }
  }
}

extension MasterEvent {
  static func subscribed(tasks: [MesosTask] = [], heartbeat: Double = 15) -> MasterEvent {
    .with {
      $0.type = .subscribed
      $0.subscribed.getState.getTasks.tasks = tasks
      $0.subscribed.heartbeatIntervalSeconds = heartbeat
    }
  }

  static func added(_ task: MesosTask) -> MasterEvent {
    .with {
      $0.type = .taskAdded
      $0.taskAdded.task = task
    }
  }

  static func updated(_ id: String, _ state: TaskState) -> MasterEvent {
    .with {
      $0.type = .taskUpdated
      $0.taskUpdated.frameworkID.value = "F"
      $0.taskUpdated.status.taskID.value = id
      $0.taskUpdated.status.state = state
      $0.taskUpdated.state = state
    }
  }
}

extension MesosTask {
  static func named(_ id: String, _ state: TaskState = .taskRunning) -> MesosTask {
    .with {
      $0.name = id
      $0.taskID.value = id
      $0.frameworkID.value = "F"
      $0.agentID.value = "A"
      $0.state = state
    }
  }
}
