import MesosModel
import OrderedCollections

extension DemandCore {
  mutating func received(_ status: TaskStatus, at now: Moment, using rng: inout some RandomNumberGenerator) {
    let task = status.taskID.key
    guard let id = InstanceID(task) else { return unknown(task, status.state) }
    guard demands[id.demand] != nil else {
      guard removed.contains(id.demand) else { return unknown(task, status.state) }
      // Its demand is gone, and so should it be.
      if !status.state.isTerminal, status.state.mayStillRun, status.state != .taskUnreachable, isSubscribed {
        directives.append(.kill(task, on: status.hasAgentID ? status.agentID.key : nil, grace: nil))
      }
      return
    }
    let agent = AgentKey(status.agentID.value)
    let place = seen[agent]?.place ?? Place(agent: agent)
    if seen[agent] == nil, demands[id.demand]?.instances[id] == nil, placeless.count < configuration.agentsRememberedMax
    {
      placeless.insert(agent)
    }
    demands[id.demand]?.take(status, of: id, place: place, at: now.uptime, using: &rng, into: &directives)
  }

  private mutating func unknown(_ task: TaskKey, _ state: TaskState) {
    guard !state.isTerminal, told.append(task).inserted else { return }
    if told.count > configuration.removedMax { told.removeFirst() }
    directives.append(.tell(.unknownTask(task)))
  }

  /// The framework is a new one: the tasks of the old one are gone with it.
  mutating func forgetInstances(at now: Moment, using rng: inout some RandomNumberGenerator) {
    for name in order {
      for id in demands[name]?.instances.keys.sorted() ?? [] {
        demands[name]?.end(
          id, .taskGone, "The framework of this task was removed", at: now.uptime, using: &rng, into: &directives)
      }
    }
  }

  mutating func notLaunched(
    _ tasks: [TaskKey], _ message: String, at now: Moment, using rng: inout some RandomNumberGenerator
  ) {
    for task in tasks.sorted() {
      guard let id = InstanceID(task), demands[id.demand]?.instances[id] != nil else { continue }
      demands[id.demand]?.end(id, nil, message, at: now.uptime, using: &rng, into: &directives)
    }
  }

  /// The agent is gone, and with it whatever was offered of it.
  mutating func removed(_ agent: AgentKey) {
    offers = offers.filter { $0.value.place.agent != agent }
    seen[agent] = nil
    placeless.remove(agent)
    maintenance[agent] = nil
  }

  /// An id for an instance that is launched now, greater than all before.
  mutating func newID(
    _ demand: DemandState, slot: Int, at now: Moment, using rng: inout some RandomNumberGenerator
  ) -> InstanceID {
    let milliseconds = UInt64(max(0, now.wallNanoseconds) / 1_000_000)
    let wanted = milliseconds << 16 | UInt64.random(in: 0...0xffff, using: &rng)
    lastIncarnation = max(wanted, lastIncarnation + 1)
    return InstanceID(
      demand: demand.demand.name, slot: slot, version: demand.version, incarnation: lastIncarnation)
  }
}
