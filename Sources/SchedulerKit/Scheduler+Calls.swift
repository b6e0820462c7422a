import Foundation
public import MesosModel
import SchedulerCore

/// The scheduler API's calls, one method each. All of them return when the master has taken the call, and throw `SchedulerError`.
extension Scheduler {
  /// Launches tasks on offers of one agent; what is left of these returns to the cluster.
  ///
  /// It is sent at most once. With code `.outcomeUnknown` the tasks may or may not have been launched: the library asks the master
  /// for them until that is known, and reports what it finds as updates.
  ///
  /// - Parameters:
  ///   - offers: Of one agent, and not used or given back before.
  ///   - tasks: What to launch; together they take no more than is offered.
  ///   - refuse: How long the rest of these resources is not offered to this framework again; 5 seconds where nothing
  ///     is said.
  public func accept(_ offers: [Offer], launch tasks: [TaskInfo], refuse: Duration? = nil) async throws {
    var operation = Offer.Operation()
    operation.type = .launch
    operation.launch.taskInfos = tasks
    try await accept(offers.map(\.id), [operation], refuse: refuse)
  }

  /// Uses offers of one agent for operations, done in their order; `Offer.Operation` has a builder for each.
  ///
  /// An operation that was given an id is followed until it has ended: its statuses arrive as
  /// `SchedulerUpdate.operation(_:)`, are acknowledged as those of tasks are, and are asked for after each
  /// subscription.
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
  /// - Parameters:
  ///   - offers: The ids of what is given back; where there are none, nothing is sent.
  ///   - refuse: How long these resources are not offered to this framework again; 5 seconds where nothing is said.
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
  ///
  /// - Parameters:
  ///   - offers: The ids of inverse offers.
  ///   - refuse: How long no inverse offer of these resources is to come again; 5 seconds where nothing is said.
  public func accept(inverse offers: [OfferID], refuse: Duration? = nil) async throws {
    var call = SchedulerCall()
    call.type = .acceptInverseOffers
    call.acceptInverseOffers.inverseOfferIds = offers
    if let refuse { call.acceptInverseOffers.filters.refuseSeconds = refuse.inSeconds }
    try await self.call(call)
  }

  /// Says that the resources of inverse offers will not be left in time.
  ///
  /// - Parameters:
  ///   - offers: The ids of inverse offers.
  ///   - refuse: How long no inverse offer of these resources is to come again; 5 seconds where nothing is said.
  public func decline(inverse offers: [OfferID], refuse: Duration? = nil) async throws {
    var call = SchedulerCall()
    call.type = .declineInverseOffers
    call.declineInverseOffers.inverseOfferIds = offers
    if let refuse { call.declineInverseOffers.filters.refuseSeconds = refuse.inSeconds }
    try await self.call(call)
  }

  /// Tells the allocator what would be wanted; Apache Mesos' and this project's own do not act on it.
  public func request(_ requests: [ResourceRequest]) async throws {
    var call = SchedulerCall()
    call.type = .request
    call.request.requests = requests
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
  ///   - task: The task's id.
  ///   - agent: Where it runs, if known: then the master can answer for it even when it does not know the task.
  ///   - gracePeriod: How long it may take to end by itself, in the place of what its own kill policy says.
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

  /// Acknowledges an operation's status; for configurations with explicit acknowledgement. A status that wants none is left alone.
  public func acknowledge(_ status: OperationStatus) async throws {
    guard status.hasUuid, status.hasOperationID else { return }
    var call = SchedulerCall()
    call.type = .acknowledgeOperationStatus
    call.acknowledgeOperationStatus.operationID = status.operationID
    call.acknowledgeOperationStatus.uuid = status.uuid.value
    if status.hasAgentID { call.acknowledgeOperationStatus.agentID = status.agentID }
    if status.hasResourceProviderID { call.acknowledgeOperationStatus.resourceProviderID = status.resourceProviderID }
    try await self.call(call)
  }

  /// Asks for the present status of operations; of all that have an id when none is named. The library does so by itself after each
  /// subscription, for those in ``operations``.
  public func reconcile(operations: [OperationRecord]) async throws {
    var call = SchedulerCall()
    call.type = .reconcileOperations
    call.reconcileOperations.operations = operations.map { operation in
      var asked = SchedulerCall.ReconcileOperations.Operation()
      asked.operationID.value = operation.id
      if let agent = operation.agentID { asked.agentID = agent }
      if let provider = operation.resourceProviderID { asked.resourceProviderID = provider }
      return asked
    }
    if operations.isEmpty { call.reconcileOperations = SchedulerCall.ReconcileOperations() }
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

  /// Changes the framework in place; user, checkpointing and principal must stay. What it says holds over re-subscriptions.
  ///
  /// - Parameters:
  ///   - framework: All that it is to be; its id is filled in.
  ///   - suppressedRoles: The roles that no offers are wanted for from now on; none where nothing is said.
  ///   - constraints: Which agents' offers are wanted in which roles; all where nothing is said.
  public func updateFramework(
    _ framework: FrameworkInfo, suppressedRoles: [String] = [], offerConstraints constraints: OfferConstraints? = nil
  ) async throws {
    var call = SchedulerCall()
    call.type = .updateFramework
    call.updateFramework.frameworkInfo = framework
    if let id = frameworkID { call.updateFramework.frameworkInfo.id = id }
    call.updateFramework.suppressedRoles = suppressedRoles
    if let constraints { call.updateFramework.offerConstraints = constraints }
    try await self.call(call)
  }

  /// Ends the framework: all its tasks are killed, its id is spent, and the scheduler ends.
  public func teardown() async throws {
    var call = SchedulerCall()
    call.type = .teardown
    try await self.call(call)
  }
}
