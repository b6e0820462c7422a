import ClusterView
import MasterCore
import MesosAllocator
import MesosHTTP
import MesosHTTPServer
import MesosModel
import MesosSecurity
import ServerPages
import ShellSupport
import StreamingJSON

/// `/explain?framework_id=ID`, with `role` and `agent_id` as often as wanted: what the next allocation offers a framework, and why it does
/// not offer it the rest. `docs/explain.md` describes the document. An endpoint of this project: Apache Mesos has nothing like it.
enum ExplainPage {
  static func respond(to request: IncomingRequest, _ services: MasterServices) async throws -> OutgoingResponse {
    guard let id = request.queryValue("framework_id"), !id.isEmpty else {
      throw HTTPFailure.badRequest("Expecting 'framework_id=ID' in the query; GET_FRAMEWORKS lists the frameworks")
    }
    func all(_ name: String) -> [String]? {
      let values = request.query.filter { $0.name == name }.map(\.value)
      return values.isEmpty ? nil : values
    }
    let (roles, agents) = (all("role"), all("agent_id")?.map { AgentKey($0) })
    let unknown = HTTPFailure(
      status: 404, text: "No framework '\(id.prefix(200))' is registered; GET_FRAMEWORKS lists those that are")
    // What others hold is part of an explanation: who sees a framework and not all roles and frameworks gets none.
    if services.security.visibility(of: request.principal) != nil {
      guard services.snapshot(for: request).frameworks.contains(where: { $0.row.id.value == id }) else { throw unknown }
      throw HTTPFailure(status: 403, text: "403 Forbidden.")
    }
    guard let allocator = await services.master.beginExplaining() else {
      throw HTTPFailure(status: 503, text: "Another explanation is being made; ask again")
    }
    let explanation: OfferExplanation
    do {
      explanation = try await explain(allocator, FrameworkKey(id), roles, agents, at: services.master.clock.now())
      await services.master.endExplaining()
    } catch {
      await services.master.endExplaining()
      if error.code == .unknownFramework { throw unknown }
      throw HTTPFailure.badRequest(error.message)
    }
    return try await LegacyPage.respond(to: request, isSmall: explanation.verdicts.count <= 100) { write in
      try await self.write(explanation, to: write)
    }
  }

  /// On the reader's thread: it runs a whole allocation on a copy.
  @concurrent
  private static func explain(
    _ allocator: Allocator, _ framework: FrameworkKey, _ roles: [String]?, _ agents: [AgentKey]?, at now: Moment
  ) async throws(AllocationError) -> OfferExplanation {
    try allocator.explain(framework: framework, roles: roles, agents: agents, at: now)
  }

  private static func write(_ explanation: OfferExplanation, to write: LegacyPage.Write) async throws {
    var page = try LegacyRecords()
    try page.json.beginObject()
    try page.field("framework_id", explanation.framework.value)
    try page.field("next_cycle", integer: Int64(explanation.lastCycle + 1))
    if let last = explanation.lastCycleTime {
      try page.field("last_cycle_secs_ago", (explanation.time - last) / .seconds(1))
    }
    try page.field("summary", explanation.description)
    try page.json.key("verdicts")
    try page.json.beginArray()
    for verdict in explanation.verdicts {
      try page.json.beginObject()
      try page.field("role", verdict.role)
      try page.field("agent_id", verdict.agent.value)
      try page.field("verdict", name(of: verdict.reason))
      try page.field("message", verdict.reason.description)
      switch verdict.reason {
      case .offered(let resources), .belowMinimum(let resources, _):
        try page.field("resources", full: resources.messages(in: .endpoint))
      case .filtered(_, let remaining): try page.field("remaining_secs", remaining / .seconds(1))
      case .nothingFree(let holders): try page.field("framework_ids", strings: holders.map(\.value))
      case .reserved(let roles), .heldForGuarantees(let roles, _): try page.field("roles", strings: roles)
      case .constraintsFailed(let constraints): try page.field("constraints", strings: constraints)
      case .lost(let framework, let role, let cycle):
        try page.field("framework_ids", strings: [framework.value])
        try page.field("roles", strings: [role])
        try page.field("cycle", integer: Int64(cycle))
      default: break
      }
      try page.json.endObject()
      while let chunk = page.json.takeChunk() { try await write(chunk) }
    }
    try page.json.endArray()
    try page.json.endObject()
    for chunk in try page.json.finish() { try await write(chunk) }
  }

  private static func name(of reason: OfferVerdict.Reason) -> String {
    switch reason {
    case .offered: "OFFERED"
    case .inactive: "FRAMEWORK_NOT_CONNECTED"
    case .suppressed: "ROLE_SUPPRESSED"
    case .recovering: "RECOVERING"
    case .hindered: "AGENT_NOT_OFFERED"
    case .notWhitelisted: "AGENT_NOT_WHITELISTED"
    case .agentLacks: "AGENT_LACKS_CAPABILITIES"
    case .frameworkLacks: "FRAMEWORK_LACKS_CAPABILITIES"
    case .constraintsFailed: "CONSTRAINTS_FAILED"
    case .nothingFree: "NOTHING_FREE"
    case .reserved: "RESERVED_TO_OTHERS"
    case .onlyShared: "ONLY_SHARED_VOLUMES"
    case .belowMinimum: "BELOW_MINIMUM"
    case .limitsReached: "LIMITS_REACHED"
    case .heldForGuarantees: "HELD_FOR_GUARANTEES"
    case .filtered: "REFUSED_BY_FRAMEWORK"
    case .lost: "GIVEN_TO_ANOTHER"
    }
  }
}
