public import Logging
public import MesosModel
public import MesosRuntime
import ServiceLifecycle

/// Stands for election as Apache Mesos' masters do: with an ephemeral sequential node `json.info_…` that holds the MasterInfo. Who has the
/// lowest number leads.
///
/// A leader whose session expires, or that hears nothing of ZooKeeper for as long as the session lasts, has lost: by then another one may
/// lead. One that has not led yet stands again.
///
/// - Source: Apache Mesos 1.11, `docs/high-availability.md`, `master/contender/zookeeper.cpp`, `zookeeper/contender.cpp`.
public final class ZooKeeperMasterContender: MasterContender {
  public let url: ZooKeeperURL
  private let data: [UInt8]
  private let client: ZooKeeperClient
  private let logger: Logger
  private let runtime: Runtime
  private let broadcast = Broadcast<Candidacy>(valuesMax: 16)

  /// - Parameters:
  ///   - url: Where the masters meet.
  ///   - info: What the others will find this master by.
  ///   - sessionTimeout: How long after this master's sudden death another one takes its place.
  ///   - logger: Never told a password.
  ///   - runtime: Where time and chance come from.
  public init(
    _ url: ZooKeeperURL, info: MasterInfo, sessionTimeout: Duration = .seconds(10),
    logger: Logger = Logger(label: "mesos.contender"), runtime: Runtime = .system
  ) {
    self.url = url
    self.logger = logger
    self.runtime = runtime
    data = info.jsonBytes()
    client = ZooKeeperClient(url.client(sessionTimeout: sessionTimeout), logger: logger, runtime: runtime)
  }

  public var candidacies: Changes<Candidacy> { broadcast.changes }

  public func run() async throws {
    try await withGracefulShutdownHandler {
      try await self.runUntilCancelled()
    } onGracefulShutdown: {
      self.client.close()
    }
  }

  /// As ``run()``, but it does not withdraw when a service group begins to shut down: for who leads until all has ended.
  package func runUntilCancelled() async throws {
    defer { broadcast.finish() }
    do {
      try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { try await self.client.runUntilCancelled() }
        group.addTask { try await self.contend() }
        defer { group.cancelAll() }
        try await group.next()
      }
    } catch let error as ZooKeeperError {
      throw DiscoveryError(.zooKeeper, "No election can be stood for at \(url): \(error)", cause: error)
    }
    try Task.checkCancellation()
  }

  private func send(_ candidacy: Candidacy) {
    guard candidacy != broadcast.last else { return }
    broadcast.send(candidacy)
  }

  private var leads: Bool { broadcast.last == .elected }

  /// Stands, and stands again, until it has led and lost.
  private func contend() async throws {
    send(.contending)
    var own: String?
    while true {
      do {
        let name: String
        if let own { name = own } else { name = try await ownNode() }
        own = name
        try await follow(name)
        own = nil
        if leads { return lose("its node \(name) leads no more in ZooKeeper") }
      } catch let error as ZooKeeperError where error.code == .closed {
        if leads { lose("it withdrew") }
        return
      } catch let error as ZooKeeperError where error.code == .sessionExpired || error.code == .noNode {
        own = nil
        if leads { return lose(error.message) }
        try await pause(error)
      } catch let error as ZooKeeperError where error.isTemporary {
        // The session lives, and the node with it.
        try await pause(error)
      }
    }
  }

  private func pause(_ error: ZooKeeperError) async throws {
    logger.debug("Standing for election again", metadata: ["error": "\(error)"])
    try await runtime.sleep(for: .milliseconds(20))
  }

  private func lose(_ reason: String) { send(.lost(reason: reason)) }

  /// The name of this session's node, which is made where there is none.
  ///
  /// An attempt to make it whose answer was lost may have made it: so it is looked for first, and there is never a second one.
  private func ownNode() async throws -> String {
    try await client.createAll(url.path, acl: url.acl)
    for name in MasterNodes.inOrder(try await client.children(of: url.path).names) {
      guard let stat = try await client.exists(url.path + "/" + name), let session = client.session,
        stat.ephemeralOwner == session
      else { continue }
      return name
    }
    let path = try await client.create(
      url.path + "/" + MasterNodes.prefix, data: data, mode: .ephemeralSequential, acl: url.acl)
    return String(path.dropFirst(url.path.count + 1))
  }

  /// Watches the nodes for as long as the own one is among them.
  private func follow(_ own: String) async throws {
    while true {
      let (children, watch) = try await client.watchChildren(of: url.path)
      let names = MasterNodes.inOrder(children.names)
      guard names.contains(own) else { return }
      if names.first == own {
        if !leads { logger.info("Elected as the leading master", metadata: ["node": "\(own)"]) }
        send(.elected)
      } else if leads {
        // A lower number can only come when the counter has run over, or by hand.
        return
      }
      _ = try await watch.event()
    }
  }
}
