import Glibc
public import ProcessLaunch

/// A container is a cgroup, which no process of it can leave: the freezer's of version 1, or the one of version 2.
///
/// Needs root. Destroying freezes all, kills all and thaws, until nothing is left, so that nothing is made while the rest is killed.
/// - Source: Apache Mesos, `src/slave/containerizer/mesos/linux_launcher.cpp`; Linux, `cgroup-v1/freezer-subsystem.rst`,
///   `cgroup-v2.rst`, "cgroup.kill".
public final class LinuxLauncher: Launcher {
  public let name = "linux"
  private let helper: String
  private let cgroups: CgroupHierarchy
  /// The controller that holds processes together.
  private var controller: String { cgroups.version == .v1 ? "freezer" : "" }

  /// - Parameter helper: The path of `mesos-launch`.
  /// - Throws: ``ContainerizerError`` with code `.unsupported` or `.cgroup` where the agent's cgroup cannot be made.
  public init(helper: String, cgroups: CgroupHierarchy) throws(ContainerizerError) {
    guard geteuid() == 0 else {
      throw ContainerizerError(.unsupported, "The launcher 'linux' needs root", errno: EPERM)
    }
    self.helper = helper
    self.cgroups = cgroups
    try cgroups.prepareRoot(cgroups.version == .v1 ? "freezer" : "")
  }

  @concurrent
  public func recover(
    _ known: [NestedContainerID: LaunchedProcess]
  ) async throws(ContainerizerError) -> Set<NestedContainerID> {
    try cgroups.containers(controller).subtracting(known.keys)
  }

  @concurrent
  public func start(
    _ id: NestedContainerID, _ description: LaunchDescription, _ streams: LaunchStreams
  ) async throws(ContainerizerError) -> any ContainerLaunchInProgress {
    let folder = cgroups.folder(of: id, controller)
    guard !cgroups.files.exists(folder) else {
      throw ContainerizerError(.exists, "The cgroup \(folder) is there already", errno: EEXIST)
    }
    try cgroups.make(id, controller)
    let launch: HelperLaunch
    do {
      launch = try HelperLaunch(
        helper: helper, description, output: streams.output, error: streams.error, fileOwner: streams.fileOwner)
    } catch {
      try? cgroups.remove(folder)
      throw error
    }
    do {
      try cgroups.assign(launch.process.pid, to: id, controller)
    } catch {
      launch.abandon()
      try? cgroups.remove(folder)
      throw error
    }
    return launch
  }

  @concurrent
  public func destroy(
    _ id: NestedContainerID, _ process: LaunchedProcess?, within limit: Duration
  ) async throws(ContainerizerError) {
    let folder = cgroups.folder(of: id, controller)
    guard cgroups.files.exists(folder) else { return }
    let deadline = ContinuousClock.now + limit
    var pause = Duration.milliseconds(1)
    while true {
      let left = try cgroups.processes(below: folder)
      var refusal: ContainerizerError?
      if left.isEmpty {
        do throws(ContainerizerError) {
          try cgroups.remove(folder)
          return
        } catch {
          // Those that have just ended are still counted for a moment.
          guard error.errno == EBUSY else { throw error }
          refusal = error
        }
      } else {
        do { try kill(left, folder) } catch { refusal = error }
      }
      guard ContinuousClock.now < deadline else {
        let why = refusal.map { ": \($0)" } ?? ""
        throw ContainerizerError(
          .notDestroyed, "The container \(id) has processes left (\(left.prefix(20)))\(why)", errno: refusal?.errno ?? 0
        )
      }
      do { try await Task.sleep(for: pause) } catch {
        throw ContainerizerError(.notDestroyed, "Nobody waits any more for the container \(id) to be destroyed")
      }
      pause = min(pause * 2, .milliseconds(100))
    }
  }

  private func kill(_ processes: [Int32], _ folder: String) throws(ContainerizerError) {
    let files = cgroups.files
    if cgroups.version == .v2 {
      if files.exists(folder + "/cgroup.kill") {
        try files.write("1", to: folder + "/cgroup.kill")
        return
      }
      try files.write("1", to: folder + "/cgroup.freeze")
      for pid in try cgroups.processes(below: folder) { Glibc.kill(pid, SIGKILL) }
      try files.write("0", to: folder + "/cgroup.freeze")
      return
    }
    let state = folder + "/freezer.state"
    // One that cannot be frozen at once is killed all the same; the next round finds what it made meanwhile.
    try files.write("FROZEN", to: state)
    for _ in 0..<50 where try !files.read(state).hasPrefix("FROZEN") { usleep(100) }
    for pid in try cgroups.processes(below: folder) { Glibc.kill(pid, SIGKILL) }
    try files.write("THAWED", to: state)
  }

  public func processes(of id: NestedContainerID, _ process: LaunchedProcess) throws(ContainerizerError) -> [Int32] {
    try cgroups.processes(below: cgroups.folder(of: id, controller))
  }
}
