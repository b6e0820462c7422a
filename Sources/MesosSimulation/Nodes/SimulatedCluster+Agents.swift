import DequeModule
import AgentCore
import AgentLink
import AgentLinkModel
import MesosModel
import MesosTestKit

// An agent's machine does what its core and its session with the master ask for.
extension SimulatedCluster {
  mutating func startAgent(_ index: Int) {
    agents[index].incarnation += 1
    agents[index].ending = nil
    trace.note(.agent(index), at: now, "starts")
    let records = agents[index].records.sorted { $0.key < $1.key }.map { (key: $0.key, record: $0.value) }
    let alive = agents[index].containers.values.compactMap { number in
      executors[number].flatMap { $0.phase == .running ? $0.process : nil }
    }
    do {
      let recovered = RecoveredAgent(
        records: records, alive: agents[index].rebooted ? [] : Set(alive), rebooted: agents[index].rebooted)
      var core = try AgentCore(configuration: agents[index].configuration, recovered: recovered)
      agents[index].rebooted = false
      agents[index].link = AgentSideSession(
        session: "agent-\(index)-\(agents[index].incarnation)", agentID: core.agentID, softwareVersion: "simulated")
      let moment = moment(agents[index].wallOffset)
      var rng = agents[index].rng
      let directives = core.start(at: moment, using: &rng)
      agents[index].rng = rng
      agents[index].core = core
      perform(directives, of: index)
      handlePendingOfAgent(index)
      queue.insert(.dial(agent: index, incarnation: agents[index].incarnation), at: now)
    } catch {
      violate(.terminalStates, "agent \(index) cannot read its own records: \(error.message)")
    }
  }

  // MARK: What happens

  mutating func tickAgent(_ index: Int, at: Int64) {
    guard agents[index].scheduled == at else { return }
    agents[index].scheduled = nil
    let moment = moment(agents[index].wallOffset)
    if let due = agents[index].link?.deadline(), due <= moment.uptime {
      handleLink(.tick, of: index)
    }
    if let due = agents[index].core?.deadline(), due <= moment.uptime { agents[index].pending.append(.tick) }
    handlePendingOfAgent(index)
  }

  mutating func agentWrote(_ index: Int, _ write: (number: UInt64, changes: [CheckpointChange])) {
    guard !agents[index].disk.isFailing else {
      agents[index].pending.append(.persistFailed(write.number, message: "the disk fails"))
      return handlePendingOfAgent(index)
    }
    agents[index].write(write.changes)
    checkers.agentDurable(index, write.changes)
    settleChecks()
    agents[index].pending.append(.persisted(write.number))
    handlePendingOfAgent(index)
  }

  // MARK: The link

  mutating func dial(_ index: Int, incarnation: Int) {
    guard agents[index].incarnation == incarnation, agents[index].core != nil, agents[index].exchange == nil else {
      return
    }
    let number = connect(.agentLink, from: .agent(index), to: .master)
    agents[index].exchange = number
    send(.opened, on: number, toServer: true)
    handleLink(.opened, of: index)
    handlePendingOfAgent(index)
  }

  mutating func exchangeEnded(_ index: Int, _ number: ConnectionNumber) {
    guard agents[index].exchange == number else { return }
    let wasLinked = agents[index].link?.isOpen ?? false
    agents[index].exchange = nil
    handleLink(.closed, of: index)
    handlePendingOfAgent(index)
    dialAgain(index, wasLinked: wasLinked)
  }

  private mutating func dialAgain(_ index: Int, wasLinked: Bool) {
    agents[index].failures = wasLinked ? 0 : agents[index].failures + 1
    let limit = min(.seconds(60), Duration.seconds(1) * (1 << min(agents[index].failures, 10)))
    let pause = draw(.zero...limit, for: .agent(index))
    queue.insert(.dial(agent: index, incarnation: agents[index].incarnation), at: now + pause)
  }

  mutating func arriveFromMaster(_ index: Int, _ packet: Packet, _ number: ConnectionNumber) {
    guard agents[index].exchange == number, case .linkRecord(let bytes) = packet else { return }
    do {
      let record = try LinkProtocol.decodeDown(bytes)
      handleLink(.received(record), of: index)
    } catch {
      violate(.terminalStates, "agent \(index) cannot read what the master wrote: \(error.message)")
    }
    handlePendingOfAgent(index)
  }

  private mutating func handleLink(_ event: AgentSideSession.Event, of index: Int) {
    let moment = moment(agents[index].wallOffset)
    performLink(agents[index].link?.handle(event, at: moment) ?? [], of: index)
  }

  private mutating func performLink(_ directives: [AgentSideSession.Directive], of index: Int) {
    for directive in directives {
      switch directive {
      case .write(let bytes):
        guard let number = agents[index].exchange else { break }
        trace.note(bytes: bytes, at: now)
        send(.linkRecord(bytes), on: number, toServer: true)
      case .established: agents[index].pending.append(.linkEstablished)
      case .resumed: trace.note(.agent(index), at: now, "session resumed")
      case .lost(let error):
        trace.note(.agent(index), at: now, "session lost: \(error.message)")
        agents[index].pending.append(.linkLost)
      case .deliver(let body): agents[index].pending.append(.master(body))
      case .closeExchange(let error):
        guard let number = agents[index].exchange else { break }
        agents[index].exchange = nil
        close(number, byClient: true, reason: error.message)
        dialAgain(index, wasLinked: false)
      }
    }
  }

  // MARK: Executors

  mutating func arriveAtAgent(_ index: Int, _ packet: Packet, _ connection: Connection, _ number: ConnectionNumber) {
    guard case .executorCall(let call) = packet else { return }
    agents[index].lastToken += 1
    let token = CallToken(agents[index].lastToken)
    if call.type == .subscribe {
      let stream = nextStream(of: index)
      agents[index].streams[stream] = number
      connections[number]?.served = .executor(stream.number)
      agents[index].pending.append(.executorSubscribe(stream, call, principal: nil, token: token))
      handlePendingOfAgent(index)
      switch agents[index].answers.removeValue(forKey: token) {
      case .rejected(let status, let text):
        agents[index].streams[stream] = nil
        send(.executorRefused(status: status, text: text), on: number, toServer: false)
      case nil: send(.executorRefused(status: 503, text: "The agent is ending"), on: number, toServer: false)
      case .streaming, .accepted, .ok: break
      }
    } else {
      agents[index].pending.append(.executorCall(call, principal: nil, token: token))
      handlePendingOfAgent(index)
      switch agents[index].answers.removeValue(forKey: token) {
      case .rejected(let status, let text):
        send(.executorCallRefused(status: status, text: text), on: number, toServer: false)
      case nil: send(.executorCallRefused(status: 503, text: "The agent is ending"), on: number, toServer: false)
      case .accepted, .ok, .streaming: break
      }
    }
  }

  mutating func executorStreamEnded(_ index: Int, _ connection: Connection) {
    guard case .executor(let number) = connection.served else { return }
    let stream = ExecutorConnection(number: number)
    agents[index].streams[stream] = nil
    agents[index].pending.append(.executorDisconnected(stream))
    handlePendingOfAgent(index)
  }

  // MARK: Performing

  mutating func handlePendingOfAgent(_ index: Int) {
    while agents[index].isRunning, let event = agents[index].pending.popFirst() {
      trace.note(.agent(index), at: now, event)
      var rng = agents[index].rng
      let moment = moment(agents[index].wallOffset)
      let directives = agents[index].core?.handle(event, at: moment, using: &rng) ?? []
      agents[index].rng = rng
      perform(directives, of: index)
    }
    guard agents[index].isRunning else { return }
    guard let next = Self.first(agents[index].core?.deadline(), agents[index].link?.deadline()) else { return }
    let at = max(now, next.wholeNanoseconds)
    guard agents[index].scheduled.map({ at < $0 }) ?? true else { return }
    agents[index].scheduled = at
    queue.insert(.tick(.agent(index)), at: at)
  }

  private mutating func perform(_ directives: [AgentCore.Directive], of index: Int) {
    for directive in sabotaged(directives, of: index) {
      trace.note(.agent(index), at: now, directive)
      observe(directive, of: index)
      switch directive {
      case .answer(let token, let answer): agents[index].answers[token] = answer
      case .sendToMaster(let body):
        handleLink(.send(body), of: index)
      case .endSession(let message):
        handleLink(.end(message: message), of: index)
      case .send(let stream, let event):
        if let number = agents[index].streams[stream] { send(.executorEvent(event), on: number, toServer: false) }
      case .close(let stream):
        if let number = agents[index].streams.removeValue(forKey: stream) {
          close(number, byClient: false, reason: "closed by the agent")
        }
      case .launch(let launch): make(launch, on: index)
      case .proceed(let container):
        guard let number = agents[index].containers[container], executors[number]?.phase == .held else { break }
        let at = now + draw(configuration.processLatency, for: .agent(index))
        queue.insert(.container(executor: number, .begins), at: at)
      case .destroy(let container): destroy(container, on: index)
      case .volumes(let steps, let number):
        agents[index].take(steps)
        agents[index].pending.append(.volumesDone(number))
      case .persist(let changes, let number):
        let latency = draw(configuration.diskLatency, for: .agent(index))
        let at = agents[index].disk.completion(askedAt: now, latency: latency)
        agents[index].disk.writing.append((number, changes))
        queue.insert(.written(.agent(index), incarnation: agents[index].incarnation), at: at)
      // No provider subscribes in a simulation.
      case .attachSandbox, .releaseSandbox, .sendToProvider, .closeProvider: break
      case .terminate(let reason, let failed):
        agents[index].ending = reason
        agents[index].hasLeft = !failed
        crashAgent(index, reboots: false, isTorn: false, isSilent: false)
        if failed {
          queue.insert(.repair(.restart(.agent(index))), at: now + configuration.restartDelay.wholeNanoseconds)
        }
        return
      }
    }
  }
}
