import MesosModel

/// What a framework's own metrics count, from its first subscription to this master on.
struct FrameworkCounts: Sendable {
  private var calls: [SchedulerCall.TypeEnum: Int] = [:]
  private var events: [SchedulerEvent.TypeEnum: Int] = [:]
  private var operations: [Offer.Operation.TypeEnum: Int] = [:]
  private var active: [TaskState: Int] = [:]
  private var terminal: [TaskState: Int] = [:]
  private var offersSent = 0
  private var offersAccepted = 0
  private var offersRescinded = 0
  var offersDeclined = 0

  mutating func called(_ type: SchedulerCall.TypeEnum) { calls[type, default: 0] += 1 }

  mutating func sent(_ event: SchedulerEvent) {
    events[event.type, default: 0] += 1
    if event.type == .offers { offersSent += event.offers.offers.count }
    if event.type == .rescind { offersRescinded += 1 }
  }

  /// Notes an ACCEPT of valid offers; one that does nothing with them declines them.
  mutating func took(_ call: SchedulerCall.Accept, offers: Int) {
    if call.operations.isEmpty { offersDeclined += offers } else { offersAccepted += offers }
    for operation in call.operations { operations[operation.type, default: 0] += 1 }
  }

  mutating func moved(from old: TaskState?, to new: TaskState?) {
    guard old != new else { return }
    if let old, !old.isTerminal { active[old, default: 0] -= 1 }
    guard let new else { return }
    if !new.isTerminal {
      active[new, default: 0] += 1
    } else if old != nil {
      ended(new)
    }
  }

  /// Notes the end of a task, or of a wish for one.
  mutating func ended(_ state: TaskState) { if state.isTerminal { terminal[state, default: 0] += 1 } }

  /// The metrics with the ends of their keys.
  var values: [(name: String, value: Int)] {
    var values = [
      ("calls", calls.values.reduce(0, +)), ("events", events.values.reduce(0, +)),
      ("operations", operations.values.reduce(0, +)), ("offers/sent", offersSent), ("offers/accepted", offersAccepted),
      ("offers/declined", offersDeclined), ("offers/rescinded", offersRescinded),
    ]
    for type in MetricKeys.calls { values.append(("calls/\(type.wireName.lowercased())", calls[type] ?? 0)) }
    for type in MetricKeys.events { values.append(("events/\(type.wireName.lowercased())", events[type] ?? 0)) }
    for type in MetricKeys.operations {
      values.append(("operations/\(type.wireName.lowercased())", operations[type] ?? 0))
    }
    for state in MetricKeys.states {
      let name = state.wireName.lowercased()
      values.append(
        state.isTerminal
          ? ("tasks/terminal/\(name)", terminal[state] ?? 0) : ("tasks/active/\(name)", active[state] ?? 0))
    }
    return values
  }
}

/// Keys that Apache Mesos 1.11 shows from the first moment.
enum MetricKeys {
  static let calls: [SchedulerCall.TypeEnum] = [
    .accept, .acceptInverseOffers, .acknowledge, .acknowledgeOperationStatus, .decline, .declineInverseOffers, .kill,
    .message, .reconcile, .reconcileOperations, .request, .revive, .shutdown, .subscribe, .suppress, .teardown,
    .updateFramework,
  ]
  static let events: [SchedulerEvent.TypeEnum] = [
    .error, .failure, .heartbeat, .inverseOffers, .message, .offers, .rescind, .rescindInverseOffer, .subscribed,
    .update,
    .updateOperationStatus,
  ]
  static let operations: [Offer.Operation.TypeEnum] = [
    .create, .createDisk, .destroy, .destroyDisk, .growVolume, .launch, .launchGroup, .reserve, .shrinkVolume,
    .unreserve,
  ]
  static let states: [TaskState] = [
    .taskKilling, .taskRunning, .taskStaging, .taskStarting, .taskUnknown, .taskUnreachable, .taskDropped, .taskError,
    .taskFailed, .taskFinished, .taskGone, .taskGoneByOperator, .taskKilled, .taskLost,
  ]

  /// Behind `master/`, beside those that ``MasterCore/Counters`` names.
  static let master: [String] = {
    let outcomes = [
      "dropped", "error", "failed", "finished", "gone_by_operator", "pending", "recovering", "total", "unreachable",
    ]
    let kinds = [
      "create", "create_disk", "destroy", "destroy_disk", "grow_volume", "reserve", "shrink_volume", "unreserve",
    ]
    return [
      "dropped_messages", "event_queue_dispatches", "event_queue_http_requests", "event_queue_messages",
      "http_cache_hits",
      "invalid_operation_status_updates", "messages_authenticate", "messages_operation_status_update",
      "messages_reregister_framework", "messages_update_slave", "slave_shutdowns_canceled", "slave_shutdowns_completed",
      "slave_shutdowns_scheduled", "slave_unreachable_canceled", "slave_unreachable_scheduled",
      "valid_operation_status_update_acknowledgements", "valid_operation_status_updates",
    ] + outcomes.map { "operations/\($0)" } + kinds.flatMap { kind in outcomes.map { "operations/\(kind)/\($0)" } }
  }()
}

extension MasterCore {
  /// Puts each framework's metrics in, completed ones too while they are remembered.
  func addFrameworks(to values: inout [String: Double]) {
    func add(
      _ id: FrameworkKey, _ name: String, _ counts: FrameworkCounts, isSubscribed: Bool, _ roles: [(String, Bool)]
    ) {
      // So that a name stays one part of a key.
      let prefix = "master/frameworks/\(percentEncoded(name))/\(id.value)/"
      for value in counts.values { values[prefix + value.name] = Double(value.value) }
      values[prefix + "subscribed"] = isSubscribed ? 1 : 0
      for (role, isSuppressed) in roles { values[prefix + "roles/\(role)/suppressed"] = isSuppressed ? 1 : 0 }
    }
    for framework in frameworks.values {
      add(
        framework.id, framework.info.name, framework.counts, isSubscribed: framework.isConnected,
        framework.roles.map { ($0, framework.suppressedRoles.contains($0)) })
      guard framework.info.hasPrincipal else { continue }
      // Apache Mesos counts what comes by the protocol of before 1.0, which nobody speaks here.
      values["frameworks/\(framework.info.principal)/messages_processed"] = 0
      values["frameworks/\(framework.info.principal)/messages_received"] = 0
    }
    for id in completedFrameworks.keys {
      guard let framework = completedFrameworks[id], !frameworks.contains(id) else { continue }
      add(id, framework.name, framework.counts, isSubscribed: false, framework.roles.map { ($0, false) })
    }
  }
}
