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

  public init() {}
}
