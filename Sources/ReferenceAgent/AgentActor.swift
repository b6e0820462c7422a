import AgentCore
import AgentLink
import AgentLinkModel
import DequeModule
import Logging
import MesosModel
import SandboxFiles
import ShellSupport

/// One attempt to speak with the master: what is to be written, and a word when it must end.
final class AgentExchange: Sendable {
  let outgoing: BoundedMailbox<[UInt8]>
  private let ending = BoundedMailbox<Void>(limit: 1)

  init(limit: Int) { outgoing = BoundedMailbox(limit: limit) }

  func end() {
    outgoing.finish()
    ending.finish()
  }

  /// Returns when the exchange must end.
  func waitForEnd() async { _ = await ending.next() }
}

/// Owns the core and the session with the master, and performs what they ask for. It decides nothing, and performing never suspends
/// it: what goes out is put in bounded mailboxes, and what comes of it returns as an event.
actor AgentActor {
  /// One write of the state.
  struct Batch: Sendable {
    var number: UInt64
    var changes: [CheckpointChange]
  }

  /// How the agent ended.
  struct Ending: Sendable {
    var reason: String
    var failed: Bool
  }

  typealias ExecutorMailbox = BoundedMailbox<ExecutorEvent>
  typealias ProviderMailbox = BoundedMailbox<ResourceProviderEvent>

  private let thread: ThreadExecutor
  nonisolated var unownedExecutor: UnownedSerialExecutor { thread.asUnownedSerialExecutor() }

  nonisolated let clock: SystemClock
  /// When the core or the session must be given the time again.
  nonisolated let timer = DeadlineTimer()
  /// Writes on their way to the storage.
  nonisolated let batches: BoundedMailbox<Batch>
  /// What is to be started and killed.
  nonisolated let work: BoundedMailbox<ContainerWork>
  nonisolated let files: FileTree
  /// Has one element when the core says that the process must end.
  nonisolated let ending = BoundedMailbox<Ending>(limit: 1)
  private let logger: Logger

  private var core: AgentCore
  private var link: AgentSideSession
  private var random = SystemRandomNumberGenerator()
  private var pending: Deque<AgentCore.Event> = []
  private var isHandling = false

  private var lastToken: UInt64 = 0
  private var lastConnection: UInt64 = 0
  private var answered: [CallToken: CallAnswer] = [:]
  /// Calls of operators whose answer waits for the storage.
  private var waiting: [CallToken: CheckedContinuation<CallAnswer, Never>] = [:]
  /// Writes are over.
  private var isRefusing = false
  private var executors: [ExecutorConnection: ExecutorMailbox] = [:]
  private var providers: [ResourceProviderConnection: ProviderMailbox] = [:]
  private var exchange: AgentExchange?
  private(set) var masterID: String?

  init(
    core: AgentCore, link: AgentSideSession, clock: SystemClock, files: FileTree, batchLimit: Int, workLimit: Int,
    logger: Logger
  ) {
    self.core = core
    self.link = link
    self.clock = clock
    self.files = files
    self.logger = logger
    batches = BoundedMailbox(limit: batchLimit)
    work = BoundedMailbox(limit: workLimit)
    thread = ThreadExecutor(name: "mesos-agent")
  }

  /// The core's first step, and a watch on the processes that outlived the agent before.
  func start() {
    for (container, process) in core.processes { give(.watch(container, process)) }
    perform(core.start(at: clock.now(), using: &random))
    handlePending()
  }

  /// Ends the thread; nothing may be asked of the actor afterwards.
  nonisolated func stopThread() { thread.stop() }

  // MARK: Executors

  func subscribe(
    _ call: ExecutorCall, principal: Principal?, mailbox: ExecutorMailbox
  ) -> (connection: ExecutorConnection, answer: CallAnswer) {
    lastConnection += 1
    let connection = ExecutorConnection(number: lastConnection)
    executors[connection] = mailbox
    let answer = submit { .executorSubscribe(connection, call, principal: principal, token: $0) }
    if answer != .streaming { executors[connection] = nil }
    return (connection, answer)
  }

  func call(_ call: ExecutorCall, principal: Principal?) -> CallAnswer {
    submit { .executorCall(call, principal: principal, token: $0) }
  }

  func executorDisconnected(_ connection: ExecutorConnection) {
    executors[connection] = nil
    handle(.executorDisconnected(connection))
  }

  // MARK: Resource providers

  func subscribeProvider(
    _ call: ResourceProviderCall, streamID: String, principal: Principal?, mailbox: ProviderMailbox
  ) -> (connection: ResourceProviderConnection, answer: CallAnswer) {
    lastConnection += 1
    let connection = ResourceProviderConnection(number: lastConnection, streamID: streamID)
    providers[connection] = mailbox
    let answer = submit { .providerSubscribe(connection, call, principal: principal, token: $0) }
    if answer != .streaming { providers[connection] = nil }
    return (connection, answer)
  }

  func call(_ call: ResourceProviderCall, streamID: String?, principal: Principal?) -> CallAnswer {
    submit { .providerCall(call, streamID: streamID, principal: principal, token: $0) }
  }

  func providerDisconnected(_ connection: ResourceProviderConnection) {
    providers[connection] = nil
    handle(.providerDisconnected(connection))
  }

  /// Answers once the storage has it.
  func markProviderGone(_ id: ResourceProviderID, principal: Principal?) async -> CallAnswer {
    lastToken += 1
    let token = CallToken(lastToken)
    handle(.markProviderGone(id, principal: principal, token: token))
    if let answer = answered.removeValue(forKey: token) { return answer }
    guard !isRefusing else { return Self.ending }
    return await withCheckedContinuation { waiting[token] = $0 }
  }

  /// Answers those who still wait for a write that will not come, and lets nobody else wait.
  func refuseWaiting() {
    isRefusing = true
    let abandoned = waiting.values
    waiting = [:]
    for continuation in abandoned { continuation.resume(returning: Self.ending) }
  }

  private static let ending = CallAnswer.rejected(status: 503, text: "The agent is ending")

  // MARK: The master

  func opened(_ exchange: AgentExchange) {
    self.exchange?.end()
    self.exchange = exchange
    performLink(link.handle(.opened, at: clock.now()))
    handlePending()
  }

  func received(_ records: [LinkDown], on exchange: AgentExchange) {
    guard exchange === self.exchange else { return }
    for record in records { performLink(link.handle(.received(record), at: clock.now())) }
    handlePending()
  }

  func closed(_ exchange: AgentExchange) {
    exchange.end()
    guard exchange === self.exchange else { return }
    self.exchange = nil
    performLink(link.handle(.closed, at: clock.now()))
    handlePending()
  }

  /// Whether a master has said Welcome on the present exchange.
  var isLinked: Bool { link.isOpen }

  // MARK: Containers, storage and time

  func launched(_ container: ContainerKey, _ process: ProcessIdentity) { handle(.launched(container, process)) }
  func launchFailed(_ container: ContainerKey, message: String) { handle(.launchFailed(container, message: message)) }
  func exited(_ container: ContainerKey, _ exit: ContainerExit) { handle(.exited(container, exit)) }
  func volumesDone(_ number: UInt64) { handle(.volumesDone(number)) }
  func volumesFailed(_ number: UInt64, message: String) { handle(.volumesFailed(number, message: message)) }
  func persisted(_ number: UInt64) { handle(.persisted(number)) }
  func persistFailed(_ number: UInt64, message: String) { handle(.persistFailed(number, message: message)) }
  func shutdown(message: String) { handle(.shutdown(message: message)) }

  func tick() {
    performLink(link.handle(.tick, at: clock.now()))
    handle(.tick)
  }

  /// The state as it is now, to be read elsewhere: a copy costs nothing until either changes.
  func snapshot() -> AgentCore { core }

  // MARK: Handling

  private func submit(_ event: (CallToken) -> AgentCore.Event) -> CallAnswer {
    lastToken += 1
    let token = CallToken(lastToken)
    handle(event(token))
    return answered.removeValue(forKey: token) ?? Self.ending
  }

  private func handle(_ event: AgentCore.Event) {
    pending.append(event)
    handlePending()
  }

  private func handlePending() {
    guard !isHandling else { return }
    isHandling = true
    while let event = pending.popFirst() { perform(core.handle(event, at: clock.now(), using: &random)) }
    isHandling = false
    timer.set([core.nextDeadline, link.nextDeadline].compactMap { $0 }.min().map { clock.instant(at: $0) })
  }

  // MARK: Performing

  private func perform(_ directives: [AgentCore.Directive]) {
    for directive in directives {
      switch directive {
      case .answer(let token, let answer):
        if let continuation = waiting.removeValue(forKey: token) {
          continuation.resume(returning: answer)
        } else {
          answered[token] = answer
        }
      case .sendToMaster(let body):
        performLink(link.handle(.send(body), at: clock.now()))
      case .endSession(let message):
        performLink(link.handle(.end(message: message), at: clock.now()))
      case .send(let connection, let event):
        guard let mailbox = executors[connection], !mailbox.send(event) else { break }
        logger.warning("executor reads too slowly, stream closed", metadata: ["connection": "\(connection.number)"])
        mailbox.finish()
      case .close(let connection):
        executors.removeValue(forKey: connection)?.finish()
      case .sendToProvider(let connection, let event):
        guard let mailbox = providers[connection], !mailbox.send(event) else { break }
        logger.warning(
          "resource provider reads too slowly, stream closed", metadata: ["connection": "\(connection.number)"])
        mailbox.finish()
      case .closeProvider(let connection):
        providers.removeValue(forKey: connection)?.finish()
      case .launch(let launch):
        if !work.send(.launch(launch)) {
          pending.append(.launchFailed(launch.container, message: "too many containers are being launched"))
        }
      case .proceed(let container):
        give(.proceed(container))
      case .destroy(let container):
        give(.destroy(container))
      case .volumes(let steps, let number):
        if !work.send(.volumes(steps, number)) {
          pending.append(.volumesFailed(number, message: "too much container work is waiting"))
        }
      case .persist(let changes, let number):
        if !batches.send(Batch(number: number, changes: changes)) {
          pending.append(.persistFailed(number, message: "too many writes are waiting"))
        }
      case .attachSandbox(let container, let directory, let virtualPaths):
        give(.show(container, directory: directory, virtualPaths: virtualPaths))
      case .releaseSandbox(_, let directory):
        give(.remove(directory))
      case .terminate(let reason, let failed):
        ending.send(Ending(reason: reason, failed: failed))
      }
    }
  }

  private func give(_ work: ContainerWork) {
    if !self.work.send(work) {
      logger.error("too much container work is waiting, this is left undone", metadata: ["work": "\(work)"])
    }
  }

  private func performLink(_ directives: [AgentSideSession.Directive]) {
    for directive in directives {
      switch directive {
      case .write(let bytes):
        guard let exchange, !exchange.outgoing.send(bytes) else { break }
        logger.warning("the master reads too slowly, exchange closed")
        exchange.end()
      case .established(let masterID):
        self.masterID = masterID
        logger.info("session with the master began", metadata: ["master": "\(masterID)"])
        pending.append(.linkEstablished)
      case .resumed:
        logger.debug("session with the master goes on")
      case .lost(let error):
        logger.info("session with the master ended", metadata: ["why": "\(error)"])
        pending.append(.linkLost)
      case .deliver(let body):
        if case .registered(let registered) = body {
          logger.info("registered with the master", metadata: ["agent": "\(registered.agentID)"])
        }
        pending.append(.master(body))
      case .closeExchange(let error):
        logger.warning("exchange with the master closed", metadata: ["why": "\(error)"])
        exchange?.end()
      }
    }
  }
}
