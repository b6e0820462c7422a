/// Why a text is no name of a role, or a weight no weight.
public struct RoleError: Error, Hashable, Sendable, CustomStringConvertible {
  /// The kind of the error; the set may grow.
  public struct Code: Hashable, Sendable {
    private enum Value { case invalidName, unknownRole, malformedWeight, invalidWeight }
    private let value: Value
    /// A text is no valid name of a role.
    public static let invalidName = Code(value: .invalidName)
    /// A role is not on the list of roles that may be used.
    public static let unknownRole = Code(value: .unknownRole)
    /// A text is no list of `role=weight`.
    public static let malformedWeight = Code(value: .malformedWeight)
    /// A weight is not a positive number.
    public static let invalidWeight = Code(value: .invalidWeight)
  }

  /// The kind of the error.
  public let code: Code
  /// What is wrong, in the words of Apache Mesos where it has some.
  public let message: String

  /// An error of the given kind.
  public init(_ code: Code, _ message: String) {
    self.code = code
    self.message = message
  }

  /// An error with code `.invalidName`.
  public init(_ message: String) { self.init(.invalidName, message) }

  /// The message.
  public var description: String { message }
}
