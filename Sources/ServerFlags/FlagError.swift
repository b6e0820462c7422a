/// Why a server's flags cannot be used. ``message`` is one line for the operator and never holds the value of a secret flag.
public struct FlagError: Error, Hashable, Sendable, CustomStringConvertible {
  public struct Code: Hashable, Sendable {
    private enum Value {
      case unknown, missing, malformed, notBoolean, duplicate, unreadableFile, unsupported, unexpectedArgument
    }
    private let value: Value

    /// No flag has this name.
    public static let unknown = Code(value: .unknown)
    /// A required flag was not given.
    public static let missing = Code(value: .missing)
    /// The value is not of the flag's kind.
    public static let malformed = Code(value: .malformed)
    /// `--flag` or `--no-flag` for a flag that takes a value.
    public static let notBoolean = Code(value: .notBoolean)
    /// The command line gives the flag twice.
    public static let duplicate = Code(value: .duplicate)
    /// The file named by a `file://` value cannot be read.
    public static let unreadableFile = Code(value: .unreadableFile)
    /// The flag or value is known and this version cannot do what it asks for.
    public static let unsupported = Code(value: .unsupported)
    /// An argument that is not a flag.
    public static let unexpectedArgument = Code(value: .unexpectedArgument)
  }

  public let code: Code
  /// Name of the flag, or the argument as given.
  public let flag: String
  public let message: String
  /// For ``Code/unknown``: known names that look alike, the most similar first.
  public let suggestions: [String]

  init(_ code: Code, flag: String, _ message: String, suggestions: [String] = []) {
    self.code = code
    self.flag = flag
    self.message = message
    self.suggestions = suggestions
  }

  public var description: String { message }
}
