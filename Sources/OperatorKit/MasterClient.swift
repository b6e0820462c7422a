import Logging
import MesosHTTP
public import MesosHTTPClient
public import MesosModel
import Synchronization

/// The operator API of a cluster's leading master: one method for each call, and the event stream.
///
/// The leader is found by asking: a standby master's redirect is followed, within ``OperatorConfiguration/redirectsMax``, and remembered; a
/// master that is away or knows no leader gives the turn to the next. A call that may have reached a master is never sent twice.
///
/// ``shutdown()`` must be called when it is done with; ``withMasterClient(_:configuration:_:)`` does.
public final class MasterClient: Sendable {
  let connection: OperatorConnection
  private let locator: any MasterLocator
  private let leader = Mutex<HTTPEndpoint?>(nil)

  /// - Parameters:
  ///   - masters: `host:port` or a URL, or several apart by commas.
  ///   - configuration: How it speaks and what it takes.
  /// - Throws: `OperatorError` with code `.invalidConfiguration`.
  public convenience init(
    _ masters: String, configuration: OperatorConfiguration = OperatorConfiguration()
  ) throws(OperatorError) {
    self.init(try MasterList(masters), configuration: configuration)
  }

  /// - Parameters:
  ///   - locator: Knows the masters; a detector may stand here.
  ///   - configuration: How it speaks and what it takes.
  public init(_ locator: any MasterLocator, configuration: OperatorConfiguration = OperatorConfiguration()) {
    self.locator = locator
    connection = OperatorConnection(configuration: configuration)
  }

  /// How it speaks and what it takes.
  public var configuration: OperatorConfiguration { connection.configuration }

  /// The master that answered last.
  public var knownLeader: HTTPEndpoint? { leader.withLock { $0 } }

  /// Ends all connections; later calls fail with code `.shutDown`, those of agents' clients that were made here too.
  public func shutdown() async { await connection.shutdown() }

  /// A client of an agent's API that shares this one's connections and ends with it.
  public func agent(at endpoint: HTTPEndpoint) -> AgentClient {
    AgentClient(endpoint, connection: connection, ownsConnection: false)
  }

  /// A client of a registered agent's API; `nil` where its record has no usable address.
  public func agent(_ agent: MasterResponse.GetAgents.Agent) -> AgentClient? {
    var scheme = "http"
    if case .tcp(let known, _, _)? = knownLeader?.address { scheme = known }
    return HTTPEndpoint(agent: agent, scheme: scheme).map { self.agent(at: $0) }
  }

  /// Sends any call to the leading master and returns the envelope of its answer, unchecked: for calls newer than this library.
  ///
  /// - Returns: `nil` for an answer without a body, such as 202.
  /// - Throws: `OperatorError`.
  public func send(_ call: MasterCall, timeout: Duration? = nil) async throws(OperatorError) -> MasterResponse? {
    let name = call.type.wireName
    let (response, endpoint) = try await answer(to: call, name, deadline: timeout)
    guard !response.body.isEmpty else { return nil }
    return try connection.decode(MasterResponse.self, response, name, endpoint)
  }

  /// A call that answers with a message.
  ///
  /// - Parameter mayBeEmpty: Whether the answer may come without its message, which then is an empty one.
  func ask<Answer: Sendable>(
    _ type: MasterCall.TypeEnum, _ expected: MasterResponse.TypeEnum, _ has: (MasterResponse) -> Bool,
    _ answer: (MasterResponse) -> Answer, mayBeEmpty: Bool = false, timeout: Duration? = nil,
    _ fill: (inout MasterCall) -> Void = { _ in }
  ) async throws(OperatorError) -> Answer {
    var call = MasterCall()
    call.type = type
    fill(&call)
    let name = type.wireName
    let (response, endpoint) = try await self.answer(to: call, name, deadline: timeout)
    let message = try connection.decode(MasterResponse.self, response, name, endpoint)
    guard message.type == expected else {
      throw OperatorError(.wrongAnswer, "\(name) to \(endpoint): the answer is to another call, \(message.type)")
    }
    guard mayBeEmpty || has(message) else {
      throw OperatorError(.wrongAnswer, "\(name) to \(endpoint): the answer is empty")
    }
    return answer(message)
  }

  /// A call that is taken or refused.
  func tell(_ type: MasterCall.TypeEnum, _ fill: (inout MasterCall) -> Void) async throws(OperatorError) {
    var call = MasterCall()
    call.type = type
    fill(&call)
    _ = try await answer(to: call, type.wireName, deadline: nil)
  }

  private func answer(
    to call: MasterCall, _ name: String, deadline: Duration?
  ) async throws(OperatorError) -> (ClientResponse, HTTPEndpoint) {
    let body = configuration.encoding.encode(call)
    return try await reach(name) { endpoint throws(OperatorError) in
      let response = try await self.connection.call(name, body: body, to: endpoint, deadline: deadline)
      switch response.status {
      case 200..<300: return .answer(response)
      case 300..<400: return .redirect(location: response.headers["Location"])
      default:
        throw OperatorError(status: response.status, text: response.excerpt, call: name, endpoint: endpoint)
      }
    }
  }

  /// How one master took a request.
  enum Reached<Answer: Sendable>: Sendable {
    case answer(Answer)
    case redirect(location: String?)
  }

  /// Asks one master after the other until one answers.
  func reach<Answer: Sendable>(
    _ name: String, _ ask: (HTTPEndpoint) async throws(OperatorError) -> Reached<Answer>
  ) async throws(OperatorError) -> (Answer, HTTPEndpoint) {
    let masters: [HTTPEndpoint]
    do {
      masters = try await locator.masters()
    } catch {
      throw OperatorError(.unreachable, "\(name): no master is known: \(error)")
    }
    // A list does not know who leads; whoever watches the election knows better than the last answer.
    let last = locator is MasterList ? knownLeader : nil
    var search = LeaderSearch(last: last, masters: masters, redirectsMax: configuration.redirectsMax)
    while let endpoint = search.next() {
      do {
        switch try await ask(endpoint) {
        case .answer(let answer):
          leader.withLock { $0 = endpoint }
          return (answer, endpoint)
        case .redirect(let location):
          let leader = LeaderSearch.leader(location: location, from: endpoint, path: configuration.path)
          configuration.logger.debug(
            "Following the leader",
            metadata: ["master": "\(endpoint)", "leader": "\(leader?.description ?? "unknown")"])
          search.redirected(from: endpoint, to: leader, call: name)
        }
      } catch {
        // Only what was surely not done may be asked of another.
        guard error.code == .unreachable || error.code == .unavailable else {
          // One that does not answer need not be the first that is asked the next time.
          if error.code == .timeout || error.code == .connectionLost { leader.withLock { $0 = nil } }
          throw error
        }
        search.failed(error)
      }
    }
    leader.withLock { $0 = nil }
    throw search.error
  }
}

/// Gives `body` a client of the leading master and ends it after.
public func withMasterClient<Success>(
  _ masters: String, configuration: OperatorConfiguration = OperatorConfiguration(),
  _ body: (MasterClient) async throws -> Success
) async throws -> Success {
  let client = try MasterClient(masters, configuration: configuration)
  do {
    let success = try await body(client)
    await client.shutdown()
    return success
  } catch {
    await client.shutdown()
    throw error
  }
}

extension HTTPEndpoint {
  /// Where a registered agent's API is: its address and, as Apache Mesos has it, the name of its process before the paths.
  ///
  /// - Parameters:
  ///   - agent: The record of it that the master has.
  ///   - scheme: `http`, or `https` where agents speak TLS; the record does not tell.
  public init?(agent: MasterResponse.GetAgents.Agent, scheme: String = "http") {
    if let at = agent.pid.lastIndex(of: "@"), let endpoint = HTTPEndpoint("\(scheme)://\(agent.pid[at...].dropFirst())")
    {
      self = endpoint
      basePath = at == agent.pid.startIndex ? "" : "/" + agent.pid[..<at]
    } else if !agent.agentInfo.hostname.isEmpty, (1...65_535).contains(agent.agentInfo.port) {
      self.init(host: agent.agentInfo.hostname, port: Int(agent.agentInfo.port), scheme: scheme)
    } else {
      return nil
    }
  }
}
