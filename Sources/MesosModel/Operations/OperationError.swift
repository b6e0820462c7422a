/// Why an operation on resources cannot be applied.
///
/// What is wrong with the operation whatever there is to apply it to is a ``ValidationError``, see ``OperationValidation``.
public struct OperationError: Error, Hashable, Sendable, CustomStringConvertible {
  /// The kind of the error; the set may grow.
  public struct Code: Hashable, Sendable, CustomStringConvertible {
    private enum Value: String {
      case unknownOperation, notAConversion, resultNeeded, notFinished, invalidResource, notApplicable, unsupported,
        insufficient
      case copiesRemain, amountsChange
    }

    private let value: Value

    /// The operation has no type, or one that this version does not know.
    public static let unknownOperation = Code(value: .unknownOperation)
    /// The operation launches tasks: it uses resources and converts none.
    public static let notAConversion = Code(value: .notAConversion)
    /// What comes of the operation is known only when its provider has done it.
    public static let resultNeeded = Code(value: .resultNeeded)
    /// The status is of an operation that is still under way, or of which nothing is known.
    public static let notFinished = Code(value: .notFinished)
    /// A resource of the operation is no valid description of resources.
    public static let invalidResource = Code(value: .invalidResource)
    /// A resource of the operation is valid, but not of the kind that the operation is for.
    public static let notApplicable = Code(value: .notApplicable)
    /// The operation is not there for resources of a provider.
    public static let unsupported = Code(value: .unsupported)
    /// What the operation is for is not there.
    public static let insufficient = Code(value: .insufficient)
    /// A shared volume was to be destroyed of which there are further copies.
    public static let copiesRemain = Code(value: .copiesRemain)
    /// Afterwards there would be more or less than before.
    public static let amountsChange = Code(value: .amountsChange)

    /// The name of the code.
    public var description: String { value.rawValue }
  }

  /// The kind of the error.
  public let code: Code
  /// What is wrong, in the words of Apache Mesos where it has some.
  public let message: String

  /// An error of this kind, with the words for a person.
  public init(_ code: Code, _ message: String) {
    self.code = code
    self.message = message
  }

  /// The message.
  public var description: String { message }
}
