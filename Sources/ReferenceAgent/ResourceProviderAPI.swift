import AgentCore
import Logging
import MesosHTTP
import MesosHTTPServer
import MesosModel
import ServerPages
import ShellSupport

/// `/api/v1/resource_provider`: calls in, and for SUBSCRIBE a stream of events out.
struct ResourceProviderAPI: Sendable {
  let agent: AgentActor
  let bodyLimit: Int
  /// Events that may wait for one slow resource provider.
  let streamLimit: Int

  /// Answers one POST.
  func respond(to request: IncomingRequest) async throws -> OutgoingResponse {
    let call = try await request.call(ResourceProviderCall.self, at: .resourceProvider, upTo: bodyLimit)
    let streamID = request.headers["Mesos-Stream-Id"]
    guard call.type == .subscribe, call.hasSubscribe else {
      return try OutgoingResponse(await agent.call(call, streamID: streamID, principal: nil))
    }
    let answer = try Negotiation.responseFormat(.resourceProvider, accept: request.headers["Accept"])
    guard streamID == nil else {
      throw HTTPFailure.badRequest("Subscribe calls should not include the 'Mesos-Stream-Id' header")
    }
    return try await subscribe(call, encoding: answer.encoding)
  }

  private func subscribe(_ call: ResourceProviderCall, encoding: MessageEncoding) async throws -> OutgoingResponse {
    var generator = SystemRandomNumberGenerator()
    let streamID = UUIDText.random(using: &generator)
    let mailbox = AgentActor.ProviderMailbox(limit: streamLimit)
    let (connection, answer) = await agent.subscribeProvider(
      call, streamID: streamID, principal: nil, mailbox: mailbox)
    guard answer == .streaming else { return try OutgoingResponse(answer) }
    let agent = agent
    return .events(mailbox, encoding: encoding, headers: ["Mesos-Stream-Id": streamID]) {
      await agent.providerDisconnected(connection)
    }
  }
}
