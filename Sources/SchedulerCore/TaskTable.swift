import DequeModule
public import MesosModel

/// A task as its scheduler knows it.
public struct TaskRecord: Hashable, Sendable {
  public var id: TaskKey
  public var agentID: AgentID?
  public var state: TaskState
  /// The call that launched it has an unknown outcome, and nothing was heard of the task since.
  public var isUncertain: Bool
}

/// The tasks of a framework: those that may run, all of them up to a bound, and the last ones that ended.
struct TaskTable: Sendable {
  struct Entry: Hashable, Sendable {
    var agentID: AgentID?
    var state: TaskState
    /// Answers, if the launch is in doubt, that there is no such task.
    var denials: Int?
    /// The last update that wants to be acknowledged, and whether it was.
    var last: SchedulerCall.Acknowledge?
    var isAcknowledged = false
  }

  private(set) var active: [TaskKey: Entry] = [:]
  private(set) var ended: [TaskKey: Entry] = [:]
  private var endedOrder: Deque<TaskKey> = []
  private let activeMax: Int
  private let endedMax: Int

  init(activeMax: Int, endedMax: Int) {
    self.activeMax = activeMax
    self.endedMax = endedMax
  }

  var hasRoom: Bool { active.count < activeMax }
  func hasRoom(for count: Int) -> Bool { active.count + count <= activeMax }
  subscript(id: TaskKey) -> Entry? { active[id] ?? ended[id] }

  /// The keys of the tasks that have not ended, sorted.
  var activeKeys: [TaskKey] { active.keys.sorted() }

  /// Puts a task among the active ones; false when there is no room.
  mutating func insert(_ id: TaskKey, _ entry: Entry) -> Bool {
    guard active[id] != nil || hasRoom else { return false }
    if ended.removeValue(forKey: id) != nil { endedOrder.removeAll { $0 == id } }
    active[id] = entry
    return true
  }

  mutating func update(_ id: TaskKey, _ change: (inout Entry) -> Void) {
    if active[id] != nil {
      change(&active[id, default: Entry(state: .taskStaging)])
    } else if ended[id] != nil {
      change(&ended[id, default: Entry(state: .taskStaging)])
    }
  }

  /// Moves a task, known before or not, to the ended ones.
  mutating func end(_ id: TaskKey, _ entry: Entry) {
    active[id] = nil
    if ended.updateValue(entry, forKey: id) == nil { endedOrder.append(id) }
    while ended.count > endedMax, let oldest = endedOrder.popFirst() { ended[oldest] = nil }
  }

  /// Forgets a task that never started.
  mutating func remove(_ id: TaskKey) { active[id] = nil }

  mutating func removeAll() {
    active = [:]
    ended = [:]
    endedOrder = []
  }

  var records: [TaskRecord] {
    activeKeys.compactMap { id in
      active[id].map { TaskRecord(id: id, agentID: $0.agentID, state: $0.state, isUncertain: $0.denials != nil) }
    }
  }

  func brokenInvariant() -> String? {
    if active.count > activeMax { return "\(active.count) tasks are active, at most \(activeMax) may be" }
    if ended.count > endedMax { return "\(ended.count) ended tasks are remembered, at most \(endedMax) may be" }
    if endedOrder.count != ended.count { return "\(endedOrder.count) of \(ended.count) ended tasks have an order" }
    return active.keys.filter { ended[$0] != nil }.min().map { "Task \($0) is active and ended" }
  }
}
