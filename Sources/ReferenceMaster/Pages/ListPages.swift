import ClusterView
import MasterCore
import MesosHTTPServer
import MesosModel
import ServerPages
import StreamingJSON
import SwiftProtobuf

/// `/slaves`, `/frameworks`, `/tasks` and `/roles`.
///
/// - Source: Apache Mesos 1.11, `master/readonly_handler.cpp`.
enum ListPages {
  // MARK: /slaves

  @concurrent
  static func agents(_ snapshot: ClusterSnapshot, only id: String?, to write: LegacyPage.Write) async throws {
    var page = try LegacyRecords()
    try page.json.beginObject()
    try page.json.key("slaves")
    try page.json.beginArray()
    for row in snapshot.agents where id == nil || row.id.value == id {
      let agent = row.message
      try page.json.beginObject()
      try page.agentFields(agent)
      try page.fullResources(agent)
      try page.json.endObject()
      while let chunk = page.json.takeChunk() { try await write(chunk) }
    }
    try page.json.endArray()
    try page.json.key("recovered_slaves")
    try page.json.beginArray()
    for (key, info) in snapshot.recoveredAgents where id == nil || key.value == id {
      try page.json.beginObject()
      try page.agentInfo((try? AgentInfo(serializedBytes: info)) ?? .with { $0.id = AgentID(key) })
      try page.json.endObject()
      while let chunk = page.json.takeChunk() { try await write(chunk) }
    }
    try page.json.endArray()
    try page.json.endObject()
    for chunk in try page.json.finish() { try await write(chunk) }
  }

  // MARK: /frameworks

  @concurrent
  static func frameworks(_ snapshot: ClusterSnapshot, only id: String?, to write: LegacyPage.Write) async throws {
    let index = StatePage.FrameworkIndex(snapshot, of: id.map { FrameworkKey($0) })
    var page = try LegacyRecords()
    try page.json.beginObject()
    try page.json.key("frameworks")
    try page.json.beginArray()
    for (row, offers) in snapshot.frameworks where id == nil || row.id.value == id {
      try await StatePage.framework(&page, row, offers: offers, index, write)
    }
    try page.json.endArray()
    try page.json.key("completed_frameworks")
    try page.json.beginArray()
    for row in snapshot.completedFrameworks where id == nil || row.id.value == id {
      try await StatePage.framework(&page, row, offers: [], index, write)
    }
    try page.json.endArray()
    try page.json.key("unregistered_frameworks")
    try page.json.beginArray()
    try page.json.endArray()
    try page.json.endObject()
    for chunk in try page.json.finish() { try await write(chunk) }
  }

  // MARK: /tasks

  /// What `/tasks` is asked for. A number that is none counts as not given, as in Apache Mesos.
  struct TaskQuery: Sendable {
    var limit = 100
    var offset = 0
    var isAscending = false
    var framework: String?
    var task: String?

    init(_ request: IncomingRequest) {
      limit = request.queryValue("limit").flatMap { Int($0) } ?? limit
      offset = request.queryValue("offset").flatMap { Int($0) } ?? offset
      isAscending = request.queryValue("order") == "asc"
      framework = request.queryValue("framework_id")
      task = request.queryValue("task_id")
    }

    init() {}

    /// The places of the rows that are shown, of `count` rows in order.
    func window(of count: Int) -> Range<Int> {
      // There a negative number wraps around and leaves nothing.
      guard limit > 0, offset >= 0, offset < count else { return 0..<0 }
      return offset..<min(count, limit > count - offset ? count : offset + limit)
    }
  }

  @concurrent
  static func tasks(_ snapshot: ClusterSnapshot, _ query: TaskQuery, to write: LegacyPage.Write) async throws {
    var rows: [(started: Double, row: TaskRow)] = []
    for section in [TaskRow.Section.active, .unreachable, .completed] {
      for row in snapshot.tasks(section)
      where (query.framework == nil || row.framework.value == query.framework)
        && (query.task == nil || row.id.value == query.task)
      {
        // Tasks that nothing was heard of come first when the oldest do.
        rows.append((row.firstTimestamp ?? -.infinity, row))
      }
    }
    let order = rows.indices.sorted { left, right in
      let (a, b) = (rows[left].started, rows[right].started)
      guard a != b else { return left < right }
      return query.isAscending ? a < b : a > b
    }
    var page = try LegacyRecords()
    try page.json.beginObject()
    try page.json.key("tasks")
    try page.json.beginArray()
    for index in order[query.window(of: order.count)] {
      try page.task(rows[index].row.message)
      while let chunk = page.json.takeChunk() { try await write(chunk) }
    }
    try page.json.endArray()
    try page.json.endObject()
    for chunk in try page.json.finish() { try await write(chunk) }
  }

  // MARK: /roles

  @concurrent
  static func roles(_ snapshot: ClusterSnapshot, _ quotas: QuotaStatus, to write: LegacyPage.Write) async throws {
    let configs = Dictionary(quotas.configs.map { ($0.role, $0) }) { _, last in last }
    var page = try LegacyRecords()
    try page.json.beginObject()
    try page.json.key("roles")
    try page.json.beginArray()
    for row in snapshot.roleRows(named: configs.keys) {
      try page.json.beginObject()
      try page.field("name", row.name)
      try page.field("weight", row.weight)
      try page.json.key("quota")
      try page.json.beginObject()
      try page.field("role", row.name)
      try amounts(&page, "guarantee", configs[row.name]?.guarantees ?? [:])
      try amounts(&page, "limit", configs[row.name]?.limits ?? [:])
      try page.field("consumed", quantities: row.consumed)
      try page.json.endObject()
      var resources = row.allocated
      resources += row.offered
      try page.field("resources", quantities: resources)
      try page.field("allocated", quantities: row.allocated)
      try page.field("offered", quantities: row.offered)
      try page.field("reserved", quantities: row.reserved)
      try page.field("frameworks", strings: row.frameworks.map(\.value))
      try page.json.endObject()
      while let chunk = page.json.takeChunk() { try await write(chunk) }
    }
    try page.json.endArray()
    try page.json.endObject()
    for chunk in try page.json.finish() { try await write(chunk) }
  }

  private static func amounts(
    _ page: inout LegacyRecords, _ name: String, _ amounts: [String: MesosValue.Scalar]
  ) throws(StreamingJSONError) {
    try page.json.key(name)
    try page.json.beginObject()
    for (resource, amount) in amounts.sorted(by: { $0.key < $1.key }) { try page.field(resource, amount.value) }
    try page.json.endObject()
  }
}
