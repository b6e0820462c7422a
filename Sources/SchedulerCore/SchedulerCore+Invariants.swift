import MesosModel

extension SchedulerCore {
  /// What must hold after every event; the first that does not, as a sentence. For tests and the simulator.
  public func brokenInvariant() -> String? {
    if let problem = tasks.brokenInvariant("task") ?? operations.brokenInvariant("operation") { return problem }
    if ordered.inFlight.count > 1 { return "\(ordered.inFlight.count) calls of the ordered lane are on their way" }
    if acknowledgements.inFlight.count > configuration.acknowledgementsInFlightMax {
      return "\(acknowledgements.inFlight.count) acknowledgements are on their way"
    }
    if offersHeld.count > configuration.offersMax { return "\(offersHeld.count) offers are held" }
    if asked.count > configuration.tasksMax { return "\(asked.count) questions of the user wait" }
    if !directives.isEmpty { return "Directives are left over" }
    if case .subscribed = phase {
      if frameworkID == nil { return "Subscribed without a framework id" }
      if reconciling.isPending != (reconciling.next != nil) { return "Reconciliation has no time, or nothing to do" }
    } else {
      if !offersHeld.isEmpty { return "Offers are held without a subscription" }
      if reconciling.isPending { return "Reconciliation goes on without a subscription" }
      if ordered.queue.contains(where: { $0.call.type == .accept }) { return "An ACCEPT waits without a subscription" }
    }
    return nil
  }
}
