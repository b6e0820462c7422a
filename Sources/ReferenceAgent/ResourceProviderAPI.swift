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
    let format = try Negotiation.requestFormat(.resourceProvider, contentType: request.headers["Content-Type"])
    let body = try await request.body.collect(upTo: bodyLimit)
    let call: ResourceProviderCall
    do {
      call = try format.encoding.decode(ResourceProviderCall.self, from: body)
    } catch {
      throw error.failure(at: .resourceProvider)
    }
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
    return .stream(encoding.mediaType, headers: ["Mesos-Stream-Id": streamID]) { stream in
      do {
        while let events = await mailbox.next(maximum: 64) {
          for event in events { try await stream.write(RecordIOEncoder.encode(encoding.encode(event))) }
        }
      } catch {
        await agent.providerDisconnected(connection)
        throw error
      }
      await agent.providerDisconnected(connection)
    }
  }
}
