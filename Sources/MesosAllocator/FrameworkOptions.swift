public import MesosModel

/// What the allocator must know about a framework.
public struct FrameworkOptions: Hashable, Sendable {
  /// What a framework can deal with, as far as it decides what it is offered.
  public struct Capabilities: OptionSet, Hashable, Sendable {
    /// One bit a capability.
    public let rawValue: Int
    /// The capabilities whose bits are set.
    public init(rawValue: Int) { self.rawValue = rawValue }

    /// REVOCABLE_RESOURCES: is offered what may be taken back at any time.
    public static let revocableResources = Capabilities(rawValue: 1 << 0)
    /// GPU_RESOURCES: is offered agents that have GPUs.
    public static let gpuResources = Capabilities(rawValue: 1 << 1)
    /// SHARED_RESOURCES: is offered shared persistent volumes.
    public static let sharedResources = Capabilities(rawValue: 1 << 2)
    /// RESERVATION_REFINEMENT: is offered resources whose reservation was refined.
    public static let reservationRefinement = Capabilities(rawValue: 1 << 3)
    /// REGION_AWARE: is offered agents of other regions than the master's.
    public static let regionAware = Capabilities(rawValue: 1 << 4)
    /// MULTI_ROLE: is not offered agents that lack the capability of that name.
    public static let multiRole = Capabilities(rawValue: 1 << 5)
  }

  /// The roles it is subscribed to.
  public var roles: [String]
  /// Those of ``roles`` in which it wants no offers for now.
  public var suppressedRoles: [String]
  /// Whether offers can reach it.
  public var isActive: Bool
  /// What it can deal with.
  public var capabilities: Capabilities
  /// By role, what an offer must at least contain, any one of the list; replaces the configuration's list for that role.
  public var minimumAllocatable: [String: [ResourceQuantities]]
  /// Which agents it wants in its roles; what is said about other roles does not matter.
  public var constraints: OfferConstraintsFilter

  /// A framework of the given kind.
  public init(
    roles: [String], suppressedRoles: [String] = [], isActive: Bool = true, capabilities: Capabilities = [],
    minimumAllocatable: [String: [ResourceQuantities]] = [:],
    constraints: OfferConstraintsFilter = OfferConstraintsFilter()
  ) {
    self.roles = roles
    self.suppressedRoles = suppressedRoles
    self.isActive = isActive
    self.capabilities = capabilities
    self.minimumAllocatable = minimumAllocatable
    self.constraints = constraints
  }
}

extension FrameworkOptions.Capabilities {
  /// The capabilities that `info` declares, as far as they matter here.
  public init(_ info: FrameworkInfo) {
    self = []
    for capability in info.capabilities {
      switch capability.type {
      case .revocableResources: insert(.revocableResources)
      case .gpuResources: insert(.gpuResources)
      case .sharedResources: insert(.sharedResources)
      case .reservationRefinement: insert(.reservationRefinement)
      case .regionAware: insert(.regionAware)
      case .multiRole: insert(.multiRole)
      case .unknown, .taskKillingState, .partitionAware: break
      }
    }
  }
}
