import ArgumentParser
import ShellSupport

/// The command line tool.
@main
struct Mesos: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "mesos", abstract: "Runs clusters and talks to them.", version: ServerVersion.software,
    subcommands: [Local.self, Execute.self])
}
