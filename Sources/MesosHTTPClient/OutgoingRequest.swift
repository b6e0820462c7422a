public import MesosHTTP

/// A request to be sent.
public struct OutgoingRequest: Sendable {
  public var endpoint: HTTPEndpoint
  public var method: String
  /// Begins with a slash; not percent-encoded yet.
  public var path: String
  /// Names and values, not encoded yet.
  public var query: [(name: String, value: String)]
  public var headers: HeaderFields
  public var body: [UInt8]
  /// Whether the client's ``HTTPClientConfiguration/credentials`` go with it. Not for a server that only a redirect named.
  public var carriesCredentials = true

  public init(
    _ endpoint: HTTPEndpoint, method: String = "GET", path: String, query: [(name: String, value: String)] = [],
    headers: HeaderFields = [:], body: [UInt8] = []
  ) {
    self.endpoint = endpoint
    self.method = method
    self.path = path
    self.query = query
    self.headers = headers
    self.body = body
  }

  /// The same request for where a redirect leads. At another origin than the present one (scheme, host, port) it carries no
  /// credentials any more, neither the client's nor an `Authorization` of its own.
  public func redirected(to endpoint: HTTPEndpoint) -> OutgoingRequest {
    var request = self
    request.endpoint = endpoint
    if !endpoint.isSameOrigin(as: self.endpoint) {
      request.carriesCredentials = false
      request.headers.remove(name: "Authorization")
    }
    return request
  }

  /// A v1 call: POST with `Content-Type` and `Accept` of one encoding.
  public static func call(
    _ endpoint: HTTPEndpoint, path: String, encoding: MessageEncoding, headers: HeaderFields = [:], body: [UInt8]
  ) -> OutgoingRequest {
    var headers = headers
    headers.set(name: "Content-Type", value: encoding.contentType)
    if headers["Accept"] == nil { headers.append(name: "Accept", value: encoding.contentType) }
    return OutgoingRequest(endpoint, method: "POST", path: path, headers: headers, body: body)
  }
}

/// A whole answer.
public struct ClientResponse: Sendable {
  public var status: Int
  public var headers: HeaderFields
  public var body: [UInt8]

  public init(status: Int, headers: HeaderFields, body: [UInt8]) {
    self.status = status
    self.headers = headers
    self.body = body
  }

  /// The body as text, at most its first 2,048 bytes: what to show of a refusal.
  public var excerpt: String { String(decoding: body.prefix(2_048), as: UTF8.self) }

  /// Where a redirect (status 301, 302, 303, 307 or 308) points, with `//host:port` read as Apache Mesos gives it.
  public var redirect: HTTPEndpoint? {
    guard [301, 302, 303, 307, 308].contains(status), let location = headers["Location"] else { return nil }
    return HTTPEndpoint(location)
  }
}
