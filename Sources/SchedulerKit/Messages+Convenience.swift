public import MesosModel

extension CommandInfo {
  /// A text for `/bin/sh -c`.
  public static func shell(_ text: String) -> CommandInfo {
    var command = CommandInfo()
    command.shell = true
    command.value = text
    return command
  }

  /// A program with its arguments, passed as they are: no shell looks at them.
  ///
  /// - Parameters:
  ///   - path: Where the program is.
  ///   - arguments: Without the program's own name: `path` becomes the first argument.
  public static func program(_ path: String, _ arguments: [String] = []) -> CommandInfo {
    var command = CommandInfo()
    command.shell = false
    command.value = path
    command.arguments = [path] + arguments
    return command
  }
}

extension TaskInfo {
  /// A task that runs a command on the agent of `offer`, under the command executor.
  public init(id: String, name: String? = nil, on offer: Offer, resources: Resources, command: CommandInfo) {
    self.init()
    taskID.value = id
    self.name = name ?? id
    agentID = offer.agentID
    self.resources = resources.messages
    self.command = command
  }
}

extension Offer {
  /// What is offered; an entry that cannot be understood is an error.
  public func parsedResources() throws(ResourceError) -> Resources { try Resources(resources) }
}
