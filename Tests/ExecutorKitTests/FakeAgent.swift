import ExecutorCore
import Logging
import MesosHTTP
import MesosHTTPServer
import MesosModel
import Synchronization
import Testing

/// The executor API of an agent on loopback, played by a test: it sees each subscription and each call, and says what
/// the executor is sent. It refuses what an agent would refuse.
final class FakeAgent: Sendable {
  /// One stream to an executor.
  struct Subscription: Sendable {
    var call: ExecutorCall
    var encoding: MessageEncoding
    fileprivate var outgoing: AsyncStream<[UInt8]>.Continuation

    func send(_ event: ExecutorEvent) { outgoing.yield(RecordIOEncoder.encode(encoding.encode(event))) }
    func send(raw bytes: [UInt8]) { outgoing.yield(bytes) }
    func close() { outgoing.finish() }
  }

  private struct State {
    var refusals: [Int] = []
    var tokens: [String?] = []
    var authorization: String?
    var traces: [String] = []
  }

  let subscriptions: AsyncStream<Subscription>
  let calls: AsyncStream<ExecutorCall>
  private let newSubscription: AsyncStream<Subscription>.Continuation
  private let newCall: AsyncStream<ExecutorCall>.Continuation
  private let state = Mutex(State())

  init() {
    (subscriptions, newSubscription) = AsyncStream.makeStream()
    (calls, newCall) = AsyncStream.makeStream()
  }

  /// The next subscriptions are answered with these statuses.
  func refuse(with statuses: [Int]) { state.withLock { $0.refusals = statuses } }

  /// What `Authorization` has to be from now on; others are refused with 401.
  func require(authorization: String?) { state.withLock { $0.authorization = authorization } }

  /// The in-memory tracer's ids in the headers of calls so far.
  var traces: [String] { state.withLock { $0.traces } }

  /// The `Authorization` of each request so far.
  var authorizations: [String?] { state.withLock { $0.tokens } }

  func answer(_ request: IncomingRequest) async throws -> OutgoingResponse {
    let isKnown = state.withLock { state in
      let authorization = request.headers["Authorization"]
      state.tokens.append(authorization)
      if let trace = request.headers["in-memory-trace-id"] { state.traces.append(trace) }
      return state.authorization == nil || state.authorization == authorization
    }
    guard isKnown else { return .text("", status: 401) }
    guard let encoding = MessageEncoding(MediaType(request.headers["Content-Type"] ?? "")) else {
      return .text("Expecting a content type", status: 415)
    }
    let call = try encoding.decode(ExecutorCall.self, from: try await request.body.collect(upTo: 1 << 20))
    guard call.frameworkID.value == "f1", call.executorID.value == "e1" else {
      return .text("Executor cannot be found", status: 400)
    }
    guard call.type == .subscribe else {
      newCall.yield(call)
      return .accepted
    }
    if let status = state.withLock({ $0.refusals.isEmpty ? nil : $0.refusals.removeFirst() }) {
      return .text("refused", status: status)
    }
    let (records, outgoing) = AsyncStream<[UInt8]>.makeStream()
    newSubscription.yield(Subscription(call: call, encoding: encoding, outgoing: outgoing))
    return .stream(encoding.mediaType) { stream in
      for await record in records { try await stream.write(record) }
    }
  }

  /// Serves while `body` runs; `variables` are what the agent would set for its executor.
  static func serving(
    _ body: @escaping @Sendable (_ agent: FakeAgent, _ variables: [String: String]) async throws -> Void
  ) async throws {
    let agent = FakeAgent()
    let server = MesosHTTPServer(
      configuration: HTTPServerConfiguration(),
      routes: [Route(["/slave(1)/api/v1/executor"]) { try await agent.answer($0) }],
      logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }))
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask {
        do { try await server.run() } catch is CancellationError {}
      }
      let (host, port) = try await server.address()
      let variables = [
        "MESOS_FRAMEWORK_ID": "f1", "MESOS_EXECUTOR_ID": "e1", "MESOS_AGENT_ENDPOINT": "\(host):\(port)",
        "MESOS_SLAVE_PID": "slave(1)@\(host):\(port)", "MESOS_CHECKPOINT": "1", "MESOS_RECOVERY_TIMEOUT": "5mins",
        "MESOS_SUBSCRIPTION_BACKOFF_MAX": "10ms", "MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD": "30secs",
        "MESOS_EXECUTOR_AUTHENTICATION_TOKEN": "a.b.c",
      ]
      let work = Task { try await body(agent, variables) }
      group.addTask {
        try await withTaskCancellationHandler {
          try await work.value
        } onCancel: {
          work.cancel()
        }
        throw Done()
      }
      do {
        while try await group.next() != nil {}
      } catch is Done {}
      group.cancelAll()
    }
  }

  private struct Done: Error {}
}
