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
    case .offers: received(offers: record.offers.offers)
    case .inverseOffers:
      let offers = record.inverseOffers.inverseOffers
      inverseOffersHeld.formUnion(offers.prefix(configuration.offersMax - inverseOffersHeld.count).map(\.id.key))
      deliver(.inverseOffers(offers))
    case .rescind:
      offersHeld[record.rescind.offerID.key] = nil
      deliver(.rescinded(record.rescind.offerID))
    case .rescindInverseOffer:
      inverseOffersHeld.remove(record.rescindInverseOffer.inverseOfferID.key)
      deliver(.inverseOfferRescinded(record.rescindInverseOffer.inverseOfferID))
    case .update where record.update.hasStatus: received(status: record.update.status, at: now, using: &rng)
    case .updateOperationStatus where record.updateOperationStatus.hasStatus:
      received(operation: record.updateOperationStatus.status)
    case .message:
      let message = record.message
      deliver(
        .message(
          ExecutorMessage(agentID: message.agentID, executorID: message.executorID, data: [UInt8](message.data))))
    case .failure:
      let failure = record.failure
      deliver(
        .failure(
          ClusterFailure(
            agentID: failure.hasAgentID ? failure.agentID : nil,
            executorID: failure.hasExecutorID ? failure.executorID : nil,
            status: failure.hasStatus ? failure.status : nil)))
    case .error: masterError(record.error.message, at: now, using: &rng)
    case .subscribed, .unknown, .update, .updateOperationStatus: deliver(.notice(.unknownEvent))
    }
  }

  mutating func badRecord(
    _ reason: String, on stream: StreamNumber, at now: Duration, using rng: inout some RandomNumberGenerator
  ) {
    guard stream == currentStream else { return }
    deliver(.notice(.undecodableRecord(String(reason.prefix(SchedulerError.foreignTextMax)))))
    guard case .subscribed(var subscribed) = phase else {
      return lose("the first record is no event: \(reason.prefix(200))", closing: stream, at: now, using: &rng)
    }
    subscribed.heard = now
    phase = .subscribed(subscribed)
  }

  private mutating func masterError(_ text: String, at now: Duration, using rng: inout some RandomNumberGenerator) {
    let error = SchedulerError(masterError: text)
    if error.code == .failedOver, abandoned > 0, stopping == nil {
      // As likely an earlier attempt of our own, served late, as another scheduler; once for each such attempt.
      abandoned -= 1
      return lose("an earlier attempt to subscribe took this one's place", closing: currentStream, at: now, using: &rng)
    }
    deliver(.error(error))
    guard error.code == .frameworkRemoved else { return finish(error) }
    directives.append(.forgetFrameworkID)
    guard configuration.onFrameworkRemoved == .subscribeAsNew, stopping == nil else {
      return finish(stopping?.mode == .tearDown ? nil : error)
    }
    frameworkID = nil
    tasks.removeAll()
    asked = [:]
    lose("the framework's id was removed; subscribing as a new one", closing: currentStream, at: now, using: &rng)
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
    var entry = known ?? TaskTable.Entry(state: status.state)
    if status.hasAgentID { entry.agentID = status.agentID }
    if let acknowledge {
      entry.last = acknowledge
      entry.isAcknowledged = false
    }

    var isProvisional = false
    if let denials = entry.denials, status.state.saysMissing {
      entry.denials = isReconciliation ? denials + 1 : denials
      isProvisional = (entry.denials ?? 0) < SchedulerCore.denialsNeeded
    }
    let isNews = known?.state != status.state || !isReconciliation
    if isProvisional {
      tasks.update(id) { $0 = entry }
      doubt(id, at: now, using: &rng)
    } else {
      entry.denials = nil
      entry.state = status.state
      let endedForGood = known != nil && tasks.active[id] == nil && !(known?.state.saysMissing ?? false)
      if status.state.isTerminal || endedForGood {
        if endedForGood, let known { entry.state = known.state }
        tasks.end(id, entry)
      } else if known == nil, status.state == .taskUnknown {
        // Neither side knows it: there is nothing to follow, and should it exist all the same, it brings itself to mind.
      } else if !tasks.insert(id, entry) {
        deliver(.notice(.taskNotTracked(status.taskID)))
      }
    }

    // An answer that the library asked for itself and that says nothing new is not worth the user's time.
    let isAskedByUser = asked[id] != nil || reconciling.isImplicitByUser
    if !isProvisional { asked[id] = nil }
    if isNews || isProvisional || isAskedByUser || !configuration.reconciliation.isAutomatic {
      deliver(.task(TaskUpdate(status: status, isProvisional: isProvisional, isReconciliation: isReconciliation)))
      if let acknowledge, configuration.acknowledgement == .automatic {
        unhandled[DeliveryNumber(lastDelivery)] = call(acknowledge)
      }
    }
    if !isProvisional { answered(id) }
  }

  private mutating func received(operation status: OperationStatus) {
    deliver(.operation(status))
    guard configuration.acknowledgement == .automatic, let call = operationAcknowledgement(of: status) else { return }
    unhandled[DeliveryNumber(lastDelivery)] = call
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
    if call.type == .acknowledge { enqueue(acknowledge: call.acknowledge) } else { enqueue(acknowledgement: call) }
  }

  mutating func enqueue(acknowledge: SchedulerCall.Acknowledge) {
    tasks.update(acknowledge.taskID.key) { entry in
      if entry.last == acknowledge { entry.isAcknowledged = true }
    }
    enqueue(acknowledgement: call(acknowledge))
  }

  private mutating func enqueue(acknowledgement call: SchedulerCall) {
    acknowledgements.queue.append(QueuedCall(call: call, origin: .library, expires: nil))
    if acknowledgements.queue.count > configuration.acknowledgementsQueuedMax,
      let oldest = acknowledgements.queue.popFirst()
    {
      acknowledgementLost(oldest, "more than \(configuration.acknowledgementsQueuedMax) wait")
    }
  }

  /// The update will come again and is then news.
  mutating func acknowledgementLost(_ item: QueuedCall, _ reason: String) {
    guard item.call.type == .acknowledge else { return }
    let acknowledge = item.call.acknowledge
    tasks.update(acknowledge.taskID.key) { entry in
      if entry.last == acknowledge { entry.last = nil }
    }
    deliver(.notice(.acknowledgementLost(acknowledge.taskID, reason: reason)))
  }
}
