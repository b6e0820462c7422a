public import AgentCore
public import MesosModel
public import ServerFlags
public import ShellSupport
import SwiftProtobuf

/// What a ``ReferenceAgent`` is told at its start.
public struct AgentConfiguration: Sendable {
  /// The master's `host:port`, or a list of them separated by commas, tried in turn; or where the leading master is found:
  /// `zk://user:password@h1:2181,h2:2181/path`, or `file:///path` of a file that says it.
  public var master: String
  /// Of the session with ZooKeeper, where the master is found there.
  public var zooKeeperSessionTimeout: Duration = .seconds(10)
  /// The address to listen on.
  public var host: String
  /// 0 for any that is free.
  public var port: Int
  /// The address told to others; `nil` for the one listened on.
  public var advertisedIP: String?
  public var advertisedPort: Int?
  /// The name told to others; `nil` for the address.
  public var hostname: String?
  /// Absolute path of the folder for sandboxes and state, which is made if need be.
  public var workDirectory: String
  /// Absolute path of the folder with `mesos-executor`.
  public var launcherDirectory: String
  /// Resources as `--resources` has them; of cpus, mem, disk and ports, what is not given is detected.
  public var resources: String
  public var defaultRole: String
  /// Attributes as `--attributes` has them.
  public var attributes: String
  public var domain: DomainInfo?
  /// As GET_FLAGS and `/flags` show them, sorted by name.
  public var flags: [(name: String, value: String)]
  /// Changes the core's configuration from the defaults.
  public var adjust: @Sendable (inout AgentCore.Configuration) -> Void
  /// The longest time between two attempts to reach the master doubles from this up to one minute.
  public var registrationBackoffFactor: Duration
  /// A sandbox that is no longer needed is removed after this long.
  public var sandboxRemovalDelay: Duration
  /// The part of the disk that is to stay free, in `0...1`: as it fills, sandboxes go sooner.
  public var diskHeadroom = 0.1
  /// Between two looks at the disk.
  public var diskWatchInterval = Duration.seconds(60)
  /// Absolute path of the folder with what the fetcher keeps; `nil` for one in the work directory. No other agent may use it.
  public var fetcherCacheDirectory: String?
  /// In bytes.
  public var fetcherCacheSize: Int64 = 2 << 30
  /// A download that brings less than a byte a second for this long fails.
  public var fetcherStallTimeout = Duration.seconds(60)
  /// Absolute path of the folder that relative URIs begin at.
  public var frameworksHome: String?
  /// Absolute path of the folder with `bin/hadoop`; `nil` for the one along `PATH`.
  public var hadoopHome: String?
  /// Executors are killed when the agent ends, as in a cluster within one process; otherwise they live on and are found again.
  public var killsExecutorsAtEnd = false

  /// Bytes of one call's body.
  public var bodyLimit = 64 << 20
  /// Events that may wait for one slow executor or resource provider.
  public var executorStreamLimit = 10_000
  /// Writes of the state that may wait for the storage.
  public var storeBacklogLimit = 100_000
  /// Launches and kills that may wait.
  public var containerBacklogLimit = 100_000

  public init(
    master: String, host: String = "127.0.0.1", port: Int = 5051, workDirectory: String,
    launcherDirectory: String = CommandLineFlags.programDirectory
  ) {
    self.master = master
    self.host = host
    self.port = port
    self.workDirectory = workDirectory
    self.launcherDirectory = launcherDirectory
    resources = ""
    defaultRole = RoleName.star
    attributes = ""
    flags = []
    adjust = { _ in }
    registrationBackoffFactor = .seconds(1)
    sandboxRemovalDelay = .seconds(7 * 86_400)
  }

  /// The configuration that the flags of `mesos-agent` ask for.
  ///
  /// - Throws: `ReferenceAgentError` with code `.badConfiguration`.
  public init(_ parsed: ParsedFlags) throws(ReferenceAgentError) {
    func missing(_ flag: String) -> ReferenceAgentError {
      ReferenceAgentError(code: .badConfiguration, message: "--\(flag) is needed")
    }
    guard let master = parsed.stringIfSet("master"), !master.isEmpty else { throw missing("master") }
    guard let folder = parsed.stringIfSet("work_dir"), !folder.isEmpty else { throw missing("work_dir") }
    self.init(
      master: master, host: parsed.stringIfSet("ip") ?? "127.0.0.1", port: parsed.int("port"),
      workDirectory: absolutePath(folder),
      launcherDirectory: absolutePath(parsed.stringIfSet("launcher_dir") ?? CommandLineFlags.programDirectory))
    advertisedIP = parsed.stringIfSet("advertise_ip")
    if let port = parsed.intIfSet("advertise_port") {
      guard (1...65_535).contains(port) else {
        throw ReferenceAgentError(code: .badConfiguration, message: "--advertise_port=\(port) is no port")
      }
      advertisedPort = port
    }
    hostname = parsed.stringIfSet("hostname")
    resources = parsed.stringIfSet("resources") ?? ""
    defaultRole = parsed.stringIfSet("default_role") ?? RoleName.star
    attributes = parsed.stringIfSet("attributes") ?? ""
    if let text = parsed.stringIfSet("domain"), !text.isEmpty {
      do {
        domain = try DomainInfo(jsonBytes: Array(text.utf8))
      } catch {
        throw ReferenceAgentError(code: .badConfiguration, message: "--domain is no DomainInfo as JSON: \(error)")
      }
    }
    flags = parsed.rendered
    zooKeeperSessionTimeout = parsed.duration("zk_session_timeout")
    registrationBackoffFactor = parsed.duration("registration_backoff_factor")
    sandboxRemovalDelay = parsed.duration("gc_delay")
    diskHeadroom = parsed.double("gc_disk_headroom")
    guard (0...1).contains(diskHeadroom) else {
      throw ReferenceAgentError(
        code: .badConfiguration,
        message: "Invalid value '\(diskHeadroom)' for --gc_disk_headroom. Must be between 0.0 and 1.0")
    }
    diskWatchInterval = max(parsed.duration("disk_watch_interval"), .milliseconds(1))
    func folderIfSet(_ flag: String) -> String? {
      parsed.stringIfSet(flag).flatMap { $0.isEmpty ? nil : absolutePath($0) }
    }
    fetcherCacheDirectory = folderIfSet("fetcher_cache_dir")
    fetcherCacheSize = Int64(clamping: parsed.bytes("fetcher_cache_size"))
    fetcherStallTimeout = parsed.duration("fetcher_stall_timeout")
    frameworksHome = folderIfSet("frameworks_home")
    hadoopHome = folderIfSet("hadoop_home")
    let variables = try Self.variables(parsed.stringIfSet("executor_environment_variables"))
    adjust = { [variables] core in
      core.switchUser = parsed.bool("switch_user")
      core.httpCommandExecutor = true
      if let variables { core.executorEnvironment = variables }
      core.executorRegistrationTimeout = parsed.duration("executor_registration_timeout")
      core.executorReregistrationTimeout = parsed.duration("executor_reregistration_timeout")
      core.executorShutdownGracePeriod = parsed.duration("executor_shutdown_grace_period")
      core.recoveryTimeout = parsed.duration("recovery_timeout")
      core.completedExecutorsPerFrameworkMax = parsed.int("max_completed_executors_per_framework")
    }
  }

  /// `{"NAME": "value"}`.
  private static func variables(_ json: String?) throws(ReferenceAgentError) -> [(name: String, value: String)]? {
    guard let json, !json.isEmpty else { return nil }
    do {
      return try FlagObjects.strings(json)
    } catch {
      throw ReferenceAgentError(code: .badConfiguration, message: "--executor_environment_variables: \(error)")
    }
  }
}
