import Glibc
public import MesosModel

/// `cgroups/cpu`: time by shares, and with CFS a limit that holds while others idle, too.
///
/// A core is 1,024 shares of version 1 (2 at least), a weight of 100 with version 2; the limit is a quota of each period of 100 ms.
/// - Source: Apache Mesos, *cgroups/cpu* (`docs/isolators/cgroups-cpu.md`), `subsystems/cpu.cpp`; Linux,
///   `scheduler/sched-bwc.rst`, `cgroup-v2.rst`, "CPU Interface Files".
public struct CPUSubsystem: CgroupSubsystem {
  public let name = "cpu"
  /// Whether a limit is set (`--cgroups_enable_cfs`); a limit that the container names is set in any case.
  private let limitsRequests: Bool
  private let countsThreads: Bool

  static let sharesPerCPU = 1_024.0
  static let sharesMin = 2.0
  /// Microseconds.
  static let period = 100_000.0
  static let quotaMin = 1_000.0

  public init(limitsRequests: Bool, countsThreads: Bool = false) {
    self.limitsRequests = limitsRequests
    self.countsThreads = countsThreads
  }

  public func controllers(_ version: CgroupHierarchy.Version) -> [String] {
    version == .v1 ? ["cpu", "cpuacct"] : ["cpu"]
  }

  public func update(
    _ id: NestedContainerID, _ resources: ContainerResources, isFirst: Bool, _ cgroups: CgroupHierarchy
  ) throws(ContainerizerError) {
    guard let cpus = resources.cpus else { return }
    let folder = cgroups.folder(of: id, "cpu")
    let hasLimit = limitsRequests || resources.cpusLimit != resources.cpus
    let limit = hasLimit ? resources.cpusLimit ?? .infinity : .infinity
    let quota = limit.isFinite ? Int64(min(1e15, max(limit * Self.period, Self.quotaMin))) : nil
    switch cgroups.version {
    case .v1:
      let shares = Int64(min(262_144, max(cpus * Self.sharesPerCPU, Self.sharesMin)))
      try cgroups.files.write("\(shares)", to: folder + "/cpu.shares")
      guard quota != nil || cgroups.files.exists(folder + "/cpu.cfs_quota_us") else { return }
      try cgroups.files.write("\(Int64(Self.period))", to: folder + "/cpu.cfs_period_us")
      try cgroups.files.write("\(quota ?? -1)", to: folder + "/cpu.cfs_quota_us")
    case .v2:
      try cgroups.files.write("\(Int64(min(10_000, max(cpus * 100, 1))))", to: folder + "/cpu.weight")
      try cgroups.files.write(
        "\(quota.map(String.init) ?? "max") \(Int64(Self.period))", to: folder + "/cpu.max")
    }
  }

  public func measure(
    _ id: NestedContainerID, _ cgroups: CgroupHierarchy, into statistics: inout ResourceStatistics
  ) throws(ContainerizerError) {
    let folder = cgroups.folder(of: id, "cpu")
    let values = keyedValues(try cgroups.files.read(folder + "/cpu.stat"))
    if let periods = values["nr_periods"] { statistics.cpusNrPeriods = UInt32(clamping: periods) }
    if let throttled = values["nr_throttled"] { statistics.cpusNrThrottled = UInt32(clamping: throttled) }
    switch cgroups.version {
    case .v1:
      if let time = values["throttled_time"] { statistics.cpusThrottledTimeSecs = Double(time) / 1e9 }
      let accounting = cgroups.folder(of: id, "cpuacct")
      let used = keyedValues(try cgroups.files.read(accounting + "/cpuacct.stat"))
      let ticks = Double(max(1, sysconf(Int32(_SC_CLK_TCK))))
      if let user = used["user"] { statistics.cpusUserTimeSecs = Double(user) / ticks }
      if let system = used["system"] { statistics.cpusSystemTimeSecs = Double(system) / ticks }
    case .v2:
      if let time = values["throttled_usec"] { statistics.cpusThrottledTimeSecs = Double(time) / 1e6 }
      if let user = values["user_usec"] { statistics.cpusUserTimeSecs = Double(user) / 1e6 }
      if let system = values["system_usec"] { statistics.cpusSystemTimeSecs = Double(system) / 1e6 }
    }
    if countsThreads {
      statistics.processes = UInt32(clamping: try cgroups.processes(below: folder).count)
      // Threads are not listed below a cgroup, so the nested ones are not among them.
      let list = cgroups.version == .v1 ? "/tasks" : "/leaf/cgroup.threads"
      statistics.threads = UInt32(clamping: try cgroups.files.read(folder + list).split(separator: "\n").count)
    }
  }
}
