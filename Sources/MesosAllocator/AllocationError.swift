/// Why a change was refused; the allocator is then as it was before.
public struct AllocationError: Error, Hashable, Sendable, CustomStringConvertible {
  /// The kind of the error; the set may grow.
  public struct Code: Hashable, Sendable {
    private enum Value {
      case unknownFramework, duplicateFramework, unknownAgent, duplicateAgent, invalidRole, notAllocated, noRole,
        differs,
        invalidWeight, tooLarge, invalidQuota, noMaintenance, invalidConstraints
    }
    private let value: Value
    /// No such framework was added.
    public static let unknownFramework = Code(value: .unknownFramework)
    /// The framework is there already.
    public static let duplicateFramework = Code(value: .duplicateFramework)
    /// No such agent was added.
    public static let unknownAgent = Code(value: .unknownAgent)
    /// The agent is there already.
    public static let duplicateAgent = Code(value: .duplicateAgent)
    /// A role has no valid name, or the framework does not have it.
    public static let invalidRole = Code(value: .invalidRole)
    /// More was to be recovered or converted than is allocated.
    public static let notAllocated = Code(value: .notAllocated)
    /// Resources that should be allocated do not say to which role.
    public static let noRole = Code(value: .noRole)
    /// A conversion would change how much there is.
    public static let differs = Code(value: .differs)
    /// A weight is no positive number.
    public static let invalidWeight = Code(value: .invalidWeight)
    /// The cluster would have more of a resource than can be counted.
    public static let tooLarge = Code(value: .tooLarge)
    /// A quota contradicts itself.
    public static let invalidQuota = Code(value: .invalidQuota)
    /// No maintenance is planned for the agent.
    public static let noMaintenance = Code(value: .noMaintenance)
    /// Offer constraints have no meaning, or a regular expression in them is too large.
    public static let invalidConstraints = Code(value: .invalidConstraints)
  }

  /// The kind of the error.
  public let code: Code
  /// What was attempted, on what, and why it was refused.
  public let message: String

  init(_ code: Code, _ message: String) {
    self.code = code
    self.message = message
  }

  /// The message.
  public var description: String { message }
}
