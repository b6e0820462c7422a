import Foundation
import ProcessLaunch
import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// A real ZooKeeper of the system's packages on a loopback port, with its data in a folder of its own, that can be killed, started
/// again and frozen.
public final class ZooKeeperTestServer: Sendable {
  public enum Failure: Error { case notInstalled(String), noPort }

  public let port: Int
  /// The unit of its session timeouts: they are between 2 and 20 ticks.
  public let tick: Duration
  private let folder: String
  private let watcher: ProcessWatcher
  private let process = Mutex<LaunchedProcess?>(nil)

  private static let jar = "/usr/share/java/zookeeper.jar"
  private static let java = ["/usr/bin/java", "/usr/local/bin/java"].first { (path: String) in
    access(path, X_OK) == 0
  }

  /// What tests that need it say when it is not there.
  public static let skipped = "skipped: needs ZooKeeper (scripts/test installs zookeeper and default-jre-headless)"

  /// Whether tests with it are to run: where it is installed, and in continuous integration always, so that its absence fails there.
  public static var isWanted: Bool {
    isInstalled || ProcessInfo.processInfo.environment["CI"].map { !$0.isEmpty } ?? false
  }

  private static var isInstalled: Bool { java != nil && access(jar, R_OK) == 0 }

  private init(tick: Duration) throws {
    guard Self.isInstalled else { throw Failure.notInstalled(Self.skipped) }
    port = try freePort()
    self.tick = tick
    watcher = try ProcessWatcher()
    folder = FileManager.default.temporaryDirectory.appending(path: "swift-mesos-zk-\(UUID().uuidString)").path
    try FileManager.default.createDirectory(atPath: folder + "/data", withIntermediateDirectories: true)
    let lines = [
      "tickTime=\(tick.components.seconds * 1_000 + tick.components.attoseconds / 1_000_000_000_000_000)",
      "dataDir=\(folder)/data", "clientPort=\(port)", "clientPortAddress=127.0.0.1", "admin.enableServer=false",
      "standaloneEnabled=true",
    ]
    try Data((lines.joined(separator: "\n") + "\n").utf8).write(to: URL(filePath: folder + "/zoo.cfg"))
  }

  /// Runs `body` while a server runs; then it is gone with its data.
  ///
  /// - Parameter tick: Session timeouts are between 2 and 20 of it.
  public static func with<Success: Sendable>(
    tick: Duration = .milliseconds(500), _ body: (ZooKeeperTestServer) async throws -> Success
  ) async throws -> Success {
    let server = try ZooKeeperTestServer(tick: tick)
    defer { try? FileManager.default.removeItem(atPath: server.folder) }
    do {
      try server.start()
      let success = try await body(server)
      try await server.kill()
      return success
    } catch {
      try? await server.kill()
      throw error
    }
  }

  public var address: String { "127.0.0.1:\(port)" }

  /// Starts it, with the data of before. It listens some hundred milliseconds later.
  public func start() throws {
    let java = Self.java ?? ""
    let arguments = [
      java, "-Xmx64m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:-UsePerfData", "-Dzookeeper.forceSync=no",
      "-Dzookeeper.preAllocSize=64", "-cp", Self.jar, "org.apache.zookeeper.server.quorum.QuorumPeerMain",
      folder + "/zoo.cfg",
    ]
    let launched = try launch(
      LaunchRequest(program: .program(path: java, arguments: arguments), environment: .inherited()))
    process.withLock { $0 = launched }
  }

  /// Ends it as `kill -9` does.
  public func kill() async throws {
    guard
      let gone = process.withLock({ process in
        defer { process = nil }
        return process
      })
    else { return }
    if let descriptor = try ProcessDescriptor(gone) { try descriptor.signal(SIGKILL) }
    _ = try await watcher.exitStatus(of: gone)
  }

  /// It keeps its connections and does nothing more.
  public func freeze() throws { try signal(SIGSTOP) }
  /// It goes on.
  public func thaw() throws { try signal(SIGCONT) }

  private func signal(_ number: Int32) throws {
    guard let process = process.withLock({ $0 }), let descriptor = try ProcessDescriptor(process) else { return }
    try descriptor.signal(number)
  }
}

/// A port of 127.0.0.1 that nobody has now, and that this process gives out once.
///
/// It is below those that the system gives to outgoing connections: one of these would take it before its server is up, the connection
/// attempt of that server's own client among them.
public func freePort() throws -> Int {
  for _ in 0..<1_000 {
    let port = nextPort.withLock { next -> UInt16 in
      next = next >= 32_000 ? 10_000 : next + 1
      return next
    }
    if isFree(port) { return Int(port) }
  }
  throw ZooKeeperTestServer.Failure.noPort
}

private let nextPort = Mutex(UInt16.random(in: 10_000..<32_000))

private func isFree(_ port: UInt16) -> Bool {
  let socket = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
  guard socket >= 0 else { return false }
  defer { close(socket) }
  var address = sockaddr_in()
  address.sin_family = sa_family_t(AF_INET)
  address.sin_port = port.bigEndian
  address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
  return withUnsafePointer(to: &address) { pointer in
    pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
      bind(socket, pointer, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
    }
  }
}
