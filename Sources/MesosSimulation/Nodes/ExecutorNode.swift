import AgentCore
import ExecutorCore
import MesosModel

/// An executor's process and the commands that it started.
struct ExecutorNode: Sendable {
  enum Phase: Hashable, Sendable {
    case making
    /// Held back before its program.
    case held
    case running
  }

  /// A task's command.
  struct Command: Sendable {
    var behaviour: TaskBehaviour
    /// Tells it from an earlier one of the same name.
    var run: Int
    /// What it was sent last.
    var signal: CommandTask.Signal?
  }

  let agent: Int
  let launch: ContainerLaunch
  var process: ProcessIdentity
  var phase = Phase.making
  var rng: SplitMix
  var scheduled: Int64?
  /// The command executor; absent for a custom one.
  var command: CommandExecutor?
  /// A custom executor's side of the protocol; absent for the command executor.
  var custom: ExecutorCore?
  /// The commands that run, by task.
  var commands: [TaskKey: Command] = [:]
  /// The one task of a command executor.
  var task: TaskInfo?
  var stream: (number: ExecutorStream, connection: ConnectionNumber)?
  var lastRun = 0

  var nextDeadline: Duration? { command?.nextDeadline ?? custom?.nextDeadline }
}
