public import MesosModel

/// Resources of one agent that were given to a framework in one of its roles, to be offered to it.
public struct Allocation: Hashable, Sendable {
  public let framework: FrameworkKey
  public let agent: AgentKey
  public let role: String
  /// The resources, each allocated to ``role``.
  public let resources: Resources

  public init(framework: FrameworkKey, agent: AgentKey, role: String, resources: Resources) {
    self.framework = framework
    self.agent = agent
    self.role = role
    self.resources = resources
  }
}

/// What one slice of an allocation cycle did.
public struct CycleStep: Hashable, Sendable {
  /// In the order in which they were made.
  public let allocations: [Allocation]
  /// Whether the cycle ended with this slice, or none was under way.
  public let isComplete: Bool
}
