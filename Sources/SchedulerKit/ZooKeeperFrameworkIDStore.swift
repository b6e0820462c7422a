public import Logging
public import MesosDiscovery
public import MesosModel
public import MesosRuntime
import SchedulerCore

/// Keeps the id in a node of ZooKeeper, so that the next process finds it on whatever machine it starts.
///
/// ```swift
/// let store = ZooKeeperFrameworkIDStore(try ZooKeeperURL("zk://me:secret@zk1,zk2,zk3/frameworks/web"))
/// try await withScheduler(configuration, store: store) { scheduler in … }
/// ```
///
/// The node has one line, with a checksum; one that is not like this is refused. Nodes above it are made where they are missing. With credentials
/// in the URL all may read what it makes, and only they may change it. Each method has a session of its own, and tries again when the
/// connection breaks, until `timeout` is over: all of them may be done twice.
///
/// It does not keep two schedulers apart: the master ends the first one when a second one subscribes with its id.
public struct ZooKeeperFrameworkIDStore: FrameworkIDStore {
  public let url: ZooKeeperURL
  private let timeout: Duration
  private let logger: Logger
  private let runtime: Runtime

  /// - Parameters:
  ///   - url: The servers and the whole path of the node.
  ///   - timeout: How long one method may take.
  ///   - logger: Never told a password.
  ///   - runtime: Where time and chance come from.
  public init(
    _ url: ZooKeeperURL, timeout: Duration = .seconds(30), logger: Logger = Logger(label: "mesos.scheduler"),
    runtime: Runtime = .system
  ) {
    self.url = url
    self.timeout = timeout
    self.logger = logger
    self.runtime = runtime
  }

  /// - Throws: `SchedulerError` with code `.frameworkIDNotSaved`: the node holds something else, or ZooKeeper does not answer.
  public func load() async throws -> FrameworkID? {
    let bytes = try await perform("read") { client -> [UInt8]? in
      do {
        return try await client.get(url.path).bytes
      } catch let error as ZooKeeperError where error.code == .noNode {
        return nil
      }
    }
    return try bytes.map { bytes in try FrameworkIDLine.id(in: bytes, of: "\(url)") }
  }

  /// - Throws: `SchedulerError` with code `.frameworkIDNotSaved`: it may be stored all the same where ZooKeeper did not answer.
  public func save(_ id: FrameworkID) async throws {
    let line = try FrameworkIDLine.bytes(of: id)
    try await perform("write") { client in
      do {
        try await client.set(url.path, data: line)
      } catch let error as ZooKeeperError where error.code == .noNode {
        // Made with the id in it: a node is never there without one.
        if let slash = url.path.lastIndex(of: "/"), slash > url.path.startIndex {
          try await client.createAll(String(url.path[..<slash]), acl: url.acl)
        }
        do {
          try await client.create(url.path, data: line, acl: url.acl)
        } catch let error as ZooKeeperError where error.code == .nodeExists {
          try await client.set(url.path, data: line)
        }
      }
    }
  }

  public func remove() async throws {
    try await perform("delete") { client in
      do {
        try await client.delete(url.path)
      } catch let error as ZooKeeperError where error.code == .noNode {}
    }
  }

  /// Does it with a session of its own, again when the connection breaks.
  private func perform<Success: Sendable>(
    _ what: String, _ body: @escaping @Sendable (ZooKeeperClient) async throws -> Success
  ) async throws -> Success {
    var configuration = url.client(sessionTimeout: .seconds(10))
    configuration.requestTimeout = timeout
    let client = ZooKeeperClient(configuration, logger: logger, runtime: runtime)
    let deadline = runtime.now.uptime + timeout
    do {
      return try await withThrowingTaskGroup(of: Success?.self) { group in
        group.addTask {
          try await client.run()
          return nil
        }
        group.addTask {
          while true {
            do {
              return try await body(client)
            } catch let error as ZooKeeperError where error.isTemporary && error.code != .timedOut {
              guard runtime.now.uptime < deadline else { throw error }
              try await runtime.sleep(for: .milliseconds(20))
            }
          }
        }
        while let success = try await group.next() {
          guard let success else { continue }
          client.close()
          return success
        }
        throw ZooKeeperError(.closed, "The ZooKeeper client ended")
      }
    } catch let error as ZooKeeperError {
      throw SchedulerError(.frameworkIDNotSaved, "Cannot \(what) the framework id at \(url): \(error)")
    }
  }
}
