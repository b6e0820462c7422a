/// What a ``MesosHTTPServer`` listens on and how much it bears.
public struct HTTPServerConfiguration: Sendable {
  /// The address to listen on; loopback unless told otherwise.
  public var host: String
  /// The port to listen on; 0 takes any that is free.
  public var port: Int
  /// Connections that may wait to be accepted.
  public var backlog = 4096
  /// How long a request's body may take, before ``minimumBodyRate`` adds to it.
  public var bodyDeadline: Duration = .seconds(60)
  /// Bytes per second that a body must keep up with beyond its deadline.
  public var minimumBodyRate = 16 * 1024
  /// How long the header of a request may take once it has begun.
  public var headerDeadline: Duration = .seconds(30)
  /// How long a client may take nothing of what is written to it.
  public var writeDeadline: Duration = .seconds(60)
  /// How long after an answer that ends the connection the client's rest is read and dropped, so that it sees the answer.
  public var lingerDeadline: Duration = .seconds(2)
  /// Bytes of an unread request that are dropped after its answer before the connection is given up.
  public var lingerBytesMax = 1 << 20
  /// Bytes of one header, names and values together.
  public var headerBytesMax = 64 * 1024
  /// Fields in one header.
  public var headerFieldsMax = 256
  /// Silence after which the kernel asks whether the client is still there.
  public var keepAliveIdle: Duration = .seconds(30)
  /// How long what was sent may stay unacknowledged before the kernel gives the connection up.
  public var userTimeout: Duration = .seconds(60)
  /// Most connections at once; more wait in the backlog.
  public var connectionsMax = 16_384

  public init(host: String = "127.0.0.1", port: Int = 0) {
    self.host = host
    self.port = port
  }
}
