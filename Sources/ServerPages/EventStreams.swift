public import MesosHTTP
public import MesosHTTPServer
public import MesosModel
public import ShellSupport

extension IncomingRequest {
  /// The call in a request's body, for the interfaces whose requests are one message.
  ///
  /// - Throws: `HTTPFailure` in the words of `endpoint`.
  public func call<Call: JSONMessage>(
    _ type: Call.Type, at endpoint: APIEndpoint, upTo bodyLimit: Int
  ) async throws -> Call {
    let format = try Negotiation.requestFormat(endpoint, contentType: headers["Content-Type"])
    let bytes = try await body.collect(upTo: bodyLimit)
    do {
      return try format.encoding.decode(type, from: bytes)
    } catch {
      throw error.failure(at: endpoint)
    }
  }
}

extension OutgoingResponse {
  /// A stream of what a mailbox is given, each event a record, until it is finished or the reader is gone.
  ///
  /// - Parameter whenOver: Called once, however it ends.
  public static func events<Event: JSONMessage>(
    _ mailbox: BoundedMailbox<Event>, encoding: MessageEncoding, headers: HeaderFields = [:],
    whenOver: @escaping @Sendable () async -> Void
  ) -> OutgoingResponse {
    .stream(encoding.mediaType, headers: headers) { stream in
      do {
        while let events = await mailbox.next(maximum: 64) {
          for event in events { try await stream.write(RecordIOEncoder.encode(encoding.encode(event))) }
        }
      } catch {
        await whenOver()
        throw error
      }
      await whenOver()
    }
  }
}
