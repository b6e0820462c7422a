import Glibc
public import MesosModel
import Synchronization

/// `cgroups/mem`: what is requested is kept under pressure (the soft limit), what is beyond the limit ends the container.
///
/// A limit is 32 MB at least, and only rises while a container runs: it may use what it once had.
/// - Source: Apache Mesos, `subsystems/memory.cpp`; Linux, `cgroup-v1/memory.rst`, `cgroup-v2.rst`, "Memory Interface Files".
public final class MemorySubsystem: CgroupSubsystem {
  public let name = "mem"
  private let limitsSwap: Bool
  private let watcher: DescriptorWatcher
  private let infos = Mutex<[NestedContainerID: Double?]>([:])

  /// MB.
  static let limitMin = 32.0

  /// - Parameter limitsSwap: Memory and swap together are limited to the same (`--cgroups_limit_swap`).
  public init(limitsSwap: Bool, watcher: DescriptorWatcher) {
    self.limitsSwap = limitsSwap
    self.watcher = watcher
  }

  public func controllers(_ version: CgroupHierarchy.Version) -> [String] { ["memory"] }

  public func recover(_ id: NestedContainerID, _ cgroups: CgroupHierarchy) throws(ContainerizerError) {
    let file = cgroups.version == .v1 ? "/memory.limit_in_bytes" : "/memory.max"
    let limit = number(try cgroups.files.read(cgroups.folder(of: id, "memory") + file))
    infos.withLock { $0[id] = limit.map { Double($0) / 1_048_576 } }
  }

  public func update(
    _ id: NestedContainerID, _ resources: ContainerResources, isFirst: Bool, _ cgroups: CgroupHierarchy
  ) throws(ContainerizerError) {
    guard let request = resources.memoryMB else { return }
    let folder = cgroups.folder(of: id, "memory")
    let files = cgroups.files
    let soft = Containerizer.bytes(ofMB: max(request, Self.limitMin))
    let limitMB = max(resources.memoryMBLimit ?? request, Self.limitMin)
    let hard = limitMB.isFinite ? Containerizer.bytes(ofMB: limitMB) : nil
    try files.write("\(soft)", to: folder + (cgroups.version == .v1 ? "/memory.soft_limit_in_bytes" : "/memory.low"))
    let file = folder + (cgroups.version == .v1 ? "/memory.limit_in_bytes" : "/memory.max")
    let present = number(try files.read(file))
    let rises = hard.map { hard in present.map { $0 < hard } ?? false } ?? true
    guard isFirst || rises else { return }
    let noLimit = cgroups.version == .v1 ? "-1" : "max"
    let text = hard.map(String.init) ?? noLimit
    if limitsSwap, cgroups.version == .v1, !isFirst {
      // The two together may never be less than memory alone.
      try files.write(text, to: folder + "/memory.memsw.limit_in_bytes")
    }
    try files.write(text, to: file)
    if limitsSwap {
      switch cgroups.version {
      case .v1: if isFirst { try files.write(text, to: folder + "/memory.memsw.limit_in_bytes") }
      case .v2: try files.write("0", to: folder + "/memory.swap.max")
      }
    }
    infos.withLock { $0[id] = hard == nil ? .some(nil) : limitMB }
  }

  public func measure(
    _ id: NestedContainerID, _ cgroups: CgroupHierarchy, into statistics: inout ResourceStatistics
  ) throws(ContainerizerError) {
    let folder = cgroups.folder(of: id, "memory")
    let values = keyedValues(try cgroups.files.read(folder + "/memory.stat"))
    switch cgroups.version {
    case .v1:
      if let usage = number(try cgroups.files.read(folder + "/memory.usage_in_bytes")) {
        statistics.memTotalBytes = usage
      }
      if let both = try? number(cgroups.files.read(folder + "/memory.memsw.usage_in_bytes")) {
        statistics.memTotalMemswBytes = both
      }
      if let kernel = try? number(cgroups.files.read(folder + "/memory.kmem.usage_in_bytes")) {
        statistics.memKmemUsageBytes = kernel
      }
      if let kernel = try? number(cgroups.files.read(folder + "/memory.kmem.tcp.usage_in_bytes")) {
        statistics.memKmemTcpUsageBytes = kernel
      }
      if let cache = values["total_cache"] {
        statistics.memFileBytes = cache
        statistics.memCacheBytes = cache
      }
      if let resident = values["total_rss"] {
        statistics.memAnonBytes = resident
        statistics.memRssBytes = resident
      }
      if let mapped = values["total_mapped_file"] { statistics.memMappedFileBytes = mapped }
      if let swap = values["total_swap"] { statistics.memSwapBytes = swap }
      if let held = values["total_unevictable"] { statistics.memUnevictableBytes = held }
    case .v2:
      if let usage = number(try cgroups.files.read(folder + "/memory.current")) { statistics.memTotalBytes = usage }
      if let swap = try? number(cgroups.files.read(folder + "/memory.swap.current")) {
        statistics.memSwapBytes = swap
        statistics.memTotalMemswBytes = statistics.memTotalBytes + swap
      }
      if let kernel = values["kernel"] { statistics.memKmemUsageBytes = kernel }
      if let sockets = values["sock"] { statistics.memKmemTcpUsageBytes = sockets }
      if let cache = values["file"] {
        statistics.memFileBytes = cache
        statistics.memCacheBytes = cache
      }
      if let anonymous = values["anon"] {
        statistics.memAnonBytes = anonymous
        statistics.memRssBytes = anonymous
      }
      if let mapped = values["file_mapped"] { statistics.memMappedFileBytes = mapped }
      if let held = values["unevictable"] { statistics.memUnevictableBytes = held }
    }
    if let limit = infos.withLock({ $0[id] }) {
      if let limit { statistics.memLimitBytes = Containerizer.bytes(ofMB: limit) }
    }
  }

  /// How often the kernel has killed a process of the container for want of memory.
  private func kills(_ id: NestedContainerID, _ cgroups: CgroupHierarchy) -> UInt64? {
    let folder = cgroups.folder(of: id, "memory")
    let file = cgroups.version == .v1 ? "/memory.oom_control" : "/memory.events"
    guard let text = try? cgroups.files.read(folder + file) else { return nil }
    return keyedValues(text)["oom_kill"]
  }

  public func presentLimitation(of id: NestedContainerID, _ cgroups: CgroupHierarchy) -> ContainerLimitation? {
    guard let count = kills(id, cgroups), count > 0 else { return nil }
    return describe(id, cgroups)
  }

  private func describe(_ id: NestedContainerID, _ cgroups: CgroupHierarchy) -> ContainerLimitation {
    let folder = cgroups.folder(of: id, "memory")
    let isOld = cgroups.version == .v1
    let used =
      (try? number(cgroups.files.read(folder + (isOld ? "/memory.max_usage_in_bytes" : "/memory.peak")))) ?? nil
    var message = "Memory limit exceeded: "
    if let limit = infos.withLock({ $0[id] }) ?? nil { message += "Requested: \(Int(limit.rounded()))MB " }
    if let used { message += "Maximum Used: \(used >> 20)MB" }
    if let statistics = try? cgroups.files.read(folder + "/memory.stat") {
      message += "\n\nMEMORY STATISTICS: \n" + statistics
    }
    return ContainerLimitation(
      cause: .containerLimitationMemory, message: message,
      resources: used.map { [ContainerLimitation.scalar("mem", Double($0 >> 20))] } ?? [])
  }

  public func limitation(of id: NestedContainerID, _ cgroups: CgroupHierarchy) async -> ContainerLimitation? {
    let folder = cgroups.folder(of: id, "memory")
    let notice: KernelNotice
    do {
      switch cgroups.version {
      case .v1:
        notice = try KernelNotice(eventOf: folder + "/memory.oom_control", control: folder + "/cgroup.event_control")
      case .v2: notice = try KernelNotice(changesOf: folder + "/memory.events")
      }
    } catch {
      // A kernel without it is asked when the program ends.
      return nil
    }
    while !Task.isCancelled {
      if let count = kills(id, cgroups), count > 0 { return describe(id, cgroups) }
      do { try await watcher.readable(notice.descriptor) } catch { return nil }
      notice.take()
      // Without a counter the notice itself says it; of a cgroup that is removed there is a last one.
      guard cgroups.files.exists(folder) else { return nil }
      if kills(id, cgroups) == nil { return describe(id, cgroups) }
    }
    return nil
  }

  public func cleanUp(_ id: NestedContainerID) { infos.withLock { _ = $0.removeValue(forKey: id) } }
}
