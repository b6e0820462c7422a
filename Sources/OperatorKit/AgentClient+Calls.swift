public import MesosModel
import SwiftProtobuf

// Calls that read. Each throws `OperatorError`; what is no answer to the call is one too.
extension AgentClient {
  /// Whether the agent serves.
  public func getHealth() async throws(OperatorError) -> AgentResponse.GetHealth {
    try await ask(.getHealth, .getHealth, \.hasGetHealth, \.getHealth)
  }

  /// The flags that the agent runs with.
  public func getFlags() async throws(OperatorError) -> AgentResponse.GetFlags {
    try await ask(.getFlags, .getFlags, \.hasGetFlags, \.getFlags)
  }

  /// The version of the agent and how it was built.
  public func getVersion() async throws(OperatorError) -> AgentResponse.GetVersion {
    try await ask(.getVersion, .getVersion, \.hasGetVersion, \.getVersion)
  }

  /// How much the agent logs: the level of its VLOG, 0 to 3.
  public func getLoggingLevel() async throws(OperatorError) -> AgentResponse.GetLoggingLevel {
    try await ask(.getLoggingLevel, .getLoggingLevel, \.hasGetLoggingLevel, \.getLoggingLevel)
  }

  /// Frameworks, executors and tasks of the agent at one instant.
  public func getState() async throws(OperatorError) -> AgentResponse.GetState {
    try await ask(.getState, .getState, \.hasGetState, \.getState)
  }

  /// The frameworks that run something here, and the last that did.
  public func getFrameworks() async throws(OperatorError) -> AgentResponse.GetFrameworks {
    try await ask(.getFrameworks, .getFrameworks, \.hasGetFrameworks, \.getFrameworks)
  }

  /// The executors here, and the last that ended.
  public func getExecutors() async throws(OperatorError) -> AgentResponse.GetExecutors {
    try await ask(.getExecutors, .getExecutors, \.hasGetExecutors, \.getExecutors)
  }

  /// Offer operations that are not finished or not acknowledged.
  public func getOperations() async throws(OperatorError) -> AgentResponse.GetOperations {
    try await ask(.getOperations, .getOperations, \.hasGetOperations, \.getOperations)
  }

  /// Tasks: pending, queued, launched, terminated and completed.
  public func getTasks() async throws(OperatorError) -> AgentResponse.GetTasks {
    try await ask(.getTasks, .getTasks, \.hasGetTasks, \.getTasks)
  }

  /// What the agent registered with, and whether it is draining.
  public func getAgent() async throws(OperatorError) -> AgentResponse.GetAgent {
    try await ask(.getAgent, .getAgent, \.hasGetAgent, \.getAgent)
  }

  /// The resource providers of the agent, with their resources.
  public func getResourceProviders() async throws(OperatorError) -> AgentResponse.GetResourceProviders {
    try await ask(.getResourceProviders, .getResourceProviders, \.hasGetResourceProviders, \.getResourceProviders)
  }

  /// The counters and gauges of the agent.
  ///
  /// - Parameter timeout: How long the agent waits for a metric that is slow; those that are late are left out. `nil` waits for all.
  public func getMetrics(timeout: Duration? = nil) async throws(OperatorError) -> AgentResponse.GetMetrics {
    try await ask(.getMetrics, .getMetrics, \.hasGetMetrics, \.getMetrics) { call in
      call.getMetrics = .init()
      if let timeout { call.getMetrics.timeout.nanoseconds = timeout.wholeNanoseconds }
    }
  }

  /// The containers that run, with their status and what they use.
  ///
  /// - Parameters:
  ///   - showNested: Whether those inside others are listed.
  ///   - showStandalone: Whether those that no framework launched are.
  public func getContainers(
    showNested: Bool = false, showStandalone: Bool = false
  ) async throws(OperatorError) -> AgentResponse.GetContainers {
    // Apache Mesos leaves the message out where no container runs.
    try await ask(.getContainers, .getContainers, \.hasGetContainers, \.getContainers, mayBeEmpty: true) { call in
      call.getContainers.showNested = showNested
      call.getContainers.showStandalone = showStandalone
    }
  }

  /// The files and folders in a virtual folder, such as `/frameworks/ID/executors/ID/runs/latest`.
  ///
  /// - Throws: Code `.notFound` where there is none.
  public func listFiles(_ path: String) async throws(OperatorError) -> AgentResponse.ListFiles {
    try await ask(.listFiles, .listFiles, \.hasListFiles, \.listFiles) { $0.listFiles.path = path }
  }

  /// A piece of a file: its bytes from `offset`, none at the end, and the size that the file has now.
  ///
  /// - Parameters:
  ///   - path: The virtual path of the file.
  ///   - offset: Bytes from its start.
  ///   - length: Bytes at most; servers give a few pages at once whatever is asked for.
  public func readFile(
    _ path: String, offset: UInt64 = 0, length: UInt64? = nil
  ) async throws(OperatorError) -> AgentResponse.ReadFile {
    try await ask(.readFile, .readFile, \.hasReadFile, \.readFile) { call in
      call.readFile.path = path
      call.readFile.offset = offset
      if let length { call.readFile.length = length }
    }
  }

  // MARK: Changes

  /// Makes the agent log more or less for a while.
  ///
  /// - Parameters:
  ///   - level: 0 to 3.
  ///   - duration: After it the level falls back to what the flags say.
  public func setLoggingLevel(_ level: UInt32, for duration: Duration) async throws(OperatorError) {
    try await tell(.setLoggingLevel) { call in
      call.setLoggingLevel.level = level
      call.setLoggingLevel.duration.nanoseconds = duration.wholeNanoseconds
    }
  }

  /// Adds a resource provider and starts it.
  ///
  /// - Throws: Code `.conflict` where there is one of that type and name.
  public func addResourceProviderConfig(_ info: ResourceProviderInfo) async throws(OperatorError) {
    try await tell(.addResourceProviderConfig) { $0.addResourceProviderConfig.info = info }
  }

  /// Changes a resource provider's configuration and restarts it.
  ///
  /// - Throws: Code `.notFound` where there is none of that type and name.
  public func updateResourceProviderConfig(_ info: ResourceProviderInfo) async throws(OperatorError) {
    try await tell(.updateResourceProviderConfig) { $0.updateResourceProviderConfig.info = info }
  }

  /// Stops a resource provider and forgets its configuration.
  public func removeResourceProviderConfig(type: String, name: String) async throws(OperatorError) {
    try await tell(.removeResourceProviderConfig) { call in
      call.removeResourceProviderConfig.type = type
      call.removeResourceProviderConfig.name = name
    }
  }

  /// Declares that a resource provider never comes back; it must have no resources in use.
  public func markResourceProviderGone(_ provider: ResourceProviderID) async throws(OperatorError) {
    try await tell(.markResourceProviderGone) { $0.markResourceProviderGone.resourceProviderID = provider }
  }

  /// Deletes the layers of images that no container uses.
  ///
  /// - Parameter excluded: Images that stay all the same.
  public func pruneImages(except excluded: [ContainerImage] = []) async throws(OperatorError) {
    try await tell(.pruneImages) { $0.pruneImages.excludedImages = excluded }
  }
}
