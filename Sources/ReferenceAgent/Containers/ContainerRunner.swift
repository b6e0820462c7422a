import AgentCore
import Fetcher
import Logging
import MesosModel
import ProcessLaunch
import SandboxFiles
import ShellSupport
import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Starts, watches and kills the processes of containers. Each step that takes time is a task of its own; the agent's actor hears of
/// every one.
///
/// A process is made and held back before its program until the actor says that it may proceed, so one that the agent's state does not
/// tell of never executes anything: an unknown container has no process.
final class ContainerRunner: Sendable {
  private enum Container {
    /// Being made; `isUnwanted` once it was asked to be destroyed meanwhile.
    case starting(isUnwanted: Bool)
    /// Its process waits for leave to execute its program.
    case held(HeldProcess)
    case running(LaunchedProcess)
  }

  private struct State {
    var containers: [ContainerKey: Container] = [:]
    /// The agent ends and takes its executors along: nothing may start any more.
    var isEnding = false
  }

  private let agent: AgentActor
  private let watcher: ProcessWatcher
  private let fetcher: Fetcher
  private let removals: SandboxRemovals
  private let logger: Logger
  private let state = Mutex(State())
  /// Virtual paths of sandboxes that are not made yet.
  private let unshown = Mutex<[ContainerKey: [String]]>([:])

  init(agent: AgentActor, watcher: ProcessWatcher, fetcher: Fetcher, removals: SandboxRemovals, logger: Logger) {
    self.agent = agent
    self.watcher = watcher
    self.fetcher = fetcher
    self.removals = removals
    self.logger = logger
  }

  /// Does the work that the actor gives until the task is cancelled; the processes live on then, but for those held back.
  func run() async {
    await withDiscardingTaskGroup { group in
      group.addTask { await self.removals.run() }
      while let work = await agent.work.next() {
        for item in work {
          switch item {
          case .launch(let launch):
            state.withLock { $0.containers[launch.container] = .starting(isUnwanted: $0.isEnding) }
            group.addTask { await self.launch(launch) }
          case .proceed(let container):
            group.addTask { await self.proceed(container) }
          case .show(let container, let directory, let paths):
            show(container, directory, paths)
          case .watch(let container, let identity):
            let process = LaunchedProcess(pid: identity.pid, startTime: identity.startTime)
            state.withLock { $0.containers[container] = .running(process) }
            group.addTask { await self.watch(container, process) }
          case .destroy(let container):
            group.addTask { await self.destroy(container) }
          case .remove(let directory):
            removals.add(directory)
          case .volumes(let steps, let number):
            await self.volumes(steps, number)
          }
        }
      }
      group.cancelAll()
    }
    abandonHeld()
  }

  /// Kills what runs and lets nothing else start; for an agent whose executors must not outlive it.
  func killAll() async {
    let (starting, running) = state.withLock { state in
      state.isEnding = true
      var starting: [ContainerKey] = []
      for (container, known) in state.containers {
        guard case .starting = known else { continue }
        state.containers[container] = .starting(isUnwanted: true)
        starting.append(container)
      }
      let running = state.containers.compactMap { container, known -> (ContainerKey, LaunchedProcess)? in
        guard case .running(let process) = known else { return nil }
        return (container, process)
      }
      return (starting, running)
    }
    abandonHeld()
    for container in starting.sorted() { await fetcher.kill(container.value) }
    for (container, process) in running.sorted(by: { $0.0 < $1.0 }) { await kill(container, process) }
  }

  private func abandonHeld() {
    let held = state.withLock { state in
      let held = state.containers.compactMap { container, known -> (ContainerKey, HeldProcess)? in
        guard case .held(let process) = known else { return nil }
        return (container, process)
      }
      for (container, _) in held { state.containers[container] = nil }
      return held
    }
    for (_, process) in held.sorted(by: { $0.0 < $1.0 }) { process.abandon() }
  }

  @concurrent
  private func launch(_ launch: ContainerLaunch) async {
    let held: HeldProcess
    do {
      let user = try launch.user.map { name throws(ProcessLaunchError) in try UserIdentity(named: name) }
      try Sandbox.make(launch.directory, owner: user)
      for link in launch.volumes { try Volumes.link(link, in: launch.directory) }
      if let paths = unshown.withLock({ $0.removeValue(forKey: launch.container) }) {
        show(launch.container, launch.directory, paths)
      }
      try await fetch(launch, user: user)
      var environment: [String: String] = [:]
      for variable in launch.environment { environment[variable.name] = variable.value }
      held = try HeldProcess(
        LaunchRequest(
          program: .program(path: launch.arguments.first ?? "", arguments: launch.arguments),
          environment: .exactly(environment), workingDirectory: launch.directory,
          standardOutput: .file(launch.directory + "/stdout"), standardError: .file(launch.directory + "/stderr"),
          user: user, startsSession: true))
    } catch {
      // The agent ends: its next process finds that this container has none.
      if Task.isCancelled { return }
      if isUnwanted(launch.container) {
        forget(launch.container)
        await agent.exited(launch.container, .status(SIGKILL))
      } else {
        await launchFailed(launch.container, error)
      }
      return
    }
    let isUnwanted = state.withLock { state in
      if case .starting(isUnwanted: true) = state.containers[launch.container] {
        state.containers[launch.container] = nil
        return true
      }
      state.containers[launch.container] = .held(held)
      return false
    }
    guard !isUnwanted else {
      held.abandon()
      await agent.exited(launch.container, .status(SIGKILL))
      return
    }
    await agent.launched(
      launch.container, ProcessIdentity(pid: held.process.pid, startTime: held.process.startTime))
  }

  /// Takes the steps one by one: what comes later counts with them.
  @concurrent
  private func volumes(_ steps: [VolumeStep], _ number: UInt64) async {
    do {
      for step in steps {
        switch step {
        case .make(let folder): try Volumes.make(folder)
        case .remove(let folder): try Volumes.remove(folder)
        case .link(_, let directory, let links): for link in links { try Volumes.link(link, in: directory) }
        }
      }
    } catch {
      logger.error("persistent volumes not as they should be", metadata: ["error": "\(error)"])
      await agent.volumesFailed(number, message: "\(error)")
      return
    }
    await agent.volumesDone(number)
  }

  private func fetch(_ launch: ContainerLaunch, user: UserIdentity?) async throws {
    let container = launch.container
    do {
      try await fetcher.fetch(
        launch.uris, container: container.value, sandbox: launch.directory,
        user: launch.user.flatMap { name in user.map { FetchUser(name: name, identity: $0) } },
        isWanted: { !self.isUnwanted(container) })
    } catch {
      let what =
        error.code == .invalidURI ? "Could not fetch" : "Failed to fetch all URIs for container '\(container)'"
      throw FetcherError(error.code, "\(what): \(error.message)")
    }
  }

  private func isUnwanted(_ container: ContainerKey) -> Bool {
    state.withLock { state in
      if case .starting(isUnwanted: true) = state.containers[container] { true } else { false }
    }
  }

  private func forget(_ container: ContainerKey) {
    state.withLock { $0.containers[container] = nil }
    unshown.withLock { $0[container] = nil }
  }

  private func launchFailed(_ container: ContainerKey, _ error: any Error) async {
    forget(container)
    logger.warning("container not launched", metadata: ["container": "\(container)", "error": "\(error)"])
    await agent.launchFailed(container, message: "\(error)")
  }

  @concurrent
  private func proceed(_ container: ContainerKey) async {
    let held = state.withLock { state -> HeldProcess? in
      guard case .held(let held) = state.containers[container] else { return nil }
      state.containers[container] = .running(held.process)
      return held
    }
    // Gone where it was destroyed meanwhile.
    guard let held else { return }
    do {
      try held.release()
    } catch {
      await launchFailed(container, error)
      return
    }
    await watch(container, held.process)
  }

  /// Waits for the end of the container's first process, ends what it left behind, and says so.
  private func watch(_ container: ContainerKey, _ process: LaunchedProcess) async {
    var exit: ProcessExit?
    while exit == nil {
      do {
        exit = try await watcher.exitStatus(of: process)
      } catch {
        if Task.isCancelled { return }
        // As when too many files are open: what cannot be watched now can be later, and its end must not go unseen.
        logger.error("container not watched", metadata: ["container": "\(container)", "error": "\(error)"])
        do { try await Task.sleep(for: Self.retryInterval) } catch { return }
      }
    }
    await kill(container, process)
    state.withLock { $0.containers[container] = nil }
    await agent.exited(container, exit?.waitStatus.map { .status($0) } ?? .unknown)
  }

  private static let retryInterval = Duration.seconds(1)

  @concurrent
  private func destroy(_ container: ContainerKey) async {
    let known = state.withLock { state in
      let known = state.containers[container]
      switch known {
      case .starting: state.containers[container] = .starting(isUnwanted: true)
      case .held: state.containers[container] = nil
      case .running, nil: break
      }
      return known
    }
    switch known {
    case nil: await agent.exited(container, .unknown)
    case .starting: await fetcher.kill(container.value)
    case .held(let held):
      held.abandon()
      await agent.exited(container, .status(SIGKILL))
    case .running(let process): await kill(container, process)
    }
  }

  /// Kills everything of a container and returns when nothing is left of it, or the task is cancelled.
  private func kill(_ container: ContainerKey, _ process: LaunchedProcess) async {
    while !Task.isCancelled {
      do {
        if try await watcher.killTree(session: process) { return }
        logger.warning("container does not die", metadata: ["container": "\(container)"])
      } catch {
        if Task.isCancelled { return }
        logger.error("container not killed", metadata: ["container": "\(container)", "error": "\(error)"])
        do { try await Task.sleep(for: Self.retryInterval) } catch { return }
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
}
