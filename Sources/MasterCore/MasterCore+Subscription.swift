import AgentLinkModel
import MesosAllocator
import MesosAuthorization
import MesosModel
import SwiftProtobuf

// Frameworks come, come back, fail over, go away and are over.
extension MasterCore {
  mutating func subscribe(
    _ connection: SchedulerConnection, _ call: SchedulerCall, principal: Principal?, token: CallToken, at now: Moment
  ) {
    counters.messages["register_framework", default: 0] += 1
    do {
      try CallValidation.validate(call, principal: principal)
    } catch {
      return answer(token, .rejected(status: 400, text: "Failed to validate scheduler::Call: " + error.message))
    }
    // The stream begins before what is sent on it.
    effects.directives.append(.answer(token, .streaming))

    var info = call.subscribe.frameworkInfo
    if let name = principal?.value, !info.hasPrincipal { info.principal = name }
    let suppressed = call.subscribe.suppressedRoles
    let wishes: Wishes
    do {
      try validate(info, suppressedRoles: suppressed)
      wishes = try Wishes(suppressed, call.subscribe.offerConstraints, configuration.offerConstraintsLimits)
    } catch {
      return fail(connection, error.message)
    }
    if let refusal = refusal(ofSubscription: info) { return fail(connection, refusal) }
    guard info.hasID, !info.id.value.isEmpty else {
      info.id = FrameworkID(makeFrameworkID())
      return add(info, wishes, connection: connection, at: now)
    }
    let id = info.id.key
    guard let known = frameworks[id] else {
      return add(info, wishes, connection: connection, at: now)
    }
    // A subscription cannot change these two; what it says about them is ignored, as Apache Mesos does.
    info.user = known.info.user
    if info.checkpoint != known.info.checkpoint { info.checkpoint = known.info.checkpoint }
    do {
      try FrameworkValidation.validateUpdate(from: known.info, to: info)
    } catch {
      return fail(connection, error.message)
    }
    failOver(id, to: connection, info, wishes, at: now)
  }

  private mutating func makeFrameworkID() -> FrameworkKey {
    while true {
      let key = FrameworkKey(master: configuration.masterID, number: lastFramework)
      lastFramework += 1
      if frameworks[key] == nil, !completedFrameworks.contains(key) { return key }
    }
  }

  /// Checks what a framework says about itself, before it is known whether the master knows it.
  func validate(_ info: FrameworkInfo, suppressedRoles: [String]) throws(ValidationError) {
    try FrameworkValidation.validate(info)
    let roles = info.subscribedRoles
    if let allowed = configuration.roles {
      let refused = roles.filter { $0 != RoleName.star && !allowed.contains($0) }
      guard refused.isEmpty else {
        throw ValidationError(
          .invalidRole, "Roles { \(refused.joined(separator: ", ")) } are not present in the master's --roles")
      }
    }
    try FrameworkValidation.validate(suppressedRoles: suppressedRoles, of: roles)
    guard info.user != "root" || configuration.rootSubmissions else {
      throw ValidationError(.unsupported, "User 'root' is not allowed to run frameworks without --root_submissions set")
    }
    if info.hasID, completedFrameworks.contains(info.id.key) {
      throw ValidationError(.unknownReference, "Framework has been removed")
    }
    try FrameworkValidation.validate(failoverTimeout: info.failoverTimeout)
  }

  /// What a framework says about the offers it wants.
  private struct Wishes {
    let suppressedRoles: Set<String>
    let constraints: OfferConstraints
    let filter: OfferConstraintsFilter

    /// - Throws: `ValidationError` about constraints that have no meaning.
    init(
      _ suppressedRoles: [String], _ constraints: OfferConstraints, _ limits: OfferConstraintsLimits
    ) throws(ValidationError) {
      self.suppressedRoles = Set(suppressedRoles)
      self.constraints = constraints
      do { filter = try OfferConstraintsFilter(constraints, limits: limits) } catch {
        throw ValidationError(.invalidValue, error.message, path: "offer_constraints")
      }
    }

    func apply(to framework: inout TrackedFramework) {
      framework.suppressedRoles = suppressedRoles
      framework.constraints = constraints
      framework.constraintsFilter = filter
    }
  }

  private mutating func add(
    _ info: FrameworkInfo, _ wishes: Wishes, connection: SchedulerConnection, at now: Moment
  ) {
    var framework = TrackedFramework(
      id: info.id.key, info: info, suppressedRoles: [], link: .connected(connection), at: now)
    wishes.apply(to: &framework)
    framework.counts.called(.subscribe)
    frameworks[framework.id] = framework
    subscribers[connection] = framework.id
    allocator.add(framework)
    change(.framework(framework.row))
    greet(framework.id, on: connection, at: now)
    requestCycle()
  }

  /// A framework that an agent runs something of and that has not subscribed since this master started.
  mutating func recover(_ id: FrameworkKey, _ info: FrameworkInfo, at now: Moment) {
    let framework = TrackedFramework(id: id, info: info, suppressedRoles: [], link: .recovered, at: now)
    frameworks[id] = framework
    allocator.add(framework)
    change(.framework(framework.row))
  }

  private mutating func failOver(
    _ id: FrameworkKey, to connection: SchedulerConnection, _ info: FrameworkInfo, _ wishes: Wishes, at now: Moment
  ) {
    guard var framework = frameworks[id] else { return }
    let isChanged = framework.info != info
    if let old = framework.connection {
      subscribers[old] = nil
      fail(old, "Framework failed over")
    }
    // Offers went to the stream that is over: the new one gets its own.
    removeOffers(framework.offers, notify: false, at: now)
    removeInverseOffers(framework.inverseOffers, notify: false, at: now)
    if let current = frameworks[id] { framework = current }
    framework.update(info)
    wishes.apply(to: &framework)
    framework.link = .connected(connection)
    framework.reregisteredTime = now.timeInfo
    framework.subscription += 1
    framework.counts.called(.subscribe)
    frameworks[id] = framework
    subscribers[connection] = id
    allocator.update(framework)
    allocator.set(id, active: true)
    change(.framework(framework.row))
    greet(id, on: connection, at: now)
    if isChanged { tellAgents(of: framework) }
    requestCycle()
  }

  private mutating func greet(_ id: FrameworkKey, on connection: SchedulerConnection, at now: Moment) {
    send(
      SchedulerEvent.with {
        $0.type = .subscribed
        $0.subscribed = .with {
          $0.frameworkID = FrameworkID(id)
          $0.heartbeatIntervalSeconds = configuration.heartbeatInterval.inSeconds
          $0.masterInfo = configuration.masterInfo
        }
      }, to: connection)
    sendHeartbeat(to: connection, at: now)
  }

  mutating func sendHeartbeat(to connection: SchedulerConnection, at now: Moment) {
    send(SchedulerEvent.with { $0.type = .heartbeat }, to: connection)
    deadlines.insert(.heartbeat(connection), at: now.uptime + configuration.heartbeatInterval)
  }

  /// Tells the agents that run something of the framework what it says about itself now.
  private mutating func tellAgents(of framework: TrackedFramework) {
    let message = LinkUpdateFramework.with {
      $0.frameworkID = framework.id.value
      $0.frameworkInfo = MessageBytes.copy(framework.encodedInfo)
    }
    for agent in agentsRunning(framework) { send(.updateFramework(message), to: agent) }
  }

  /// The agents that tasks or executors of the framework are on, sorted.
  func agentsRunning(_ framework: TrackedFramework) -> [AgentKey] {
    let ofTasks = framework.tasks.compactMap { tasks[TaskName(framework: framework.id, task: $0)]?.agent }
    return Set(ofTasks + framework.executors.map(\.agent)).sorted()
  }

  // MARK: UPDATE_FRAMEWORK

  mutating func updateFramework(_ id: FrameworkKey, _ call: SchedulerCall.UpdateFramework) -> CallAnswer {
    guard var framework = frameworks[id] else { return .rejected(status: 400, text: "Framework cannot be found") }
    do {
      try validate(call.frameworkInfo, suppressedRoles: call.suppressedRoles)
    } catch {
      return .rejected(status: 400, text: "Supplied FrameworkInfo is not valid: " + error.message)
    }
    let wishes: Wishes
    do {
      wishes = try Wishes(call.suppressedRoles, call.offerConstraints, configuration.offerConstraintsLimits)
    } catch {
      return .rejected(
        status: 400, text: "'UpdateFramework.offer_constraints' are not valid: " + error.message)
    }
    do {
      try FrameworkValidation.validateUpdate(from: framework.info, to: call.frameworkInfo)
    } catch {
      return .rejected(status: 400, text: "FrameworkInfo update is not valid: " + error.message)
    }
    if let refusal = refusal(ofSubscription: call.frameworkInfo) { return .rejected(status: 403, text: refusal) }
    let isChanged = framework.info != call.frameworkInfo
    let isConstrainedAnew = framework.constraints != call.offerConstraints
    framework.update(call.frameworkInfo)
    wishes.apply(to: &framework)
    frameworks[id] = framework
    allocator.update(framework)
    if isChanged || isConstrainedAnew { change(.framework(framework.row)) }
    if isChanged { tellAgents(of: framework) }
    requestCycle()
    return .ok
  }

  // MARK: The end

  mutating func disconnected(_ connection: SchedulerConnection, at now: Moment) {
    guard let id = subscribers.removeValue(forKey: connection), let framework = frameworks[id] else { return }
    removeOffers(framework.offers, notify: false, at: now)
    removeInverseOffers(framework.inverseOffers, notify: false, at: now)
    frameworks[id]?.link = .disconnected
    allocator.set(id, active: false)
    touch(id)
    let timeout = framework.info.failoverTimeout
    // A negative timeout never ends, as on Apache Mesos.
    guard timeout >= 0 else { return }
    guard timeout > 0 else { return remove(id, at: now) }
    deadlines.insert(.failover(id, subscription: framework.subscription), at: now.uptime + .seconds(timeout))
  }

  mutating func failoverTimedOut(_ id: FrameworkKey, subscription: UInt64, at now: Moment) {
    guard let framework = frameworks[id], framework.link == .disconnected, framework.subscription == subscription
    else { return }
    remove(id, at: now)
  }

  mutating func teardown(_ id: FrameworkKey, principal: Principal?, at now: Moment) -> CallAnswer {
    guard let info = frameworks[id]?.info else {
      return .rejected(status: 400, text: "No framework found with specified ID")
    }
    guard permits(.teardownFramework, by: principal, on: info.hasPrincipal ? info.principal : nil) else {
      return .forbidden
    }
    remove(id, at: now)
    return .ok
  }

  /// Ends a framework: its tasks and executors are killed, it becomes completed.
  mutating func remove(_ id: FrameworkKey, at now: Moment) {
    guard let framework = frameworks[id] else { return }
    removeOffers(framework.offers, notify: false, at: now)
    removeInverseOffers(framework.inverseOffers, notify: false, at: now)
    forgetAnswers(of: id)
    let order = LinkDown.OneOf_Body.shutdownFramework(.with { $0.frameworkID = id.value })
    for agent in agentsRunning(framework) { send(order, to: agent) }

    let message = "Framework \(id) removed"
    for name in sorted(framework.tasks.map { TaskName(framework: id, task: $0) }) {
      guard let task = tasks[name] else { continue }
      var status = TaskStatus(name.task, .frameworkRemoved, message: message, agent: task.agent, at: now)
      if let executor = task.executor { status.executorID = ExecutorID(executor) }
      update(name, status, latest: status.state, at: now)
      removeTask(name, to: .completed, at: now)
    }
    for key in frameworks[id]?.unreachableTasks.keys ?? [] {
      guard var task = frameworks[id]?.unreachableTasks.remove(key) else { continue }
      var status = TaskStatus(key, .frameworkRemoved, message: message, agent: task.agent, at: now)
      if let executor = task.executor { status.executorID = ExecutorID(executor) }
      task.statuses.add(status, latest: status.state)
      change(.taskMoved(id, key, task.statuses.row, to: .completed))
      complete(TaskName(framework: id, task: key))
    }
    for name in framework.executors.sorted() { removeExecutor(name, at: now) }
    withholdOperations(of: id, at: now)

    guard var ended = frameworks.removeValue(forKey: id) else { return }
    if let connection = ended.connection {
      subscribers[connection] = nil
      effects.directives.append(.close(connection))
    }
    allocator.remove(id)
    ended.link = .disconnected
    ended.unregisteredTime = now.timeInfo
    change(.frameworkCompleted(id, ended.status))
    let forgotten = completedFrameworks.append(
      id, CompletedFramework(ended), limit: configuration.completedFrameworksMax)
    for (key, framework) in forgotten {
      for task in framework.tasks { change(.taskForgotten(key, task)) }
      change(.frameworkForgotten(key))
    }
  }
}
