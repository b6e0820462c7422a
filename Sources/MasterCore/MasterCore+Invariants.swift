import MesosAllocator
import MesosModel

extension MasterCore {
  /// Checks that the tables agree with each other and that resources are conserved; for tests and simulations.
  ///
  /// - Returns: What is wrong, a line each; empty when all is well.
  /// - Complexity: O(*n*) in everything the master knows.
  public func checkInvariants() -> [String] {
    var problems = allocator.checkInvariants()
    func expect(_ condition: Bool, _ problem: @autoclosure () -> String) {
      if !condition { problems.append(problem()) }
    }

    struct Share: Hashable {
      var framework: FrameworkKey
      var agent: AgentKey
    }

    var inUse: [Share: Resources] = [:]
    var allocated: [AgentKey: Resources] = [:]
    var offered: [AgentKey: Resources] = [:]
    var ofFramework: [FrameworkKey: Resources] = [:]
    var offeredTo: [FrameworkKey: Resources] = [:]
    for name in tasks.keys.sorted() {
      guard let task = tasks[name] else { continue }
      expect(agents[task.agent]?.tasks.contains(name) ?? false, "task \(name) is not in the table of its agent")
      expect(
        frameworks[name.framework]?.tasks.contains(name.task) ?? false,
        "task \(name) is not in the table of its framework")
      expect(
        !(frameworks[name.framework]?.unreachableTasks.contains(name.task) ?? false),
        "task \(name) is active and unreachable")
      expect(
        !(frameworks[name.framework]?.completedTasks.contains(name.task) ?? false),
        "task \(name) is active and completed")
      expect(!task.statuses.state.isTerminal || task.isReleased, "task \(name) has ended and holds its resources")
      guard !task.isReleased else { continue }
      allocated[task.agent, default: Resources()] += task.resources
      inUse[Share(framework: name.framework, agent: task.agent), default: Resources()] += task.resources
      ofFramework[name.framework, default: Resources()] += task.resources
    }
    for name in executors.keys.sorted() {
      guard let executor = executors[name] else { continue }
      expect(agents[name.agent]?.executors.contains(name) ?? false, "executor \(name) is not in its agent's table")
      allocated[name.agent, default: Resources()] += executor.resources
      inUse[Share(framework: name.framework, agent: name.agent), default: Resources()] += executor.resources
      ofFramework[name.framework, default: Resources()] += executor.resources
    }
    for key in operations.keys.sorted() {
      guard let operation = operations[key], let holding = operation.holding else { continue }
      expect(!operation.latest.state.isTerminal, "operation \(key) has ended and holds \(holding.consumed)")
      guard !holding.isWithheld else { continue }
      guard let framework = operation.framework, frameworks[framework] != nil else {
        problems.append("operation \(key) holds \(holding.consumed) for a framework that is not there")
        continue
      }
      allocated[operation.agent, default: Resources()] += holding.consumed
      inUse[Share(framework: framework, agent: operation.agent), default: Resources()] += holding.consumed
      ofFramework[framework, default: Resources()] += holding.consumed
    }
    for key in offers.keys.sorted() {
      guard let offer = offers[key] else { continue }
      expect(agents[offer.agent]?.isActive ?? false, "offer \(key) of an agent that is not active")
      expect(frameworks[offer.framework]?.isConnected ?? false, "offer \(key) to a framework that is not connected")
      offered[offer.agent, default: Resources()] += offer.resources
      inUse[Share(framework: offer.framework, agent: offer.agent), default: Resources()] += offer.resources
      offeredTo[offer.framework, default: Resources()] += offer.resources
    }
    for id in agents.keys.sorted() {
      guard let agent = agents[id] else { continue }
      expect(agent.allocated == allocated[id] ?? Resources(), "agent \(id): \(agent.allocated) are not what runs")
      expect(agent.offered == offered[id] ?? Resources(), "agent \(id): \(agent.offered) are not what is offered")
      for framework in frameworks.keys.sorted() {
        let used = inUse[Share(framework: framework, agent: id)] ?? Resources()
        let believed = allocator.allocation(of: framework, on: id)
        expect(
          believed == used,
          "agent \(id), framework \(framework): the allocator believes in \(believed), used and offered are \(used)")
      }
      expect(
        agent.owesProviders
          || agent.total.entries.allSatisfy { $0.providerID.map { agent.providers[.init($0)] != nil } ?? true },
        "agent \(id) has resources of providers that are not there: \(agent.total)")
      expect(
        agent.connection.map { links[$0] == id } ?? true, "agent \(id) is connected by a session that is not its own")
      expect(
        agent.tasks.allSatisfy { tasks[$0]?.agent == id }, "agent \(id) has tasks in its table that are elsewhere")
      expect(agent.offers.allSatisfy { offers[$0]?.agent == id }, "agent \(id) has offers that are not there")
      var hindrances: AgentHindrances = agent.isConnected ? [] : .disconnected
      if agent.isDeactivated { hindrances.insert(.deactivated) }
      if agent.condition?.drain != nil { hindrances.insert(.draining) }
      expect(allocator.hindrances(of: id) == hindrances, "agent \(id): the allocator knows of other hindrances")
      expect(
        agent.unavailability == maintenance.unavailability(of: agent.machine),
        "agent \(id) is not planned to be out of use when its machine is")
      expect(conditions[id] == agent.condition, "agent \(id) has another condition than the master knows")
      expect(recoveredAgents[id] == nil, "agent \(id) is registered and recovered")
      expect(!unreachableAgents.contains(id), "agent \(id) is registered and unreachable")
    }
    for id in frameworks.keys.sorted() {
      guard let framework = frameworks[id] else { continue }
      expect(
        framework.allocated.quantities == (ofFramework[id] ?? Resources()).quantities,
        "framework \(id): \(framework.allocated) are not what runs")
      expect(
        framework.offered.quantities == (offeredTo[id] ?? Resources()).quantities,
        "framework \(id): \(framework.offered) are not what is offered")
      expect(
        framework.connection.map { subscribers[$0] == id } ?? true,
        "framework \(id) is subscribed on a stream that is not its own")
      expect(!completedFrameworks.contains(id), "framework \(id) is active and completed")
    }
    for key in operations.keys.sorted() {
      guard let operation = operations[key] else { continue }
      expect(
        agents[operation.agent]?.operations.contains(key) ?? false, "operation \(key) is not in its agent's table")
    }
    for id in agents.keys.sorted() {
      guard let agent = agents[id] else { continue }
      expect(
        agent.operations.allSatisfy { operations[$0]?.agent == id }, "agent \(id) has operations that are elsewhere")
      expect(
        allocator.total(of: id) == agent.total.unallocated,
        "agent \(id): the allocator believes in \(String(describing: allocator.total(of: id))), it has \(agent.total)")
      if agent.connection != nil {
        expect(
          agent.total.contains(agent.offered.unallocated.nonShared),
          "agent \(id): of \(agent.offered) not all is there: it has \(agent.total)")
      }
      expect(
        Set(agent.total.persistentVolumes.entries.map { [$0.reservationRole ?? "", $0.disk?.persistence.id ?? ""] })
          .count
          == agent.total.persistentVolumes.entries.count, "agent \(id) has two volumes of one id: \(agent.total)")
    }
    for (name, key) in operationNames {
      expect(operations[key]?.name == name, "the operation \(name.id) of framework \(name.framework) is not there")
    }
    for key in inverseOffers.keys.sorted() {
      guard let offer = inverseOffers[key] else { continue }
      expect(agents[offer.agent]?.inverseOffers.contains(key) ?? false, "inverse offer \(key) is not its agent's")
      expect(frameworks[offer.framework]?.isConnected ?? false, "inverse offer \(key) to one that is not connected")
      expect(
        frameworks[offer.framework]?.inverseOffers.contains(key) ?? false, "inverse offer \(key) is not its framework's"
      )
    }
    for (id, condition) in conditions.sorted(by: { $0.key < $1.key }) {
      expect(isKnown(id) || agents[id] != nil, "agent \(id) has a condition and is not known")
      expect(condition.drain == nil || condition.isDeactivated, "agent \(id) is drained and not deactivated")
      expect(agents[id].map { $0.condition == condition } ?? true, "agent \(id) does not have its condition")
    }
    for id in goneAgents.keys {
      expect(
        agents[id] == nil && recoveredAgents[id] == nil && !unreachableAgents.contains(id),
        "agent \(id) is gone and there")
    }
    for (connection, id) in links.sorted(by: { $0.key < $1.key }) {
      expect(agents[id]?.connection == connection, "session \(connection.number) is not that of agent \(id)")
    }
    return problems
  }
}
