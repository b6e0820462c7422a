/// Why a text or a message is no valid description of resources, or an operation on resources cannot be done.
public struct ResourceError: Error, Hashable, Sendable, CustomStringConvertible {
  /// The kind of the error; the set may grow.
  public struct Code: Hashable, Sendable {
    private enum Value { case malformedText, invalidResource, insufficient, refinedReservation }
    private let value: Value
    /// A text does not follow the form `name(role):value;…`.
    public static let malformedText = Code(value: .malformedText)
    /// A message or a reservation breaks a rule: no name, a negative amount, a reservation that contradicts itself, …
    public static let invalidResource = Code(value: .invalidResource)
    /// More was to be taken away than there is.
    public static let insufficient = Code(value: .insufficient)
    /// A stack of more than one reservation was to be written in the older format, which has no place for it.
    public static let refinedReservation = Code(value: .refinedReservation)
  }

  /// The kind of the error.
  public let code: Code
  /// What is wrong, in the words of Apache Mesos where it has some.
  public let message: String
  /// Where in the text, in UTF-8 bytes from its start; nil for what is not about a text.
  public let offset: Int?
  /// Which of the messages, counted from zero; nil for what is not about one message of several.
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
