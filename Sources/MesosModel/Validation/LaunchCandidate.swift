import SwiftProtobuf

/// A task of a launch as it would be launched: its resources in the present format, allocated to the role of the offer.
///
/// - Source: Apache Mesos, `Master::accept`; `src/common/protobuf_utils.cpp`, `injectAllocationInfo`.
public struct LaunchCandidate: Sendable {
  /// The task, with resources as in ``resources``; its executor has the id of the framework.
  public private(set) var info: TaskInfo
  /// What the task uses.
  public let resources: Resources
  /// What the executor of the task uses, nothing when the task names none.
  public let executorResources: Resources

  /// A task of a LAUNCH.
  ///
  /// What frameworks may leave out is filled in: allocations, the id of the framework in the executor, and the type of a health check of
  /// before there were types.
  /// - Parameters:
  ///   - info: The task as the framework sent it.
  ///   - role: The role that the offer is allocated to.
  ///   - framework: The framework that launches it.
  /// - Throws: `ResourceError` when the resources of the task or of its executor are none.
  public init(_ info: TaskInfo, role: String, framework: FrameworkKey) throws(ResourceError) {
    try self.init(info, role: role)
    if info.hasExecutor, !info.executor.hasFrameworkID { self.info.executor.frameworkID = FrameworkID(framework) }
    if info.hasHealthCheck, !info.healthCheck.hasType {
      if info.healthCheck.hasCommand, !info.healthCheck.hasHTTP { self.info.healthCheck.type = .command }
      if info.healthCheck.hasHTTP, !info.healthCheck.hasCommand { self.info.healthCheck.type = .http }
    }
  }

  fileprivate init(_ info: TaskInfo, role: String) throws(ResourceError) {
    resources = try Resources(info.resources, allocatedTo: role)
    executorResources = try Resources(info.hasExecutor ? info.executor.resources : [], allocatedTo: role)
    self.info = info
    self.info.resources = resources.messages
    if info.hasExecutor { self.info.executor.resources = executorResources.messages }
  }
}

/// The tasks of a launch of a group and their executor, as they would be launched.
///
/// - Source: Apache Mesos, `Master::accept`.
public struct LaunchGroupCandidate: Sendable {
  /// The tasks; those that name no executor have that of the group.
  public let tasks: [LaunchCandidate]
  /// The executor of the group, with resources as in ``executorResources``.
  public let executor: ExecutorInfo
  /// What the executor uses.
  public let executorResources: Resources

  /// A group of a LAUNCH_GROUP.
  /// - Parameters:
  ///   - group: The group as the framework sent it.
  ///   - role: The role that the offer is allocated to.
  /// - Throws: `ResourceError` when the resources of a task or of an executor are none.
  public init(_ group: Offer.Operation.LaunchGroup, role: String) throws(ResourceError) {
    executorResources = try Resources(group.executor.resources, allocatedTo: role)
    var executor = group.executor
    executor.resources = executorResources.messages
    self.executor = executor
    var tasks: [LaunchCandidate] = []
    for var task in group.taskGroup.tasks {
      if !task.hasExecutor { task.executor = executor }
      tasks.append(try LaunchCandidate(task, role: role))
    }
    self.tasks = tasks
  }
}

extension Resources {
  /// Reads messages of which those that are not allocated are meant to be allocated to `role`.
  fileprivate init(_ messages: [Resource], allocatedTo role: String) throws(ResourceError) {
    do {
      try self.init(
        messages.map { message in
          guard !message.hasAllocationInfo else { return message }
          var message = message
          message.allocationInfo.role = role
          return message
        })
    } catch {
      // The text shows the resource as the framework sent it.
      _ = try Resources(messages)
      throw error
    }
  }
}
