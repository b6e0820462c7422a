public import MesosModel
public import StreamingJSON

/// Records as the endpoints from before the v1 API show them: `slave` for agent, resources as an object of amounts, seconds as doubles.
///
/// - Source: what Apache Mesos 1.11 answers on `/state`.
public struct LegacyRecords: ~Copyable, Sendable {
  public var json: StreamingJSONWriter

  public init() throws(StreamingJSONError) { json = try StreamingJSONWriter() }

  public mutating func field(_ name: String, _ value: String) throws(StreamingJSONError) {
    try json.key(name)
    try json.string(value)
  }

  public mutating func field(_ name: String, _ value: Double) throws(StreamingJSONError) {
    try json.key(name)
    try json.double(value)
  }

  public mutating func field(_ name: String, _ value: Bool) throws(StreamingJSONError) {
    try json.key(name)
    try json.bool(value)
  }

  public mutating func field(_ name: String, integer value: Int64) throws(StreamingJSONError) {
    try json.key(name)
    try json.integer(value)
  }

  public mutating func field(_ name: String, strings: [String]) throws(StreamingJSONError) {
    try json.key(name)
    try json.beginArray()
    for text in strings { try json.string(text) }
    try json.endArray()
  }

  public mutating func field(_ name: String, time: TimeInfo) throws(StreamingJSONError) {
    try field(name, Double(time.nanoseconds) / 1e9)
  }

  // MARK: Resources and attributes

  /// Sums by name, `cpus`, `gpus`, `mem` and `disk` always, ranges and sets as text.
  public mutating func field(_ name: String, resources: [Resource]) throws(StreamingJSONError) {
    try json.key(name)
    try json.beginObject()
    let sums = (try? Resources(resources)) ?? Resources()
    var scalars: [String: Double] = [:]
    for resource in resources where resource.type == .scalar && !resource.hasRevocable {
      scalars[resource.name] = sums.scalar(resource.name).doubleValue
    }
    for fixed in ["disk", "mem", "gpus", "cpus"] { try field(fixed, scalars.removeValue(forKey: fixed) ?? 0) }
    for (name, amount) in scalars.sorted(by: { $0.key < $1.key }) { try field(name, amount) }
    for name in Set(resources.filter { $0.type == .ranges }.map(\.name)).sorted() {
      try field(name, sums.ranges(name).description)
    }
    try json.endObject()
  }

  /// Reserved resources by role.
  public mutating func reserved(_ resources: [Resource]) throws(StreamingJSONError) {
    try json.key("reserved_resources")
    try json.beginObject()
    let all = (try? Resources(resources)) ?? Resources()
    let roles = Set(
      resources.compactMap { $0.reservations.last?.role ?? ($0.role == "*" || !$0.hasRole ? nil : $0.role) })
    for role in roles.sorted() { try field(role, resources: all.reserved(to: role).messages) }
    try json.endObject()
  }

  public mutating func attributes(_ attributes: [Attribute]) throws(StreamingJSONError) {
    try json.key("attributes")
    try json.beginObject()
    for attribute in attributes {
      switch attribute.type {
      case .scalar: try field(attribute.name, attribute.scalar.value)
      case .ranges:
        let text = attribute.ranges.range.map { "\($0.begin)-\($0.end)" }.joined(separator: ", ")
        try field(attribute.name, "[\(text)]")
      case .set: try field(attribute.name, "{\(attribute.set.item.joined(separator: ", "))}")
      case .text: try field(attribute.name, attribute.text.value)
      }
    }
    try json.endObject()
  }

  public mutating func labels(_ labels: MesosLabels) throws(StreamingJSONError) {
    try json.key("labels")
    try json.beginArray()
    for label in labels.labels {
      try json.beginObject()
      try field("key", label.key)
      if label.hasValue { try field("value", label.value) }
      try json.endObject()
    }
    try json.endArray()
  }

  // MARK: Records

  public mutating func task(_ task: MesosTask) throws(StreamingJSONError) {
    try json.beginObject()
    try field("id", task.taskID.value)
    try field("name", task.name)
    try field("framework_id", task.frameworkID.value)
    try field("executor_id", task.executorID.value)
    try field("slave_id", task.agentID.value)
    try field("state", task.state.wireName)
    try field("resources", resources: task.resources)
    if !task.limits.isEmpty {
      try json.key("limits")
      try json.beginObject()
      for (name, limit) in task.limits.sorted(by: { $0.key < $1.key }) {
        // Without a bound: no number of JSON says that.
        try json.key(name)
        if limit.value.isFinite { try json.double(limit.value) } else { try json.string("Infinity") }
      }
      try json.endObject()
    }
    if let role = task.resources.first(where: { $0.hasAllocationInfo })?.allocationInfo.role { try field("role", role) }
    try json.key("statuses")
    try json.beginArray()
    for status in task.statuses { try self.status(status) }
    try json.endArray()
    if task.hasUser { try field("user", task.user) }
    if task.hasLabels { try labels(task.labels) }
    if task.hasDiscovery { try message("discovery", task.discovery) }
    if task.hasContainer { try message("container", task.container) }
    if task.hasHealthCheck { try message("health_check", task.healthCheck) }
    try json.endObject()
  }

  private mutating func status(_ status: TaskStatus) throws(StreamingJSONError) {
    try json.beginObject()
    try field("state", status.state.wireName)
    try field("timestamp", status.timestamp)
    if status.hasLabels { try labels(status.labels) }
    if status.hasContainerStatus {
      var shown = status.containerStatus
      shown.clearExecutorPid()
      try message("container_status", shown)
    }
    if status.hasHealthy { try field("healthy", status.healthy) }
    try json.endObject()
  }

  /// A message with the JSON of the v1 API.
  public mutating func message(_ name: String, _ message: some JSONMessage) throws(StreamingJSONError) {
    try json.key(name)
    try json.encoded(message.jsonBytes())
  }

  public mutating func executor(_ info: ExecutorInfo, agent: String) throws(StreamingJSONError) {
    try json.beginObject()
    try field("executor_id", info.executorID.value)
    try field("name", info.name)
    try field("framework_id", info.frameworkID.value)
    try json.key("command")
    try json.beginObject()
    if info.command.hasShell { try field("shell", info.command.shell) }
    if info.command.hasValue { try field("value", info.command.value) }
    try field("argv", strings: info.command.arguments)
    try field("uris", strings: info.command.uris.map(\.value))
    try json.endObject()
    try field("resources", resources: info.resources)
    if let role = info.resources.first(where: { $0.hasAllocationInfo })?.allocationInfo.role { try field("role", role) }
    if info.hasLabels { try labels(info.labels) }
    if info.hasType { try field("type", info.type.wireName) }
    try field("slave_id", agent)
    try json.endObject()
  }

  public mutating func offer(_ offer: Offer) throws(StreamingJSONError) {
    try json.beginObject()
    try field("id", offer.id.value)
    try field("framework_id", offer.frameworkID.value)
    try json.key("allocation_info")
    try json.beginObject()
    try field("role", offer.allocationInfo.role)
    try json.endObject()
    try field("slave_id", offer.agentID.value)
    try field("resources", resources: offer.resources)
    try json.endObject()
  }

  /// What an agent says of itself, as fields.
  public mutating func agentInfo(_ info: AgentInfo) throws(StreamingJSONError) {
    try field("id", info.id.value)
    try field("hostname", info.hostname)
    try field("port", integer: Int64(info.port))
    try attributes(info.attributes)
    if info.hasDomain { try message("domain", info.domain) }
  }

  /// An agent as `/state` shows it, as fields of an object that is open.
  public mutating func agentFields(_ agent: MasterResponse.GetAgents.Agent) throws(StreamingJSONError) {
    try agentInfo(agent.agentInfo)
    try field("pid", agent.pid)
    try field("registered_time", time: agent.registeredTime)
    if agent.hasReregisteredTime { try field("reregistered_time", time: agent.reregisteredTime) }
    try field("resources", resources: agent.totalResources)
    try field("used_resources", resources: agent.allocatedResources)
    try field("offered_resources", resources: agent.offeredResources)
    try reserved(agent.totalResources)
    let all = (try? Resources(agent.totalResources)) ?? Resources()
    try field("unreserved_resources", resources: all.unreserved.messages)
    try field("active", agent.active)
    try field("deactivated", agent.deactivated)
    try field("version", agent.version)
    try field("capabilities", strings: agent.capabilities.map(\.type.wireName))
    if agent.hasDrainInfo { try message("drain_info", agent.drainInfo) }
    if agent.hasEstimatedDrainStartTime {
      try field("estimated_drain_start_time_seconds", time: agent.estimatedDrainStartTime)
    }
  }

  public mutating func agent(_ agent: MasterResponse.GetAgents.Agent) throws(StreamingJSONError) {
    try json.beginObject()
    try agentFields(agent)
    try json.endObject()
  }

  /// What `/slaves` adds to an agent: resources in full.
  public mutating func fullResources(_ agent: MasterResponse.GetAgents.Agent) throws(StreamingJSONError) {
    let total = (try? Resources(agent.totalResources)) ?? Resources()
    try json.key("reserved_resources_full")
    try json.beginObject()
    for (role, resources) in total.reservations.sorted(by: { $0.role < $1.role }) {
      try field(role, full: resources.messages(in: .endpoint))
    }
    try json.endObject()
    try field("unreserved_resources_full", full: total.unreserved.messages(in: .endpoint))
    try field("used_resources_full", full: agent.allocatedResources)
    try field("offered_resources_full", full: agent.offeredResources)
  }

  /// Resources as the v1 API writes them.
  public mutating func field(_ name: String, full resources: [Resource]) throws(StreamingJSONError) {
    try json.key(name)
    try json.beginArray()
    for resource in resources { try json.encoded(resource.jsonBytes()) }
    try json.endArray()
  }

  public mutating func field(_ name: String, quantities: ResourceQuantities) throws(StreamingJSONError) {
    try json.key(name)
    try json.beginObject()
    for quantity in quantities.quantities.sorted(by: { $0.name < $1.name }) {
      try field(quantity.name, quantity.amount.doubleValue)
    }
    try json.endObject()
  }

  /// What `/state-summary` says of a framework before it counts its tasks, as fields of an object that is open.
  public mutating func frameworkSummary(
    _ framework: MasterResponse.GetFrameworks.Framework
  ) throws(StreamingJSONError) {
    let info = framework.frameworkInfo
    try field("id", info.id.value)
    try field("name", info.name)
    try field("used_resources", resources: framework.allocatedResources)
    try field("offered_resources", resources: framework.offeredResources)
    try field("capabilities", strings: info.capabilities.map(\.type.wireName))
    try field("hostname", info.hostname)
    try field("webui_url", info.webuiURL)
    try field("active", framework.active)
    try field("connected", framework.connected)
    try field("recovered", framework.recovered)
  }

  /// What `/state` says of a framework before its tasks, offers and executors.
  public mutating func frameworkHead(_ framework: MasterResponse.GetFrameworks.Framework) throws(StreamingJSONError) {
    let info = framework.frameworkInfo
    try frameworkSummary(framework)
    try field("user", info.user)
    try field("failover_timeout", info.failoverTimeout)
    try field("checkpoint", info.checkpoint)
    try field("registered_time", time: framework.registeredTime)
    try field("unregistered_time", time: framework.unregisteredTime)
    if framework.reregisteredTime != framework.registeredTime, framework.hasReregisteredTime {
      try field("reregistered_time", time: framework.reregisteredTime)
    }
    if info.hasPrincipal { try field("principal", info.principal) }
    try field("resources", resources: framework.allocatedResources + framework.offeredResources)
    if info.capabilities.contains(where: { $0.type == .multiRole }) {
      try field("roles", strings: info.roles)
    } else {
      try field("role", info.role)
    }
  }
}
