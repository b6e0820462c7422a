/// Why a demand cannot be declared, or a question about one cannot be answered.
public struct DemandError: Error, Hashable, Sendable, CustomStringConvertible {
  /// The kind of the error; the set may grow.
  public struct Code: Hashable, Sendable {
    private enum Value { case invalidDemand, duplicateName, unknownRole, tooMany, unknownDemand, staleVersion }
    private let value: Value
    /// A demand contradicts itself, or asks for what cannot be.
    public static let invalidDemand = Code(value: .invalidDemand)
    /// Two demands have one name.
    public static let duplicateName = Code(value: .duplicateName)
    /// The framework is not subscribed to the demand's role.
    public static let unknownRole = Code(value: .unknownRole)
    /// More slots than ``DemandCore/Configuration/slotsMax``.
    public static let tooMany = Code(value: .tooMany)
    /// No demand has this name.
    public static let unknownDemand = Code(value: .unknownDemand)
    /// A later version is in force already.
    public static let staleVersion = Code(value: .staleVersion)
  }

  /// The kind of the error.
  public let code: Code
  /// What is wrong, and what to do.
  public let message: String

  /// An error of a kind, with a text for people.
  public init(_ code: Code, _ message: String) {
    self.code = code
    self.message = message
  }

  /// The message.
  public var description: String { message }
}
