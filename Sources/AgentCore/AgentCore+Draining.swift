import AgentLinkModel
import MesosModel
import OrderedCollections
import SwiftProtobuf

// An operator has everything killed that runs here.
//
// The state is kept until nothing runs: an agent that was killed meanwhile goes on with it. Apache Mesos reports a task whose kill has
// begun as gone already where the agent is to be marked as gone; here it is gone once it has stopped.
extension AgentCore {
  /// Drains the agent, or calls the draining off; what is being killed is killed all the same.
  mutating func drain(_ message: LinkDrainAgent) {
    guard message.hasConfig else { return endDraining() }
    // With nothing to kill there is nothing to remember: the master offers nothing of an agent that is drained.
    guard hasExecutors else { return endDraining() }
    drainConfig = message.config
    put(Checkpoint.drain, CheckpointDrain.with { $0.config = message.config })
    killAll()
  }

  /// Goes on where the process before was killed.
  mutating func replayDraining() {
    guard drainConfig != nil else { return }
    if hasExecutors { killAll() } else { endDraining() }
  }

  /// Forgets the draining once nothing runs any more.
  mutating func settleDraining() {
    if drainConfig != nil, !hasExecutors { endDraining() }
  }

  private var hasExecutors: Bool { frameworks.values.contains { !$0.executors.isEmpty } }

  mutating func endDraining() {
    guard drainConfig != nil else { return }
    drainConfig = nil
    remove(Checkpoint.drain)
  }

  private mutating func killAll() {
    var tasks: [(address: TaskAddress, policy: KillPolicy?)] = []
    for framework in frameworks.values {
      for executor in framework.executors.values {
        for (id, task) in executor.tasks where task.phase != .terminated {
          tasks.append((TaskAddress(framework: framework.id, task: id), policy(for: task.info)))
        }
      }
    }
    for (address, policy) in tasks {
      kill(
        .with {
          $0.frameworkID = address.framework.value
          $0.taskID = address.task.value
          if let policy { $0.killPolicy = policy }
        })
    }
  }

  /// The grace period that the task is killed with, where it is not the task's own.
  private func policy(for task: TaskInfo) -> KillPolicy? {
    guard let drainConfig, drainConfig.hasMaxGracePeriod else { return nil }
    let longest = drainConfig.maxGracePeriod
    guard task.hasKillPolicy, task.killPolicy.hasGracePeriod,
      task.killPolicy.gracePeriod.nanoseconds <= longest.nanoseconds
    else { return .with { $0.gracePeriod = longest } }
    return nil
  }

  /// The status as it is told while the agent is drained: whatever its maker gave as a reason, that is why the task is killed.
  func draining(_ status: TaskStatus, of framework: FrameworkKey) -> TaskStatus {
    guard let drainConfig, status.state == .taskKilling || status.state == .taskKilled else { return status }
    let isAgents = status.source == .agent
    let cause: TaskStatusCause =
      if status.state == .taskKilling {
        .drainingByExecutor
      } else if drainConfig.markGone {
        isAgents ? .drainedForGood : .drainedForGoodByExecutor
      } else {
        isAgents ? .drained : .drainedByExecutor
      }
    let isPartitionAware = frameworks[framework]?.isPartitionAware ?? false
    var status = status
    status.attribute(to: cause.reported(toPartitionAware: isPartitionAware))
    return status
  }
}
