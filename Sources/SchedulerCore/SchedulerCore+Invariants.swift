import MesosModel

extension SchedulerCore {
  /// Traps when the state contradicts itself; tests and simulations run it after each event.
  public func checkInvariants() {
    tasks.checkInvariants()
    precondition(ordered.inFlight.count <= 1, "\(ordered.inFlight.count) calls of the ordered lane on their way")
    precondition(
      acknowledgements.inFlight.count <= configuration.acknowledgementsInFlightMax,
      "\(acknowledgements.inFlight.count) acknowledgements on their way")
    precondition(offersHeld.count <= configuration.offersMax, "\(offersHeld.count) offers held")
    precondition(directives.isEmpty, "directives left over")
    switch phase {
    case .subscribed:
      precondition(frameworkID != nil, "subscribed without a framework id")
      precondition(reconciling.pending.isEmpty == (reconciling.next == nil), "reconciliation without a time")
    case .idle, .detecting, .backingOff, .connecting, .finished:
      precondition(offersHeld.isEmpty, "offers held without a subscription")
      precondition(reconciling.pending.isEmpty, "reconciliation without a subscription")
      precondition(!ordered.queue.contains { $0.call.type == .accept }, "an ACCEPT waits without a subscription")
    }
  }
}
