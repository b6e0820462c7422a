public import MasterCore
public import MesosDiscovery
import MesosAllocator
public import MesosModel
public import MesosSecurity
public import ServerFlags
import ShellSupport
import StateStorage

/// What a ``ReferenceMaster`` is told at its start.
public struct MasterConfiguration: Sendable {
  /// Where the registry is kept.
  public enum Registry: Hashable, Sendable {
    /// `registry.sqlite` in the folder, which is made if need be.
    case folder(String)
    /// Lost when the process ends.
    case memory
  }

  /// Where masters are elected.
  public struct Election: Hashable, Sendable {
    public var url: ZooKeeperURL
    /// How long after a master's sudden death another one takes its place.
    public var sessionTimeout: Duration

    public init(url: ZooKeeperURL, sessionTimeout: Duration = .seconds(10)) {
      self.url = url
      self.sessionTimeout = sessionTimeout
    }
  }

  /// The address to listen on.
  public var host: String
  /// 0 for any that is free.
  public var port: Int
  /// The address told to others; `nil` for the one listened on.
  public var advertisedIP: String?
  public var advertisedPort: Int?
  /// The name told to others; `nil` for the address.
  public var hostname: String?
  public var cluster: String?
  /// Where the master is, by region and zone.
  public var domain: DomainInfo?
  public var registry: Registry
  /// Where the registry is kept instead, for tests.
  var storage: (any StateStorage)?
  /// The election that it stands for; `nil` for a master that leads alone.
  public var election: Election?
  /// As GET_FLAGS and `/flags` show them, sorted by name.
  public var flags: [(name: String, value: String)]
  /// Who may call, and what they may do.
  public var security = SecurityPolicy()
  /// Changes the core's configuration from the defaults.
  public var adjust: @Sendable (inout MasterCore.Configuration) -> Void

  /// Bytes of one call's body.
  public var bodyLimit = 64 << 20
  /// Events that may wait for one slow scheduler.
  public var schedulerStreamLimit = 100_000
  /// Readers of the operator API's event stream; beyond it the oldest is closed.
  public var eventStreamSubscribersMax = 1_000
  /// Records that may wait for one slow agent, beyond what its session keeps.
  public var exchangeLimit = 100_000
  /// Registry writes that may wait for the storage.
  public var registryBacklogLimit = 100_000

  public init(host: String = "127.0.0.1", port: Int = 5050, registry: Registry) {
    self.host = host
    self.port = port
    self.registry = registry
    flags = []
    adjust = { _ in }
  }

  /// The configuration that the flags of `mesos-master` ask for.
  ///
  /// - Throws: `MasterError` with code `.badConfiguration`.
  public init(_ parsed: ParsedFlags) throws(MasterError) {
    let inMemory = parsed.stringIfSet("registry") == "in_memory"
    guard let folder = parsed.stringIfSet("work_dir"), !folder.isEmpty else {
      throw MasterError(code: .badConfiguration, message: "--work_dir is needed: a folder for the registry")
    }
    self.init(
      host: parsed.stringIfSet("ip") ?? "127.0.0.1", port: parsed.int("port"),
      registry: inMemory ? .memory : .folder(folder))
    advertisedIP = parsed.stringIfSet("advertise_ip")
    if let port = parsed.intIfSet("advertise_port") {
      guard (1...65_535).contains(port) else {
        throw MasterError(code: .badConfiguration, message: "--advertise_port=\(port) is no port")
      }
      advertisedPort = port
    }
    if let text = parsed.stringIfSet("zk") {
      do {
        election = Election(url: try ZooKeeperURL(text), sessionTimeout: parsed.duration("zk_session_timeout"))
      } catch {
        throw MasterError(code: .badConfiguration, message: "--zk: \(error)")
      }
    }
    hostname = parsed.stringIfSet("hostname")
    cluster = parsed.stringIfSet("cluster")
    flags = parsed.rendered
    do { security = try SecurityPolicy(parsed) } catch {
      throw MasterError(code: .badConfiguration, message: error.message)
    }
    eventStreamSubscribersMax = parsed.int("max_operator_event_stream_subscribers")
    guard eventStreamSubscribersMax > 0 else {
      throw MasterError(
        code: .badConfiguration,
        message: "--max_operator_event_stream_subscribers=\(eventStreamSubscribersMax) is not positive")
    }
    var roles: Set<String>?
    if let text = parsed.stringIfSet("roles"), !text.isEmpty {
      do {
        roles = Set(try RoleWhitelist(text.split(separator: ",").map { $0.trimmingSpaces() }).roles)
      } catch {
        throw MasterError(code: .badConfiguration, message: "Failed to parse --roles: \(error)")
      }
    }
    let weights: RoleWeights
    do {
      weights = try RoleWeights(parsing: parsed.stringIfSet("weights") ?? "")
    } catch {
      throw MasterError(code: .badConfiguration, message: "--weights: \(error)")
    }
    if let text = parsed.stringIfSet("domain"), !text.isEmpty {
      do {
        domain = try DomainInfo(jsonBytes: Array(text.utf8))
      } catch {
        throw MasterError(code: .badConfiguration, message: "--domain is no DomainInfo as JSON: \(error)")
      }
    }
    let removalInterval = try Self.removalInterval(parsed.stringIfSet("agent_removal_rate_limit"))
    let removalLimit = try Self.removalLimit(parsed.stringIfSet("recovery_agent_removal_limit") ?? "100%")
    var callRates = CallRates()
    if let text = parsed.stringIfSet("rate_limits"), !text.isEmpty {
      do {
        callRates = try CallRates(RateLimits(jsonBytes: Array(text.utf8)))
      } catch {
        throw MasterError(code: .badConfiguration, message: "--rate_limits: \(error)")
      }
    }
    let registryAgentsMax = parsed.int("registry_max_agent_count")
    guard registryAgentsMax >= 0 else {
      throw MasterError(
        code: .badConfiguration, message: "--registry_max_agent_count=\(registryAgentsMax) is negative")
    }
    var minimum: [ResourceQuantities]?
    if let text = parsed.stringIfSet("min_allocatable_resources") {
      minimum = try Self.minimum(text)
    }
    let recoveryFactor = parsed.double("allocator_agent_recovery_factor")
    guard (0...1).contains(recoveryFactor) else {
      throw MasterError(
        code: .badConfiguration, message: "--allocator_agent_recovery_factor=\(recoveryFactor) is not between 0 and 1")
    }
    let programSizeMax = parsed.int("offer_constraints_re2_max_program_size")
    guard programSizeMax > 0 else {
      throw MasterError(
        code: .badConfiguration, message: "--offer_constraints_re2_max_program_size=\(programSizeMax) is not positive")
    }
    let constraintLimits = OfferConstraintsLimits(
      memoryBytesMax: Int(clamping: parsed.bytes("offer_constraints_re2_max_mem")), programSizeMax: programSizeMax)
    let excluded = Set(
      (parsed.stringIfSet("fair_sharing_excluded_resource_names") ?? "").split(separator: ",").map {
        $0.trimmingSpaces()
      })
    adjust = { [roles, weights, minimum, callRates] core in
      core.callRates = callRates
      core.agentRecoveryFactor = recoveryFactor
      core.recoveryTimeout = parsed.duration("allocator_recovery_timeout")
      core.offerConstraintsLimits = constraintLimits
      core.fairSharingExcludedResourceNames = excluded
      core.filtersGPUResources = parsed.bool("filter_gpu_resources")
      core.roleOrder = parsed.stringIfSet("role_sorter") == "random" ? .random : .fair
      core.frameworkOrder = parsed.stringIfSet("framework_sorter") == "random" ? .random : .fair
      core.allocationSeed = .random(in: .min ... .max)
      core.allocationInterval = parsed.duration("allocation_interval")
      core.agentPingTimeout = parsed.duration("agent_ping_timeout")
      core.agentPingTimeoutsMax = parsed.int("max_agent_ping_timeouts")
      core.agentReregisterTimeout = parsed.duration("agent_reregister_timeout")
      core.offerTimeout = parsed.durationIfSet("offer_timeout")
      core.completedFrameworksMax = parsed.int("max_completed_frameworks")
      core.completedTasksPerFrameworkMax = parsed.int("max_completed_tasks_per_framework")
      core.unreachableTasksPerFrameworkMax = parsed.int("max_unreachable_tasks_per_framework")
      core.publishesFrameworkMetrics = parsed.bool("publish_per_framework_metrics")
      core.rootSubmissions = parsed.bool("root_submissions")
      core.agentRemovalInterval = removalInterval
      core.recoveryAgentRemovalLimit = removalLimit
      core.registryCollectionInterval = parsed.duration("registry_gc_interval")
      core.registryAgentAgeMax = parsed.duration("registry_max_agent_age")
      core.unreachableAgentsMax = registryAgentsMax
      core.requiresAgentDomain = parsed.bool("require_agent_domain")
      core.roles = roles
      core.weights = Dictionary(uniqueKeysWithValues: weights.infos.map { ($0.role, $0.weight) })
      if let minimum { core.minAllocatableResources = minimum }
    }
  }

  /// `1/10mins`: the time between two removals.
  private static func removalInterval(_ text: String?) throws(MasterError) -> Duration? {
    guard let text, !text.isEmpty else { return nil }
    let parts = text.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
    guard parts.count == 2, let count = Int(parts[0]), count > 0,
      let duration = try? FlagText.duration(parts[1]), duration > .zero
    else {
      throw MasterError(
        code: .badConfiguration,
        message: "Invalid agent_removal_rate_limit: \(text). Format is <Number of agents>/<Duration>")
    }
    return duration / count
  }

  /// `100%`, as a fraction.
  private static func removalLimit(_ text: String) throws(MasterError) -> Double {
    guard text.hasSuffix("%"), let percent = Double(text.dropLast()), (0...100).contains(percent) else {
      throw MasterError(
        code: .badConfiguration,
        message: "Invalid percentage '\(text)' for --recovery_agent_removal_limit: expected a percentage between 0% "
          + "and 100%")
    }
    return percent / 100
  }

  /// `cpus:0.01|mem:32`: each part alone is enough.
  private static func minimum(_ text: String) throws(MasterError) -> [ResourceQuantities] {
    var result: [ResourceQuantities] = []
    for part in text.split(separator: "|") {
      do {
        result.append(try Resources.parse(String(part)).quantities)
      } catch {
        throw MasterError(
          code: .badConfiguration, message: "--min_allocatable_resources has '\(part)': \(error)")
      }
    }
    return result
  }
}

extension StringProtocol {
  fileprivate func trimmingSpaces() -> String {
    String(drop { $0 == " " }.reversed().drop { $0 == " " }.reversed())
  }
}
