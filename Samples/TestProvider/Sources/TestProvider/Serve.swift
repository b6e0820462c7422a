import ArgumentParser
import ResourceProviderKit
import SchedulerKit

struct Serve: AsyncParsableCommand {
  static let configuration = CommandConfiguration(abstract: "Adds a pool of disk to an agent, until it is stopped.")

  @Option(help: "The agent as host:port.")
  var agent = "127.0.0.1:5051"

  @Option(help: "How much disk there is, in megabytes.")
  var megabytes = 1_000

  @Option(help: "The profile of the disks that are made.")
  var profile = "test"

  @Option(help: "The name of the provider.")
  var name = "test"

  @Flag(help: "Speak JSON with the agent in the place of protobuf.")
  var json = false

  func run() async throws {
    guard let endpoint = HTTPEndpoint(agent), megabytes > 0, let size = Scalar(Double(megabytes)) else {
      throw ValidationError("--agent is host:port, and --megabytes more than nothing")
    }
    var info = ResourceProviderInfo()
    info.type = "org.example.rp.test"
    info.name = name
    let client = MesosHTTPClient()
    let driver = ResourceProviderDriver(
      info: info, disks: ProvidedDisks(megabytes: size, profile: profile, mountFolder: "/mnt/\(name)"), agent: endpoint,
      encoding: json ? .json : .protobuf, client: client)
    do {
      try await cancelledBySignals { try await driver.run() }
    } catch is CancellationError {
      print("stopped; there is \(await driver.disks.total)")
    } catch {
      try? await client.shutdown()
      throw error
    }
    try await client.shutdown()
  }
}
