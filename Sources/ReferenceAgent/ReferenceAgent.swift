import AgentCore
import AgentLink
import Fetcher
public import Logging
import MesosDiscovery
import MesosHTTP
import MesosHTTPClient
import MesosHTTPServer
import MesosModel
import ProcessLaunch
import SandboxFiles
import ServerPages
public import ServiceLifecycle
import ShellSupport
import StateStorage
import SwiftProtobuf

/// An agent: the core, its state on the disk, its containers, its link to the master and the HTTP interfaces, assembled.
///
/// Several may run in one process, each with a work directory of its own. `run()` serves until it is cancelled, the service group shuts
/// down gracefully, or the agent has to end; executors live on unless the configuration says otherwise, and the next agent with the same
/// work directory finds them.
public final class ReferenceAgent: Service {
  private let configuration: AgentConfiguration
  private let logger: Logger
  private let verbosity = LogVerbosity()
  private let gate: ServicesGate<AgentServices>
  private let files = FileTree()
  private let server: MesosHTTPServer

  public init(configuration: AgentConfiguration, logger: Logger) {
    self.configuration = configuration
    let logger = verbosity.governing(logger)
    self.logger = logger
    let gate = ServicesGate<AgentServices>(refusal: "Agent has not finished recovery")
    self.gate = gate
    server = MesosHTTPServer(
      configuration: HTTPServerConfiguration(host: configuration.host, port: configuration.port),
      routes: AgentRoutes.all(
        gate: gate, files: files, configuration: configuration, verbosity: verbosity, logger: logger), logger: logger)
  }

  /// Where it listens; waits until it does.
  public func address() async throws -> (host: String, port: Int) { try await server.address() }

  public func run() async throws {
    do {
      let folder = configuration.workDirectory + "/meta"
      try FolderMaker.make(folder)
      let storage = try await SQLiteStateStorage(path: folder + "/agent.sqlite")
      do {
        try await serve(storage)
      } catch {
        await storage.close()
        throw error
      }
      await storage.close()
    } catch {
      server.abandon("the agent has failed: \(error)")
      throw error
    }
  }

  private func serve(_ storage: any StateStorage) async throws {
    let master = try masterSource()
    let bootID = AgentStore.bootID()
    let recovered = try AgentStore.recover(
      try await storage.load(readableFormats: 0...AgentStore.formatVersion), bootID: bootID
    ) { LaunchedProcess(pid: $0.pid, startTime: $0.startTime).isAlive }
    try await storage.apply([AgentStore.bootRecord(bootID)])
    let client = MesosHTTPClient(logger: logger)
    do {
      try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { try await self.server.run() }
        let (host, port) = try await server.address()
        let watcher = try ProcessWatcher()
        let services = try makeServices(recovered, host: host, port: port, master: master, watcher: watcher)
        let agent = services.agent
        let runner = ContainerRunner(
          agent: agent, watcher: watcher, fetcher: services.fetcher, removals: services.removals, logger: logger)
        await agent.start()
        gate.open(services)
        logger.info(
          "agent is serving", metadata: ["address": "\(host):\(port)", "work_dir": "\(configuration.workDirectory)"])
        group.addTask { try await self.keepTime(for: agent) }
        group.addTask { try await self.writeState(of: agent, to: storage) }
        group.addTask { await runner.run() }
        group.addTask {
          try await MasterLink(
            agent: agent, client: client, master: master,
            backoffFactor: self.configuration.registrationBackoffFactor, logger: self.logger
          ).run()
        }
        group.addTask { try await self.waitForEnding(of: agent) }
        // The first to end ends the agent: the server on graceful shutdown, or the core with its reason.
        let result: Result<Void, any Error>
        do {
          try await group.next()
          result = .success(())
        } catch {
          result = .failure(error)
        }
        gate.close()
        if configuration.killsExecutorsAtEnd { await runner.killAll() }
        group.cancelAll()
        agent.batches.finish()
        agent.work.finish()
        await agent.refuseWaiting()
        while await group.nextResult() != nil {}
        agent.stopThread()
        try result.get()
      }
    } catch {
      try? await client.shutdown()
      throw error
    }
    try await client.shutdown()
  }

  private func keepTime(for agent: AgentActor) async throws {
    while true {
      try await agent.timer.wait()
      await agent.tick()
    }
  }

  /// Writes what waits in as few batches as the storage is fast, and says when it is durable.
  private func writeState(of agent: AgentActor, to storage: any StateStorage) async throws {
    while let batches = await agent.batches.next() {
      do {
        try await storage.apply(batches.flatMap(\.changes).map(AgentStore.change(for:)))
      } catch {
        logger.error("the agent's state cannot be written", metadata: ["error": "\(error)"])
        for batch in batches { await agent.persistFailed(batch.number, message: "\(error)") }
        continue
      }
      // Durable one, durable all before it.
      if let last = batches.last { await agent.persisted(last.number) }
    }
  }

  private func waitForEnding(of agent: AgentActor) async throws {
    guard let ending = await agent.ending.next()?.first else { return }
    if ending.failed { throw ReferenceAgentError(code: .ended, message: ending.reason) }
    logger.info("agent ends", metadata: ["why": "\(ending.reason)"])
  }

  private func masterSource() throws(ReferenceAgentError) -> MasterSource {
    if configuration.master.hasPrefix(ZooKeeperURL.scheme) || configuration.master.hasPrefix("file://") {
      do {
        return .detected(
          try makeMasterDetector(
            configuration.master, sessionTimeout: configuration.zooKeeperSessionTimeout, logger: logger))
      } catch {
        throw ReferenceAgentError(code: .badConfiguration, message: "--master: \(error)")
      }
    }
    var masters: [HTTPEndpoint] = []
    for text in configuration.master.split(separator: ",") {
      let address = text.hasPrefix("master@") ? text.dropFirst("master@".count) : text
      guard let endpoint = HTTPEndpoint(address.contains(":") ? String(address) : "\(address):5050") else {
        throw ReferenceAgentError(
          code: .badConfiguration,
          message: "--master has '\(text.contains("@") ? "" : text.prefix(200))': expecting HOST:PORT or zk://…/path")
      }
      masters.append(endpoint)
    }
    guard !masters.isEmpty else {
      throw ReferenceAgentError(
        code: .badConfiguration, message: "--master is empty: expecting HOST:PORT or zk://…/path")
    }
    return .listed(masters)
  }

  private func makeServices(
    _ recovered: RecoveredAgent, host: String, port: Int, master: MasterSource, watcher: ProcessWatcher
  ) throws -> AgentServices {
    let clock = SystemClock()
    let ip = configuration.advertisedIP ?? (host == "0.0.0.0" || host == "::" ? "127.0.0.1" : host)
    let advertisedPort = configuration.advertisedPort ?? port
    let resources = try ResourceDetection.resources(
      given: configuration.resources, defaultRole: configuration.defaultRole,
      workDirectory: configuration.workDirectory)
    let attributes = try FlagObjects.attributes(configuration.attributes)
    let info = AgentInfo.with {
      $0.hostname = configuration.hostname ?? ip
      $0.port = Int32(clamping: advertisedPort)
      $0.resources = resources
      $0.attributes = attributes
      $0.checkpoint = true
      if let domain = configuration.domain { $0.domain = domain }
    }
    var coreConfiguration = AgentCore.Configuration(
      agentInfo: info, version: ServerVersion.api, ip: ip, port: Int32(clamping: advertisedPort),
      workDirectory: configuration.workDirectory, launcherDirectory: configuration.launcherDirectory,
      executorEnvironment: Self.inheritedEnvironment())
    configuration.adjust(&coreConfiguration)
    let core = try AgentCore(configuration: coreConfiguration, recovered: recovered)
    var generator = SystemRandomNumberGenerator()
    let link = AgentSideSession(
      session: UUIDText.random(using: &generator), agentID: core.agentID, softwareVersion: ServerVersion.software)
    let agent = AgentActor(
      core: core, link: link, clock: clock, files: files, batchLimit: configuration.storeBacklogLimit,
      workLimit: configuration.containerBacklogLimit, logger: logger)
    let masterHostname: @Sendable () -> String = {
      switch master {
      case .listed(let masters):
        if case .tcp(_, let host, _) = masters[0].address { host } else { "localhost" }
      case .detected(let detector):
        detector.detections.last?.master?.address.host ?? ""
      }
    }
    return AgentServices(
      agent: agent, fetcher: makeFetcher(watcher),
      removals: SandboxRemovals(
        delay: configuration.sandboxRemovalDelay, headroom: configuration.diskHeadroom,
        disk: (configuration.workDirectory, configuration.diskWatchInterval), files: files),
      startTime: clock.now().wallSeconds,
      pid: "slave(1)@\(ip):\(advertisedPort)",
      flags: configuration.flags, masterHostname: masterHostname)
  }

  private func makeFetcher(_ watcher: ProcessWatcher) -> Fetcher {
    var environment = Dictionary(Self.inheritedEnvironment().map { ($0.name, $0.value) }) { first, _ in first }
    if let home = configuration.hadoopHome { environment["HADOOP_HOME"] = home }
    return Fetcher(
      configuration: Fetcher.Configuration(
        program: configuration.launcherDirectory + "/mesos-fetcher",
        cacheDirectory: configuration.fetcherCacheDirectory ?? configuration.workDirectory + "/fetch",
        cacheSize: configuration.fetcherCacheSize, stallTimeout: configuration.fetcherStallTimeout,
        frameworksHome: configuration.frameworksHome, environment: environment), watcher: watcher, logger: logger)
  }

  /// The agent's own environment but for what is meant for the agent itself.
  private static func inheritedEnvironment() -> [(name: String, value: String)] {
    CommandLineFlags.environmentOfProcess()
      .filter { !$0.key.hasPrefix("MESOS_") && !$0.key.hasPrefix("LIBPROCESS_") }
      .sorted { $0.key < $1.key }.map { (name: $0.key, value: $0.value) }
  }
}
