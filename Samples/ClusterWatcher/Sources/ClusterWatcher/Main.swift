import ArgumentParser
import OperatorKit

@main
struct ClusterWatcher: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "clusterwatcher", abstract: "Prints what happens in a Mesos cluster, as it happens.")

  @Option(help: "The masters, as host:port, apart by commas.")
  var master = "127.0.0.1:5050"

  @Flag(help: "Speak JSON with the master in the place of protobuf.")
  var json = false

  @Option(help: "End after so many changes; 0 goes on until it is stopped.")
  var changes = 0

  mutating func run() async throws {
    var configuration = OperatorConfiguration()
    if json { configuration.encoding = .json }
    let limit = changes
    try await withMasterClient(master, configuration: configuration) { client in
      try await withWatcher(of: client) { watcher in
        var printed = 0
        for await update in watcher.updates {
          print(Line.of(update, watcher))
          if case .connection(.stopped(let error?)) = update { throw error }
          if case .change = update { printed += 1 }
          if limit > 0, printed >= limit { return }
        }
      }
    }
  }
}
