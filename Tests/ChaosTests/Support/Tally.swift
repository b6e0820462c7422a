import SchedulerKit

/// What a framework was told of its tasks, held against what must be true whatever the network does.
struct Tally: Sendable {
  struct Entry: Sendable {
    /// The master took the launch, or may have.
    var mayRun = true
    var terminal: TaskState?
    /// The updates that say TASK_RUNNING, each once.
    var starts: Set<[UInt8]> = []
    var states: [TaskState] = []
  }

  private(set) var tasks: [String: Entry] = [:]
  private(set) var violations: [String] = []

  mutating func launched(_ id: String) {
    if tasks.updateValue(Entry(), forKey: id) != nil { violations.append("\(id) was launched before") }
  }

  /// The call failed for certain: nothing may ever be heard of the task.
  mutating func refused(_ id: String) {
    tasks[id]?.mayRun = false
    if let states = tasks[id]?.states, !states.isEmpty {
      violations.append("\(id) was refused, and has been \(states)")
    }
  }

  mutating func told(_ update: TaskUpdate) {
    let id = update.status.taskID.value
    let state = update.status.state
    guard var entry = tasks[id] else {
      violations.append("told \(state) of \(id), which was never launched")
      return
    }
    guard !update.isProvisional else { return }
    if !entry.mayRun { violations.append("\(id), whose launch was refused, is \(state)") }
    if let terminal = entry.terminal { violations.append("\(id) ended as \(terminal), and then is \(state)") }
    entry.states.append(state)
    if state == .taskRunning, update.status.hasUuid {
      entry.starts.insert([UInt8](update.status.uuid))
      if entry.starts.count > 1 { violations.append("\(id) started twice") }
    }
    if update.isTerminal { entry.terminal = state }
    tasks[id] = entry
  }

  /// Tasks that were launched, or may have been, and of whose end nothing was heard.
  var open: [String] { tasks.filter { $0.value.mayRun && $0.value.terminal == nil }.keys.sorted() }
  /// Tasks that ran.
  var started: Int { tasks.count { !$0.value.starts.isEmpty || $0.value.terminal.map(Self.ran) ?? false } }

  static func ran(_ state: TaskState) -> Bool { state == .taskFinished || state == .taskKilled || state == .taskFailed }
}
