/// Why something asked of ZooKeeper did not happen.
public struct ZooKeeperError: Error, Hashable, Sendable, CustomStringConvertible {
  public struct Code: Hashable, Sendable {
    private enum Value {
      case connectionLost, sessionExpired, authenticationFailed, timedOut, queueFull, closed
      case noNode, nodeExists, notEmpty, badVersion, notAuthorized, noChildrenForEphemerals, invalidACL, refused
      case invalidArgument, protocolViolation
    }
    private let value: Value
    /// The request had left when the connection broke: it may have taken effect or not.
    public static let connectionLost = Code(value: .connectionLost)
    /// The session is over: its ephemeral nodes are gone or will be, its watches too. A new one has begun.
    public static let sessionExpired = Code(value: .sessionExpired)
    /// The server does not take the credentials. The client has ended.
    public static let authenticationFailed = Code(value: .authenticationFailed)
    /// It waited for a connection longer than allowed; it was not sent.
    public static let timedOut = Code(value: .timedOut)
    /// The bound of waiting requests is reached; it was not sent.
    public static let queueFull = Code(value: .queueFull)
    /// The client is closed.
    public static let closed = Code(value: .closed)
    /// There is no node at the path, or none above it.
    public static let noNode = Code(value: .noNode)
    public static let nodeExists = Code(value: .nodeExists)
    /// The node has children and cannot be deleted.
    public static let notEmpty = Code(value: .notEmpty)
    /// The node has another version than the one named.
    public static let badVersion = Code(value: .badVersion)
    /// The node's access list does not allow it.
    public static let notAuthorized = Code(value: .notAuthorized)
    /// Ephemeral nodes have no children.
    public static let noChildrenForEphemerals = Code(value: .noChildrenForEphemerals)
    /// The access list names nobody, or an identity that this session does not have.
    public static let invalidACL = Code(value: .invalidACL)
    /// The server answered with another error; see ``ZooKeeperError/serverCode``.
    public static let refused = Code(value: .refused)
    /// A path, an address or a size that cannot be.
    public static let invalidArgument = Code(value: .invalidArgument)
    /// What the server sent breaks the protocol; the connection was given up.
    public static let protocolViolation = Code(value: .protocolViolation)
  }

  public let code: Code
  public let message: String
  /// The server's own number for the error, where it answered with one.
  public let serverCode: Int32?

  public init(_ code: Code, _ message: String, serverCode: Int32? = nil) {
    self.code = code
    self.message = message
    self.serverCode = serverCode
  }

  public var description: String { message }

  /// What the server's number means.
  ///
  /// - Source: ZooKeeper 3.8, `KeeperException.Code`.
  init(serverCode: Int32, at path: String) {
    let (code, text): (Code, String) =
      switch serverCode {
      case -101: (.noNode, "there is no such node")
      case -102: (.notAuthorized, "its access list does not allow that")
      case -103: (.badVersion, "it has another version")
      case -108: (.noChildrenForEphemerals, "the node above it is ephemeral and has no children")
      case -110: (.nodeExists, "it exists")
      case -111: (.notEmpty, "it has children")
      case -112: (.sessionExpired, "the session has expired")
      case -114: (.invalidACL, "the access list is not valid for this session")
      case -115: (.authenticationFailed, "the credentials are refused")
      case -118: (.connectionLost, "the session moved to another connection")
      default: (.refused, "the server answers error \(serverCode)")
      }
    self.init(code, "\(path.prefix(200)): \(text)", serverCode: serverCode)
  }

  /// Whether trying again later may succeed.
  public var isTemporary: Bool {
    switch code {
    case .connectionLost, .sessionExpired, .timedOut, .queueFull, .protocolViolation: true
    default: false
    }
  }
}
