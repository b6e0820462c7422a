public import MesosModel

/// How a command ended.
public enum CommandExit: Hashable, Sendable {
  case exited(code: Int32)
  /// `name` is what the system calls the signal, such as `Killed`.
  case signaled(name: String, coreDumped: Bool)
  case unknown

  /// The message of the terminal update, worded as Apache Mesos does.
  var message: String {
    switch self {
    case .exited(let code): "Command exited with status \(code)"
    case .signaled(let name, let coreDumped):
      "Command terminated with signal \(name)\(coreDumped ? " (core dumped)" : "")"
    case .unknown: "Failed to get exit status for Command"
    }
  }
}

/// The life of the one task of a command executor.
///
/// Launch, run, and end by itself or by a kill: SIGTERM to everything the command started, a grace period, SIGKILL. The
/// grace period is that of the KILL event, else of the task's kill policy, else three seconds; a later kill can only
/// shorten it. A command that exits with status 0 has finished even when it was being killed. After the terminal update
/// the executor stays until that is acknowledged, for a limited time while the agent is there.
///
/// - Source: Apache Mesos, `src/launcher/executor.cpp`; task state reasons in *Task State Reasons*.
public struct CommandTask: Sendable {
  public struct Configuration: Hashable, Sendable {
    public var executorID: ExecutorID
    /// How long the agent waits after SHUTDOWN.
    public var shutdownGracePeriod: Duration
    /// The grace period of a kill where neither the KILL event nor the task names one.
    public var killGracePeriod: Duration
    /// How long the acknowledgement of the terminal update is waited for while the agent is there.
    public var acknowledgementMax: Duration

    public init(
      executorID: ExecutorID, shutdownGracePeriod: Duration = ExecutorEnvironment.defaultShutdownGracePeriod,
      killGracePeriod: Duration = .seconds(3), acknowledgementMax: Duration = .seconds(5)
    ) {
      self.executorID = executorID
      self.shutdownGracePeriod = shutdownGracePeriod
      self.killGracePeriod = killGracePeriod
      self.acknowledgementMax = acknowledgementMax
    }
  }

  public enum Event: Hashable, Sendable {
    case subscribed(FrameworkInfo)
    case unsubscribed
    case launch([TaskInfo], isGroup: Bool)
    /// The command runs.
    case launched
    case launchFailed(String)
    case exited(CommandExit)
    case kill(TaskID, KillPolicy?)
    case shutdown
    /// A probe that was asked for has an outcome.
    case probed(CheckKind, TaskProbe.Outcome)
    /// The update with this UUID is acknowledged.
    case acknowledged(uuid: [UInt8])
    case tick
  }

  /// Which of a task's checks.
  public enum CheckKind: Hashable, Sendable, CaseIterable {
    case check
    case healthCheck
  }

  public enum Signal: Hashable, Sendable {
    /// SIGTERM.
    case terminate
    /// SIGKILL.
    case kill
  }

  public enum Directive: Hashable, Sendable {
    case update(TaskStatus)
    /// Start the task's command, then say `.launched` or `.launchFailed`, and later `.exited`.
    case launch(TaskInfo)
    /// To everything the command started.
    case signalTree(Signal)
    /// Probe the task, then say `.probed`.
    case probe(CheckKind, TaskProbe)
    /// A running probe is not wanted any more, with all that it started; say nothing of it.
    case cancelProbe(CheckKind)
    /// The executor's work is done.
    case exit
    /// Something arrived that is out of place; nothing is done about it.
    case ignored(String)
  }

  private enum Phase: Hashable {
    case waiting
    case launching(TaskInfo)
    case running(TaskInfo)
    /// The terminal update has this UUID.
    case ended(uuid: [UInt8])
    case exited
  }

  private struct Kill: Hashable {
    var began: Duration
    var escalatesAt: Duration
    var hasEscalated = false
  }

  public let configuration: Configuration
  private var phase = Phase.waiting
  private var isSubscribed = false
  private var isShuttingDown = false
  private var sendsKilling = false
  /// The grace period of a kill that came before the command ran.
  private var pendingKill: Duration?
  private var kill: Kill?
  private var completionDeadline: Duration?
  private var exceededCompletionTime = false
  private var acknowledgementDeadline: Duration?
  private var checks: [(kind: CheckKind, task: ProbedTask)] = []
  private var isUnhealthy = false
  /// What a check or health check adds to.
  private var lastStatus: TaskStatus?

  public init(configuration: Configuration) { self.configuration = configuration }

  /// When `.tick` is due at the latest, by `Moment.uptime`.
  public var nextDeadline: Duration? {
    var deadlines: [Duration] = []
    if let kill, !kill.hasEscalated { deadlines.append(kill.escalatesAt) }
    if let completionDeadline { deadlines.append(completionDeadline) }
    if let acknowledgementDeadline { deadlines.append(acknowledgementDeadline) }
    deadlines += checks.compactMap(\.task.nextDeadline)
    return deadlines.min()
  }

  public mutating func handle(
    _ event: Event, at now: Moment, using rng: inout some RandomNumberGenerator
  ) -> [Directive] {
    switch event {
    case .subscribed(let framework):
      isSubscribed = true
      sendsKilling = framework.capabilities.contains { $0.type == .taskKillingState }
      if case .ended = phase { acknowledgementDeadline = now.uptime + configuration.acknowledgementMax }
      return []
    case .unsubscribed:
      isSubscribed = false
      acknowledgementDeadline = nil
      return []
    case .launch(let tasks, let isGroup):
      return launch(tasks, isGroup: isGroup, at: now, using: &rng)
    case .launched:
      return launched(at: now, using: &rng)
    case .launchFailed(let reason):
      guard case .launching(let task) = phase else { return [.ignored("A launch that was not asked for failed")] }
      return end(task, .failed, message: reason, at: now, using: &rng)
    case .exited(let status):
      return exited(status, at: now, using: &rng)
    case .probed(let kind, let outcome):
      return probed(kind, outcome, at: now, using: &rng)
    case .kill(let taskID, let policy):
      return killed(taskID, policy, at: now, using: &rng)
    case .shutdown:
      return shutDown(at: now, using: &rng)
    case .acknowledged(let uuid):
      guard case .ended(let terminal) = phase, terminal == uuid else { return [] }
      return exit()
    case .tick:
      return tick(at: now, using: &rng)
    }
  }

  private mutating func launch(
    _ tasks: [TaskInfo], isGroup: Bool, at now: Moment, using rng: inout some RandomNumberGenerator
  ) -> [Directive] {
    guard !isGroup else {
      return tasks.map {
        .update(
          status($0, .failed, message: "A \"command\" executor cannot run task groups", at: now, using: &rng))
      }
    }
    guard let task = tasks.first else { return [.ignored("A launch without a task")] }
    guard phase == .waiting else {
      let message = "Attempted to run multiple tasks using a \"command\" executor"
      return [.update(status(task, .failed, message: message, at: now, using: &rng))]
    }
    phase = .launching(task)
    let starting = Directive.update(status(task, .starting, at: now, using: &rng))
    do throws(ExecutorError) {
      _ = try Self.checks(of: task, at: now.uptime)
    } catch {
      return [starting] + end(task, .failed, message: error.message, at: now, using: &rng)
    }
    return [starting, .launch(task)]
  }

  private mutating func launched(at now: Moment, using rng: inout some RandomNumberGenerator) -> [Directive] {
    guard case .launching(let task) = phase else { return [.ignored("A launch that was not asked for")] }
    phase = .running(task)
    checks = (try? Self.checks(of: task, at: now.uptime)) ?? []
    if task.hasMaxCompletionTime {
      completionDeadline = now.uptime + .nanoseconds(max(0, task.maxCompletionTime.nanoseconds))
    }
    var directives: [Directive] = [.update(status(task, .running, at: now, using: &rng))]
    if let grace = pendingKill {
      pendingKill = nil
      directives += beginKill(task, grace: grace, at: now, using: &rng)
    }
    return directives
  }

  private mutating func killed(
    _ taskID: TaskID, _ policy: KillPolicy?, at now: Moment, using rng: inout some RandomNumberGenerator
  ) -> [Directive] {
    switch phase {
    case .launching(let task) where task.taskID == taskID:
      let grace = gracePeriod(of: task, override: policy)
      pendingKill = min(pendingKill ?? grace, grace)
      return []
    case .running(let task) where task.taskID == taskID:
      completionDeadline = nil
      return beginKill(task, grace: gracePeriod(of: task, override: policy), at: now, using: &rng)
    case .ended, .exited:
      return []
    case .waiting, .launching, .running:
      return [.ignored("A kill of the task '\(taskID.value)', which is not here")]
    }
  }

  private func gracePeriod(of task: TaskInfo, override: KillPolicy?) -> Duration {
    if let override, override.hasGracePeriod { return .nanoseconds(max(0, override.gracePeriod.nanoseconds)) }
    if task.hasKillPolicy, task.killPolicy.hasGracePeriod {
      return .nanoseconds(max(0, task.killPolicy.gracePeriod.nanoseconds))
    }
    return configuration.killGracePeriod
  }

  private mutating func beginKill(
    _ task: TaskInfo, grace: Duration, at now: Moment, using rng: inout some RandomNumberGenerator
  ) -> [Directive] {
    if let current = kill {
      // Again: the period counts from the first kill and only ever becomes shorter.
      guard !current.hasEscalated, current.began + grace < current.escalatesAt else { return [] }
      kill?.escalatesAt = current.began + grace
      return escalateIfDue(at: now)
    }
    kill = Kill(began: now.uptime, escalatesAt: now.uptime + grace)
    var directives = stopChecks()
    if sendsKilling { directives.append(.update(status(task, .killing, at: now, using: &rng))) }
    directives.append(.signalTree(.terminate))
    return directives + escalateIfDue(at: now)
  }

  private mutating func escalateIfDue(at now: Moment) -> [Directive] {
    guard let current = kill, !current.hasEscalated, current.escalatesAt <= now.uptime else { return [] }
    kill?.hasEscalated = true
    return [.signalTree(.kill)]
  }

  private mutating func shutDown(at now: Moment, using rng: inout some RandomNumberGenerator) -> [Directive] {
    isShuttingDown = true
    // A second is left for the last update to reach the agent before that destroys the container.
    let grace = max(.zero, configuration.shutdownGracePeriod - .seconds(1))
    switch phase {
    case .waiting:
      return exit()
    case .launching:
      pendingKill = min(pendingKill ?? grace, grace)
      return []
    case .running(let task):
      completionDeadline = nil
      return beginKill(task, grace: grace, at: now, using: &rng)
    case .ended:
      return isSubscribed ? [] : exit()
    case .exited:
      return []
    }
  }

  private mutating func exited(
    _ exit: CommandExit, at now: Moment, using rng: inout some RandomNumberGenerator
  ) -> [Directive] {
    guard case .running(let task) = phase else { return [.ignored("A command ended that does not run")] }
    let wasKilled = kill != nil
    let cause: TaskStatusCause =
      switch exit {
      case .unknown: .failed
      case _ where exceededCompletionTime: .maxCompletionTimeReached
      case .exited(code: 0): .finished
      case .exited, .signaled: wasKilled ? .killed : .failed
      }
    // What the command left behind goes with it.
    return [.signalTree(.kill)] + end(task, cause, message: exit.message, at: now, using: &rng)
  }

  private mutating func end(
    _ task: TaskInfo, _ cause: TaskStatusCause, message: String, at now: Moment,
    using rng: inout some RandomNumberGenerator
  ) -> [Directive] {
    var terminal = status(task, cause, message: message, at: now, using: &rng)
    if isUnhealthy { terminal.healthy = false }
    let stopped = stopChecks()
    phase = .ended(uuid: StatusUUID.bytes(terminal.uuid))
    kill = nil
    pendingKill = nil
    completionDeadline = nil
    if isSubscribed { acknowledgementDeadline = now.uptime + configuration.acknowledgementMax }
    return stopped + [.update(terminal)] + (isShuttingDown && !isSubscribed ? self.exit() : [])
  }

  private mutating func exit() -> [Directive] {
    guard phase != .exited else { return [] }
    phase = .exited
    acknowledgementDeadline = nil
    return [.exit]
  }

  private mutating func tick(at now: Moment, using rng: inout some RandomNumberGenerator) -> [Directive] {
    if let deadline = acknowledgementDeadline, deadline <= now.uptime { return exit() }
    if let deadline = completionDeadline, deadline <= now.uptime, case .running(let task) = phase {
      completionDeadline = nil
      exceededCompletionTime = true
      return beginKill(task, grace: .zero, at: now, using: &rng)
    }
    return tickChecks(at: now, using: &rng) + escalateIfDue(at: now)
  }

  // MARK: Checks

  private static func checks(
    of task: TaskInfo, at now: Duration
  ) throws(ExecutorError) -> [(kind: CheckKind, task: ProbedTask)] {
    var checks: [(kind: CheckKind, task: ProbedTask)] = []
    if task.hasCheck { checks.append((.check, try ProbedTask(.check(task.check), at: now))) }
    if task.hasHealthCheck { checks.append((.healthCheck, try ProbedTask(.healthCheck(task.healthCheck), at: now))) }
    return checks
  }

  private mutating func tickChecks(at now: Moment, using rng: inout some RandomNumberGenerator) -> [Directive] {
    var directives: [Directive] = []
    for index in checks.indices {
      // A kill that one brought about has stopped them all.
      guard index < checks.count else { break }
      let kind = checks[index].kind
      switch checks[index].task.tick(at: now.uptime) {
      case .begin: directives.append(.probe(kind, checks[index].task.probe))
      case .callOff(let finding):
        directives.append(.cancelProbe(kind))
        directives += tell(finding, at: now, using: &rng)
      case nil: break
      }
    }
    return directives
  }

  private mutating func probed(
    _ kind: CheckKind, _ outcome: TaskProbe.Outcome, at now: Moment, using rng: inout some RandomNumberGenerator
  ) -> [Directive] {
    guard let index = checks.firstIndex(where: { $0.kind == kind }) else { return [] }
    return tell(checks[index].task.ended(outcome, at: now.uptime), at: now, using: &rng)
  }

  /// An update with all that the one before said, and what was found.
  private mutating func tell(
    _ finding: ProbedTask.Finding?, at now: Moment, using rng: inout some RandomNumberGenerator
  ) -> [Directive] {
    guard let finding, case .running(let task) = phase, kill == nil else { return [] }
    let cause: TaskStatusCause =
      if case .checkStatus = finding { .checkStatusUpdated } else { .healthCheckStatusUpdated }
    var status = status(task, cause, at: now, using: &rng)
    if let lastStatus {
      if lastStatus.hasHealthy { status.healthy = lastStatus.healthy }
      if lastStatus.hasCheckStatus { status.checkStatus = lastStatus.checkStatus }
    }
    switch finding {
    case .checkStatus(let found):
      status.checkStatus = found
      lastStatus = status
      return [.update(status)]
    case .health(let isHealthy, let endsTask):
      status.healthy = isHealthy
      lastStatus = status
      guard endsTask else { return [.update(status)] }
      isUnhealthy = true
      completionDeadline = nil
      return [.update(status)]
        + beginKill(task, grace: gracePeriod(of: task, override: nil), at: now, using: &rng)
    }
  }

  private mutating func stopChecks() -> [Directive] {
    var directives: [Directive] = []
    for index in checks.indices where checks[index].task.stop() { directives.append(.cancelProbe(checks[index].kind)) }
    checks = []
    return directives
  }

  private func status(
    _ task: TaskInfo, _ cause: TaskStatusCause, message: String? = nil, at now: Moment,
    using rng: inout some RandomNumberGenerator
  ) -> TaskStatus {
    var status = TaskStatus(task.taskID, cause)
    status.executorID = configuration.executorID
    status.timestamp = now.wallSeconds
    status.uuid = StatusUUID.make(using: &rng)
    if let message { status.message = message }
    if task.hasCheck { status.checkStatus = ProbedTask.emptyStatus(of: task.check) }
    return status
  }
}
