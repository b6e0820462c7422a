import MesosModel

extension SchedulerCore {
  /// So soon the master is asked about what is in doubt; what comes into doubt meanwhile goes with it.
  private static let doubtDelay = Duration.milliseconds(50)

  mutating func beginReconciliation(at now: Duration, using rng: inout some RandomNumberGenerator) {
    reconciling = Reconciling()
    let settings = configuration.reconciliation
    if settings.isAutomatic, frameworkID != nil {
      reconciling.pending = Set(tasks.active.keys).union(asked.keys)
      reconciling.pendingOperations = Set(operations.active.keys)
      reconciling.isInitial = true
      if reconciling.isPending { askAgain(at: now, using: &rng) } else { explicitDone() }
      reconciling.nextImplicit = settings.interval.map { now + $0 }
    } else {
      // Launches in doubt are asked for whatever the choice: nobody else can.
      reconciling.pending = Set(tasks.active.filter { $0.value.doubt != nil }.keys)
      reconciling.pendingOperations = Set(operations.active.filter { $0.value.doubt != nil }.keys)
      if reconciling.isPending { askAgain(at: now, using: &rng) }
    }
  }

  /// Asks for the tasks and operations that were not answered for, and sets the time for the next round.
  private mutating func askAgain(at now: Duration, using rng: inout some RandomNumberGenerator) {
    let settings = configuration.reconciliation
    reconciling.pending = reconciling.pending.filter { tasks.active[$0] != nil || asked[$0] != nil }
    reconciling.pendingOperations = reconciling.pendingOperations.filter { operations.active[$0] != nil }
    guard reconciling.isPending else { return explicitDone() }
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
    let ids = reconciling.pendingOperations.sorted()
    for start in stride(from: 0, to: ids.count, by: settings.batchMax) {
      var call = SchedulerCall()
      call.type = .reconcileOperations
      call.reconcileOperations.operations = ids[start..<min(start + settings.batchMax, ids.count)].map { id in
        var operation = SchedulerCall.ReconcileOperations.Operation()
        operation.operationID.value = id
        if let agent = operations.active[id]?.agentID { operation.agentID = agent }
        if let provider = operations.active[id]?.resourceProviderID { operation.resourceProviderID = provider }
        return operation
      }
      ordered.queue.append(QueuedCall(call: call, origin: .library, expires: nil))
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

  /// The user asks for these tasks. The master says nothing while the agent of a task may still come back to it, and an answer may be
  /// lost with its stream: they are asked for again until each is answered.
  mutating func ask(
    for wanted: [SchedulerCall.Reconcile.Task], at now: Duration, using rng: inout some RandomNumberGenerator
  ) {
    for task in wanted where asked.count < configuration.tasksMax {
      asked[task.taskID.key] = .some(task.hasAgentID ? task.agentID : nil)
    }
    let ids = wanted.map(\.taskID.key).filter { asked[$0] != nil }
    guard configuration.reconciliation.isAutomatic, case .subscribed = phase, !ids.isEmpty else { return }
    if !reconciling.isPending { reconciling.attempt = 0 }
    reconciling.pending.formUnion(ids)
    if reconciling.next == nil {
      reconciling.next =
        now + configuration.reconciliation.backoff.delay(after: reconciling.attempt + 1, using: &rng)
    }
  }

  /// The call that asked for these tasks came to nothing, and its sender knows.
  mutating func forgetQuestions(of call: SchedulerCall) {
    for task in call.reconcile.tasks { asked[task.taskID.key] = nil }
  }

  /// It is in doubt whether this task was launched: it is asked for with the next round, which comes soon.
  mutating func doubt(_ id: TaskKey, at now: Duration) {
    guard case .subscribed = phase else { return }  // the next subscription asks
    reconciling.pending.insert(id)
    askSoon(at: now)
  }

  mutating func doubt(operation id: String, at now: Duration) {
    guard case .subscribed = phase else { return }
    reconciling.pendingOperations.insert(id)
    askSoon(at: now)
  }

  private mutating func askSoon(at now: Duration) {
    let soon = now + Self.doubtDelay
    reconciling.next = min(reconciling.next ?? soon, soon)
  }

  mutating func answered(_ id: TaskKey) {
    guard reconciling.pending.remove(id) != nil, !reconciling.isPending else { return }
    explicitDone()
  }

  mutating func answered(operation id: String) {
    guard reconciling.pendingOperations.remove(id) != nil, !reconciling.isPending else { return }
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
