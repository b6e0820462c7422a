public import MesosModel

/// Resources of one agent that were given to a framework in one of its roles, to be offered to it.
public struct Allocation: Hashable, Sendable {
  /// Who is to be offered them.
  public let framework: FrameworkKey
  /// Whose resources they are.
  public let agent: AgentKey
  /// The framework's role in which it gets them.
  public let role: String
  /// The resources, each allocated to ``role``.
  public let resources: Resources

  /// An allocation of the given parts.
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
  /// Frameworks to be asked to leave agents, with the last slice of a cycle.
  public let inverseOffers: [InverseAllocation]
  /// Whether the cycle ended with this slice, or none was under way.
  public let isComplete: Bool
}
