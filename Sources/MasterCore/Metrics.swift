import MesosAllocator
public import MesosModel

extension MasterCore {
  /// What is counted from the start of the master on.
  struct Counters: Sendable {
    /// Messages and calls by the end of their key, `master/messages_…`.
    var messages: [String: Int] = [:]
    /// Others by their key behind `master/`.
    var values: [String: Int] = [:]
    /// Tasks on registered agents, by state.
    private(set) var tasks: [TaskState: Int] = [:]

    /// Operations by kind and state: those that have ended for ever, all others as they are now.
    private(set) var operations: [Offer.Operation.TypeEnum: [OperationState: Int]] = [:]

    mutating func operation(_ type: Offer.Operation.TypeEnum, from old: OperationState?, to new: OperationState?) {
      guard old != new else { return }
      if let old { operations[type, default: [:]][old, default: 0] -= 1 }
      if let new { operations[type, default: [:]][new, default: 0] += 1 }
    }

    /// The kinds of operations that have an end of their own.
    static let operationTypes: [Offer.Operation.TypeEnum] = [
      .reserve, .unreserve, .create, .destroy, .growVolume, .shrinkVolume, .createDisk, .destroyDisk,
    ]
    static let operationStates: [(state: OperationState, name: String)] = [
      (.operationPending, "pending"), (.operationRecovering, "recovering"), (.operationUnreachable, "unreachable"),
      (.operationFinished, "finished"), (.operationFailed, "failed"), (.operationError, "error"),
      (.operationDropped, "dropped"), (.operationGoneByOperator, "gone_by_operator"),
    ]

    /// What is shown of ``operations``, by the end of the key.
    var operationMetrics: [(name: String, value: Int)] {
      var sums: [String: Int] = [:]
      for type in Self.operationTypes {
        let prefix = "operations/\(type.wireName.lowercased())/"
        for (state, name) in Self.operationStates {
          let count = operations[type]?[state] ?? 0
          for key in [prefix + name, prefix + "total", "operations/" + name, "operations/total"] {
            sums[key, default: 0] += count
          }
        }
      }
      return sums.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
    }

    mutating func moved(from old: TaskState?, to new: TaskState?) {
      guard old != new else { return }
      if let old { tasks[old, default: 0] -= 1 }
      if let new { tasks[new, default: 0] += 1 }
    }

    /// Notes the end of a task, or of a wish for one.
    mutating func ended(_ status: TaskStatus) {
      guard let state = Self.name(status.state) else { return }
      values["tasks_\(state)", default: 0] += 1
      guard status.hasReason, status.hasSource else { return }
      let reason = Self.underscored("\(status.reason)")
      // Keys are in the words of before the v1 API.
      let source = status.source == .agent ? "slave" : "\(status.source)"
      values["task_\(state)/source_\(source)/reason_\(reason)", default: 0] += 1
    }

    static func name(_ state: TaskState) -> String? {
      switch state {
      case .taskFinished: "finished"
      case .taskFailed: "failed"
      case .taskKilled: "killed"
      case .taskLost: "lost"
      case .taskError: "error"
      case .taskDropped: "dropped"
      case .taskGone: "gone"
      case .taskGoneByOperator: "gone_by_operator"
      case .taskStaging, .taskStarting, .taskRunning, .taskKilling, .taskUnreachable, .taskUnknown: nil
      }
    }

    /// `agentRemoved` becomes `slave_removed`, as the keys of Apache Mesos have it.
    private static func underscored(_ name: String) -> String {
      let words = name.reduce(into: "") { $0 += $1.isUppercase ? "_" + $1.lowercased() : String($1) }
      return words.hasPrefix("agent_") ? "slave_" + words.dropFirst(6) : words
    }

    /// Counters that are shown from the first moment.
    static let messageNames = [
      "deactivate_framework", "decline_offers", "executor_to_framework", "exited_executor", "framework_to_executor",
      "kill_task", "launch_tasks", "operation_status_update", "operation_status_update_acknowledgement",
      "reconcile_operations",
      "reconcile_tasks", "register_framework", "register_slave", "reregister_slave", "resource_request",
      "revive_offers", "status_update", "status_update_acknowledgement", "suppress_offers", "unregister_framework",
      "unregister_slave",
    ]
    static let valueNames = [
      "invalid_executor_to_framework_messages", "invalid_framework_to_executor_messages",
      "invalid_operation_status_update_acknowledgements", "invalid_operation_status_updates",
      "invalid_status_update_acknowledgements",
      "invalid_status_updates", "recovery_slave_removals", "slave_registrations", "slave_removals",
      "slave_removals/reason_registered", "slave_removals/reason_unhealthy", "slave_removals/reason_unregistered",
      "slave_reregistrations", "slave_unreachable_canceled", "slave_unreachable_completed",
      "slave_unreachable_scheduled", "tasks_dropped", "tasks_error", "tasks_failed",
      "tasks_finished", "tasks_gone", "tasks_gone_by_operator", "tasks_killed", "tasks_lost",
      "valid_executor_to_framework_messages", "valid_framework_to_executor_messages",
      "valid_operation_status_update_acknowledgements", "valid_operation_status_updates",
      "valid_status_update_acknowledgements", "valid_status_updates",
    ]
  }

  /// What the master counts, under the keys of Apache Mesos, sorted by name.
  ///
  /// - Parameter now: The moment up to which `master/uptime_secs` counts.
  /// - Complexity: O(*a* + *f*) in the numbers of agents and frameworks, and what the allocator's metrics take.
  public func metrics(at now: Moment) -> [(name: String, value: Double)] {
    var values: [String: Double] = [
      "master/elected": 1, "master/uptime_secs": (now.uptime - started.uptime).inSeconds,
      "allocator/mesos/event_queue_dispatches": 0, "allocator/event_queue_dispatches": 0,
      "master/outstanding_offers": Double(offers.count),
    ]
    for (name, value) in allocator.metrics.values { values[name] = value }
    for name in Counters.messageNames { values["master/messages_\(name)"] = 0 }
    for name in Counters.valueNames { values["master/\(name)"] = 0 }
    for name in MetricKeys.master { values["master/\(name)"] = 0 }
    for (name, count) in counters.messages { values["master/messages_\(name)"] = Double(count) }
    for (name, count) in counters.values { values["master/\(name)"] = Double(count) }

    for (name, count) in counters.operationMetrics { values["master/\(name)"] = Double(count) }

    func tasks(_ state: TaskState) -> Double { Double(counters.tasks[state] ?? 0) }
    values["master/tasks_staging"] = tasks(.taskStaging)
    values["master/tasks_starting"] = tasks(.taskStarting)
    values["master/tasks_running"] = tasks(.taskRunning)
    values["master/tasks_killing"] = tasks(.taskKilling)
    values["master/tasks_unreachable"] = Double(frameworks.values.reduce(0) { $0 + $1.unreachableTasks.count })

    let connected = frameworks.values.count { $0.isConnected }
    values["master/frameworks_active"] = Double(connected)
    values["master/frameworks_connected"] = Double(connected)
    values["master/frameworks_inactive"] = Double(frameworks.count - connected)
    values["master/frameworks_disconnected"] = Double(frameworks.count - connected)

    let reachable = agents.values.count { $0.isConnected }
    let active = agents.values.count { $0.isActive }
    values["master/slaves_active"] = Double(active)
    values["master/slaves_connected"] = Double(reachable)
    values["master/slaves_inactive"] = Double(agents.count - active)
    values["master/slaves_disconnected"] = Double(agents.count - reachable)
    values["master/slaves_unreachable"] = Double(unreachableAgents.count)

    for name in ["cpus", "disk", "gpus", "mem"] {
      var (total, used) = (Scalar.zero, Scalar.zero)
      var (revocable, revocableUsed) = (Scalar.zero, Scalar.zero)
      for agent in agents.values {
        let agentRevocable = agent.total.revocable.scalar(name)
        let agentRevocableUsed = agent.allocated.revocable.scalar(name)
        revocable += agentRevocable
        revocableUsed += agentRevocableUsed
        total += agent.total.scalar(name) - agentRevocable
        used += agent.allocated.scalar(name) - agentRevocableUsed
      }
      for (kind, total, used) in [("", total, used), ("_revocable", revocable, revocableUsed)] {
        values["master/\(name)\(kind)_total"] = total.doubleValue
        values["master/\(name)\(kind)_used"] = used.doubleValue
        values["master/\(name)\(kind)_percent"] = total > .zero ? used.doubleValue / total.doubleValue : 0
      }
    }
    if configuration.publishesFrameworkMetrics { addFrameworks(to: &values) }
    return values.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
  }
}
