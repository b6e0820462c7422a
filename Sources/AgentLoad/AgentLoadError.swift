/// Why simulated agents cannot run.
public struct AgentLoadError: Error, Hashable, Sendable, CustomStringConvertible {
  public struct Code: Hashable, Sendable {
    private enum Value { case badConfiguration, descriptors }
    private let value: Value

    /// A value that cannot be understood or is out of range.
    public static let badConfiguration = Code(value: .badConfiguration)
    /// The process may not have as many files open as there are agents.
    public static let descriptors = Code(value: .descriptors)
  }

  public let code: Code
  /// What is wrong and what to do.
  public let message: String

  public var description: String { message }

  init(_ code: Code, _ message: String) {
    self.code = code
    self.message = message
  }
}
