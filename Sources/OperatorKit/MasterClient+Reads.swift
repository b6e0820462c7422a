public import MesosModel
import SwiftProtobuf

// Calls that read. Each throws `OperatorError`; what is no answer to the call is one too.
extension MasterClient {
  /// Whether the master serves.
  public func getHealth() async throws(OperatorError) -> MasterResponse.GetHealth {
    try await ask(.getHealth, .getHealth, \.hasGetHealth, \.getHealth)
  }

  /// The flags that the master runs with, those that hold secrets included: it is for the server to hide them.
  public func getFlags() async throws(OperatorError) -> MasterResponse.GetFlags {
    try await ask(.getFlags, .getFlags, \.hasGetFlags, \.getFlags)
  }

  /// The version of the master and how it was built.
  public func getVersion() async throws(OperatorError) -> MasterResponse.GetVersion {
    try await ask(.getVersion, .getVersion, \.hasGetVersion, \.getVersion)
  }

  /// How much the master logs: the level of its VLOG, 0 to 3.
  public func getLoggingLevel() async throws(OperatorError) -> MasterResponse.GetLoggingLevel {
    try await ask(.getLoggingLevel, .getLoggingLevel, \.hasGetLoggingLevel, \.getLoggingLevel)
  }

  /// Agents, frameworks, executors and tasks at one instant. Costs a large cluster as much as many schedulers' calls; ``Watcher`` is the
  /// way to stay informed.
  public func getState() async throws(OperatorError) -> MasterResponse.GetState {
    try await ask(.getState, .getState, \.hasGetState, \.getState)
  }

  /// The agents that are registered, and those that have not come back since the master's fail-over.
  public func getAgents() async throws(OperatorError) -> MasterResponse.GetAgents {
    try await ask(.getAgents, .getAgents, \.hasGetAgents, \.getAgents)
  }

  /// The frameworks that are there, and the last that are gone.
  public func getFrameworks() async throws(OperatorError) -> MasterResponse.GetFrameworks {
    try await ask(.getFrameworks, .getFrameworks, \.hasGetFrameworks, \.getFrameworks)
  }

  /// Custom executors and default executors; those of command tasks are not listed.
  public func getExecutors() async throws(OperatorError) -> MasterResponse.GetExecutors {
    try await ask(.getExecutors, .getExecutors, \.hasGetExecutors, \.getExecutors)
  }

  /// Offer operations that are not finished or not acknowledged.
  public func getOperations() async throws(OperatorError) -> MasterResponse.GetOperations {
    try await ask(.getOperations, .getOperations, \.hasGetOperations, \.getOperations)
  }

  /// Tasks: active, unreachable and the last completed ones of each framework.
  public func getTasks() async throws(OperatorError) -> MasterResponse.GetTasks {
    try await ask(.getTasks, .getTasks, \.hasGetTasks, \.getTasks)
  }

  /// The roles that are in use, with their weights, frameworks and resources.
  public func getRoles() async throws(OperatorError) -> MasterResponse.GetRoles {
    try await ask(.getRoles, .getRoles, \.hasGetRoles, \.getRoles)
  }

  /// The weights of roles that are not 1.
  public func getWeights() async throws(OperatorError) -> MasterResponse.GetWeights {
    // Apache Mesos leaves the message out where there are none.
    try await ask(.getWeights, .getWeights, \.hasGetWeights, \.getWeights, mayBeEmpty: true)
  }

  /// The leading master's address, and since when it runs and leads.
  public func getMaster() async throws(OperatorError) -> MasterResponse.GetMaster {
    try await ask(.getMaster, .getMaster, \.hasGetMaster, \.getMaster)
  }

  /// Machines that are draining, with their frameworks' answers to inverse offers, and machines that are down.
  public func getMaintenanceStatus() async throws(OperatorError) -> MasterResponse.GetMaintenanceStatus {
    try await ask(.getMaintenanceStatus, .getMaintenanceStatus, \.hasGetMaintenanceStatus, \.getMaintenanceStatus)
  }

  /// The windows of maintenance that are planned.
  public func getMaintenanceSchedule() async throws(OperatorError) -> MasterResponse.GetMaintenanceSchedule {
    try await ask(
      .getMaintenanceSchedule, .getMaintenanceSchedule, \.hasGetMaintenanceSchedule, \.getMaintenanceSchedule)
  }

  /// Guarantees and limits of roles.
  public func getQuota() async throws(OperatorError) -> MasterResponse.GetQuota {
    try await ask(.getQuota, .getQuota, \.hasGetQuota, \.getQuota)
  }

  /// The counters and gauges of the master.
  ///
  /// - Parameter timeout: How long the master waits for a metric that is slow; those that are late are left out. `nil` waits for all.
  public func getMetrics(timeout: Duration? = nil) async throws(OperatorError) -> MasterResponse.GetMetrics {
    try await ask(.getMetrics, .getMetrics, \.hasGetMetrics, \.getMetrics) { call in
      call.getMetrics = .init()
      if let timeout { call.getMetrics.timeout.nanoseconds = timeout.wholeNanoseconds }
    }
  }

  /// The files and folders in a virtual folder of the master, such as `/` or what its logs are attached as.
  ///
  /// - Throws: Code `.notFound` where there is none.
  public func listFiles(_ path: String) async throws(OperatorError) -> MasterResponse.ListFiles {
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
  ) async throws(OperatorError) -> MasterResponse.ReadFile {
    try await ask(.readFile, .readFile, \.hasReadFile, \.readFile) { call in
      call.readFile.path = path
      call.readFile.offset = offset
      if let length { call.readFile.length = length }
    }
  }
}
