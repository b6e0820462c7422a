import ClusterView
import Logging
import MesosHTTP
import MesosHTTPServer
import MesosModel
import SwiftProtobuf

/// The answer to SUBSCRIBE on `/api/v1`: SUBSCRIBED with the state, a HEARTBEAT at once and one every 15 seconds, and what changes.
///
/// With `events=extended` in the query a reader gets, besides, events that Apache Mesos does not have, and each event's `sequence`;
/// with `after=LOG:SEQUENCE` it goes on after that event where the log still reaches so far. `docs/operator-events.md` says more.
struct EventStream: Sendable {
  let services: MasterServices
  let logger: Logger

  static let heartbeatInterval: Duration = .seconds(15)
  private static let chunkBytesMax = 1 << 20
  /// Names the log whose numbers `sequence` are, on the answers to extended subscriptions.
  static let logHeader = "Mesos-Event-Log"

  /// What a request wants beyond Apache Mesos' stream.
  struct Wish: Sendable {
    var isExtended = false
    /// Whatever another master counted says nothing here.
    var after: (log: String, sequence: UInt64)?

    init(_ request: IncomingRequest) throws(HTTPFailure) {
      switch request.queryValue("events") {
      case nil: break
      case "extended": isExtended = true
      case .some(let value):
        throw .badRequest("Unknown value '\(value.prefix(100))' of 'events' in the query: expecting 'extended'")
      }
      guard let text = request.queryValue("after") else { return }
      guard let colon = text.lastIndex(of: ":"), let sequence = UInt64(text[text.index(after: colon)...]) else {
        throw .badRequest(
          "Expecting 'after=LOG:SEQUENCE' in the query, of the header \(EventStream.logHeader) and an event's 'sequence'"
        )
      }
      isExtended = true
      after = (String(text[..<colon]), sequence)
    }
  }

  func respond(to request: IncomingRequest, encoding: MessageEncoding) throws -> OutgoingResponse {
    let wish = try Wish(request)
    let after = wish.after.flatMap { $0.log == services.info.id ? $0.sequence : nil }
    let events = services.view.events(
      after: after, isExtended: wish.isExtended, visibility: services.security.visibility(of: request.principal))
    let headers: HeaderFields = wish.isExtended ? [Self.logHeader: services.info.id] : [:]
    return .stream(encoding.mediaType, headers: headers) { stream in
      try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask {
          while true {
            try await Task.sleep(for: Self.heartbeatInterval)
            events.requestHeartbeat()
          }
        }
        group.addTask { try await write(events, encoding, to: stream) }
        defer { group.cancelAll() }
        try await group.next()
      }
    }
  }

  private func write(
    _ events: ClusterEvents, _ encoding: MessageEncoding, to stream: any ResponseStream
  ) async throws {
    if let snapshot = events.takeSnapshot() {
      let subscribed = await services.view.subscribed(
        to: snapshot, encoding: encoding, heartbeatSeconds: Self.heartbeatInterval / .seconds(1),
        isExtended: events.isExtended)
      // A record is a chunk, as there are clients that count on that; only a large state comes in several.
      var chunk = RecordIOEncoder.header(for: subscribed.length)
      for slice in subscribed.slices {
        if chunk.count + slice.count > Self.chunkBytesMax, !chunk.isEmpty {
          try await stream.write(chunk)
          chunk = []
        }
        chunk += slice
      }
      try await stream.write(chunk)
    }
    let heartbeat = RecordIOEncoder.encode(encoding.encode(MasterEvent.with { $0.type = .heartbeat }))
    try await stream.write(heartbeat)
    do {
      while let signal = try await events.next() {
        switch signal {
        case .heartbeat: try await stream.write(heartbeat)
        case .events(let batch):
          for event in batch { try await stream.write(event.record(encoding, isExtended: events.isExtended)) }
        }
      }
    } catch let error as ClusterViewError {
      guard case .fellBehind(let sequence) = error else { return }
      logger.warning("reader of events is too slow, stream closed", metadata: ["sequence": "\(sequence)"])
      // Others see the end of the stream, as from an Apache Mesos that closes it.
      guard events.isExtended else { return }
      try await stream.write(
        RecordIOEncoder.encode(
          ClusterEvent.dropped(
            after: sequence, encoding,
            message: "Events came faster than they were read; subscribe anew for the state as it is now")))
    }
  }
}
