public import MesosModel
public import ProcessLaunch

/// What isolators know of a container when it is launched or recovered.
public struct IsolatedContainer: Sendable {
  public var id: NestedContainerID
  public var configuration: ContainerConfiguration
  /// Of a nested container: its parent's first process.
  public var parent: LaunchedProcess?
  public var parentDirectory: String?

  public init(
    id: NestedContainerID, configuration: ContainerConfiguration, parent: LaunchedProcess? = nil,
    parentDirectory: String? = nil
  ) {
    self.id = id
    self.configuration = configuration
    self.parent = parent
    self.parentDirectory = parentDirectory
  }
}

/// Confines containers in one respect.
///
/// Of each container ``prepare(_:)`` is called first and ``cleanUp(_:)`` last, once nothing of it runs, whatever failed between. A
/// restarted process calls ``recover(_:orphans:)`` in place of the steps of the launch.
/// - Source: Apache Mesos, `include/mesos/slave/isolator.hpp`.
public protocol Isolator: Sendable {
  /// As `--isolation` has it.
  var name: String { get }
  /// - Parameter orphans: Containers that are about to be cleaned up without having been recovered.
  func recover(_ known: [RecoveredContainer], orphans: Set<NestedContainerID>) async throws(ContainerizerError)
  func prepare(_ container: IsolatedContainer) async throws(ContainerizerError) -> LaunchContribution
  /// The first process exists and has done nothing.
  func isolate(_ container: IsolatedContainer, _ process: LaunchedProcess) async throws(ContainerizerError)
  /// Waits until the container goes beyond a limit; `nil` when the waiting task is cancelled, or where it never can.
  func limitation(of id: NestedContainerID) async -> ContainerLimitation?
  /// What the container has gone beyond by now, asked for when its program has ended.
  func presentLimitation(of id: NestedContainerID) async -> ContainerLimitation?
  func update(
    _ id: NestedContainerID, _ resources: [Resource], _ limits: [String: Double]
  ) async throws(ContainerizerError)
  /// Adds what it knows of the container's use.
  func measure(
    _ id: NestedContainerID, _ process: LaunchedProcess, into statistics: inout ResourceStatistics
  ) throws(ContainerizerError)
  func report(_ id: NestedContainerID, into status: inout ContainerStatus)
  /// Nothing where it does not know the container.
  func cleanUp(_ id: NestedContainerID) async throws(ContainerizerError)
}

/// A container of an earlier run that goes on.
public struct RecoveredContainer: Sendable {
  public var id: NestedContainerID
  public var process: LaunchedProcess
  public var configuration: ContainerConfiguration

  public init(id: NestedContainerID, process: LaunchedProcess, configuration: ContainerConfiguration) {
    self.id = id
    self.process = process
    self.configuration = configuration
  }
}

extension Isolator {
  public func recover(
    _ known: [RecoveredContainer], orphans: Set<NestedContainerID>
  ) async throws(ContainerizerError) {}
  public func prepare(_ container: IsolatedContainer) async throws(ContainerizerError) -> LaunchContribution {
    LaunchContribution()
  }
  public func isolate(_ container: IsolatedContainer, _ process: LaunchedProcess) async throws(ContainerizerError) {}
  public func limitation(of id: NestedContainerID) async -> ContainerLimitation? { nil }
  public func presentLimitation(of id: NestedContainerID) async -> ContainerLimitation? { nil }
  public func update(
    _ id: NestedContainerID, _ resources: [Resource], _ limits: [String: Double]
  ) async throws(ContainerizerError) {}
  public func measure(
    _ id: NestedContainerID, _ process: LaunchedProcess, into statistics: inout ResourceStatistics
  ) throws(ContainerizerError) {}
  public func report(_ id: NestedContainerID, into status: inout ContainerStatus) {}
  public func cleanUp(_ id: NestedContainerID) async throws(ContainerizerError) {}
}
