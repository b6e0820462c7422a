import AgentLink
import ClusterView
public import Logging
import MasterCore
import MesosDiscovery
import MesosHTTP
import MesosHTTPServer
import MesosModel
import MesosSecurity
import ServerPages
public import ServiceLifecycle
import ShellSupport
import StateStorage
import SwiftProtobuf

/// A master: the core, its registry, the readers' view and the HTTP interfaces, assembled.
///
/// Several may run in one process. `run()` serves until it is cancelled or the service group shuts down gracefully.
///
/// With an election it stands by first: requests are sent on to the leader. Elected, it recovers its registry and serves. When it has
/// lost its leadership, or cannot be sure of it any more, `run()` throws, and the process is to end: a new one stands for election anew.
public final class ReferenceMaster: Service {
  private let configuration: MasterConfiguration
  private let logger: Logger
  private let verbosity = LogVerbosity()
  private let gate: MasterGate
  private let server: MesosHTTPServer

  public init(configuration: MasterConfiguration, logger: Logger) {
    self.configuration = configuration
    let logger = verbosity.governing(logger)
    self.logger = logger
    let gate = MasterGate(isStandby: configuration.election != nil)
    self.gate = gate
    server = MesosHTTPServer(
      configuration: HTTPServerConfiguration(host: configuration.host, port: configuration.port),
      routes: MasterRoutes.all(gate: gate, configuration: configuration, verbosity: verbosity, logger: logger),
      authenticators: configuration.security.authenticators, logger: logger)
    for warning in configuration.security.warnings { logger.warning("\(warning)") }
  }

  /// Where it listens; waits until it does.
  public func address() async throws -> (host: String, port: Int) { try await server.address() }

  public func run() async throws {
    do {
      try await serve()
    } catch {
      server.abandon("the master has failed: \(error)")
      throw error
    }
  }

  private func openStorage() async throws -> any StateStorage {
    if let storage = configuration.storage { return storage }
    switch configuration.registry {
    case .memory:
      return MemoryStateStorage()
    case .folder(let folder):
      try FolderMaker.make(folder)
      return try await SQLiteStateStorage(path: folder + "/registry.sqlite")
    }
  }

  /// What a part of the master is to the whole, when it ends without an error.
  private enum Part { case essential, helping }

  private func serve() async throws {
    // A registry that cannot be used shows at the start where nobody else is there to serve.
    let storage = configuration.election == nil ? try await openStorage() : nil
    do {
      try await serve(storage)
    } catch {
      await storage?.close()
      throw error
    }
    await storage?.close()
  }

  private func serve(_ storage: (any StateStorage)?) async throws {
    let registry: RecoveredRegistry?
    if let storage { registry = try RegistryStore.recover(try await storage.load()) } else { registry = nil }
    try await withThrowingTaskGroup(of: Part.self) { group in
      group.addTask {
        try await self.server.run()
        return .essential
      }
      let (host, port) = try await server.address()
      let info = makeInfo(host: host, port: port)
      if let storage, let registry {
        group.addTask {
          try await self.lead(as: info, registry: registry, storage)
          return .essential
        }
      } else if let election = configuration.election {
        gate.standsBy(info)
        let contender = ZooKeeperMasterContender(
          election.url, info: info, sessionTimeout: election.sessionTimeout, logger: logger)
        let detector = ZooKeeperMasterDetector(
          election.url, sessionTimeout: election.sessionTimeout, logger: logger)
        group.addTask {
          do {
            // It withdraws when all has ended, not when a shutdown begins.
            try await contender.runUntilCancelled()
          } catch let error as DiscoveryError {
            throw MasterError(code: .electionFailed, message: error.message)
          }
          return .helping
        }
        group.addTask {
          do {
            try await detector.run()
          } catch let error as DiscoveryError {
            throw MasterError(code: .electionFailed, message: error.message)
          }
          return .helping
        }
        group.addTask {
          for await detection in detector.detections { self.gate.leads(detection.master?.info) }
          return .helping
        }
        group.addTask {
          try await self.leadWhenElected(as: info, contender.candidacies)
          return .essential
        }
      }
      // The server ends on graceful shutdown, or something throws; both end the master.
      var result = await group.nextResult()
      while case .success(.helping) = result { result = await group.nextResult() }
      gate.close()
      group.cancelAll()
      while await group.nextResult() != nil {}
      _ = try result?.get()
    }
  }

  /// Stands by until it is elected, then recovers and leads for as long as it is the leader.
  private func leadWhenElected(as info: MasterInfo, _ candidacies: Changes<Candidacy>) async throws {
    logger.info("master stands for election", metadata: ["id": "\(info.id)"])
    guard await candidacies.contains(where: { $0 == .elected }) else { return try Task.checkCancellation() }
    logger.info("master is elected", metadata: ["id": "\(info.id)"])
    gate.elected()
    let storage = try await openStorage()
    do {
      let registry = try RegistryStore.recover(try await storage.load())
      try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask {
          for await case .lost(let reason) in candidacies {
            throw MasterError(
              code: .lostLeadership,
              message: "Lost leadership: \(reason). This master ends; start it again to stand for election anew")
          }
          try Task.checkCancellation()
        }
        group.addTask { try await self.lead(as: info, registry: registry, storage) }
        defer { group.cancelAll() }
        try await group.next()
      }
    } catch {
      await storage.close()
      throw error
    }
    await storage.close()
  }

  /// Serves as the leader.
  private func lead(as info: MasterInfo, registry: RecoveredRegistry, _ storage: any StateStorage) async throws {
    let services = makeServices(registry: registry, info: info)
    let master = services.master
    let result = await withThrowingTaskGroup(of: Void.self) { group in
      await master.start()
      gate.open(services)
      logger.info(
        "master is serving",
        metadata: [
          "address": "\(info.address.ip):\(info.address.port)", "id": "\(info.id)",
          "agents": "\(registry.agents.count)",
        ])
      group.addTask { try await self.keepTime(for: master) }
      group.addTask { try await self.writeRegistry(of: master, to: storage) }
      group.addTask {
        guard let reason = await master.aborted.next()?.first else { return try await Self.untilCancelled() }
        throw MasterError(code: .removalLimitExceeded, message: reason)
      }
      let result = await group.nextResult()
      gate.close()
      group.cancelAll()
      master.batches.finish()
      master.aborted.finish()
      await master.refuseWaiting()
      while await group.nextResult() != nil {}
      master.stopThread()
      return result
    }
    try result?.get()
  }

  private static func untilCancelled() async throws {
    while true { try await Task.sleep(for: .seconds(86_400)) }
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
      let began = ContinuousClock.now
      defer { master.measured.stored(batches.count, in: ContinuousClock.now - began) }
      do {
        let changes = try batches.flatMap(\.operations).flatMap(RegistryStore.changes(for:))
        try await storage.apply(changes)
        for change in changes {
          switch change {
          case .put(let record): master.measured.recorded(record.key, bytes: record.bytes.count)
          case .remove(let key): master.measured.recorded(key, bytes: nil)
          }
        }
      } catch {
        logger.error("the registry cannot be written", metadata: ["error": "\(error)"])
        for batch in batches { await master.persistFailed(batch.number, message: "\(error)") }
        continue
      }
      for batch in batches { await master.persisted(batch.number) }
    }
  }

  private func makeInfo(host: String, port: Int) -> MasterInfo {
    var generator = SystemRandomNumberGenerator()
    let id = UUIDText.random(using: &generator)
    let ip = configuration.advertisedIP ?? (host == "0.0.0.0" || host == "::" ? "127.0.0.1" : host)
    let advertisedPort = configuration.advertisedPort ?? port
    let hostname = configuration.hostname ?? ip
    return MasterInfo.with {
      $0.id = id
      $0.ip = Self.packed(ip)
      $0.port = UInt32(advertisedPort)
      $0.pid = "master@\(ip):\(advertisedPort)"
      $0.hostname = hostname
      $0.version = ServerVersion.api
      $0.capabilities = MasterCapability.messages
      if let domain = configuration.domain { $0.domain = domain }
      $0.address = .with {
        $0.hostname = hostname
        $0.ip = ip
        $0.port = Int32(advertisedPort)
      }
    }
  }

  private func makeServices(registry: RecoveredRegistry, info: MasterInfo) -> MasterServices {
    let clock = SystemClock()
    let now = clock.now()
    let id = info.id
    var coreConfiguration = MasterCore.Configuration(masterID: id, masterInfo: info)
    configuration.adjust(&coreConfiguration)
    coreConfiguration.authorizer = configuration.security.authorizer
    var viewConfiguration = ClusterView.Configuration(eventReadersMax: configuration.eventStreamSubscribersMax)
    viewConfiguration.hasFilteredReaders = configuration.security.authorizer != nil
    let master = MasterActor(
      core: MasterCore(configuration: coreConfiguration, registry: registry, at: now),
      links: LinkSessions(
        configuration: LinkSessions.Configuration(
          masterID: id, heartbeatInterval: coreConfiguration.agentPingTimeout,
          timeout: coreConfiguration.agentTimeout)),
      clock: clock,
      view: ClusterView(configuration: viewConfiguration),
      batchLimit: configuration.registryBacklogLimit, logger: logger)
    return MasterServices(
      master: master, view: master.view, info: info, startTime: now.wallSeconds, flags: configuration.flags,
      cluster: configuration.cluster, verbosity: verbosity, security: configuration.security)
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
  let verbosity: LogVerbosity
  let security: SecurityPolicy

  /// The cluster as the sender of a request may see it.
  func snapshot(for request: IncomingRequest) -> ClusterSnapshot {
    view.snapshot().filtered(by: security.visibility(of: request.principal))
  }
}
