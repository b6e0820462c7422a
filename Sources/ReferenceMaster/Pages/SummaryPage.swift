import ClusterView
import MasterCore
import MesosModel
import ServerPages
import StreamingJSON

/// `/state-summary`: agents and frameworks with how many tasks they have in each state, which pollers read in the place of `/state`.
enum SummaryPage {
  /// What the tasks of one agent or one framework are.
  private struct Counts {
    var states: [TaskState: Int] = [:]
    /// The frameworks on the agent, or the agents of the framework.
    var others: Set<String> = []
  }

  /// Apache Mesos counts these.
  private static let states: [TaskState] = [
    .taskStaging, .taskStarting, .taskRunning, .taskKilling, .taskFinished, .taskKilled, .taskFailed, .taskLost,
    .taskError, .taskUnreachable,
  ]

  @concurrent
  static func write(_ services: MasterServices, _ snapshot: ClusterSnapshot, to write: LegacyPage.Write) async throws {
    var ofAgents: [AgentKey: Counts] = [:]
    var ofFrameworks: [FrameworkKey: Counts] = [:]
    // Tasks of completed frameworks do not count.
    for (row, _) in snapshot.frameworks { ofFrameworks[row.id] = Counts() }
    for section in [TaskRow.Section.active, .unreachable, .completed] {
      for task in snapshot.tasks(section) where ofFrameworks[task.framework] != nil {
        ofFrameworks[task.framework]?.states[task.status.state, default: 0] += 1
        ofFrameworks[task.framework]?.others.insert(task.agent.value)
        ofAgents[task.agent, default: Counts()].states[task.status.state, default: 0] += 1
        ofAgents[task.agent]?.others.insert(task.framework.value)
      }
    }
    var page = try LegacyRecords()
    try page.json.beginObject()
    try page.field("hostname", services.info.hostname)
    if let cluster = services.cluster { try page.field("cluster", cluster) }
    try page.json.key("slaves")
    try page.json.beginArray()
    for row in snapshot.agents {
      try page.json.beginObject()
      try page.agentFields(row.message)
      try counts(&page, ofAgents[row.id], others: "framework_ids")
      try page.json.endObject()
      while let chunk = page.json.takeChunk() { try await write(chunk) }
    }
    try page.json.endArray()
    try page.json.key("frameworks")
    try page.json.beginArray()
    for (row, _) in snapshot.frameworks {
      try page.json.beginObject()
      try page.frameworkSummary(row.message)
      try counts(&page, ofFrameworks[row.id], others: "slave_ids")
      try page.json.endObject()
      while let chunk = page.json.takeChunk() { try await write(chunk) }
    }
    try page.json.endArray()
    try page.json.endObject()
    for chunk in try page.json.finish() { try await write(chunk) }
  }

  private static func counts(
    _ page: inout LegacyRecords, _ counts: Counts?, others name: String
  ) throws(StreamingJSONError) {
    for state in states { try page.field(state.wireName, integer: Int64(counts?.states[state] ?? 0)) }
    try page.field(name, strings: (counts?.others ?? []).sorted())
  }
}
