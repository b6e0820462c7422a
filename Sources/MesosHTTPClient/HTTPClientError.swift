/// Why a request has no answer, or a stream broke off.
public struct HTTPClientError: Error, Hashable, Sendable, CustomStringConvertible {
  public struct Code: Hashable, Sendable {
    private enum Value {
      case refused, unresolved, unreachable, timeout, connectionClosed, cut, bodyTooLarge, cancelled, shutDown,
        invalidRequest
      case badAnswer, badRecord, invalidConfiguration, credentials, certificate, tls, proxy, other
    }
    private let value: Value
    /// Nobody listens there.
    public static let refused = Code(value: .refused)
    /// The name has no address.
    public static let unresolved = Code(value: .unresolved)
    /// There is no way to that address.
    public static let unreachable = Code(value: .unreachable)
    /// A deadline passed.
    public static let timeout = Code(value: .timeout)
    /// The connection ended before the answer began; the server may have seen the request.
    public static let connectionClosed = Code(value: .connectionClosed)
    /// The connection ended inside the answer's body.
    public static let cut = Code(value: .cut)
    /// The answer's body is larger than the caller allows.
    public static let bodyTooLarge = Code(value: .bodyTooLarge)
    /// The caller gave up.
    public static let cancelled = Code(value: .cancelled)
    /// The client was shut down.
    public static let shutDown = Code(value: .shutDown)
    /// The request cannot be sent as it is.
    public static let invalidRequest = Code(value: .invalidRequest)
    /// What came back is no HTTP.
    public static let badAnswer = Code(value: .badAnswer)
    /// The stream's records are broken.
    public static let badRecord = Code(value: .badRecord)
    /// TLS settings, credentials or a proxy that cannot be used as they are.
    public static let invalidConfiguration = Code(value: .invalidConfiguration)
    /// There are no credentials to send: a file or a renewal failed.
    public static let credentials = Code(value: .credentials)
    /// The server's certificate is not of a known authority, not valid now, or names another host.
    public static let certificate = Code(value: .certificate)
    /// TLS could not be agreed on: no version in common, or the server wants a certificate of ours, or speaks no TLS.
    public static let tls = Code(value: .tls)
    /// The proxy refuses the tunnel, or wants other credentials.
    public static let proxy = Code(value: .proxy)
    public static let other = Code(value: .other)
  }

  public let code: Code
  /// What was attempted and what went wrong.
  public let message: String

  public init(code: Code, message: String) {
    self.code = code
    self.message = message
  }

  public var description: String { message }
}
