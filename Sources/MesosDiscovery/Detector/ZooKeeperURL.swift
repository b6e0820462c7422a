/// Where masters meet in ZooKeeper: `zk://user:password@h1:2181,h2:2181/path`.
///
/// Printed, it shows no credentials.
///
/// - Source: Apache Mesos 1.11, `mesos/zookeeper/url.hpp`; the default port is ours.
public struct ZooKeeperURL: Hashable, Sendable, CustomStringConvertible, CustomDebugStringConvertible,
  CustomReflectable
{
  /// The servers, without a chroot.
  public var servers: ZooKeeperServers
  /// The node that the masters' nodes are below; without a slash at its end, never the root.
  public var path: String
  public var credentials: ZooKeeperCredentials?

  public static let scheme = "zk://"

  /// - Throws: `DiscoveryError` with code `.invalidAddress`.
  public init(_ text: String) throws(DiscoveryError) {
    func invalid(_ why: String) -> DiscoveryError {
      DiscoveryError(.invalidAddress, "The ZooKeeper URL \(why); write it as zk://h1:2181,h2:2181/path")
    }
    let text = text.trimmingBlanks()
    guard text.hasPrefix(Self.scheme) else { throw invalid("does not begin with zk://") }
    var rest = text.dropFirst(Self.scheme.count)
    var authority = rest.prefix { $0 != "/" }
    if !authority.contains("@"), (try? ZooKeeperServers(String(authority))) == nil, let at = rest.lastIndex(of: "@") {
      // No servers before the first slash: a password may hold one.
      authority = rest[..<rest.index(after: at)]
    }
    if let at = authority.lastIndex(of: "@") {
      do {
        credentials = try ZooKeeperCredentials(String(rest[..<at]))
      } catch {
        throw invalid("has credentials that are not user:password")
      }
      rest = rest[at...].dropFirst()
    }
    let slash = rest.firstIndex(of: "/") ?? rest.endIndex
    var path = rest[slash...]
    while path.last == "/" { path.removeLast() }
    guard !path.isEmpty else { throw invalid("has no path, and '/' is not supported") }
    do {
      servers = try ZooKeeperServers(String(rest[..<slash]))
      try ZooKeeperPath.validate(String(path))
    } catch {
      throw DiscoveryError(.invalidAddress, "The ZooKeeper URL cannot be used: \(error.message)", cause: error)
    }
    self.path = String(path)
  }

  /// The URL without its credentials.
  public var description: String { "\(Self.scheme)\(credentials == nil ? "" : "***@")\(servers)\(path)" }
  public var debugDescription: String { description }
  public var customMirror: Mirror { Mirror(self, children: ["url": description]) }

  /// The access list of the nodes made: as Apache Mesos', open to all without credentials, else readable by all.
  package var acl: [ZooKeeperACL] { credentials == nil ? .open : .readableByAll }

  package func client(sessionTimeout: Duration) -> ZooKeeperConfiguration {
    var configuration = ZooKeeperConfiguration(servers: servers)
    configuration.credentials = credentials
    configuration.sessionTimeout = sessionTimeout
    return configuration
  }
}

extension String {
  func trimmingBlanks() -> String {
    let front = drop { $0.isWhitespace }
    guard let last = front.lastIndex(where: { !$0.isWhitespace }) else { return "" }
    return String(front[...last])
  }
}
