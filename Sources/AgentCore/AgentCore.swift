import AgentLinkModel
import DequeModule
import HeapModule
import OrderedCollections
public import MesosModel

/// What an agent decides: which executors to start, what to tell them, the master and the disk, and when to say it again.
///
/// A value without I/O, clock or chance: the shell gives it each ``Event`` with the moment and a source of random numbers, and
/// performs the ``Directive`` values that come back, in their order.
///
/// **Durable before visible.** What an agent must know after it was killed is staged first: the handler returns
/// `.persist(changes, n)` and remembers what is to follow; `.persisted(n)` brings it about. So a container is launched after its
/// record is durable, its process executes a program after the process's identity is, a status update is acknowledged to its executor
/// and sent to the master after it is durable, and the next update of a task is sent after the acknowledgement of the one before is.
///
/// **Updates.** Each task has a stream of updates. Its first is sent to the master, and again after 10 seconds, 20, 40 and so on
/// up to 10 minutes, until the framework acknowledges it; then comes the next. A task is over when its terminal update is
/// acknowledged, an executor when its container is gone and all of its tasks are over.
///
/// Differences from Apache Mesos: a task that an executor never received before the agent was killed is delivered when the
/// executor is back, where Mesos drops it; a kill that could not be delivered is delivered then, too.
public struct AgentCore: Sendable {
  public let configuration: Configuration
  /// What was counted since the process began.
  public internal(set) var counters = AgentCounters()
  /// The id that the master gave, once it is durable.
  public internal(set) var agentID: AgentKey?
  /// Whether the master has admitted the agent in the link's present session.
  public internal(set) var isRegistered = false

  /// In the order of their first task here; those without executors are the completed ones.
  var frameworks: OrderedDictionary<FrameworkKey, Framework> = [:]
  var streams: OrderedDictionary<TaskAddress, UpdateStream> = [:]
  /// The executors whose tasks these are.
  var owners: [TaskAddress: ExecutorKey] = [:]
  var containers: [ContainerKey: ExecutorAddress] = [:]
  /// What the agent has itself: as configured, with everything that operations made of it.
  var total: Resources
  /// In the order in which they came.
  var operations: OrderedDictionary<OperationKey, AgentOperation> = [:]
  /// What follows the work on volumes that the shell was asked for.
  var volumeWork: [UInt64: VolumeConsequence] = [:]
  /// Those that were given ids, in the order in which they were.
  var providers: OrderedDictionary<ResourceProviderKey, ResourceProvider> = [:]
  var providerConnections: [ResourceProviderConnection: ResourceProviderKey] = [:]
  /// Providers whose new ids are on their way to the disk.
  var admittingProviders: [ResourceProviderConnection: ResourceProviderInfo] = [:]
  /// What tasks wait for, in the order in which they do.
  var publications: OrderedDictionary<OperationKey, Publication> = [:]
  var lastVolumeWork: UInt64 = 0
  /// A registration is to follow as soon as all operations are on the disk.
  var registersAgain = false
  var connections: [ExecutorConnection: ExecutorAddress] = [:]
  var deadlines = Deadlines<Timer>()
  var identities = IdentitySource()
  /// Numbers executors and tasks in the order of their launch.
  var lastOrder: UInt64 = 0
  var phase = Phase.recovering
  var isLinkUp = false
  /// The id that the master gave is on its way to the disk; what the master sends meanwhile waits, as it presumes the id.
  var isBeingNamed = false
  var early: [LinkDown.OneOf_Body] = []
  /// How the agent is being drained; absent once nothing runs any more.
  var drainConfig: DrainConfig?
  /// The last records are on their way to the disk, then everything is taken back.
  var isLeaving = false

  // Of the event being handled.
  var now = Moment(uptime: .zero, wallNanoseconds: 0)
  var directives: [Directive] = []
  var changes: [CheckpointChange] = []
  var consequences: [Consequence] = []
  // Of the changes on their way to the disk.
  var lastPersist: UInt64 = 0
  var awaiting: Deque<(number: UInt64, consequences: [Consequence])> = []
  var recovered: RecoveredAgent

  enum Phase: Hashable, Sendable {
    /// Executors of the process before may still subscribe; the master is not told anything yet.
    case recovering
    case running
    /// Everything is being killed for good; then the process ends with this text.
    case shuttingDown(String)
    case ended
  }

  enum Timer: Hashable, Sendable {
    case recovery
    /// The executor's registration, re-registration or grace period is over.
    case executor(ContainerKey)
    case heartbeat(ExecutorConnection)
    case retry(TaskAddress)
    case retryOperation(OperationKey)
    case publication(OperationKey)
  }

  /// What follows when changes are durable.
  enum Consequence: Hashable, Sendable {
    case registered(AgentKey)
    case run([TaskAddress], ContainerKey)
    case proceed(ContainerKey)
    case update(TaskAddress, number: UInt64)
    case acknowledged(TaskAddress, number: UInt64)
    case completed(ExecutorAddress, ContainerKey)
    /// What the executor said of a task that had ended is not kept, and the end is safe.
    case refused(ExecutorAddress, TaskKey, uuid: [UInt8])
    /// The conversion is done; then these steps are to be taken.
    case operation(OperationKey, [VolumeStep])
    case operationEnded(OperationKey)
    case operationAcknowledged(OperationKey)
    case providerAdmitted(ResourceProviderConnection, ResourceProviderKey)
    case providerGone(ResourceProviderKey, CallToken)
    case left
    case gone(String)
  }

  /// An agent that begins with what its storage held; ``start(at:using:)`` comes first.
  ///
  /// - Throws: `AgentError` with code `.badRecord`, naming the key, when a record is not understood: nothing is guessed.
  public init(configuration: Configuration, recovered: RecoveredAgent) throws(AgentError) {
    self.configuration = configuration
    self.recovered = recovered
    total = (try? Resources(configuration.agentInfo.resources)) ?? Resources()
    try restore(recovered.records)
  }

  /// The latest moment, as `Moment.uptime`, at which `.tick` must be given.
  public var nextDeadline: Duration? { deadlines.next }

  /// Begins: takes up the executors that live on and ends those that do not.
  public mutating func start(at now: Moment, using rng: inout some RandomNumberGenerator) -> [Directive] {
    begin(at: now, using: &rng)
    recover()
    return finish()
  }

  /// Decides what follows from `event`.
  public mutating func handle(
    _ event: Event, at now: Moment, using rng: inout some RandomNumberGenerator
  ) -> [Directive] {
    guard phase != .ended else { return [] }
    begin(at: now, using: &rng)
    switch event {
    case .linkEstablished: linkEstablished()
    case .linkLost: linkLost()
    case .master(let body): handleMaster(body)
    case .executorSubscribe(let connection, let call, let principal, let token):
      subscribe(connection, call, principal: principal, token: token)
    case .executorCall(let call, let principal, let token): handleExecutor(call, principal: principal, token: token)
    case .executorDisconnected(let connection): disconnected(connection)
    case .launched(let container, let process): launched(container, process)
    case .launchFailed(let container, let message): launchFailed(container, message)
    case .exited(let container, let exit): exited(container, exit)
    case .persisted(let number): persisted(through: number)
    case .persistFailed(_, let message):
      phase = .ended
      directives.append(.terminate(reason: "Failed to write the agent's state: \(message)", failed: true))
    case .tick: tick()
    case .stop:
      phase = .ended
      directives.append(.terminate(reason: "Stopped", failed: false))
    case .shutdown(let message): shutdown(message)
    case .volumesDone(let number): volumesDone(number)
    case .volumesFailed(let number, let message): volumesFailed(number, message)
    case .providerSubscribe(let connection, let call, let principal, let token):
      subscribeProvider(connection, call, principal: principal, token: token)
    case .providerCall(let call, let streamID, let principal, let token):
      handleProvider(call, streamID: streamID, principal: principal, token: token)
    case .providerDisconnected(let connection): providerDisconnected(connection)
    case .markProviderGone(let id, let principal, let token): markProviderGone(id, principal: principal, token: token)
    }
    return finish()
  }

  private mutating func begin(at now: Moment, using rng: inout some RandomNumberGenerator) {
    self.now = now
    identities.stir((rng.next(), rng.next()))
  }

  /// The staged changes go to the disk behind everything that need not wait for them.
  private mutating func finish() -> [Directive] {
    if !changes.isEmpty || !consequences.isEmpty {
      lastPersist += 1
      awaiting.append((lastPersist, consequences))
      directives.append(.persist(changes, lastPersist))
      changes = []
      consequences = []
    }
    defer { directives = [] }
    return directives
  }

  private mutating func persisted(through number: UInt64) {
    while let first = awaiting.first, first.number <= number {
      awaiting.removeFirst()
      for consequence in first.consequences {
        switch consequence {
        case .registered(let id): registeredDurably(id)
        case .run(let addresses, let container): runDurably(addresses, container)
        case .proceed(let container): proceedDurably(container)
        case .update(let address, let number): updateDurably(address, number)
        case .acknowledged(let address, let number): acknowledgedDurably(address, number)
        case .completed(let address, let container): completedDurably(address, container)
        case .refused(let address, let task, let uuid):
          if let connection = self[address]?.connection { acknowledge(connection, task, uuid) }
        case .operation(let key, let steps): operationDurably(key, steps)
        case .operationEnded(let key): operationEndedDurably(key)
        case .operationAcknowledged(let key): operations[key] = nil
        case .providerAdmitted(let connection, let key): providerAdmittedDurably(connection, key)
        case .providerGone(let key, let token): providerGoneDurably(key, token)
        case .left: leftDurably()
        case .gone(let message):
          phase = .ended
          directives.append(.terminate(reason: message, failed: false))
        }
      }
    }
  }

  private mutating func tick() {
    while let timer = deadlines.popDue(now.uptime) {
      switch timer {
      case .recovery: finishRecovery()
      case .executor(let container): executorTimedOut(container)
      case .heartbeat(let connection): heartbeat(connection)
      case .retry(let address): retry(address)
      case .retryOperation(let key): retryOperation(key)
      case .publication(let uuid): publicationTimedOut(uuid)
      }
    }
  }

  // MARK: Access

  subscript(_ address: ExecutorAddress) -> Executor? {
    get { frameworks[address.framework]?.executors[address.executor] }
    set { frameworks[address.framework]?.executors[address.executor] = newValue }
  }

  /// The executor that runs in `container`, unless it is another run by now.
  func address(of container: ContainerKey) -> ExecutorAddress? {
    guard let address = containers[container], self[address]?.container == container else { return nil }
    return address
  }

  func task(_ address: TaskAddress) -> AgentTask? {
    guard let owner = owners[address] else { return nil }
    return frameworks[address.framework]?.executors[owner]?.tasks[address.task]
  }

  mutating func nextOrder() -> UInt64 {
    lastOrder += 1
    return lastOrder
  }
}
