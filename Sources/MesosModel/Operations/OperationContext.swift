/// Who asks for an operation, and what the agent that it is for can do and has: what the rules of ``OperationValidation`` look at.
public struct OperationContext: Sendable {
  /// The framework that asks for an operation.
  public struct Framework: Hashable, Sendable {
    /// The id that the master gave it.
    public var id: String
    /// The roles that it is in, in ascending order.
    public var roles: [String]
    /// Whether it has the capability `SHARED_RESOURCES`.
    public var sharesResources: Bool

    /// A framework of these roles, each once and in whatever order.
    public init(id: String, roles: some Sequence<String>, sharesResources: Bool = false) {
      self.id = id
      self.roles = Set(roles).sorted()
      self.sharesResources = sharesResources
    }

    /// The framework that a message describes: in the roles of `roles` with the capability `MULTI_ROLE`, in the one of `role` without.
    /// - Source: Apache Mesos `src/common/protobuf_utils.cpp`, `framework::getRoles`.
    public init(_ info: FrameworkInfo) {
      func has(_ capability: FrameworkInfo.Capability.TypeEnum) -> Bool {
        info.capabilities.contains { $0.type == capability }
      }
      self.init(
        id: info.id.value, roles: has(.multiRole) ? info.roles : [info.role],
        sharesResources: has(.sharedResources))
    }
  }

  /// The framework that accepts an offer with the operation; nil for an operator, who has no offers.
  public var framework: Framework?
  /// The name of who asks, as authenticated or as the framework gave it; nil when unknown, which allows any in a reservation or volume.
  public var principal: String?
  /// What the agent can do.
  public var agentCapabilities: Set<AgentInfo.Capability.TypeEnum>
  /// What the agent has written down: its dynamic reservations and persistent volumes, but for those of providers.
  public var checkpointed: Resources
  /// What tasks and executors use on the agent, allocated or not.
  public var used: Resources

  /// The circumstances of an operation; by default of an operator nobody knows, on an agent that can do everything and holds nothing.
  public init(
    framework: Framework? = nil, principal: String? = nil,
    agentCapabilities: Set<AgentInfo.Capability.TypeEnum> = [.hierarchicalRole, .reservationRefinement, .resizeVolume],
    checkpointed: Resources = Resources(), used: Resources = Resources()
  ) {
    self.framework = framework
    self.principal = principal
    self.agentCapabilities = agentCapabilities
    self.checkpointed = checkpointed
    self.used = used
  }
}
