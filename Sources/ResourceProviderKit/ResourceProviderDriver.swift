public import MesosHTTP
public import MesosHTTPClient
public import MesosModel
import SwiftProtobuf

/// Why a resource provider cannot go on.
public struct ResourceProviderError: Error, Hashable, Sendable, CustomStringConvertible {
  public struct Code: Hashable, Sendable {
    private enum Value { case refused, lost }
    private let value: Value

    /// The agent does not take the provider, or what it says: it would not do so another time either.
    public static let refused = Code(value: .refused)
    /// The agent cannot be reached, or the stream to it ended.
    public static let lost = Code(value: .lost)
  }

  public let code: Code
  public let message: String

  public init(code: Code, message: String) {
    self.code = code
    self.message = message
  }

  public var description: String { message }
}

/// Runs a provider of disks against an agent: subscribes, answers events, subscribes again under its id when the stream ends.
public actor ResourceProviderDriver {
  /// What the provider has and does.
  public private(set) var disks: ProvidedDisks
  private let agent: HTTPEndpoint
  private let encoding: MessageEncoding
  private let client: MesosHTTPClient
  private let retryInterval: Duration
  private let backoff: Duration
  private var info: ResourceProviderInfo
  private var streamID: String?
  private var random = SystemRandomNumberGenerator()
  private static let path = "/api/v1/resource_provider"

  /// - Parameters:
  ///   - info: Type and name of the provider; with the id that an agent gave it before, if one did.
  ///   - disks: What it has.
  ///   - agent: Where the agent is reached.
  ///   - encoding: How calls and events are written.
  ///   - client: Sends them; whoever made it shuts it down.
  ///   - retryInterval: After how long what was not acknowledged is said again.
  ///   - backoff: How long to wait before another attempt to subscribe.
  public init(
    info: ResourceProviderInfo, disks: ProvidedDisks, agent: HTTPEndpoint, encoding: MessageEncoding = .protobuf,
    client: MesosHTTPClient, retryInterval: Duration = .seconds(10), backoff: Duration = .seconds(1)
  ) {
    self.info = info
    self.disks = disks
    self.agent = agent
    self.encoding = encoding
    self.client = client
    self.retryInterval = retryInterval
    self.backoff = backoff
  }

  /// Serves until it is cancelled, or the agent says that the provider is not to come back.
  ///
  /// - Throws: `ResourceProviderError` with code `.refused`; `CancellationError`.
  public func run() async throws {
    while !disks.isTornDown {
      do {
        try await serve()
      } catch let error as ResourceProviderError where error.code == .lost {
        // It comes back, or another takes its place.
      } catch is HTTPClientError {
        try Task.checkCancellation()
      }
      streamID = nil
      guard !disks.isTornDown else { return }
      try await Task.sleep(for: backoff)
    }
  }

  private func serve() async throws {
    var call = ResourceProviderCall()
    call.type = .subscribe
    call.subscribe.resourceProviderInfo = info
    let response = try await client.open(request(call))
    guard response.status == 200 else {
      let answer = try await response.collect(upTo: 1 << 16)
      throw Self.error(answer, subscribing: true)
    }
    streamID = response.headers["Mesos-Stream-Id"]
    let records = response.records()
    let encoding = encoding
    let retryInterval = retryInterval
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask {
        for try await record in records {
          try await self.take(encoding.decode(ResourceProviderEvent.self, from: record))
        }
      }
      group.addTask {
        while true {
          try await Task.sleep(for: retryInterval)
          try await self.repeatStatuses()
        }
      }
      defer { group.cancelAll() }
      try await group.next()
    }
  }

  private func take(_ event: ResourceProviderEvent) async throws {
    if event.type == .subscribed { info.id = event.subscribed.providerID }
    for call in disks.handle(event, using: &random) { try await send(call) }
  }

  private func repeatStatuses() async throws {
    for call in disks.unacknowledged { try await send(call) }
  }

  private func send(_ call: ResourceProviderCall) async throws {
    let answer = try await client.call(request(call), maximumBody: 1 << 20)
    guard answer.status == 202 else { throw Self.error(answer, subscribing: false) }
  }

  private func request(_ call: ResourceProviderCall) -> OutgoingRequest {
    let headers: HeaderFields = streamID.map { ["Mesos-Stream-Id": $0] } ?? [:]
    return .call(agent, path: Self.path, encoding: encoding, headers: headers, body: encoding.encode(call))
  }

  private static func error(_ answer: ClientResponse, subscribing: Bool) -> ResourceProviderError {
    // A call may come too late for its stream; a subscription that is refused would be refused again.
    let isFinal = subscribing && (400..<500).contains(answer.status)
    return ResourceProviderError(
      code: isFinal ? .refused : .lost, message: "The agent answered \(answer.status): \(answer.excerpt)")
  }
}
