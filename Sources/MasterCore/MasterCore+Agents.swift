import AgentLinkModel
import MesosAllocator
import MesosModel
import SwiftProtobuf

// Agents are admitted, come back, disconnect, leave.
extension MasterCore {
  /// What waits for the registry.
  enum Staged: Sendable {
    case register(AgentConnection, AgentKey, LinkRegister, AgentAddress)
    case reregister(AgentConnection, AgentInventory, AgentAddress)
    /// Silent for too long.
    case unreachable(AgentKey, since: Int64)
    /// Not back in time after the start of this master.
    case recoveredUnreachable([AgentKey], since: Int64)
    case remove(AgentKey, goneSince: Int64?)
    /// Nothing runs any more on an agent that was being drained.
    case drained(AgentKey, AgentCondition)
    /// The same of one that is not to come back.
    case drainedForGood(AgentKey, since: Int64)
    /// Agents that were remembered for long enough.
    case collected(unreachable: [AgentKey], gone: [AgentKey])
    /// An agent that was unreachable came back from a machine that is down.
    case readmissionRefused(AgentKey)
    /// What an operator asked for, whose call waits.
    case call(OperatorChange, CallToken)
    /// Nothing is shown of it.
    case silent
  }

  // MARK: Records of a session

  mutating func received(
    _ message: LinkUp.OneOf_Body, from connection: AgentConnection, address: AgentAddress, at now: Moment
  ) {
    switch message {
    case .hello, .heartbeat: return heard(connection, at: now)
    case .register(let record): return register(record, from: connection, address: address, at: now)
    case .reregister(let record): return reregister(record, from: connection, address: address, at: now)
    case .statusUpdate, .executorMessage, .executorTerminated, .unregister, .operationUpdate, .updateAgent: break
    }
    // A session that is not admitted, or whose agent is lost by now, says nothing that counts: it has to register first.
    guard let agent = links[connection], agents[agent]?.connection == connection else { return }
    agents[agent]?.heard = now.uptime
    switch message {
    case .statusUpdate(let update): statusUpdate(update, from: agent, at: now)
    case .executorMessage(let record): executorMessage(record, from: agent)
    case .executorTerminated(let record): executorTerminated(record, on: agent, at: now)
    case .unregister: unregister(agent)
    case .operationUpdate(let update): operationUpdate(update, from: agent, at: now)
    case .updateAgent(let update): updateAgent(update, from: agent, at: now)
    case .hello, .heartbeat, .register, .reregister: break
    }
  }

  mutating func refuse(_ connection: AgentConnection, _ message: String) {
    send(.refused(.with { $0.message = message }), to: connection)
    effects.directives.append(.closeAgent(connection))
  }

  // MARK: Registration

  private mutating func register(
    _ record: LinkRegister, from connection: AgentConnection, address: AgentAddress, at now: Moment
  ) {
    counters.messages["register_slave", default: 0] += 1
    if let agent = links[connection] {
      return send(.registered(.with { $0.agentID = agent.value }), to: connection)
    }
    guard !admitting.contains(connection) else { return }
    do {
      _ = try Resources(record.agentInfo.resources)
      _ = try Resources(record.totalResources)
    } catch {
      return refuse(connection, "Invalid agent resources: \(error.message)")
    }
    guard admits(record.agentInfo, from: connection, address) else { return }
    let id = makeAgentID()
    var record = record
    record.agentInfo.id = AgentID(id)
    admitting.insert(connection)
    persist(
      [.admitAgent(id, info: MessageBytes.encoded(record.agentInfo))],
      then: .register(connection, id, record, address))
  }

  /// Whether an agent may join at all; one that may not is told, and its session ends.
  ///
  /// - Source: Apache Mesos, `master/master.cpp`, `_registerSlave`, `_reregisterSlave`. It passes over agents whose domains do not fit,
  ///   which then try for ever; here they are told why and end, and what they run goes on.
  private mutating func admits(
    _ info: AgentInfo, from connection: AgentConnection, _ address: AgentAddress
  ) -> Bool {
    if isDown(info, at: address) {
      shutDown(connection, "Machine is `DOWN`")
      return false
    }
    if info.hasDomain, !configuration.masterInfo.hasDomain {
      refuse(connection, "The agent has a domain, but the master has none")
      return false
    }
    if configuration.requiresAgentDomain, !info.hasDomain {
      refuse(connection, "The agent has no domain, and this master requires agents to have one")
      return false
    }
    if let refusal = refusal(ofAgent: info, by: nil) {
      refuse(connection, refusal)
      return false
    }
    return true
  }

  /// Has an agent end with all that it runs.
  private mutating func shutDown(_ connection: AgentConnection, _ message: String) {
    send(.shutdown(.with { $0.message = message }), to: connection)
    effects.directives.append(.closeAgent(connection))
  }

  private mutating func makeAgentID() -> AgentKey {
    while true {
      let key = AgentKey(master: configuration.masterID, number: lastAgent)
      lastAgent += 1
      if agents[key] == nil, recoveredAgents[key] == nil, !unreachableAgents.contains(key), !goneAgents.contains(key) {
        return key
      }
    }
  }

  private mutating func registered(
    _ connection: AgentConnection, _ id: AgentKey, _ record: LinkRegister, _ address: AgentAddress, at now: Moment
  ) {
    guard admitting.remove(connection) != nil else {
      // The session ended while the registry was told; the agent never learnt this id, so nobody will come back under it.
      return persist([.removeAgent(id)], then: .silent)
    }
    let total =
      (try? Resources(record.totalResources.isEmpty ? record.agentInfo.resources : record.totalResources))
      ?? Resources()
    lastTask += 1
    let agent = TrackedAgent(
      id: id, info: record.agentInfo, capabilities: record.capabilities, version: record.version, address: address,
      connection: connection, registeredTime: now.timeInfo, total: total, admitted: now.uptime, heard: now.uptime,
      incarnation: lastTask)
    // Its machine may have been taken down meanwhile.
    guard admits(record.agentInfo, from: connection, address) else {
      return persist([.removeAgent(id)], then: .silent)
    }
    do {
      try allocator.add(agent, used: [:])
    } catch {
      refuse(connection, error.message)
      return persist([.removeAgent(id)], then: .silent)
    }
    counters.values["slave_registrations", default: 0] += 1
    links[connection] = id
    agents[id] = agent
    change(.agent(agent.row))
    deadlines.insert(.agent(id, incarnation: agent.incarnation), at: now.uptime + configuration.agentTimeout)
    send(.registered(.with { $0.agentID = id.value }), to: connection)
    settleUnavailability(of: id)
    requestCycle()
  }

  // MARK: Re-registration

  private mutating func reregister(
    _ record: LinkReregister, from connection: AgentConnection, address: AgentAddress, at now: Moment
  ) {
    counters.messages["reregister_slave", default: 0] += 1
    guard !admitting.contains(connection) else { return }
    let id = record.agentInfo.id.key
    let inventory: AgentInventory
    do {
      try id.validate()
      inventory = try AgentInventory(record, known: frameworks)
    } catch {
      return refuse(connection, error.message)
    }
    guard admits(record.agentInfo, from: connection, address) else { return }
    if goneAgents.contains(id) { return shutDown(connection, "Agent has been marked gone") }
    // It comes again, and is told then.
    if markingGone.contains(id) { return effects.directives.append(.closeAgent(connection)) }
    let info = inventory.encodedInfo
    if let agent = agents[id], !agent.isLeaving {
      guard agent.address.ip == address.ip, agent.info.hostname == record.agentInfo.hostname else {
        return refuse(connection, "Agent attempted to reregister with different IP / hostname")
      }
      if agent.info == record.agentInfo {
        return reregistered(connection, inventory, address, at: now)
      }
      stage([.admitAgent(id, info: info)])
    } else if let agent = recoveredAgents[id], !agent.isLeaving {
      if agent.info == info { return reregistered(connection, inventory, address, at: now) }
      stage([.admitAgent(id, info: info)])
    } else {
      // Unreachable, about to be, or never heard of: a registry that was lost must not lose the cluster with it.
      stage([.markReachable(id, info: info)])
    }

    func stage(_ operations: [RegistryOperation]) {
      admitting.insert(connection)
      reregistering.insert(id)
      persist(operations, then: .reregister(connection, inventory, address))
    }
  }

  private mutating func reregistered(
    _ connection: AgentConnection, _ inventory: AgentInventory, _ address: AgentAddress, at now: Moment
  ) {
    let id = inventory.agent
    guard !goneAgents.contains(id) else { return shutDown(connection, "Agent has been marked gone") }
    guard admits(inventory.info, from: connection, address) else {
      // Its machine was taken down while the registry was told that it is back.
      if agents[id] == nil, recoveredAgents[id] == nil { persist([.removeAgent(id)], then: .readmissionRefused(id)) }
      return
    }
    counters.values["slave_reregistrations", default: 0] += 1
    if agents[id] != nil {
      comeBack(id, connection, inventory, address, at: now)
    } else {
      readmit(id, connection, inventory, address, at: now)
    }
    for framework in inventory.frameworks where completedFrameworks.contains(framework.id) {
      send(.shutdownFramework(.with { $0.frameworkID = framework.id.value }), to: id)
    }
    for framework in inventory.frameworks {
      guard let known = frameworks[framework.id], known.link != .recovered, known.info != framework.info else {
        continue
      }
      send(
        .updateFramework(
          .with {
            $0.frameworkID = known.id.value
            $0.frameworkInfo = MessageBytes.copy(known.encodedInfo)
          }), to: id)
    }
    requestCycle()
  }

  /// An agent that the master had never seen, had not seen since its start, or had given up.
  private mutating func readmit(
    _ id: AgentKey, _ connection: AgentConnection, _ inventory: AgentInventory, _ address: AgentAddress, at now: Moment
  ) {
    let isRecovered = recoveredAgents.removeValue(forKey: id) != nil
    let wasUnreachable = unreachableAgents.remove(id) != nil

    lastTask += 1
    var agent = TrackedAgent(
      id: id, info: inventory.info, capabilities: inventory.capabilities, version: inventory.version, address: address,
      connection: connection, registeredTime: now.timeInfo, total: inventory.total, admitted: now.uptime,
      heard: now.uptime, incarnation: lastTask)
    agent.reregisteredTime = now.timeInfo
    agent.owesProviders = inventory.hasProviders
    for framework in inventory.frameworks
    where !frameworks.contains(framework.id) && !completedFrameworks.contains(framework.id) {
      recover(framework.id, framework.info, at: now)
    }
    let (used, present) = used(by: inventory)
    do {
      try allocator.add(agent, used: used)
    } catch {
      if isRecovered { change(.recoveredAgentRemoved(id)) }
      refuse(connection, error.message)
      return persist([.removeAgent(id)], then: .silent)
    }
    links[connection] = id
    agents[id] = agent
    deadlines.insert(.agent(id, incarnation: agent.incarnation), at: now.uptime + configuration.agentTimeout)
    change(.agent(agent.row(encodedInfo: inventory.encodedInfo)))
    // Now: who reads the log can tell an agent that came back from one that is given up.
    if isRecovered { change(.recoveredAgentRemoved(id)) }
    // At once for all that runs there.
    for (framework, resources) in used.sorted(by: { $0.key < $1.key }) { use(resources, of: id, by: framework) }
    for executor in inventory.executors where frameworks.contains(executor.name.framework) {
      add(executor.name, executor.info, resources: executor.resources, isCounted: true)
    }
    // Registered before anything else is sent: what follows presumes it.
    send(.registered(.with { $0.agentID = id.value }), to: connection)
    settleUnavailability(of: id)
    restoreCondition(of: id)
    let places = inventory.frameworks.map { frameworks.place(of: $0.id) }
    agents[id]?.tasks.reserveCapacity(inventory.tasks.count)
    effects.directives.reserveCapacity(effects.directives.count + inventory.tasks.count)
    for (index, task) in inventory.tasks.enumerated() {
      guard let place = places[task.framework] else { continue }
      guard present.isEmpty || !present.contains(index) else {
        // The id was used again elsewhere: of two tasks of one name, the one that is known stays.
        send(Self.kill(task.name), to: id)
        continue
      }
      let wasKnown = frameworks[place: place]?.unreachableTasks.remove(task.name.task) != nil
      if frameworks[place: place]?.completedTasks.isEmpty == false { forgetCompleted(task.name) }
      add(
        task.name, framework: place, agent: id, executor: task.executor, resources: task.resources, stable: task.stable,
        statuses: task.statuses, sharesCgroups: task.sharesCgroups, movedBack: wasKnown, isCounted: true)
      if !isRecovered {
        let message = wasUnreachable ? "Unreachable agent re-reregistered" : "Unknown agent reregistered"
        if let connection = frameworks[place: place]?.connection {
          // What its framework is told next: how it ended, the agent says itself, to be acknowledged.
          let state = task.statuses.awaited?.state ?? task.state
          let status = latest(
            task.name.task, task.statuses, executor: task.executor, agent: id, .agentReregistered(state),
            message: message, at: now)
          send(.update(status), to: connection)
        }
      }
    }
    recall(inventory.completed, of: inventory.frameworks.map(\.id), on: id)
    reconcile(inventory.operations, on: id, at: now)
    checkDrained(id, at: now)
    // Tasks that were unreachable and that the agent does not name are over; nothing is known of how.
    guard !isRecovered else { return }
    let affected = frameworks.keys.filter { (frameworks[$0]?.unreachableTasks.count ?? 0) > 0 }
    for key in affected.sorted() {
      for task in frameworks[key]?.unreachableTasks.keys ?? []
      where frameworks[key]?.unreachableTasks[task]?.agent == id {
        frameworks[key]?.unreachableTasks.remove(task)
        change(.taskForgotten(key, task))
      }
    }
  }

  private static func kill(_ name: TaskName) -> LinkDown.OneOf_Body {
    .killTask(
      .with {
        $0.frameworkID = name.framework.value
        $0.taskID = name.task.value
      })
  }

  /// What the inventory uses that is not counted yet, by framework; frameworks that are completed use nothing. With it the indices of tasks
  /// whose names the master has.
  private func used(by inventory: AgentInventory) -> (resources: [FrameworkKey: Resources], present: Set<Int>) {
    var used: [FrameworkKey: Resources] = [:]
    var present: Set<Int> = []
    for executor in inventory.executors where frameworks.contains(executor.name.framework) {
      used[executor.name.framework, default: Resources()] += executor.resources
    }
    var ofFrameworks: [Resources?] = inventory.frameworks.map { frameworks.contains($0.id) ? Resources() : nil }
    for (index, task) in inventory.tasks.enumerated() where ofFrameworks[task.framework] != nil {
      if tasks.contains(task.name) {
        present.insert(index)
      } else if !task.state.isTerminal {
        ofFrameworks[task.framework]? += task.resources
      }
    }
    for (framework, resources) in zip(inventory.frameworks, ofFrameworks) {
      guard let resources, !resources.isEmpty else { continue }
      used[framework.id, default: Resources()] += resources
    }
    return (used, present)
  }

  /// An agent that the master has registered: after a disconnection, or in a second session.
  private mutating func comeBack(
    _ id: AgentKey, _ connection: AgentConnection, _ inventory: AgentInventory, _ address: AgentAddress, at now: Moment
  ) {
    guard let before = agents[id] else { return }
    var after = before
    after.info = inventory.info
    after.capabilities = inventory.capabilities
    after.total = inventory.total
    do {
      try allocator.update(after)
    } catch {
      return refuse(connection, error.message)
    }
    if let old = before.connection, old != connection {
      links[old] = nil
      effects.directives.append(.closeAgent(old))
    }
    // Offers were made of what the agent was before.
    removeOffers(before.offers, notify: true, at: now)
    removeInverseOffers(of: id, at: now)
    links[connection] = id
    agents[id]?.connection = connection
    agents[id]?.describe(
      inventory.info, capabilities: inventory.capabilities, version: inventory.version, address: address,
      total: inventory.total)
    agents[id]?.reregisteredTime = now.timeInfo
    agents[id]?.admitted = now.uptime
    agents[id]?.heard = now.uptime
    agents[id]?.owesProviders = inventory.hasProviders
    if !inventory.hasProviders { removeProviders(of: id, at: now) }
    if let agent = agents[id] { change(.agent(agent.row)) }
    send(.registered(.with { $0.agentID = id.value }), to: connection)
    reconcile(inventory.operations, on: id, at: now)

    // Executors that only the master knows are gone.
    let running = Set(inventory.executors.map(\.name))
    for name in before.executors.sorted() where !running.contains(name) { removeExecutor(name, at: now) }

    // What only the agent knows was launched by this master or by one before it, and runs: it counts.
    for framework in inventory.frameworks
    where frameworks[framework.id] == nil && !completedFrameworks.contains(framework.id) {
      recover(framework.id, framework.info, at: now)
    }
    var isOther = before.info != inventory.info
    for executor in inventory.executors
    where executors[executor.name] == nil && frameworks[executor.name.framework] != nil {
      add(executor.name, executor.info, resources: executor.resources)
      isOther = true
    }
    for task in inventory.tasks
    where !tasks.contains(task.name) && frameworks.contains(task.name.framework) && !task.state.isTerminal {
      forgetCompleted(task.name)
      add(
        task.name, agent: id, executor: task.executor, resources: task.resources, stable: task.stable,
        statuses: task.statuses, sharesCgroups: task.sharesCgroups)
      isOther = true
    }
    if isOther, let agent = agents[id] {
      // Begins anew with what runs there. The amounts were counted a moment ago, so they can be counted again.
      allocator.remove(id)
      do { try allocator.add(agent, used: used(on: agent)) } catch { preconditionFailure(error.message) }
      settleUnavailability(of: id)
      settleHindrances(of: id)
    } else {
      allocator.set(id, active: true)
    }
    touch(id)
    if conditions[id]?.drain != nil { tellDraining(id) }

    // What only the master knows, the agent has to tell about: the launch may have been lost, or overtaken by this.
    let named = Set(inventory.tasks.map(\.name))
    var missing: [TaskName] = []
    for name in sorted(before.tasks.filter({ !named.contains($0) })) {
      if tasks[name]?.statuses.awaited?.state.isTerminal == true {
        // The framework was sent how it ended, and is not told another end by an agent that has forgotten it.
        removeTask(name, to: .completed, at: now)
      } else {
        missing.append(name)
      }
    }
    if !missing.isEmpty {
      send(
        .reconcileTasks(
          .with {
            $0.tasks = missing.map { name in
              .with {
                $0.frameworkID = name.framework.value
                $0.taskID = name.task.value
              }
            }
            // The agent may know as little of the framework as of its tasks.
            $0.frameworks = Set(missing.map(\.framework)).sorted().compactMap { key in
              guard let framework = frameworks[key] else { return nil }
              return .with {
                $0.frameworkID = key.value
                $0.info = MessageBytes.copy(framework.encodedInfo)
              }
            }
          }), to: id)
    }
    for task in inventory.tasks where before.killed.contains(task.name) && !task.state.isTerminal {
      send(Self.kill(task.name), to: id)
    }
  }

  /// What runs on the agent, by framework.
  func used(on agent: TrackedAgent) -> [FrameworkKey: Resources] {
    var used: [FrameworkKey: Resources] = [:]
    for name in agent.executors.sorted() {
      if let executor = executors[name] { used[name.framework, default: Resources()] += executor.resources }
    }
    for name in sorted(agent.tasks) {
      if let task = tasks[name], !task.isReleased { used[name.framework, default: Resources()] += task.resources }
    }
    for (framework, resources) in heldByOperations(on: agent) { used[framework, default: Resources()] += resources }
    return used
  }

  // MARK: Leaving

  mutating func disconnected(_ connection: AgentConnection, at now: Moment) {
    admitting.remove(connection)
    guard let id = links.removeValue(forKey: connection), let agent = agents[id], agent.connection == connection
    else { return }
    agents[id]?.connection = nil
    allocator.set(id, active: false)
    removeOffers(agent.offers, notify: true, at: now)
    removeInverseOffers(of: id, at: now)
    touch(id)
  }

  private mutating func unregister(_ id: AgentKey) {
    counters.messages["unregister_slave", default: 0] += 1
    remove(id)
  }

  /// Has the registry forget the agent, then everybody.
  ///
  /// - Parameter goneSince: Where it is to be held for gone instead, since when, in nanoseconds since 1970.
  mutating func remove(_ id: AgentKey, goneSince: Int64? = nil) {
    guard agents[id]?.isLeaving == false else { return }
    agents[id]?.isLeaving = true
    removing.insert(id)
    let operation = goneSince.map { RegistryOperation.markGone(id, since: $0) } ?? .removeAgent(id)
    persist([operation], then: .remove(id, goneSince: goneSince))
  }

  /// Why an agent is registered no longer.
  enum Loss: Hashable, Sendable {
    /// Silent for too long; nanoseconds since 1970.
    case unreachable(since: Int64)
    case removed
    /// An operator says that it will not come back.
    case gone

    var unreachableSince: Int64? { if case .unreachable(let since) = self { since } else { nil } }

    var cause: TaskStatusCause {
      switch self {
      case .unreachable: .agentUnreachable
      case .removed: .agentRemoved
      case .gone: .agentRemovedByOperator
      }
    }
  }

  /// The agent is registered no longer; its tasks are over or become unreachable.
  mutating func drop(_ id: AgentKey, _ loss: Loss, _ message: String, at now: Moment) {
    guard let agent = agents[id] else { return }
    let since = loss.unreachableSince
    // What is taken off it now was not drained.
    agents[id]?.condition = nil
    removeOffers(agent.offers, notify: true, at: now)
    removeInverseOffers(of: id, at: now)
    forgetAnswers(of: id)
    for name in sorted(agent.tasks) {
      guard let task = tasks[name] else { continue }
      let isPartitionAware = frameworks[name.framework]?.isPartitionAware ?? false
      let told = loss.cause.reported(toPartitionAware: isPartitionAware)
      var status = TaskStatus(name.task, told, message: message, agent: id, at: now)
      if let executor = task.executor { status.executorID = ExecutorID(executor) }
      if let since { status.unreachableTime = .with { $0.nanoseconds = since } }
      guard !task.statuses.state.isTerminal else {
        // It has ended, though unacknowledged: whoever was sent how is not told another end.
        if task.statuses.awaited?.state.isTerminal != true { send(.update(status), to: name.framework) }
        removeTask(name, to: .completed, at: now)
        continue
      }
      update(name, status, latest: told.state, at: now)
      removeTask(name, to: since == nil ? .completed : .unreachable, at: now)
      send(.update(status), to: name.framework)
    }
    for name in agent.executors.sorted() { removeExecutor(name, at: now) }
    for key in sorted(agent.operations) { release(key, at: now) }
    switch loss {
    case .unreachable: forgetOperations(of: id, .operationUnreachable, "Agent was marked unreachable")
    case .gone: forgetOperations(of: id, .operationGoneByOperator, "Agent has been marked gone")
    case .removed: forgetOperations(of: id, nil, "")
    }
    if let connection = agents[id]?.connection {
      links[connection] = nil
      admitting.remove(connection)
      effects.directives.append(.closeAgent(connection))
    }
    agents[id] = nil
    if since == nil { conditions[id] = nil }
    allocator.remove(id)
    change(.agentRemoved(id))
    counters.values["slave_removals", default: 0] += 1
    tellLost(id)
  }

  /// Tells every framework that the agent is lost.
  private mutating func tellLost(_ id: AgentKey) {
    let event = SchedulerEvent.with {
      $0.type = .failure
      $0.failure = .with { $0.agentID = AgentID(id) }
    }
    for connection in subscribers.keys.sorted() { send(event, to: connection) }
  }

  private mutating func noteUnreachable(_ id: AgentKey, since: Int64, at now: Moment) {
    let dropped = unreachableAgents.append(id, since, limit: configuration.unreachableAgentsMax)
    // The registry is about to learn that one is back: what it learns after that would undo it.
    let forgotten = dropped.filter { !reregistering.contains($0.key) }
    scheduleRegistryCollection(at: now)
    for (id, _) in forgotten { forgetUnreachable(id) }
    guard !forgotten.isEmpty else { return }
    persist(forgotten.map { .removeAgent($0.key) }, then: .silent)
  }

  // MARK: The registry's answers

  mutating func persisted(_ number: UInt64, at now: Moment) {
    while lastPersisted < min(number, lastPersist) {
      lastPersisted += 1
      guard let operation = staged.removeValue(forKey: lastPersisted) else { continue }
      switch operation {
      case .register(let connection, let id, let record, let address):
        registered(connection, id, record, address, at: now)
      case .reregister(let connection, let inventory, let address):
        reregistering.remove(inventory.agent)
        let isConnected = admitting.remove(connection) != nil
        reregistered(connection, inventory, address, at: now)
        if !isConnected { disconnected(connection, at: now) }
      case .unreachable(let id, let since):
        counters.values["slave_removals/reason_unhealthy", default: 0] += 1
        drop(id, .unreachable(since: since), "health check timed out", at: now)
        noteUnreachable(id, since: since, at: now)
      case .recoveredUnreachable(let ids, let since):
        for id in ids where recoveredAgents.removeValue(forKey: id) != nil {
          counters.values["slave_removals", default: 0] += 1
          counters.values["slave_removals/reason_unhealthy", default: 0] += 1
          counters.values["recovery_slave_removals", default: 0] += 1
          change(.recoveredAgentRemoved(id))
          noteUnreachable(id, since: since, at: now)
          tellLost(id)
        }
      case .remove(let id, let goneSince):
        counters.values["slave_removals/reason_unregistered", default: 0] += 1
        let hostname = agents[id]?.info.hostname ?? ""
        removing.remove(id)
        if let goneSince { remember(gone: id, since: goneSince, at: now) }
        drop(id, .removed, "Agent \(hostname) removed: the agent unregistered", at: now)
      case .drained(let id, let condition): drained(id, condition, at: now)
      case .drainedForGood(let id, let since): drainedForGood(id, since: since, at: now)
      case .collected(let unreachable, let gone): collected(unreachable: unreachable, gone: gone)
      case .readmissionRefused(let id): forgetUnreachable(id)
      case .call(let change, let token): callPersisted(change, token, at: now)
      case .silent: break
      }
    }
  }

  mutating func persistFailed(_ number: UInt64, message: String, at now: Moment) {
    // Only this one: others may still become durable.
    guard let operation = staged.removeValue(forKey: number) else { return }
    switch operation {
    case .register(let connection, _, _, _):
      // Closed, not refused: the agent comes again, and the registry may work by then.
      if admitting.remove(connection) != nil { effects.directives.append(.closeAgent(connection)) }
    case .reregister(let connection, let inventory, _):
      reregistering.remove(inventory.agent)
      if admitting.remove(connection) != nil { effects.directives.append(.closeAgent(connection)) }
      links[connection] = nil
    case .unreachable(let id, _), .remove(let id, _):
      removing.remove(id)
      keep(id, at: now)
    case .recoveredUnreachable(let ids, _):
      for id in ids { recoveredAgents[id]?.isLeaving = false }
      deadlines.insert(.recoveredAgents, at: now.uptime + configuration.agentPingTimeout)
    case .drained(let id, _): drainingFailed(id, at: now)
    case .drainedForGood(let id, _):
      releaseFromGone(id, at: now)
      drainingFailed(id, at: now)
    case .call(let change, let token): callFailed(change, token, message: message, at: now)
    case .collected, .readmissionRefused, .silent: break
    }
  }
}
