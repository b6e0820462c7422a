public import MesosModel

/// `cgroups/pids`: counts processes and threads; a container has as many as the machine allows.
/// - Source: Apache Mesos, `subsystems/pids.cpp`; Linux, `cgroup-v1/pids.rst`.
public struct PidsSubsystem: CgroupSubsystem {
  public let name = "pids"

  public init() {}

  public func controllers(_ version: CgroupHierarchy.Version) -> [String] { ["pids"] }

  public func measure(
    _ id: NestedContainerID, _ cgroups: CgroupHierarchy, into statistics: inout ResourceStatistics
  ) throws(ContainerizerError) {
    // The kernel counts tasks, which are threads.
    if let count = number(try cgroups.files.read(cgroups.folder(of: id, "pids") + "/pids.current")) {
      statistics.threads = UInt32(clamping: count)
    }
    let folder = cgroups.folder(of: id, "pids")
    statistics.processes = UInt32(clamping: try cgroups.processes(below: folder).count)
  }
}

/// A controller that containers get a cgroup of without any setting: `cgroups/cpuset`, `cgroups/hugetlb`, `cgroups/net_prio`.
public struct PlainSubsystem: CgroupSubsystem {
  public let name: String

  public init(name: String) { self.name = name }

  /// With version 2 there is no such controller of `net_prio`.
  public func controllers(_ version: CgroupHierarchy.Version) -> [String] { [name] }
}
