public import MesosAllocator
public import MesosAuthorization
public import MesosModel

extension MasterCore {
  /// What a master is told at its start; the defaults are those of Apache Mesos 1.11.
  public struct Configuration: Sendable {
    /// Tells this master, from its start to its end, from every other: a UUID in text. Ids of frameworks, agents and offers begin
    /// with it, so it must be new at each start.
    public var masterID: String
    /// What SUBSCRIBED says about the master.
    public var masterInfo: MasterInfo

    /// The time between two allocation cycles that no call or registration asked for.
    public var allocationInterval: Duration
    /// How much of an allocation cycle is done for one event, in the allocator's units of work.
    public var allocationSliceBudget: Int
    /// How long an offer may stay unanswered; nil for as long as the framework likes.
    public var offerTimeout: Duration?
    /// Offers in one OFFERS event at most; further ones follow in further events.
    public var offersPerEventMax: Int

    /// An agent is given up after ``agentPingTimeoutsMax`` times this without a sign of life.
    public var agentPingTimeout: Duration
    public var agentPingTimeoutsMax: Int
    /// The least time between two agents that are given up for their silence; nil for any number at once.
    public var agentRemovalInterval: Duration?
    /// Which part of the agents of the registry may be given up after the start of a master; it ends rather than give up more.
    public var recoveryAgentRemovalLimit: Double
    /// The time between two looks at the age of agents that are remembered as unreachable or gone.
    public var registryCollectionInterval: Duration
    /// How long agents are remembered as unreachable or gone.
    public var registryAgentAgeMax: Duration
    /// How many calls a second frameworks may make.
    public var callRates = CallRates()
    /// Who may do what; nil where everybody may do everything.
    public var authorizer: (any Authorizer)?
    /// Whether agents need a fault domain to join.
    public var requiresAgentDomain: Bool
    /// How long agents that the registry knows have to come back after the start of a master.
    public var agentReregisterTimeout: Duration

    /// The time between two HEARTBEAT events to a scheduler.
    public var heartbeatInterval: Duration

    /// Completed frameworks that stay visible.
    public var completedFrameworksMax: Int
    /// Completed tasks of a framework that stay visible.
    public var completedTasksPerFrameworkMax: Int
    /// Unreachable tasks of a framework that stay known.
    public var unreachableTasksPerFrameworkMax: Int
    /// Agents that are remembered as unreachable, and as many as gone; the oldest are forgotten first.
    public var unreachableAgentsMax: Int

    /// The roles frameworks may subscribe to; nil for any.
    public var roles: Set<String>?
    /// The weights of roles; a role that is not named weighs 1.
    public var weights: [String: Double]
    /// What roles are guaranteed and what they may have at most, from the start.
    public var quotas: [String: Quota]
    /// Whether frameworks may run as the user `root`.
    public var rootSubmissions: Bool
    /// Whether each framework has metrics of its own.
    public var publishesFrameworkMetrics = true
    /// Offers smaller than all of these are withheld; empty for no minimum.
    public var minAllocatableResources: [ResourceQuantities]
    /// How large regular expressions in offer constraints may be.
    public var offerConstraintsLimits: OfferConstraintsLimits
    /// Which part of the agents of the registry must be back before anything is offered, where roles have quotas.
    public var agentRecoveryFactor: Double
    /// How long offers wait for them at most.
    public var recoveryTimeout: Duration
    /// Whether agents with GPUs are only offered to frameworks that declare GPU_RESOURCES.
    public var filtersGPUResources: Bool
    /// Resources whose names are here do not count in shares.
    public var fairSharingExcludedResourceNames: Set<String>
    /// How roles are put in order for each agent.
    public var roleOrder: CompetitorOrder
    /// How the frameworks of a role are put in order for each agent.
    public var frameworkOrder: CompetitorOrder
    /// What orders of chance are drawn from.
    public var allocationSeed: UInt64

    public init(masterID: String, masterInfo: MasterInfo) {
      self.masterID = masterID
      self.masterInfo = masterInfo
      allocationInterval = .seconds(1)
      allocationSliceBudget = 2_000
      offerTimeout = nil
      offersPerEventMax = 1_000
      agentPingTimeout = .seconds(15)
      agentPingTimeoutsMax = 5
      agentRemovalInterval = nil
      recoveryAgentRemovalLimit = 1
      registryCollectionInterval = .seconds(15 * 60)
      registryAgentAgeMax = .seconds(14 * 86_400)
      requiresAgentDomain = false
      agentReregisterTimeout = .seconds(600)
      heartbeatInterval = .seconds(15)
      completedFrameworksMax = 50
      completedTasksPerFrameworkMax = 1_000
      unreachableTasksPerFrameworkMax = 1_000
      unreachableAgentsMax = 100 * 1_024
      roles = nil
      weights = [:]
      quotas = [:]
      rootSubmissions = true
      minAllocatableResources = [
        ResourceQuantities([("cpus", 0.01)]), ResourceQuantities([("mem", 32)]),
      ]
      offerConstraintsLimits = OfferConstraintsLimits()
      agentRecoveryFactor = 0.8
      recoveryTimeout = .seconds(600)
      filtersGPUResources = true
      fairSharingExcludedResourceNames = []
      roleOrder = .fair
      frameworkOrder = .fair
      allocationSeed = 0
    }

    /// How long an agent may be silent before it is given up.
    public var agentTimeout: Duration { agentPingTimeout * agentPingTimeoutsMax }
  }
}
