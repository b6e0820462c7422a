import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// What a client proves who it is with, in the header `Authorization`. (The message `Credentials` is a master's list.) Its description and its mirror never show the secret.
///
/// A client sends them to the servers that its user names, and to no other one: see ``OutgoingRequest/redirected(to:)``. Without
/// TLS everybody on the way can read them.
public struct HTTPCredentials: Sendable, CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
  private enum Kind {
    /// The header's value.
    case fixed(String)
    case file(TokenFile)
    case renewing(@Sendable () async throws -> String)
  }

  private let kind: Kind
  /// Which kind of credentials, and of whom: nothing secret.
  public let description: String

  private init(_ kind: Kind, _ description: String) {
    self.kind = kind
    self.description = description
  }

  /// HTTP basic authentication, as Apache Mesos has it out of the box.
  ///
  /// - Throws: `HTTPClientError` with code `.invalidConfiguration` for a principal with a colon, or text with control characters.
  /// - Source: RFC 7617.
  public static func basic(principal: String, secret: String) throws(HTTPClientError) -> HTTPCredentials {
    guard !principal.isEmpty, !principal.contains(":"), principal.utf8.allSatisfy(isPlain),
      secret.utf8.allSatisfy(isPlain)
    else {
      throw HTTPClientError(
        code: .invalidConfiguration,
        message: "Credentials: a principal has no colon, and neither it nor its secret has control characters")
    }
    return HTTPCredentials(
      .fixed("Basic " + base64(Array("\(principal):\(secret)".utf8))), "basic credentials of \(principal)")
  }

  /// A token that stays as it is.
  ///
  /// - Throws: `HTTPClientError` with code `.invalidConfiguration` for a text that is no token.
  /// - Source: RFC 6750.
  public static func bearer(_ token: String) throws(HTTPClientError) -> HTTPCredentials {
    HTTPCredentials(.fixed(try header(token, from: "the token", code: .invalidConfiguration)), "bearer token")
  }

  /// A token in a file, read again whenever the file was replaced or changed; blanks and newlines around it do not count.
  public static func bearer(file path: String) -> HTTPCredentials {
    HTTPCredentials(.file(TokenFile(path)), "bearer token of \(path)")
  }

  /// A token that `provider` gives, asked before each request: it should keep what is still good, and has to end when it is
  /// cancelled. The text of an error that it throws becomes part of the request's, so it must not hold the token.
  public static func bearer(renewedBy provider: @escaping @Sendable () async throws -> String) -> HTTPCredentials {
    HTTPCredentials(.renewing(provider), "bearer token, renewed")
  }

  public var debugDescription: String { description }
  public var customMirror: Mirror { Mirror(self, children: [], displayStyle: .struct) }

  /// The value of `Authorization` now.
  ///
  /// - Throws: `HTTPClientError` with code `.credentials`, or `.cancelled`.
  public func authorization() async throws(HTTPClientError) -> String {
    switch kind {
    case .fixed(let value): return value
    case .file(let file): return try HTTPCredentials.header(try file.token(), from: file.path, code: .credentials)
    case .renewing(let provider):
      let token: String
      do {
        token = try await provider()
      } catch is CancellationError {
        throw HTTPClientError.cancelled
      } catch {
        throw HTTPClientError(code: .credentials, message: "no bearer token: \(error)")
      }
      return try HTTPCredentials.header(token, from: "the renewed token", code: .credentials)
    }
  }

  private static func header(
    _ token: String, from place: String, code: HTTPClientError.Code
  ) throws(HTTPClientError) -> String {
    // Visible ASCII: what a header can carry, and no way to begin another one.
    guard !token.isEmpty, token.utf8.allSatisfy({ (0x21...0x7e).contains($0) }) else {
      throw HTTPClientError(code: code, message: "\(place) holds no bearer token: visible ASCII without blanks")
    }
    return "Bearer \(token)"
  }

  private static func isPlain(_ byte: UInt8) -> Bool { byte >= 0x20 && byte != 0x7f }
}

/// A token in a file, and what it was when it was last read.
private final class TokenFile: Sendable {
  private struct Version: Hashable {
    var device: UInt64
    var file: UInt64
    var size: Int64
    var seconds: Int64
    var nanoseconds: Int64
  }

  let path: String
  private let last = Mutex<(version: Version, token: String)?>(nil)

  init(_ path: String) { self.path = path }

  func token() throws(HTTPClientError) -> String {
    let version = version()
    if let version, let last = last.withLock({ $0 }), last.version == version { return last.token }
    let bytes: [UInt8]
    do {
      bytes = try readFile(path, upTo: 64 * 1024)
    } catch {
      throw HTTPClientError(code: .credentials, message: "no bearer token: \(error)")
    }
    let isBlank = { (byte: UInt8) in byte == 0x20 || (0x09...0x0d).contains(byte) }
    let token = String(
      decoding: bytes.drop(while: isBlank).reversed().drop(while: isBlank).reversed(), as: UTF8.self)
    if let version { last.withLock { $0 = (version, token) } }
    return token
  }

  private func version() -> Version? {
    var status = stat()
    guard stat(path, &status) == 0 else { return nil }
    #if canImport(Darwin)
      let changed = status.st_mtimespec
    #else
      let changed = status.st_mtim
    #endif
    return Version(
      device: UInt64(truncatingIfNeeded: status.st_dev), file: UInt64(status.st_ino), size: Int64(status.st_size),
      seconds: Int64(changed.tv_sec), nanoseconds: Int64(changed.tv_nsec))
  }
}

/// - Source: RFC 4648, section 4.
func base64(_ bytes: [UInt8]) -> String {
  let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
  var text: [UInt8] = []
  for start in stride(from: 0, to: bytes.count, by: 3) {
    let part = bytes[start..<min(start + 3, bytes.count)]
    var bits: UInt32 = 0
    for index in 0..<3 { bits = bits << 8 | UInt32(index < part.count ? part[start + index] : 0) }
    for index in 0..<4 {
      text.append(index <= part.count ? alphabet[Int(bits >> UInt32(18 - 6 * index) & 63)] : UInt8(ascii: "="))
    }
  }
  return String(decoding: text, as: UTF8.self)
}
