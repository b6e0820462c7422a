/// One row of a server's table of flags: what it is called, what it takes, what it is when not given, and how far it acts.
///
/// Parsing, `--help`, GET_FLAGS, `/flags` and the documentation are all made from these rows.
public struct FlagDefinition: Hashable, Sendable {
  /// What kind of value a flag takes.
  public enum Kind: Hashable, Sendable {
    case string
    case bool
    case int
    case double
    /// A number and a unit, such as `15secs`; see ``FlagText/duration(_:)``.
    case duration
    /// A whole number and a unit, such as `10MB`; see ``FlagText/bytes(_:)``.
    case bytes
    /// A path; a leading `file://` is dropped and the file is *not* read.
    case path
  }

  /// How far this version acts on a flag.
  public enum Support: Hashable, Sendable {
    /// It acts as documented.
    case full
    /// It acts for these values; any other is an error that gives the reason.
    case only([String], otherwise: String)
    /// Like ``only(_:otherwise:)`` for each element of a list separated by commas.
    case onlyListOf([String], otherwise: String)
    /// It is known and has no effect yet: giving it another value than the default is a warning with this reason.
    case notYet(String)
    /// It is known, has no effect yet, and somebody who gives it relies on it for safety: giving it another value than the
    /// default is an error with this reason.
    case refused(String)
  }

  /// As on the command line, with underscores.
  public let name: String
  public let kind: Kind
  /// The value when the flag is not given, as text; `nil` when there is none.
  public let defaultText: String?
  public let help: String
  /// Whether a server does not start without it.
  public let isRequired: Bool
  /// Whether the value is kept out of everything that shows flags.
  public let isSecret: Bool
  /// Older names that still work, with a warning.
  public let deprecatedNames: [String]
  public let support: Support

  public init(
    _ name: String, _ kind: Kind, default defaultText: String? = nil, isRequired: Bool = false, isSecret: Bool = false,
    deprecatedNames: [String] = [], support: Support = .full, _ help: String
  ) {
    self.name = name
    self.kind = kind
    self.defaultText = defaultText
    self.help = help
    self.isRequired = isRequired
    self.isSecret = isSecret
    self.deprecatedNames = deprecatedNames
    self.support = support
  }
}
