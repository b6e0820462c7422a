public import MesosModel

/// What readers of the change log are to see, taken from the master's tables in one go; for tests and simulations that fold the log.
public struct MasterSnapshot: Hashable, Sendable {
  /// A task's name in the cluster.
  public struct TaskName: Hashable, Sendable {
    public var framework: FrameworkKey
    public var task: TaskKey

    public init(framework: FrameworkKey, task: TaskKey) {
      self.framework = framework
      self.task = task
    }
  }

  /// An executor's name in the cluster.
  public struct ExecutorName: Hashable, Sendable {
    public var framework: FrameworkKey
    public var agent: AgentKey
    public var executor: ExecutorKey

    public init(framework: FrameworkKey, agent: AgentKey, executor: ExecutorKey) {
      self.framework = framework
      self.agent = agent
      self.executor = executor
    }
  }

  /// Registered agents.
  public var agents: [AgentKey: AgentRow.Status] = [:]
  /// Agents of the registry that have not come back since the master started.
  public var recoveredAgents: Set<AgentKey> = []
  /// Frameworks that are not completed.
  public var frameworks: [FrameworkKey: FrameworkRow.Status] = [:]
  public var completedFrameworks: Set<FrameworkKey> = []
  public var offers: Set<OfferKey> = []
  /// Active tasks and their states.
  public var tasks: [TaskName: TaskState] = [:]
  public var unreachableTasks: Set<TaskName> = []
  public var completedTasks: Set<TaskName> = []
  public var executors: Set<ExecutorName> = []
  /// Operations on registered agents.
  public var operations: [OperationKey: OperationState] = [:]
  public var quotas: [String: Quota] = [:]
  public var weights: [String: Double] = [:]
  public var maintenance = MaintenancePlan()
  public var inverseOffers: Set<OfferKey> = []

  /// Nothing at all, as before the first change.
  public init() {}
}

extension MasterCore {
  /// The state as readers are to see it after the changes so far.
  ///
  /// - Complexity: O(*n*) in everything the master knows.
  public func snapshot() -> MasterSnapshot {
    var snapshot = MasterSnapshot()
    snapshot.agents = agents.mapValues(\.status)
    snapshot.recoveredAgents = Set(recoveredAgents.keys)
    snapshot.frameworks = frameworks.mapValues(\.status)
    snapshot.completedFrameworks = Set(completedFrameworks.keys)
    snapshot.offers = Set(offers.keys)
    for (name, task) in tasks {
      snapshot.tasks[.init(framework: name.framework, task: name.task)] = task.statuses.state
    }
    for framework in frameworks.values {
      for task in framework.unreachableTasks.keys {
        snapshot.unreachableTasks.insert(.init(framework: framework.id, task: task))
      }
      for task in framework.completedTasks.keys {
        snapshot.completedTasks.insert(.init(framework: framework.id, task: task))
      }
    }
    for id in completedFrameworks.keys {
      for task in completedFrameworks[id]?.tasks ?? [] {
        snapshot.completedTasks.insert(.init(framework: id, task: task))
      }
    }
    snapshot.operations = operations.mapValues(\.latest.state)
    snapshot.quotas = Dictionary(uniqueKeysWithValues: quotas.entries.map { ($0.role, $0.quota) })
    snapshot.weights = Dictionary(uniqueKeysWithValues: weights.infos.map { ($0.role, $0.weight) })
    snapshot.maintenance = maintenance
    snapshot.inverseOffers = Set(inverseOffers.keys)
    snapshot.executors = Set(
      executors.keys.map { .init(framework: $0.framework, agent: $0.agent, executor: $0.executor) })
    return snapshot
  }
}
