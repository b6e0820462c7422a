import ExecutorCore
import MesosHTTP
import MesosHTTPClient
import MesosModel
import Synchronization

/// The network under an executor: one client for its stream, one for its calls.
struct ExecutorTransport: Sendable {
  private let streams: MesosHTTPClient
  private let calls: MesosHTTPClient
  private let environment: ExecutorEnvironment
  private let configuration: ExecutorConfiguration

  init(environment: ExecutorEnvironment, configuration: ExecutorConfiguration) {
    self.environment = environment
    self.configuration = configuration
    var settings = HTTPClientConfiguration()
    settings.connectTimeout = min(.seconds(10), configuration.callTimeout)
    streams = MesosHTTPClient(configuration: settings)
    // Below what servers keep an idle connection for: a call on one that the server closes looks like a lost agent.
    settings.idleTimeout = .seconds(4)
    settings.connectionsPerHostMax = 1
    calls = MesosHTTPClient(configuration: settings)
  }

  func shutdown() async {
    // What is under way was cancelled before; a client that does not end cleanly has nothing left to lose.
    try? await streams.shutdown()
    try? await calls.shutdown()
  }

  func open(_ call: ExecutorCall) async throws -> StreamingResponse {
    try await streams.open(request(call), headersDeadline: configuration.callTimeout)
  }

  /// Sends a call; once more where a kept connection was closed as it went out. Updates are told apart by their UUIDs.
  func send(_ call: ExecutorCall) async -> Result<ClientResponse, HTTPClientError> {
    var hasRetried = call.type == .message
    while true {
      do throws(HTTPClientError) {
        return .success(
          try await calls.call(request(call), maximumBody: 1 << 20, deadline: configuration.callTimeout))
      } catch {
        guard error.code == .connectionClosed, !hasRetried else { return .failure(error) }
        hasRetried = true
      }
    }
  }

  private func request(_ call: ExecutorCall) -> OutgoingRequest {
    var headers: HeaderFields = [:]
    if let token = environment.authenticationToken { headers.set(name: "Authorization", value: "Bearer \(token)") }
    return .call(
      HTTPEndpoint(host: environment.agentHost, port: Int(environment.agentPort)), path: environment.path,
      encoding: configuration.encoding, headers: headers, body: configuration.encoding.encode(call))
  }
}

/// Calls on their way to the one task that sends them. Its length is bounded by the updates that may be unacknowledged.
final class CallLane: Sendable {
  typealias Item = (ExecutorStream, ExecutorCall)

  private struct State: Sendable {
    var items: [Item] = []
    var isFinished = false
    var waiter: CheckedContinuation<Item?, Never>?
  }

  private let state = Mutex(State())

  func append(_ stream: ExecutorStream, _ call: ExecutorCall) {
    let waiter = state.withLock { state -> CheckedContinuation<Item?, Never>? in
      guard let waiter = state.waiter else {
        if !state.isFinished { state.items.append((stream, call)) }
        return nil
      }
      state.waiter = nil
      return waiter
    }
    waiter?.resume(returning: (stream, call))
  }

  /// What is not sent yet goes with the next SUBSCRIBE.
  func clear() { state.withLock { $0.items = [] } }

  func finish() {
    let waiter = state.withLock { state -> CheckedContinuation<Item?, Never>? in
      state.isFinished = true
      state.items = []
      defer { state.waiter = nil }
      return state.waiter
    }
    waiter?.resume(returning: nil)
  }

  /// The next call; `nil` when it is finished.
  func next() async -> Item? {
    await withCheckedContinuation { (continuation: CheckedContinuation<Item?, Never>) in
      let taken = state.withLock { state -> Item?? in
        if state.isFinished { return .some(nil) }
        if !state.items.isEmpty { return state.items.removeFirst() }
        state.waiter = continuation
        return nil
      }
      if let taken { continuation.resume(returning: taken) }
    }
  }
}
