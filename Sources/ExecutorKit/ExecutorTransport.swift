import DequeModule
import ExecutorCore
import MesosHTTP
import MesosHTTPClient
import MesosModel
import Synchronization
import Tracing

/// The network under an executor: one client for its stream, one for its calls.
struct ExecutorTransport: Sendable {
  private let streams: MesosHTTPClient
  private let calls: MesosHTTPClient
  /// The agent: its unix socket where the environment names one.
  let endpoint: HTTPEndpoint
  private let path: String
  private let configuration: ExecutorConfiguration

  /// - Throws: `ExecutorError` with code `.badVariable`.
  init(environment: ExecutorEnvironment, configuration: ExecutorConfiguration) throws(ExecutorError) {
    self.configuration = configuration
    path = environment.path
    if let socket = environment.domainSocket {
      endpoint = HTTPEndpoint(unixSocket: socket)
    } else {
      endpoint = HTTPEndpoint(
        host: environment.agentHost, port: Int(environment.agentPort), scheme: environment.tls == nil ? "http" : "https"
      )
    }
    var settings = HTTPClientConfiguration()
    settings.connectTimeout = min(.seconds(10), configuration.callTimeout)
    settings.proxy = configuration.proxy
    do {
      if let tls = configuration.tls {
        settings.tls = tls
      } else if let tls = environment.tls {
        settings.tls = try ClientTLS(tls, host: environment.agentHost)
      }
      settings.credentials = configuration.credentials
      if settings.credentials == nil, let token = environment.authenticationToken {
        settings.credentials = try .bearer(token)
      }
    } catch {
      throw ExecutorError(.badVariable, error.message)
    }
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
  ///
  /// - Parameter headers: Beyond those of every call.
  func send(_ call: ExecutorCall, headers: HeaderFields) async -> Result<ClientResponse, HTTPClientError> {
    var hasRetried = call.type == .message
    while true {
      do throws(HTTPClientError) {
        return .success(
          try await calls.call(
            request(call, headers: headers), maximumBody: 1 << 20, deadline: configuration.callTimeout))
      } catch {
        guard error.code == .connectionClosed, !hasRetried else { return .failure(error) }
        hasRetried = true
      }
    }
  }

  private func request(_ call: ExecutorCall, headers: HeaderFields = [:]) -> OutgoingRequest {
    .call(
      endpoint, path: path, encoding: configuration.encoding, headers: headers,
      body: configuration.encoding.encode(call))
  }
}

extension ClientTLS {
  /// What the environment says of an agent at `host`.
  init(_ environment: ExecutorEnvironment.TLS, host: String) throws(HTTPClientError) {
    let isAddress = host.contains(":") || host.allSatisfy { $0.isNumber || $0 == "." }
    var verification = Verification.full
    if !environment.verifiesServer {
      verification = .none
    } else if isAddress, !environment.verifiesAddress {
      verification = .withoutHostname
    }
    try self.init(
      authorities: environment.authoritiesFile.map { .file($0) },
      certificate: environment.certificateFile.map { .file($0) }, key: environment.keyFile.map { .file($0) },
      verification: verification, minimumVersion: environment.allowsTLS12 ? .tls12 : .tls13)
  }
}

/// Calls on their way to the one task that sends them. Its length is bounded by the updates that may be unacknowledged.
final class CallLane: Sendable {
  typealias Item = (stream: ExecutorStream, call: ExecutorCall, context: ServiceContext?)

  private struct State: Sendable {
    var items: Deque<Item> = []
    var isFinished = false
    var waiter: CheckedContinuation<Item?, Never>?
  }

  private let state = Mutex(State())

  func append(_ item: Item) {
    let waiter = state.withLock { state -> CheckedContinuation<Item?, Never>? in
      guard let waiter = state.waiter else {
        if !state.isFinished { state.items.append(item) }
        return nil
      }
      state.waiter = nil
      return waiter
    }
    waiter?.resume(returning: item)
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
