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
    let format = try Negotiation.requestFormat(.executor, contentType: request.headers["Content-Type"])
    let body = try await request.body.collect(upTo: bodyLimit)
    let call: ExecutorCall
    do {
      call = try format.encoding.decode(ExecutorCall.self, from: body)
    } catch {
      throw error.failure(at: .executor)
    }
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
    return .stream(encoding.mediaType) { stream in
      do {
        while let events = await mailbox.next(maximum: 64) {
          for event in events { try await stream.write(RecordIOEncoder.encode(encoding.encode(event))) }
        }
      } catch {
        await agent.executorDisconnected(connection)
        throw error
      }
      await agent.executorDisconnected(connection)
    }
  }
}
