import AgentLink
import AgentLinkModel
import Logging
import MesosHTTP
import MesosHTTPServer
import ShellSupport

/// The agents' exchanges: records up in the request's body, records down in the answer's, both at once.
struct AgentLinkAPI: Sendable {
  let master: MasterActor
  /// Records that may wait for one slow agent, beyond what its session keeps.
  let exchangeLimit: Int
  let logger: Logger

  func respond(to request: IncomingRequest) async throws -> OutgoingResponse {
    guard request.headers["Content-Type"] == LinkProtocol.mediaType else {
      throw HTTPFailure.unsupportedMediaType("Expecting 'Content-Type' of \(LinkProtocol.mediaType)")
    }
    let mailbox = MasterActor.ExchangeMailbox(limit: exchangeLimit)
    let (master, body, ip) = (master, request.body, Self.ip(of: request.remoteAddress))
    return .stream(MediaType(LinkProtocol.mediaType)) { stream in
      let exchange = await master.openExchange(mailbox, ip: ip)
      do {
        try await withThrowingTaskGroup(of: Void.self) { group in
          group.addTask {
            try await Self.read(body, exchange: exchange, into: master)
            mailbox.finish()
          }
          group.addTask {
            while let records = await mailbox.next() {
              for record in records { try await stream.write(RecordIOEncoder.encode(record)) }
            }
          }
          // The first to end ends the exchange: the agent went away, or the master has no more to say to it.
          try await group.next()
          mailbox.finish()
          group.cancelAll()
          try await group.waitForAll()
        }
      } catch {
        await master.exchangeClosed(exchange)
        throw error
      }
      await master.exchangeClosed(exchange)
    }
  }

  /// Hands over what arrives, until the body ends. A malformed record ends the session.
  private static func read(_ body: IncomingBody, exchange: LinkExchange, into master: MasterActor) async throws {
    var decoder = RecordIODecoder(maximumRecordSize: LinkProtocol.recordBytesMax)
    for try await chunk in body {
      decoder.append(chunk)
      var records: [LinkUp] = []
      do {
        while let bytes = try decoder.next() { records.append(try LinkProtocol.decodeUp(bytes)) }
      } catch {
        if !records.isEmpty { await master.exchangeReceived(exchange, records) }
        await master.exchangeMalformed(exchange, message: "\(error)")
        return
      }
      if !records.isEmpty { await master.exchangeReceived(exchange, records) }
    }
  }

  /// The address without its port.
  private static func ip(of remoteAddress: String) -> String {
    guard let colon = remoteAddress.lastIndex(of: ":") else { return remoteAddress }
    return String(remoteAddress[..<colon].filter { $0 != "[" && $0 != "]" })
  }
}
