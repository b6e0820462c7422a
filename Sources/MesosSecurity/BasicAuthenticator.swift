public import MesosHTTP
public import MesosHTTPServer
import MesosModel

/// HTTP's basic authentication: a principal and its secret in each request.
///
/// - Source: RFC 7617; Apache Mesos 1.11, *Authentication*; `libprocess/src/authenticator.cpp`. As there, a secret holds no colon, and
///   whatever is wrong is answered the same.
public struct BasicAuthenticator: HTTPAuthenticator {
  private let realm: String
  private let credentials: CredentialStore

  public init(realm: String, credentials: CredentialStore) {
    self.realm = realm
    self.credentials = credentials
  }

  public func authenticate(_ headers: HeaderFields) async -> AuthenticationOutcome {
    guard let field = headers["Authorization"], let (name, secret) = Self.credential(field),
      credentials.proves(name, secret)
    else { return .unauthorized(challenges: ["Basic realm=\"\(realm)\""]) }
    return .principal(Principal(value: name))
  }

  private static func credential(_ field: String) -> (name: String, secret: [UInt8])? {
    let parts = field.split(separator: " ", omittingEmptySubsequences: false)
    guard parts.count == 2, parts[0] == "Basic", let decoded = Base64.decode(parts[1].utf8) else { return nil }
    let pair = decoded.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false)
    guard pair.count == 2, let name = String(validating: pair[0], as: UTF8.self) else { return nil }
    return (name, Array(pair[1]))
  }
}

/// RFC 4648, section 4, with padding.
enum Base64 {
  static func decode(_ text: some Collection<UInt8>) -> [UInt8]? {
    guard text.count % 4 == 0 else { return nil }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(text.count / 4 * 3)
    var group: UInt32 = 0
    var digits = 0
    var padding = 0
    for digit in text {
      var value: UInt32
      switch digit {
      case UInt8(ascii: "A")...UInt8(ascii: "Z"): value = UInt32(digit - UInt8(ascii: "A"))
      case UInt8(ascii: "a")...UInt8(ascii: "z"): value = UInt32(digit - UInt8(ascii: "a")) + 26
      case UInt8(ascii: "0")...UInt8(ascii: "9"): value = UInt32(digit - UInt8(ascii: "0")) + 52
      case UInt8(ascii: "+"): value = 62
      case UInt8(ascii: "/"): value = 63
      case UInt8(ascii: "="):
        value = 0
        padding += 1
      default: return nil
      }
      // Padding ends the text.
      guard padding == 0 || digit == UInt8(ascii: "=") else { return nil }
      if padding > 2 { return nil }
      group = group << 6 | value
      digits += 1
      guard digits == 4 else { continue }
      let three = [UInt8(group >> 16 & 0xff), UInt8(group >> 8 & 0xff), UInt8(group & 0xff)]
      bytes += three.prefix(3 - padding)
      group = 0
      digits = 0
    }
    return bytes
  }
}
