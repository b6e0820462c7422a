import Foundation
public import MesosModel
import SchedulerCore

/// The scheduler API's calls, one method each. All of them return when the master has taken the call, and throw `SchedulerError`.
extension Scheduler {
  /// Launches tasks on offers of one agent; what is left of these returns to the cluster.
  ///
  /// It is sent at most once. With code `.outcomeUnknown` the tasks may or may not have been launched: the library asks the master
  /// for them until that is known, and reports what it finds as updates.
  /// - Parameter refuse: How long the rest of these resources is not offered to this framework again; 5 seconds where none is given.
  public func accept(_ offers: [Offer], launch tasks: [TaskInfo], refuse: Duration? = nil) async throws {
    var operation = Offer.Operation()
    operation.type = .launch
    operation.launch.taskInfos = tasks
    try await accept(offers.map(\.id), [operation], refuse: refuse)
  }

  /// Uses offers of one agent for operations, done in their order.
  public func accept(_ offers: [OfferID], _ operations: [Offer.Operation], refuse: Duration? = nil) async throws {
    var call = SchedulerCall()
    call.type = .accept
    call.accept.offerIds = offers
    call.accept.operations = operations
    if let refuse { call.accept.filters.refuseSeconds = refuse.inSeconds }
    try await self.call(call)
  }

  /// Gives offers back. Those that are gone already are left out.
  ///
  /// - Parameter refuse: How long these resources are not offered to this framework again; 5 seconds where none is given.
  public func decline(_ offers: [OfferID], refuse: Duration? = nil) async throws {
    guard !offers.isEmpty else { return }
    var call = SchedulerCall()
    call.type = .decline
    call.decline.offerIds = offers
    if let refuse { call.decline.filters.refuseSeconds = refuse.inSeconds }
    try await self.call(call)
  }

  /// Gives offers back, as the method that takes their ids does.
  public func decline(_ offers: [Offer], refuse: Duration? = nil) async throws {
    try await decline(offers.map(\.id), refuse: refuse)
  }

  /// Promises to leave the resources of inverse offers in time.
  public func accept(inverse offers: [OfferID]) async throws {
    var call = SchedulerCall()
    call.type = .acceptInverseOffers
    call.acceptInverseOffers.inverseOfferIds = offers
    try await self.call(call)
  }

  /// Says that the resources of inverse offers will not be left in time.
  public func decline(inverse offers: [OfferID]) async throws {
    var call = SchedulerCall()
    call.type = .declineInverseOffers
    call.declineInverseOffers.inverseOfferIds = offers
    try await self.call(call)
  }

  /// Asks for offers again: ends suppression and all refusals, for these roles or for all.
  public func revive(roles: [String] = []) async throws {
    var call = SchedulerCall()
    call.type = .revive
    if !roles.isEmpty { call.revive.roles = roles }
    try await self.call(call)
  }

  /// Asks for no more offers until ``revive(roles:)``, for these roles or for all; it holds over re-subscriptions.
  public func suppress(roles: [String] = []) async throws {
    var call = SchedulerCall()
    call.type = .suppress
    if !roles.isEmpty { call.suppress.roles = roles }
    try await self.call(call)
  }

  /// Kills a task; its status says when it is gone.
  ///
  /// - Parameters:
  ///   - agent: Where it runs, if known: then the master can answer for it even when it does not know the task.
  ///   - gracePeriod: How long it may take to end by itself, in the place of its own kill policy.
  public func kill(_ task: TaskID, on agent: AgentID? = nil, gracePeriod: Duration? = nil) async throws {
    var call = SchedulerCall()
    call.type = .kill
    call.kill.taskID = task
    if let agent { call.kill.agentID = agent }
    if let gracePeriod { call.kill.killPolicy.gracePeriod.nanoseconds = gracePeriod.wholeNanoseconds }
    try await self.call(call)
  }

  /// Acknowledges a status; for configurations with explicit acknowledgement. A status that wants none is left alone.
  public func acknowledge(_ status: TaskStatus) async throws {
    guard status.hasUuid, status.hasAgentID else { return }
    var call = SchedulerCall()
    call.type = .acknowledge
    call.acknowledge.agentID = status.agentID
    call.acknowledge.taskID = status.taskID
    call.acknowledge.uuid = status.uuid
    try await self.call(call)
  }

  /// Asks for the present status of tasks; of all tasks when none is named. The answers are updates; tasks that are named are asked for
  /// again until each is answered.
  public func reconcile(_ tasks: [(task: TaskID, agent: AgentID?)] = []) async throws {
    var call = SchedulerCall()
    call.type = .reconcile
    call.reconcile.tasks = tasks.map { task, agent in
      var asked = SchedulerCall.Reconcile.Task()
      asked.taskID = task
      if let agent { asked.agentID = agent }
      return asked
    }
    if tasks.isEmpty { call.reconcile = SchedulerCall.Reconcile() }
    try await self.call(call)
  }

  /// Sends bytes to an executor, at most once and without a promise that they arrive.
  public func message(_ data: [UInt8], to executor: ExecutorID, on agent: AgentID) async throws {
    var call = SchedulerCall()
    call.type = .message
    call.message.agentID = agent
    call.message.executorID = executor
    call.message.data = Data(data)
    try await self.call(call)
  }

  /// Ends an executor and its tasks.
  public func shutdown(executor: ExecutorID, on agent: AgentID) async throws {
    var call = SchedulerCall()
    call.type = .shutdown
    call.shutdown.executorID = executor
    call.shutdown.agentID = agent
    try await self.call(call)
  }

  /// Changes the framework in place; user, checkpointing and principal must stay.
  public func updateFramework(_ framework: FrameworkInfo, suppressedRoles: [String] = []) async throws {
    var call = SchedulerCall()
    call.type = .updateFramework
    call.updateFramework.frameworkInfo = framework
    if let id = frameworkID { call.updateFramework.frameworkInfo.id = id }
    call.updateFramework.suppressedRoles = suppressedRoles
    try await self.call(call)
  }

  /// Ends the framework: all its tasks are killed, its id is spent, and the scheduler ends.
  public func teardown() async throws {
    var call = SchedulerCall()
    call.type = .teardown
    try await self.call(call)
  }
}
