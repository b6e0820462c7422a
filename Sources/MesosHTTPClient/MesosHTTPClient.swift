import AsyncHTTPClient
public import Logging
import MesosHTTP
import NIOCore
import NIOHTTP1
import NIOPosix
import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Sends requests and keeps streams open, over HTTP/1.1 on TCP or unix sockets.
///
/// Redirects are not followed but returned, and nothing is tried twice: both are for the caller to decide. Streams and calls share
/// connections only within one client, so a program that wants its calls in order on their own connections makes two.
/// ``shutdown()`` must be called before the last reference goes.
public final class MesosHTTPClient: Sendable {
  private let client: HTTPClient
  private let configuration: HTTPClientConfiguration

  public init(configuration: HTTPClientConfiguration = HTTPClientConfiguration(), logger: Logger? = nil) {
    var settings = HTTPClient.Configuration()
    settings.redirectConfiguration = .disallow
    settings.timeout.connect = TimeAmount(configuration.connectTimeout)
    settings.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = configuration.connectionsPerHostMax
    settings.connectionPool.retryConnectionEstablishment = false
    settings.connectionPool.idleTimeout = TimeAmount(configuration.idleTimeout)
    settings.httpVersion = .http1Only
    settings.decompression = .disabled
    self.configuration = configuration
    // Not the default group: on Apple systems that one cannot do client certificates.
    if let logger {
      self.client = HTTPClient(
        eventLoopGroupProvider: .shared(MultiThreadedEventLoopGroup.singleton), configuration: settings,
        backgroundActivityLogger: logger)
    } else {
      self.client = HTTPClient(
        eventLoopGroupProvider: .shared(MultiThreadedEventLoopGroup.singleton), configuration: settings)
    }
  }

  /// Ends all exchanges and connections. Later requests fail with code `.shutDown`.
  public func shutdown() async throws { try await client.shutdown() }

  /// Sends a request and returns the whole answer.
  ///
  /// - Parameters:
  ///   - maximumBody: Bytes of the answer's body that are accepted.
  ///   - deadline: How long all of it may take, the connection included.
  /// - Throws: `HTTPClientError`; an error status is an answer, not an error.
  public func call(
    _ request: OutgoingRequest, maximumBody: Int = 1 << 30, deadline: Duration = .seconds(60)
  ) async throws(HTTPClientError) -> ClientResponse {
    do {
      return try await withThrowingTaskGroup(of: ClientResponse?.self) { group in
        group.addTask { try await self.exchange(request, maximumBody: maximumBody) }
        group.addTask {
          try await Task.sleep(for: deadline)
          return nil
        }
        defer { group.cancelAll() }
        guard case .some(.some(let response)) = try await group.next() else {
          throw HTTPClientError(
            code: .timeout, message: "\(Self.name(of: request)): no answer within \(deadline)")
        }
        return response
      }
    } catch {
      throw Self.error(error, of: request, hasBegun: false)
    }
  }

  /// Sends a request and returns once the answer's header is there; the body follows.
  ///
  /// - Parameter headersDeadline: How long the header may take. The body may take for ever.
  public func open(
    _ request: OutgoingRequest, headersDeadline: Duration = .seconds(60)
  ) async throws(HTTPClientError) -> StreamingResponse {
    try await start(
      request, body: request.body.isEmpty ? nil : .bytes(ByteBuffer(bytes: request.body)), headersDeadline)
  }

  /// Sends a request whose body is `outgoing`, a chunk an element, and returns once the answer's header is there; both bodies
  /// then go on side by side.
  ///
  /// When `outgoing` ends the request is whole and the answer goes on; when the answer ends `outgoing` is cancelled. The request's
  /// own body is not sent.
  public func duplex<Outgoing: AsyncSequence & Sendable>(
    _ request: OutgoingRequest, outgoing: Outgoing, headersDeadline: Duration = .seconds(60)
  ) async throws(HTTPClientError) -> StreamingResponse where Outgoing.Element == [UInt8], Outgoing.Failure == Never {
    try await start(request, body: .stream(outgoing.map { ByteBuffer(bytes: $0) }, length: .unknown), headersDeadline)
  }

  private func start(
    _ request: OutgoingRequest, body: HTTPClientRequest.Body?, _ headersDeadline: Duration
  ) async throws(HTTPClientError) -> StreamingResponse {
    let handoff = Handoff(bytesMax: configuration.streamBufferBytesMax)
    let head = Promise<(status: Int, headers: HeaderFields)>()
    let message = message(for: request, body: body)
    // unstructured: owned by the response's `Exchange`, which cancels it on `cancel()` and when it is dropped.
    let task = Task { [client] in
      var hasBegun = false
      do {
        let response = try await client.execute(message, deadline: .now() + TimeAmount(headersDeadline))
        hasBegun = true
        head.succeed((Int(response.status.code), HeaderFields(response.headers.lazy.map { ($0.name, $0.value) })))
        for try await chunk in response.body {
          guard chunk.readableBytes > 0 else { continue }
          guard await handoff.push(Array(chunk.readableBytesView)) else { return }
        }
        handoff.finish(.success(()))
      } catch {
        let error = Self.error(error, of: request, hasBegun: hasBegun)
        head.fail(error)
        handoff.finish(.failure(error))
      }
    }
    let exchange = Exchange(handoff: handoff, task: task)
    let result = await withTaskCancellationHandler {
      await head.value()
    } onCancel: {
      exchange.cancel()
    }
    let (status, headers) = try result.get()
    return StreamingResponse(status: status, headers: headers, body: StreamingBody(exchange: exchange))
  }

  private func exchange(_ request: OutgoingRequest, maximumBody: Int) async throws(HTTPClientError) -> ClientResponse {
    var hasBegun = false
    do {
      let body = request.body.isEmpty ? nil : HTTPClientRequest.Body.bytes(ByteBuffer(bytes: request.body))
      // The caller's own timer bounds the whole exchange.
      let response = try await client.execute(message(for: request, body: body), deadline: .distantFuture)
      hasBegun = true
      var whole: [UInt8] = []
      for try await chunk in response.body {
        guard chunk.readableBytes <= maximumBody - whole.count else {
          throw HTTPClientError(
            code: .bodyTooLarge,
            message: "\(Self.name(of: request)): the answer's body is larger than \(maximumBody) bytes")
        }
        whole.append(contentsOf: chunk.readableBytesView)
      }
      return ClientResponse(
        status: Int(response.status.code), headers: HeaderFields(response.headers.lazy.map { ($0.name, $0.value) }),
        body: whole)
    } catch {
      throw Self.error(error, of: request, hasBegun: hasBegun)
    }
  }

  private func message(for request: OutgoingRequest, body: HTTPClientRequest.Body?) -> HTTPClientRequest {
    var message = HTTPClientRequest(url: request.endpoint.url(path: request.path, query: request.query))
    message.method = HTTPMethod(rawValue: request.method)
    for field in request.headers { message.headers.add(name: field.name, value: field.value) }
    message.body = body
    return message
  }

  private static func name(of request: OutgoingRequest) -> String {
    "\(request.method) \(request.endpoint)\(request.path)"
  }

  private static func error(_ error: any Error, of request: OutgoingRequest, hasBegun: Bool) -> HTTPClientError {
    if let error = error as? HTTPClientError { return error }
    let code: HTTPClientError.Code
    switch error {
    case is CancellationError:
      code = .cancelled
    case let error as NIOConnectionError:
      code = connectionCode(error)
    case let error as IOError:
      code = systemCode(error, hasBegun: hasBegun)
    case let error as ChannelError:
      if case .connectTimeout = error { code = .timeout } else { code = hasBegun ? .cut : .connectionClosed }
    case is HTTPParserError:
      // The parser says so too when the connection ends inside the body.
      code = hasBegun ? .cut : .badAnswer
    case let error as AsyncHTTPClient.HTTPClientError:
      code = clientCode(error, hasBegun: hasBegun)
    default:
      code = .other
    }
    return HTTPClientError(code: code, message: "\(name(of: request)): \(error)")
  }

  private static func clientCode(_ error: AsyncHTTPClient.HTTPClientError, hasBegun: Bool) -> HTTPClientError.Code {
    switch error {
    case .deadlineExceeded, .connectTimeout, .readTimeout, .writeTimeout, .getConnectionFromPoolTimeout,
      .tlsHandshakeTimeout:
      .timeout
    case .cancelled, .requestStreamCancelled: .cancelled
    case .alreadyShutdown: .shutDown
    case .remoteConnectionClosed, .uncleanShutdown: hasBegun ? .cut : .connectionClosed
    case .invalidURL, .emptyHost, .emptyScheme, .missingSocketPath, .bodyLengthMismatch, .traceRequestWithBody:
      .invalidRequest
    default: .other
    }
  }

  private static func connectionCode(_ error: NIOConnectionError) -> HTTPClientError.Code {
    for attempt in error.connectionErrors {
      if let error = attempt.error as? IOError { return systemCode(error, hasBegun: false) }
      if let error = attempt.error as? ChannelError, case .connectTimeout = error { return .timeout }
    }
    return error.connectionErrors.isEmpty ? .unresolved : .unreachable
  }

  private static func systemCode(_ error: IOError, hasBegun: Bool) -> HTTPClientError.Code {
    switch error.errnoCode {
    case ECONNREFUSED, ENOENT: .refused
    case ETIMEDOUT where !hasBegun: .timeout
    case EHOSTUNREACH, ENETUNREACH, EADDRNOTAVAIL: .unreachable
    default: hasBegun ? .cut : .connectionClosed
    }
  }
}

/// A value that one task gives and one awaits.
private final class Promise<Value: Sendable>: Sendable {
  private struct State {
    var result: Result<Value, HTTPClientError>?
    var waiter: CheckedContinuation<Result<Value, HTTPClientError>, Never>?
  }

  private let state = Mutex(State())

  func succeed(_ value: Value) { settle(.success(value)) }

  func fail(_ error: HTTPClientError) { settle(.failure(error)) }

  func value() async -> Result<Value, HTTPClientError> {
    await withCheckedContinuation { continuation in
      let result = state.withLock { state in
        if state.result == nil { state.waiter = continuation }
        return state.result
      }
      if let result { continuation.resume(returning: result) }
    }
  }

  private func settle(_ result: Result<Value, HTTPClientError>) {
    let waiter = state.withLock { state in
      defer { state.waiter = nil }
      if state.result == nil { state.result = result }
      return state.waiter
    }
    waiter?.resume(returning: result)
  }
}
