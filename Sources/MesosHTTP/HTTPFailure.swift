/// A request that is refused, or sent on: status and plain text, as Apache Mesos answers.
public struct HTTPFailure: Error, Hashable, Sendable {
  /// HTTP status: 307 with a `Location`, or 400 to 599.
  public var status: Int
  /// The body, sent as `text/plain; charset=utf-8`.
  public var text: String
  /// Further header fields, such as `Allow`.
  public var headers: HeaderFields
  /// Whether the connection is of no more use: the rest of the request is not worth reading.
  public var closesConnection: Bool

  public init(status: Int, text: String, headers: HeaderFields = [:], closesConnection: Bool = false) {
    self.status = status
    self.text = text
    self.headers = headers
    self.closesConnection = closesConnection
  }

  public static func badRequest(_ text: String) -> HTTPFailure { HTTPFailure(status: 400, text: text) }
  public static func forbidden(_ text: String) -> HTTPFailure { HTTPFailure(status: 403, text: text) }
  public static func notAcceptable(_ text: String) -> HTTPFailure { HTTPFailure(status: 406, text: text) }
  public static func conflict(_ text: String) -> HTTPFailure { HTTPFailure(status: 409, text: text) }
  public static func unsupportedMediaType(_ text: String) -> HTTPFailure { HTTPFailure(status: 415, text: text) }
  public static func internalError(_ text: String) -> HTTPFailure { HTTPFailure(status: 500, text: text) }
  public static func notImplemented(_ text: String) -> HTTPFailure { HTTPFailure(status: 501, text: text) }
  public static func serviceUnavailable(_ text: String) -> HTTPFailure { HTTPFailure(status: 503, text: text) }

  /// No endpoint has this path.
  public static let notFound = HTTPFailure(status: 404, text: "404 Not Found.")

  /// The endpoint has other methods than `received`.
  public static func methodNotAllowed(expected: [String], received: String) -> HTTPFailure {
    let list = expected.map { "'\($0)'" }.joined(separator: ", ")
    return HTTPFailure(
      status: 405,
      text: "405 Method Not Allowed. Expecting one of { \(list) }, but received '\(received.prefix(64))'.",
      headers: ["Allow": expected.joined(separator: ", ")])
  }

  /// The body is larger than `limit` bytes; the rest of it is not read.
  public static func bodyTooLarge(limit: Int) -> HTTPFailure {
    HTTPFailure(
      status: 413, text: "The request body is larger than \(limit) bytes", closesConnection: true)
  }

  /// The body did not arrive in time.
  public static let bodyTimeout = HTTPFailure(
    status: 408, text: "The request body did not arrive in time", closesConnection: true)

  /// The body ended, or broke its framing, before it was whole.
  public static let bodyCut = HTTPFailure(
    status: 400, text: "The request body ended before it was complete", closesConnection: true)
}
