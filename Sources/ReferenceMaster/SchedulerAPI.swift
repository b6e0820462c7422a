import Logging
import MasterCore
import MesosHTTP
import MesosHTTPServer
import MesosModel
import ServerPages
import ShellSupport

/// `/api/v1/scheduler`: calls in, and for SUBSCRIBE a stream of events out.
struct SchedulerAPI: Sendable {
  let master: MasterActor
  let bodyLimit: Int
  /// Events that may wait for one slow reader.
  let streamLimit: Int
  let makeStreamID: @Sendable () -> String
  let logger: Logger

  /// Answers one POST.
  func respond(to request: IncomingRequest) async throws -> OutgoingResponse {
    let call = try await request.call(SchedulerCall.self, at: .scheduler, upTo: bodyLimit)
    let streamID = request.headers["Mesos-Stream-Id"]
    guard call.type == .subscribe else {
      return try OutgoingResponse(await master.call(call, streamID: streamID, principal: request.principal))
    }
    let answer = try Negotiation.responseFormat(.scheduler, accept: request.headers["Accept"])
    guard streamID == nil else {
      throw HTTPFailure.badRequest("Subscribe calls should not include the 'Mesos-Stream-Id' header")
    }
    return try await subscribe(call, principal: request.principal, encoding: answer.encoding)
  }

  private func subscribe(
    _ call: SchedulerCall, principal: Principal?, encoding: MessageEncoding
  ) async throws -> OutgoingResponse {
    let streamID = makeStreamID()
    let mailbox = MasterActor.SchedulerMailbox(limit: streamLimit)
    let (connection, answer) = await master.subscribe(
      call, streamID: streamID, principal: principal, mailbox: mailbox)
    guard answer == .streaming else { return try OutgoingResponse(answer) }
    let master = master
    return .events(mailbox, encoding: encoding, headers: ["Mesos-Stream-Id": streamID]) {
      await master.schedulerDisconnected(connection)
    }
  }
}
