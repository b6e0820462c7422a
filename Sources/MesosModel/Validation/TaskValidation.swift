/// The rules about tasks that are to be launched.
///
/// - Source: Apache Mesos, `src/master/validation.cpp`, namespace `task`.
public enum TaskValidation {
  /// Checks a task of a LAUNCH in the order of Apache Mesos, so that the first thing wrong is the one named.
  ///
  /// - Parameters:
  ///   - candidate: The task.
  ///   - context: Where it is to run, and on what.
  ///   - use: Whether its id is taken.
  /// - Returns: What launching it takes out of the offer: what the task uses and, unless it is there already, its executor.
  /// - Throws: `ValidationError` about the first rule broken.
  public static func validate(
    _ candidate: LaunchCandidate, in context: LaunchContext, use: LaunchContext.TaskIDUse
  ) throws(ValidationError) -> Resources {
    try validateTask(candidate, in: context, use: use)
    let task = candidate.info
    guard task.hasExecutor != task.hasCommand else {
      throw ValidationError(
        .conflictingFields,
        "Task should have at least one (but not both) of CommandInfo or ExecutorInfo present")
    }
    var total = candidate.resources
    if task.hasExecutor {
      try validateExecutor(of: candidate, in: context)
      if context.existingExecutor == nil { total += candidate.executorResources }
    }
    try validateTogether(candidate)
    guard context.available.contains(total) else {
      throw ValidationError(
        .insufficient,
        "Total resources \(total) required by task and its executor is more than available \(context.available)")
    }
    guard ContainerValidation.sharesCgroups(task.container) != false else {
      throw ValidationError(
        .unsupported, "Only tasks in a task group may have 'share_cgroups' set to 'false'",
        path: "container.linux_info.share_cgroups")
    }
    return total
  }

  /// What holds for the tasks of a LAUNCH and of a LAUNCH_GROUP alike: everything but the executor.
  static func validateTask(
    _ candidate: LaunchCandidate, in context: LaunchContext, use: LaunchContext.TaskIDUse
  ) throws(ValidationError) {
    let task = candidate.info
    do { try IdentifierValidation.validate(task.taskID.value) } catch { throw error.within("", field: "task_id") }
    switch use {
    case .free: break
    case .taken:
      throw ValidationError(.duplicate, "Task has duplicate ID: \(task.taskID.value)", path: "task_id")
    case .takenByUnreachableTask:
      throw ValidationError(
        .duplicate, "Task reuses the ID of an unreachable task: \(task.taskID.value)", path: "task_id")
    }
    guard task.agentID.key == context.agent else {
      throw ValidationError(
        .mismatch, "Task uses invalid agent \(task.agentID.value) while agent \(context.agent) is expected",
        path: "agent_id")
    }
    guard task.killPolicy.gracePeriod.nanoseconds >= 0 else {
      throw ValidationError(
        .invalidValue, "Task's 'kill_policy.grace_period' must be non-negative", path: "kill_policy.grace_period")
    }
    guard task.maxCompletionTime.nanoseconds >= 0 else {
      throw ValidationError(
        .invalidValue, "Task's `max_completion_time` must be non-negative", path: "max_completion_time")
    }
    if task.hasCheck {
      do { try CheckValidation.validate(task.check) } catch {
        throw error.within("Task uses invalid check: ", field: "check")
      }
    }
    if task.hasHealthCheck {
      do { try CheckValidation.validate(task.healthCheck) } catch {
        throw error.within("Task uses invalid health check: ", field: "health_check")
      }
    }
    try validateResources(of: candidate)
    if task.hasCommand {
      do { try CommandValidation.validate(task.command) } catch {
        throw error.within("Task's `CommandInfo` is invalid: ", field: "command")
      }
    }
    if task.hasContainer {
      do { try ContainerValidation.validate(task.container) } catch {
        throw error.within("Task's `ContainerInfo` is invalid: ", field: "container")
      }
    }
    try validateLimits(of: candidate, in: context)
  }

  private static func validateResources(of candidate: LaunchCandidate) throws(ValidationError) {
    let resources = candidate.resources
    guard !resources.isEmpty else { throw ValidationError(.missingField, "Task uses no resources", path: "resources") }
    do { try ResourceValidation.validate(resources) } catch {
      throw error.within("Task uses invalid resources: ", field: "resources")
    }
    do { try ResourceValidation.validateUniquePersistenceIDs(resources) } catch {
      throw error.within("Task uses duplicate persistence ID: ", field: "resources")
    }
    do { try ResourceValidation.validateAllocatedToSingleRole(resources) } catch {
      throw error.within("Invalid task resources: ", field: "resources")
    }
    do { try ResourceValidation.validateRevocability(resources) } catch {
      throw error.within("Task mixes revocable and non-revocable resources: ", field: "resources")
    }
  }

  private static func validateLimits(
    of candidate: LaunchCandidate, in context: LaunchContext
  ) throws(ValidationError) {
    let limits = candidate.info.limits
    guard !limits.isEmpty else { return }
    func invalid(_ code: ValidationError.Code, _ text: String) -> ValidationError {
      ValidationError(code, text, path: "limits")
    }
    guard context.agentTakesResourceLimits else {
      throw invalid(.unsupported, "Agent is not capable of handling task resource limits")
    }
    guard limits.keys.allSatisfy({ $0 == "cpus" || $0 == "mem" }) else {
      throw invalid(.unsupported, "Only cpus and mem may be included in a task's resource limits")
    }
    func check(_ name: String, _ request: String, _ lower: String) throws(ValidationError) {
      guard let limit = limits[name]?.value else { return }
      let requested = candidate.resources.scalar(name)
      guard requested > .zero else {
        throw invalid(
          .missingField, "When a \(request) limit is specified, a \(request) request must also be specified")
      }
      // Apache Mesos counts memory in whole megabytes.
      let (most, least) =
        name == "mem" ? (limit.rounded(.down), requested.doubleValue.rounded(.down)) : (limit, requested.doubleValue)
      guard most >= least else {
        throw invalid(
          .invalidValue, "The \(lower) limit must be greater than or equal to the \(lower) request")
      }
    }
    try check("cpus", "CPU", "cpu")
    try check("mem", "memory", "memory")
  }

  private static func validateExecutor(
    of candidate: LaunchCandidate, in context: LaunchContext
  ) throws(ValidationError) {
    let executor = candidate.info.executor
    do {
      try ExecutorValidation.validate(
        executor, resources: candidate.executorResources, of: context.framework, existing: context.existingExecutor)
    } catch {
      throw error.within("", field: "executor")
    }
    guard !executor.hasType || executor.type == .custom else {
      throw ValidationError(.unsupported, "'ExecutorInfo.type' must be 'CUSTOM'", path: "executor.type")
    }
    guard executor.hasCommand else {
      throw ValidationError(.missingField, "'ExecutorInfo.command' must be set", path: "executor.command")
    }
    guard candidate.executorResources.shared.isEmpty else {
      throw ValidationError(
        .invalidResources,
        "Executor resources \(candidate.executorResources) should not contain any shared resources",
        path: "executor.resources")
    }
    try ContainerValidation.validateShareCgroups(ofExecutor: executor)
  }

  /// Checks what a task and its executor use, taken together.
  private static func validateTogether(_ candidate: LaunchCandidate) throws(ValidationError) {
    // Without an executor there is nothing that was not checked before.
    guard candidate.info.hasExecutor else { return }
    let total = candidate.resources + candidate.executorResources
    do { try ResourceValidation.validate(total) } catch {
      throw error.within("Task and its executor use invalid resources: ")
    }
    guard !ResourceValidation.overlap([candidate.resources, candidate.executorResources]) else {
      throw ValidationError(
        .invalidResources,
        "There are overlapping resources in the task resources \(candidate.resources) and executor resources "
          + "\(candidate.executorResources)")
    }
    do { try ResourceValidation.validateUniquePersistenceIDs(total) } catch {
      throw error.within("Task and its executor use duplicate persistence ID: ")
    }
    do { try ResourceValidation.validateRevocability(total) } catch {
      throw error.within("Task and its executor mix revocable and non-revocable resources: ")
    }
  }
}
