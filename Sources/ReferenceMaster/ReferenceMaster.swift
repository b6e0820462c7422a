import AgentLink
import ClusterView
public import Logging
import MasterCore
import MesosHTTP
import MesosHTTPServer
import MesosModel
import ServerPages
public import ServiceLifecycle
import ShellSupport
import StateStorage
import SwiftProtobuf

/// A master: the core, its registry, the readers' view and the HTTP interfaces, assembled.
///
/// Several may run in one process. `run()` serves until it is cancelled or the service group shuts down gracefully.
public final class ReferenceMaster: Service {
  private let configuration: MasterConfiguration
  private let logger: Logger
  private let gate: ServicesGate<MasterServices>
  private let server: MesosHTTPServer

  public init(configuration: MasterConfiguration, logger: Logger) {
    self.configuration = configuration
    self.logger = logger
    let gate = ServicesGate<MasterServices>(refusal: "Master has not finished recovery")
    self.gate = gate
    server = MesosHTTPServer(
      configuration: HTTPServerConfiguration(host: configuration.host, port: configuration.port),
      routes: MasterRoutes.all(gate: gate, configuration: configuration, logger: logger), logger: logger)
  }

  /// Where it listens; waits until it does.
  public func address() async throws -> (host: String, port: Int) { try await server.address() }

  public func run() async throws {
    do {
      let storage = try await openStorage()
      do {
        try await serve(storage)
      } catch {
        await storage.close()
        throw error
      }
      await storage.close()
    } catch {
      server.abandon("the master has failed: \(error)")
      throw error
    }
  }

  private func openStorage() async throws -> any StateStorage {
    switch configuration.registry {
    case .memory:
      return MemoryStateStorage()
    case .folder(let folder):
      try FolderMaker.make(folder)
      return try await SQLiteStateStorage(path: folder + "/registry.sqlite")
    }
  }

  private func serve(_ storage: any StateStorage) async throws {
    let registry = try RegistryStore.recover(try await storage.load())
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { try await self.server.run() }
      let (host, port) = try await server.address()
      let services = makeServices(registry: registry, host: host, port: port)
      let master = services.master
      await master.start()
      gate.open(services)
      logger.info(
        "master is serving",
        metadata: ["address": "\(host):\(port)", "id": "\(services.info.id)", "agents": "\(registry.agents.count)"])
      group.addTask { try await self.keepTime(for: master) }
      group.addTask { try await self.writeRegistry(of: master, to: storage) }
      // The server ends on graceful shutdown, or something throws; both end the master.
      let result = await group.nextResult()
      gate.close()
      group.cancelAll()
      master.batches.finish()
      await master.refuseWaiting()
      while await group.nextResult() != nil {}
      master.stopThread()
      try result?.get()
    }
  }

  private func keepTime(for master: MasterActor) async throws {
    while true {
      try await master.timer.wait()
      await master.tick()
    }
  }

  /// Writes what waits in as few batches as the storage is fast, and says when it is durable.
  private func writeRegistry(of master: MasterActor, to storage: any StateStorage) async throws {
    while let batches = await master.batches.next() {
      do {
        try await storage.apply(try batches.flatMap(\.operations).map(RegistryStore.change(for:)))
      } catch {
        logger.error("the registry cannot be written", metadata: ["error": "\(error)"])
        for batch in batches { await master.persistFailed(batch.number, message: "\(error)") }
        continue
      }
      for batch in batches { await master.persisted(batch.number) }
    }
  }

  private func makeServices(registry: RecoveredRegistry, host: String, port: Int) -> MasterServices {
    let clock = SystemClock()
    let now = clock.now()
    var generator = SystemRandomNumberGenerator()
    let id = UUIDText.random(using: &generator)
    let ip = configuration.advertisedIP ?? (host == "0.0.0.0" || host == "::" ? "127.0.0.1" : host)
    let advertisedPort = configuration.advertisedPort ?? port
    let hostname = configuration.hostname ?? ip
    let info = MasterInfo.with {
      $0.id = id
      $0.ip = Self.packed(ip)
      $0.port = UInt32(advertisedPort)
      $0.pid = "master@\(ip):\(advertisedPort)"
      $0.hostname = hostname
      $0.version = ServerVersion.api
      $0.address = .with {
        $0.hostname = hostname
        $0.ip = ip
        $0.port = Int32(advertisedPort)
      }
    }
    var coreConfiguration = MasterCore.Configuration(masterID: id, masterInfo: info)
    configuration.adjust(&coreConfiguration)
    let master = MasterActor(
      core: MasterCore(configuration: coreConfiguration, registry: registry, at: now),
      links: LinkSessions(
        configuration: LinkSessions.Configuration(
          masterID: id, heartbeatInterval: coreConfiguration.agentPingTimeout,
          timeout: coreConfiguration.agentTimeout)),
      clock: clock, view: ClusterView(), batchLimit: configuration.registryBacklogLimit, logger: logger)
    return MasterServices(
      master: master, view: master.view, info: info, startTime: now.wallSeconds, flags: configuration.flags,
      cluster: configuration.cluster)
  }

  /// An IPv4 address as `MasterInfo.ip` carries it: its bytes in the order of the network, read as a little-endian number.
  static func packed(_ ip: String) -> UInt32 {
    let parts = ip.split(separator: ".").compactMap { UInt32($0) }
    guard parts.count == 4, parts.allSatisfy({ $0 < 256 }) else { return 0 }
    return parts[0] | parts[1] << 8 | parts[2] << 16 | parts[3] << 24
  }
}

/// What the HTTP interfaces need of a master that serves.
struct MasterServices: Sendable {
  let master: MasterActor
  let view: ClusterView
  let info: MasterInfo
  /// Seconds since 1970.
  let startTime: Double
  let flags: [(name: String, value: String)]
  let cluster: String?
}
