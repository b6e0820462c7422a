import Glibc
public import MesosModel
public import ProcessLaunch
import Synchronization

/// Everything of `--isolation` that begins with `cgroups/`: one isolator, a subsystem for each.
///
/// Nested containers share their parent's cgroups, unless `LinuxInfo.share_cgroups` says no.
/// - Source: Apache Mesos, `src/slave/containerizer/mesos/isolators/cgroups/cgroups.cpp`.
public final class CgroupsIsolator: Isolator {
  public let name = "cgroups"
  private let cgroups: CgroupHierarchy
  private let subsystems: [any CgroupSubsystem]
  /// Controllers in use, each once.
  private let controllers: [String]
  /// Containers with cgroups of their own, and whether their limits have been set.
  private let own = Mutex<Set<NestedContainerID>>([])

  /// - Throws: ``ContainerizerError`` with code `.unsupported` where a controller is not there.
  public init(cgroups: CgroupHierarchy, subsystems: [any CgroupSubsystem]) throws(ContainerizerError) {
    self.cgroups = cgroups
    self.subsystems = subsystems
    var controllers: [String] = []
    for subsystem in subsystems {
      for controller in subsystem.controllers(cgroups.version) where !controllers.contains(controller) {
        guard cgroups.has(controller) else {
          throw ContainerizerError(
            .unsupported,
            "'cgroups/\(subsystem.name)' needs the controller '\(controller)' of cgroups, which this machine does not offer where they are mounted"
          )
        }
        controllers.append(controller)
        try cgroups.prepareRoot(controller)
      }
    }
    self.controllers = controllers
  }

  private func hasOwn(_ id: NestedContainerID) -> Bool { own.withLock { $0.contains(id) } }

  /// The container whose cgroups it uses.
  private func owner(of id: NestedContainerID) -> NestedContainerID? {
    var next: NestedContainerID? = id
    while let id = next {
      if hasOwn(id) { return id }
      next = id.parent
    }
    return nil
  }

  @concurrent
  public func recover(
    _ known: [RecoveredContainer], orphans: Set<NestedContainerID>
  ) async throws(ContainerizerError) {
    for container in known where Self.wantsOwn(container.id, container.configuration) {
      own.withLock { _ = $0.insert(container.id) }
      for subsystem in subsystems { try subsystem.recover(container.id, cgroups) }
    }
    // Also those that the launcher does not know of any more.
    for controller in controllers {
      for id in try cgroups.containers(controller).sorted(by: >) where orphans.contains(id) || !hasOwn(id) {
        own.withLock { _ = $0.insert(id) }
        // What still has processes is killed first, and cleaned up then.
        guard !orphans.contains(id) else { continue }
        do throws(ContainerizerError) { try await cleanUp(id) } catch {
          guard error.code == .notDestroyed else { throw error }
        }
      }
    }
  }

  private static func wantsOwn(_ id: NestedContainerID, _ configuration: ContainerConfiguration) -> Bool {
    guard id.isNested else { return true }
    guard configuration.kind != .debug, let info = configuration.info, info.hasLinuxInfo else { return false }
    return !info.linuxInfo.shareCgroups
  }

  @concurrent
  public func prepare(_ container: IsolatedContainer) async throws(ContainerizerError) -> LaunchContribution {
    guard Self.wantsOwn(container.id, container.configuration) else {
      guard container.configuration.limits.isEmpty else {
        throw ContainerizerError(
          .invalid, "The container \(container.id) has limits, which take share_cgroups=false in its LinuxInfo")
      }
      return LaunchContribution()
    }
    own.withLock { _ = $0.insert(container.id) }
    for controller in controllers { try cgroups.make(container.id, controller) }
    for subsystem in subsystems { try subsystem.prepare(container, cgroups) }
    let resources = ContainerResources(container.configuration.resources, limits: container.configuration.limits)
    for subsystem in subsystems { try subsystem.update(container.id, resources, isFirst: true, cgroups) }
    return LaunchContribution()
  }

  @concurrent
  public func isolate(_ container: IsolatedContainer, _ process: LaunchedProcess) async throws(ContainerizerError) {
    guard let owner = owner(of: container.id) else { return }
    // With version 2 the launcher has put it where it belongs, unless that is its parent's.
    guard cgroups.version == .v1 || owner != container.id else { return }
    for controller in controllers { try cgroups.assign(process.pid, to: owner, controller) }
  }

  public func limitation(of id: NestedContainerID) async -> ContainerLimitation? {
    guard hasOwn(id) else { return nil }
    return await withTaskGroup(of: ContainerLimitation?.self) { group in
      for subsystem in subsystems { group.addTask { await subsystem.limitation(of: id, self.cgroups) } }
      while let next = await group.next() {
        guard let limitation = next else { continue }
        group.cancelAll()
        return limitation
      }
      return nil
    }
  }

  public func presentLimitation(of id: NestedContainerID) async -> ContainerLimitation? {
    guard hasOwn(id) else { return nil }
    for subsystem in subsystems {
      if let limitation = subsystem.presentLimitation(of: id, cgroups) { return limitation }
    }
    return nil
  }

  @concurrent
  public func update(
    _ id: NestedContainerID, _ resources: [Resource], _ limits: [String: Double]
  ) async throws(ContainerizerError) {
    guard hasOwn(id) else { return }
    let resources = ContainerResources(resources, limits: limits)
    for subsystem in subsystems { try subsystem.update(id, resources, isFirst: false, cgroups) }
  }

  public func measure(
    _ id: NestedContainerID, _ process: LaunchedProcess, into statistics: inout ResourceStatistics
  ) throws(ContainerizerError) {
    guard hasOwn(id) else { return }
    for subsystem in subsystems { try subsystem.measure(id, cgroups, into: &statistics) }
  }

  public func report(_ id: NestedContainerID, into status: inout ContainerStatus) {
    guard let owner = owner(of: id) else { return }
    for subsystem in subsystems { subsystem.report(owner, into: &status) }
  }

  @concurrent
  public func cleanUp(_ id: NestedContainerID) async throws(ContainerizerError) {
    guard own.withLock({ $0.remove(id) }) != nil else { return }
    for subsystem in subsystems { subsystem.cleanUp(id) }
    let deadline = ContinuousClock.now + .seconds(10)
    for controller in controllers {
      let folder = cgroups.folder(of: id, controller)
      var pause = Duration.milliseconds(1)
      while true {
        do throws(ContainerizerError) {
          try cgroups.remove(folder)
          break
        } catch {
          // Processes that have just ended are still counted for a moment.
          guard error.errno == EBUSY else { throw error }
          guard ContinuousClock.now < deadline else {
            throw ContainerizerError(.notDestroyed, "The cgroup \(folder) has processes left", errno: EBUSY)
          }
        }
        do { try await Task.sleep(for: pause) } catch {
          throw ContainerizerError(.notDestroyed, "The cgroup \(folder) has processes left", errno: EBUSY)
        }
        pause = min(pause * 2, .milliseconds(50))
      }
    }
  }
}
