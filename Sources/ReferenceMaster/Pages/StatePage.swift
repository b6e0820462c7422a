import ClusterView
import MasterCore
import MesosModel
import ServerPages
import ShellSupport
import StreamingJSON
import SwiftProtobuf

/// `/state`: the whole cluster in one document, written row by row, so that its size costs time and not memory.
enum StatePage {
  /// Writes the document to `write`, a chunk at a time.
  ///
  /// - Parameter showsFlags: Whether the reader may see what the master was started with.
  static func write(
    _ services: MasterServices, _ snapshot: ClusterSnapshot, showsFlags: Bool = true, to write: LegacyPage.Write
  ) async throws {
    var page = try LegacyRecords()
    try page.json.beginObject()
    try head(&page, services, snapshot, showsFlags: showsFlags)
    try page.json.key("slaves")
    try page.json.beginArray()
    for row in snapshot.agents {
      try page.agent(row.message)
      while let chunk = page.json.takeChunk() { try await write(chunk) }
    }
    try page.json.endArray()
    try page.json.key("recovered_slaves")
    try page.json.beginArray()
    for (id, info) in snapshot.recoveredAgents {
      try page.json.beginObject()
      try page.agentInfo((try? AgentInfo(serializedBytes: info)) ?? .with { $0.id = AgentID(id) })
      try page.json.endObject()
    }
    try page.json.endArray()

    let index = FrameworkIndex(snapshot)
    try page.json.key("frameworks")
    try page.json.beginArray()
    for (row, offers) in snapshot.frameworks {
      try await framework(&page, row, offers: offers, index, write)
    }
    try page.json.endArray()
    try page.json.key("completed_frameworks")
    try page.json.beginArray()
    for row in snapshot.completedFrameworks { try await framework(&page, row, offers: [], index, write) }
    try page.json.endArray()
    for name in ["orphan_tasks", "unregistered_frameworks"] {
      try page.json.key(name)
      try page.json.beginArray()
      try page.json.endArray()
    }
    try page.json.endObject()
    for chunk in try page.json.finish() { try await write(chunk) }
  }

  private static func head(
    _ page: inout LegacyRecords, _ services: MasterServices, _ snapshot: ClusterSnapshot, showsFlags: Bool
  ) throws(StreamingJSONError) {
    let info = services.info
    try page.field("version", ServerVersion.api)
    try page.field("build_user", ServerVersion.builder)
    try page.field("start_time", services.startTime)
    try page.field("elected_time", services.startTime)
    try page.field("id", info.id)
    try page.field("pid", info.pid)
    try page.field("hostname", info.hostname)
    try page.field("capabilities", strings: info.capabilities.map(\.type.wireName))
    let active = snapshot.agents.reduce(0) { $0 + ($1.status.active ? 1 : 0) }
    try page.field("activated_slaves", Double(active))
    try page.field("deactivated_slaves", Double(snapshot.agentCount - active))
    try page.field("unreachable_slaves", 0.0)
    if let cluster = services.cluster { try page.field("cluster", cluster) }
    try page.field("leader", info.pid)
    try page.json.key("leader_info")
    try page.json.beginObject()
    try page.field("id", info.id)
    try page.field("pid", info.pid)
    try page.field("port", integer: Int64(info.port))
    try page.field("hostname", info.hostname)
    try page.json.endObject()
    if showsFlags { try page.flags(services.flags) }
  }

  static func framework(
    _ page: inout LegacyRecords, _ row: FrameworkRow, offers: [Offer], _ index: FrameworkIndex,
    _ write: LegacyPage.Write
  ) async throws {
    let message = row.message
    try page.json.beginObject()
    try page.frameworkHead(message)
    for (name, section) in [
      ("tasks", TaskRow.Section.active), ("unreachable_tasks", .unreachable), ("completed_tasks", .completed),
    ] {
      try page.json.key(name)
      try page.json.beginArray()
      for task in index.tasks(of: row.id, section) {
        try page.json.encoded(try task.page(Self.task))
        while let chunk = page.json.takeChunk() { try await write(chunk) }
      }
      try page.json.endArray()
    }
    try page.json.key("offers")
    try page.json.beginArray()
    for offer in offers { try page.offer(offer) }
    try page.json.endArray()
    try page.json.key("executors")
    try page.json.beginArray()
    for executor in index.executors[row.id] ?? [] {
      guard let info = try? ExecutorInfo(serializedBytes: executor.info) else { continue }
      try page.executor(info, agent: executor.agent.value)
    }
    try page.json.endArray()
    if message.frameworkInfo.hasLabels { try page.labels(message.frameworkInfo.labels) }
    try page.message("offer_constraints", row.status.offerConstraints)
    try page.json.endObject()
  }

  private static func task(_ row: TaskRow) throws(StreamingJSONError) -> [UInt8] {
    var page = try LegacyRecords()
    try page.task(row.message)
    return try page.json.finish().flatMap(\.self)
  }

  /// Tasks and executors by framework, as references to the snapshot's rows.
  struct FrameworkIndex {
    private var rows: [TaskRow.Section: [FrameworkKey: [TaskPages]]] = [:]
    var executors: [FrameworkKey: [ExecutorRow]] = [:]

    /// - Parameter framework: The only one that is asked for; `nil` for all.
    init(_ snapshot: ClusterSnapshot, of framework: FrameworkKey? = nil) {
      for section in [TaskRow.Section.active, .unreachable, .completed] {
        rows[section] = Dictionary(
          grouping: snapshot.taskPages(section).lazy.filter { framework == nil || $0.framework == framework },
          by: \.framework)
      }
      executors = Dictionary(
        grouping: snapshot.executors.lazy.filter { framework == nil || $0.framework == framework }, by: \.framework)
    }

    func tasks(of framework: FrameworkKey, _ section: TaskRow.Section) -> [TaskPages] {
      rows[section]?[framework] ?? []
    }
  }
}
