public import MesosModel

/// Where a URI leads, as the fetcher reads it.
///
/// - Source: Apache Mesos, *Fetcher*; `src/slave/containerizer/fetcher.cpp`.
public struct FetchSource: Hashable, Sendable {
  public enum Location: Hashable, Sendable {
    /// A file of this machine.
    case file(path: String)
    /// `http`, `https`, `ftp` or `ftps`.
    case network(url: String)
    /// Any other scheme: Hadoop's command may know it.
    case hadoop(url: String)
  }

  public var location: Location
  /// The last part of the path, which the file is named after where nothing else is asked for.
  public var basename: String
  public var checksum: FetchChecksum?

  /// Reads a URI. `#sha256=HEX` or `#sha512=HEX` at its end is the checksum of the content, and no part of what is fetched.
  ///
  /// - Parameter frameworksHome: Where relative paths begin; `nil` or empty where they are not taken.
  /// - Throws: `FetcherError` with code `.invalidURI` or `.noFrameworksHome`.
  public init(_ uri: CommandInfo.URI, frameworksHome: String?) throws(FetcherError) {
    var command = CommandInfo()
    command.uris = [uri]
    do { try CommandValidation.validateURIs(of: command) } catch {
      throw FetcherError(.invalidURI, error.message)
    }
    var text = Substring(uri.value)
    while text.first?.isWhitespace == true { text.removeFirst() }
    checksum = FetchChecksum(cuttingOff: &text)

    if let scheme = Self.schemeEnd(of: text), text[..<scheme] != "file" {
      let path = text[scheme...].dropFirst(3)
      basename = String(path[path.index(after: path.lastIndex(of: "/") ?? path.startIndex)...])
      let network: Set<Substring> = ["http", "https", "ftp", "ftps"]
      location = network.contains(text[..<scheme]) ? .network(url: String(text)) : .hadoop(url: String(text))
    } else {
      let isFileURI = text.hasPrefix("file://")
      var path = isFileURI ? text.dropFirst("file://".count) : text
      if isFileURI, path.hasPrefix("localhost") { path = path.dropFirst("localhost".count) }
      if path.first != "/" {
        guard !isFileURI else { throw FetcherError(.invalidURI, "File URI only supports absolute paths") }
        guard let frameworksHome, !frameworksHome.isEmpty else {
          throw FetcherError(
            .noFrameworksHome,
            "A relative path was passed for the resource but the Mesos framework home was not specified. Start the "
              + "agent with --frameworks_home, or give an absolute path")
        }
        path = "\(frameworksHome)/\(path)"[...]
      }
      basename = path.split(separator: "/").last.map(String.init) ?? ""
      location = .file(path: String(path))
    }
    guard basename != "." && basename != ".." && (!basename.isEmpty || !uri.outputFile.isEmpty) else {
      throw FetcherError(.invalidURI, "URI names no file: \(Self.shown(uri.value))")
    }
  }

  private static func schemeEnd(of text: Substring) -> Substring.Index? {
    var rest = text
    while let colon = rest.firstIndex(of: ":") {
      if text[colon...].hasPrefix("://") { return text.distance(from: text.startIndex, to: colon) > 1 ? colon : nil }
      rest = text[text.index(after: colon)...]
    }
    return nil
  }

  /// A URI without the name and password of its user, fit for messages and logs.
  public static func shown(_ uri: String) -> String {
    guard let scheme = schemeEnd(of: uri[...]) else { return String(uri.prefix(300)) }
    let rest = uri[scheme...].dropFirst(3)
    let host = rest.prefix { $0 != "/" }
    guard let sign = host.lastIndex(of: "@") else { return String(uri.prefix(300)) }
    return String((uri[..<scheme] + "://" + rest[rest.index(after: sign)...]).prefix(300))
  }
}

/// What the content of a URI must hash to.
public struct FetchChecksum: Hashable, Sendable {
  public enum Algorithm: String, Hashable, Sendable, CaseIterable {
    case sha256
    case sha512

    /// Digits in base 16.
    var digits: Int { self == .sha256 ? 64 : 128 }
  }

  public var algorithm: Algorithm
  /// In base 16, lower case.
  public var hexadecimal: String

  /// Cuts `#ALGORITHM=HEX` off the end of `text`; `nil` where it has no such end.
  init?(cuttingOff text: inout Substring) {
    guard let sign = text.lastIndex(of: "#") else { return nil }
    let parts = text[sign...].dropFirst().split(separator: "=", maxSplits: 1)
    guard parts.count == 2, let algorithm = Algorithm(rawValue: String(parts[0])),
      parts[1].utf8.count == algorithm.digits, parts[1].allSatisfy({ $0.isASCII && $0.isHexDigit })
    else { return nil }
    self.algorithm = algorithm
    hexadecimal = parts[1].lowercased()
    text = text[..<sign]
  }
}
