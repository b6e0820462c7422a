/// Where a master is: what a user writes and what a standby master redirects to.
public struct MasterAddress: Hashable, Sendable, CustomStringConvertible {
  /// A name, an IPv4 address, or an IPv6 address without its brackets.
  public var host: String
  /// The TCP port, 1 to 65535.
  public var port: Int
  /// Whether it speaks TLS (`https`).
  public var isSecure: Bool

  /// The port of a master that names none.
  public static let defaultPort = 5050

  /// The address of these parts, taken as they are.
  public init(host: String, port: Int = MasterAddress.defaultPort, isSecure: Bool = false) {
    self.host = host
    self.port = port
    self.isSecure = isSecure
  }

  /// Reads `host`, `host:port`, `[v6]:port`, a URL with `http` or `https`, or `//host:port` as redirects of Apache Mesos carry it; a
  /// path behind it is left out.
  ///
  /// - Parameters:
  ///   - text: One address.
  ///   - isSecure: Whether an address without a scheme speaks TLS.
  /// - Throws: `MasterAddressError`; credentials in an address are refused.
  public init(_ text: String, isSecure: Bool = false) throws(MasterAddressError) {
    func invalid(_ why: String) -> MasterAddressError {
      let shown = text.contains("@") ? "" : " '\(text.prefix(200))'"
      return MasterAddressError(message: "The master's address\(shown) \(why); write it as host:port")
    }
    var rest = Substring(text)
    var secure = isSecure
    if let scheme = rest.firstRange(of: "://") {
      switch rest[..<scheme.lowerBound].lowercased() {
      case "http": secure = false
      case "https": secure = true
      case let other: throw invalid("has the scheme '\(other.prefix(32))', which is not known")
      }
      rest = rest[scheme.upperBound...]
    } else if rest.hasPrefix("//") {
      rest = rest.dropFirst(2)
    }
    rest = rest.prefix { $0 != "/" && $0 != "?" && $0 != "#" }
    guard !rest.contains("@") else {
      throw MasterAddressError(message: "The master's address holds credentials; give them apart from it")
    }
    guard !rest.contains(where: \.isWhitespace), !rest.contains(",") else { throw invalid("is not one address") }

    var host = rest
    var port = Substring()
    var hasPort = false
    if rest.first == "[" {
      guard let end = rest.firstIndex(of: "]") else { throw invalid("has no ']'") }
      host = rest[..<end].dropFirst()
      let after = rest[end...].dropFirst()
      guard after.isEmpty || after.first == ":" else { throw invalid("has text behind ']'") }
      hasPort = !after.isEmpty
      port = after.dropFirst()
    } else if let colon = rest.lastIndex(of: ":"), rest.firstIndex(of: ":") == colon {
      host = rest[..<colon]
      port = rest[colon...].dropFirst()
      hasPort = true
    }
    guard !host.isEmpty else { throw invalid("has no host") }
    var number = MasterAddress.defaultPort
    if hasPort {
      guard let parsed = Int(port), (1...65_535).contains(parsed) else { throw invalid("has no valid port") }
      number = parsed
    }
    self.init(host: String(host), port: number, isSecure: secure)
  }

  /// The address that a `Location` header names, or `nil` when it stays on `current` (a path alone) or cannot be read.
  public init?(location: String, of current: MasterAddress) {
    guard location.hasPrefix("//") || location.contains("://") else { return nil }
    guard let address = try? MasterAddress(location, isSecure: current.isSecure), address != current else { return nil }
    self = address
  }

  /// `host:port`, with `https://` before it where it speaks TLS; what the initializer from a text reads.
  public var description: String {
    "\(isSecure ? "https://" : "")\(host.contains(":") ? "[\(host)]" : host):\(port)"
  }
}

/// A text that is no address of a master.
public struct MasterAddressError: Error, Hashable, Sendable, CustomStringConvertible {
  /// What is wrong with it and how to write it; it repeats no credentials.
  public let message: String

  /// An error that says this.
  public init(message: String) { self.message = message }

  /// The message.
  public var description: String { message }
}
