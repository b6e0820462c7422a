import ArgumentParser
import Foundation
import SchedulerKit

@main
struct RollingService: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "rollingservice",
    abstract:
      "Keeps instances of a command running on a Mesos cluster, and replaces them one by one by those of the next.",
    discussion: """
      Each command is a text for /bin/sh that does not end; its first port is in $PORT. The first one is started; when all its instances \
      run, the second one takes its place, and so on. Ctrl-C ends the service.
      """)

  @Option(help: "The master as host:port, or several apart by commas.")
  var master: String

  @Option(help: "How many instances run.")
  var instances = 3

  @Option(help: "How many may be missing during a replacement.")
  var unavailable = 1

  @Option(help: "How many may run beside those they replace.")
  var surge = 0

  @Option(help: "Seconds that a new instance must run before the next one is replaced.")
  var settle = 2

  @Option(help: "Processors of one instance.")
  var cpus = 0.1

  @Option(help: "Memory of one instance in MB.")
  var mem = 32.0

  @Option(help: "Ports of one instance.")
  var ports = 0

  @Option(help: "The role whose offers are used.")
  var role = "*"

  @Flag(help: "Ends once all instances run the last command.")
  var once = false

  @Argument(help: "What instances run, one version after the other.")
  var commands: [String]

  func run() async throws {
    do {
      try await cancelledBySignals { try await serve() }
    } catch let error as DemandError {
      throw ArgumentParser.ValidationError(error.message)
    } catch let error as SchedulerError {
      say("rollingservice: \(error.message)")
      throw ExitCode(1)
    } catch is CancellationError {
      say("rollingservice: stopped")
    }
  }

  /// The service with one of the commands.
  private func service(_ command: String) -> Demand {
    var resources: [String: Scalar] = ["cpus": Scalar(cpus) ?? .zero, "mem": Scalar(mem) ?? .zero]
    if ports > 0 { resources["ports"] = Scalar(Double(ports)) }
    var service = Demand("service", count: instances, resources: resources, role: role, command: .shell(command))
    service.rollout = Demand.Rollout(unavailableMax: unavailable, surgeMax: surge, readyAfter: .seconds(settle))
    return service
  }

  private func serve() async throws {
    let configuration = try SchedulerConfiguration(
      master: master, framework: FrameworkSettings(name: "rollingservice", roles: [role]))
    try await withDemand(configuration) { demand in
      try await withThrowingTaskGroup(of: Void.self) { group in
        let changes = demand.changes
        group.addTask { try await watch(changes, of: demand) }
        for (index, command) in commands.enumerated() {
          say("version \(index + 1) of \(commands.count): \(command)")
          try demand.set([service(command)])
          _ = try await demand.satisfied("service")
          say("version \(index + 1) is in place")
        }
        if once {
          group.cancelAll()
          return
        }
        try await group.waitForAll()
      }
    }
  }

  /// Says what happens, and every ten seconds why something does not.
  private func watch(_ changes: AsyncStream<DemandChange>, of demand: DemandScheduler) async throws {
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask {
        var shown = ""
        for await change in changes {
          switch change {
          case .demand(.ended(let id, let end)):
            if case .again = end.next { say("instance \(id.slot) is replaced: \(end.message)") }
          case .scheduler(.error(let error)): throw error
          default: break
          }
          guard let status = demand.status(of: "service") else { continue }
          let line = "\(status.current) of \(status.wanted) on this version, \(status.available) available"
          if line != shown { say(line) }
          shown = line
        }
      }
      group.addTask {
        while true {
          try await Task.sleep(for: .seconds(10))
          let explanation = try demand.explain("service")
          if explanation.waiting > 0 { say("\(explanation)") }
        }
      }
      defer { group.cancelAll() }
      _ = try await group.next()
    }
  }
}

private func say(_ text: String) { FileHandle.standardError.write(Data("\(text)\n".utf8)) }
