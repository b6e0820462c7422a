import MasterCore
import MesosModel
import SchedulerCore

/// A task ends once, for its framework and in the master's state.
struct TerminalStateChecker: Sendable {
  private var told: [Int: [TaskKey: TaskState]] = [:]
  private var shown: [MasterSnapshot.TaskName: TaskState] = [:]

  mutating func masterStarted() { shown = [:] }

  /// An answer to a question says what the master knows now; news must not contradict news.
  mutating func delivered(_ framework: Int, _ update: TaskUpdate) -> String? {
    let state = update.status.state
    let id = update.status.taskID.key
    guard update.isTerminal, !update.isReconciliation else { return nil }
    guard let before = told[framework]?[id] else {
      told[framework, default: [:]][id] = state
      return nil
    }
    return before == state
      ? nil : "task \(id) ended as \(before), framework \(framework) was told, and then as \(state)"
  }

  mutating func apply(_ kind: Change.Kind) -> String? {
    switch kind {
    case .task(let row):
      shown[.init(framework: row.framework, task: row.id)] = row.status.state
      return nil
    case .taskStatus(let framework, let task, let status):
      return show(.init(framework: framework, task: task), status.state)
    case .taskMoved(let framework, let task, let status, _):
      return show(.init(framework: framework, task: task), status.state)
    case .taskForgotten(let framework, let task):
      shown[.init(framework: framework, task: task)] = nil
      return nil
    default: return nil
    }
  }

  private mutating func show(_ name: MasterSnapshot.TaskName, _ state: TaskState) -> String? {
    defer { shown[name] = state }
    guard let before = shown[name], before.isTerminal, before != state else { return nil }
    return "task \(name.task) is shown as \(before) and then as \(state)"
  }
}
