public import MesosAuthorization
public import MesosHTTP
public import MesosHTTPServer
public import MesosModel

/// How a server finds out who its callers are, and what they may do.
///
/// Without anything, as by default in Apache Mesos, nobody is asked and everybody may do everything.
public struct SecurityPolicy: Sendable {
  /// Who finds out who sends a request, by realm; a realm that is not here is open to all.
  public var authenticators: [String: any HTTPAuthenticator] = [:]
  /// Who says what callers may do; `nil` where everybody may do everything.
  public var authorizer: (any Authorizer)?
  /// What the operator should know.
  public var warnings: [String] = []

  public init() {}

  /// Has callers in `realm` authenticate by the method that `names`, a list separated by commas, asks for.
  ///
  /// - Throws: ``SecurityError`` for another method than `basic`, and where there are no credentials to compare with.
  public mutating func authenticate(
    realm: String, by names: String, _ credentials: CredentialStore?
  ) throws(SecurityError) {
    for name in names.split(separator: ",", omittingEmptySubsequences: false) where name != "basic" {
      throw SecurityError(
        .badCredentials,
        "HTTP authenticator '\(name)' not found. Check the spelling (compare to 'basic'): there are no modules yet")
    }
    guard let credentials else {
      throw SecurityError(
        .badCredentials, "No credentials provided for the default 'basic' HTTP authenticator for realm '\(realm)'")
    }
    authenticators[realm] = BasicAuthenticator(realm: realm, credentials: credentials)
  }

  /// Reads a file of credentials.
  ///
  /// - Throws: ``SecurityError`` for a file that cannot be read or used.
  public mutating func credentials(in path: String) throws(SecurityError) -> CredentialStore {
    let (bytes, isOpen) = try SecretFile.read(path)
    if isOpen {
      warnings.append(
        "Permissions on credentials file '\(path)' are too open: others than its owner and group can use it")
    }
    return try CredentialStore(json: bytes, source: path)
  }

  /// Whether a caller may do something.
  ///
  /// - Parameter object: What it is about; `nil` for any.
  public func permits(_ action: AuthorizedAction, by principal: Principal?, on object: String? = nil) -> Bool {
    authorizer?.permits(action, by: principal, on: object) ?? true
  }

  /// - Throws: 403 for a caller who may not do something.
  public func require(
    _ action: AuthorizedAction, of request: IncomingRequest, on object: String? = nil
  ) throws(HTTPFailure) {
    guard permits(action, by: request.principal, on: object) else {
      throw HTTPFailure(status: 403, text: "403 Forbidden.")
    }
  }
}
