import AgentCore
import MesosHTTP
import MesosHTTPServer
import MesosModel
import ServerPages
import ShellSupport
import StreamingJSON

/// `/state`, `/containers` and `/monitor/statistics`: the documents from before the v1 API.
enum StatePage {
  /// Writes `/state` to `write`, a chunk at a time.
  @concurrent
  static func write(_ services: AgentServices, to write: LegacyPage.Write) async throws {
    let core = await services.agent.snapshot()
    let frameworks = core.view()
    var page = try LegacyRecords()
    try page.json.beginObject()
    try head(&page, services, core, frameworks)
    for (name, isCompleted) in [("frameworks", false), ("completed_frameworks", true)] {
      try page.json.key(name)
      try page.json.beginArray()
      for framework in frameworks where framework.isCompleted == isCompleted {
        try page.json.beginObject()
        try head(&page, framework.info)
        try page.json.key("executors")
        try page.json.beginArray()
        for executor in framework.executors { try self.executor(&page, executor) }
        try page.json.endArray()
        try page.json.key("completed_executors")
        try page.json.beginArray()
        for executor in framework.completedExecutors {
          try self.executor(&page, executor)
          while let chunk = page.json.takeChunk() { try await write(chunk) }
        }
        try page.json.endArray()
        try page.json.endObject()
      }
      try page.json.endArray()
    }
    try page.json.endObject()
    for chunk in try page.json.finish() { try await write(chunk) }
  }

  private static func head(
    _ page: inout LegacyRecords, _ services: AgentServices, _ core: AgentCore, _ frameworks: [AgentCore.FrameworkView]
  ) throws(StreamingJSONError) {
    let info = core.agentInfo
    try page.field("version", ServerVersion.api)
    try page.field("build_user", ServerVersion.builder)
    try page.field("start_time", services.startTime)
    if info.hasID { try page.field("id", info.id.value) }
    try page.field("pid", services.pid)
    try page.field("hostname", info.hostname)
    try page.field("capabilities", strings: core.configuration.capabilities.map(\.type.wireName))
    try page.field("resources", resources: info.resources)
    try page.reserved(info.resources)
    let all = (try? Resources(info.resources)) ?? Resources()
    try page.field("unreserved_resources", resources: all.unreserved.messages)
    try page.json.key("reserved_resources_full")
    try page.json.beginObject()
    for role in Set(all.reserved().entries.compactMap(\.reservationRole)).sorted() {
      try page.json.key(role)
      try messages(&page, all.reserved(to: role))
    }
    try page.json.endObject()
    try page.json.key("unreserved_resources_full")
    try messages(&page, all.unreserved)
    let used = frameworks.flatMap(\.executors).flatMap(\.allResources)
    let usedResources = (try? Resources(used)) ?? Resources()
    try page.json.key("reserved_resources_allocated")
    try page.json.beginObject()
    for role in Set(usedResources.reserved().entries.compactMap(\.reservationRole)).sorted() {
      try page.field(role, resources: usedResources.reserved(to: role).messages)
    }
    try page.json.endObject()
    try page.field("unreserved_resources_allocated", resources: usedResources.unreserved.messages)
    try page.json.key("resource_providers")
    try page.json.beginArray()
    try page.json.endArray()
    try page.attributes(info.attributes)
    try page.field("master_hostname", services.masterHostname())
    try page.flags(services.flags)
  }

  private static func messages(_ page: inout LegacyRecords, _ resources: Resources) throws(StreamingJSONError) {
    try page.json.beginArray()
    for resource in resources.messages(in: .endpoint) { try page.json.encoded(resource.jsonBytes()) }
    try page.json.endArray()
  }

  private static func head(_ page: inout LegacyRecords, _ info: FrameworkInfo) throws(StreamingJSONError) {
    try page.field("id", info.id.value)
    try page.field("name", info.name)
    try page.field("user", info.user)
    try page.field("failover_timeout", info.failoverTimeout)
    try page.field("checkpoint", info.checkpoint)
    try page.field("hostname", info.hostname)
    if info.hasPrincipal { try page.field("principal", info.principal) }
    try page.field("roles", strings: info.roles.isEmpty ? [info.role] : info.roles)
  }

  private static func executor(
    _ page: inout LegacyRecords, _ view: AgentCore.ExecutorView
  ) throws(StreamingJSONError) {
    try page.json.beginObject()
    try page.field("id", view.info.executorID.value)
    try page.field("name", view.info.name)
    try page.field("source", view.info.source)
    try page.field("container", view.container.value)
    try page.field("directory", view.directory)
    try page.field("resources", resources: view.allResources)
    if let role = view.info.resources.first(where: { $0.hasAllocationInfo })?.allocationInfo.role {
      try page.field("role", role)
    }
    if view.info.hasLabels { try page.labels(view.info.labels) }
    if view.info.hasType { try page.field("type", view.info.type.wireName) }
    for (name, tasks) in [
      ("tasks", view.tasks), ("queued_tasks", view.queuedTasks), ("completed_tasks", view.completedTasks),
    ] {
      try page.json.key(name)
      try page.json.beginArray()
      for task in tasks { try page.task(task) }
      try page.json.endArray()
    }
    try page.json.endObject()
  }

  /// `/containers`, and without the status `/monitor/statistics`.
  static func containers(
    _ services: AgentServices, only id: String?, withStatus: Bool, to write: LegacyPage.Write
  ) async throws {
    let containers = await services.containers().containers
    var page = try LegacyRecords()
    try page.json.beginArray()
    for container in containers where id == nil || container.containerID.value == id {
      try page.json.beginObject()
      if withStatus { try page.field("container_id", container.containerID.value) }
      try page.field("executor_id", container.executorID.value)
      try page.field("executor_name", container.executorName)
      try page.field("framework_id", container.frameworkID.value)
      try page.field("source", container.executorID.value)
      try page.message("statistics", container.resourceStatistics)
      if withStatus { try page.message("status", container.containerStatus) }
      try page.json.endObject()
    }
    try page.json.endArray()
    for chunk in try page.json.finish() { try await write(chunk) }
  }
}
