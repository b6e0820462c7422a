public import CoreMetrics
import Foundation
public import Logging
public import MesosDiscovery
public import MesosHTTP
public import MesosHTTPClient
public import MesosModel
public import MesosRuntime
public import SchedulerCore
public import Tracing

/// What a framework is, with defaults that keep its tasks alive: it fails over for a week, checkpoints, and is told of partitions.
public struct FrameworkSettings: Hashable, Sendable {
  public var name: String
  /// The system user that tasks run as unless they name one.
  public var user: String
  public var roles: [String]
  /// How long its tasks run on without a scheduler. Zero is refused unless ``allowsNoFailover`` is set.
  public var failoverTimeout: Duration = .seconds(7 * 24 * 3600)
  /// Whether the tasks may be killed as soon as the connection of the scheduler breaks.
  public var allowsNoFailover = false
  /// Whether tasks survive a restart of their agent.
  public var checkpoint = true
  public var capabilities: [FrameworkInfo.Capability.TypeEnum] = [
    .partitionAware, .taskKillingState, .multiRole, .reservationRefinement,
  ]
  /// Where people see the framework's own pages.
  public var webUIURL: String?
  public var hostname: String?
  public var principal: String?

  /// - Parameters:
  ///   - name: What people know it by; not empty.
  ///   - user: The system user that tasks run as; that of this process where none is named.
  ///   - roles: What it takes offers in, at least one; `*`, which is everybody's, where none is named.
  public init(name: String, user: String? = nil, roles: [String] = ["*"]) {
    self.name = name
    self.user = user ?? NSUserName()
    self.roles = roles
  }

  /// The message, without an id.
  ///
  /// - Throws: `SchedulerError` with code `.invalidConfiguration`.
  public func message() throws(SchedulerError) -> FrameworkInfo {
    guard !name.isEmpty else { throw SchedulerError(.invalidConfiguration, "The framework has no name") }
    guard !user.isEmpty else {
      throw SchedulerError(.invalidConfiguration, "The framework names no user for its tasks")
    }
    guard !roles.isEmpty else { throw SchedulerError(.invalidConfiguration, "The framework has no role") }
    guard failoverTimeout > .zero || (failoverTimeout == .zero && allowsNoFailover) else {
      throw SchedulerError(
        .invalidConfiguration,
        "A failoverTimeout of \(failoverTimeout) kills the tasks when the connection breaks; set allowsNoFailover if that is meant"
      )
    }
    var framework = FrameworkInfo()
    framework.name = name
    framework.user = user
    framework.failoverTimeout = failoverTimeout.inSeconds
    framework.checkpoint = checkpoint
    framework.capabilities = capabilities.map { type in
      var capability = FrameworkInfo.Capability()
      capability.type = type
      return capability
    }
    if capabilities.contains(.multiRole) {
      framework.roles = roles
    } else if roles.count == 1 {
      framework.role = roles[0]
    } else {
      throw SchedulerError(.invalidConfiguration, "Several roles need the capability MULTI_ROLE")
    }
    if let webUIURL { framework.webuiURL = webUIURL }
    if let hostname { framework.hostname = hostname }
    if let principal { framework.principal = principal }
    return framework
  }
}

/// How a ``Scheduler`` connects and behaves.
public struct SchedulerConfiguration: Sendable {
  /// Masters, framework, waits, bounds and policies.
  public var policy: SchedulerCore.Configuration
  /// Makes what finds the leading master; `nil` where masters are named in the policy. The scheduler runs what it makes.
  public var makeDetector: (@Sendable (Logger, Runtime) throws -> any MasterDetector)?
  /// The encoding of calls and events.
  public var encoding = MessageEncoding.protobuf
  /// The path of the scheduler API.
  public var path = "/api/v1/scheduler"
  /// Updates that wait for the user before the master is held back.
  public var updatesBufferedMax = 256
  /// How long the answer to a call may take.
  public var callTimeout: Duration = .seconds(30)
  /// What one event may measure, in bytes.
  public var recordBytesMax = RecordIO.defaultMaximumRecordSize
  /// Asked what to do about each error that ends a subscription for a reason: the framework was removed, another scheduler has its id,
  /// SUBSCRIBE is refused. Where it is set it is asked in the place of `SchedulerCore.Configuration.onError`, which it
  /// is given as the proposal; meanwhile the scheduler is disconnected, and it may take the time to alert somebody.
  public var onError: (@Sendable (SchedulerError, _ proposed: ErrorReaction) async -> ErrorReaction)?
  /// What becomes of the framework at a graceful shutdown.
  public var atShutdown = StopMode.keepFramework
  /// How masters of `https` are spoken to.
  public var tls = ClientTLS.system
  /// What proves who the framework is. It is shown to the masters that are named here or detected, and to no other one that a redirect
  /// leads to: where masters authenticate frameworks, all of them have to be named, or found by a detector.
  public var credentials: HTTPCredentials?
  /// What connections to masters go through.
  public var proxy: HTTPProxy?
  /// Where metrics go; `nil` for the factory that `MetricsSystem` was given.
  public var metrics: (any MetricsFactory)?
  /// Where spans go; `nil` for the tracer that `InstrumentationSystem` was given.
  public var tracer: (any Tracer)?

  /// - Parameters:
  ///   - master: `host:port` or a URL, or several apart by commas; `zk://user:password@h1:2181,h2:2181/path` for masters that meet in
  ///     ZooKeeper; `file:///path` of a file that holds one of these.
  ///   - isSecure: Whether masters that are named without a scheme, or found in ZooKeeper, speak TLS: their nodes there do not say.
  ///   - framework: What the framework is.
  /// - Throws: `SchedulerError` with code `.invalidAddress` or `.invalidConfiguration`; its message repeats no credentials.
  public init(master: String, isSecure: Bool = false, framework: FrameworkSettings) throws(SchedulerError) {
    let text = master.trimmingCharacters(in: .whitespacesAndNewlines)
    if text.hasPrefix(ZooKeeperURL.scheme) || text.hasPrefix("file://") {
      do {
        _ = try makeMasterDetector(text)
      } catch {
        throw SchedulerError(.invalidAddress, error.message)
      }
      try self.init(framework: framework) { logger, runtime in
        try makeMasterDetector(text, isSecure: isSecure, logger: logger, runtime: runtime)
      }
    } else {
      var masters: [MasterAddress] = []
      for part in text.split(separator: ",") {
        do {
          masters.append(try MasterAddress(part.trimmingCharacters(in: .whitespaces), isSecure: isSecure))
        } catch {
          throw SchedulerError(.invalidAddress, error.message)
        }
      }
      try self.init(masters: masters, framework: framework)
    }
  }

  /// - Parameters:
  ///   - framework: What the framework is.
  ///   - makeDetector: Makes what finds the leading master; called once by each scheduler, which runs what it makes.
  /// - Throws: `SchedulerError` with code `.invalidConfiguration`.
  public init(
    framework: FrameworkSettings, makeDetector: @escaping @Sendable (Logger, Runtime) throws -> any MasterDetector
  ) throws(SchedulerError) {
    policy = SchedulerCore.Configuration(masters: [], framework: try framework.message())
    policy.detectsMaster = true
    self.makeDetector = makeDetector
  }

  /// - Throws: `SchedulerError` with code `.invalidConfiguration`.
  public init(masters: [MasterAddress], framework: FrameworkSettings) throws(SchedulerError) {
    guard !masters.isEmpty else { throw SchedulerError(.invalidConfiguration, "No master is named") }
    policy = SchedulerCore.Configuration(masters: masters, framework: try framework.message())
  }
}
