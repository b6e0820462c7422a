import MesosHTTP
public import MesosHTTPServer
import Synchronization

/// Answers with the documents from before the v1 API: JSON of any size, `?jsonp=NAME` around it, gzip for who accepts it.
public enum LegacyPage {
  /// Where a page goes, a chunk at a time.
  public typealias Write = @Sendable ([UInt8]) async throws -> Void

  /// Documents below this many bytes are not compressed, as in Apache Mesos.
  private static let gzipMinimum = 1_024

  /// - Parameters:
  ///   - isSmall: The document may be collected in memory and is sent with its length; others are sent in chunks as they are written.
  ///   - make: Writes the document.
  /// - Throws: 400 for a `jsonp` that is no name of a function.
  public static func respond(
    to request: IncomingRequest, isSmall: Bool, _ make: @escaping @Sendable (Write) async throws -> Void
  ) async throws -> OutgoingResponse {
    var headers: HeaderFields = ["Content-Type": "application/json"]
    var before: [UInt8] = []
    var after: [UInt8] = []
    if let callback = request.queryValue("jsonp") {
      guard isName(callback) else {
        throw HTTPFailure.badRequest("Expecting 'jsonp' in the query to be the name of a function")
      }
      headers = ["Content-Type": "text/javascript"]
      before = Array("\(callback)(".utf8)
      after = Array(")".utf8)
    }
    let (head, tail) = (before, after)
    let acceptsGzip = accepts("gzip", request.headers["Accept-Encoding"])
    guard isSmall else {
      guard acceptsGzip, let gzip = GzipStream() else {
        return OutgoingResponse(
          headers: headers,
          body: .stream { stream in
            if !head.isEmpty { try await stream.write(head) }
            try await make { try await stream.write($0) }
            if !tail.isEmpty { try await stream.write(tail) }
          })
      }
      headers.append(name: "Content-Encoding", value: "gzip")
      return OutgoingResponse(
        headers: headers,
        body: .stream { stream in
          let send: Write = { bytes in
            if !bytes.isEmpty { try await stream.write(bytes) }
          }
          try await send(gzip.compress(head))
          try await make { try await send(gzip.compress($0)) }
          try await send(gzip.compress(tail))
          try await send(gzip.finish())
        })
    }
    let collected = Mutex<[[UInt8]]>([])
    try await make { chunk in collected.withLock { $0.append(chunk) } }
    let slices = ([head] + collected.withLock { $0 } + [tail]).filter { !$0.isEmpty }
    guard acceptsGzip, slices.reduce(0, { $0 + $1.count }) >= gzipMinimum, let gzip = GzipStream() else {
      return OutgoingResponse(headers: headers, body: .slices(slices))
    }
    headers.append(name: "Content-Encoding", value: "gzip")
    let compressed = slices.map { gzip.compress($0) } + [gzip.finish()]
    return OutgoingResponse(headers: headers, body: .slices(compressed.filter { !$0.isEmpty }))
  }

  /// Only what can stand before a parenthesis goes into a script; Apache Mesos puts there what it is given.
  private static func isName(_ text: String) -> Bool {
    !text.isEmpty && text.utf8.count <= 256
      && text.unicodeScalars.allSatisfy {
        $0.isASCII && ($0.properties.isAlphabetic || "0123456789_$.[]".unicodeScalars.contains($0))
      }
  }

  /// Whether a list of `Accept-Encoding` has the coding, and does not refuse it.
  static func accepts(_ coding: String, _ list: String?) -> Bool {
    for item in (list ?? "").split(separator: ",") {
      let parts = item.split(separator: ";").map { $0.filter { $0 != " " && $0 != "\t" }.lowercased() }
      guard let name = parts.first, name == coding || name == "*" else { continue }
      let quality = parts.dropFirst().first { $0.hasPrefix("q=") }?.dropFirst(2)
      return quality.flatMap { Double($0) } != 0
    }
    return false
  }
}
