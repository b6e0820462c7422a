/// Why an agent cannot use what it found when it started.
public struct AgentError: Error, Hashable, Sendable, CustomStringConvertible {
  public struct Code: Hashable, Sendable {
    private enum Value { case badRecord, incompatible }
    private let value: Value

    /// A record of the agent's storage is not what its key says.
    public static let badRecord = Code(value: .badRecord)
    /// The agent's description is not the one that the master admitted.
    public static let incompatible = Code(value: .incompatible)
  }

  public let code: Code
  public let message: String

  public init(code: Code, message: String) {
    self.code = code
    self.message = message
  }

  public var description: String { message }
}
