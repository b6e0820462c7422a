public import MesosModel
import SchedulerCore

// Schedulers whose code runs outside the cluster, such as a framework's own async code in virtual time. Whoever runs them steps the
// cluster to their time, hands over what they send, and takes what arrives for them.
extension SimulatedCluster {
  /// Adds a framework whose scheduler runs outside.
  ///
  /// - Returns: Its index, for the methods here and for faults.
  public mutating func addOutsideFramework(_ name: String) -> Int {
    let index = frameworks.count
    let settings = FrameworkSettings(name: name)
    var node = FrameworkNode(
      configuration: settings.scheduler, behaviour: TaskRunner(framework: settings.info),
      rng: Self.generator(seed, .framework(index)))
    node.isOutside = true
    frameworks.append(node)
    return index
  }

  /// Opens a connection to the master and sends a SUBSCRIBE on it.
  public mutating func openStream(_ call: SchedulerCall, of framework: Int) -> OutsideConnection {
    checkers.added(framework: framework, isCheckpointing: call.subscribe.frameworkInfo.checkpoint)
    let number = connect(.schedulerStream(lastConnection + 1), from: .framework(framework), to: .master)
    send(.schedulerCall(call, streamID: nil), on: number, toServer: true)
    return OutsideConnection(number: number)
  }

  /// Sends a call on a connection of its own.
  public mutating func send(_ call: SchedulerCall, streamID: String, of framework: Int) -> OutsideConnection {
    checkers.sent(framework, call)
    settleChecks()
    let number = connect(.schedulerCall(SendNumber(lastConnection + 1)), from: .framework(framework), to: .master)
    send(.schedulerCall(call, streamID: streamID), on: number, toServer: true)
    if !mutedTo.isEmpty || !mutedFrom.isEmpty || !delays.isEmpty {
      queue.insert(.callTimedOut(number), at: now + configuration.callTimeout.wholeNanoseconds)
    }
    return OutsideConnection(number: number)
  }

  /// Closes a connection from outside; nothing arrives on it any more.
  public mutating func close(_ connection: OutsideConnection) {
    close(connection.number, byClient: true, reason: "closed by the scheduler")
  }

  /// Takes what arrived for a framework's scheduler outside, oldest first.
  public mutating func takeArrivals(of framework: Int) -> [OutsideArrival] {
    defer { frameworks[framework].arrivals = [] }
    return frameworks[framework].arrivals
  }

  // MARK: What arrives

  mutating func arriveOutside(
    _ index: Int, _ packet: Packet, _ connection: Connection, _ number: ConnectionNumber
  ) {
    let outside = OutsideConnection(number: number)
    switch packet {
    case .streamHead(let head): frameworks[index].arrivals.append(.head(outside, head))
    case .schedulerEvent(let event):
      trace.note(.framework(index), at: now, "told \(event.type)")
      if event.type == .subscribed { checkers.named(framework: index, event.subscribed.frameworkID) }
      if event.type == .update {
        let status = event.update.status
        // A launch that came twice is refused once: that is no end of the task.
        checkers.delivered(
          index,
          TaskUpdate(
            status: status, isProvisional: status.hasReason && status.reason == .invalidOffers,
            isReconciliation: status.hasReason && status.reason == .reconciliation))
        settleChecks()
      }
      frameworks[index].arrivals.append(.event(outside, event))
    case .callAnswer(let status, let text):
      connections[number] = nil
      frameworks[index].arrivals.append(.answer(outside, status: status, text: text))
    default: break
    }
  }

  mutating func endedOutside(_ index: Int, _ number: ConnectionNumber, _ reason: String) {
    frameworks[index].arrivals.append(
      .ended(OutsideConnection(number: number), reason: reason, isRefused: reason == Self.refusal))
  }
}
