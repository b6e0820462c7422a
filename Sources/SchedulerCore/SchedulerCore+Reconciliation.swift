import MesosModel

extension SchedulerCore {
  /// So many answers of a reconciliation, a back-off apart, make it certain that a launch in doubt never happened.
  static let denialsNeeded = 2

  mutating func beginReconciliation(at now: Duration, using rng: inout some RandomNumberGenerator) {
    reconciling = Reconciling()
    let settings = configuration.reconciliation
    if settings.isAutomatic, frameworkID != nil {
      reconciling.pending = Set(tasks.active.keys).union(asked.keys)
      reconciling.isInitial = true
      if reconciling.pending.isEmpty { explicitDone() } else { askAgain(at: now, using: &rng) }
      reconciling.nextImplicit = settings.interval.map { now + $0 }
    } else {
      // Launches in doubt are asked for whatever the choice: nobody else can.
      reconciling.pending = Set(tasks.active.filter { $0.value.denials != nil }.keys)
      if !reconciling.pending.isEmpty { askAgain(at: now, using: &rng) }
    }
  }

  /// Asks for the tasks that were not answered for, and sets the time for the next round.
  private mutating func askAgain(at now: Duration, using rng: inout some RandomNumberGenerator) {
    let settings = configuration.reconciliation
    reconciling.pending = reconciling.pending.filter { tasks.active[$0] != nil || asked[$0] != nil }
    guard !reconciling.pending.isEmpty else { return explicitDone() }
    let keys = reconciling.pending.sorted()
    for start in stride(from: 0, to: keys.count, by: settings.batchMax) {
      var reconcile = SchedulerCall.Reconcile()
      reconcile.tasks = keys[start..<min(start + settings.batchMax, keys.count)].map { key in
        var task = SchedulerCall.Reconcile.Task()
        task.taskID = TaskID(key)
        if let agent = tasks.active[key]?.agentID ?? asked[key] ?? nil { task.agentID = agent }
        return task
      }
      enqueue(reconcile: reconcile)
    }
    reconciling.attempt += 1
    reconciling.next = now + settings.backoff.delay(after: reconciling.attempt, using: &rng)
  }

  private mutating func enqueue(reconcile: SchedulerCall.Reconcile) {
    var call = SchedulerCall()
    call.type = .reconcile
    call.reconcile = reconcile
    ordered.queue.append(QueuedCall(call: call, origin: .library, expires: nil))
  }

  /// The launch of this task is in doubt: it is asked for with the next round.
  mutating func doubt(_ id: TaskKey, at now: Duration, using rng: inout some RandomNumberGenerator) {
    wait(forAnswersAbout: [id], at: now, using: &rng)
  }

  /// The user asks for these tasks. The master says nothing while the agent of a task may still come back to it, and an answer may be
  /// lost with its stream: they are asked for again until each is answered.
  mutating func ask(
    for wanted: [SchedulerCall.Reconcile.Task], at now: Duration, using rng: inout some RandomNumberGenerator
  ) {
    for task in wanted where asked.count < configuration.tasksMax {
      asked[task.taskID.key] = .some(task.hasAgentID ? task.agentID : nil)
    }
    guard configuration.reconciliation.isAutomatic else { return }
    wait(forAnswersAbout: wanted.map(\.taskID.key).filter { asked[$0] != nil }, at: now, using: &rng)
  }

  /// The call that asked for these tasks came to nothing, and its sender knows.
  mutating func forgetQuestions(of call: SchedulerCall) {
    for task in call.reconcile.tasks { asked[task.taskID.key] = nil }
  }

  private mutating func wait(
    forAnswersAbout ids: [TaskKey], at now: Duration, using rng: inout some RandomNumberGenerator
  ) {
    guard case .subscribed = phase, !ids.isEmpty else { return }  // the next subscription asks
    if reconciling.pending.isEmpty { reconciling.attempt = 0 }
    reconciling.pending.formUnion(ids)
    if reconciling.next == nil {
      reconciling.next =
        now + configuration.reconciliation.backoff.delay(after: reconciling.attempt + 1, using: &rng)
    }
  }

  mutating func answered(_ id: TaskKey) {
    guard reconciling.pending.remove(id) != nil, reconciling.pending.isEmpty else { return }
    explicitDone()
  }

  private mutating func explicitDone() {
    reconciling.next = nil
    reconciling.attempt = 0
    guard reconciling.isInitial else { return }
    reconciling.isInitial = false
    deliver(.reconciled)
    enqueue(reconcile: SchedulerCall.Reconcile())
  }

  mutating func reconcileDue(at now: Duration, using rng: inout some RandomNumberGenerator) {
    if let next = reconciling.next, next <= now { askAgain(at: now, using: &rng) }
    if let next = reconciling.nextImplicit, next <= now {
      reconciling.nextImplicit = configuration.reconciliation.interval.map { now + $0 }
      enqueue(reconcile: SchedulerCall.Reconcile())
    }
  }
}
