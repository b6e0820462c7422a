import MesosModel

/// A demand with its slots and instances.
struct DemandState: Sendable {
  /// A slot that wants an instance now.
  struct Opening: Hashable, Sendable {
    var slot: Int
    /// The instance beside which the new one comes; where it is counts for no constraint.
    var besides: InstanceID?
  }

  /// What a survey looks at beside the demand.
  struct Surroundings {
    var now: Moment
    var configuration: DemandCore.Configuration
    /// Whether calls can be made.
    var isSubscribed: Bool
    /// The agents whose maintenance is planned, with its start on the wall.
    var maintenance: [AgentKey: PlannedMaintenance]
  }

  private(set) var demand: Demand
  private(set) var version: UInt32
  /// What is wanted of each resource, in order of their names.
  private(set) var wanted: [(name: String, amount: Scalar)] = []
  /// Changes with every change of the demand: whoever refused offers for the one before has to ask again.
  private(set) var generation: UInt64 = 0
  var isRemoved = false

  /// In order of their indices.
  var slots: [Slot] = []
  var instances: [InstanceID: Instance] = [:]
  /// Instances that stand for no slot: given up on, or unwanted copies. Oldest first.
  var strays: [InstanceID] = []

  // What the last survey found.
  var isDirty = true
  private(set) var openings: [Opening] = []
  /// When the next slot that waits after a failure opens.
  private(set) var opensAt: Duration?
  /// Slots that wait for the end of the instance before.
  private(set) var waitingForEnds = 0
  private(set) var nextDeadline: Duration?
  private var wasDone = false

  init(_ demand: Demand) {
    self.demand = demand
    version = demand.templateVersion
    wanted = demand.resources.sorted { $0.key < $1.key }.map { (name: $0.key, amount: $0.value) }
  }

  /// Takes a changed description of the same demand.
  mutating func change(to new: Demand) {
    guard new != demand || isRemoved else { return }
    let oldVersion = version
    demand = new
    version = new.templateVersion
    wanted = new.resources.sorted { $0.key < $1.key }.map { (name: $0.key, amount: $0.value) }
    generation += 1
    isRemoved = false
    wasDone = false
    isDirty = true
    for index in slots.indices {
      guard version != oldVersion else { continue }
      // What failed before may go well now.
      if slots[index].ending == .failed { slots[index].ending = nil }
      slots[index].failures = 0
      slots[index].losses = 0
      slots[index].notBefore = nil
    }
  }

  /// The position of a slot, or where it would be.
  func position(of index: Int) -> (Int, isThere: Bool) {
    var (low, high) = (0, slots.count)
    while low < high {
      let middle = (low + high) / 2
      if slots[middle].index < index { low = middle + 1 } else { high = middle }
    }
    return (low, low < slots.count && slots[low].index == index)
  }

  /// Whether an instance counts as available at a time, and from when on it will.
  func availability(_ id: InstanceID?, at now: Duration) -> (isAvailable: Bool, from: Duration?) {
    guard let id, let instance = instances[id], instance.phase == .running, instance.leaving == nil,
      instance.isHealthy ?? !demand.template.hasHealthCheck
    else { return (false, nil) }
    let from = instance.since + demand.rollout.readyAfter
    return from <= now ? (true, nil) : (false, from)
  }

  func isAvailable(_ id: InstanceID?, at now: Duration) -> Bool { availability(id, at: now).isAvailable }

  // MARK: The survey

  /// Brings slots, instances and time together; finds what is to be killed and what is open.
  mutating func survey(_ around: Surroundings, into directives: inout [DemandCore.Directive]) {
    let now = around.now.uptime
    isDirty = false
    nextDeadline = nil
    fit(at: now)
    for position in slots.indices {
      expire(position, around)
      promote(position, at: now)
    }
    replace(around)
    slots.removeAll { $0.isRemoved && $0.isEmpty }
    while strays.count > around.configuration.straysMax { instances[strays.removeFirst()] = nil }
    kill(around, into: &directives)
    findOpenings(at: now)
    tellDone(at: now, into: &directives)
  }

  /// Whether a survey is due.
  func isDue(at now: Duration) -> Bool { isDirty || nextDeadline.map { $0 <= now } ?? false }

  mutating func consider(_ deadline: Duration) { nextDeadline = min(nextDeadline ?? deadline, deadline) }

  /// Makes and removes slots so that there are as many as are wanted.
  private mutating func fit(at now: Duration) {
    if isRemoved {
      for position in slots.indices { remove(position, at: now) }
      return
    }
    if let completions = demand.completions {
      for position in slots.indices where slots[position].index >= completions { remove(position, at: now) }
      for index in 0..<completions {
        let (position, isThere) = position(of: index)
        if !isThere { slots.insert(Slot(index), at: position) }
        slots[position].isRemoved = false
        if slots[position].ending == nil, demand.finishedBefore.contains(index) { finish(position, at: now) }
      }
      return
    }
    let present = slots.indices.filter { !slots[$0].isRemoved }
    if present.count > demand.count {
      // What does least goes first: an ended one, one that waits, one that does not run yet; then the newest.
      func rank(_ slot: Slot) -> (Int, UInt64) {
        guard slot.ending == nil else { return (0, 0) }
        guard let id = slot.current, let instance = instances[id] else { return (1, 0) }
        return (instance.phase == .running ? 3 : 2, .max - id.incarnation)
      }
      let order = present.sorted { left, right in
        let (a, b) = (rank(slots[left]), rank(slots[right]))
        return a != b ? a < b : slots[left].index > slots[right].index
      }
      for position in order.prefix(present.count - demand.count) { remove(position, at: now) }
    }
    var missing = demand.count - present.count
    var index = 0
    while missing > 0 {
      let (position, isThere) = position(of: index)
      if isThere {
        // A slot on its way out is wanted again, once the instance that was killed for it is gone.
        if slots[position].isRemoved {
          slots[position].isRemoved = false
          missing -= 1
        }
      } else {
        slots.insert(Slot(index), at: position)
        missing -= 1
      }
      index += 1
    }
  }

  private mutating func remove(_ position: Int, at now: Duration) {
    slots[position].isRemoved = true
    slots[position].wantsSuccessor = false
    for id in [slots[position].successor, slots[position].current].compactMap({ $0 }) {
      leave(id, .unwanted, position, at: now)
    }
  }

  /// A slot's work is done, whoever did it; nobody else needs to.
  mutating func finish(_ position: Int, at now: Duration) {
    slots[position].ending = .finished
    isDirty = true
    for id in [slots[position].successor, slots[position].current].compactMap({ $0 }) {
      leave(id, .unwanted, position, at: now)
    }
  }

  /// Has an instance of a slot killed.
  mutating func leave(_ id: InstanceID, _ cause: Instance.Cause, _ position: Int, at now: Duration) {
    slots[position].remove(id)
    slots[position].leaving.append(id)
    instances[id]?.leave(cause, at: now)
    isDirty = true
  }

  /// Gives up on instances that were out of sight or silent for too long.
  private mutating func expire(_ position: Int, _ around: Surroundings) {
    let now = around.now.uptime
    for id in slots[position].instances {
      guard let instance = instances[id] else { continue }
      switch instance.phase {
      case .unreachable:
        // A slot that is not wanted waits for nobody.
        guard let after = slots[position].isRemoved ? Duration.zero : demand.unreachable.replaceAfter else { continue }
        if instance.since + after <= now {
          slots[position].remove(id)
          strays.append(id)
        } else {
          consider(instance.since + after)
        }
      case .launching where instance.leaving == nil:
        let deadline = instance.since + around.configuration.launchTimeout
        if deadline <= now { leave(id, .launchTimeout, position, at: now) } else { consider(deadline) }
      case .launching, .staging, .running: break
      }
    }
  }

  /// Lets the successor take the place of the current instance once it can.
  private mutating func promote(_ position: Int, at now: Duration) {
    guard let successor = slots[position].successor else { return }
    if let current = slots[position].current {
      let (isAvailable, from) = availability(successor, at: now)
      if let from { consider(from) }
      guard isAvailable else { return }
      leave(current, .replaced, position, at: now)
    }
    slots[position].current = successor
    slots[position].successor = nil
  }

  /// Decides which instances of an earlier template, or on machines that go down, give way.
  private mutating func replace(_ around: Surroundings) {
    let now = around.now.uptime
    for position in slots.indices { slots[position].wantsSuccessor = false }
    guard !isRemoved else { return }
    let live = slots.indices.filter { !slots[$0].isRemoved && slots[$0].ending == nil }
    var unavailable = 0
    for position in live {
      let (isAvailable, from) = availability(slots[position].current, at: now)
      if let from { consider(from) }
      if !isAvailable { unavailable += 1 }
    }
    for position in live {
      if demand.isService, let successor = slots[position].successor, successor.version != version {
        leave(successor, .replaced, position, at: now)
      }
      guard let current = slots[position].current, let instance = instances[current] else { continue }
      let mustMove = demand.maintenance != .stay && leaves(instance.place.agent, around)
      let isOutdated = demand.isService && current.version != version
      guard mustMove || isOutdated else { continue }
      if !isAvailable(current, at: now) {
        // It does no work: nothing is lost with it. Out of sight, a kill would not reach it.
        if instance.phase != .unreachable, slots[position].successor == nil {
          leave(current, .replaced, position, at: now)
        }
        continue
      }
      let mostUnavailable: Int
      if isOutdated {
        mostUnavailable = demand.rollout.unavailableMax
        slots[position].wantsSuccessor = demand.rollout.surgeMax > 0
      } else {
        let killsFirst = demand.maintenance == .killFirst
        mostUnavailable = killsFirst ? max(1, demand.rollout.unavailableMax) : 0
        slots[position].wantsSuccessor = !killsFirst
      }
      if unavailable < mostUnavailable, slots[position].successor == nil {
        leave(current, .replaced, position, at: now)
        slots[position].wantsSuccessor = false
        unavailable += 1
      }
    }
  }

  /// Whether the maintenance of an agent is near enough that instances leave it; if not yet, when it will be.
  private mutating func leaves(_ agent: AgentKey, _ around: Surroundings) -> Bool {
    guard let planned = around.maintenance[agent], planned.isAccepted else { return false }
    let wait = planned.startNanoseconds - around.configuration.maintenanceAhead.wholeNanoseconds
    guard wait > around.now.wallNanoseconds else { return true }
    consider(around.now.uptime + .nanoseconds(wait - around.now.wallNanoseconds))
    return false
  }

  private mutating func kill(_ around: Surroundings, into directives: inout [DemandCore.Directive]) {
    let now = around.now.uptime
    let leaving = slots.flatMap(\.leaving) + strays
    for id in leaving {
      guard let instance = instances[id], let leaving = instance.leaving, instance.phase != .unreachable else {
        continue
      }
      if leaving.killAt <= now {
        // Without a subscription the next one asks for the survey.
        guard around.isSubscribed else { continue }
        directives.append(.kill(id.task, on: instance.place.agent, grace: demand.killGrace))
        instances[id]?.leaving?.killAt =
          now + around.configuration.killRetry + (demand.killGrace ?? .seconds(0))
      }
      if let next = instances[id]?.leaving?.killAt { consider(next) }
    }
  }

  private mutating func findOpenings(at now: Duration) {
    openings = []
    opensAt = nil
    waitingForEnds = 0
    guard !isRemoved else { return }
    var surging = slots.count { $0.isSurging }
    let surgeMax = max(demand.rollout.surgeMax, demand.maintenance == .replaceFirst ? 1 : 0)
    // A batch has so many at once; a slot whose last instance still ends counts.
    var room = demand.isService ? Int.max : demand.count - slots.count { !$0.isEmpty }
    for slot in slots where !slot.isRemoved && slot.ending == nil {
      let isPlain = slot.current == nil && slot.successor == nil
      guard isPlain || (slot.current != nil && slot.successor == nil && slot.wantsSuccessor) else { continue }
      guard slot.leaving.isEmpty else {
        waitingForEnds += 1
        continue
      }
      guard isPlain ? room > 0 : surging < surgeMax else { continue }
      if let notBefore = slot.notBefore, notBefore > now {
        opensAt = min(opensAt ?? notBefore, notBefore)
        consider(notBefore)
        continue
      }
      openings.append(Opening(slot: slot.index, besides: slot.current))
      if isPlain { room -= demand.isService ? 0 : 1 } else { surging += 1 }
    }
  }

  private mutating func tellDone(at now: Duration, into directives: inout [DemandCore.Directive]) {
    let status = status(at: now)
    let isDone = status.isSatisfied && !isRemoved
    defer { wasDone = isDone }
    guard isDone, !wasDone else { return }
    directives.append(
      .tell(
        demand.isService
          ? .satisfied(demand.name)
          : .completed(demand.name, finished: status.finished, failed: status.failed)))
  }

  /// An opening was filled with this instance.
  mutating func fill(_ opening: Opening, with instance: Instance) {
    openings.removeAll { $0.slot == opening.slot }
    instances[instance.id] = instance
    let (position, isThere) = position(of: opening.slot)
    guard isThere else { return }
    if slots[position].current == nil {
      slots[position].current = instance.id
    } else {
      slots[position].successor = instance.id
    }
    isDirty = true
  }

  // MARK: Looking

  /// Whether nothing is left of a demand that was removed.
  var isGone: Bool { isRemoved && slots.isEmpty && !instances.values.contains { $0.phase != .unreachable } }

  func status(at now: Duration) -> DemandStatus {
    var status = DemandStatus(
      name: demand.name, isService: demand.isService, wanted: 0, available: 0, current: 0, live: 0, finished: 0,
      failed: 0, isRemoved: isRemoved)
    for slot in slots {
      status.live += slot.instances.count
      switch slot.ending {
      case .finished: status.finished += 1
      case .failed: status.failed += 1
      case nil where !slot.isRemoved:
        status.wanted += 1
        guard isAvailable(slot.current, at: now) else { continue }
        status.available += 1
        if slot.current?.version == version || !demand.isService { status.current += 1 }
      case nil: break
      }
    }
    return status
  }

  func status(of id: InstanceID, at now: Duration) -> InstanceStatus? {
    guard let instance = instances[id] else { return nil }
    return InstanceStatus(
      id: id, phase: instance.phase, isLeaving: instance.leaving != nil, isStray: strays.contains(id),
      isAvailable: isAvailable(id, at: now), isCurrent: id.version == version, agent: instance.place.agent,
      hostname: instance.place.hostname, ports: instance.ports, since: instance.since)
  }

  /// Where the instances are that constraints count, but for one.
  func census(_ fields: Set<Demand.Field>, except: InstanceID? = nil) -> Census {
    var census = Census(fields)
    for slot in slots {
      for id in slot.instances where id != except {
        if let instance = instances[id] { census.add(instance.place) }
      }
    }
    return census
  }
}

/// Maintenance of an agent's machine as an inverse offer announced it.
struct PlannedMaintenance: Hashable, Sendable {
  /// On the wall, in nanoseconds since 1970.
  var startNanoseconds: Int64
  /// The inverse offers about it.
  var offers: Set<OfferKey>
  var isAccepted: Bool
}
