import MesosModel

extension DemandState {
  /// Takes a status of one of its tasks, known or not.
  ///
  /// - Parameter place: Where the task is, as far as is known; used for one that is adopted.
  mutating func take(
    _ status: TaskStatus, of id: InstanceID, place: Place, at now: Duration,
    using rng: inout some RandomNumberGenerator, into directives: inout [DemandCore.Directive]
  ) {
    guard !status.state.isTerminal else {
      return end(id, status.state, status.message, at: now, using: &rng, into: &directives)
    }
    guard let instance = instances[id] else {
      return adopt(id, DemandState.phase(status.state, from: .launching), place, at: now, into: &directives)
    }
    let phase = DemandState.phase(status.state, from: instance.phase)
    let isHealthy = status.hasHealthy ? status.healthy : instance.isHealthy
    guard phase != instance.phase || isHealthy != instance.isHealthy else {
      // Its kill may have been lost with a connection.
      if instance.leaving != nil { isDirty = true }
      return
    }
    if phase != instance.phase {
      instances[id]?.phase = phase
      instances[id]?.since = now
    }
    instances[id]?.isHealthy = isHealthy
    isDirty = true
    if instance.phase == .unreachable {
      if instance.leaving != nil { instances[id]?.leaving?.killAt = now }
      if strays.contains(id) { cameBack(id, at: now) }
    }
    tell(id, at: now, into: &directives)
  }

  private static func phase(_ state: TaskState, from phase: InstanceStatus.Phase) -> InstanceStatus.Phase {
    switch state {
    case .taskStaging: phase == .running ? .running : .staging
    case .taskStarting: phase == .running ? .running : .staging
    case .taskRunning, .taskKilling: .running
    case .taskUnreachable, .taskUnknown: .unreachable
    case .taskFinished, .taskFailed, .taskKilled, .taskError, .taskLost, .taskDropped, .taskGone, .taskGoneByOperator:
      phase
    }
  }

  /// Takes a task over that an earlier scheduler launched, or that was given up for lost.
  private mutating func adopt(
    _ id: InstanceID, _ phase: InstanceStatus.Phase, _ place: Place, at now: Duration,
    into directives: inout [DemandCore.Directive]
  ) {
    instances[id] = Instance(id: id, phase: phase, place: place, since: now)
    isDirty = true
    defer { tell(id, at: now, into: &directives) }
    func refuse(_ state: inout DemandState) {
      state.strays.append(id)
      state.instances[id]?.leave(.unwanted, at: now)
    }
    guard !isRemoved, demand.completions.map({ id.slot < $0 }) ?? true else { return refuse(&self) }
    let (position, isThere) = position(of: id.slot)
    if !isThere { slots.insert(Slot(id.slot), at: position) }
    guard slots[position].ending != .finished else { return refuse(&self) }
    // What was thought to have failed lives.
    slots[position].ending = nil
    guard let other = slots[position].current else {
      slots[position].current = id
      return
    }
    contend(id, other, position, at: now)
  }

  /// Two instances claim a slot: one stays.
  private mutating func contend(_ id: InstanceID, _ other: InstanceID, _ position: Int, at now: Duration) {
    let (older, newer) = id.incarnation < other.incarnation ? (id, other) : (other, id)
    let killsReturned = demand.unreachable.onReturn == .killReturned
    if killsReturned, slots[position].successor == nil, isAvailable(older, at: now), !isAvailable(newer, at: now),
      instances[newer]?.phase != .unreachable
    {
      // As a rollout has it: the newer one takes over as soon as it can.
      slots[position].current = older
      slots[position].successor = newer
      return
    }
    let stays = killsReturned ? newer : older
    slots[position].current = stays
    leave(stays == newer ? older : newer, .replaced, position, at: now)
  }

  /// An instance that was given up on is in sight again.
  private mutating func cameBack(_ id: InstanceID, at now: Duration) {
    guard instances[id]?.leaving == nil else { return }
    let (position, isThere) = position(of: id.slot)
    guard demand.unreachable.onReturn == .keepReturned, !isRemoved, isThere, !slots[position].isRemoved,
      slots[position].ending == nil
    else {
      instances[id]?.leave(.unwanted, at: now)
      return
    }
    strays.removeAll { $0 == id }
    for other in [slots[position].successor, slots[position].current].compactMap({ $0 }) {
      leave(other, .replaced, position, at: now)
    }
    slots[position].current = id
  }

  /// An instance is over: by its last status, or because it was never launched (`state` is `nil`).
  mutating func end(
    _ id: InstanceID, _ state: TaskState?, _ message: String, at now: Duration,
    using rng: inout some RandomNumberGenerator, into directives: inout [DemandCore.Directive]
  ) {
    let message = String(message.prefix(DemandState.messageMax))
    func tell(_ next: InstanceEnd.Next, _ directives: inout [DemandCore.Directive]) {
      directives.append(.tell(.ended(id, InstanceEnd(state: state, message: message, next: next))))
    }
    let (position, isThere) = position(of: id.slot)
    let isWork = state == .taskFinished && !demand.isService && isThere && slots[position].ending == nil
    guard let instance = instances.removeValue(forKey: id) else {
      // Told to an earlier scheduler, which did not live to hear it; or the end of a task that was given up for lost.
      guard isWork else { return }
      finish(position, at: now)
      return tell(.done, &directives)
    }
    isDirty = true
    strays.removeAll { $0 == id }
    guard isThere, slots[position].instances.contains(id) else {
      if isWork { finish(position, at: now) }
      return tell(isWork ? .done : .nothing, &directives)
    }
    slots[position].remove(id)
    if isWork {
      finish(position, at: now)
      return tell(.done, &directives)
    }
    if let leaving = instance.leaving {
      if leaving.cause == .launchTimeout { lost(position, at: now, using: &rng) }
      return tell(.nothing, &directives)
    }
    if instance.phase == .running, now - instance.since >= demand.replacement.stableAfter {
      slots[position].losses = 0
      if demand.isService { slots[position].failures = 0 }
    }
    let neverRan = state == nil || state == .taskDropped
    // Beside another instance it was a copy for a rollout: the slot goes on.
    let isAlone = slots[position].current == nil && slots[position].successor == nil
    switch (demand.replacement.rule, state) {
    case (_, _) where neverRan: lost(position, at: now, using: &rng)
    case (.always, .taskFinished): failed(position, at: now, using: &rng)
    case (_, .taskFinished): finish(position, at: now)
    case (.never, _): if isAlone { slots[position].ending = .failed } else { failed(position, at: now, using: &rng) }
    case (.always, .taskFailed), (.always, .taskError): failed(position, at: now, using: &rng)
    case (.onFailure(let attempts), .taskFailed), (.onFailure(let attempts), .taskError):
      failed(position, at: now, using: &rng)
      if isAlone, slots[position].failures >= attempts { slots[position].ending = .failed }
    default: lost(position, at: now, using: &rng)
    }
    switch slots[position].ending {
    case .finished: tell(.done, &directives)
    case .failed: tell(.failed, &directives)
    case nil: tell(.again(at: max(now, slots[position].notBefore ?? now)), &directives)
    }
  }

  /// The longest text of the cluster's that is told on, in characters.
  private static let messageMax = 500

  private mutating func failed(_ position: Int, at now: Duration, using rng: inout some RandomNumberGenerator) {
    slots[position].failures += 1
    slots[position].notBefore =
      now + demand.replacement.backoff.delay(after: slots[position].failures, using: &rng)
  }

  /// The first loss is nobody's fault; one after the other is.
  private mutating func lost(_ position: Int, at now: Duration, using rng: inout some RandomNumberGenerator) {
    slots[position].losses += 1
    guard slots[position].losses > 1 else {
      slots[position].notBefore = nil
      return
    }
    slots[position].notBefore =
      now + demand.replacement.backoff.delay(after: slots[position].losses - 1, using: &rng)
  }

  func tell(_ id: InstanceID, at now: Duration, into directives: inout [DemandCore.Directive]) {
    if let status = status(of: id, at: now) { directives.append(.tell(.instance(status))) }
  }
}
