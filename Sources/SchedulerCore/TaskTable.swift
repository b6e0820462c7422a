public import MesosModel

/// A task as its scheduler knows it.
public struct TaskRecord: Hashable, Sendable {
  public var id: TaskKey
  public var agentID: AgentID?
  public var state: TaskState
  /// Whether it was launched at all is not known: its ACCEPT has an unknown outcome, or came twice, and nothing was heard of the task.
  public var isUncertain: Bool
}

/// Since when it has been in doubt whether what a call asked for was done at all.
struct Doubt: Hashable, Sendable {
  /// The stream that the call was made on: until there is a later one, a copy of the call may still arrive.
  var stream: StreamNumber

  /// The master has answered for the call, so that no copy of it counts any more: its next word is the last.
  static let settled = Doubt(stream: StreamNumber(0))

  /// Whether the master's word on `stream` is the last one.
  func ends(on stream: StreamNumber?) -> Bool { stream.map { self.stream < $0 } ?? false }
}

struct TaskEntry: Sendable {
  var agentID: AgentID?
  var state: TaskState
  var doubt: Doubt?
  /// What the master said of the launch when it refused it, where another copy of the call may have been taken.
  var refusal: TaskStatus?
  /// The last update that wants to be acknowledged, and whether it was.
  var last: SchedulerCall.Acknowledge?
  var isAcknowledged = false

  init(agentID: AgentID? = nil, state: TaskState) {
    self.agentID = agentID
    self.state = state
  }
}

/// The tasks of a framework: those that may run, and the last ones that ended.
typealias TaskTable = RecordTable<TaskKey, TaskEntry>

extension TaskTable {
  var records: [TaskRecord] {
    activeKeys.compactMap { id in
      active[id].map { TaskRecord(id: id, agentID: $0.agentID, state: $0.state, isUncertain: $0.doubt != nil) }
    }
  }
}
