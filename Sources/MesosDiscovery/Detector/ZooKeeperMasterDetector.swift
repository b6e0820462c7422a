public import Logging
import MesosModel
public import MesosRuntime
import ServiceLifecycle
import Synchronization

/// Finds the leading master among the nodes that masters write in ZooKeeper, those of Apache Mesos and ours alike.
///
/// While ZooKeeper is away the leader last seen stays, also beyond the end of the session: that nobody can be asked says nothing about
/// the master. When the session has expired a new one begins and the nodes are read again.
public final class ZooKeeperMasterDetector: MasterDetector {
  public let url: ZooKeeperURL
  private let isSecure: Bool
  private let client: ZooKeeperClient
  private let logger: Logger
  private let runtime: Runtime
  private let broadcast = Broadcast<MasterDetection>(valuesMax: 16)
  private let present = Mutex(MasterDetection(leader: .unknown))

  /// - Parameters:
  ///   - url: Where the masters meet.
  ///   - sessionTimeout: As that of ``ZooKeeperConfiguration``.
  ///   - isSecure: Whether the masters speak TLS; their nodes do not say.
  ///   - logger: Never told a password.
  ///   - runtime: Where time and chance come from.
  public init(
    _ url: ZooKeeperURL, sessionTimeout: Duration = .seconds(10), isSecure: Bool = false,
    logger: Logger = Logger(label: "mesos.detector"), runtime: Runtime = .system
  ) {
    self.url = url
    self.isSecure = isSecure
    self.logger = logger
    self.runtime = runtime
    client = ZooKeeperClient(url.client(sessionTimeout: sessionTimeout), logger: logger, runtime: runtime)
  }

  public var detections: Changes<MasterDetection> { broadcast.changes }

  public func run() async throws {
    defer { broadcast.finish() }
    do {
      try await withGracefulShutdownHandler {
        try await withThrowingTaskGroup(of: Void.self) { group in
          group.addTask {
            async let following: Void = self.followSession()
            try await self.client.run()
            await following
          }
          group.addTask { try await self.detect() }
          defer { group.cancelAll() }
          // The client ends when it is closed or has no use of trying on; so does the detection.
          try await group.next()
        }
      } onGracefulShutdown: {
        self.client.close()
      }
    } catch let error as ZooKeeperError {
      let failure = DiscoveryError(.zooKeeper, "The masters cannot be found through \(url): \(error)", cause: error)
      change { $0.trouble = failure }
      throw failure
    }
    try Task.checkCancellation()
  }

  /// Changes what is known, and tells it where it differs.
  private func change(_ body: (inout MasterDetection) -> Void) {
    present.withLock { present in
      let before = present
      body(&present)
      if present != before { broadcast.send(present) }
    }
  }

  /// Says when ZooKeeper is away and when it is back.
  private func followSession() async {
    for await state in client.states {
      switch state {
      case .suspended, .expired: change { $0.trouble = away() }
      case .connected:
        change { detection in
          if detection.trouble?.code == .zooKeeper { detection.trouble = nil }
        }
      case .connecting, .closed: break
      }
    }
  }

  private func away() -> DiscoveryError {
    let why = client.lastFailure.map { ": \($0)" } ?? ""
    return DiscoveryError(.zooKeeper, "ZooKeeper is away; the leading master stays the last one seen\(why)")
  }

  /// Reads the nodes, waits for a change, and so on.
  private func detect() async throws {
    var seen: String?
    while true {
      do {
        let (children, watch) = try await client.watchChildren(of: url.path)
        let first = MasterNodes.inOrder(children.names).first
        if let first, first != seen {
          try await read(first)
        } else if first == nil {
          change { $0 = MasterDetection(leader: .none) }
        }
        seen = first
        _ = try await watch.event()
      } catch let error as ZooKeeperError where error.code == .noNode {
        seen = nil
        do {
          try await noNode()
        } catch let error as ZooKeeperError where error.isTemporary {
          try await pause(error)
        }
      } catch let error as ZooKeeperError where error.isTemporary {
        // A number may come again in a ZooKeeper that was emptied meanwhile: all is read afresh.
        seen = nil
        try await pause(error)
      } catch let error as ZooKeeperError where error.code == .closed {
        return
      }
    }
  }

  private func pause(_ error: ZooKeeperError) async throws {
    logger.debug("The masters' nodes are read again", metadata: ["error": "\(error)"])
    if error.code == .timedOut { change { $0.trouble = away() } }
    try await runtime.sleep(for: .milliseconds(20))
  }

  private func read(_ name: String) async throws {
    let data = try await client.get(url.path + "/" + name)
    do throws(DiscoveryError) {
      let master = try LeadingMaster(node: name, data: data.bytes, isSecure: isSecure)
      logger.debug("A leading master is detected", metadata: ["address": "\(master.address)", "node": "\(name)"])
      change { $0 = MasterDetection(leader: .master(master)) }
    } catch {
      logger.warning("The leading master's node cannot be read", metadata: ["error": "\(error)"])
      change { $0 = MasterDetection(leader: .none, trouble: error) }
    }
  }

  /// The masters' path, or the node of the leader, went: either there is no path, or the nodes have to be read again.
  private func noNode() async throws {
    let (stat, watch) = try await client.watchExistence(of: url.path)
    guard stat == nil else { return }
    change { $0 = MasterDetection(leader: .none) }
    _ = try await watch.event()
  }
}
