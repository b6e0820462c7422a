/// How a ``MesosHTTPClient`` connects.
public struct HTTPClientConfiguration: Sendable {
  /// How long a connection may take to be made.
  public var connectTimeout: Duration = .seconds(10)
  /// Connections to one host at once. A stream takes one for as long as it lives, so the limit is far above what pools have.
  public var connectionsPerHostMax = 20_000
  /// How long a connection that nobody uses is kept.
  public var idleTimeout: Duration = .seconds(60)
  /// Bytes of a stream that arrived and were not read, before the server is held back.
  public var streamBufferBytesMax = 1 << 20
  /// How `https` is spoken; the system's authorities and everything checked where nothing is said.
  public var tls = ClientTLS.system
  /// Sent with each request that has no `Authorization` of its own and whose ``OutgoingRequest/carriesCredentials`` is true.
  public var credentials: HTTPCredentials?
  /// What all connections but those to unix sockets go through.
  public var proxy: HTTPProxy?

  public init() {}
}
