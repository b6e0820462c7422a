import Glibc
import MesosModel
import ProcessLaunch

/// `namespaces/pid`: a container sees its own processes alone, and its first one is number 1 there.
///
/// Nested containers have a namespace of their own unless `LinuxInfo.share_pid_namespace` says that they share their parent's; debug
/// containers share it always.
/// - Source: Apache Mesos, *namespaces/pid* (`docs/isolators/namespaces-pid.md`).
public struct PidNamespaceIsolator: Isolator {
  public let name = "namespaces/pid"
  private let disallowsSharing: Bool

  /// - Parameter disallowsSharing: No top-level container may share the agent's (`--disallow_sharing_agent_pid_namespace`).
  public init(disallowsSharing: Bool = false) { self.disallowsSharing = disallowsSharing }

  public func prepare(_ container: IsolatedContainer) async throws(ContainerizerError) -> LaunchContribution {
    var wanted = LaunchContribution()
    let shares =
      container.configuration.kind == .debug || container.configuration.info?.linuxInfo.sharePidNamespace == true
    if shares {
      if let parent = container.parent {
        wanted.joins = [.init(pid: parent.pid, namespaces: .pid)]
        // Its own /proc shows what its parent's shows.
        if container.configuration.kind == .debug { wanted.joins[0].namespaces.insert(.mount) }
      } else if disallowsSharing {
        throw ContainerizerError(.invalid, "Sharing the agent's pid namespace is not allowed")
      }
      return wanted
    }
    wanted.namespaces = [.pid, .mount]
    let flags = UInt64(MS_NOSUID | MS_NODEV | MS_NOEXEC)
    wanted.steps = [.mount(source: "proc", target: "/proc", fileSystem: "proc", flags: flags)]
    return wanted
  }

}

/// `namespaces/ipc`: a container has its own System V and POSIX queues, semaphores and shared memory, and a `/dev/shm` of its own.
///
/// `LinuxInfo.ipc_mode` PRIVATE gives it that, SHARE_PARENT its parent's (the agent's, at the top); without one a nested container
/// shares its parent's, and one at the top has its own where it gives a `shm_size`, as does one with PRIVATE.
/// - Source: Apache Mesos, *namespaces/ipc* (`docs/isolators/namespaces-ipc.md`).
public struct IPCNamespaceIsolator: Isolator {
  public let name = "namespaces/ipc"
  private let disallowsSharing: Bool
  /// Bytes; `nil` for half of the machine's memory.
  private let sharedMemoryBytes: UInt64?

  public init(disallowsSharing: Bool = false, sharedMemoryBytes: UInt64? = nil) {
    self.disallowsSharing = disallowsSharing
    self.sharedMemoryBytes = sharedMemoryBytes
  }

  public func prepare(_ container: IsolatedContainer) async throws(ContainerizerError) -> LaunchContribution {
    var wanted = LaunchContribution()
    let info = container.configuration.info?.linuxInfo ?? LinuxInfo()
    let isPrivate: Bool
    switch info.ipcMode {
    case .private: isPrivate = container.configuration.kind != .debug
    case .shareParent:
      if !container.id.isNested, disallowsSharing {
        throw ContainerizerError(.invalid, "Sharing the agent's IPC namespace is not allowed")
      }
      isPrivate = false
    case .unknown: isPrivate = !container.id.isNested
    }
    if info.hasShmSize, !isPrivate {
      throw ContainerizerError(
        .invalid, "A container that shares its parent's IPC namespace has no shm_size of its own")
    }
    guard isPrivate else {
      if let parent = container.parent { wanted.joins = [.init(pid: parent.pid, namespaces: .ipc)] }
      return wanted
    }
    wanted.namespaces = [.ipc, .mount]
    let bytes = info.hasShmSize ? UInt64(info.shmSize) << 20 : sharedMemoryBytes
    let options = "mode=1777" + (bytes.map { ",size=\($0)" } ?? "")
    let flags = UInt64(MS_NOSUID | MS_NODEV | MS_NOEXEC)
    wanted.steps = [.mount(source: "tmpfs", target: "/dev/shm", fileSystem: "tmpfs", flags: flags, options: options)]
    return wanted
  }
}
