public import MesosModel

extension AgentCore {
  /// What an agent is told when it starts.
  public struct Configuration: Sendable {
    /// What the master is told of the agent: hostname, port, resources, attributes, domain; without an id.
    public var agentInfo: AgentInfo
    public var capabilities: [AgentInfo.Capability]
    /// The release, as `GET_VERSION` shows it.
    public var version: String
    /// Where executors reach the agent, as they are told in `MESOS_AGENT_ENDPOINT`.
    public var ip: String
    public var port: Int32
    /// Absolute path under which sandboxes are laid out.
    public var workDirectory: String
    /// Absolute path of the folder of the program `mesos-executor`.
    public var launcherDirectory: String
    /// Executors run as the framework's user, not as the agent's own.
    public var switchUser: Bool
    /// The environment that executors get below what frameworks and the agent add.
    public var executorEnvironment: [(name: String, value: String)]
    /// The command executor is told to use the v1 API (`MESOS_HTTP_COMMAND_EXECUTOR`).
    public var httpCommandExecutor: Bool

    /// An executor that has not subscribed this long after its start is destroyed.
    public var executorRegistrationTimeout: Duration
    /// An executor that has not subscribed again this long after the agent's restart is destroyed.
    public var executorReregistrationTimeout: Duration
    /// Between asking an executor to stop and destroying its container, where its `ExecutorInfo` says nothing.
    public var executorShutdownGracePeriod: Duration
    /// How long executors look for an agent that is away.
    public var recoveryTimeout: Duration
    /// Between heartbeats on an executor's stream.
    public var executorHeartbeatInterval: Duration
    /// The first interval after which an update that was not acknowledged is sent again; it doubles each time.
    public var updateRetryIntervalMin: Duration
    public var updateRetryIntervalMax: Duration

    /// The history that is kept.
    public var completedFrameworksMax: Int
    public var completedExecutorsPerFrameworkMax: Int
    public var completedTasksPerExecutorMax: Int
    /// Updates of one task that may wait for acknowledgement; the executor's next is refused.
    public var pendingUpdatesPerTaskMax: Int
    /// Records of the master that may wait until the id it gave is durable; later ones are lost, and reconciled when the agent
    /// registers again.
    public var earlyRecordsMax = 10_000
    /// Resource providers that are given ids, with those that were marked as gone; further ones are refused.
    public var resourceProvidersMax = 1_000
    /// A task whose resources a provider has not made available after this long fails.
    public var publicationTimeout = Duration.seconds(60)

    public init(
      agentInfo: AgentInfo, capabilities: [AgentInfo.Capability] = Configuration.allCapabilities,
      version: String = "1.11.0", ip: String, port: Int32, workDirectory: String, launcherDirectory: String,
      switchUser: Bool = true, executorEnvironment: [(name: String, value: String)] = [],
      httpCommandExecutor: Bool = true, executorRegistrationTimeout: Duration = .seconds(60),
      executorReregistrationTimeout: Duration = .seconds(2), executorShutdownGracePeriod: Duration = .seconds(5),
      recoveryTimeout: Duration = .seconds(15 * 60), executorHeartbeatInterval: Duration = .seconds(30 * 60),
      updateRetryIntervalMin: Duration = .seconds(10), updateRetryIntervalMax: Duration = .seconds(600),
      completedFrameworksMax: Int = 50, completedExecutorsPerFrameworkMax: Int = 150,
      completedTasksPerExecutorMax: Int = 200, pendingUpdatesPerTaskMax: Int = 1_000
    ) {
      self.agentInfo = agentInfo
      self.capabilities = capabilities
      self.version = version
      self.ip = ip
      self.port = port
      self.workDirectory = workDirectory
      self.launcherDirectory = launcherDirectory
      self.switchUser = switchUser
      self.executorEnvironment = executorEnvironment
      self.httpCommandExecutor = httpCommandExecutor
      self.executorRegistrationTimeout = executorRegistrationTimeout
      self.executorReregistrationTimeout = executorReregistrationTimeout
      self.executorShutdownGracePeriod = executorShutdownGracePeriod
      self.recoveryTimeout = recoveryTimeout
      self.executorHeartbeatInterval = executorHeartbeatInterval
      self.updateRetryIntervalMin = updateRetryIntervalMin
      self.updateRetryIntervalMax = updateRetryIntervalMax
      self.completedFrameworksMax = completedFrameworksMax
      self.completedExecutorsPerFrameworkMax = completedExecutorsPerFrameworkMax
      self.completedTasksPerExecutorMax = completedTasksPerExecutorMax
      self.pendingUpdatesPerTaskMax = pendingUpdatesPerTaskMax
    }

    /// The capabilities of an agent of Apache Mesos 1.11, in its order.
    public static let allCapabilities: [AgentInfo.Capability] = {
      let types: [AgentInfo.Capability.TypeEnum] = [
        .multiRole, .hierarchicalRole, .reservationRefinement, .resourceProvider, .resizeVolume,
        .agentOperationFeedback, .agentDraining, .taskResourceLimits,
      ]
      return types.map { type in
        var capability = AgentInfo.Capability()
        capability.type = type
        return capability
      }
    }()
  }
}
