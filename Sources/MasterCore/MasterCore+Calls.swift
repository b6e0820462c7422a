import MesosAllocator
import MesosModel
import SwiftProtobuf

extension MasterCore {
  /// Takes a call other than SUBSCRIBE and says what its sender is told; what else comes of it are events on the stream.
  mutating func perform(
    _ call: SchedulerCall, streamID: String?, principal: Principal?, at now: Moment
  ) -> CallAnswer {
    refusal(of: call, streamID: streamID, principal: principal) ?? perform(call, at: now)
  }

  /// Why the call is not taken from this sender, if it is not.
  func refusal(of call: SchedulerCall, streamID: String?, principal: Principal?) -> CallAnswer? {
    do {
      try CallValidation.validate(call, principal: principal)
    } catch {
      return .rejected(status: 400, text: "Failed to validate scheduler::Call: " + error.message)
    }
    let id = call.frameworkID.key
    guard let framework = frameworks[id] else {
      return .rejected(status: 400, text: "Framework cannot be found")
    }
    if let name = principal?.value, framework.info.principal != name {
      return .rejected(
        status: 400,
        text: "Authenticated principal '\(name)' does not match principal '\(framework.info.principal)' set in "
          + "`FrameworkInfo`")
    }
    guard let connection = framework.connection else {
      return .rejected(status: 403, text: "Framework is not subscribed")
    }
    guard let streamID else {
      return .rejected(
        status: 400, text: "All non-subscribe calls should include the 'Mesos-Stream-Id' header")
    }
    guard streamID == connection.streamID else {
      return .rejected(
        status: 400,
        text: "The stream ID '\(streamID.prefix(256))' included in this request didn't match the stream ID currently "
          + "associated with framework ID \(id)")
    }
    return nil
  }

  /// Takes a call that nothing is to be said against.
  mutating func perform(_ call: SchedulerCall, at now: Moment) -> CallAnswer {
    let id = call.frameworkID.key
    frameworks[id]?.counts.called(call.type)
    switch call.type {
    case .teardown:
      counters.messages["unregister_framework", default: 0] += 1
      remove(id, at: now)
    case .accept: accept(id, call.accept, at: now)
    case .decline: decline(id, call.decline, at: now)
    case .acceptInverseOffers:
      let answer = call.acceptInverseOffers
      answerInverseOffers(answer.inverseOfferIds, of: id, .accept, answer.filters, at: now)
    case .declineInverseOffers:
      let answer = call.declineInverseOffers
      answerInverseOffers(answer.inverseOfferIds, of: id, .decline, answer.filters, at: now)
    case .revive: revive(id, call.revive.roles)
    case .suppress: suppress(id, call.suppress.roles)
    case .kill: kill(id, call.kill, at: now)
    case .shutdown: shutdown(id, call.shutdown)
    case .acknowledge: acknowledge(id, call.acknowledge, at: now)
    case .acknowledgeOperationStatus: acknowledgeOperation(id, call.acknowledgeOperationStatus, at: now)
    case .reconcile: reconcile(id, call.reconcile, at: now)
    case .reconcileOperations: reconcileOperations(id, call.reconcileOperations)
    case .message: message(id, call.message)
    case .request: counters.messages["resource_request", default: 0] += 1
    case .updateFramework: return updateFramework(id, call.updateFramework)
    case .subscribe:
      return .rejected(status: 400, text: "Subscribe calls should not include the 'Mesos-Stream-Id' header")
    case .unknown:
      return .rejected(status: 501, text: "")
    }
    return .accepted
  }

  private mutating func revive(_ id: FrameworkKey, _ roles: [String]) {
    counters.messages["revive_offers", default: 0] += 1
    guard let framework = frameworks[id], roles.allSatisfy(framework.roles.contains) else { return }
    let revived = roles.isEmpty ? framework.roles : Set(roles).sorted()
    frameworks[id]?.suppressedRoles.subtract(revived)
    allocator.reviveOffers(id, roles: revived)
    requestCycle()
  }

  private mutating func suppress(_ id: FrameworkKey, _ roles: [String]) {
    counters.messages["suppress_offers", default: 0] += 1
    guard let framework = frameworks[id], roles.allSatisfy(framework.roles.contains) else { return }
    let suppressed = roles.isEmpty ? framework.roles : Set(roles).sorted()
    frameworks[id]?.suppressedRoles.formUnion(suppressed)
    allocator.suppressOffers(id, roles: suppressed)
  }
}
