import Foundation
import MesosModel
import Testing

struct TaskStatusDocumentTests {
  /// `UPDATE_FIXTURES=1 scripts/test --filter TaskStatusDocument` writes the page anew.
  @Test func `the page about task statuses is what the table says`() throws {
    let page = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().deletingLastPathComponent().appending(path: "docs/task-statuses.md")
    if ProcessInfo.processInfo.environment["UPDATE_FIXTURES"] == "1" {
      try TaskStatusDocument.markdown.write(to: page, atomically: true, encoding: .utf8)
    }
    #expect(try String(contentsOf: page, encoding: .utf8) == TaskStatusDocument.markdown)
  }

  @Test func `the page has a line for each row`() {
    let lines = TaskStatusDocument.markdown.split(separator: "\n").filter { $0.hasPrefix("| `SOURCE_") }
    #expect(lines.count == TaskStatusCause.all.filter { !TaskStatusDocument.isFamily($0) }.count)
  }
}

/// `docs/task-statuses.md`, written from the table.
enum TaskStatusDocument {
  static var markdown: String {
    var text = opening
    text += "\n## States\n\n"
    text += "| State | Terminal | May still run | Launch again | Without PARTITION_AWARE |\n|---|---|---|---|---|\n"
    for (state, _, _, _) in TaskStateTests.states {
      let told = state.reported(toPartitionAware: false)
      text += "| `\(state.wireName)` | \(mark(state.isTerminal)) | \(mark(state.mayStillRun)) | "
      text += "\(mark(state.canReschedule)) | \(told == state ? "" : "`\(told.wireName)`") |\n"
    }
    text += "\n" + operations
    text += "\n## What is said of a task without a change\n\n"
    text += families
    text += "\n## Triples\n"
    for (state, _, _, _) in TaskStateTests.states {
      let rows = TaskStatusCause.all.filter { $0.state == state && !isFamily($0) }
      guard !rows.isEmpty else { continue }
      text += "\n### `\(state.wireName)`\n\n"
      text += "| Source | Reason | Meaning | Made by | Do | Here |\n|---|---|---|---|---|---|\n"
      for row in rows {
        let reason = row.reason.map { "`\($0.wireName)`" } ?? "none"
        let makers = row.makers.map(\.rawValue).joined(separator: ", ")
        text += "| `\(row.source.wireName)` | \(reason) | \(row.meaning) | \(makers) | \(row.advice) | "
        text += "\(word(row.support)) |\n"
      }
    }
    text += "\n## Reasons that no status has\n\n| Reason | Why |\n|---|---|\n"
    for (reason, why) in TaskStatusCause.unusedReasons { text += "| `\(reason.wireName)` | \(why) |\n" }
    return text
  }

  /// Rows that exist for every state alike are told in prose.
  static func isFamily(_ cause: TaskStatusCause) -> Bool {
    cause == .reconciliation(cause.state) || cause == .agentReregistered(cause.state)
  }

  private static func mark(_ value: Bool) -> String { value ? "yes" : "" }

  private static func word(_ support: TaskStatusCause.Support) -> String {
    switch support {
    case .made: "made"
    case .later(let what): "not yet: \(what)"
    case .never(let why): "never: \(why)"
    }
  }

  private static let opening = """
    # Task statuses

    What a scheduler is told of a task is a state, who says so (the source), and mostly a reason. This page has every combination
    that masters, agents and executors of Apache Mesos 1.11 make, what it means, and what to do about it. It is written from the table that
    the library `MesosModel` has as `TaskStatusCause.all`; the same library looks a status up: `status.cause?.advice`.

    Names are those of the v1 API. The v0 API says `SLAVE` where they say `AGENT`.

    **Do** is one of four: *reschedule*: launch the same description again, under a new task id. *fix*: change the description, the
    resources or somebody's rights first. *judge*: only the framework knows whether another try can do better. *nothing*: note the
    state. **Here** says whether the servers and executors of this project make such a status.

    Executors may report every state but `TASK_STAGING`, with any reason or none; agents and masters pass that on as it is. What this page
    has of `SOURCE_EXECUTOR` is what the executors of Apache Mesos do and what it advises others to do.

    A framework without the capability `PARTITION_AWARE` is told `TASK_LOST` in place of five states. Source and reason stay the same,
    with two exceptions: `REASON_AGENT_REMOVED_BY_OPERATOR` becomes `REASON_AGENT_REMOVED`, and a task that was killed on an agent that
    is drained to be marked as gone stays `TASK_KILLED`.

    """

  private static var operations: String {
    var text = "States of operations on resources, which have neither source nor reason:\n\n"
    text += "| State | Terminal | May still be applied | Try again |\n|---|---|---|---|\n"
    for (state, _, _, _) in OperationStateTests.states {
      let name = name(of: state)
      text += "| `\(name)` | \(mark(state.isTerminal)) | \(mark(state.mayStillBeApplied)) | \(mark(state.canRetry)) |\n"
    }
    return text
  }

  private static func name(of state: OperationState) -> String {
    "\(state)".reduce(into: "") { $0 += $1.isUppercase ? "_\($1)" : $1.uppercased() }
  }

  private static var families: String {
    var text = "Two reasons come with whatever state the task is in, from `SOURCE_MASTER`, without UUID: they need no "
    text += "acknowledgement. Both are made here.\n\n"
    text += "| Reason | State | Meaning |\n|---|---|---|\n"
    let plain = TaskStatusCause.reconciliation(.taskRunning)
    text += "| `\(TaskStatus.Reason.reconciliation.wireName)` | any | \(plain.meaning) |\n"
    for (state, _, _, _) in TaskStateTests.states {
      let row = TaskStatusCause.reconciliation(state)
      guard row.meaning != plain.meaning else { continue }
      text += "| `\(TaskStatus.Reason.reconciliation.wireName)` | `\(state.wireName)` | \(row.meaning) |\n"
    }
    let back = TaskStatusCause.agentReregistered(.taskRunning)
    text += "| `\(TaskStatus.Reason.agentReregistered.wireName)` | any | \(back.meaning) |\n"
    return text
  }
}
