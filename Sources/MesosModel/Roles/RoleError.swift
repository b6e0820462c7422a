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
  /// Where in the text that was read, in UTF-8 bytes from its start; nil for what is not about a text.
  public let offset: Int?

  /// An error of the given kind.
  public init(_ code: Code, _ message: String, offset: Int? = nil) {
    self.code = code
    self.message = message
    self.offset = offset
  }

  /// An error with code `.invalidName`.
  public init(_ message: String, offset: Int? = nil) { self.init(.invalidName, message, offset: offset) }

  /// The message, with the place where there is one.
  public var description: String { offset.map { "\(message) (at byte \($0))" } ?? message }
}
