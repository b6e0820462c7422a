import MesosHTTP
import MesosHTTPClient
import MesosModel
import SchedulerCore

/// The network under a scheduler: one client for its streams, one for the ordered lane of its calls, one for acknowledgements, so that
/// none waits for another's connections.
struct HTTPSchedulerTransport: SchedulerTransport {
  private let streams: MesosHTTPClient
  /// One connection: what goes over it arrives in order.
  private let calls: MesosHTTPClient
  private let acknowledgements: MesosHTTPClient
  private let configuration: SchedulerConfiguration
  private let named: NamedMasters

  /// - Parameter named: Whom credentials are shown to.
  init(configuration: SchedulerConfiguration, named: NamedMasters) {
    self.configuration = configuration
    self.named = named
    var settings = HTTPClientConfiguration()
    settings.connectTimeout = min(.seconds(10), configuration.policy.subscribeTimeout)
    settings.tls = configuration.tls
    settings.credentials = configuration.credentials
    settings.proxy = configuration.proxy
    streams = MesosHTTPClient(configuration: settings)
    // Below what servers keep an idle connection for: a call on one that the server closes has an unknown outcome.
    settings.idleTimeout = .seconds(4)
    settings.connectionsPerHostMax = 1
    calls = MesosHTTPClient(configuration: settings)
    settings.connectionsPerHostMax = configuration.policy.acknowledgementsInFlightMax
    acknowledgements = MesosHTTPClient(configuration: settings)
  }

  func shutdown() async {
    // What is under way was cancelled before; a client that does not end cleanly has nothing left to lose.
    try? await streams.shutdown()
    try? await calls.shutdown()
    try? await acknowledgements.shutdown()
  }

  func stream(
    _ call: SchedulerCall, from master: MasterAddress, head: (StreamHead) -> Void,
    record: (Result<SchedulerEvent, MessageDecodingError>) async throws -> Void
  ) async throws {
    do {
      let response = try await streams.open(
        request(call, to: master), headersDeadline: configuration.policy.subscribeTimeout)
      try await withTaskCancellationHandler {
        try await read(response, from: master, head: head, record: record)
      } onCancel: {
        response.cancel()
      }
    } catch let error as HTTPClientError {
      switch error.code {
      case .refused, .unresolved, .unreachable, .invalidRequest: throw SchedulerError(.notSent, error.message)
      case .badRecord, .badAnswer: throw SchedulerError(.protocolViolation, error.message)
      default: throw error
      }
    }
  }

  private func read(
    _ response: StreamingResponse, from master: MasterAddress, head: (StreamHead) -> Void,
    record: (Result<SchedulerEvent, MessageDecodingError>) async throws -> Void
  ) async throws {
    var answer = StreamHead(
      status: response.status, streamID: response.headers["Mesos-Stream-Id"], location: response.headers["Location"])
    guard response.status == 200 else {
      answer.text = (try? await response.collect(upTo: 64 * 1024))?.excerpt ?? ""
      if response.status == 401, configuration.credentials != nil, !named.contains(master) {
        answer.text =
          "a redirect led here, and credentials are shown to the masters of the configuration alone: name it there too"
      }
      response.cancel()
      return head(answer)
    }
    if let type = response.headers["Content-Type"], MessageEncoding(MediaType(type)) != configuration.encoding {
      throw SchedulerError(
        .protocolViolation,
        "The answer to SUBSCRIBE is of type \(type.prefix(100)), and \(configuration.encoding.contentType) was asked for"
      )
    }
    head(answer)
    for try await bytes in response.records(maximumRecordSize: configuration.recordBytesMax) {
      try Task.checkCancellation()
      try await record(
        Result { () throws(MessageDecodingError) in
          try configuration.encoding.decode(SchedulerEvent.self, from: bytes)
        })
    }
  }

  func send(_ call: SchedulerCall, to master: MasterAddress, streamID: String) async -> CallOutcome {
    do {
      let response = try await (call.isAcknowledgement ? acknowledgements : calls).call(
        request(call, to: master, headers: ["Mesos-Stream-Id": streamID]), maximumBody: 1 << 20,
        deadline: configuration.callTimeout)
      return .answered(status: response.status, text: response.excerpt, location: response.headers["Location"])
    } catch {
      switch error.code {
      case .refused, .unresolved, .unreachable, .invalidRequest, .credentials, .certificate, .proxy:
        return .notSent(error.message)
      default: return .unknown(error.message)
      }
    }
  }

  private func request(_ call: SchedulerCall, to master: MasterAddress, headers: HeaderFields = [:]) -> OutgoingRequest
  {
    var request = OutgoingRequest.call(
      HTTPEndpoint(host: master.host, port: master.port, scheme: master.isSecure ? "https" : "http"),
      path: configuration.path, encoding: configuration.encoding, headers: headers,
      body: configuration.encoding.encode(call))
    request.carriesCredentials = named.contains(master)
    return request
  }
}
