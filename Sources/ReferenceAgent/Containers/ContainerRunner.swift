import AgentCore
import Logging
import MesosModel
import ProcessLaunch
import SandboxFiles
import ShellSupport
import Synchronization

/// Starts, watches and kills the processes of containers. Each launch is a task of its own that ends when nothing of the container is
/// left; the agent's actor hears of every step.
final class ContainerRunner: Sendable {
  private enum Container {
    /// Being started; `isUnwanted` once it was asked to be destroyed meanwhile.
    case starting(isUnwanted: Bool)
    case running(LaunchedProcess)
  }

  private let agent: AgentActor
  private let watcher: ProcessWatcher
  private let removalDelay: Duration
  private let logger: Logger
  private let containers = Mutex<[ContainerKey: Container]>([:])
  /// Virtual paths of sandboxes that are not made yet.
  private let unshown = Mutex<[ContainerKey: [String]]>([:])

  init(agent: AgentActor, removalDelay: Duration, logger: Logger) throws {
    self.agent = agent
    self.removalDelay = removalDelay
    self.logger = logger
    watcher = try ProcessWatcher()
  }

  /// Does the work that the actor gives until the task is cancelled; the processes live on then.
  func run() async {
    await withDiscardingTaskGroup { group in
      while let work = await agent.work.next() {
        for item in work {
          switch item {
          case .launch(let launch):
            containers.withLock { $0[launch.container] = .starting(isUnwanted: false) }
            group.addTask { await self.launch(launch) }
          case .show(let container, let directory, let paths):
            show(container, directory, paths)
          case .watch(let container, let identity):
            let process = LaunchedProcess(pid: identity.pid, startTime: identity.startTime)
            containers.withLock { $0[container] = .running(process) }
            group.addTask { await self.watch(container, process) }
          case .destroy(let container):
            group.addTask { await self.destroy(container) }
          case .remove(let directory):
            group.addTask { await self.remove(directory) }
          }
        }
      }
      group.cancelAll()
    }
  }

  /// Kills what runs; for an agent whose executors must not outlive it.
  func killAll() async {
    let running = containers.withLock { containers in
      containers.compactMap { container -> (ContainerKey, LaunchedProcess)? in
        guard case .running(let process) = container.value else { return nil }
        return (container.key, process)
      }
    }
    for (container, process) in running.sorted(by: { $0.0 < $1.0 }) { await kill(container, process) }
  }

  @concurrent
  private func launch(_ launch: ContainerLaunch) async {
    let process: LaunchedProcess
    do {
      guard launch.uris.isEmpty else {
        throw ReferenceAgentError(
          code: .badConfiguration, message: "it has URIs to fetch, and the fetcher is not built yet")
      }
      let user = try launch.user.map { name throws(ProcessLaunchError) in try UserIdentity(named: name) }
      try Sandbox.make(launch.directory, owner: user)
      if let paths = unshown.withLock({ $0.removeValue(forKey: launch.container) }) {
        show(launch.container, launch.directory, paths)
      }
      var environment: [String: String] = [:]
      for variable in launch.environment { environment[variable.name] = variable.value }
      process = try ProcessLaunch.launch(
        LaunchRequest(
          program: .program(path: launch.arguments.first ?? "", arguments: launch.arguments),
          environment: .exactly(environment), workingDirectory: launch.directory,
          standardOutput: .file(launch.directory + "/stdout"), standardError: .file(launch.directory + "/stderr"),
          user: user, startsSession: true))
    } catch {
      containers.withLock { $0[launch.container] = nil }
      unshown.withLock { $0[launch.container] = nil }
      logger.warning(
        "container not launched", metadata: ["container": "\(launch.container)", "error": "\(error)"])
      await agent.launchFailed(launch.container, message: "\(error)")
      return
    }
    let isUnwanted = containers.withLock { containers in
      if case .starting(isUnwanted: true) = containers[launch.container] { return true }
      containers[launch.container] = .running(process)
      return false
    }
    if isUnwanted { await kill(launch.container, process) }
    await agent.launched(launch.container, ProcessIdentity(pid: process.pid, startTime: process.startTime))
    await watch(launch.container, process)
  }

  /// Waits for the end of the container's first process, ends what it left behind, and says so.
  private func watch(_ container: ContainerKey, _ process: LaunchedProcess) async {
    let exit: ProcessExit
    do {
      exit = try await watcher.exitStatus(of: process)
    } catch {
      if !Task.isCancelled {
        logger.error("container not watched", metadata: ["container": "\(container)", "error": "\(error)"])
      }
      return
    }
    await kill(container, process)
    containers.withLock { $0[container] = nil }
    await agent.exited(container, exit.waitStatus.map { .status($0) } ?? .unknown)
  }

  private func destroy(_ container: ContainerKey) async {
    let state = containers.withLock { containers in
      if case .starting = containers[container] { containers[container] = .starting(isUnwanted: true) }
      return containers[container]
    }
    switch state {
    case nil: await agent.exited(container, .unknown)
    case .starting: break
    case .running(let process): await kill(container, process)
    }
  }

  private func kill(_ container: ContainerKey, _ process: LaunchedProcess) async {
    do {
      while try await !watcher.killTree(session: process) {
        logger.warning("container does not die", metadata: ["container": "\(container)"])
      }
    } catch {
      if !Task.isCancelled {
        logger.error("container not killed", metadata: ["container": "\(container)", "error": "\(error)"])
      }
    }
  }

  private func show(_ container: ContainerKey, _ directory: String, _ paths: [String]) {
    do {
      for path in paths { try agent.files.attach(directory, as: path) }
    } catch {
      if error.code == .notFound {
        unshown.withLock { $0[container] = paths }
      } else {
        logger.warning("sandbox not shown", metadata: ["directory": "\(directory)", "error": "\(error)"])
      }
    }
  }

  private func remove(_ directory: String) async {
    do { try await Task.sleep(for: removalDelay) } catch { return }
    for attachment in agent.files.attachments where attachment.realPath == directory {
      agent.files.detach(attachment.virtualPath)
    }
    Sandbox.remove(directory)
  }
}
