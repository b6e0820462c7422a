/// Why an executor cannot be set up, or why something it was asked to send is not sent.
public struct ExecutorError: Error, Hashable, Sendable, CustomStringConvertible {
  public struct Code: Hashable, Sendable, CustomStringConvertible {
    public let description: String

    /// A variable that the agent sets is missing: the program was not started by an agent.
    public static let missingVariable = Code(description: "missing variable")
    /// A variable that the agent sets does not read as what it is.
    public static let badVariable = Code(description: "bad variable")
    /// A status without a task or with a state that is not an executor's to report.
    public static let invalidUpdate = Code(description: "invalid update")
    /// More updates wait for their acknowledgement than the configuration allows.
    public static let tooManyUpdates = Code(description: "too many updates")
    /// Messages are not kept: they are sent while subscribed or not at all.
    public static let notSubscribed = Code(description: "not subscribed")
    /// The executor has ended.
    public static let ended = Code(description: "ended")
    /// A task whose command cannot be run.
    public static let invalidCommand = Code(description: "invalid command")
    /// What came from the agent breaks the protocol.
    public static let protocolViolation = Code(description: "protocol violation")
    /// The agent refuses the executor for good.
    public static let refused = Code(description: "refused")
    /// The agent does not believe who the executor says it is (401 or 403).
    public static let unauthorized = Code(description: "unauthorized")
  }

  public let code: Code
  public let message: String

  public init(_ code: Code, _ message: String) {
    self.code = code
    self.message = String(message.prefix(1024))
  }

  public var description: String { message }
}
