import AgentLinkModel
import MesosModel
import SwiftProtobuf
import Testing

/// Holds the statuses that an agent tells its master to the model's table.
enum StatusChecker {
  /// Returns what is wrong with a status that leaves: one of the agent's own has a triple that the table has as made; one of an executor has
  /// one that executors may report.
  static func check(_ update: LinkStatusUpdate) -> String? {
    guard let status = try? TaskStatus(serializedBytes: update.status) else {
      return "the status of \(update.taskID) does not decode"
    }
    guard status.state == update.state, status.source != .master, status.hasAcceptedCause else {
      return "the status of \(update.taskID) is not listed: \(status.state), \(status.source), \(status.reason)"
    }
    guard status.source == .agent else { return nil }
    return status.cause?.support == .made
      ? nil : "the table has it that this is not made: \(status.state), \(status.reason)"
  }
}

struct StatusCheckerTests {
  @Test(arguments: [
    (TaskState.taskGone, TaskStatus.Source.agent, TaskStatus.Reason.executorReregistrationTimeout, true),
    // Made up.
    (.taskRunning, .agent, .executorTerminated, false),
    // Not an agent's.
    (.taskLost, .master, .agentRemoved, false),
    // In the table, as something that no agent of ours makes.
    (.taskKilled, .agent, .executorUnregistered, false),
    // Executors are free.
    (.taskRunning, .executor, .gcError, true), (.taskStaging, .executor, .gcError, false),
  ])
  func `the checker of statuses finds one that is not listed`(
    state: TaskState, source: TaskStatus.Source, reason: TaskStatus.Reason, isListed: Bool
  ) throws {
    var status = TaskStatus()
    status.taskID.value = "t"
    status.state = state
    status.source = source
    status.reason = reason
    let bytes: [UInt8] = try status.serializedBytes()
    let update = LinkStatusUpdate.with {
      $0.taskID = "t"
      $0.state = state
      $0.status = field(bytes)
    }
    #expect((StatusChecker.check(update) == nil) == isListed)
  }
}
