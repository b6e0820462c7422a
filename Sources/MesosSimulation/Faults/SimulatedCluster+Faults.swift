import AgentCore
import MesosModel

// Faults from a script, and their ends.
extension SimulatedCluster {
  /// Ends a node's process without warning; what was being written is lost.
  ///
  /// - Parameters:
  ///   - time: Since the start of the simulation; at once where it has passed.
  ///   - down: After how long it starts again; `nil` for not before ``heal()``.
  ///   - isTorn: Whether some of the unfinished writes are on the disk all the same.
  ///   - isSilent: Whether the other ends of its connections are not told, as when a machine loses its power.
  public mutating func crash(
    _ node: SimulatedNode, at time: Duration = .zero, for down: Duration? = nil, isTorn: Bool = false,
    isSilent: Bool = false
  ) {
    schedule(.crash(node, down: down, isTorn: isTorn, isSilent: isSilent), at: time)
  }

  /// Boots an agent's machine: its agent and all of its executors are gone.
  public mutating func reboot(agent: Int, at time: Duration = .zero, for down: Duration = .seconds(30)) {
    schedule(.reboot(agent: agent, down: down, isTorn: false, isSilent: true), at: time)
  }

  /// Holds back the packets from and to a node; they arrive when the partition is over, if the connections still stand.
  public mutating func partition(
    _ node: SimulatedNode, _ direction: PartitionDirection = .both, at time: Duration = .zero, for duration: Duration
  ) {
    schedule(.partition(node, direction, duration), at: time)
  }

  /// Breaks every connection of a node; what is under way on them is lost.
  public mutating func resetConnections(of node: SimulatedNode, at time: Duration = .zero) {
    schedule(.reset(node), at: time)
  }

  /// Makes every packet take longer.
  public mutating func slowNetwork(by delay: Duration, at time: Duration = .zero, for duration: Duration) {
    schedule(.delay(by: delay, for: duration), at: time)
  }

  /// Lets the writes of a node fail.
  public mutating func failDisk(of node: SimulatedNode, at time: Duration = .zero, for duration: Duration) {
    schedule(.disk(node, for: duration), at: time)
  }

  /// Makes the wall clock of a node jump, ahead or back; its uptime goes on as it was.
  public mutating func jumpClock(of node: SimulatedNode, by jump: Duration, at time: Duration = .zero) {
    schedule(.clock(node, by: jump), at: time)
  }

  /// Kills the oldest executor of an agent from outside, as the kernel or a person may.
  public mutating func killExecutor(onAgent agent: Int, at time: Duration = .zero) {
    schedule(.killExecutor(agent: agent), at: time)
  }

  mutating func schedule(_ fault: Fault, at time: Duration) {
    queue.insert(.fault(fault), at: max(now, time.wholeNanoseconds))
  }

  /// Ends all faults: partitions, delays and failing disks are over, and what is down starts.
  public mutating func heal() {
    trace.note(.master, at: now, "all faults are healed")
    mutedFrom = [:]
    mutedTo = [:]
    delays = []
    master.disk.isFailing = false
    for index in agents.indices { agents[index].disk.isFailing = false }
    releaseStalled()
    start(.master)
    for index in agents.indices { start(.agent(index)) }
    for index in frameworks.indices { start(.framework(index)) }
  }

  // MARK: Beginning

  mutating func begin(_ fault: Fault) {
    switch fault {
    case .crash(let node, let down, let isTorn, let isSilent):
      trace.note(node, at: now, "crashes")
      switch node {
      case .master: crashMaster(isTorn: isTorn, isSilent: isSilent)
      case .agent(let index): crashAgent(index, reboots: false, isTorn: isTorn, isSilent: isSilent)
      case .framework(let index): crashFramework(index, isSilent: isSilent)
      case .executor(let number): end(number, .status(9))
      }
      if isSilent { timeOutOpenCalls() }
      if let down { queue.insert(.repair(.restart(node)), at: now + down.wholeNanoseconds) }
    case .reboot(let index, let down, let isTorn, let isSilent):
      trace.note(.agent(index), at: now, "reboots")
      crashAgent(index, reboots: true, isTorn: isTorn, isSilent: isSilent)
      queue.insert(.repair(.restart(.agent(index))), at: now + down.wholeNanoseconds)
    case .partition(let node, let direction, let duration):
      trace.note(node, at: now, "partitioned \(direction)")
      if direction != .incoming { mutedFrom[node, default: 0] += 1 }
      if direction != .outgoing { mutedTo[node, default: 0] += 1 }
      timeOutOpenCalls()
      queue.insert(.repair(.partition(node)), at: now + duration.wholeNanoseconds)
    case .reset(let node):
      trace.note(node, at: now, "connections reset")
      for number in connections.keys.sorted() {
        guard let connection = connections[number], connection.client == node || connection.server == node else {
          continue
        }
        if case .executorStream = connection.purpose { continue }
        reset(number)
      }
    case .delay(let extra, let duration):
      trace.note(.master, at: now, "the network is slow")
      delays.append(extra.wholeNanoseconds)
      timeOutOpenCalls()
      queue.insert(.repair(.delay), at: now + duration.wholeNanoseconds)
    case .disk(let node, let duration):
      trace.note(node, at: now, "its disk fails")
      setDisk(of: node, isFailing: true)
      queue.insert(.repair(.disk(node)), at: now + duration.wholeNanoseconds)
    case .clock(let node, let jump):
      trace.note(node, at: now, "its clock jumps by \(jump)")
      switch node {
      case .master: master.wallOffset += jump.wholeNanoseconds
      case .agent(let index): agents[index].wallOffset += jump.wholeNanoseconds
      case .framework(let index): frameworks[index].wallOffset += jump.wholeNanoseconds
      case .executor: break
      }
    case .killExecutor(let agent):
      if let number = agents[agent].containers.values.min() { end(number, .status(9)) }
    }
  }

  /// Calls that were made before may wait for ever from now on.
  private mutating func timeOutOpenCalls() {
    for number in connections.keys.sorted() {
      guard case .schedulerCall? = connections[number]?.purpose else { continue }
      queue.insert(.callTimedOut(number), at: now + configuration.callTimeout.wholeNanoseconds)
    }
  }

  private mutating func setDisk(of node: SimulatedNode, isFailing: Bool) {
    switch node {
    case .master: master.disk.isFailing = isFailing
    case .agent(let index): agents[index].disk.isFailing = isFailing
    case .framework, .executor: break
    }
  }

  mutating func crashMaster(isTorn: Bool, isSilent: Bool) {
    guard master.core != nil else { return }
    let count = UInt64(master.disk.writing.count)
    let kept = isTorn ? Int(master.rng.next(upperBound: count + 1)) : 0
    for operations in master.disk.crash(keeping: kept) {
      master.write(operations)
      checkers.registryDurable(operations)
    }
    master.die()
    closeAll(of: .master, isSilent: isSilent)
  }

  mutating func crashAgent(_ index: Int, reboots: Bool, isTorn: Bool, isSilent: Bool) {
    if agents[index].core != nil {
      let count = UInt64(agents[index].disk.writing.count)
      let kept = isTorn ? Int(agents[index].rng.next(upperBound: count + 1)) : 0
      for changes in agents[index].disk.crash(keeping: kept) {
        agents[index].write(changes)
        checkers.agentDurable(index, changes)
      }
      settleChecks()
      for number in agents[index].making.values.map(\.executor).sorted() { executors[number] = nil }
      agents[index].die()
      closeAll(of: .agent(index), isSilent: isSilent && !reboots)
    }
    for (container, number) in agents[index].containers.sorted(by: { $0.value < $1.value }) {
      // A process that was held back before its program ends with the agent that made it.
      guard reboots || executors[number]?.phase == .held else { continue }
      agents[index].containers[container] = nil
      end(number, .unknown)
    }
    if reboots { agents[index].rebooted = true }
  }

  mutating func crashFramework(_ index: Int, isSilent: Bool) {
    guard frameworks[index].core != nil || frameworks[index].isOutside else { return }
    frameworks[index].die()
    closeAll(of: .framework(index), isSilent: isSilent)
  }

  // MARK: Ending

  mutating func end(_ repair: Repair) {
    switch repair {
    case .partition(let node):
      // Overlapping partitions of a node end together.
      mutedFrom[node] = nil
      mutedTo[node] = nil
      releaseStalled()
    case .disk(let node): setDisk(of: node, isFailing: false)
    case .delay: if !delays.isEmpty { delays.removeFirst() }
    case .restart(let node): start(node)
    }
  }

  private mutating func start(_ node: SimulatedNode) {
    switch node {
    case .master: if master.core == nil { startMaster() }
    case .agent(let index): if agents[index].core == nil, !agents[index].hasLeft { startAgent(index) }
    case .framework(let index):
      if frameworks[index].core == nil, !frameworks[index].hasEnded { startFramework(index) }
    case .executor: break
    }
  }
}
