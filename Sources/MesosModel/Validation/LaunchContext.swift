/// What has to be known of a framework, an agent and an offer to say whether a task can be launched.
public struct LaunchContext: Sendable {
  /// Whether the id of a task is taken.
  public enum TaskIDUse: Hashable, Sendable {
    /// No task of the framework has it, or one that has ended.
    case free
    /// A task of the framework that has not ended has it.
    case taken
    /// A task of the framework on an agent that is unreachable has it.
    case takenByUnreachableTask
  }

  /// The framework that launches.
  public var framework: FrameworkKey
  /// The agent of the offer.
  public var agent: AgentKey
  /// Whether the agent has the capability TASK_RESOURCE_LIMITS.
  public var agentTakesResourceLimits: Bool
  /// What is left of the offer, allocated to its role.
  public var available: Resources
  /// The executor with the id of the one that is named, where it is known on the agent already.
  public var existingExecutor: ExecutorInfo?
  /// Whether the tasks of ``existingExecutor`` share its cgroups; nil when it has none. Only groups look at it.
  public var existingTasksShareCgroups: Bool?

  /// The circumstances of a launch.
  public init(
    framework: FrameworkKey, agent: AgentKey, agentTakesResourceLimits: Bool, available: Resources,
    existingExecutor: ExecutorInfo? = nil, existingTasksShareCgroups: Bool? = nil
  ) {
    self.framework = framework
    self.agent = agent
    self.agentTakesResourceLimits = agentTakesResourceLimits
    self.available = available
    self.existingExecutor = existingExecutor
    self.existingTasksShareCgroups = existingTasksShareCgroups
  }
}
