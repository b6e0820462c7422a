public import MesosHTTP
public import MesosModel

/// What an authenticator found out about a request.
public enum AuthenticationOutcome: Hashable, Sendable {
  /// Who sent it.
  case principal(Principal)
  /// It proves nothing; the challenges say how it could, one `WWW-Authenticate` each.
  case unauthorized(challenges: [String])
}

/// Finds out who sends requests, from their headers.
public protocol HTTPAuthenticator: Sendable {
  func authenticate(_ headers: HeaderFields) async -> AuthenticationOutcome
}

extension HTTPFailure {
  /// Who sent the request has to say first who it is.
  static func unauthorized(challenges: [String]) -> HTTPFailure {
    HTTPFailure(
      status: 401, text: "401 Unauthorized.",
      headers: HeaderFields(challenges.map { ("WWW-Authenticate", $0) }))
  }
}
