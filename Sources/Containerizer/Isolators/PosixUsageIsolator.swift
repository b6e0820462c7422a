import Glibc
public import MesosModel
public import ProcessLaunch

/// `posix/cpu` and `posix/mem`: limit nothing, and tell what the processes of a container use, as `/proc/PID/stat` has it.
public struct PosixUsageIsolator: Isolator {
  public enum Kind: Hashable, Sendable { case cpu, memory }

  public let name: String
  private let kind: Kind
  private let launcher: any Launcher

  public init(_ kind: Kind, launcher: any Launcher) {
    self.kind = kind
    self.launcher = launcher
    name = kind == .cpu ? "posix/cpu" : "posix/mem"
  }

  public func measure(
    _ id: NestedContainerID, _ process: LaunchedProcess, into statistics: inout ResourceStatistics
  ) throws(ContainerizerError) {
    let ticks = Double(max(1, sysconf(Int32(_SC_CLK_TCK))))
    let page = UInt64(max(1, sysconf(Int32(_SC_PAGESIZE))))
    var (user, system, resident) = (0.0, 0.0, UInt64(0))
    let files = SystemCgroupFiles()
    for pid in try launcher.processes(of: id, process) {
      // Gone meanwhile: what it used is in its parent's account once that has waited for it.
      guard let text = try? files.read("/proc/\(pid)/stat"), let end = text.utf8.lastIndex(of: UInt8(ascii: ")")) else {
        continue
      }
      // Counted from behind the name, which may hold anything.
      let fields = text[text.index(after: end)...].split(separator: " ")
      guard fields.count > 21 else { continue }
      user += (Double(fields[11]) ?? 0) / ticks
      system += (Double(fields[12]) ?? 0) / ticks
      resident += (UInt64(fields[21]) ?? 0) * page
    }
    switch kind {
    case .cpu:
      statistics.cpusUserTimeSecs = user
      statistics.cpusSystemTimeSecs = system
    case .memory: statistics.memRssBytes = resident
    }
  }
}
