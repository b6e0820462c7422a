import Logging
import MesosDiscovery
import MesosModel
import Synchronization
import Testing
import ZooKeeperTestServer

/// Runs `body` with a client that runs.
func withClient<Success: Sendable>(
  _ address: String, credentials: String? = nil, timeout: Duration = .seconds(10), logger: Logger? = nil,
  _ body: @escaping @Sendable (ZooKeeperClient) async throws -> Success
) async throws -> Success {
  var configuration = ZooKeeperConfiguration(servers: try ZooKeeperServers(address))
  configuration.credentials = try credentials.map { try ZooKeeperCredentials($0) }
  configuration.sessionTimeout = timeout
  let client = ZooKeeperClient(configuration, logger: logger ?? quiet)
  return try await withThrowingTaskGroup(of: Success?.self) { group in
    group.addTask {
      try await client.run()
      return nil
    }
    group.addTask { try await body(client) }
    while let next = try await group.next() {
      guard let next else { continue }
      client.close()
      return next
    }
    throw ZooKeeperError(.closed, "The client ended before the test")
  }
}

let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

/// Keeps what is logged.
final class LogRecorder: LogHandler, Sendable {
  private let texts = Mutex<[String]>([])
  var logLevel: Logger.Level {
    get { .trace }
    set {}
  }
  var metadata: Logger.Metadata {
    get { [:] }
    set {}
  }
  subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { nil }
    set {}
  }

  func log(event: LogEvent) {
    texts.withLock { $0.append("\(event.message) \(event.metadata ?? [:])") }
  }

  var all: String { texts.withLock { $0.joined(separator: "\n") } }
}

extension AsyncSequence where Failure == Never {
  /// The first value that `isWanted` accepts.
  func first(_ isWanted: (Element) -> Bool) async throws -> Element {
    for await value in self where isWanted(value) { return value }
    throw CancellationError()
  }
}

/// A MasterInfo as Apache Mesos 1.11 writes it into its node.
func masterJSON(id: String, port: Int) -> [UInt8] {
  Array(
    """
    {"address":{"hostname":"master.example","ip":"127.0.0.1","port":\(port)},"capabilities":[{"type":"AGENT_UPDATE"},\
    {"type":"AGENT_DRAINING"},{"type":"QUOTA_V2"}],"hostname":"master.example","id":"\(id)","ip":16777343,\
    "pid":"master@127.0.0.1:\(port)","port":\(port),"version":"1.11.0"}
    """.utf8)
}
