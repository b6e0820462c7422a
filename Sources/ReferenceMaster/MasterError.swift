/// Why a master could not start or go on.
public struct MasterError: Error, Hashable, Sendable, CustomStringConvertible {
  public struct Code: Hashable, Sendable {
    private enum Value {
      case unreadableRegistry, badConfiguration, listenFailed, lostLeadership, electionFailed, removalLimitExceeded
    }
    private let value: Value

    /// The registry holds something that this release cannot read.
    public static let unreadableRegistry = Code(value: .unreadableRegistry)
    /// A flag has a value that makes no sense.
    public static let badConfiguration = Code(value: .badConfiguration)
    /// Another master leads, or may: this one must not go on.
    public static let lostLeadership = Code(value: .lostLeadership)
    /// The election cannot be stood for.
    public static let electionFailed = Code(value: .electionFailed)
    /// More agents did not come back after the start than may be given up.
    public static let removalLimitExceeded = Code(value: .removalLimitExceeded)
    /// The address cannot be listened on.
    public static let listenFailed = Code(value: .listenFailed)
  }

  public let code: Code
  /// What was attempted, on what, and what to do.
  public let message: String

  public init(code: Code, message: String) {
    self.code = code
    self.message = message
  }

  public var description: String { message }
}
