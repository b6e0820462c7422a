/// Why a JSON document could not be read as a message, in the words Apache Mesos answers with.
///
/// A document is refused either as text (it is no JSON) or as a message (it is JSON of the wrong shape). As in Apache Mesos, the
/// first kind wins when a document has faults of both kinds.
public struct JSONMessageError: Error, Hashable, Sendable, CustomStringConvertible {
  /// What kind of fault it is.
  public struct Code: Hashable, Sendable, CustomStringConvertible {
    fileprivate enum Value: String {
      case syntax, trailingCharacters, nestingTooDeep, numberTooLarge
      case notAnObject, unexpectedType, malformedValue, numberOutOfRange, invalidUTF8, missingRequired
    }
    fileprivate let value: Value

    /// The text is no JSON.
    public static let syntax = Code(value: .syntax)
    /// Something other than white space follows the document.
    public static let trailingCharacters = Code(value: .trailingCharacters)
    /// Objects and arrays lie deeper in each other than `JSONReader.depthMax`.
    public static let nestingTooDeep = Code(value: .nestingTooDeep)
    /// A number is larger than a `Double` holds.
    public static let numberTooLarge = Code(value: .numberTooLarge)
    /// The document is JSON, and no object.
    public static let notAnObject = Code(value: .notAnObject)
    /// A field has a value of another JSON type.
    public static let unexpectedType = Code(value: .unexpectedType)
    /// A text that stands for a number, a Boolean or bytes is none.
    public static let malformedValue = Code(value: .malformedValue)
    /// A number does not fit the field's type.
    public static let numberOutOfRange = Code(value: .numberOutOfRange)
    /// A text is not UTF-8.
    public static let invalidUTF8 = Code(value: .invalidUTF8)
    /// A field that is required is not there.
    public static let missingRequired = Code(value: .missingRequired)

    /// The code's name.
    public var description: String { value.rawValue }

    /// Whether the document is no JSON at all, as opposed to JSON of the wrong shape.
    public var isMalformedDocument: Bool {
      switch value {
      case .syntax, .trailingCharacters, .nestingTooDeep, .numberTooLarge: true
      case .notAnObject, .unexpectedType, .malformedValue, .numberOutOfRange, .invalidUTF8, .missingRequired: false
      }
    }
  }

  /// What kind of fault it is.
  public let code: Code
  /// What is wrong, one line unless the document's own text has line breaks; text of the document in it is capped.
  public let message: String
  /// Where it was noticed, in bytes from the document's start.
  public let offset: Int
  /// The field it concerns, such as `subscribe.framework_info.roles[0]`; empty where it concerns the document.
  public let path: String

  /// An error with its kind, a text for a person, and the place: `offset` in bytes, `path` empty where it concerns the document.
  public init(code: Code, message: String, offset: Int, path: String = "") {
    self.code = code
    self.message = message
    self.offset = offset
    self.path = path
  }

  /// The message.
  public var description: String { message }

  /// The body of the answer 400 that Apache Mesos gives.
  ///
  /// - Parameter message: What the document was to be, `Call` for every API of Apache Mesos.
  public func answer(for message: String = "Call") -> String {
    code.isMalformedDocument
      ? "Failed to parse body into JSON: \(self.message)"
      : "Failed to convert JSON into \(message) protobuf: \(self.message)"
  }
}
