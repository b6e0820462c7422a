/// Why a text or a message is no value or no attribute, or a change of attributes is not permitted.
public struct ValueError: Error, Hashable, Sendable, CustomStringConvertible {
  /// The kind of the error; the set may grow.
  public struct Code: Hashable, Sendable {
    private enum Value { case malformedText, unsupportedType, invalidMessage, incompatible }
    private let value: Value
    /// A text follows none of the forms of a value, or is no `name:value`.
    public static let malformedText = Code(value: .malformedText)
    /// The value is of a type that cannot stand here: an attribute is no set.
    public static let unsupportedType = Code(value: .unsupportedType)
    /// A message breaks a rule: no name, no value of the type it says, …
    public static let invalidMessage = Code(value: .invalidMessage)
    /// Attributes changed in a way that the agent's policy does not permit.
    public static let incompatible = Code(value: .incompatible)
  }

  /// The kind of the error.
  public let code: Code
  /// What is wrong, in the words of Apache Mesos where it has some.
  public let message: String
  /// Where in the text, in UTF-8 bytes from its start; nil for what is not about a text.
  public let offset: Int?
  /// Which of the messages, counted from zero; nil for what is not about a message.
  public let index: Int?

  /// An error about a text (`offset`), about one message of several (`index`), or about neither.
  public init(_ code: Code, _ message: String, offset: Int? = nil, index: Int? = nil) {
    self.code = code
    self.message = message
    self.offset = offset
    self.index = index
  }

  /// The message and the place.
  public var description: String {
    if let offset { return "\(message) (at byte \(offset))" }
    return index.map { "\(message) (message \($0))" } ?? message
  }
}
