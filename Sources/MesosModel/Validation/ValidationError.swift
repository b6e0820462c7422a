/// Why a message, or a part of it, is refused.
///
/// Made where a rule of the protocol is broken; what a text or an amount of resources cannot mean is a ``ResourceError``, what a role
/// cannot be called is a ``RoleError``, and both become a validation error where a message holds them.
public struct ValidationError: Error, Hashable, Sendable, CustomStringConvertible {
  /// The kind of rule that is broken; the set may grow.
  public struct Code: Hashable, Sendable, CustomStringConvertible {
    private enum Value: String {
      case missingField, conflictingFields, invalidValue, invalidIdentifier, invalidRole, invalidResources,
        insufficient, duplicate
      case mismatch, immutable, unknownReference, unsupported
    }

    private let value: Value

    /// A field that has to be set is not.
    public static let missingField = Code(value: .missingField)
    /// Fields are set that exclude each other, or that mean nothing beside each other.
    public static let conflictingFields = Code(value: .conflictingFields)
    /// A field has a value out of the range that it may have.
    public static let invalidValue = Code(value: .invalidValue)
    /// An identifier is empty, too long or has characters that cannot be part of the name of a folder.
    public static let invalidIdentifier = Code(value: .invalidIdentifier)
    /// A role has no legal name.
    public static let invalidRole = Code(value: .invalidRole)
    /// Resources are malformed or of a kind that cannot be used in their place.
    public static let invalidResources = Code(value: .invalidResources)
    /// More is asked for than there is.
    public static let insufficient = Code(value: .insufficient)
    /// Something that has to be unique is there already.
    public static let duplicate = Code(value: .duplicate)
    /// Two parts of a message, or a message and what is known already, contradict each other.
    public static let mismatch = Code(value: .mismatch)
    /// A field is changed that never changes.
    public static let immutable = Code(value: .immutable)
    /// Something is named that is not there, or is there no more.
    public static let unknownReference = Code(value: .unknownReference)
    /// Something is asked for that whoever would have to do it does not support.
    public static let unsupported = Code(value: .unsupported)

    /// The name of the code.
    public var description: String { value.rawValue }
  }

  /// The kind of rule that is broken.
  public let code: Code
  /// For the person who wrote the message, in the words of Apache Mesos where it has some.
  public let message: String
  /// The field at fault, as components apart by dots from the message that was validated: `check.http.path`; nil where it is not one.
  ///
  /// Not part of ``message``, so that clients read what Apache Mesos would have told them.
  public let path: String?

  /// An error of this kind, with the words for a person and the field at fault.
  public init(_ code: Code, _ message: String, path: String? = nil) {
    self.code = code
    self.message = message
    self.path = path
  }

  /// The message, and the path of the field where there is one.
  public var description: String { path.map { "\(message) (in '\($0)')" } ?? message }

  /// The same error as whoever validated a larger message states it: what it was about before the words, the field of it before the path.
  ///
  /// - Parameters:
  ///   - context: Stands before ``message``, as `Task uses invalid check: `.
  ///   - field: The field of the larger message that holds what was validated.
  public func within(_ context: String, field: String? = nil) -> ValidationError {
    let inner = [field, path].compactMap { $0 }
    return ValidationError(code, context + message, path: inner.isEmpty ? nil : inner.joined(separator: "."))
  }
}
