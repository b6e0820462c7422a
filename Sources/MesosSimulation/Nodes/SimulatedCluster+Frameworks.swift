import DequeModule
public import MesosModel
import MesosTestKit
public import SchedulerCore

// A framework's machine does what its scheduler's core and its author's code ask for.
extension SimulatedCluster {
  mutating func startFramework(_ index: Int) {
    guard !frameworks[index].isOutside else { return }
    frameworks[index].incarnation += 1
    trace.note(.framework(index), at: now, "starts")
    do {
      frameworks[index].core = try SchedulerCore(configuration: frameworks[index].configuration)
    } catch {
      frameworks[index].hasEnded = true
      frameworks[index].ending = error
      return
    }
    frameworks[index].behaviour.started(at: moment(frameworks[index].wallOffset))
    frameworks[index].pending.append(.start(frameworks[index].storedID))
    handlePendingOfFramework(index)
  }

  /// What framework number `index` was told of a task; `nil` where it never wanted or launched one of this id.
  public func task(_ id: TaskKey, of index: Int) -> SimulatedTaskRecord? { frameworks[index].tasks[id] }

  /// Everything that a framework was told of its tasks, sorted by id.
  public func tasks(of index: Int) -> [(id: TaskKey, record: SimulatedTaskRecord)] {
    frameworks[index].tasks.sorted { $0.key < $1.key }.map { (id: $0.key, record: $0.value) }
  }

  /// Why a framework's scheduler ended by itself; `nil` while it runs, or where it ended in peace.
  public func ending(of index: Int) -> SchedulerError? { frameworks[index].ending }

  /// The id the master gave a framework, once it is durable there.
  public func frameworkID(_ index: Int) -> FrameworkKey? { frameworks[index].storedID?.key }

  // MARK: What happens

  mutating func demanded(_ task: SimulatedTask, of index: Int) {
    frameworks[index].tasks[TaskKey(task.name), default: SimulatedTaskRecord()].demanded = elapsed
    let moment = moment(frameworks[index].wallOffset)
    make(frameworks[index].behaviour.demanded(task, at: moment), of: index)
    handlePendingOfFramework(index)
  }

  mutating func tickFramework(_ index: Int, at: Int64) {
    guard frameworks[index].scheduled == at else { return }
    frameworks[index].scheduled = nil
    let moment = moment(frameworks[index].wallOffset)
    guard frameworks[index].core != nil else { return }
    if let due = frameworks[index].core?.deadline(), due <= moment.uptime { frameworks[index].pending.append(.tick) }
    if let due = frameworks[index].behaviour.nextDeadline, due <= moment.uptime {
      make(frameworks[index].behaviour.tick(at: moment), of: index)
    }
    handlePendingOfFramework(index)
  }

  mutating func frameworkIDWritten(_ index: Int, incarnation: Int, stream: UInt64) {
    guard frameworks[index].incarnation == incarnation, frameworks[index].core != nil,
      let open = frameworks[index].stream, open.number.number == stream
    else { return }
    frameworks[index].storedID = frameworks[index].writingID
    frameworks[index].pending.append(.frameworkIDSaved(open.number))
    for record in frameworks[index].unread ?? [] { frameworks[index].pending.append(.record(open.number, record)) }
    frameworks[index].unread = nil
    handlePendingOfFramework(index)
  }

  mutating func arriveAtFramework(
    _ index: Int, _ packet: Packet, _ connection: Connection, _ number: ConnectionNumber
  ) {
    guard !frameworks[index].isOutside else { return arriveOutside(index, packet, connection, number) }
    switch (packet, connection.purpose) {
    case (.streamHead(let head), .schedulerStream(let stream)):
      frameworks[index].pending.append(.streamOpened(StreamNumber(stream), head))
    case (.schedulerEvent(let event), .schedulerStream(let stream)):
      if frameworks[index].unread != nil, frameworks[index].stream?.number.number == stream {
        frameworks[index].unread?.append(event)
      } else {
        frameworks[index].pending.append(.record(StreamNumber(stream), event))
      }
    case (.callAnswer(let status, let text), .schedulerCall(let send)):
      connections[number] = nil
      frameworks[index].pending.append(.callEnded(send, .answered(status: status, text: text, location: nil)))
    default: break
    }
    handlePendingOfFramework(index)
  }

  mutating func connectionEndedAtFramework(
    _ index: Int, _ connection: Connection, _ number: ConnectionNumber, _ reason: String
  ) {
    guard !frameworks[index].isOutside else { return endedOutside(index, number, reason) }
    switch connection.purpose {
    case .schedulerStream(let stream):
      if frameworks[index].stream?.connection == number {
        frameworks[index].stream = nil
        frameworks[index].unread = nil
      }
      let number = StreamNumber(stream)
      frameworks[index].pending.append(
        reason == Self.refusal ? .streamRefused(number, reason: reason) : .streamEnded(number, reason: reason))
    case .schedulerCall(let send):
      frameworks[index].pending.append(
        .callEnded(send, reason == Self.refusal ? .notSent(reason) : .unknown(reason)))
    case .agentLink, .executorStream: break
    }
    handlePendingOfFramework(index)
  }

  // MARK: Performing

  mutating func make(_ calls: [SchedulerCall], of index: Int) {
    for call in calls {
      frameworks[index].lastToken += 1
      let token = CallToken(frameworks[index].lastToken)
      frameworks[index].calls[token] = call
      if call.type == .accept {
        for task in call.accept.launchedTasks { _ = frameworks[index].tasks[task.taskID.key, default: .init()] }
      }
      frameworks[index].pending.append(.call(call, token))
    }
  }

  mutating func handlePendingOfFramework(_ index: Int) {
    while frameworks[index].isRunning, let event = frameworks[index].pending.popFirst() {
      trace.note(.framework(index), at: now, event)
      var rng = frameworks[index].rng
      let moment = moment(frameworks[index].wallOffset)
      let directives = frameworks[index].core?.handle(event, at: moment, using: &rng) ?? []
      frameworks[index].rng = rng
      perform(directives, of: index)
    }
    guard frameworks[index].isRunning else { return }
    guard let next = Self.first(frameworks[index].core?.deadline(), frameworks[index].behaviour.nextDeadline) else {
      return
    }
    let at = max(now, next.wholeNanoseconds)
    guard frameworks[index].scheduled.map({ at < $0 }) ?? true else { return }
    frameworks[index].scheduled = at
    queue.insert(.tick(.framework(index)), at: at)
  }

  private mutating func perform(_ directives: [SchedulerCore.Directive], of index: Int) {
    for directive in directives {
      trace.note(.framework(index), at: now, directive)
      switch directive {
      case .openStream(let stream, _, let call):
        let number = connect(.schedulerStream(stream.number), from: .framework(index), to: .master)
        frameworks[index].stream = (stream, number)
        frameworks[index].unread = nil
        send(.schedulerCall(call, streamID: nil), on: number, toServer: true)
      case .closeStream(let stream):
        guard let open = frameworks[index].stream, open.number == stream else { break }
        frameworks[index].stream = nil
        frameworks[index].unread = nil
        close(open.connection, byClient: true, reason: "closed by the scheduler")
      case .saveFrameworkID(let stream, let id):
        frameworks[index].writingID = id
        checkers.named(framework: index, id)
        frameworks[index].unread = []
        let at = now + draw(configuration.diskLatency, for: .framework(index))
        queue.insert(
          .frameworkIDWritten(
            framework: index, incarnation: frameworks[index].incarnation, stream: stream.number), at: at)
      case .forgetFrameworkID: frameworks[index].storedID = nil
      case .send(let number, _, let streamID, let call):
        checkers.sent(index, call)
        let connection = connect(.schedulerCall(number), from: .framework(index), to: .master)
        send(.schedulerCall(call, streamID: streamID), on: connection, toServer: true)
        // Long after any answer: only a call that is still open then has waited too long.
        if !mutedTo.isEmpty || !mutedFrom.isEmpty || !delays.isEmpty {
          queue.insert(.callTimedOut(connection), at: now + configuration.callTimeout.wholeNanoseconds)
        }
      // It arrives late, or not; its answer is no news then.
      case .cancelSend: break
      case .decide(_, let proposed): frameworks[index].pending.append(.decided(proposed))
      case .deliver(let delivery, let update):
        take(update, at: index)
        let moment = moment(frameworks[index].wallOffset)
        make(frameworks[index].behaviour.received(update, at: moment), of: index)
        frameworks[index].pending.append(.handled(delivery))
      case .complete(let token, let error):
        guard let call = frameworks[index].calls.removeValue(forKey: token) else { break }
        let moment = moment(frameworks[index].wallOffset)
        make(frameworks[index].behaviour.completed(call, error, at: moment), of: index)
      case .finished(let error):
        frameworks[index].die()
        closeAll(of: .framework(index), isSilent: false)
        if error?.code == .failedOver {
          // By what its own process sent before it crashed, as there is no other: whoever supervises the scheduler starts it again.
          queue.insert(.repair(.restart(.framework(index))), at: now + configuration.restartDelay.wholeNanoseconds)
        } else {
          frameworks[index].ending = error
          frameworks[index].hasEnded = true
        }
        return
      }
    }
  }

  /// Keeps what the framework was told, for the test that looks.
  private mutating func take(_ update: SchedulerUpdate, at index: Int) {
    // Late news of an ended task is told, too, though it changes nothing.
    if case .notice(.lateUpdate(let status)) = update {
      checkers.delivered(index, TaskUpdate(status: status))
      settleChecks()
    }
    guard case .task(let update) = update else { return }
    checkers.delivered(index, update)
    settleChecks()
    guard !update.isProvisional else { return }
    let id = update.status.taskID.key
    let state = update.status.state
    var record = frameworks[index].tasks[id] ?? SimulatedTaskRecord()
    if record.state != state { record.states.append(state) }
    record.state = state
    if update.status.hasAgentID { record.agent = update.status.agentID.key }
    if state == .taskRunning, record.running == nil { record.running = elapsed }
    if state.isTerminal, record.ended == nil { record.ended = elapsed }
    frameworks[index].tasks[id] = record
  }
}
