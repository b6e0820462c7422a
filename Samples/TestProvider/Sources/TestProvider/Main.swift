import ArgumentParser

@main
struct TestProvider: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "testprovider", abstract: "A resource provider of disks that exist on paper.",
    subcommands: [Serve.self, Try.self])
}
