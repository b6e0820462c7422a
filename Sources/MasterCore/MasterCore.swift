import AgentLinkModel
import MesosAllocator
public import MesosModel

/// What a master decides, as a value: frameworks, agents, tasks, executors, offers, reconciliation and liveness.
///
/// A shell feeds it events and performs the directives it returns, in their order. The core reads no clock and does no I/O; the same
/// events give the same directives in every process, because nothing leaves it in the order of a hash table.
///
/// **Durable before visible.** What must survive the master (which agents are admitted, which are unreachable) goes out as
/// `.persist(operations, number)`, and the change waits. Nothing that depends on it is sent or shown before `.persisted(number)`.
///
/// **Changes.** What readers may see leaves as numbered `.changed` directives; tasks, offers and rows as they come, and the statuses of
/// agents and frameworks, which a call may touch many times, once at the end of an event.
///
/// **Resources are conserved**: for each agent, what the allocator believes to be allocated is what its tasks and executors use
/// plus what its offers hold. ``checkInvariants()`` proves it on any state.
///
/// Unlike Apache Mesos, tasks of frameworks without checkpointing are not given up the moment their agent disconnects: when the agent
/// comes back it says what it still runs, and what it does not run is reconciled then.
///
/// - Source: Apache Mesos, *Scheduler HTTP API*, *Reconciliation*, *High Availability*, *Task State Reasons*.
public struct MasterCore: Sendable {
  public let configuration: Configuration

  var frameworks = Table<FrameworkKey, TrackedFramework>()
  var completedFrameworks = History<FrameworkKey, CompletedFramework>()
  /// Which framework an event stream belongs to.
  var subscribers: [SchedulerConnection: FrameworkKey] = [:]

  var agents = Table<AgentKey, TrackedAgent>()
  var recoveredAgents: [AgentKey: RecoveredAgent] = [:]
  /// When each of them became unreachable, in nanoseconds since 1970.
  var unreachableAgents = History<AgentKey, Int64>()
  /// When each of them was marked as gone, in nanoseconds since 1970.
  var goneAgents = History<AgentKey, Int64>()
  /// What operators did to agents that are known.
  var conditions: [AgentKey: AgentCondition] = [:]
  /// Agents that the registry is being told are gone for good.
  var markingGone: Set<AgentKey> = []
  /// Agents that the registry is being told have left.
  var removing: Set<AgentKey> = []
  /// Agents that the registry is being told are drained.
  var settling: Set<AgentKey> = []
  /// Whether the age of unreachable and gone agents will be looked at.
  var isCollectionScheduled = false
  /// When the next agent may be given up, where that is limited.
  var nextRemoval: Duration = .zero
  /// Agents of the registry that wait for their turn to be given up.
  var scheduledRecovered: Set<AgentKey> = []
  /// How many agents the registry held at the start.
  let recoveredCount: Int
  /// Which registered agent a link session belongs to.
  var links: [AgentConnection: AgentKey] = [:]
  /// Sessions whose admission waits for the registry.
  var admitting: Set<AgentConnection> = []
  /// Agents whose return waits for the registry: they are not given up meanwhile.
  var reregistering: Set<AgentKey> = []

  var tasks = Table<TaskName, TrackedTask>()
  var executors = Table<ExecutorName, TrackedExecutor>()
  var offers = Table<OfferKey, TrackedOffer>()
  var operations = Table<OperationKey, TrackedOperation>()
  /// Those that their frameworks named.
  var operationNames: [OperationName: OperationKey] = [:]
  /// Offers of the present allocation cycle that the framework has not been sent yet.
  var unsent: [FrameworkKey: [OfferKey]] = [:]

  var inverseOffers = Table<OfferKey, TrackedInverseOffer>()
  /// Which frameworks have answered about which agents.
  var inverseAnswers: [AgentKey: Set<FrameworkKey>] = [:]

  var quotas = QuotaTree()
  var weights = RoleWeights()
  var maintenance = MaintenancePlan()
  /// Whether the weights are those of the configuration, which the registry does not hold yet.
  private let areWeightsNew: Bool
  private let initialWeights: [String: Double]
  var registryCalls = RegistryCalls()

  var allocator: Allocator
  var cycle = CycleState()
  var deadlines = DeadlineQueue<Deadline>()

  /// What waits for the registry, by the number of its `.persist`.
  var staged: [UInt64: Staged] = [:]
  var lastPersist: UInt64 = 0
  /// Up to this number everything is durable, or has failed.
  var lastPersisted: UInt64 = 0
  var lastChange: UInt64 = 0
  var lastFramework: UInt64 = 0
  var lastAgent: UInt64 = 0
  var lastOffer: UInt64 = 0
  var lastTask: UInt64 = 0
  var lastOperation: UInt64 = 0

  /// Calls of frameworks that wait for their turn, by principal; those that have no limit of their own under nil.
  var throttles: [String?: Throttle] = [:]
  var counters = Counters()
  let started: Moment
  /// What the present event leads to.
  var effects = Effects()

  /// A master that has read its registry.
  ///
  /// - Parameters:
  ///   - configuration: Its limits and defaults, with a master id that was never used before.
  ///   - registry: What the registry held.
  ///   - now: The moment from which agents of the registry have their time to come back.
  /// - Precondition: The weights of the configuration are positive and finite, no quota guarantees more than its limits, and the roles
  ///   of both have valid names.
  public init(configuration: Configuration, registry: RecoveredRegistry, at now: Moment) {
    self.configuration = configuration
    started = now
    allocator = Allocator(configuration: configuration.allocator)
    areWeightsNew = registry.weights.isEmpty && !configuration.weights.isEmpty
    for (role, quota) in configuration.quotas { quotas[role] = quota }
    for (role, quota) in registry.quotas { quotas[role] = quota }
    maintenance = registry.maintenance
    recoveredCount = registry.agents.count { $0.unreachableSince == nil }
    for (role, quota) in quotas.entries { allocator.limit(role, to: quota) }
    for agent in registry.goneAgents {
      _ = goneAgents.append(agent.id, agent.since, limit: configuration.unreachableAgentsMax)
    }
    for agent in registry.agents.sorted(by: { $0.id < $1.id }) {
      conditions[agent.id] = agent.condition
      if let since = agent.unreachableSince {
        _ = unreachableAgents.append(agent.id, since, limit: configuration.unreachableAgentsMax)
      } else {
        recoveredAgents[agent.id] = RecoveredAgent(info: agent.info)
      }
    }
    allocator.beginRecovery(agents: recoveredAgents.count, at: now)
    initialWeights = registry.weights.isEmpty ? configuration.weights : registry.weights
  }

  /// The first step; to be taken once, before any event.
  public mutating func start(at now: Moment) -> [Directive] {
    let weights = initialWeights.sorted { $0.key < $1.key }
    for (role, weight) in weights { set(role, to: weight) }
    // Those of the configuration hold until the first are kept; from then on the registry's do.
    if areWeightsNew { persist(weights.map { .setWeight($0.key, $0.value) }, then: .silent) }
    for (role, quota) in quotas.entries { change(.quota(role, quota)) }
    if !maintenance.isEmpty { change(.maintenance(maintenance)) }
    for (id, agent) in recoveredAgents.sorted(by: { $0.key < $1.key }) {
      change(.recoveredAgent(id, info: agent.info))
    }
    if !recoveredAgents.isEmpty {
      deadlines.insert(.recoveredAgents, at: now.uptime + configuration.agentReregisterTimeout)
    }
    scheduleRegistryCollection(at: now)
    return finish()
  }

  /// Takes one event and returns what must be done about it, in this order.
  ///
  /// - Parameters:
  ///   - event: What happened.
  ///   - now: When; never before the moment of an earlier event.
  /// - Complexity: In the size of what the event touches; an allocation cycle is cut in slices of
  ///   ``Configuration/allocationSliceBudget``.
  public mutating func handle(_ event: Event, at now: Moment) -> [Directive] {
    switch event {
    case .subscribe(let connection, let call, let principal, let token):
      subscribe(connection, call, principal: principal, token: token, at: now)
    case .call(let call, let streamID, let principal, let token):
      throttled(call, streamID: streamID, principal: principal, token: token, at: now)
    case .schedulerDisconnected(let connection):
      disconnected(connection, at: now)
    case .agentMessage(let connection, let message, let address):
      received(message, from: connection, address: address, at: now)
    case .agentHeard(let connection):
      heard(connection, at: now)
    case .agentDisconnected(let connection):
      disconnected(connection, at: now)
    case .persisted(let number):
      persisted(number, at: now)
    case .persistFailed(let number, let message):
      persistFailed(number, message: message, at: now)
    case .tick:
      tick(at: now)
    case .operatorCall(let call, let principal, let token):
      if let answered = perform(call, principal: principal, token: token, at: now) { answer(token, answered) }
    }
    return finish()
  }

  /// The uptime at which `.tick` is due at the latest; nil when nothing waits for time to pass.
  ///
  /// It may lie in the past, and it may turn out that nothing was left to do at it.
  public var nextDeadline: Duration? {
    guard let deadline = deadlines.next else { return nextCycle }
    return nextCycle.map { min($0, deadline) } ?? deadline
  }
}
