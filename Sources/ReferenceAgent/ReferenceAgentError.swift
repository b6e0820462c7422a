/// Why an agent cannot start, or cannot go on.
public struct ReferenceAgentError: Error, Hashable, Sendable, CustomStringConvertible {
  public struct Code: Hashable, Sendable {
    private enum Value { case badConfiguration, unreadableState, ended }
    private let value: Value

    /// A flag or a field of the configuration cannot be used.
    public static let badConfiguration = Code(value: .badConfiguration)
    /// What the agent wrote down before cannot be used.
    public static let unreadableState = Code(value: .unreadableState)
    /// The agent had to end: the master refused it, or its state could not be written.
    public static let ended = Code(value: .ended)
  }

  public let code: Code
  public let message: String

  public init(code: Code, message: String) {
    self.code = code
    self.message = message
  }

  public var description: String { message }
}
