public import MesosModel
public import ProcessLaunch
import SwiftProtobuf

/// What a container is to be.
public struct ContainerConfiguration: Sendable {
  public enum Kind: String, Hashable, Sendable {
    /// An agent's executor, or whatever else stands at the top and belongs to somebody who watches it.
    case executor
    /// At the top, and nobody's but its operator's.
    case standalone
    case nested
    /// Nested, for a look around: it has its parent's view and its parent's limits.
    case debug
  }

  public var kind: Kind
  public var program: LaunchRequest.Program
  /// The whole environment but for what isolators add; a later variable of the same name wins.
  public var environment: [(name: String, value: String)]
  /// The sandbox, an absolute path of a folder that is there.
  public var directory: String
  /// The account to run as; `nil` for this process's own.
  public var user: UserIdentity?
  public var resources: [Resource]
  /// By name of the resource, `cpus` and `mem`; infinity for no limit. What is not named is limited to what is in `resources`.
  public var limits: [String: Double]
  public var info: ContainerInfo?
  public var standardOutput: LaunchRequest.Output
  public var standardError: LaunchRequest.Output

  public init(
    kind: Kind = .standalone, program: LaunchRequest.Program, environment: [(name: String, value: String)] = [],
    directory: String, user: UserIdentity? = nil, resources: [Resource] = [], limits: [String: Double] = [:],
    info: ContainerInfo? = nil
  ) {
    self.kind = kind
    self.program = program
    self.environment = environment
    self.directory = directory
    self.user = user
    self.resources = resources
    self.limits = limits
    self.info = info
    standardOutput = .file(directory + "/stdout")
    standardError = .file(directory + "/stderr")
  }
}

/// What a container may use.
public struct ContainerResources: Sendable {
  /// Cores and MB (2^20 bytes); `nil` where none are given.
  public var cpus: Double?
  public var memoryMB: Double?
  public var diskMB: Double?
  /// Infinity for none; what `limits` names, else what is requested.
  public var cpusLimit: Double?
  public var memoryMBLimit: Double?
  /// Ports, both ends included.
  public var ports: [ClosedRange<UInt64>] = []

  public init(_ resources: [Resource], limits: [String: Double] = [:]) {
    func sum(_ name: String) -> Double? {
      let amounts = resources.filter { $0.name == name && $0.type == .scalar && !$0.hasDiskVolume }.map(\.scalar.value)
      return amounts.isEmpty ? nil : amounts.reduce(0, +)
    }
    func limit(_ name: String, _ request: Double?) -> Double? {
      guard let limit = limits[name] else { return request }
      return max(limit, request ?? 0)
    }
    cpus = sum("cpus")
    memoryMB = sum("mem")
    diskMB = sum("disk")
    cpusLimit = limit("cpus", cpus)
    memoryMBLimit = limit("mem", memoryMB)
    for resource in resources where resource.name == "ports" && resource.type == .ranges {
      for range in resource.ranges.range where range.begin <= range.end { ports.append(range.begin...range.end) }
    }
  }
}

extension Resource {
  /// A persistent volume, or a disk that is not the sandbox's.
  fileprivate var hasDiskVolume: Bool {
    name == "disk" && hasDisk && (disk.hasVolume || disk.hasPersistence || disk.hasSource)
  }
}

/// What a container went beyond.
public struct ContainerLimitation: Sendable {
  /// What is reported of tasks that end with it: `.containerLimitation` or one of its kinds.
  public var cause: TaskStatusCause
  public var message: String
  /// How much of what it used.
  public var resources: [Resource]

  public init(cause: TaskStatusCause, message: String, resources: [Resource] = []) {
    self.cause = cause
    self.message = message
    self.resources = resources
  }

  static func scalar(_ name: String, _ value: Double) -> Resource {
    .with {
      $0.name = name
      $0.type = .scalar
      $0.scalar.value = value
      $0.role = "*"
    }
  }
}

/// How a container ended.
public struct ContainerTermination: Sendable {
  /// How its program ended.
  public var exit: ProcessExit
  /// What it was destroyed for, where it was.
  public var limitation: ContainerLimitation?
  /// Whether it was asked to be destroyed, by a limitation or a caller.
  public var wasDestroyed: Bool
  /// What could not be cleaned up, in the order of the steps; empty when nothing is left.
  public var leftovers: [String]
}
