import DequeModule
public import MesosModel

extension SchedulerCore {
  /// A call that waits or is on its way.
  struct QueuedCall: Hashable, Sendable {
    enum Origin: Hashable, Sendable {
      case user(CallToken)
      case library
    }

    var call: SchedulerCall
    var origin: Origin
    /// When it is given up if it was not sent.
    var expires: Duration?
    var attempts = 0
    /// The stream of the last attempt.
    var stream: StreamNumber?
  }

  /// Calls in order, and those of them that are on their way.
  struct Lane: Hashable, Sendable {
    var queue: Deque<QueuedCall> = []
    var inFlight: [SendNumber: QueuedCall] = [:]
    /// After a failed attempt.
    var pausedUntil: Duration?

    var isReady: Bool { !queue.isEmpty && inFlight.isEmpty }
    var isIdle: Bool { queue.isEmpty && inFlight.isEmpty }

    mutating func cancel(_ token: CallToken) -> QueuedCall? {
      queue.firstIndex { $0.origin == .user(token) }.map { queue.remove(at: $0) }
    }
  }

  mutating func callMade(
    _ call: SchedulerCall, token: CallToken, at now: Duration, using rng: inout some RandomNumberGenerator
  ) {
    var call = call
    do throws(SchedulerError) {
      guard stopping == nil else { throw stoppedError }
      try check(call)
      let isSubscribed = if case .subscribed = phase { true } else { false }
      switch call.type {
      case .accept:
        try take(offers: call.accept, isSubscribed: isSubscribed)
      case .decline:
        call.decline.offerIds.removeAll { offersHeld.removeValue(forKey: $0.key) == nil }
        // Offers that are gone need no declining.
        guard !call.decline.offerIds.isEmpty else { return directives.append(.complete(token, nil)) }
      default:
        guard isSubscribed || configuration.whileDisconnected == .queue else {
          throw SchedulerError(.notConnected, "There is no subscription to send the call on")
        }
      }
      let isAcknowledgement = call.isAcknowledgement
      let waiting = isAcknowledgement ? acknowledgements.queue.count : ordered.queue.count
      guard waiting < (isAcknowledgement ? configuration.acknowledgementsQueuedMax : configuration.callsQueuedMax)
      else { throw SchedulerError(.queueFull, "\(waiting) calls wait already") }
      if call.type == .accept { try know(tasksOf: call.accept) }
    } catch {
      return directives.append(.complete(token, error))
    }
    note(call, at: now, using: &rng)
    let item = QueuedCall(call: call, origin: .user(token), expires: now + configuration.callWaitMax)
    // Only the user's own acknowledgements come this way.
    if call.isAcknowledgement {
      acknowledgements.queue.append(item)
    } else {
      ordered.queue.append(item)
    }
  }

  private func check(_ call: SchedulerCall) throws(SchedulerError) {
    let isWhole: Bool =
      switch call.type {
      case .teardown, .revive, .suppress, .reconcile, .reconcileOperations: true
      case .accept: call.hasAccept && !call.accept.offerIds.isEmpty
      case .decline: call.hasDecline
      case .acceptInverseOffers: call.hasAcceptInverseOffers
      case .declineInverseOffers: call.hasDeclineInverseOffers
      case .kill: call.hasKill && call.kill.hasTaskID
      case .shutdown: call.hasShutdown && call.shutdown.hasExecutorID && call.shutdown.hasAgentID
      case .acknowledge: call.hasAcknowledge && call.acknowledge.hasUuid && call.acknowledge.hasTaskID
      case .acknowledgeOperationStatus:
        call.acknowledgeOperationStatus.hasUuid && call.acknowledgeOperationStatus.hasOperationID
      case .message: call.hasMessage && call.message.hasAgentID && call.message.hasExecutorID
      case .request: call.hasRequest
      case .updateFramework: call.hasUpdateFramework
      case .subscribe, .unknown: false
      }
    guard isWhole else {
      throw SchedulerError(.invalidCall, "The call \(call.type) cannot be made, or misses what it must name")
    }
  }

  private mutating func take(offers accept: SchedulerCall.Accept, isSubscribed: Bool) throws(SchedulerError) {
    guard isSubscribed else {
      throw SchedulerError(.notConnected, "Offers end with their subscription; there is none now")
    }
    for id in accept.offerIds where configuration.checksOffers && offersHeld[id.key] == nil {
      throw SchedulerError(
        .offerNotHeld, "Offer \(id.value) is not held: it was used, rescinded, or is of an earlier subscription")
    }
  }

  /// Puts the tasks and operations of an ACCEPT into their tables and takes its offers.
  private mutating func know(tasksOf accept: SchedulerCall.Accept) throws(SchedulerError) {
    let launched = accept.launchedTasks
    guard tasks.hasRoom(for: launched.count) else {
      throw SchedulerError(.tooManyTasks, "\(configuration.tasksMax) tasks are known already")
    }
    for task in launched where configuration.checksOffers && tasks.active[task.taskID.key] != nil {
      throw SchedulerError(.invalidCall, "Task \(task.taskID.value) runs already; a task needs an id of its own")
    }
    let named = accept.operationsWithFeedback
    guard operations.hasRoom(for: named.count) else {
      throw SchedulerError(.tooManyOperations, "\(configuration.operationsMax) operations are known already")
    }
    for operation in named where configuration.checksOffers && operations.active[operation.id.value] != nil {
      throw SchedulerError(
        .invalidCall, "Operation \(operation.id.value) is under way already; an operation needs an id of its own")
    }
    let agent = accept.offerIds.first { offersHeld[$0.key] != nil }.flatMap { offersHeld[$0.key] }.map { AgentID($0) }
    for id in accept.offerIds { offersHeld[id.key] = nil }
    for task in launched where tasks.active[task.taskID.key] == nil {
      _ = tasks.insert(task.taskID.key, TaskEntry(agentID: task.agentID, state: .taskStaging))
    }
    for operation in named where operations.active[operation.id.value] == nil {
      let entry = OperationEntry(
        agentID: agent, resourceProviderID: operation.resourceProviderID, state: .operationPending)
      _ = operations.insert(operation.id.value, entry)
    }
  }

  /// Remembers what a call changes about later subscriptions and answers.
  private mutating func note(
    _ call: SchedulerCall, at now: Duration, using rng: inout some RandomNumberGenerator
  ) {
    switch call.type {
    case .suppress:
      suppressedRoles.formUnion(call.suppress.roles.isEmpty ? configuration.framework.roles : call.suppress.roles)
    case .revive:
      if call.revive.roles.isEmpty { suppressedRoles = [] } else { suppressedRoles.subtract(call.revive.roles) }
    case .reconcile:
      if call.reconcile.tasks.isEmpty { reconciling.isImplicitByUser = true }
      ask(for: call.reconcile.tasks, at: now, using: &rng)
    case .reconcileOperations:
      if call.reconcileOperations.operations.isEmpty { reconciling.isImplicitForOperationsByUser = true }
      reconciling.operationsByUser.formUnion(call.reconcileOperations.operations.map(\.operationID.value))
    case .acknowledge:
      let acknowledge = call.acknowledge
      unhandled = unhandled.filter { $0.value.type != .acknowledge || $0.value.acknowledge != acknowledge }
      noteAcknowledged(acknowledge)
    case .acknowledgeOperationStatus:
      let acknowledge = call.acknowledgeOperationStatus
      unhandled = unhandled.filter {
        $0.value.type != .acknowledgeOperationStatus || $0.value.acknowledgeOperationStatus != acknowledge
      }
      noteAcknowledged(acknowledge)
    default: break
    }
  }

  /// Sends what may be sent, and ends a stop that waits for nothing more.
  mutating func pump(at now: Duration) {
    guard case .subscribed(let subscribed) = phase else { return }
    if ordered.pausedUntil.map({ $0 <= now }) ?? true, ordered.inFlight.isEmpty, let item = ordered.queue.popFirst() {
      ordered.pausedUntil = nil
      let (number, sent) = send(item, on: subscribed)
      ordered.inFlight[number] = sent
    }
    if acknowledgements.pausedUntil.map({ $0 <= now }) ?? true {
      acknowledgements.pausedUntil = nil
      while acknowledgements.inFlight.count < configuration.acknowledgementsInFlightMax,
        let index = nextAcknowledgement
      {
        let (number, sent) = send(acknowledgements.queue.remove(at: index), on: subscribed)
        acknowledgements.inFlight[number] = sent
      }
    }
    guard let stopping, ordered.isIdle, acknowledgements.isIdle else { return }
    switch stopping.mode {
    case .keepFramework: finish(nil)
    case .tearDown where !stopping.isTearingDown:
      self.stopping?.isTearingDown = true
      var call = SchedulerCall()
      call.type = .teardown
      ordered.queue.append(QueuedCall(call: call, origin: .library, expires: nil))
      pump(at: now)
    case .tearDown: break
    }
  }

  /// The first acknowledgement whose task or operation has none on its way: those of one task must arrive in order.
  private var nextAcknowledgement: Int? {
    let busy = acknowledgements.inFlight.values.map(\.subject)
    return acknowledgements.queue.prefix(64).firstIndex { !busy.contains($0.subject) }
  }

  private mutating func send(_ item: QueuedCall, on subscribed: Subscribed) -> (SendNumber, QueuedCall) {
    var item = item
    item.attempts += 1
    item.stream = subscribed.stream
    if let frameworkID { item.call.frameworkID = frameworkID }
    lastSend += 1
    let number = SendNumber(lastSend)
    directives.append(.send(number, subscribed.master, streamID: subscribed.streamID, item.call))
    return (number, item)
  }

  mutating func callEnded(
    _ number: SendNumber, _ outcome: CallOutcome, at now: Duration, using rng: inout some RandomNumberGenerator
  ) {
    if let item = ordered.inFlight.removeValue(forKey: number) {
      ended(item, outcome, at: now, using: &rng)
    } else if let item = acknowledgements.inFlight.removeValue(forKey: number) {
      acknowledgementEnded(item, outcome, at: now, using: &rng)
    }
  }

  private mutating func ended(
    _ item: QueuedCall, _ outcome: CallOutcome, at now: Duration, using rng: inout some RandomNumberGenerator
  ) {
    // Each subscription asks for itself.
    if item.isLibraryReconcile, item.stream != currentStream { return }
    switch outcome {
    case .answered(200..<300, _, _): succeeded(item)
    case .answered(let status, _, let location) where status == 307 || status == 503:
      notLeading(item, status: status, location: location, at: now, using: &rng)
    case .answered(400, _, _) where item.stream != currentStream && item.mayBeRepeated,
      .answered(403, _, _) where item.stream != currentStream && item.mayBeRepeated:
      ordered.queue.prepend(item)  // it named a stream that is over; nothing came of it
    case .answered(let status, let text, _)
    where Self.isUnknown(status, text) && item.mayBeRepeated && item.call.type != .teardown
      && item.attempts < configuration.callAttemptsMax:
      ordered.queue.prepend(item)
      loseSubscription(of: item, status: status, at: now, using: &rng)
    case .answered(400, _, _) where item.call.type == .teardown && item.attempts > 1:
      succeeded(item)  // an attempt without an answer had done it
    case .answered(let status, let text, _) where item.call.type == .accept && !Self.refusesForCertain(status, text):
      doubt(item, at: now)
      complete(
        item,
        SchedulerError(
          .outcomeUnknown,
          "The answer may be that to a second copy of the call: \(status): \(SchedulerError.excerpt(text))",
          status: status))
      if Self.isUnknown(status, text) { loseSubscription(of: item, status: status, at: now, using: &rng) }
    case .answered(let status, let text, _):
      let text = "\(status): \(SchedulerError.excerpt(text))"
      failed(item, SchedulerError(status == 401 ? .unauthorized : .refused, text, status: status))
    case .notSent(let reason):
      guard item.mayBeRepeated, item.attempts < configuration.callAttemptsMax else {
        return failed(item, SchedulerError(.notSent, "The call did not reach the master: \(reason)"))
      }
      again(item, at: now, using: &rng)
    case .unknown(let reason):
      let error = SchedulerError(.outcomeUnknown, "No answer to the call: \(reason)")
      if item.call.type == .accept {
        doubt(item, at: now)
        complete(item, error)
      } else if item.mayBeRepeated, item.attempts < configuration.callAttemptsMax {
        again(item, at: now, using: &rng)
      } else {
        failed(item, error)
      }
    }
  }

  /// Whether an answer that refuses a call refuses any copy of it.
  ///
  /// That the call is wrong in itself is true of each copy. That the stream it names is over, or that a server on the way failed, is not: an
  /// earlier copy may have been taken.
  private static func refusesForCertain(_ status: Int, _ text: String) -> Bool {
    switch status {
    case 400: text.hasPrefix("Failed to validate")
    case 403, 500...: false
    default: true
    }
  }

  /// Whether an answer says that the master knows nothing of the subscription. Its stream is dead then, though nothing may have been heard
  /// of that: most likely the master was replaced.
  private static func isUnknown(_ status: Int, _ text: String) -> Bool {
    status == 400 && text.hasPrefix("Framework cannot be found")
      || status == 403 && text.hasPrefix("Framework is not subscribed")
  }

  /// What an ACCEPT without an answer asked for may be done, now or later, or not at all.
  private mutating func doubt(_ item: QueuedCall, at now: Duration) {
    guard let stream = item.stream else { return }
    for task in item.call.accept.launchedTasks {
      let id = task.taskID.key
      guard let entry = tasks.active[id], entry.state == .taskStaging, entry.last == nil, entry.doubt == nil else {
        continue
      }
      tasks.update(id) { $0.doubt = Doubt(stream: stream) }
      doubt(id, at: now)
    }
    for operation in item.call.accept.operationsWithFeedback {
      let id = operation.id.value
      guard let entry = operations.active[id], entry.state == .operationPending, entry.last == nil, entry.doubt == nil
      else { continue }
      operations.update(id) { $0.doubt = Doubt(stream: stream) }
      doubt(operation: id, at: now)
    }
  }

  /// What is on its way for an earlier stream will not be taken any more, or was taken long ago: nobody waits for its answer.
  mutating func settleCallsOfEarlierStreams(at now: Duration, using rng: inout some RandomNumberGenerator) {
    // The last comes first: each goes back to the head of its lane.
    let numbers = (Array(ordered.inFlight.keys) + acknowledgements.inFlight.keys).sorted(by: >)
    for number in numbers {
      directives.append(.cancelSend(number))
      callEnded(number, .unknown("the subscription ended before it was answered"), at: now, using: &rng)
    }
  }

  private mutating func acknowledgementEnded(
    _ item: QueuedCall, _ outcome: CallOutcome, at now: Duration, using rng: inout some RandomNumberGenerator
  ) {
    switch outcome {
    case .answered(200..<300, _, _): complete(item, nil)
    case .answered(let status, _, let location) where status == 307 || status == 503:
      acknowledgements.queue.prepend(item)
      loseLeader(of: item, status: status, location: location, at: now, using: &rng)
    case .answered(400, _, _) where item.stream != currentStream,
      .answered(403, _, _) where item.stream != currentStream:
      acknowledgements.queue.prepend(item)
    case .answered(let status, let text, _)
    where Self.isUnknown(status, text) && item.attempts < configuration.callAttemptsMax:
      acknowledgements.queue.prepend(item)
      loseSubscription(of: item, status: status, at: now, using: &rng)
    case .answered(let status, let text, _):
      let reason = "\(status): \(SchedulerError.excerpt(text))"
      acknowledgementLost(item, reason)
      complete(item, SchedulerError(.refused, reason, status: status))
    case .notSent(let reason), .unknown(let reason):
      guard item.attempts < configuration.callAttemptsMax else {
        acknowledgementLost(item, reason)
        return complete(item, SchedulerError(.outcomeUnknown, "No answer to the acknowledgement: \(reason)"))
      }
      acknowledgements.queue.prepend(item)
      acknowledgements.pausedUntil = now + configuration.callBackoff.delay(after: item.attempts, using: &rng)
    }
  }

  private mutating func again(_ item: QueuedCall, at now: Duration, using rng: inout some RandomNumberGenerator) {
    var item = item
    item.expires = nil  // it was sent: from here the attempts count, not the wait
    ordered.queue.prepend(item)
    ordered.pausedUntil = now + configuration.callBackoff.delay(after: item.attempts, using: &rng)
  }

  private mutating func notLeading(
    _ item: QueuedCall, status: Int, location: String?, at now: Duration, using rng: inout some RandomNumberGenerator
  ) {
    if item.mayBeRepeated {
      ordered.queue.prepend(item)
    } else {
      failed(item, SchedulerError(.refused, "The master does not lead any more (\(status))", status: status))
    }
    loseLeader(of: item, status: status, location: location, at: now, using: &rng)
  }

  /// Gives up the stream that the call went out for, if it is still the present one.
  private mutating func loseStream(
    of item: QueuedCall, _ reason: String, location: String? = nil, at now: Duration,
    using rng: inout some RandomNumberGenerator
  ) {
    guard case .subscribed(let subscribed) = phase, subscribed.stream == item.stream else { return }
    let leader = location.flatMap { MasterAddress(location: $0, of: subscribed.master) }
    lose(reason, closing: subscribed.stream, leader: leader, at: now, using: &rng)
  }

  private mutating func loseLeader(
    of item: QueuedCall, status: Int, location: String?, at now: Duration, using rng: inout some RandomNumberGenerator
  ) {
    loseStream(of: item, "it does not lead any more (\(status))", location: location, at: now, using: &rng)
  }

  private mutating func loseSubscription(
    of item: QueuedCall, status: Int, at now: Duration, using rng: inout some RandomNumberGenerator
  ) {
    loseStream(of: item, "it does not know the subscription (\(status))", at: now, using: &rng)
  }

  private mutating func succeeded(_ item: QueuedCall) {
    if item.call.type == .updateFramework {
      var framework = item.call.updateFramework.frameworkInfo
      framework.clearID()
      configuration.framework = framework
      suppressedRoles = Set(item.call.updateFramework.suppressedRoles)
      configuration.offerConstraints =
        item.call.updateFramework.hasOfferConstraints ? item.call.updateFramework.offerConstraints : nil
    }
    complete(item, nil)
    if item.call.type == .teardown {
      directives.append(.forgetFrameworkID)
      finish(nil)
    }
  }

  /// The call had no effect.
  mutating func failed(_ item: QueuedCall, _ error: SchedulerError) {
    if item.call.type == .accept {
      for task in item.call.accept.launchedTasks where tasks.active[task.taskID.key]?.last == nil {
        tasks.remove(task.taskID.key)
      }
      for operation in item.call.accept.operationsWithFeedback where operations.active[operation.id.value]?.last == nil
      {
        operations.remove(operation.id.value)
      }
    }
    complete(item, error)
    if item.call.type == .teardown, item.origin == .library { finish(error) }
    if item.isLibraryReconcile {
      deliver(.notice(.reconciliationFailed(error.message)))
    } else if item.call.type == .reconcile {
      forgetQuestions(of: item.call)
    }
  }

  mutating func complete(_ item: QueuedCall, _ error: SchedulerError?) {
    guard case .user(let token) = item.origin else { return }
    directives.append(.complete(token, error))
  }

  /// Takes the calls out of the lane that are about offers: these ended with the subscription.
  mutating func refuseQueuedOffers() {
    let waiting = ordered.queue
    ordered.queue.removeAll { $0.call.type == .accept || $0.call.type == .decline || $0.isLibraryReconcile }
    for item in waiting {
      switch item.call.type {
      case .accept: failed(item, SchedulerError(.offerNotHeld, "The subscription ended, and its offers with it"))
      case .decline: complete(item, nil)
      default: break
      }
    }
  }
}

extension SchedulerCore.QueuedCall {
  /// Whether a second sending does no harm when the first took effect.
  var mayBeRepeated: Bool {
    switch call.type {
    case .accept, .message, .acceptInverseOffers, .declineInverseOffers: false
    default: true
    }
  }

  /// What an acknowledgement is about.
  var subject: String {
    call.type == .acknowledge ? call.acknowledge.taskID.value : call.acknowledgeOperationStatus.operationID.value
  }

  /// A reconciliation by the library: the next subscription makes its own.
  var isLibraryReconcile: Bool {
    origin == .library && (call.type == .reconcile || call.type == .reconcileOperations)
  }
}

extension SchedulerCall {
  /// Whether it says that a status was received: such calls have a lane of their own.
  public var isAcknowledgement: Bool { type == .acknowledge || type == .acknowledgeOperationStatus }
}

extension SchedulerCall.Accept {
  /// The tasks of all its LAUNCH and LAUNCH_GROUP operations.
  public var launchedTasks: [TaskInfo] {
    operations.flatMap { operation -> [TaskInfo] in
      switch operation.type {
      case .launch: operation.launch.taskInfos
      case .launchGroup: operation.launchGroup.taskGroup.tasks
      default: []
      }
    }
  }
}
