import ArgumentParser
import Logging
import MesosModel
import ReferenceAgent
import ReferenceMaster
import ServerFlags
import ServiceLifecycle
import ShellSupport
import UnixSignals

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// `mesos local`: a master and agents in one process, with real executors.
struct Local: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "local", abstract: "Runs a whole cluster in this process, with real executors.",
    discussion: "Ends with Ctrl-C or SIGTERM; everything that runs is killed then.")

  @Option(help: "Agents to run.")
  var agents = 1

  @Option(help: "Port of the master on the address; 0 takes a free one. Agents take free ones.")
  var port = 5050

  @Option(help: "Address to listen on.")
  var ip = "127.0.0.1"

  @Option(name: .customLong("work_dir"), help: "Folder for the registry, checkpoints and sandboxes.")
  var workDirectory: String

  @Option(help: "Resources of each agent, such as 'cpus:4;mem:4096'; without it, the machine's.")
  var resources: String?

  @Option(name: .customLong("launcher_dir"), help: "Folder of the program mesos-executor; without it, this program's.")
  var launcherDirectory: String?

  @Option(
    name: .customLong("address_file"), help: "File to write HOST:PORT of the master to once all of the cluster listens."
  )
  var addressFile: String?

  @Flag(help: "Logs warnings and errors only.")
  var quiet = false

  func validate() throws {
    guard (1...1_000).contains(agents) else { throw ValidationError("--agents is a number from 1 to 1000") }
    guard (0...65_535).contains(port) else { throw ValidationError("--port is a number from 0 to 65535") }
  }

  func run() async throws {
    LoggingSetup.start(level: quiet ? "WARNING" : "INFO", isQuiet: false)
    let logger = Logger(label: "mesos-local")
    if let resources {
      do {
        _ = try Resources.parse(resources)
      } catch {
        throw ValidationError("--resources: \(error)")
      }
    }
    let launcher = launcherDirectory ?? CommandLineFlags.programDirectory
    guard access(launcher + "/mesos-executor", X_OK) == 0 else {
      throw ValidationError(
        "there is no program mesos-executor in \(launcher): build it (swift build --product mesos-executor) or give --launcher_dir"
      )
    }
    // As `mesos-master` with these flags, so that GET_FLAGS and /flags tell the truth.
    let flags = try MasterFlags.table.parse(
      arguments: ["--ip=\(ip)", "--port=\(port)", "--work_dir=\(absolutePath(workDirectory))/master"])
    let master = ReferenceMaster(configuration: try MasterConfiguration(flags), logger: logger)
    let agents = LocalAgents(
      master: master, host: ip, count: agents, workDirectory: workDirectory, launcherDirectory: launcher,
      resources: resources ?? "", addressFile: addressFile, logger: logger)
    // Shut down from the last to the first: the agents kill what they run while the master still listens.
    let group = ServiceGroup(
      configuration: ServiceGroupConfiguration(
        services: [master as any Service, agents].map {
          .init(
            service: $0, successTerminationBehavior: .gracefullyShutdownGroup,
            failureTerminationBehavior: .cancelGroup)
        },
        gracefulShutdownSignals: [.sigterm, .sigint], logger: logger))
    try await group.run()
  }
}

/// The agents, as one service.
struct LocalAgents: Service {
  let master: ReferenceMaster
  let host: String
  let count: Int
  let workDirectory: String
  let launcherDirectory: String
  let resources: String
  let addressFile: String?
  let logger: Logger

  func run() async throws {
    let (host, port) = try await master.address()
    try await withThrowingTaskGroup(of: Void.self) { group in
      let agents = try (0..<count).map { try makeAgent($0, master: "\(host):\(port)") }
      for agent in agents { group.addTask { try await agent.run() } }
      for agent in agents { _ = try await agent.address() }
      logger.info("cluster is up", metadata: ["master": "http://\(host):\(port)", "agents": "\(agents.count)"])
      if let addressFile { try writeAddress("\(host):\(port)", to: addressFile) }
      try await group.waitForAll()
    }
  }

  private func makeAgent(_ index: Int, master: String) throws -> ReferenceAgent {
    var arguments = [
      "--master=\(master)", "--ip=\(host)", "--port=0", "--work_dir=\(absolutePath(workDirectory))/agent-\(index)",
      "--launcher_dir=\(absolutePath(launcherDirectory))",
    ]
    if !resources.isEmpty { arguments.append("--resources=\(resources)") }
    var configuration = try AgentConfiguration(try AgentFlags.table.parse(arguments: arguments))
    configuration.killsExecutorsAtEnd = true
    configuration.registrationBackoffFactor = .milliseconds(50)
    return ReferenceAgent(configuration: configuration, logger: logger)
  }

  private func writeAddress(_ address: String, to path: String) throws {
    let temporary = path + ".new"
    guard let file = fopen(temporary, "w") else { throw FolderError(path: temporary, errno: errno) }
    fputs(address + "\n", file)
    fclose(file)
    guard rename(temporary, path) == 0 else { throw FolderError(path: path, errno: errno) }
  }
}
