public import MesosModel

/// What the allocator must know about an agent.
public struct AgentOptions: Hashable, Sendable {
  /// What an agent can deal with, as far as it decides whom it is offered to.
  public struct Capabilities: OptionSet, Hashable, Sendable {
    /// One bit a capability.
    public let rawValue: Int
    /// The capabilities whose bits are set.
    public init(rawValue: Int) { self.rawValue = rawValue }

    /// MULTI_ROLE: tells for which role something is allocated; without it, frameworks with that capability are not offered the agent.
    public static let multiRole = Capabilities(rawValue: 1 << 0)
    /// HIERARCHICAL_ROLE: without it, frameworks are not offered the agent in roles below others.
    public static let hierarchicalRole = Capabilities(rawValue: 1 << 1)
    /// RESERVATION_REFINEMENT: without it, refined reservations on the agent are not offered.
    public static let reservationRefinement = Capabilities(rawValue: 1 << 2)

    /// All of them, as every agent since Mesos 1.4 has.
    public static let all: Capabilities = [.multiRole, .hierarchicalRole, .reservationRefinement]
  }

  /// All that the agent has, allocated or not; no entry is allocated to a role.
  public var total: Resources
  /// The region of the agent's fault domain, if it has one.
  public var region: String?
  /// The zone of the agent's fault domain, if it has one.
  public var zone: String?
  /// The name that a whitelist and offer constraints know the agent by.
  public var hostname: String
  /// What offer constraints may be about.
  public var attributes: Attributes
  /// What it can deal with.
  public var capabilities: Capabilities

  /// An agent of the given kind.
  public init(
    total: Resources, region: String? = nil, zone: String? = nil, hostname: String = "",
    attributes: Attributes = Attributes(), capabilities: Capabilities = .all
  ) {
    self.total = total
    self.region = region
    self.zone = zone
    self.hostname = hostname
    self.attributes = attributes
    self.capabilities = capabilities
  }
}

extension AgentOptions.Capabilities {
  /// The capabilities that an agent declares, as far as they matter here.
  public init(_ capabilities: some Sequence<AgentInfo.Capability>) {
    self = []
    for capability in capabilities {
      switch capability.type {
      case .multiRole: insert(.multiRole)
      case .hierarchicalRole: insert(.hierarchicalRole)
      case .reservationRefinement: insert(.reservationRefinement)
      default: break
      }
    }
  }
}

/// Why an agent is not offered, for as long as one of them holds.
public struct AgentHindrances: OptionSet, Hashable, Sendable {
  /// One bit a hindrance.
  public let rawValue: Int
  /// The hindrances whose bits are set.
  public init(rawValue: Int) { self.rawValue = rawValue }

  /// The agent cannot be reached.
  public static let disconnected = AgentHindrances(rawValue: 1 << 0)
  /// An operator has its tasks killed, to be offered again when the agent is reactivated.
  public static let draining = AgentHindrances(rawValue: 1 << 1)
  /// An operator does not want it to be offered.
  public static let deactivated = AgentHindrances(rawValue: 1 << 2)
}
