import MesosHTTP
import MesosHTTPClient

/// Why a call of an operator has no answer, or a stream broke off.
public struct OperatorError: Error, Hashable, Sendable, CustomStringConvertible {
  public struct Code: Hashable, Sendable, CustomStringConvertible {
    private enum Value: String {
      case invalidConfiguration, invalidRequest, refused, unauthorized, forbidden, notFound, conflict, notImplemented
      case unavailable, serverError, notLeading, unreachable, connectionLost, timeout, silent, cancelled, shutDown
      case undecodable, wrongAnswer, tooLarge, ended
    }
    private let value: Value

    /// An address or a setting cannot be used.
    public static let invalidConfiguration = Code(value: .invalidConfiguration)
    /// The request cannot be sent as it is.
    public static let invalidRequest = Code(value: .invalidRequest)
    /// The server does not take the call: any status of 400 to 499 without a code of its own.
    public static let refused = Code(value: .refused)
    /// The server wants other credentials (401).
    public static let unauthorized = Code(value: .unauthorized)
    /// The principal may not do this (403).
    public static let forbidden = Code(value: .forbidden)
    /// There is no such thing (404).
    public static let notFound = Code(value: .notFound)
    /// The call does not fit the state of the cluster (409).
    public static let conflict = Code(value: .conflict)
    /// The server does not have this call (501).
    public static let notImplemented = Code(value: .notImplemented)
    /// The server cannot answer now: it recovers, or knows no leader (503).
    public static let unavailable = Code(value: .unavailable)
    /// Any other status of 500 and above.
    public static let serverError = Code(value: .serverError)
    /// Redirects led to no leading master.
    public static let notLeading = Code(value: .notLeading)
    /// No connection was made: the call was not sent.
    public static let unreachable = Code(value: .unreachable)
    /// The connection ended before the answer did: whether the call was done is not known.
    public static let connectionLost = Code(value: .connectionLost)
    /// A deadline passed: whether the call was done is not known.
    public static let timeout = Code(value: .timeout)
    /// A stream gave nothing for several heartbeats.
    public static let silent = Code(value: .silent)
    /// The caller gave up.
    public static let cancelled = Code(value: .cancelled)
    /// The client was shut down.
    public static let shutDown = Code(value: .shutDown)
    /// The answer is not the message that it should be.
    public static let undecodable = Code(value: .undecodable)
    /// The answer is to another call.
    public static let wrongAnswer = Code(value: .wrongAnswer)
    /// The answer, a record or a file is larger than the configuration or the caller allows.
    public static let tooLarge = Code(value: .tooLarge)
    /// A stream ended that should not.
    public static let ended = Code(value: .ended)

    public var description: String { value.rawValue }
  }

  public let code: Code
  /// What was attempted, on what, and what went wrong. At most some thousand characters come from the server.
  public let message: String
  /// The HTTP status, where the server answered with one that is an error.
  public let status: Int?

  public init(_ code: Code, _ message: String, status: Int? = nil) {
    self.code = code
    self.message = message
    self.status = status
  }

  public var description: String { message }

  /// Whether the server may have done what was asked although no answer says so.
  public var hasUnknownOutcome: Bool {
    [.connectionLost, .timeout, .cancelled, .undecodable, .tooLarge, .wrongAnswer].contains(code)
  }

  /// Whether the same may work a little later.
  public var isTransient: Bool {
    [.unavailable, .notLeading, .unreachable, .connectionLost, .timeout, .silent, .ended, .serverError].contains(code)
  }
}

extension OperatorError {
  /// The error that a status is.
  init(status: Int, text: String, call: String, endpoint: HTTPEndpoint) {
    let code: Code =
      switch status {
      case 401: .unauthorized
      case 403: .forbidden
      case 404: .notFound
      case 409: .conflict
      case 501: .notImplemented
      case 503: .unavailable
      case 500...: .serverError
      case 400...: .refused
      default: .undecodable
      }
    self.init(code, "\(call) to \(endpoint): \(status) \(text)", status: status)
  }

  init(_ error: HTTPClientError, call: String, endpoint: HTTPEndpoint) {
    let code: Code =
      switch error.code {
      case .refused, .unresolved, .unreachable, .certificate, .tls, .proxy: .unreachable
      case .invalidConfiguration, .credentials: .invalidConfiguration
      case .timeout: .timeout
      case .bodyTooLarge: .tooLarge
      case .cancelled: .cancelled
      case .shutDown: .shutDown
      case .invalidRequest: .invalidRequest
      case .badAnswer, .badRecord: .undecodable
      default: .connectionLost
      }
    self.init(code, "\(call) to \(endpoint): \(error.message)")
  }
}
