import AsyncHTTPClient
public import Logging
import MesosHTTP
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL
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
/// Redirects are not followed but returned, and nothing is tried twice: both are for the caller to decide; one who follows a redirect
/// uses ``OutgoingRequest/redirected(to:)``, so that credentials stay with whom they are for. Streams and calls share connections
/// only within one client, so a program that wants its calls in order on their own connections makes two.
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
    // Spans are for those who know what a request is for: one of the library's own would stand beside theirs.
    settings.tracing.tracer = nil
    settings.tlsConfiguration = configuration.tls.configuration
    settings.proxy = configuration.proxy.map { proxy in
      .server(
        host: proxy.host, port: proxy.port,
        authorization: proxy.authorization.map { .basic(username: $0.principal, password: $0.secret) })
    }
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
    // unstructured: owned by the response's `Exchange`, which cancels it on `cancel()` and when it is dropped.
    let task = Task { [self] in
      var hasBegun = false
      do {
        let deadline = NIODeadline.now() + TimeAmount(headersDeadline)
        let response = try await client.execute(
          try await message(for: request, body: body, within: headersDeadline), deadline: deadline)
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
      let response = try await client.execute(
        try await message(for: request, body: body, within: nil), deadline: .distantFuture)
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

  /// - Parameter limit: How long the credentials may take; `nil` where the caller bounds it all.
  private func message(
    for request: OutgoingRequest, body: HTTPClientRequest.Body?, within limit: Duration?
  ) async throws(HTTPClientError) -> HTTPClientRequest {
    try check(request)
    var message = HTTPClientRequest(url: request.endpoint.url(path: request.path, query: request.query))
    message.method = HTTPMethod(rawValue: request.method)
    for field in request.headers { message.headers.add(name: field.name, value: field.value) }
    if let credentials = configuration.credentials, request.carriesCredentials, request.headers["Authorization"] == nil
    {
      message.headers.add(
        name: "Authorization", value: try await authorization(credentials, for: request, within: limit))
    }
    message.body = body
    return message
  }

  private func authorization(
    _ credentials: HTTPCredentials, for request: OutgoingRequest, within limit: Duration?
  ) async throws(HTTPClientError) -> String {
    do {
      guard let limit else { return try await credentials.authorization() }
      return try await withThrowingTaskGroup(of: String?.self) { group in
        group.addTask { try await credentials.authorization() }
        group.addTask {
          try await Task.sleep(for: limit)
          return nil
        }
        defer { group.cancelAll() }
        guard case .some(.some(let value)) = try await group.next() else {
          throw HTTPClientError(code: .timeout, message: "no credentials within \(limit)")
        }
        return value
      }
    } catch let error as HTTPClientError {
      guard error.code != .cancelled else { throw error }
      throw HTTPClientError(code: error.code, message: "\(Self.name(of: request)): \(error.message)")
    } catch {
      throw HTTPClientError.cancelled
    }
  }

  /// Refuses what cannot be made safe.
  private func check(_ request: OutgoingRequest) throws(HTTPClientError) {
    guard case .tcp("https", let host, _) = request.endpoint.address, configuration.proxy != nil,
      configuration.tls.verification == .full, isAddress(host)
    else { return }
    throw HTTPClientError(
      code: .invalidRequest,
      message:
        "\(Self.name(of: request)): through a proxy a server's certificate can be held against a name, not an address; "
        + "name the host, or leave its name unverified")
  }

  private static func name(of request: OutgoingRequest) -> String {
    "\(request.method) \(request.endpoint)\(request.path)"
  }

  private static func error(_ error: any Error, of request: OutgoingRequest, hasBegun: Bool) -> HTTPClientError {
    if let error = error as? HTTPClientError { return error }
    let code: HTTPClientError.Code
    var text = "\(error)"
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
      // What is wrong with a header may be its value, and that may be a secret.
      if code == .invalidRequest { text = error.shortDescription }
    case is NIOSSLExtraError:
      code = .certificate
      text = "the server's certificate does not name this host"
    case let error as NIOSSLError:
      (code, text) = tlsFailure(error, hasBegun: hasBegun)
    case let error as BoringSSLError:
      (code, text) = tlsFailure(.handshakeFailed(error), hasBegun: hasBegun)
    default:
      code = .other
    }
    return HTTPClientError(code: code, message: "\(name(of: request)): \(text)")
  }

  private static func tlsFailure(_ error: NIOSSLError, hasBegun: Bool) -> (HTTPClientError.Code, String) {
    switch error {
    case .uncleanShutdown: return (hasBegun ? .cut : .connectionClosed, "\(error)")
    case .unableToValidateCertificate, .noCertificateToValidate, .cannotFindPeerIP: return (.certificate, "\(error)")
    default:
      let text = "\(error)"
      guard text.contains("CERTIFICATE_VERIFY_FAILED") else { return (.tls, text) }
      return (.certificate, "the server's certificate is of no known authority, or not valid now")
    }
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
    case .invalidProxyResponse, .proxyAuthenticationRequired: .proxy
    case .httpProxyHandshakeTimeout: .timeout
    default: error.shortDescription.contains("header field") ? .invalidRequest : .other
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

/// Whether `host` is an IPv4 or IPv6 address and no name.
private func isAddress(_ host: String) -> Bool { (try? SocketAddress(ipAddress: host, port: 0)) != nil }

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
