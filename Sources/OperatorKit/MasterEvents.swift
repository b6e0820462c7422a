import MesosHTTP
import MesosHTTPClient
public import MesosModel
import MesosRuntime

/// The events of one subscription, the snapshot of the cluster first: SUBSCRIBED.
///
/// It can be read once, by one task; reading slowly holds the master back. An event of a type that this library does not know has the type
/// `.unknown`. A stream that misses ``OperatorConfiguration/missedHeartbeatsMax`` heartbeats ends with code `.silent`. The subscription ends
/// with ``cancel()`` or when the last copy goes. ``Watcher`` keeps one up for ever.
public struct MasterEvents: AsyncSequence, Sendable {
  public typealias Element = MasterEvent
  public typealias Failure = OperatorError

  let source: Source

  /// Ends the subscription; who reads gets an error with code `.cancelled`.
  public func cancel() { source.cancel() }

  public func makeAsyncIterator() -> AsyncIterator {
    AsyncIterator(source: source, records: source.records.makeAsyncIterator())
  }

  public struct AsyncIterator: AsyncIteratorProtocol {
    fileprivate let source: Source
    fileprivate var records: RecordStream.AsyncIterator

    public mutating func next() async throws(OperatorError) -> MasterEvent? { try await next(isolation: nil) }

    /// The next event; `nil` when the master ended the stream between two.
    ///
    /// - Throws: `OperatorError`: `.silent`, `.connectionLost` for a stream that is cut, `.undecodable` and `.tooLarge` for a record, after
    ///   which nothing more comes.
    public mutating func next(isolation actor: isolated (any Actor)?) async throws(OperatorError) -> MasterEvent? {
      source.watch.arm()
      let record: [UInt8]?
      do {
        record = try await records.next(isolation: actor)
      } catch {
        throw source.failure(error)
      }
      source.watch.disarm()
      guard let record else {
        source.watch.end()
        return nil
      }
      return try source.event(record)
    }
  }

  final class Source: Sendable {
    let records: RecordStream
    let watch: HeartbeatWatch
    private let response: StreamingResponse
    private let connection: OperatorConnection
    private let endpoint: HTTPEndpoint

    init(_ response: StreamingResponse, connection: OperatorConnection, endpoint: HTTPEndpoint) {
      self.response = response
      self.connection = connection
      self.endpoint = endpoint
      records = response.records(maximumRecordSize: connection.configuration.recordBytesMax)
      // The snapshot of a large cluster may take long to be made.
      let first = Swift.max(
        connection.configuration.callTimeout,
        connection.configuration.defaultHeartbeat * connection.configuration.missedHeartbeatsMax)
      watch = HeartbeatWatch(limit: first, runtime: connection.runtime) { response.cancel() }
    }

    deinit { cancel() }

    func cancel() {
      watch.end()
      response.cancel()
    }

    func event(_ record: [UInt8]) throws(OperatorError) -> MasterEvent {
      let event: MasterEvent
      do {
        event = try connection.configuration.encoding.decode(MasterEvent.self, from: record)
      } catch {
        cancel()
        throw OperatorError(
          .undecodable, "SUBSCRIBE to \(endpoint): an event cannot be read: \(error.detail.prefix(500))")
      }
      if event.type == .subscribed {
        watch.setLimit(
          heartbeat(event.subscribed.heartbeatIntervalSeconds)
            * Swift.max(1, connection.configuration.missedHeartbeatsMax))
      }
      return event
    }

    func failure(_ error: HTTPClientError) -> OperatorError {
      let isSilent = watch.hasFired
      cancel()
      if isSilent {
        return OperatorError(
          .silent,
          "SUBSCRIBE to \(endpoint): nothing came for \(connection.configuration.missedHeartbeatsMax) heartbeats")
      }
      if error.code == .badRecord, error.message.contains("larger than") {
        return OperatorError(.tooLarge, "SUBSCRIBE to \(endpoint): \(error.message)")
      }
      return OperatorError(error, call: "SUBSCRIBE", endpoint: endpoint)
    }

    /// What the master names, where that is a time one can wait for.
    private func heartbeat(_ seconds: Double) -> Duration {
      guard seconds > 0, seconds <= 24 * 3600 else { return connection.configuration.defaultHeartbeat }
      return .nanoseconds(Int64(seconds * 1e9))
    }
  }
}

extension MasterClient {
  /// Subscribes to the leading master's event stream.
  ///
  /// - Throws: `OperatorError`; code `.notImplemented` where the master has no such stream.
  public func subscribe() async throws(OperatorError) -> MasterEvents {
    var call = MasterCall()
    call.type = .subscribe
    let name = call.type.wireName
    let body = configuration.encoding.encode(call)
    let (response, endpoint) = try await reach(name) { endpoint throws(OperatorError) in
      let response = try await self.connection.open(name, body: body, to: endpoint, asRecords: false)
      switch response.status {
      case 200: return .answer(response)
      case 300..<400:
        response.cancel()
        return .redirect(location: response.headers["Location"])
      default: throw await self.connection.refusal(response, name, endpoint)
      }
    }
    guard connection.isEncoding(response.headers["Content-Type"]) else {
      response.cancel()
      throw OperatorError(
        .undecodable,
        "\(name) to \(endpoint): the stream is of type '\(response.headers["Content-Type"]?.prefix(200) ?? "")'")
    }
    return MasterEvents(source: .init(response, connection: connection, endpoint: endpoint))
  }
}
