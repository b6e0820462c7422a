import DequeModule
import MesosModel

extension SchedulerCore {
  mutating func received(
    _ record: SchedulerEvent, on stream: StreamNumber, at now: Duration, using rng: inout some RandomNumberGenerator
  ) {
    guard stream == currentStream else { return deliver(.notice(.staleRecord)) }
    switch phase {
    case .connecting(let connecting):
      switch record.type {
      case .subscribed where record.hasSubscribed && connecting.confirmation == nil:
        subscriptionConfirmed(connecting, record.subscribed, at: now, using: &rng)
      case .error: masterError(record.error.message, at: now, using: &rng)
      case .heartbeat, .unknown: break
      default: lose("\(record.type) before SUBSCRIBED", closing: stream, at: now, using: &rng)
      }
    case .subscribed(var subscribed):
      subscribed.heard = now
      phase = .subscribed(subscribed)
      receivedSubscribed(record, at: now, using: &rng)
    default: break
    }
  }

  private mutating func receivedSubscribed(
    _ record: SchedulerEvent, at now: Duration, using rng: inout some RandomNumberGenerator
  ) {
    switch record.type {
    case .heartbeat: break
    case .update where record.update.hasStatus: received(status: record.update.status, at: now, using: &rng)
    case .offers where record.hasOffers: received(offers: record.offers.offers)
    case .inverseOffers where record.hasInverseOffers:
      let offers = record.inverseOffers.inverseOffers
      inverseOffersHeld.formUnion(offers.prefix(configuration.offersMax - inverseOffersHeld.count).map(\.id.key))
      deliver(.inverseOffers(offers))
    case .rescind where record.rescind.hasOfferID:
      offersHeld[record.rescind.offerID.key] = nil
      deliver(.rescinded(record.rescind.offerID))
    case .rescindInverseOffer where record.rescindInverseOffer.hasInverseOfferID:
      inverseOffersHeld.remove(record.rescindInverseOffer.inverseOfferID.key)
      deliver(.inverseOfferRescinded(record.rescindInverseOffer.inverseOfferID))
    case .updateOperationStatus where record.updateOperationStatus.hasStatus:
      received(operation: record.updateOperationStatus.status, at: now, using: &rng)
    case .message where record.hasMessage:
      let message = record.message
      deliver(
        .message(
          ExecutorMessage(agentID: message.agentID, executorID: message.executorID, data: [UInt8](message.data))))
    case .failure where record.hasFailure:
      let failure = record.failure
      deliver(
        .failure(
          ClusterFailure(
            agentID: failure.hasAgentID ? failure.agentID : nil,
            executorID: failure.hasExecutorID ? failure.executorID : nil,
            status: failure.hasStatus ? failure.status : nil)))
    case .error: masterError(record.error.message, at: now, using: &rng)
    case .unknown: deliver(.notice(.unknownEvent))
    case .subscribed: deliver(.notice(.malformedEvent("SUBSCRIBED on a stream that is subscribed")))
    default: deliver(.notice(.malformedEvent("\(record.type) without what it is about")))
    }
  }

  mutating func badRecord(
    _ reason: String, on stream: StreamNumber, at now: Duration, using rng: inout some RandomNumberGenerator
  ) {
    guard stream == currentStream else { return }
    let reason = SchedulerError.excerpt(reason)
    deliver(.notice(.undecodableRecord(reason)))
    guard case .subscribed(var subscribed) = phase else {
      return lose("the first record is no event: \(reason)", closing: stream, at: now, using: &rng)
    }
    subscribed.heard = now
    phase = .subscribed(subscribed)
  }

  /// For so long after a subscription an earlier SUBSCRIBE of our own may still arrive and take its place.
  private static let ghostWindow = Duration.seconds(120)

  private mutating func masterError(_ text: String, at now: Duration, using rng: inout some RandomNumberGenerator) {
    let error = SchedulerError(masterError: text)
    if case .subscribed(let subscribed) = phase, now - subscribed.since > Self.ghostWindow { abandoned = 0 }
    if error.code == .failedOver, abandoned > 0, stopping == nil {
      // As likely an earlier attempt of our own, served late, as another scheduler; once for each such attempt.
      abandoned -= 1
      return lose("an earlier attempt to subscribe took this one's place", closing: currentStream, at: now, using: &rng)
    }
    ended(by: error, at: now, using: &rng)
  }

  /// The master ended the subscription, or refuses it, for a reason: the policy or the user says what follows.
  mutating func ended(by error: SchedulerError, at now: Duration, using rng: inout some RandomNumberGenerator) {
    deliver(.error(error))
    let reaction = configuration.onError.reaction(to: error)
    guard stopping == nil, configuration.asksAboutErrors else {
      return react(stopping == nil ? reaction : .fail, to: error, at: now, using: &rng)
    }
    leave(closing: currentStream, at: now)
    phase = .deciding(error)
    show(.disconnected)
    directives.append(.decide(error, proposed: reaction))
  }

  mutating func decided(_ reaction: ErrorReaction, at now: Duration, using rng: inout some RandomNumberGenerator) {
    guard case .deciding(let error) = phase else { return }
    react(stopping == nil ? reaction : .fail, to: error, at: now, using: &rng)
  }

  private mutating func react(
    _ reaction: ErrorReaction, to error: SchedulerError, at now: Duration, using rng: inout some RandomNumberGenerator
  ) {
    let isRemoved = error.code == .frameworkRemoved
    switch reaction {
    case .fail:
      if isRemoved { directives.append(.forgetFrameworkID) }
      // A framework that is being torn down and is gone is where it should be.
      finish(isRemoved && stopping?.mode == .tearDown ? nil : error)
    case .subscribeAsNew:
      directives.append(.forgetFrameworkID)
      frameworkID = nil
      tasks.removeAll()
      operations.removeAll()
      asked = [:]
      unhandled = [:]
      for item in acknowledgements.queue { complete(item, error) }
      acknowledgements.queue = []
      lose("\(error.message); subscribing as a new framework", closing: currentStream, at: now, using: &rng)
    case .retry: lose(error.message, closing: currentStream, at: now, using: &rng)
    }
  }

  private mutating func received(offers: [Offer]) {
    let room = max(0, configuration.offersMax - offersHeld.count)
    for offer in offers.prefix(room) { offersHeld[offer.id.key] = offer.agentID.key }
    if offers.count > room {
      var decline = SchedulerCall.Decline()
      decline.offerIds = offers.dropFirst(room).map(\.id)
      var call = SchedulerCall()
      call.type = .decline
      call.decline = decline
      ordered.queue.append(QueuedCall(call: call, origin: .library, expires: nil))
      deliver(.notice(.offersDeclined(offers.count - room)))
    }
    if room > 0, !offers.isEmpty { deliver(.offers(Array(offers.prefix(room)))) }
  }

  private mutating func received(
    status: TaskStatus, at now: Duration, using rng: inout some RandomNumberGenerator
  ) {
    let id = status.taskID.key
    let acknowledge = acknowledgement(of: status)
    let known = tasks[id]

    if let acknowledge, let known, known.last == acknowledge {
      // The same update again: what is owed is an acknowledgement, not a second report.
      if known.isAcknowledged { return enqueue(acknowledge: acknowledge) }
      if configuration.acknowledgement == .automatic { return }
    }

    let isReconciliation = acknowledge == nil && status.isReconciliation
    var entry = known ?? TaskEntry(state: status.state)
    if status.hasAgentID { entry.agentID = status.agentID }
    if let acknowledge {
      entry.last = acknowledge
      entry.isAcknowledged = false
    }

    // An answer that the library asked for itself and that says nothing new is not worth the user's time.
    let isAskedByUser = asked[id] != nil || reconciling.isImplicitByUser

    // A task ends once. The master may say so before it can pass on the updates that led there.
    // An update that the user has yet to acknowledge is not news of that kind.
    let isRepeated = acknowledge != nil && known?.last == acknowledge
    // That a task is missing is told once, whatever the words; only other news can bring it back.
    if let known, tasks.active[id] == nil, !known.state.saysMissing || status.state.saysMissing, !isRepeated {
      entry.state = known.state
      tasks.update(id) { $0 = entry }
      if isReconciliation { asked[id] = nil }
      if acknowledge != nil {
        deliver(.notice(.lateUpdate(status)))
      } else if isAskedByUser {
        deliver(.task(TaskUpdate(status: status, isReconciliation: isReconciliation)))
      }
      if let acknowledge { enqueue(acknowledge: acknowledge) }
      return answered(id)
    }

    // Missing is not the same as ended while a copy of the launch may have been taken, or may still come.
    var certain = status
    var isProvisional = false
    var needsNewStream = false
    if status.state.saysMissing, let known, tasks.active[id] != nil {
      if isReconciliation, let doubt = known.doubt {
        isProvisional = !doubt.ends(on: currentStream)
        needsNewStream = isProvisional
        if !isProvisional, let refusal = known.refusal { certain = refusal }
      } else if known.doubt != nil || (acknowledge == nil && status.reason == .invalidOffers && !isReconciliation) {
        isProvisional = true
        entry.doubt = .settled
        if acknowledge == nil { entry.refusal = status }
      }
    }
    let isNews = known?.state != status.state || !isReconciliation
    if isProvisional {
      tasks.update(id) { $0 = entry }
    } else {
      asked[id] = nil
      entry.doubt = nil
      entry.refusal = nil
      entry.state = certain.state
      if certain.state.isTerminal {
        tasks.end(id, entry)
      } else if known == nil, status.state == .taskUnknown {
        // Neither side knows it: there is nothing to follow, and should it exist all the same, it brings itself to mind.
      } else if !tasks.insert(id, entry) {
        deliver(.notice(.taskNotTracked(status.taskID)))
      }
    }

    if isNews || isProvisional || isAskedByUser || !configuration.reconciliation.isAutomatic {
      deliver(.task(TaskUpdate(status: certain, isProvisional: isProvisional, isReconciliation: isReconciliation)))
      if let acknowledge, configuration.acknowledgement == .automatic {
        unhandled[DeliveryNumber(lastDelivery)] = call(acknowledge)
      }
    }
    if needsNewStream {
      settleByNewStream(at: now, using: &rng)
    } else if isProvisional {
      doubt(id, at: now)
    } else {
      answered(id)
    }
  }

  /// Only a new subscription makes sure that no copy of a call on this one arrives any more: its stream id would be refused.
  private mutating func settleByNewStream(at now: Duration, using rng: inout some RandomNumberGenerator) {
    // A stop goes on with what is known; the next start asks again.
    guard stopping == nil, case .subscribed(let subscribed) = phase else { return }
    lose(
      "a new subscription makes sure that a call without an answer arrives no more", closing: subscribed.stream,
      leader: subscribed.master, at: now, using: &rng)
  }

  private mutating func received(
    operation status: OperationStatus, at now: Duration, using rng: inout some RandomNumberGenerator
  ) {
    let call = operationAcknowledgement(of: status)
    let id = status.operationID.value
    guard !id.isEmpty else { return deliver(.operation(status)) }
    let acknowledge = call?.acknowledgeOperationStatus
    let known = operations[id]
    if let acknowledge, let known, known.last == acknowledge {
      if known.isAcknowledged { return enqueue(acknowledgeOperation: acknowledge) }
      if configuration.acknowledgement == .automatic { return }
    }
    var entry = known ?? OperationEntry(state: status.state)
    if status.hasAgentID { entry.agentID = status.agentID }
    if status.hasResourceProviderID { entry.resourceProviderID = status.resourceProviderID }
    if let acknowledge {
      entry.last = acknowledge
      entry.isAcknowledged = false
    }

    // A refusal by the master, or its not knowing, may be about another copy of the call than the one that was taken.
    var certain = status
    var isProvisional = false
    var needsNewStream = false
    if acknowledge == nil, let known, operations.active[id] != nil {
      switch status.state {
      case .operationUnknown:
        guard let doubt = known.doubt else { break }
        isProvisional = !doubt.ends(on: currentStream)
        needsNewStream = isProvisional
        if !isProvisional, let refusal = known.refusal { certain = refusal }
      case .operationError, .operationDropped:
        if let doubt = known.doubt, doubt.ends(on: currentStream) { break }
        isProvisional = true
        entry.doubt = .settled
        entry.refusal = status
      default: break
      }
    }
    let isAskedByUser = reconciling.operationsByUser.remove(id) != nil || reconciling.isImplicitForOperationsByUser
    if isProvisional {
      operations.update(id) { $0 = entry }
      if needsNewStream { settleByNewStream(at: now, using: &rng) } else { doubt(operation: id, at: now) }
      return
    }
    entry.doubt = nil
    entry.refusal = nil
    entry.state = certain.state
    if status.state.isTerminal || status.state == .operationUnknown || (known != nil && operations.active[id] == nil) {
      operations.end(id, entry)
    } else if !operations.insert(id, entry) {
      deliver(.notice(.operationNotTracked(status.operationID)))
    }
    let isNews = acknowledge != nil || known?.state != status.state
    if isNews || isAskedByUser || !configuration.reconciliation.isAutomatic {
      deliver(.operation(certain))
      if let call, configuration.acknowledgement == .automatic { unhandled[DeliveryNumber(lastDelivery)] = call }
    }
    // RECOVERING is no answer yet: the agent that knows is not back.
    if status.state != .operationRecovering { answered(operation: id) }
  }

  /// What must be sent for an operation's status, or nothing where it wants no acknowledgement.
  func operationAcknowledgement(of status: OperationStatus) -> SchedulerCall? {
    guard status.hasUuid, status.hasOperationID else { return nil }
    var acknowledge = SchedulerCall.AcknowledgeOperationStatus()
    if status.hasAgentID { acknowledge.agentID = status.agentID }
    if status.hasResourceProviderID { acknowledge.resourceProviderID = status.resourceProviderID }
    acknowledge.uuid = status.uuid.value
    acknowledge.operationID = status.operationID
    var call = SchedulerCall()
    call.type = .acknowledgeOperationStatus
    call.acknowledgeOperationStatus = acknowledge
    return call
  }

  private func acknowledgement(of status: TaskStatus) -> SchedulerCall.Acknowledge? {
    guard status.hasUuid, status.hasAgentID else { return nil }
    var acknowledge = SchedulerCall.Acknowledge()
    acknowledge.agentID = status.agentID
    acknowledge.taskID = status.taskID
    acknowledge.uuid = status.uuid
    return acknowledge
  }

  private func call(_ acknowledge: SchedulerCall.Acknowledge) -> SchedulerCall {
    var call = SchedulerCall()
    call.type = .acknowledge
    call.acknowledge = acknowledge
    return call
  }

  mutating func handled(_ delivery: DeliveryNumber) {
    guard let call = unhandled.removeValue(forKey: delivery) else { return }
    if call.type == .acknowledge {
      enqueue(acknowledge: call.acknowledge)
    } else {
      enqueue(acknowledgeOperation: call.acknowledgeOperationStatus)
    }
  }

  mutating func enqueue(acknowledge: SchedulerCall.Acknowledge) {
    noteAcknowledged(acknowledge)
    enqueue(acknowledgement: call(acknowledge))
  }

  private mutating func enqueue(acknowledgeOperation acknowledge: SchedulerCall.AcknowledgeOperationStatus) {
    noteAcknowledged(acknowledge)
    var call = SchedulerCall()
    call.type = .acknowledgeOperationStatus
    call.acknowledgeOperationStatus = acknowledge
    enqueue(acknowledgement: call)
  }

  mutating func noteAcknowledged(_ acknowledge: SchedulerCall.Acknowledge) {
    tasks.update(acknowledge.taskID.key) { entry in
      if entry.last == acknowledge { entry.isAcknowledged = true }
    }
  }

  mutating func noteAcknowledged(_ acknowledge: SchedulerCall.AcknowledgeOperationStatus) {
    operations.update(acknowledge.operationID.value) { entry in
      if entry.last == acknowledge { entry.isAcknowledged = true }
    }
  }

  private mutating func enqueue(acknowledgement call: SchedulerCall) {
    acknowledgements.queue.append(QueuedCall(call: call, origin: .library, expires: nil))
    if acknowledgements.queue.count > configuration.acknowledgementsQueuedMax,
      let oldest = acknowledgements.queue.popFirst()
    {
      let reason = "more than \(configuration.acknowledgementsQueuedMax) acknowledgements wait"
      acknowledgementLost(oldest, reason)
      complete(oldest, SchedulerError(.queueFull, "It was left out: \(reason)"))
    }
  }

  /// The update will come again and is then news.
  mutating func acknowledgementLost(_ item: QueuedCall, _ reason: String) {
    if item.call.type == .acknowledge {
      let acknowledge = item.call.acknowledge
      tasks.update(acknowledge.taskID.key) { entry in
        if entry.last == acknowledge { entry.last = nil }
      }
      deliver(.notice(.acknowledgementLost(acknowledge.taskID, reason: reason)))
    } else {
      let acknowledge = item.call.acknowledgeOperationStatus
      operations.update(acknowledge.operationID.value) { entry in
        if entry.last == acknowledge { entry.last = nil }
      }
      deliver(.notice(.operationAcknowledgementLost(acknowledge.operationID, reason: reason)))
    }
  }
}
