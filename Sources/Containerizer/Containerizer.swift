import Glibc
public import Logging
public import MesosModel
public import ProcessLaunch

/// Launches containers, watches them, and ends them with everything that they started.
///
/// It composes a ``Launcher``, which makes and kills processes, a row of ``Isolator``s, each of which confines containers in one
/// respect, and a ``Provisioner`` of file systems. A launch asks each isolator what the container's first process is to be
/// (``Isolator/prepare(_:)``), makes that process, has each isolator take hold of it (``Isolator/isolate(_:_:)``), and holds it
/// back before its program until ``release(_:)``: the caller can write its identity down first, and should this process die before, the
/// container ends without having executed anything.
///
/// A container ends when its program does, when it goes beyond a limit, or when ``destroy(_:)`` is called; in each case everything
/// of it is killed, the isolators clean up in the opposite order, and whoever called ``wait(_:)`` is told. What lives on when this
/// process ends is found again by ``recover(_:)``, which also destroys what nobody knows.
///
/// - Source: Apache Mesos, *Mesos Containerizer* (`docs/mesos-containerizer.md`),
///   `src/slave/containerizer/mesos/containerizer.cpp`.
public actor Containerizer {
  public struct Configuration: Sendable {
    /// Where the identities of containers are kept; an absolute path, made if need be. What a restart of the machine may lose.
    public var runtimeDirectory: String
    /// How long one attempt to kill a container may take; there are three.
    public var destroyTimeout = Duration.seconds(60)
    /// The first process of a container stays beside its program: it takes the status of orphans and writes down how the program
    /// ended, so that this is known after a restart, too. Takes the launcher `linux`.
    public var runsInit = true
    /// Containers that ended, and whose end is still told, beyond those of executors.
    public var terminatedMax = 10_000

    public init(runtimeDirectory: String) { self.runtimeDirectory = runtimeDirectory }
  }

  /// How far a container is.
  public enum State: String, Hashable, Sendable {
    /// Isolators are being asked.
    case preparing
    /// Its first process is being set up.
    case starting
    /// Its first process waits before its program.
    case held
    case running
    /// It is being killed and cleaned up.
    case destroying
  }

  /// What is known of a container that has not ended.
  public struct Entry: Sendable {
    public var id: NestedContainerID
    public var state: State
    public var process: LaunchedProcess?
    public var configuration: ContainerConfiguration
  }

  final class Container {
    let configuration: ContainerConfiguration
    var state = State.preparing
    var process: LaunchedProcess?
    var launch: (any ContainerLaunchInProgress)?
    var resources: [Resource]
    var limits: [String: Double]
    var limitation: ContainerLimitation?
    var wasDestroyed = false
    var waiters: [UInt64: CheckedContinuation<ContainerTermination?, Never>] = [:]
    /// Waits for its first process to end.
    var exit: Task<ProcessExit, Never>?
    /// Wait for it to go beyond limits.
    var watches: [Task<Void, Never>] = []

    init(_ configuration: ContainerConfiguration) {
      self.configuration = configuration
      resources = configuration.resources
      limits = configuration.limits
    }
  }

  let configuration: Configuration
  public nonisolated let launcher: any Launcher
  public nonisolated let isolators: [any Isolator]
  let provisioner: any Provisioner
  let watcher: ProcessWatcher
  let store: ContainerStore
  let logger: Logger
  var containers: [NestedContainerID: Container] = [:]
  /// Those that no agent watches, until they are removed or too many came after.
  var terminated: [NestedContainerID: ContainerTermination] = [:]
  var terminatedOrder: [NestedContainerID] = []
  private var lastWaiter: UInt64 = 0

  public init(
    configuration: Configuration, launcher: any Launcher, isolators: [any Isolator],
    provisioner: any Provisioner = NoProvisioner(), watcher: ProcessWatcher, logger: Logger
  ) {
    self.configuration = configuration
    self.launcher = launcher
    self.isolators = isolators
    self.provisioner = provisioner
    self.watcher = watcher
    self.logger = logger
    store = ContainerStore(directory: configuration.runtimeDirectory + "/containers")
  }

  // MARK: Launching

  /// Makes a container whose first process is all set up and waits before its program.
  ///
  /// - Returns: The first process.
  /// - Throws: ``ContainerizerError``; then nothing of the container is left. Its code is `.exists` for an id that is in use, `.destroyed`
  ///   where ``destroy(_:)`` came in between.
  public func launch(
    _ id: NestedContainerID, _ configuration: ContainerConfiguration
  ) async throws(ContainerizerError) -> LaunchedProcess {
    guard containers[id] == nil else { throw ContainerizerError(.exists, "The container \(id) is there already") }
    guard terminated[id] == nil else {
      throw ContainerizerError(.exists, "The container \(id) has ended and was not removed")
    }
    var isolated = IsolatedContainer(id: id, configuration: configuration)
    if let parentID = id.parent {
      guard let parent = containers[parentID], let process = parent.process, parent.state == .running else {
        throw ContainerizerError(.unknownContainer, "The parent of the container \(id) does not run")
      }
      isolated.parent = process
      isolated.parentDirectory = parent.configuration.directory
    }
    let container = Container(configuration)
    containers[id] = container
    do throws(ContainerizerError) {
      return try await launch(isolated, container)
    } catch {
      logger.warning("container not launched", metadata: ["container": "\(id)", "error": "\(error)"])
      container.state = .destroying
      container.launch?.abandon()
      container.launch = nil
      let termination = await cleanUp(
        id, container, exit: .signaled(number: SIGKILL, coreDumped: false), processIsKnown: false)
      finish(id, container, termination, isKept: false)
      throw error
    }
  }

  private func launch(
    _ isolated: IsolatedContainer, _ container: Container
  ) async throws(ContainerizerError) -> LaunchedProcess {
    let id = isolated.id
    func checkWanted() throws(ContainerizerError) {
      guard !container.wasDestroyed else {
        throw ContainerizerError(.destroyed, "The container \(id) was destroyed before it was launched")
      }
    }
    var isolated = isolated
    var description = try Self.description(of: isolated.configuration)
    if isolated.configuration.info?.mesos.hasImage == true, let image = isolated.configuration.info?.mesos.image {
      let root = try await provisioner.provision(id, image)
      description.contribution.steps.append(.pivot(root))
      try checkWanted()
    }
    for isolator in isolators {
      let wanted = try await isolator.prepare(isolated)
      try checkWanted()
      try description.contribution.add(wanted, of: isolator.name)
    }
    try store.make(id)
    if configuration.runsInit, launcher.name == "linux" {
      description.staysAsInit = true
      description.statusFile = store.statusFile(of: id)
    }
    container.state = .starting
    isolated.configuration.environment = []
    let streams = LaunchStreams(
      output: isolated.configuration.standardOutput, error: isolated.configuration.standardError,
      fileOwner: isolated.configuration.user)
    let launch = try await launcher.start(id, description, streams)
    container.launch = launch
    try checkWanted()
    for isolator in isolators {
      try await isolator.isolate(isolated, launch.process)
      try checkWanted()
    }
    try await Self.setUp(launch)
    try checkWanted()
    try store.write(id, launch.process, container.configuration)
    container.process = launch.process
    container.state = .held
    watch(id, container, launch.process)
    return launch.process
  }

  @concurrent
  private static func setUp(_ launch: any ContainerLaunchInProgress) async throws(ContainerizerError) {
    try launch.setUp()
  }

  @concurrent
  private static func release(_ launch: any ContainerLaunchInProgress) async throws(ContainerizerError) {
    try launch.release()
  }

  /// Executes the program of a container that was launched.
  ///
  /// - Throws: ``ContainerizerError``; with code `.launch` the program could not be executed, and nothing of the container is left.
  public func release(_ id: NestedContainerID) async throws(ContainerizerError) {
    guard let container = containers[id] else {
      throw ContainerizerError(.unknownContainer, "There is no container \(id)")
    }
    guard container.state == .held, let launch = container.launch else {
      throw ContainerizerError(.wrongState, "The container \(id) is \(container.state.rawValue)")
    }
    container.state = .running
    container.launch = nil
    do {
      try await Self.release(launch)
    } catch {
      _ = await destroy(id)
      terminated[id] = nil
      throw error
    }
  }

  /// Launches a container and executes its program.
  public func run(
    _ id: NestedContainerID, _ configuration: ContainerConfiguration
  ) async throws(ContainerizerError) -> LaunchedProcess {
    let process = try await launch(id, configuration)
    try await release(id)
    return process
  }

  private static func description(of configuration: ContainerConfiguration) throws(ContainerizerError)
    -> LaunchDescription
  {
    var description: LaunchDescription
    switch configuration.program {
    case .shell(let command): description = LaunchDescription(programs: ["/bin/sh"], arguments: ["sh", "-c", command])
    case .program(let path, let arguments):
      guard !path.isEmpty else { throw ContainerizerError(.invalid, "The container's program is empty") }
      var programs = [path]
      if !path.utf8.contains(UInt8(ascii: "/")) {
        let search = configuration.environment.last { $0.name == "PATH" }?.value ?? "/usr/local/bin:/usr/bin:/bin"
        programs = search.split(separator: ":").map { "\($0)/\(path)" }
      }
      description = LaunchDescription(programs: programs, arguments: arguments.isEmpty ? [path] : arguments)
    }
    description.environment = configuration.environment
    description.directory = configuration.directory
    if let user = configuration.user {
      description.credentials = (user.uid, user.gid, user.supplementaryGroups)
    }
    return description
  }

  // MARK: Watching

  /// Begins to wait for the end of a container's first process and for limits that it goes beyond.
  func watch(_ id: NestedContainerID, _ container: Container, _ process: LaunchedProcess) {
    let watcher = watcher
    let logger = logger
    // unstructured: owned by the container's entry, ends with its process, or when `detach()` cancels it.
    container.exit = Task {
      while true {
        do {
          return try await watcher.exitStatus(of: process)
        } catch {
          if Task.isCancelled { return .unknown }
          // As when too many files are open: what cannot be watched now can be later, and its end must not go unseen.
          logger.error("container not watched", metadata: ["container": "\(id)", "error": "\(error)"])
          do { try await Task.sleep(for: .seconds(1)) } catch { return .unknown }
        }
      }
    }
    let exit = container.exit
    container.watches = isolators.map { isolator in
      // unstructured: owned by the container's entry, cancelled when it is cleaned up or by `detach()`.
      Task { [weak self] in
        guard let limitation = await isolator.limitation(of: id) else { return }
        await self?.limited(id, limitation)
      }
    }
    container.watches.append(
      // unstructured: as above.
      Task { [weak self] in
        _ = await exit?.value
        guard !Task.isCancelled else { return }
        await self?.exited(id)
      })
  }

  private func limited(_ id: NestedContainerID, _ limitation: ContainerLimitation) async {
    guard let container = containers[id], container.state == .running, container.limitation == nil else { return }
    logger.info(
      "container beyond a limit", metadata: ["container": "\(id)", "why": "\(limitation.message.prefix(200))"])
    container.limitation = limitation
    begin(id, container)
  }

  private func exited(_ id: NestedContainerID) async {
    guard let container = containers[id], container.state == .running || container.state == .held else { return }
    container.state = .destroying
    if container.limitation == nil {
      for isolator in isolators {
        guard let limitation = await isolator.presentLimitation(of: id) else { continue }
        container.limitation = limitation
        break
      }
    }
    begin(id, container)
  }

  // MARK: Ending

  /// Kills everything of a container and cleans up; returns when that is done.
  ///
  /// - Returns: How it ended; `nil` where it is not known, or the waiting task is cancelled first: then it goes on all the same.
  @discardableResult
  public func destroy(_ id: NestedContainerID) async -> ContainerTermination? {
    guard let container = containers[id] else { return terminated[id] }
    container.wasDestroyed = true
    switch container.state {
    // The launch sees it at its next step.
    case .preparing, .starting, .destroying: break
    case .held:
      container.launch?.abandon()
      container.launch = nil
      begin(id, container)
    case .running: begin(id, container)
    }
    return await ended(container)
  }

  /// Waits for a container to end.
  ///
  /// - Returns: `nil` when the waiting task is cancelled first.
  /// - Throws: ``ContainerizerError`` with code `.unknownContainer`.
  public func wait(_ id: NestedContainerID) async throws(ContainerizerError) -> ContainerTermination? {
    if let termination = terminated[id] { return termination }
    guard let container = containers[id] else {
      throw ContainerizerError(.unknownContainer, "There is no container \(id)")
    }
    return await ended(container)
  }

  private func ended(_ container: Container) async -> ContainerTermination? {
    lastWaiter += 1
    let waiter = lastWaiter
    return await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        if Task.isCancelled {
          continuation.resume(returning: nil)
        } else {
          container.waiters[waiter] = continuation
        }
      }
    } onCancel: {
      // unstructured: ends at once.
      Task { await self.cancel(waiter) }
    }
  }

  private func cancel(_ waiter: UInt64) {
    for container in containers.values { container.waiters.removeValue(forKey: waiter)?.resume(returning: nil) }
  }

  /// Sends a signal to the program of a container that runs.
  ///
  /// - Throws: ``ContainerizerError`` with code `.unknownContainer`, `.wrongState`, or `.invalid` for no signal of this system.
  public func signal(_ id: NestedContainerID, _ number: Int32) throws(ContainerizerError) {
    guard let container = containers[id] else {
      throw ContainerizerError(.unknownContainer, "There is no container \(id)")
    }
    guard let process = container.process, container.state == .running else {
      throw ContainerizerError(.wrongState, "The container \(id) is \(container.state.rawValue)")
    }
    do {
      _ = try ProcessDescriptor(process)?.signal(number)
    } catch {
      throw ContainerizerError(.invalid, "\(error)", errno: error.code)
    }
  }

  private func begin(_ id: NestedContainerID, _ container: Container) {
    container.state = .destroying
    // unstructured: what is begun ends, whoever stops waiting for it; each of its steps has a deadline.
    Task {
      let termination = await self.cleanUp(id, container, exit: nil, processIsKnown: true)
      self.finish(id, container, termination, isKept: container.configuration.kind != .executor)
    }
  }

  /// - Parameter exit: How it ended, where there is no process to ask.
  private func cleanUp(
    _ id: NestedContainerID, _ container: Container, exit: ProcessExit?, processIsKnown: Bool
  ) async -> ContainerTermination {
    for child in containers.keys.filter({ $0.parent == id }).sorted() { await destroy(child) }
    var termination = ContainerTermination(
      exit: exit ?? .unknown, limitation: container.limitation, wasDestroyed: container.wasDestroyed, leftovers: [])
    var isKilled = false
    for attempt in 1...3 {
      do {
        try await launcher.destroy(id, container.process, within: configuration.destroyTimeout)
        isKilled = true
        break
      } catch {
        logger.error(
          "container not destroyed", metadata: ["container": "\(id)", "attempt": "\(attempt)", "error": "\(error)"])
        if attempt == 3 { termination.leftovers.append("\(error)") }
      }
    }
    // The status of one that does not die may never come.
    if exit == nil, isKilled, let task = container.exit { termination.exit = await task.value }
    if exit == nil, let written = store.status(of: id) { termination.exit = written }
    for watch in container.watches { watch.cancel() }
    container.watches = []
    for isolator in isolators.reversed() {
      do {
        try await isolator.cleanUp(id)
      } catch {
        logger.error(
          "isolation not cleaned up",
          metadata: ["container": "\(id)", "isolator": "\(isolator.name)", "error": "\(error)"])
        termination.leftovers.append("\(isolator.name): \(error)")
      }
    }
    do { try await provisioner.destroy(id) } catch { termination.leftovers.append("\(error)") }
    return termination
  }

  private func finish(
    _ id: NestedContainerID, _ container: Container, _ termination: ContainerTermination, isKept: Bool
  ) {
    containers[id] = nil
    if isKept {
      terminated[id] = termination
      terminatedOrder.append(id)
      if terminatedOrder.count > configuration.terminatedMax {
        let oldest = terminatedOrder.removeFirst()
        terminated[oldest] = nil
        store.remove(oldest)
      }
      store.forgetProcess(id)
    } else {
      store.remove(id)
    }
    let waiters = container.waiters
    container.waiters = [:]
    for (_, waiter) in waiters.sorted(by: { $0.key < $1.key }) { waiter.resume(returning: termination) }
  }

  /// Forgets a container that has ended.
  ///
  /// - Throws: ``ContainerizerError`` with code `.wrongState` while it has not.
  public func remove(_ id: NestedContainerID) throws(ContainerizerError) {
    if let container = containers[id] {
      throw ContainerizerError(.wrongState, "The container \(id) is \(container.state.rawValue)")
    }
    guard terminated.removeValue(forKey: id) != nil else {
      throw ContainerizerError(.unknownContainer, "There is no container \(id)")
    }
    terminatedOrder.removeAll { $0 == id }
    store.remove(id)
  }

  /// Stops watching: what runs goes on and is found again by ``recover(_:)`` of another; what waits before its program ends.
  public func detach() {
    for (_, container) in containers.sorted(by: { $0.key < $1.key }) {
      if container.state == .held {
        container.state = .destroying
        container.launch?.abandon()
        container.launch = nil
      }
      container.exit?.cancel()
      for watch in container.watches { watch.cancel() }
      container.watches = []
    }
  }

  // MARK: Reading and changing

  /// Gives a container other resources.
  public func update(
    _ id: NestedContainerID, _ resources: [Resource], limits: [String: Double] = [:]
  ) async throws(ContainerizerError) {
    guard let container = containers[id] else {
      throw ContainerizerError(.unknownContainer, "There is no container \(id)")
    }
    container.resources = resources
    container.limits = limits
    guard container.state != .preparing, container.state != .destroying else { return }
    for isolator in isolators { try await isolator.update(id, resources, limits) }
  }

  /// The containers that have not ended, by id.
  public var entries: [Entry] {
    containers.sorted { $0.key < $1.key }.map { id, container in
      Entry(id: id, state: container.state, process: container.process, configuration: container.configuration)
    }
  }

  /// Whether the container has ended and was not removed.
  public func hasEnded(_ id: NestedContainerID) -> Bool { terminated[id] != nil }

  /// What isolators know of a container that runs: its use, and what it was given.
  public struct Report: Sendable {
    public var id: NestedContainerID
    public var kind: ContainerConfiguration.Kind
    public var process: LaunchedProcess
    public var statistics: ResourceStatistics
    public var status: ContainerStatus
  }

  /// Reports on all containers that run, by id. Read from the kernel on the caller's own time; others are not held up.
  ///
  /// - Parameter timestamp: Seconds since 1970, for the statistics.
  public nonisolated func reports(at timestamp: Double) async -> [Report] {
    let running = await running
    return await measure(running, timestamp)
  }

  private struct Running: Sendable {
    var id: NestedContainerID
    var kind: ContainerConfiguration.Kind
    var process: LaunchedProcess
    var resources: ContainerResources
  }

  private var running: [Running] {
    containers.sorted { $0.key < $1.key }.compactMap { id, container in
      guard let process = container.process, container.state == .running || container.state == .held else { return nil }
      return Running(
        id: id, kind: container.configuration.kind, process: process,
        resources: ContainerResources(container.resources, limits: container.limits))
    }
  }

  @concurrent
  private nonisolated func measure(_ running: [Running], _ timestamp: Double) async -> [Report] {
    running.map { container in
      var statistics = ResourceStatistics()
      statistics.timestamp = timestamp
      let given = container.resources
      if let cpus = given.cpus { statistics.cpusSoftLimit = cpus }
      if let limit = given.cpusLimit, limit.isFinite, limit != given.cpus { statistics.cpusLimit = limit }
      if let memory = given.memoryMB { statistics.memSoftLimitBytes = Self.bytes(ofMB: memory) }
      if let limit = given.memoryMBLimit, limit.isFinite { statistics.memLimitBytes = Self.bytes(ofMB: limit) }
      var status = ContainerStatus()
      status.containerID = container.id.message
      status.executorPid = UInt32(max(0, container.process.pid))
      for isolator in isolators {
        // One that ends meanwhile is measured as far as it goes.
        try? isolator.measure(container.id, container.process, into: &statistics)
        isolator.report(container.id, into: &status)
      }
      return Report(
        id: container.id, kind: container.kind, process: container.process, statistics: statistics, status: status)
    }
  }

  static func bytes(ofMB megabytes: Double) -> UInt64 {
    let bytes = megabytes * 1_048_576
    return bytes < 1 ? 0 : bytes >= 9.2e18 ? UInt64(Int64.max) : UInt64(bytes)
  }
}
