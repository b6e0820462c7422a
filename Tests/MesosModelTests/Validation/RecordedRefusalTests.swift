import Foundation
import MesosModel
import Testing

/// What an Apache Mesos 1.11.0 said about messages that break a rule, and that the model says the same.
///
/// `Fixtures/refusals.tsv` has one row a rule: the kind of the message, what is wrong with it, the message in JSON, and the words.
struct RecordedRefusalTests {
  struct Row: Sendable, CustomTestStringConvertible {
    var kind, name, json, words: String
    var testDescription: String { "\(kind): \(name)" }
  }

  static let rows: [Row] = {
    let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .appendingPathComponent("Fixtures/refusals.tsv")
    guard let text = try? String(contentsOf: file, encoding: .utf8) else { return [] }
    return text.split(separator: "\n").compactMap { line in
      let fields = line.split(separator: "\t").map(String.init)
      guard fields.count == 4 else { return nil }
      guard let words = try? JSONDecoder().decode([String].self, from: Data("[\(fields[3])]".utf8)).first else {
        return nil
      }
      return Row(kind: fields[0], name: fields[1], json: fields[2], words: words)
    }
  }()

  @Test func `the recording is there`() {
    #expect(RecordedRefusalTests.rows.count == 271)
  }

  @Test(arguments: rows)
  func `a message that breaks a rule is refused in the words of Apache Mesos`(row: Row) throws {
    let error = #expect(throws: ValidationError.self) { try validate(row) }
    // The two texts show resources as JSON, where the model shows them as everywhere else.
    guard let range = row.words.range(of: "There are overlapping resources in the task") else {
      #expect(error?.message == row.words)
      return
    }
    #expect(error?.message.hasPrefix(row.words[range]) == true)
  }

  private func validate(_ row: Row) throws {
    let json = Array(row.json.utf8)
    let context = LaunchContext(
      framework: "FRAMEWORK", agent: "AGENT", agentTakesResourceLimits: true,
      available: try Resources.parse("ports:[31000-32000];cpus:4;mem:4096;disk:4096").allocated(to: "eng"))
    switch row.kind {
    case "framework":
      let info = try FrameworkInfo(jsonBytes: json)
      try FrameworkValidation.validate(info)
      try FrameworkValidation.validate(failoverTimeout: info.failoverTimeout)
    case "task":
      let candidate = try LaunchCandidate(TaskInfo(jsonBytes: json), role: "eng", framework: "FRAMEWORK")
      _ = try TaskValidation.validate(candidate, in: context, use: .free)
    case "group":
      let candidate = try LaunchGroupCandidate(Offer.Operation.LaunchGroup(jsonBytes: json), role: "eng")
      _ = try TaskGroupValidation.validate(candidate, in: context) { _ in .free }
    case "scheduler": try CallValidation.validate(SchedulerCall(jsonBytes: json))
    case "executor": try CallValidation.validate(ExecutorCall(jsonBytes: json))
    case "master": try CallValidation.validate(MasterCall(jsonBytes: json))
    case "agent": try CallValidation.validate(AgentCall(jsonBytes: json))
    case "maintenance":
      let call = try MasterCall(jsonBytes: json)
      try CallValidation.validate(call)
      switch call.type {
      case .updateMaintenanceSchedule:
        try MaintenanceValidation.validate(call.updateMaintenanceSchedule.schedule, down: [])
      case .startMaintenance: try MaintenanceValidation.validate(call.startMaintenance.machines)
      default: try MaintenanceValidation.validate(call.stopMaintenance.machines)
      }
    default: Issue.record("no such kind: \(row.kind)")
    }
  }
}
