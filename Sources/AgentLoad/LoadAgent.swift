import AgentCore
import AgentLink
import AgentLinkModel
import DequeModule
import ExecutorCore
import MesosModel
import ShellSupport

/// One simulated agent: the real core and the real session, executors without processes, and a disk that is always done.
actor LoadAgent {
  /// What has happened and has not been looked at.
  private enum Step: Sendable {
    case agent(AgentCore.Event)
    case executor(ExecutorConnection, ExecutorCore.Event)
  }

  private let index: Int
  private let clock: SystemClock
  private let timers: LoadTimers
  private let counts: SharedCounts
  private let duration: AgentLoadConfiguration.TaskDuration
  /// Takes a word when the agent is registered for the first time, or has ended before: another one may begin.
  private let turns: BoundedMailbox<Void>
  private var hasHadTurn = false
  /// Finished when the agent has ended as it was asked to.
  nonisolated let ending = BoundedMailbox<String>(limit: 1)

  private var core: AgentCore
  private var link: AgentSideSession
  private var random = SystemRandomNumberGenerator()
  private var steps: Deque<Step> = []
  private var exchange: LoadExchange?
  private var isRegistered = false
  private var hasStarted = false
  private(set) var hasEnded = false
  private var launches: [ContainerKey: ContainerLaunch] = [:]
  private var executors: [ExecutorConnection: LoadExecutor] = [:]
  private var connections: [ContainerKey: ExecutorConnection] = [:]
  private var lastConnection: UInt64 = 0
  private var lastToken: UInt64 = 0
  private var lastProcess: Int32 = 0

  init(
    index: Int, configuration: AgentLoadConfiguration, clock: SystemClock, timers: LoadTimers, counts: SharedCounts,
    turns: BoundedMailbox<Void>
  ) throws {
    self.index = index
    self.clock = clock
    self.timers = timers
    self.counts = counts
    self.turns = turns
    duration = configuration.taskDuration
    let settings = AgentCore.Configuration(
      agentInfo: try configuration.agentInfo(index), version: ServerVersion.api, ip: "127.0.0.1", port: 5_051,
      workDirectory: "/nowhere", launcherDirectory: "/nowhere", completedFrameworksMax: 1,
      completedExecutorsPerFrameworkMax: 1, completedTasksPerExecutorMax: 1)
    core = try AgentCore(
      configuration: settings, recovered: RecoveredAgent(records: [], alive: [], rebooted: false))
    var generator = SystemRandomNumberGenerator()
    link = AgentSideSession(
      session: UUIDText.random(using: &generator), agentID: nil, softwareVersion: ServerVersion.software,
      limits: LinkLimits(unacknowledgedMax: 10_000, unacknowledgedBytesMax: 16 << 20))
  }

  func start() {
    guard !hasEnded else { return }
    hasStarted = true
    counts.change { $0.begun += 1 }
    perform(core.start(at: clock.now(), using: &random))
    handleSteps()
  }

  // MARK: What happens

  func opened(_ exchange: LoadExchange) {
    self.exchange?.end()
    self.exchange = exchange
    handleLink(.opened)
  }

  func received(_ records: [LinkDown], on exchange: LoadExchange) {
    guard exchange === self.exchange else { return }
    for record in records { performLink(link.handle(.received(record), at: clock.now())) }
    handleSteps()
  }

  func closed(_ exchange: LoadExchange) {
    exchange.end()
    guard exchange === self.exchange else { return }
    self.exchange = nil
    counts.change { $0.connectionsLost += hasEnded ? 0 : 1 }
    setRegistered(false)
    handleLink(.closed)
  }

  var isLinked: Bool { link.isOpen }

  func tick() {
    let now = clock.now()
    performLink(link.handle(.tick, at: now))
    steps.append(.agent(.tick))
    for (connection, executor) in executors.sorted(by: { $0.key < $1.key }) {
      guard let due = executor.nextDeadline, due <= now.uptime else { continue }
      let statuses = executors[connection]?.finished(at: now.uptime) ?? []
      report(statuses, of: connection)
      steps.append(.executor(connection, .tick))
    }
    handleSteps()
  }

  /// Has the agent kill its tasks and say goodbye.
  func shutdown() {
    guard hasStarted else { return end("It never began") }
    steps.append(.agent(.shutdown(message: "The simulated agent ends")))
    handleSteps()
  }

  private func handleLink(_ event: AgentSideSession.Event) {
    performLink(link.handle(event, at: clock.now()))
    handleSteps()
  }

  private func handleSteps() {
    while let step = steps.popFirst() {
      switch step {
      case .agent(let event): perform(core.handle(event, at: clock.now(), using: &random))
      case .executor(let connection, let event):
        let directives = executors[connection]?.core.handle(event, at: clock.now(), using: &random) ?? []
        perform(directives, of: connection)
        if executors[connection]?.isDone == true { exit(connection) }
      }
    }
    let deadlines = [core.nextDeadline, link.nextDeadline] + executors.values.map(\.nextDeadline)
    timers.set(deadlines.compactMap { $0 }.min(), for: index)
  }

  // MARK: The agent's directives

  private func perform(_ directives: [AgentCore.Directive]) {
    for directive in directives {
      switch directive {
      case .answer, .attachSandbox, .releaseSandbox, .sendToProvider, .closeProvider: break
      case .sendToMaster(let body): performLink(link.handle(.send(body), at: clock.now()))
      case .endSession(let message): performLink(link.handle(.end(message: message), at: clock.now()))
      case .send(let connection, let event): arrived(event, at: connection)
      case .close(let connection):
        if let executor = executors[connection] { exit(connection, executor) }
      case .launch(let launch):
        lastProcess += 1
        launches[launch.container] = launch
        steps.append(.agent(.launched(launch.container, ProcessIdentity(pid: lastProcess, startTime: UInt64(index)))))
      case .proceed(let container): begin(container)
      case .destroy(let container):
        launches[container] = nil
        if let connection = connections[container], let executor = executors[connection] {
          forget(connection, executor)
        }
        steps.append(.agent(.exited(container, .status(9))))
      case .volumes(_, let number): steps.append(.agent(.volumesDone(number)))
      case .persist(_, let number): steps.append(.agent(.persisted(number)))
      case .terminate(let reason, _): end(reason)
      }
    }
  }

  private func end(_ reason: String) {
    guard !hasEnded else { return }
    hasEnded = true
    setRegistered(false)
    endTurn()
    counts.change { $0.ended += 1 }
    // What was sent before goes out; then the master sees the end of the exchange.
    exchange?.outgoing.finish()
    ending.send(reason)
  }

  private func setRegistered(_ isRegistered: Bool) {
    guard self.isRegistered != isRegistered else { return }
    self.isRegistered = isRegistered
    counts.change { counts in
      counts.registered += isRegistered ? 1 : -1
      if isRegistered { counts.registrations += 1 }
    }
    if isRegistered { endTurn() }
  }

  private func endTurn() {
    guard hasStarted, !hasHadTurn else { return }
    hasHadTurn = true
    turns.send(())
  }

  // MARK: Executors

  private func begin(_ container: ContainerKey) {
    guard let launch = launches.removeValue(forKey: container) else { return }
    lastConnection += 1
    let connection = ExecutorConnection(number: lastConnection)
    do {
      executors[connection] = try LoadExecutor(launch, connection: connection)
      connections[container] = connection
      steps.append(.executor(connection, .start))
    } catch {
      steps.append(.agent(.launchFailed(container, message: error.message)))
    }
  }

  private func perform(_ directives: [ExecutorCore.Directive], of connection: ExecutorConnection) {
    for directive in directives {
      switch directive {
      case .connect(let stream, let call):
        streams[connection] = stream
        lastToken += 1
        steps.append(.agent(.executorSubscribe(connection, call, principal: nil, token: CallToken(lastToken))))
      case .send(_, let call):
        lastToken += 1
        steps.append(.agent(.executorCall(call, principal: nil, token: CallToken(lastToken))))
      case .deliver(let event):
        let now = clock.now().uptime
        let statuses = executors[connection]?.answers(to: event) { end(of: $0, after: now) } ?? []
        report(statuses, of: connection)
      case .forceExit, .finished:
        if let executor = executors[connection] { exit(connection, executor) }
      case .disconnect, .connectivity, .rejected, .ignored: break
      }
    }
  }

  /// The number that each executor's core gave its stream.
  private var streams: [ExecutorConnection: ExecutorStream] = [:]

  private func arrived(_ event: ExecutorEvent, at connection: ExecutorConnection) {
    guard let stream = streams[connection] else { return }
    steps.append(.executor(connection, .received(stream, event)))
  }

  private func report(_ statuses: [TaskStatus], of connection: ExecutorConnection) {
    counts.change { counts in
      counts.updates += statuses.count
      for status in statuses {
        if status.state == .taskRunning { counts.tasksStarted += 1 } else { counts.tasksEnded += 1 }
      }
    }
    for status in statuses { steps.append(.executor(connection, .update(status))) }
  }

  private func exit(_ connection: ExecutorConnection) {
    if let executor = executors[connection] { exit(connection, executor) }
  }

  private func exit(_ connection: ExecutorConnection, _ executor: LoadExecutor) {
    forget(connection, executor)
    steps.append(.agent(.executorDisconnected(connection)))
    steps.append(.agent(.exited(executor.container, .status(0))))
  }

  private func forget(_ connection: ExecutorConnection, _ executor: LoadExecutor) {
    executors[connection] = nil
    streams[connection] = nil
    connections[executor.container] = nil
    counts.change { $0.tasksEnded += executor.running.count }
  }

  private func end(of task: TaskInfo, after now: Duration) -> Duration? {
    switch SimulatedTask.duration(task) ?? duration {
    case .fixed(let duration): return now + duration
    case .exponential(let mean): return now + mean * exponential(Double.random(in: 0..<1, using: &random))
    case .untilKilled: return nil
    }
  }

  // MARK: The session's directives

  private func performLink(_ directives: [AgentSideSession.Directive]) {
    for directive in directives {
      switch directive {
      case .write(let bytes):
        if let exchange, !exchange.outgoing.send(bytes) { exchange.end() }
      case .established: steps.append(.agent(.linkEstablished))
      case .resumed: setRegistered(true)
      case .lost:
        setRegistered(false)
        steps.append(.agent(.linkLost))
      case .deliver(let body):
        if case .registered = body { setRegistered(true) }
        steps.append(.agent(.master(body)))
      case .closeExchange: exchange?.end()
      }
    }
  }
}
