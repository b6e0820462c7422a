import DequeModule
import AgentCore
import AgentLink
import AgentLinkModel
import MasterCore
public import MesosModel
import MesosTestKit
import SchedulerCore
import SwiftProtobuf

// The master's machine does what its core and the link's sessions ask for.
extension SimulatedCluster {
  mutating func startMaster() {
    master.incarnation += 1
    var settings = configuration.master
    // New at each start, as the core asks for.
    settings.masterID = uuidText(&master.rng)
    settings.masterInfo.id = settings.masterID
    settings.masterInfo.ip = 16_777_343
    settings.masterInfo.port = 5050
    settings.masterInfo.hostname = "master"
    trace.note(.master, at: now, "starts")
    let registry = master.recovered
    checkers.masterStarted(master.registry, settings)
    var core = MasterCore(configuration: settings, registry: registry, at: moment(master.wallOffset))
    master.links = LinkSessions(
      configuration: LinkSessions.Configuration(
        masterID: settings.masterID, heartbeatInterval: settings.agentPingTimeout, timeout: settings.agentTimeout))
    let directives = core.start(at: moment(master.wallOffset))
    master.core = core
    perform(directives)
    handlePendingOfMaster()
  }

  private func uuidText(_ rng: inout SplitMix) -> String {
    let digits = String(rng.next(), radix: 16) + String(rng.next(), radix: 16)
    let padded = String(repeating: "0", count: max(0, 32 - digits.count)) + digits
    var text = ""
    for (index, character) in padded.enumerated() {
      if [8, 12, 16, 20].contains(index) { text.append("-") }
      text.append(character)
    }
    return text
  }

  // MARK: What happens

  mutating func tickMaster(at: Int64) {
    guard master.scheduled == at else { return }
    master.scheduled = nil
    let moment = moment(master.wallOffset)
    if let due = master.links?.deadline(), due <= moment.uptime {
      handleLink(.tick)
    }
    if let due = master.core?.deadline(), due <= moment.uptime { master.pending.append(.tick) }
    handlePendingOfMaster()
  }

  mutating func arriveAtMaster(_ packet: Packet, _ connection: Connection, _ number: ConnectionNumber) {
    switch packet {
    case .opened:
      master.lastExchange += 1
      let exchange = LinkExchange(number: master.lastExchange)
      master.exchanges[exchange] = number
      connections[number]?.served = .exchange(exchange)
      handleLink(.opened(exchange))
    case .linkRecord(let bytes):
      guard case .exchange(let exchange) = connection.served else { return }
      do {
        let record = try LinkProtocol.decodeUp(bytes)
        handleLink(.received(exchange, record))
      } catch {
        handleLink(.malformed(exchange, message: "\(error)"))
      }
    case .schedulerCall(let call, let streamID):
      master.lastToken += 1
      let token = CallToken(master.lastToken)
      master.waiting[token] = number
      if call.type == .subscribe {
        master.lastConnection += 1
        let stream = SchedulerConnection(
          number: master.lastConnection, streamID: "stream-\(master.incarnation)-\(master.lastConnection)")
        master.schedulers[stream] = number
        master.streams[stream.number] = stream
        connections[number]?.served = .scheduler(stream.number)
        master.pending.append(.subscribe(stream, call, principal: nil, token: token))
      } else {
        master.pending.append(.call(call, streamID: streamID, principal: nil, token: token))
      }
    case .ended, .streamHead, .schedulerEvent, .callAnswer, .executorCall, .executorRefused, .executorCallRefused,
      .executorEvent:
      break
    }
    handlePendingOfMaster()
  }

  mutating func connectionEndedAtMaster(_ connection: Connection, _ number: ConnectionNumber) {
    switch connection.served {
    case .exchange(let exchange):
      master.exchanges[exchange] = nil
      handleLink(.closed(exchange))
    case .scheduler(let stream):
      if let scheduler = master.streams.removeValue(forKey: stream) {
        master.schedulers[scheduler] = nil
        master.pending.append(.schedulerDisconnected(scheduler))
      }
    case .none, .executor: break
    }
    handlePendingOfMaster()
  }

  mutating func masterWrote(_ write: (number: UInt64, changes: [RegistryOperation])) {
    guard !master.disk.isFailing else {
      master.pending.append(.persistFailed(write.number, message: "the disk fails"))
      return handlePendingOfMaster()
    }
    master.write(write.changes)
    checkers.registryDurable(write.changes)
    master.pending.append(.persisted(write.number))
    handlePendingOfMaster()
  }

  /// Ends a framework, as an operator does.
  public mutating func teardown(_ framework: Int) {
    guard let id = frameworks[framework].storedID else { return }
    operate {
      $0.type = .teardown
      $0.teardown.frameworkID = id
    }
  }

  /// Sends the master a call of an operator; nothing happens while none runs.
  public mutating func operate(_ build: (inout MasterCall) -> Void) {
    var call = MasterCall()
    build(&call)
    guard master.isRunning else { return }
    master.lastToken += 1
    checkers.operatorAsked(CallToken(master.lastToken), call)
    master.pending.append(.operatorCall(call, principal: nil, token: CallToken(master.lastToken)))
    handlePendingOfMaster()
  }

  mutating func handlePendingOfMaster() {
    while master.isRunning, let event = master.pending.popFirst() {
      if case .agentHeard = event {} else { trace.note(.master, at: now, event) }
      let moment = moment(master.wallOffset)
      guard let directives = master.core?.handle(event, at: moment) else { return }
      perform(directives)
    }
    guard let next = Self.first(master.core?.deadline(), master.links?.deadline()) else { return }
    let at = max(now, next.wholeNanoseconds)
    guard master.scheduled.map({ at < $0 }) ?? true else { return }
    master.scheduled = at
    queue.insert(.tick(.master), at: at)
  }

  // MARK: Performing

  private mutating func perform(_ directives: [MasterCore.Directive]) {
    for directive in sabotaged(directives) {
      trace.note(.master, at: now, directive)
      observe(directive)
      switch directive {
      case .answer(let token, let answer):
        guard let number = master.waiting.removeValue(forKey: token) else { break }
        self.answer(number, answer)
      case .send(let scheduler, let event):
        guard let number = master.schedulers[scheduler] else { break }
        send(.schedulerEvent(event), on: number, toServer: false)
      case .close(let scheduler):
        master.streams[scheduler.number] = nil
        if let number = master.schedulers.removeValue(forKey: scheduler) {
          close(number, byClient: false, reason: "closed by the master")
        }
      case .sendToAgent(let session, let body):
        handleLink(.send(LinkSessionID(number: session.number), body))
      case .closeAgent(let session):
        handleLink(.end(LinkSessionID(number: session.number)))
      case .persist(let operations, let number):
        let latency = draw(configuration.diskLatency, for: .master)
        let at = master.disk.completion(askedAt: now, latency: latency)
        master.disk.writing.append((number, operations))
        queue.insert(.written(.master, incarnation: master.incarnation), at: at)
      case .abort(let message): abortMaster(message)
      case .changed, .continueCycle: break
      }
    }
  }

  /// The master's process ends by itself; its supervisor starts it again.
  private mutating func abortMaster(_ message: String) {
    trace.note(.master, at: now, "aborts: \(message)")
    crashMaster(isTorn: false, isSilent: false)
    queue.insert(.repair(.restart(.master)), at: now + configuration.restartDelay.wholeNanoseconds)
  }

  private mutating func answer(_ number: ConnectionNumber, _ answer: CallAnswer) {
    let served = connections[number]?.served
    let isStream = if case .scheduler? = served { true } else { false }
    switch answer {
    case .streaming:
      guard case .scheduler(let stream)? = served, let scheduler = master.streams[stream] else { return }
      send(.streamHead(.init(status: 200, streamID: scheduler.streamID)), on: number, toServer: false)
    case .accepted: send(.callAnswer(status: 202, text: ""), on: number, toServer: false)
    case .ok: send(.callAnswer(status: 200, text: ""), on: number, toServer: false)
    case .rejected(let status, let text):
      guard isStream else { return send(.callAnswer(status: status, text: text), on: number, toServer: false) }
      if case .scheduler(let stream)? = served, let scheduler = master.streams.removeValue(forKey: stream) {
        master.schedulers[scheduler] = nil
      }
      send(.streamHead(.init(status: status, text: text)), on: number, toServer: false)
    }
  }

  private mutating func handleLink(_ event: LinkSessions.Event) {
    let moment = moment(master.wallOffset)
    performLink(master.links?.handle(event, at: moment) ?? [])
  }

  private mutating func performLink(_ directives: [LinkSessions.Directive]) {
    for directive in directives {
      switch directive {
      case .began: break
      case .write(let exchange, let bytes):
        guard let number = master.exchanges[exchange] else { break }
        trace.note(bytes: bytes, at: now)
        send(.linkRecord(bytes), on: number, toServer: false)
      case .deliver(let session, let body):
        if let address = address(of: session, in: body) { master.addresses[session] = address }
        let address = master.addresses[session] ?? AgentAddress(hostname: "", ip: "", port: 0)
        master.pending.append(.agentMessage(AgentConnection(number: session.number), body, address: address))
      case .heard(let session):
        master.pending.append(.agentHeard(AgentConnection(number: session.number)))
      case .ended(let session, let error):
        trace.note(.master, at: now, "session \(session.number) ended: \(error.message)")
        master.addresses[session] = nil
        master.pending.append(.agentDisconnected(AgentConnection(number: session.number)))
      case .closeExchange(let exchange, let error):
        guard let number = master.exchanges.removeValue(forKey: exchange) else { break }
        close(number, byClient: false, reason: error.message)
      }
    }
  }

  private func address(of session: LinkSessionID, in body: LinkUp.OneOf_Body) -> AgentAddress? {
    let info: AgentInfo
    switch body {
    case .register(let register): info = register.agentInfo
    case .reregister(let reregister): info = reregister.agentInfo
    default: return nil
    }
    let client = master.links?.exchange(of: session).flatMap { master.exchanges[$0] }.flatMap {
      connections[$0]?.client
    }
    guard case .agent(let index)? = client else { return nil }
    return AgentAddress(hostname: info.hostname, ip: agents[index].configuration.ip, port: info.port)
  }
}
