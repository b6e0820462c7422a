import OperatorKit

/// What is printed about an update.
enum Line {
  static func of(_ update: WatchUpdate, _ watcher: Watcher) -> String {
    switch update {
    case .change(let change): of(change, watcher)
    case .connection(.connecting): "connecting"
    case .connection(.watching): "watching"
    case .connection(.waiting(let error, let delay)): "lost the master (\(error)), next attempt in \(delay)"
    case .connection(.stopped(let error)): "stopped\(error.map { ": \($0)" } ?? "")"
    case .overflow(let dropped): "\(dropped) updates were too fast; now: \(summary(watcher))"
    }
  }

  private static func of(_ change: ClusterChange, _ watcher: Watcher) -> String {
    switch change {
    case .synchronized: "cluster: \(summary(watcher))"
    case .agentAdded(let agent): "agent \(agent.agentInfo.id.value) registered, \(agent.agentInfo.hostname)"
    case .agentUpdated(let agent): "agent \(agent.agentInfo.id.value) registered again"
    case .agentRemoved(let agent, let cause): "agent \(agent) is gone (\(cause))"
    case .frameworkAdded(let framework):
      "framework \(framework.frameworkInfo.id.value) registered, \(framework.frameworkInfo.name)"
    case .frameworkUpdated(let framework): "framework \(framework.frameworkInfo.id.value) changed"
    case .frameworkRemoved(let framework): "framework \(framework) is gone"
    case .taskAdded(let task): "task \(task.taskID.value) on \(task.agentID.value): \(task.state)"
    case .taskUpdated(let task, let previous): "task \(task.taskID.value): \(previous) → \(task.state)"
    case .taskStatusAdded(let task): "task \(task.taskID.value): a status more of \(task.state)"
    case .taskForgotten(let task): "task \(task) is not known any more"
    case .ignored(let why): "an event without effect (\(why))"
    }
  }

  private static func summary(_ watcher: Watcher) -> String {
    watcher.read { state in
      "\(state.agentCount) agents, \(state.frameworks.count) frameworks, \(state.liveTaskCount) tasks"
    }
  }
}
