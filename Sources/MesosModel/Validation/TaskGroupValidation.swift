/// The rules about groups of tasks that share an executor.
///
/// - Source: Apache Mesos, `src/master/validation.cpp`, namespace `task::group`; for the least resources `src/master/constants.hpp`.
public enum TaskGroupValidation {
  /// The least that the executor of a group has to be given: cores.
  public static let executorCPUsMin = Scalar(thousandths: 10)
  /// The least memory that the executor of a group has to be given: MB.
  public static let executorMemoryMBMin = Scalar(thousandths: 32_000)

  /// Checks a group in the order of Apache Mesos, so that the first thing wrong is the one named.
  ///
  /// - Parameters:
  ///   - group: The tasks and their executor.
  ///   - context: Where they are to run, and on what.
  ///   - use: Whether the id of a task is taken.
  /// - Returns: What launching it takes out of the offer: what the tasks use and, unless it is there already, their executor.
  /// - Throws: `ValidationError` about the first rule broken.
  public static func validate(
    _ group: LaunchGroupCandidate, in context: LaunchContext, use: (TaskKey) -> LaunchContext.TaskIDUse
  ) throws(ValidationError) -> Resources {
    for task in group.tasks {
      do { try validate(task, in: context, use: use(task.info.taskID.key)) } catch {
        throw error.within("Task '\(task.info.taskID.value)' is invalid: ", field: "task_group.tasks")
      }
    }
    let total = try validateExecutor(of: group, in: context)
    try validateShareCgroups(of: group, in: context)
    return total
  }

  private static func validate(
    _ candidate: LaunchCandidate, in context: LaunchContext, use: LaunchContext.TaskIDUse
  ) throws(ValidationError) {
    try TaskValidation.validateTask(candidate, in: context, use: use)
    let task = candidate.info
    guard task.hasExecutor else {
      throw ValidationError(.missingField, "'TaskInfo.executor' must be set", path: "executor")
    }
    if !task.container.networkInfos.isEmpty, task.hasHealthCheck,
      task.healthCheck.type == .http || task.healthCheck.type == .tcp
    {
      throw ValidationError(
        .unsupported,
        "HTTP and TCP health checks are not supported for nested containers not joining parent's network",
        path: "health_check.type")
    }
    guard !task.hasContainer || task.container.type != .docker else {
      throw ValidationError(
        .unsupported, "Docker ContainerInfo is not supported on the task", path: "container.type")
    }
    guard task.limits.isEmpty || !task.container.linuxInfo.shareCgroups else {
      throw ValidationError(
        .conflictingFields,
        "Resource limits may only be set for tasks within a task group when the 'share_cgroups' field is set to "
          + "'false'.", path: "limits")
    }
  }

  private static func validateExecutor(
    of group: LaunchGroupCandidate, in context: LaunchContext
  ) throws(ValidationError) -> Resources {
    let executor = group.executor
    do {
      try ExecutorValidation.validate(
        executor, resources: group.executorResources, of: context.framework, existing: context.existingExecutor)
    } catch {
      throw error.within("", field: "executor")
    }
    guard executor.hasType else {
      throw ValidationError(.missingField, "'ExecutorInfo.type' must be set", path: "executor.type")
    }
    guard executor.type != .unknown else {
      throw ValidationError(.unsupported, "Unknown executor type", path: "executor.type")
    }
    guard !executor.hasContainer || executor.container.type != .docker else {
      throw ValidationError(
        .unsupported, "Docker ContainerInfo is not supported on the executor", path: "executor.container.type")
    }
    for task in group.tasks where !ExecutorValidation.isSame(task.info.executor, executor) {
      throw ValidationError(
        .mismatch,
        "The `ExecutorInfo` of task '\(task.info.taskID.value)' is different from executor "
          + "'\(executor.executorID.value)'", path: "task_group.tasks.executor")
    }
    try validateLeast(of: group)
    try validateTogether(group)
    var total = Resources()
    for task in group.tasks { total += task.resources }
    if context.existingExecutor == nil { total += group.executorResources }
    guard context.available.contains(total) else {
      throw ValidationError(
        .insufficient,
        "Total resources \(total) required by task group and its executor are more than available "
          + "\(context.available)")
    }
    return total
  }

  /// Checks that the executor has enough to run itself.
  private static func validateLeast(of group: LaunchGroupCandidate) throws(ValidationError) {
    let resources = group.executorResources
    let executor = "Executor '\(group.executor.executorID.value)'"
    func has(_ name: String) -> Bool { resources.entries.contains { $0.name == name && $0.kind == .scalar } }
    func insufficient(_ text: String) -> ValidationError {
      ValidationError(.insufficient, executor + text, path: "executor.resources")
    }
    let cpus = resources.scalar("cpus")
    guard cpus >= executorCPUsMin else {
      let text = has("cpus") ? StreamedNumber.text(cpus.doubleValue) : "None"
      throw insufficient(
        " uses less CPUs (\(text)) than the minimum required (\(StreamedNumber.text(executorCPUsMin.doubleValue)))")
    }
    let memory = resources.scalar("mem")
    guard memory >= executorMemoryMBMin else {
      // Apache Mesos counts memory in whole megabytes.
      func text(_ amount: Scalar) -> String { amount.thousandths < 1000 ? "0B" : "\(amount.thousandths / 1000)MB" }
      throw insufficient(
        " uses less memory (\(has("mem") ? text(memory) : "None")) than the minimum required "
          + "(\(text(executorMemoryMBMin)))")
    }
    guard has("disk") else { throw insufficient(" uses no disk") }
  }

  /// Checks what the tasks and their executor use, taken together.
  private static func validateTogether(_ group: LaunchGroupCandidate) throws(ValidationError) {
    let ofTasks = group.tasks.map(\.resources)
    let total = ofTasks.reduce(group.executorResources, +)
    do { try ResourceValidation.validateUniquePersistenceIDs(total) } catch {
      throw error.within("Task group and executor use duplicate persistence ID: ")
    }
    do { try ResourceValidation.validateRevocability(total) } catch {
      throw error.within("Task group and executor mix revocable and non-revocable resources: ")
    }
    guard !ResourceValidation.overlap(ofTasks + [group.executorResources]) else {
      throw ValidationError(
        .invalidResources,
        "There are overlapping resources in the task group's task resources "
          + "[ \(ofTasks.map { "\($0)" }.joined(separator: ", ")) ] and/or executor resources "
          + "\(group.executorResources)")
    }
  }

  /// Checks that all tasks of the executor, new and old, share its cgroups or that none does.
  private static func validateShareCgroups(
    of group: LaunchGroupCandidate, in context: LaunchContext
  ) throws(ValidationError) {
    try ContainerValidation.validateShareCgroups(ofExecutor: group.executor)
    var values = Set(group.tasks.map { ContainerValidation.sharesCgroups($0.info.container) ?? true })
    if !group.tasks.isEmpty, context.existingExecutor != nil, let existing = context.existingTasksShareCgroups {
      values.insert(existing)
    }
    guard values.count <= 1 else {
      throw ValidationError(
        .mismatch,
        "If set, the value of 'share_cgroups' must be the same for all tasks in each task group and under a single "
          + "executor", path: "task_group.tasks.container.linux_info.share_cgroups")
    }
  }
}
