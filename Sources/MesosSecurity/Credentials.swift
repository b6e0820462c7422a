import StreamingJSON

/// The principals that may prove who they are, with their secrets. Neither description nor mirror shows a secret.
public struct CredentialStore: Sendable, CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
  private var secrets: [String: [UInt8]] = [:]

  /// Reads what a file of credentials holds: `{"credentials":[{"principal":"…","secret":"…"}]}`.
  ///
  /// - Parameters:
  ///   - bytes: The file's content.
  ///   - source: The file's name, for errors.
  /// - Throws: ``SecurityError`` with the place of what is wrong, and never with a secret.
  public init(json bytes: some Sequence<UInt8>, source: String) throws(SecurityError) {
    let entries: [JSONTree]
    do throws(StreamingJSONError) {
      let document = try LocatedJSONParser(sizeMax: 16 << 20).parse(bytes, source: source)
      entries = try document.member("credentials").array()
      for entry in entries {
        let name = try entry.member("principal").string()
        guard secrets[name] == nil else { throw entry.error("the principal '\(name.prefix(100))' is there twice") }
        secrets[name] = Array(try entry["secret"]?.string().utf8 ?? "".utf8)
      }
    } catch {
      // The excerpt around the place would show secrets.
      let place = error.place.map { " at line \($0.line), column \($0.column)" } ?? ""
      throw SecurityError(.badCredentials, "\(source)\(place): \(error.message)")
    }
    guard !entries.isEmpty else {
      throw SecurityError(.badCredentials, "\(source): Credentials file must contain at least one credential")
    }
  }

  /// How many principals there are.
  public var count: Int { secrets.count }

  /// Whether `secret` is that of `principal`. How long it takes tells nothing of the secret but its length.
  func proves(_ principal: String, _ secret: [UInt8]) -> Bool {
    guard let expected = secrets[principal], expected.count == secret.count else { return false }
    return zip(expected, secret).reduce(UInt8(0)) { $0 | ($1.0 ^ $1.1) } == 0
  }

  public var description: String { "credentials of \(secrets.count) principals" }
  public var debugDescription: String { description }
  public var customMirror: Mirror { Mirror(self, children: [:]) }
}

/// Why security cannot be set up as it was asked for.
public struct SecurityError: Error, Hashable, Sendable, CustomStringConvertible {
  public struct Code: Hashable, Sendable {
    private enum Value { case badCredentials, badRules }
    private let value: Value
    /// Credentials cannot be read.
    public static let badCredentials = Code(value: .badCredentials)
    /// Access control lists cannot be read.
    public static let badRules = Code(value: .badRules)
  }

  public let code: Code
  /// What is wrong and where; never a secret.
  public let message: String

  public init(_ code: Code, _ message: String) {
    self.code = code
    self.message = message
  }

  public var description: String { message }
}
