import AgentLink
import AgentLinkModel
import ClusterView
import DequeModule
import Logging
import MasterCore
import MesosAllocator
import MesosModel
import ShellSupport

/// Owns the core and the sessions of the agents, and performs what they ask for. It decides nothing, and performing never suspends
/// it: what goes out is put in bounded mailboxes, and what comes of it returns as an event.
actor MasterActor {
  /// One write of the registry.
  struct Batch: Sendable {
    var number: UInt64
    var operations: [RegistryOperation]
  }

  typealias SchedulerMailbox = BoundedMailbox<SchedulerEvent>
  /// Records for one exchange of an agent, not yet framed.
  typealias ExchangeMailbox = BoundedMailbox<[UInt8]>

  private let thread: ThreadExecutor
  nonisolated var unownedExecutor: UnownedSerialExecutor { thread.asUnownedSerialExecutor() }

  nonisolated let clock: SystemClock
  nonisolated let view: ClusterView
  /// How long things took.
  nonisolated let measured = ShellMetrics()
  /// When the core or a session must be given the time again.
  nonisolated let timer = DeadlineTimer()
  /// Why the master must not go on, once it must not.
  nonisolated let aborted = BoundedMailbox<String>(limit: 1)
  /// Registry writes on their way to the storage.
  nonisolated let batches: BoundedMailbox<Batch>
  private let logger: Logger

  private var core: MasterCore
  private var links: LinkSessions
  /// What happened while directives were performed; handled in order once they all are.
  private var pending: Deque<MasterCore.Event> = []
  private var isHandling = false
  private var isCycleUnfinished = false
  /// Runs of the allocator that were measured.
  private var allocationRuns = 0

  private var lastToken: UInt64 = 0
  private var lastConnection: UInt64 = 0
  private var lastExchange: UInt64 = 0
  private var answered: [CallToken: CallAnswer] = [:]
  private var waiting: [CallToken: CheckedContinuation<CallAnswer, Never>] = [:]
  /// Writes are over.
  private var isRefusing = false
  private var isExplaining = false
  private var schedulers: [SchedulerConnection: SchedulerMailbox] = [:]
  private var exchanges: [LinkExchange: (mailbox: ExchangeMailbox, ip: String)] = [:]
  private var addresses: [LinkSessionID: AgentAddress] = [:]

  init(
    core: MasterCore, links: LinkSessions, clock: SystemClock, view: ClusterView, batchLimit: Int, logger: Logger
  ) {
    self.core = core
    self.links = links
    self.clock = clock
    self.view = view
    self.logger = logger
    batches = BoundedMailbox(limit: batchLimit)
    thread = ThreadExecutor(name: "mesos-master")
  }

  /// The core's first step.
  func start() {
    perform(core.start(at: clock.now()))
    handlePending()
  }

  /// Ends the thread; nothing may be asked of the actor afterwards.
  nonisolated func stopThread() { thread.stop() }

  /// Answers those who still wait for a write that will not come, and lets nobody else wait.
  func refuseWaiting() {
    isRefusing = true
    let abandoned = waiting.values
    waiting = [:]
    for continuation in abandoned {
      continuation.resume(returning: Self.shuttingDown)
    }
  }

  private static let shuttingDown = CallAnswer.rejected(status: 503, text: "Master is shutting down")

  // MARK: Schedulers

  func subscribe(
    _ call: SchedulerCall, streamID: String, principal: Principal?, mailbox: SchedulerMailbox
  ) async -> (connection: SchedulerConnection, answer: CallAnswer) {
    lastConnection += 1
    let connection = SchedulerConnection(number: lastConnection, streamID: streamID)
    schedulers[connection] = mailbox
    let answer = await submit { .subscribe(connection, call, principal: principal, token: $0) }
    if answer != .streaming { schedulers[connection] = nil }
    return (connection, answer)
  }

  func call(_ call: SchedulerCall, streamID: String?, principal: Principal?) async -> CallAnswer {
    await submit { .call(call, streamID: streamID, principal: principal, token: $0) }
  }

  func schedulerDisconnected(_ connection: SchedulerConnection) {
    schedulers[connection] = nil
    handle(.schedulerDisconnected(connection))
  }

  func call(_ call: MasterCall, principal: Principal?) async -> CallAnswer {
    await submit { .operatorCall(call, principal: principal, token: $0) }
  }

  // MARK: Agents

  /// An agent's request came in from `ip`; what is to be written to it goes to `mailbox`, which is finished when it must end.
  func openExchange(_ mailbox: ExchangeMailbox, ip: String) -> LinkExchange {
    lastExchange += 1
    let exchange = LinkExchange(number: lastExchange)
    exchanges[exchange] = (mailbox, ip)
    handleLink(.opened(exchange))
    return exchange
  }

  func exchangeReceived(_ exchange: LinkExchange, _ records: [LinkUp]) {
    for record in records { handleLink(.received(exchange, record)) }
  }

  func exchangeMalformed(_ exchange: LinkExchange, message: String) {
    handleLink(.malformed(exchange, message: message))
  }

  func exchangeClosed(_ exchange: LinkExchange) {
    exchanges[exchange] = nil
    handleLink(.closed(exchange))
  }

  // MARK: Storage and time

  func persisted(_ number: UInt64) { handle(.persisted(number)) }

  func persistFailed(_ number: UInt64, message: String) { handle(.persistFailed(number, message: message)) }

  func tick() {
    performLink(links.handle(.tick, at: clock.now()))
    handle(.tick)
  }

  /// The allocator as it is, for questions that take long.
  /// A copy of the allocator, for one who explains it; `nil` while another one does.
  ///
  /// While a copy is there the next change of the allocator has to duplicate what it changes: one at a time is enough.
  func beginExplaining() -> Allocator? {
    guard !isExplaining else { return nil }
    isExplaining = true
    return core.allocatorNow
  }

  func endExplaining() { isExplaining = false }

  func metrics() -> [(name: String, value: Double)] { core.metrics(at: clock.now()) }

  // MARK: Handling

  private func submit(_ event: (CallToken) -> MasterCore.Event) async -> CallAnswer {
    lastToken += 1
    let token = CallToken(lastToken)
    handle(event(token))
    if let answer = answered.removeValue(forKey: token) { return answer }
    guard !isRefusing else { return Self.shuttingDown }
    return await withCheckedContinuation { waiting[token] = $0 }
  }

  private func handle(_ event: MasterCore.Event) {
    pending.append(event)
    handlePending()
  }

  private func handleLink(_ event: LinkSessions.Event) {
    performLink(links.handle(event, at: clock.now()))
    handlePending()
  }

  private func handlePending() {
    guard !isHandling else { return }
    isHandling = true
    isCycleUnfinished = false
    while let event = pending.popFirst() {
      let began = ContinuousClock.now
      let directives = core.handle(event, at: clock.now())
      note(began: began)
      perform(directives)
    }
    isHandling = false
    if isCycleUnfinished {
      timer.set(.now)
    } else {
      timer.set([core.nextDeadline, links.nextDeadline].compactMap { $0 }.min().map { clock.instant(at: $0) })
    }
  }

  /// Measures what runs of the allocator take, with what else their events do.
  private func note(began: ContinuousClock.Instant) {
    let runs = core.allocationRuns
    guard runs != allocationRuns else { return }
    allocationRuns = runs
    measured.allocationRan(for: ContinuousClock.now - began)
  }

  // MARK: Performing

  private func perform(_ directives: [MasterCore.Directive]) {
    for directive in directives {
      switch directive {
      case .answer(let token, let answer):
        if let continuation = waiting.removeValue(forKey: token) {
          continuation.resume(returning: answer)
        } else {
          answered[token] = answer
        }
      case .send(let connection, let event):
        guard let mailbox = schedulers[connection], !mailbox.send(event) else { break }
        logger.warning("scheduler reads too slowly, stream closed", metadata: ["connection": "\(connection.number)"])
        mailbox.finish()
      case .close(let connection):
        schedulers.removeValue(forKey: connection)?.finish()
      case .sendToAgent(let connection, let message):
        performLink(links.handle(.send(LinkSessionID(number: connection.number), message), at: clock.now()))
      case .closeAgent(let connection):
        performLink(links.handle(.end(LinkSessionID(number: connection.number)), at: clock.now()))
      case .persist(let operations, let number):
        measured.queued()
        if !batches.send(Batch(number: number, operations: operations)) {
          pending.append(.persistFailed(number, message: "too many registry writes are waiting"))
        }
      case .changed(let change):
        view.fold(change)
      case .continueCycle:
        isCycleUnfinished = true
      case .abort(let message):
        aborted.send(message)
      }
    }
  }

  private func performLink(_ directives: [LinkSessions.Directive]) {
    for directive in directives {
      switch directive {
      case .began(let session, let hello):
        logger.debug("link session began", metadata: ["session": "\(session.number)", "agent": "\(hello.agentID)"])
      case .write(let exchange, let bytes):
        guard let mailbox = exchanges[exchange]?.mailbox, !mailbox.send(bytes) else { break }
        logger.warning("agent reads too slowly, exchange closed", metadata: ["exchange": "\(exchange.number)"])
        mailbox.finish()
      case .deliver(let session, let body):
        if let address = address(of: session, in: body) { addresses[session] = address }
        let address = addresses[session] ?? AgentAddress(hostname: "", ip: "", port: 0)
        pending.append(.agentMessage(AgentConnection(number: session.number), body, address: address))
      case .heard(let session):
        pending.append(.agentHeard(AgentConnection(number: session.number)))
      case .ended(let session, let error):
        logger.debug("link session ended", metadata: ["session": "\(session.number)", "why": "\(error)"])
        addresses[session] = nil
        pending.append(.agentDisconnected(AgentConnection(number: session.number)))
      case .closeExchange(let exchange, let error):
        logger.debug("link exchange closed", metadata: ["exchange": "\(exchange.number)", "why": "\(error)"])
        exchanges[exchange]?.mailbox.finish()
      }
    }
  }

  /// Where the agent listens, as its registration says.
  private func address(of session: LinkSessionID, in body: LinkUp.OneOf_Body) -> AgentAddress? {
    let info: AgentInfo
    switch body {
    case .register(let register): info = register.agentInfo
    case .reregister(let reregister): info = reregister.agentInfo
    default: return nil
    }
    let ip = links.exchange(of: session).flatMap { exchanges[$0]?.ip } ?? info.hostname
    return AgentAddress(hostname: info.hostname, ip: ip, port: info.port)
  }
}
