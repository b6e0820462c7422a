public import MesosModel

/// What a command executor starts for a task.
public struct CommandLaunch: Hashable, Sendable {
  /// What is executed.
  public enum Program: Hashable, Sendable {
    /// A text for `/bin/sh -c`.
    case shell(String)
    /// A program, looked for along `PATH` when it has no slash, and its whole argument vector.
    case program(path: String, arguments: [String])
  }

  public var program: Program
  /// The whole environment of the command.
  public var environment: [String: String]
  /// The account to run as; absent: the executor's own.
  public var user: String?

  /// - Parameters:
  ///   - executorEnvironment: The executor's own environment, which the command gets but for what is the executor's alone.
  ///     The task's variables come on top.
  /// - Throws: ``ExecutorError`` with code `.invalidCommand`; its message is fit for a status update.
  public init(_ task: TaskInfo, executorEnvironment: [String: String]) throws(ExecutorError) {
    guard task.hasCommand else { throw ExecutorError(.invalidCommand, "The task has no command") }
    try self.init(task.command, executorEnvironment: executorEnvironment)
    environment["MESOS_TASK_ID"] = task.taskID.value
  }

  /// The command of a check: with the executor's environment and its own, as the executor's user.
  init(probe command: CommandInfo, executorEnvironment: [String: String]) throws(ExecutorError) {
    try self.init(command, executorEnvironment: executorEnvironment)
    user = nil
  }

  private init(_ command: CommandInfo, executorEnvironment: [String: String]) throws(ExecutorError) {
    guard command.hasValue, !command.value.isEmpty else {
      throw ExecutorError(
        .invalidCommand,
        command.shell ? "The task's shell command is not specified" : "The task's executable is not specified")
    }
    if command.shell {
      program = .shell(command.value)
    } else {
      program = .program(
        path: command.value, arguments: command.arguments.isEmpty ? [command.value] : command.arguments)
    }

    environment = executorEnvironment.filter { name, _ in !Self.isPrivate(name) }
    for variable in command.environment.variables {
      switch variable.type {
      case .value, .unknown:
        environment[variable.name] = variable.value
      case .secret:
        guard variable.secret.type == .value else {
          throw ExecutorError(
            .invalidCommand, "The secret of the environment variable '\(variable.name)' is not resolved")
        }
        environment[variable.name] = String(decoding: StatusUUID.bytes(variable.secret.value.data), as: UTF8.self)
      }
    }
    user = command.hasUser && !command.user.isEmpty ? command.user : nil
  }

  /// Variables that would let a task speak as its executor, or that belong to another program's library.
  private static func isPrivate(_ name: String) -> Bool {
    name == "MESOS_EXECUTOR_AUTHENTICATION_TOKEN" || name.hasPrefix("LIBPROCESS_")
  }
}
