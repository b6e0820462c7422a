public import ProcessLaunch

/// Where a container's program writes, and to whom the files go.
public struct LaunchStreams: Sendable {
  public var output: LaunchRequest.Output
  public var error: LaunchRequest.Output
  public var fileOwner: UserIdentity?

  public init(output: LaunchRequest.Output, error: LaunchRequest.Output, fileOwner: UserIdentity?) {
    self.output = output
    self.error = error
    self.fileOwner = fileOwner
  }
}

/// Makes the first processes of containers, and ends all that comes of them.
public protocol Launcher: Sendable {
  /// As `--launcher` has it.
  var name: String { get }
  /// Finds what an earlier run left.
  ///
  /// - Parameter known: Containers that may go on, with their first processes.
  /// - Returns: Other containers of which something is left; they are to be destroyed.
  func recover(_ known: [NestedContainerID: LaunchedProcess]) async throws(ContainerizerError) -> Set<NestedContainerID>
  /// Makes the first process, which waits to be set up.
  func start(
    _ id: NestedContainerID, _ description: LaunchDescription, _ streams: LaunchStreams
  ) async throws(ContainerizerError) -> any ContainerLaunchInProgress
  /// Kills everything of a container and returns when nothing of it runs.
  ///
  /// - Parameter process: Its first process, where it is known.
  /// - Throws: ``ContainerizerError`` with code `.notDestroyed` when the time is up first.
  func destroy(
    _ id: NestedContainerID, _ process: LaunchedProcess?, within limit: Duration
  ) async throws(ContainerizerError)
  /// The processes of a container and of those nested in it, sorted.
  func processes(of id: NestedContainerID, _ process: LaunchedProcess) throws(ContainerizerError) -> [Int32]
}
