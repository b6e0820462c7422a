import MesosModel

/// A task of a LAUNCH as it would be launched: resources in the present format, allocated to the role of the offer.
struct LaunchCandidate {
  var info: TaskInfo
  var resources: Resources
  var executorResources: Resources

  /// - Throws: `ResourceError` when the resources of the task or of its executor are none.
  init(_ info: TaskInfo, role: String, framework: FrameworkKey) throws(ResourceError) {
    func allocated(_ messages: [Resource]) throws(ResourceError) -> Resources {
      let allocated = messages.map { message in
        guard !message.hasAllocationInfo else { return message }
        var message = message
        message.allocationInfo.role = role
        return message
      }
      do {
        return try Resources(allocated)
      } catch {
        // The text shows the resource as the framework sent it.
        _ = try Resources(messages)
        throw error
      }
    }
    self.info = info
    resources = try allocated(info.resources)
    executorResources = try allocated(info.hasExecutor ? info.executor.resources : [])
    self.info.resources = resources.messages
    if info.hasExecutor {
      self.info.executor.resources = executorResources.messages
      if !info.executor.hasFrameworkID { self.info.executor.frameworkID = FrameworkID(framework) }
    }
    if info.hasHealthCheck, !info.healthCheck.hasType {
      // What frameworks of before there were types meant.
      if info.healthCheck.hasCommand, !info.healthCheck.hasHTTP { self.info.healthCheck.type = .command }
      if info.healthCheck.hasHTTP, !info.healthCheck.hasCommand { self.info.healthCheck.type = .http }
    }
  }
}

extension MasterCore {
  /// Checks a task of a LAUNCH against the state, in the order of Apache Mesos, so that the first thing wrong is the one named.
  ///
  /// - Returns: What launching it takes out of the offer.
  func validate(
    _ candidate: LaunchCandidate, of id: FrameworkKey, on agentID: AgentKey, available: Resources
  ) throws(ValidationError) -> Resources {
    guard let framework = frameworks[id], let agent = agents[agentID] else {
      throw ValidationError("Framework or agent is gone")
    }
    let task = candidate.info
    try IDValidation.validate(task.taskID.value)
    let name = TaskName(framework: framework.id, task: task.taskID.key)
    guard tasks[name] == nil else { throw ValidationError("Task has duplicate ID: \(task.taskID.value)") }
    guard !framework.unreachableTasks.contains(name.task) else {
      throw ValidationError("Task reuses the ID of an unreachable task: \(task.taskID.value)")
    }
    guard task.agentID.key == agent.id else {
      throw ValidationError("Task uses invalid agent \(task.agentID.value) while agent \(agent.id) is expected")
    }
    guard task.killPolicy.gracePeriod.nanoseconds >= 0 else {
      throw ValidationError("Task's 'kill_policy.grace_period' must be non-negative")
    }
    guard task.maxCompletionTime.nanoseconds >= 0 else {
      throw ValidationError("Task's `max_completion_time` must be non-negative")
    }
    if task.hasCheck {
      do { try CheckValidation.validate(task.check) } catch {
        throw ValidationError("Task uses invalid check: \(error.message)")
      }
    }
    if task.hasHealthCheck {
      do { try CheckValidation.validate(task.healthCheck) } catch {
        throw ValidationError("Task uses invalid health check: \(error.message)")
      }
    }
    guard !task.resources.isEmpty else { throw ValidationError("Task uses no resources") }
    do { try ResourceValidation.validate(candidate.resources) } catch {
      throw ValidationError("Task uses invalid resources: \(error.message)")
    }
    do { try ResourceValidation.validateSingleRole(candidate.resources) } catch {
      throw ValidationError("Invalid task resources: \(error.message)")
    }
    do { try ResourceValidation.validateRevocability(candidate.resources) } catch {
      throw ValidationError("Task mixes revocable and non-revocable resources: \(error.message)")
    }
    if task.hasCommand {
      do { try CommandValidation.validate(task.command) } catch {
        throw ValidationError("Task's `CommandInfo` is invalid: \(error.message)")
      }
    }
    if task.hasContainer {
      do { try ContainerValidation.validate(task.container) } catch {
        throw ValidationError("Task's `ContainerInfo` is invalid: \(error.message)")
      }
    }
    try validateLimits(candidate, on: agent)
    guard task.hasExecutor != task.hasCommand else {
      throw ValidationError(
        "Task should have at least one (but not both) of CommandInfo or ExecutorInfo present")
    }
    var total = candidate.resources
    if task.hasExecutor {
      try validateExecutor(candidate, of: framework, on: agent)
      let executor = ExecutorName(framework: framework.id, agent: agent.id, executor: task.executor.executorID.key)
      if executors[executor] == nil { total += candidate.executorResources }
    }
    do { try ResourceValidation.validateRevocability(candidate.resources + candidate.executorResources) } catch {
      throw ValidationError("Task and its executor mix revocable and non-revocable resources: \(error.message)")
    }
    guard available.contains(total) else {
      throw ValidationError(
        "Total resources \(total) required by task and its executor is more than available \(available)")
    }
    if task.container.linuxInfo.hasShareCgroups, !task.container.linuxInfo.shareCgroups {
      throw ValidationError("Only tasks in a task group may have 'share_cgroups' set to 'false'")
    }
    return total
  }

  private func validateLimits(_ candidate: LaunchCandidate, on agent: TrackedAgent) throws(ValidationError) {
    let limits = candidate.info.limits
    guard !limits.isEmpty else { return }
    guard agent.capabilities.contains(where: { $0.type == .taskResourceLimits }) else {
      throw ValidationError("Agent is not capable of handling task resource limits")
    }
    guard limits.keys.allSatisfy({ $0 == "cpus" || $0 == "mem" }) else {
      throw ValidationError("Only cpus and mem may be included in a task's resource limits")
    }
    func check(_ name: String, _ request: String, _ lower: String) throws(ValidationError) {
      guard let limit = limits[name]?.value else { return }
      let requested = candidate.resources.scalar(name)
      guard requested > .zero else {
        throw ValidationError(
          "When a \(request) limit is specified, a \(request) request must also be specified")
      }
      guard limit >= requested.doubleValue else {
        throw ValidationError("The \(lower) limit must be greater than or equal to the \(lower) request")
      }
    }
    try check("cpus", "CPU", "cpu")
    try check("mem", "memory", "memory")
  }

  private func validateExecutor(
    _ candidate: LaunchCandidate, of framework: TrackedFramework, on agent: TrackedAgent
  ) throws(ValidationError) {
    let executor = candidate.info.executor
    if executor.type == .default, executor.hasCommand {
      throw ValidationError("'ExecutorInfo.command' must not be set for 'DEFAULT' executor")
    }
    if executor.type == .custom, !executor.hasCommand {
      throw ValidationError("'ExecutorInfo.command' must be set for 'CUSTOM' executor")
    }
    try IDValidation.validate(executor.executorID.value)
    guard executor.shutdownGracePeriod.nanoseconds >= 0 else {
      throw ValidationError("ExecutorInfo's 'shutdown_grace_period' must be non-negative")
    }
    do { try CommandValidation.validate(executor.command) } catch {
      throw ValidationError("Executor's `CommandInfo` is invalid: \(error.message)")
    }
    if executor.hasContainer {
      do { try ContainerValidation.validate(executor.container) } catch {
        throw ValidationError("Executor's `ContainerInfo` is invalid: \(error.message)")
      }
    }
    guard executor.frameworkID.key == framework.id else {
      throw ValidationError(
        "ExecutorInfo has an invalid FrameworkID (Actual: \(executor.frameworkID.value) vs Expected: \(framework.id))")
    }
    do { try ResourceValidation.validate(candidate.executorResources) } catch {
      throw ValidationError("Executor uses invalid resources: \(error.message)")
    }
    do { try ResourceValidation.validateSingleRole(candidate.executorResources) } catch {
      throw ValidationError("Invalid executor resources: \(error.message)")
    }
    do { try ResourceValidation.validateRevocability(candidate.executorResources) } catch {
      throw ValidationError("Executor mixes revocable and non-revocable resources: \(error.message)")
    }
    let name = ExecutorName(framework: framework.id, agent: agent.id, executor: executor.executorID.key)
    if let existing = executors[name], existing.info != executor {
      throw ValidationError("ExecutorInfo is not compatible with existing ExecutorInfo with same ExecutorID.")
    }
    guard !executor.hasType || executor.type == .custom else {
      throw ValidationError("'ExecutorInfo.type' must be 'CUSTOM'")
    }
    guard executor.hasCommand else { throw ValidationError("'ExecutorInfo.command' must be set") }
    guard candidate.executorResources.shared.isEmpty else {
      throw ValidationError(
        "Executor resources \(candidate.executorResources) should not contain any shared resources")
    }
    if executor.container.linuxInfo.hasShareCgroups, executor.container.linuxInfo.shareCgroups {
      throw ValidationError("The 'share_cgroups' field cannot be set to 'true' on executor containers")
    }
  }
}

enum ResourceValidation {
  static func validate(_ resources: Resources) throws(ValidationError) {
    guard resources.scalar("gpus").thousandths % 1000 == 0 else {
      throw ValidationError("Invalid 'gpus' resource: The 'gpus' resource must be an unsigned integer")
    }
    for entry in resources.entries {
      guard let disk = entry.disk else { continue }
      if disk.hasPersistence {
        guard disk.hasVolume else {
          throw ValidationError("Invalid DiskInfo: Expecting 'volume' to be set for persistent volume")
        }
      } else if disk.hasVolume {
        throw ValidationError("Invalid DiskInfo: Non-persistent volume not supported")
      } else if !disk.hasSource {
        throw ValidationError("Invalid DiskInfo: DiskInfo is set but empty")
      }
    }
  }

  static func validateSingleRole(_ resources: Resources) throws(ValidationError) {
    let roles = resources.allocations.map(\.role)
    guard roles.count <= 1 else {
      throw ValidationError(
        "The resources have multiple allocation roles ('\(roles[0])' and '\(roles[1])') but only one allocation role "
          + "is allowed")
    }
  }

  static func validateRevocability(_ resources: Resources) throws(ValidationError) {
    for entry in resources.revocable.entries
    where resources.entries.contains(where: { $0.name == entry.name && !$0.isRevocable }) {
      throw ValidationError("Cannot use both revocable and non-revocable '\(entry.name)' at the same time")
    }
  }
}
