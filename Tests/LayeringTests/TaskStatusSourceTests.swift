import Foundation
import Testing

/// Statuses of tasks get state, source and reason from the model's table: no other code sets a source or a reason by hand, or takes one
/// as an argument to make a status of it.
struct TaskStatusSourceTests {
  /// Sets the field of another message that has the same name.
  static let otherMessages = [
    "info.source = task.taskID.value", "$0.reserve.source = source", "$0.createDisk.source = source",
    "$0.destroyDisk.source = source",
  ]

  @Test func `no status is made without the table`() throws {
    var files = 0
    for file in try Source.files(of: nil) where !Self.ownsStatuses(file.path) {
      files += 1
      #expect(StatusViolations.lines(in: file, allowed: Self.otherMessages) == [], "\(file.path)")
    }
    #expect(files > 100)
  }

  /// The model, which owns the table, and generated code.
  static func ownsStatuses(_ path: String) -> Bool {
    path.hasPrefix("MesosModel/TaskStatus/") || path.hasPrefix("MesosMessages/") || path.hasSuffix(".pb.swift")
  }

  @Test(arguments: [
    "status.reason = .agentRemoved", "status.source = .master", "$0.source = .agent", "$0.reason = reason",
    "    source = .executor", "  self.reason = reason", "update.status.source=TaskStatus.Source.agent",
    "if x { status.reason = y }", "func make(_ state: TaskState, _ reason: TaskStatus.Reason) -> TaskStatus {",
    "  var reason: TaskStatus.Reason?", "let set = \\TaskStatus.reason", "status[keyPath: \\.source] = source",
  ])
  func `a source or reason set by hand is found`(line: String) {
    let planted = Source(path: "planted.swift", text: "extension TaskStatus {\n\(line)\n}\n")
    #expect(StatusViolations.lines(in: planted, allowed: Self.otherMessages).count == 1)
  }

  @Test(arguments: [
    "let status = TaskStatus(id, .failed)", "if status.reason == .reconciliation {",
    "guard status.source == .executor else {",
    "// status.reason = .agentRemoved", "info.source = task.taskID.value", "let reason = \"x\"",
    "print(status.reason, status.source)",
  ])
  func `reading is not found`(line: String) {
    let file = Source(path: "planted.swift", text: "\(line)\n")
    #expect(StatusViolations.lines(in: file, allowed: Self.otherMessages) == [])
  }

  @Test func `a file without statuses may have sources and reasons of its own`() {
    let file = Source(path: "planted.swift", text: "struct Tree {\ninit() { self.source = source }\n}\n")
    #expect(StatusViolations.lines(in: file, allowed: []) == [])
  }
}

enum StatusViolations {
  /// Lines, without their comments, that set a status' source or reason, or that hand one on.
  static func lines(in file: Source, allowed: [String]) -> [String] {
    let extendsStatus = file.text.contains("extension TaskStatus")
    return file.text.split(separator: "\n").compactMap { line in
      let code = line.components(separatedBy: "//")[0].replacing(" =", with: "=").replacing("= ", with: "=")
      guard !allowed.contains(where: { line.contains($0) }) else { return nil }
      return isViolation(code, extendsStatus: extendsStatus) ? String(line) : nil
    }
  }

  private static func isViolation(_ code: String, extendsStatus: Bool) -> Bool {
    if code.contains("TaskStatus.Reason") || code.contains("TaskStatus.Source") { return true }
    for field in ["source", "reason"] {
      if code.contains("\\TaskStatus.\(field)") || code.contains("\\.\(field)") { return true }
      for range in code.ranges(of: "\(field)=") where !code[range.upperBound...].hasPrefix("=") {
        let before = code[..<range.lowerBound]
        if before.hasSuffix("self.") {
          if extendsStatus { return true }
        } else if before.hasSuffix(".") {
          return true
        } else if extendsStatus, before.allSatisfy(\.isWhitespace) {
          return true
        }
      }
    }
    return ["source=.master", "source=.agent", "source=.executor"].contains { code.contains($0) }
  }
}
