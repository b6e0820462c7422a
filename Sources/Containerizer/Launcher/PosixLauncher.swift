public import ProcessLaunch

/// A container is a process and what descends from it.
///
/// Nothing holds them together but that, so a process that another one outside adopts is not of its container any more.
public final class PosixLauncher: Launcher {
  public let name = "posix"
  private let helper: String
  private let watcher: ProcessWatcher

  /// - Parameter helper: The path of `mesos-launch`, which is needed for what a plain start does not give.
  public init(helper: String, watcher: ProcessWatcher) {
    self.helper = helper
    self.watcher = watcher
  }

  public func recover(
    _ known: [NestedContainerID: LaunchedProcess]
  ) async throws(ContainerizerError) -> Set<NestedContainerID> { [] }

  @concurrent
  public func start(
    _ id: NestedContainerID, _ description: LaunchDescription, _ streams: LaunchStreams
  ) async throws(ContainerizerError) -> any ContainerLaunchInProgress {
    guard description.contribution.namespaces.isEmpty, description.contribution.joins.isEmpty else {
      throw ContainerizerError(.unsupported, "Namespaces need the launcher 'linux'")
    }
    if description.contribution.isPlain, !description.staysAsInit {
      return try PlainLaunch(description, streams)
    }
    return try HelperLaunch(
      helper: helper, description, output: streams.output, error: streams.error, fileOwner: streams.fileOwner)
  }

  public func destroy(
    _ id: NestedContainerID, _ process: LaunchedProcess?, within limit: Duration
  ) async throws(ContainerizerError) {
    guard let process else { return }
    do {
      guard try await watcher.killTree(session: process, within: limit) else {
        throw ContainerizerError(.notDestroyed, "The container \(id) does not die")
      }
    } catch let error as ProcessLaunchError {
      throw ContainerizerError(.notDestroyed, "The container \(id) is not killed: \(error)", errno: error.code)
    } catch let error as ContainerizerError {
      throw error
    } catch {
      throw ContainerizerError(.notDestroyed, "The container \(id) is not killed: \(error)")
    }
  }

  public func processes(of id: NestedContainerID, _ process: LaunchedProcess) throws(ContainerizerError) -> [Int32] {
    do {
      return try ProcessTable().tree(ofSession: process).map(\.process.pid)
    } catch {
      throw ContainerizerError(.isolation, "The processes of \(id) are not known: \(error)", errno: error.code)
    }
  }
}

/// A start that takes no helper.
private final class PlainLaunch: ContainerLaunchInProgress {
  private let held: HeldProcess
  var process: LaunchedProcess { held.process }

  init(_ description: LaunchDescription, _ streams: LaunchStreams) throws(ContainerizerError) {
    var environment: [String: String] = [:]
    for variable in description.environment { environment[variable.name] = variable.value }
    environment.merge(description.contribution.environment) { _, new in new }
    let user = description.credentials.map {
      UserIdentity(uid: $0.uid, gid: $0.gid, supplementaryGroups: $0.groups)
    }
    var request = LaunchRequest(
      program: .program(path: description.programs.first ?? "", arguments: description.arguments),
      environment: .exactly(environment), workingDirectory: description.directory, standardOutput: streams.output,
      standardError: streams.error, user: user, startsSession: description.startsSession)
    request.fileOwner = streams.fileOwner
    do { held = try HeldProcess(request) } catch {
      throw ContainerizerError(.launch, "\(error)")
    }
  }

  func setUp() throws(ContainerizerError) {}

  func release() throws(ContainerizerError) {
    do { try held.release() } catch { throw ContainerizerError(.launch, "\(error)") }
  }

  func abandon() { held.abandon() }
}
