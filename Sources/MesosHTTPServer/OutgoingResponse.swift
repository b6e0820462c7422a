public import MesosHTTP

/// Where a streaming answer goes.
///
/// One write is one chunk on the wire, and is on its way when the call returns. A write waits while the client takes nothing,
/// and throws once the client is gone.
public protocol ResponseStream: Sendable {
  func write(_ bytes: [UInt8]) async throws
}

/// The body of an answer.
public enum OutgoingBody: Sendable {
  case none
  case bytes([UInt8])
  /// Pieces sent one after the other, never joined; `Content-Length` is their sum.
  case slices([[UInt8]])
  /// Chunks written as they come, for as long as the closure runs. It is cancelled when the client goes away, and may read the
  /// request's body meanwhile.
  case stream(@Sendable (any ResponseStream) async throws -> Void)
}

/// An answer.
public struct OutgoingResponse: Sendable {
  public var status: Int
  public var headers: HeaderFields
  public var body: OutgoingBody

  public init(status: Int = 200, headers: HeaderFields = [:], body: OutgoingBody = .none) {
    self.status = status
    self.headers = headers
    self.body = body
  }

  /// 200 with `bytes` of a media type.
  public static func content(_ bytes: [UInt8], _ mediaType: MediaType) -> OutgoingResponse {
    OutgoingResponse(headers: ["Content-Type": mediaType.name], body: .bytes(bytes))
  }

  /// 200 with JSON.
  public static func json(_ bytes: [UInt8]) -> OutgoingResponse { content(bytes, .json) }

  /// Plain text.
  public static func text(_ text: String, status: Int = 200) -> OutgoingResponse {
    OutgoingResponse(
      status: status, headers: ["Content-Type": MediaType.text.name], body: .bytes(Array(text.utf8)))
  }

  /// 202 without a body, as most scheduler and executor calls are answered.
  public static let accepted = OutgoingResponse(status: 202)

  /// A refusal in plain text.
  public static func failure(_ failure: HTTPFailure) -> OutgoingResponse {
    // A redirect has no body.
    var response =
      failure.status < 400 ? OutgoingResponse(status: failure.status) : text(failure.text, status: failure.status)
    for field in failure.headers { response.headers.append(name: field.name, value: field.value) }
    if failure.closesConnection { response.headers.set(name: "Connection", value: "close") }
    return response
  }

  /// 200 that stays open: `Content-Type` and the writer of its chunks.
  public static func stream(
    _ mediaType: MediaType, headers: HeaderFields = [:],
    _ write: @escaping @Sendable (any ResponseStream) async throws -> Void
  ) -> OutgoingResponse {
    var headers = headers
    headers.append(name: "Content-Type", value: mediaType.name)
    return OutgoingResponse(headers: headers, body: .stream(write))
  }
}
