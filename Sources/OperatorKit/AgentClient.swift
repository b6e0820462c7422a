import MesosHTTP
public import MesosHTTPClient
public import MesosModel

/// The operator API of one agent: one method for each call, sessions in containers, and the files of sandboxes.
///
/// ``shutdown()`` must be called when it is done with, unless a ``MasterClient`` made it.
public final class AgentClient: Sendable {
  public let endpoint: HTTPEndpoint
  let connection: OperatorConnection
  private let ownsConnection: Bool

  /// - Parameters:
  ///   - endpoint: The agent's address; its base path is what stands before `/api/v1`, `/slave(1)` on Apache Mesos or
  ///     nothing.
  ///   - configuration: How it speaks and what it takes.
  public convenience init(_ endpoint: HTTPEndpoint, configuration: OperatorConfiguration = OperatorConfiguration()) {
    self.init(endpoint, connection: OperatorConnection(configuration: configuration), ownsConnection: true)
  }

  init(_ endpoint: HTTPEndpoint, connection: OperatorConnection, ownsConnection: Bool) {
    self.endpoint = endpoint
    self.connection = connection
    self.ownsConnection = ownsConnection
  }

  /// How it speaks and what it takes.
  public var configuration: OperatorConfiguration { connection.configuration }

  /// Ends all connections; does nothing where a ``MasterClient`` owns them.
  public func shutdown() async { if ownsConnection { await connection.shutdown() } }

  /// Sends any call that is no stream and returns the envelope of its answer, unchecked: for calls newer than this library.
  ///
  /// - Returns: `nil` for an answer without a body.
  /// - Throws: `OperatorError`.
  public func send(_ call: AgentCall, timeout: Duration? = nil) async throws(OperatorError) -> AgentResponse? {
    let name = call.type.wireName
    let response = try await answer(to: call, name, deadline: timeout)
    guard !response.body.isEmpty else { return nil }
    return try connection.decode(AgentResponse.self, response, name, endpoint)
  }

  /// A call that answers with a message.
  ///
  /// - Parameter mayBeEmpty: Whether the answer may come without its message, which then is an empty one.
  func ask<Answer: Sendable>(
    _ type: AgentCall.TypeEnum, _ expected: AgentResponse.TypeEnum, _ has: (AgentResponse) -> Bool,
    _ answer: (AgentResponse) -> Answer, mayBeEmpty: Bool = false, timeout: Duration? = nil,
    _ fill: (inout AgentCall) -> Void = { _ in }
  ) async throws(OperatorError) -> Answer {
    var call = AgentCall()
    call.type = type
    fill(&call)
    let name = type.wireName
    let response = try await self.answer(to: call, name, deadline: timeout)
    let message = try connection.decode(AgentResponse.self, response, name, endpoint)
    guard message.type == expected else {
      throw OperatorError(.wrongAnswer, "\(name) to \(endpoint): the answer is to another call, \(message.type)")
    }
    guard mayBeEmpty || has(message) else {
      throw OperatorError(.wrongAnswer, "\(name) to \(endpoint): the answer is empty")
    }
    return answer(message)
  }

  /// A call that is taken or refused; returns the status, 200 to 299.
  @discardableResult
  func tell(_ type: AgentCall.TypeEnum, _ fill: (inout AgentCall) -> Void) async throws(OperatorError) -> Int {
    var call = AgentCall()
    call.type = type
    fill(&call)
    return try await answer(to: call, type.wireName, deadline: nil).status
  }

  private func answer(
    to call: AgentCall, _ name: String, deadline: Duration?
  ) async throws(OperatorError) -> ClientResponse {
    let body = configuration.encoding.encode(call)
    let response = try await connection.call(name, body: body, to: endpoint, deadline: deadline)
    guard (200..<300).contains(response.status) else {
      throw OperatorError(status: response.status, text: response.excerpt, call: name, endpoint: endpoint)
    }
    return response
  }
}

/// Gives `body` a client of one agent and ends it after.
public func withAgentClient<Success>(
  _ endpoint: HTTPEndpoint, configuration: OperatorConfiguration = OperatorConfiguration(),
  _ body: (AgentClient) async throws -> Success
) async throws -> Success {
  let client = AgentClient(endpoint, configuration: configuration)
  do {
    let success = try await body(client)
    await client.shutdown()
    return success
  } catch {
    await client.shutdown()
    throw error
  }
}
