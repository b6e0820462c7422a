/// An HTTP proxy that connections go through: it is asked for a tunnel with CONNECT and sees nothing of what passes, TLS or not.
/// Unix sockets do not go through it.
public struct HTTPProxy: Sendable, CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
  public let host: String
  public let port: Int
  /// The value of `Proxy-Authorization`.
  let authorization: (principal: String, secret: String)?

  public init(host: String, port: Int) {
    self.host = host
    self.port = port
    authorization = nil
  }

  /// A proxy that wants HTTP basic credentials.
  ///
  /// - Throws: `HTTPClientError` with code `.invalidConfiguration`, as ``HTTPCredentials/basic(principal:secret:)``.
  public init(host: String, port: Int, principal: String, secret: String) throws(HTTPClientError) {
    _ = try HTTPCredentials.basic(principal: principal, secret: secret)
    self.host = host
    self.port = port
    authorization = (principal, secret)
  }

  public var description: String {
    "\(host.contains(":") ? "[\(host)]" : host):\(port)\(authorization.map { " as \($0.principal)" } ?? "")"
  }

  public var debugDescription: String { description }
  public var customMirror: Mirror {
    Mirror(self, children: ["host": host, "port": port] as KeyValuePairs<String, Any>, displayStyle: .struct)
  }
}
