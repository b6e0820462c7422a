import Logging
import MesosHTTP
import MesosHTTPServer
import MesosModel
import ServiceLifecycle
import Synchronization

/// A master in this process: real HTTP, scripted streams, calls recorded. It refuses what a master refuses.
final class FakeMaster: Sendable {
  /// How one SUBSCRIBE is answered.
  enum Answer: Sendable {
    case refuse(status: Int, text: String, headers: HeaderFields = [:])
    /// A stream: what is written at once (a subscription unless said otherwise), then what the test sends until it ends it.
    case stream(id: String = "F1", heartbeat: Double = 15, confirms: Bool = true)
  }

  enum Output: Sendable {
    case event(SchedulerEvent)
    case bytes([UInt8])
    case end
  }

  struct Received: Sendable {
    var call: SchedulerCall
    var streamID: String?
    var contentType: String?
    /// The connection it came over.
    var connection: String
  }

  private struct State {
    var answers: [Answer]
    var calls: [Received] = []
    var subscribes: [SchedulerCall] = []
    var callStatus: [(SchedulerCall.TypeEnum, Int, HeaderFields)] = []
    var streams: [AsyncStream<Output>.Continuation] = []
    var waiters:
      [(id: Int, isDone: @Sendable ([Received], [SchedulerCall]) -> Bool, CheckedContinuation<Void, Never>)] = []
    var lastWaiter = 0
    var cutsNext: SchedulerCall.TypeEnum?
    var authorization: String?
    var authorizations: [String?] = []
    var takesAnyStream = false
    var streamConnections: Set<String> = []
  }

  private let state: Mutex<State>

  /// - Parameter answers: For the SUBSCRIBEs in order; the last one for all that follow.
  init(_ answers: [Answer] = [.stream()]) { state = Mutex(State(answers: answers)) }

  /// What `Authorization` has to be from now on; others are refused with 401.
  func require(authorization: String?) { state.withLock { $0.authorization = authorization } }
  /// The `Authorization` of each request so far.
  var authorizations: [String?] { state.withLock { $0.authorizations } }

  var calls: [Received] { state.withLock { $0.calls } }
  var subscribes: [SchedulerCall] { state.withLock { $0.subscribes } }

  /// The connections that SUBSCRIBEs came over.
  var streamConnections: Set<String> { state.withLock { $0.streamConnections } }

  /// From now on calls on any stream are taken, as if each were of a framework of its own.
  func takesAnyStream() { state.withLock { $0.takesAnyStream = true } }

  /// Writes an event to the newest stream.
  func send(_ event: SchedulerEvent) { newest?.yield(.event(event)) }
  /// Writes bytes that need not be a record.
  func send(bytes: [UInt8]) { newest?.yield(.bytes(bytes)) }
  /// Ends the newest stream.
  func end() { newest?.yield(.end) }
  /// Writes to a stream by its order.
  func send(_ event: SchedulerEvent, to index: Int) { _ = state.withLock { $0.streams[index] }.yield(.event(event)) }

  /// The next call of this type is answered so.
  func answer(_ type: SchedulerCall.TypeEnum, status: Int, headers: HeaderFields = [:]) {
    state.withLock { $0.callStatus.append((type, status, headers)) }
  }

  /// The next call of this type is taken, and its connection is dropped without an answer.
  func cut(_ type: SchedulerCall.TypeEnum) { state.withLock { $0.cutsNext = type } }

  private var newest: AsyncStream<Output>.Continuation? { state.withLock { $0.streams.last } }

  /// Waits for a call of this type and returns it.
  func received(_ type: SchedulerCall.TypeEnum, count: Int = 1) async throws -> Received {
    try await wait { calls, _ in calls.count { $0.call.type == type } >= count }
    return calls.filter { $0.call.type == type }[count - 1]
  }

  func subscribed(times count: Int) async throws {
    try await wait { _, subscribes in subscribes.count >= count }
  }

  private func wait(_ isDone: @escaping @Sendable ([Received], [SchedulerCall]) -> Bool) async throws {
    let id = state.withLock { state in
      state.lastWaiter += 1
      return state.lastWaiter
    }
    await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        let resumes = state.withLock { state in
          guard !isDone(state.calls, state.subscribes), !Task.isCancelled else { return true }
          state.waiters.append((id, isDone, continuation))
          return false
        }
        if resumes { continuation.resume() }
      }
    } onCancel: {
      state.withLock { state -> CheckedContinuation<Void, Never>? in
        guard let index = state.waiters.firstIndex(where: { $0.id == id }) else { return nil }
        return state.waiters.remove(at: index).2
      }?.resume()
    }
    try Task.checkCancellation()
  }

  private func note(_ change: (inout State) -> Void) {
    let done = state.withLock { state in
      change(&state)
      let done = state.waiters.filter { $0.isDone(state.calls, state.subscribes) }
      state.waiters.removeAll { waiter in done.contains { $0.id == waiter.id } }
      return done.map(\.2)
    }
    for waiter in done { waiter.resume() }
  }

  // MARK: HTTP

  var route: Route {
    Route("/api/v1/scheduler") { request in try await self.respond(request) }
  }

  private func respond(_ request: IncomingRequest) async throws -> OutgoingResponse {
    let authorization = request.headers["Authorization"]
    let isKnown = state.withLock { state in
      state.authorizations.append(authorization)
      return state.authorization == nil || state.authorization == authorization
    }
    guard isKnown else {
      var response = OutgoingResponse.text("", status: 401)
      response.headers.append(name: "WWW-Authenticate", value: "Basic realm=\"mesos-master-scheduler\"")
      return response
    }
    guard let encoding = MessageEncoding(MediaType(request.headers["Content-Type"] ?? "")) else {
      throw HTTPFailure.unsupportedMediaType("Expecting 'Content-Type' of application/json or application/x-protobuf")
    }
    guard request.headers["Accept"] == encoding.contentType else { throw HTTPFailure.notAcceptable("Accept") }
    let call = try encoding.decode(SchedulerCall.self, from: try await request.body.collect(upTo: 1 << 20))
    let streamID = request.headers["Mesos-Stream-Id"]
    guard call.type != .subscribe else {
      guard streamID == nil else {
        throw HTTPFailure.badRequest("Subscribe calls should not include 'Mesos-Stream-Id'")
      }
      state.withLock { _ = $0.streamConnections.insert(request.remoteAddress) }
      return subscribe(call, encoding)
    }
    let (current, takesAny, scripted, cuts) = state.withLock { state in
      let index = state.callStatus.firstIndex { $0.0 == call.type }
      let cuts = state.cutsNext == call.type
      if cuts { state.cutsNext = nil }
      return (state.streams.count, state.takesAnyStream, index.map { state.callStatus.remove(at: $0) }, cuts)
    }
    guard takesAny || streamID == "stream-\(current)" else {
      throw HTTPFailure.badRequest("The stream ID '\(streamID ?? "")' didn't match")
    }
    note {
      $0.calls.append(
        Received(
          call: call, streamID: streamID, contentType: encoding.contentType, connection: request.remoteAddress))
    }
    if cuts {
      // A head that promises a body and ends without it: the client cannot know what happened.
      return OutgoingResponse(status: 202, headers: [:], body: .stream { _ in throw CancellationError() })
    }
    if let scripted { return OutgoingResponse(status: scripted.1, headers: scripted.2) }
    return .accepted
  }

  private func subscribe(_ call: SchedulerCall, _ encoding: MessageEncoding) -> OutgoingResponse {
    let (outputs, continuation) = AsyncStream.makeStream(of: Output.self)
    let answer = state.withLock { state in
      state.answers.count > 1 ? state.answers.removeFirst() : state.answers[0]
    }
    switch answer {
    case .refuse(let status, let text, let headers):
      note { $0.subscribes.append(call) }
      var response = OutgoingResponse.text(text, status: status)
      for field in headers { response.headers.append(name: field.name, value: field.value) }
      return response
    case .stream(let id, let heartbeat, let confirms):
      let number = state.withLock { state in
        state.streams.append(continuation)
        return state.streams.count
      }
      return .stream(encoding.mediaType, headers: ["Mesos-Stream-Id": "stream-\(number)"]) { stream in
        if confirms {
          try await stream.write(
            RecordIOEncoder.encode(encoding.encode(SchedulerEvent.subscribed(id, heartbeat: heartbeat))))
        }
        self.note { $0.subscribes.append(call) }
        for await output in outputs {
          switch output {
          case .event(let event): try await stream.write(RecordIOEncoder.encode(encoding.encode(event)))
          case .bytes(let bytes): try await stream.write(bytes)
          case .end: return
          }
        }
      }
    }
  }

  /// Serves masters on ports of their own while `body` runs.
  static func serving(
    _ masters: FakeMaster..., body: @Sendable @escaping ([Int]) async throws -> Void
  ) async throws {
    var logger = Logger(label: "test")
    logger.logLevel = .critical
    let servers = masters.map {
      MesosHTTPServer(configuration: HTTPServerConfiguration(), routes: [$0.route], logger: logger)
    }
    // Stopped gracefully: a server that is cancelled while it takes a connection traps in the library below it.
    let services = ServiceGroup(services: servers, logger: logger)
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { try await services.run() }
      do {
        var ports: [Int] = []
        for server in servers { ports.append(try await server.address().port) }
        try await body(ports)
      } catch {
        await services.triggerGracefulShutdown()
        throw error
      }
      await services.triggerGracefulShutdown()
      try await group.waitForAll()
    }
  }
}
