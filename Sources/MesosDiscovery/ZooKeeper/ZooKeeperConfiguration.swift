/// How a ``ZooKeeperClient`` connects.
public struct ZooKeeperConfiguration: Hashable, Sendable {
  public var servers: ZooKeeperServers
  /// How long a session outlives its connections. Servers bound it, by default to between 2 and 20 of their ticks of two seconds.
  public var sessionTimeout: Duration = .seconds(10)
  public var credentials: ZooKeeperCredentials?
  /// Requests that wait or are under way at once; those beyond fail.
  public var requestsMax = 10_000
  /// How long a request may wait for a connection.
  public var requestTimeout: Duration = .seconds(30)

  public init(servers: ZooKeeperServers) { self.servers = servers }
}
