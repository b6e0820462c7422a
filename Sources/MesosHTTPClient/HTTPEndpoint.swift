import MesosModel

/// Where a server is: scheme with host and port, or a unix socket, and the path that all its paths follow.
public struct HTTPEndpoint: Hashable, Sendable, CustomStringConvertible {
  public enum Address: Hashable, Sendable {
    case tcp(scheme: String, host: String, port: Int)
    case unixSocket(path: String)
  }

  public let address: Address
  /// Put before the path of each request; without a slash at its end.
  public var basePath: String

  public init(host: String, port: Int, scheme: String = "http", basePath: String = "") {
    self.address = .tcp(scheme: scheme, host: host, port: port)
    self.basePath = Self.withoutFinalSlash(basePath)
  }

  public init(unixSocket path: String, basePath: String = "") {
    self.address = .unixSocket(path: path)
    self.basePath = Self.withoutFinalSlash(basePath)
  }

  /// Reads `http://host:port/base`, `host:port`, or `//host:port` as a redirect of Apache Mesos gives; `nil` for anything else.
  ///
  /// - Parameter scheme: The scheme of a text that names none.
  public init?(_ text: String, scheme: String = "http") {
    var scheme = scheme
    var rest = Substring(text)
    if let colon = rest.firstIndex(of: ":"), rest[colon...].hasPrefix("://") {
      scheme = rest[..<colon].lowercased()
      rest = rest[colon...].dropFirst(3)
    } else if rest.hasPrefix("//") {
      rest = rest.dropFirst(2)
    }
    guard scheme == "http" || scheme == "https" else { return nil }
    let slash = rest.firstIndex(of: "/") ?? rest.endIndex
    var authority = rest[..<slash]
    let base = rest[slash...]
    guard !authority.contains("@"), !base.contains(where: { $0 == "?" || $0 == "#" }) else { return nil }
    var port = scheme == "https" ? 443 : 80
    if authority.first == "[" {
      guard let bracket = authority.firstIndex(of: "]") else { return nil }
      let after = authority[bracket...].dropFirst()
      if after.first == ":" {
        guard let number = Int(after.dropFirst()) else { return nil }
        port = number
      } else if !after.isEmpty {
        return nil
      }
      authority = authority[..<bracket].dropFirst()
    } else if let colon = authority.firstIndex(of: ":") {
      guard let number = Int(authority[colon...].dropFirst()) else { return nil }
      port = number
      authority = authority[..<colon]
    }
    guard !authority.isEmpty, (1...65_535).contains(port) else { return nil }
    self.init(host: String(authority), port: port, scheme: scheme, basePath: String(base))
  }

  /// Whether both are one server: the same scheme, host and port, or the same socket.
  public func isSameOrigin(as other: HTTPEndpoint) -> Bool {
    switch (address, other.address) {
    case (.tcp(let scheme, let host, let port), .tcp(let otherScheme, let otherHost, let otherPort)):
      scheme == otherScheme && port == otherPort && host.lowercased() == otherHost.lowercased()
    default: address == other.address
    }
  }

  public var description: String {
    switch address {
    case .tcp(let scheme, let host, let port):
      "\(scheme)://\(host.contains(":") ? "[\(host)]" : host):\(port)\(basePath)"
    case .unixSocket(let path): "unix:\(path)\(basePath)"
    }
  }

  /// The URL of `path`, which begins with a slash and is not encoded yet.
  func url(path: String, query: [(name: String, value: String)]) -> String {
    var url: String
    switch address {
    case .tcp(let scheme, let host, let port):
      url = "\(scheme)://\(host.contains(":") ? "[\(host)]" : host):\(port)"
    case .unixSocket(let socket):
      url = "http+unix://" + percentEncoded(socket, keeping: "")
    }
    url += percentEncoded(basePath + path, keeping: "/()")
    for (index, item) in query.enumerated() {
      url += index == 0 ? "?" : "&"
      url += percentEncoded(item.name, keeping: "") + "=" + percentEncoded(item.value, keeping: "")
    }
    return url
  }

  private static func withoutFinalSlash(_ path: String) -> String {
    var path = Substring(path)
    while path.last == "/" { path.removeLast() }
    return String(path)
  }
}
