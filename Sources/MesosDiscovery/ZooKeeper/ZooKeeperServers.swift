/// The servers of a ZooKeeper, and the node that all paths are below.
public struct ZooKeeperServers: Hashable, Sendable, CustomStringConvertible {
  public struct Server: Hashable, Sendable {
    /// A name, an IPv4 address, or an IPv6 address without its brackets.
    public var host: String
    public var port: Int

    public init(host: String, port: Int = ZooKeeperServers.defaultPort) {
      self.host = host
      self.port = port
    }
  }

  /// The port of a server that names none.
  public static let defaultPort = 2181

  public var servers: [Server]
  /// `/a/b`, or empty.
  public var chroot: String

  /// Reads `h1:2181,h2:2181/chroot`; the chroot may be left out, and a port.
  ///
  /// - Throws: `ZooKeeperError` with code `.invalidArgument`.
  public init(_ text: String) throws(ZooKeeperError) {
    func invalid(_ why: String) -> ZooKeeperError {
      ZooKeeperError(
        .invalidArgument, "The addresses of ZooKeeper's servers \(why); write them as h1:2181,h2:2181/path")
    }
    let slash = text.firstIndex(of: "/") ?? text.endIndex
    var chroot = String(text[slash...])
    if chroot == "/" { chroot = "" }
    if !chroot.isEmpty { try ZooKeeperPath.validate(chroot) }
    var servers: [Server] = []
    for part in text[..<slash].split(separator: ",", omittingEmptySubsequences: false) {
      guard !part.contains(where: { $0.isWhitespace || $0 == "@" }) else { throw invalid("hold more than addresses") }
      var host = part
      var port = Substring("\(Self.defaultPort)")
      if part.first == "[" {
        guard let end = part.firstIndex(of: "]") else { throw invalid("have a '[' without its ']'") }
        host = part[..<end].dropFirst()
        let after = part[end...].dropFirst()
        guard after.isEmpty || after.first == ":" else { throw invalid("have text behind a ']'") }
        if !after.isEmpty { port = after.dropFirst() }
      } else if let colon = part.lastIndex(of: ":"), part.firstIndex(of: ":") == colon {
        host = part[..<colon]
        port = part[colon...].dropFirst()
      }
      guard !host.isEmpty else { throw invalid("name no host") }
      guard let number = Int(port), (1...65_535).contains(number) else { throw invalid("have a port that is none") }
      servers.append(Server(host: String(host), port: number))
    }
    self.servers = servers
    self.chroot = chroot
  }

  public var description: String {
    servers.map { "\($0.host.contains(":") ? "[\($0.host)]" : $0.host):\($0.port)" }.joined(separator: ",") + chroot
  }
}

/// Who a client is for access lists, by the scheme `digest`. It shows its password to nobody who prints it.
public struct ZooKeeperCredentials: Hashable, Sendable, CustomStringConvertible, CustomDebugStringConvertible,
  CustomReflectable
{
  let userAndPassword: String

  /// - Parameter userAndPassword: `user:password`.
  /// - Throws: `ZooKeeperError` with code `.invalidArgument` where there is no colon.
  public init(_ userAndPassword: String) throws(ZooKeeperError) {
    guard userAndPassword.contains(":") else {
      throw ZooKeeperError(.invalidArgument, "ZooKeeper's credentials are written as user:password")
    }
    self.userAndPassword = userAndPassword
  }

  public var description: String { "(credentials)" }
  public var debugDescription: String { description }
  public var customMirror: Mirror { Mirror(self, children: []) }
}

/// The rules for paths.
///
/// - Source: ZooKeeper 3.8, `PathUtils.validatePath`.
enum ZooKeeperPath {
  /// - Parameter isSequential: Digits will follow, so that the last part may be empty.
  static func validate(_ path: String, isSequential: Bool = false) throws(ZooKeeperError) {
    func invalid(_ why: String) -> ZooKeeperError {
      ZooKeeperError(.invalidArgument, "The path '\(path.prefix(200))' \(why)")
    }
    guard path.first == "/" else { throw invalid("does not begin with a slash") }
    if path == "/", !isSequential { return }
    var parts = path.dropFirst().split(separator: "/", omittingEmptySubsequences: false)
    if isSequential, parts.last?.isEmpty == true { parts.removeLast() }
    for part in parts {
      guard !part.isEmpty else { throw invalid("has an empty part") }
      guard part != ".", part != ".." else { throw invalid("has a part '\(part)'") }
    }
    for scalar in path.unicodeScalars {
      switch scalar.value {
      case 0...0x1f, 0x7f...0x9f, 0xf000...0xf8ff, 0xfff0...0xffff: throw invalid("has a character that is not allowed")
      default: break
      }
    }
  }
}
