import Logging
import MesosHTTP
import MesosHTTPClient
import MesosHTTPServer
import MesosModel
import OperatorKit
import ServiceLifecycle
import Synchronization

/// Servers on loopback for clients under test. They refuse what masters and agents refuse.
enum OperatorServer {
  /// Serves each list of routes on a port of its own while `body` runs.
  static func serving<Success: Sendable>(
    _ servers: [[Route]], body: @Sendable @escaping ([HTTPEndpoint]) async throws -> Success
  ) async throws -> Success {
    var logger = Logger(label: "test")
    logger.logLevel = .critical
    let servers = servers.map {
      MesosHTTPServer(configuration: HTTPServerConfiguration(), routes: $0, logger: logger)
    }
    // Stopped gracefully: a server that is cancelled while it takes a connection traps in the library below it.
    let services = ServiceGroup(services: servers, logger: logger)
    return try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { try await services.run() }
      let result: Result<Success, any Error>
      do {
        var endpoints: [HTTPEndpoint] = []
        for server in servers {
          endpoints.append(HTTPEndpoint(host: "127.0.0.1", port: try await server.address().port))
        }
        result = .success(try await body(endpoints))
      } catch {
        result = .failure(error)
      }
      await services.triggerGracefulShutdown()
      try await group.waitForAll()
      return try result.get()
    }
  }

  /// One master, and a client of it.
  static func master<Success: Sendable>(
    _ encoding: MessageEncoding = .protobuf, adjust: (inout OperatorConfiguration) -> Void = { _ in },
    _ answer: @escaping @Sendable (MasterCall, MessageEncoding) async throws -> OutgoingResponse,
    body: @Sendable @escaping (MasterClient) async throws -> Success
  ) async throws -> Success {
    var configuration = OperatorConfiguration()
    configuration.encoding = encoding
    adjust(&configuration)
    return try await serving([[masterRoute(answer)]]) { [configuration] endpoints in
      try await withMasterClient(endpoints[0].description, configuration: configuration, body)
    }
  }

  /// One agent below `/slave(1)`, and a client of it.
  static func agent<Success: Sendable>(
    _ encoding: MessageEncoding = .protobuf, adjust: (inout OperatorConfiguration) -> Void = { _ in },
    _ answer: @escaping @Sendable (AgentCall, MessageEncoding, IncomingRequest) async throws -> OutgoingResponse,
    body: @Sendable @escaping (AgentClient) async throws -> Success
  ) async throws -> Success {
    var configuration = OperatorConfiguration()
    configuration.encoding = encoding
    adjust(&configuration)
    return try await serving([[agentRoute(answer)]]) { [configuration] endpoints in
      var endpoint = endpoints[0]
      endpoint.basePath = "/slave(1)"
      return try await withAgentClient(endpoint, configuration: configuration, body)
    }
  }

  /// `/api/v1` of a master.
  static func masterRoute(
    _ answer: @escaping @Sendable (MasterCall, MessageEncoding) async throws -> OutgoingResponse
  ) -> Route {
    Route("/api/v1") { request in
      let format = try Negotiation.requestFormat(.masterOperator, contentType: request.headers["Content-Type"])
      guard request.headers["Accept"] == format.encoding.contentType else { throw HTTPFailure.notAcceptable("Accept") }
      let call = try format.encoding.decode(MasterCall.self, from: try await request.body.collect(upTo: 1 << 20))
      do throws(ValidationError) { try CallValidation.validate(call) } catch {
        throw HTTPFailure.badRequest(error.message)
      }
      return try await answer(call, format.encoding)
    }
  }

  /// `/slave(1)/api/v1` of an agent. Calls whose requests are records are handed on with the first of these.
  static func agentRoute(
    _ answer: @escaping @Sendable (AgentCall, MessageEncoding, IncomingRequest) async throws -> OutgoingResponse
  ) -> Route {
    Route("/slave(1)/api/v1") { request in
      let format = try Negotiation.requestFormat(
        .agentOperator, contentType: request.headers["Content-Type"],
        messageContentType: request.headers["Message-Content-Type"])
      let answerFormat = try Negotiation.responseFormat(
        .agentOperator, accept: request.headers["Accept"], messageAccept: request.headers["Message-Accept"])
      guard case .message(let encoding) = format else {
        var call = AgentCall()
        call.type = .attachContainerInput
        return try await answer(call, format.encoding, request)
      }
      let call = try encoding.decode(AgentCall.self, from: try await request.body.collect(upTo: 1 << 20))
      do throws(ValidationError) { try CallValidation.validate(call) } catch {
        throw HTTPFailure.badRequest(error.message)
      }
      let streams: Set<AgentCall.TypeEnum> = [.launchNestedContainerSession, .attachContainerOutput]
      guard answerFormat == (streams.contains(call.type) ? .records(encoding) : .message(encoding)) else {
        throw HTTPFailure.notAcceptable("Accept")
      }
      return try await answer(call, encoding, request)
    }
  }
}

/// A value that several tasks change.
final class Shared<Value: Sendable>: Sendable {
  private let value: Mutex<Value>

  init(_ value: sending Value) { self.value = Mutex(value) }

  var current: Value { value.withLock { $0 } }

  func withLock<Result: Sendable, Failure: Error>(
    _ body: (inout Value) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    try value.withLock { value throws(Failure) in try body(&value) }
  }
}

/// Something that happens once, for tasks to wait for.
final class Signal: Sendable {
  private let stream: AsyncStream<Void>
  private let continuation: AsyncStream<Void>.Continuation

  init() { (stream, continuation) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1)) }

  func raise() {
    continuation.yield()
    continuation.finish()
  }

  func wait() async { for await _ in stream { return } }
}

/// What an operation throws; a failure when it throws nothing.
func failure<Success>(_ operation: () async throws(OperatorError) -> Success) async -> OperatorError? {
  do {
    _ = try await operation()
    return nil
  } catch {
    return error
  }
}
