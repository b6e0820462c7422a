import MesosModel

@testable import MasterCore

/// Holds the statuses that a master sends to the model's table.
enum StatusChecker {
  /// Returns what is wrong with a status that leaves: one of the master's own has a triple that the table has as made; one that came from
  /// an agent or executor has one that may be passed on.
  static func check(_ directive: MasterCore.Directive) -> String? {
    guard case .send(_, let event) = directive, event.type == .update else { return nil }
    let status = event.update.status
    guard status.hasAcceptedCause else {
      return "the status of \(status.taskID.value) is not listed: \(status.state), \(status.source), \(status.reason)"
    }
    guard status.source == .master else { return nil }
    return status.cause?.support == .made
      ? nil : "the table has it that this is not made: \(status.state), \(status.reason)"
  }
}
