import AgentCore
import Logging
import MesosHTTP
import MesosHTTPServer
import MesosModel
import ServerPages
import ShellSupport

/// `/api/v1/executor`: calls in, and for SUBSCRIBE a stream of events out.
struct ExecutorAPI: Sendable {
  let agent: AgentActor
  let bodyLimit: Int
  /// Events that may wait for one slow executor.
  let streamLimit: Int

  /// Answers one POST.
  func respond(to request: IncomingRequest) async throws -> OutgoingResponse {
    let call = try await request.call(ExecutorCall.self, at: .executor, upTo: bodyLimit)
    guard call.type == .subscribe, call.hasSubscribe else {
      return try OutgoingResponse(await agent.call(call, principal: nil))
    }
    let encoding = try Negotiation.responseFormat(.executor, accept: request.headers["Accept"]).encoding
    return try await subscribe(call, encoding: encoding)
  }

  private func subscribe(_ call: ExecutorCall, encoding: MessageEncoding) async throws -> OutgoingResponse {
    let mailbox = AgentActor.ExecutorMailbox(limit: streamLimit)
    let (connection, answer) = await agent.subscribe(call, principal: nil, mailbox: mailbox)
    guard answer == .streaming else { return try OutgoingResponse(answer) }
    let agent = agent
    return .events(mailbox, encoding: encoding) { await agent.executorDisconnected(connection) }
  }
}
