import ArgumentParser
import ShellSupport

/// The command line tool.
@main
struct Mesos: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "mesos", abstract: "Runs clusters and talks to them.", version: ServerVersion.software,
    subcommands: [
      Local.self, Execute.self, SimulateAgents.self, State.self, Agents.self, Frameworks.self, Tasks.self, Roles.self,
      QuotaCommand.self, Maintenance.self, Drain.self, Explain.self, Watch.self,
    ])
}

/// What commands throw for wrong arguments; the model has an error of the same name, for messages.
typealias ValidationError = ArgumentParser.ValidationError
