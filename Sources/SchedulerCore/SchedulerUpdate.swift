public import MesosModel

/// What a scheduler is told, in order.
public enum SchedulerUpdate: Hashable, Sendable {
  /// The connection to the master changed.
  case connection(ConnectionState)
  /// A subscription stands; offers and updates of before it are over.
  case subscribed(Subscription)
  case offers([Offer])
  case inverseOffers([InverseOffer])
  /// The offer is no longer held.
  case rescinded(OfferID)
  case inverseOfferRescinded(OfferID)
  case task(TaskUpdate)
  case operation(OperationStatus)
  case message(ExecutorMessage)
  /// An agent was removed, or an executor ended.
  case failure(ClusterFailure)
  /// Every task and operation known here was answered for by the master since the last subscription.
  case reconciled
  /// The master ended the framework's stream for a reason, or what it sent cannot be followed.
  case error(SchedulerError)
  /// Something was skipped that a careful user wants to know of.
  case notice(Notice)
}

/// The connection to the master.
public enum ConnectionState: Hashable, Sendable {
  /// Not started, ended, or waiting for the user's word on an error.
  case disconnected
  /// No leading master is known; one is waited for.
  case detecting
  case connecting(MasterAddress)
  case subscribed(MasterAddress)
  /// The next attempt comes after this time; the reason is what went wrong.
  case backingOff(Duration, reason: String)
}

/// A subscription as the master confirmed it.
public struct Subscription: Hashable, Sendable {
  public var frameworkID: FrameworkID
  public var master: MasterAddress
  public var masterInfo: MasterInfo?
  public var heartbeatInterval: Duration
  /// Whether this framework was subscribed before under this id, by this process or an earlier one.
  public var isResubscription: Bool

  public init(
    frameworkID: FrameworkID, master: MasterAddress, masterInfo: MasterInfo?, heartbeatInterval: Duration,
    isResubscription: Bool
  ) {
    self.frameworkID = frameworkID
    self.master = master
    self.masterInfo = masterInfo
    self.heartbeatInterval = heartbeatInterval
    self.isResubscription = isResubscription
  }
}

/// A task's status as it came in.
public struct TaskUpdate: Hashable, Sendable {
  public var status: TaskStatus
  /// The task was launched by a call whose outcome is not known, and this status, which says that there is no such task, is
  /// not confirmed yet: the task may still start.
  public var isProvisional: Bool
  /// An answer to a reconciliation rather than news of the task.
  public var isReconciliation: Bool

  public init(status: TaskStatus, isProvisional: Bool = false, isReconciliation: Bool = false) {
    self.status = status
    self.isProvisional = isProvisional
    self.isReconciliation = isReconciliation
  }

  /// Whether the task has ended for good.
  public var isTerminal: Bool { !isProvisional && status.state.isTerminal }
}

/// Bytes from an executor.
public struct ExecutorMessage: Hashable, Sendable {
  public var agentID: AgentID
  public var executorID: ExecutorID
  public var data: [UInt8]

  public init(agentID: AgentID, executorID: ExecutorID, data: [UInt8]) {
    self.agentID = agentID
    self.executorID = executorID
    self.data = data
  }
}

/// A FAILURE event: an agent alone was removed; an executor with its agent ended with a wait status.
public struct ClusterFailure: Hashable, Sendable {
  public var agentID: AgentID?
  public var executorID: ExecutorID?
  /// As `waitpid` gives it.
  public var status: Int32?

  public init(agentID: AgentID?, executorID: ExecutorID?, status: Int32?) {
    self.agentID = agentID
    self.executorID = executorID
    self.status = status
  }
}

/// What was skipped, and why that does no harm.
public enum Notice: Hashable, Sendable {
  /// A record whose type this version does not know.
  case unknownEvent
  /// An event that comes out of place, or without what its type asks for.
  case malformedEvent(String)
  /// A record that is no valid event.
  case undecodableRecord(String)
  /// What came was no stream of records in the encoding asked for; it is given up for another.
  case malformedStream(String)
  /// A record of a stream that is over.
  case staleRecord
  /// News of a task whose end was told already, by an answer of the master's that was ahead of it; it is acknowledged.
  case lateUpdate(TaskStatus)
  /// More tasks than ``SchedulerCore/Configuration/tasksMax``: this one is reported but not remembered.
  case taskNotTracked(TaskID)
  /// More operations than ``SchedulerCore/Configuration/operationsMax``: this one is reported but not remembered.
  case operationNotTracked(OperationID)
  /// More offers than ``SchedulerCore/Configuration/offersMax``: these are declined.
  case offersDeclined(Int)
  /// An acknowledgement was given up; the update comes again.
  case acknowledgementLost(TaskID, reason: String)
  /// The leading master cannot be looked for at present, as when ZooKeeper is away; the last one known stays in use.
  case detectionTroubled(String)
  /// The same for an operation's status.
  case operationAcknowledgementLost(OperationID, reason: String)
  /// A reconciliation was refused; it is tried again later.
  case reconciliationFailed(String)
}

extension TaskState {
  /// Whether the state says no more than that the master or agent does not have the task.
  var saysMissing: Bool {
    switch self {
    case .taskLost, .taskDropped, .taskGone, .taskUnknown: true
    default: false
    }
  }
}
