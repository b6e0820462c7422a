import MesosAllocator
import MesosModel
import Testing

private let start = Moment(uptime: .zero, wallNanoseconds: 0)

private func eng(_ text: String) throws -> Resources { try Resources.parse(text).allocated(to: "eng") }

@Suite struct `Calls that are refused` {
  typealias Call = @Sendable (inout Allocator) throws -> Void

  private static func cluster() throws -> Allocator {
    var allocator = Allocator()
    try allocator.addAgent("S0", AgentOptions(total: Resources.parse("cpus:8;mem:1024;cpus(eng):2")))
    try allocator.addAgent("S1", AgentOptions(total: Resources.parse("cpus:8;mem:1024")))
    try allocator.setQuota(role: "eng", Quota(guarantees: ["cpus": 2], limits: ["cpus": 9]))
    try allocator.addFramework("F0", FrameworkOptions(roles: ["eng", "ops"], suppressedRoles: ["ops"]))
    try allocator.setUnavailability(of: "S1", PlannedUnavailability(startNanoseconds: 0))
    allocator.beginCycle(at: start)
    let offer = try #require(allocator.finishCycle().first)
    let part = offer.resources.filter { $0.name == "mem" }
    try allocator.recover(framework: "F0", agent: offer.agent, resources: part, refusal: .seconds(9), at: start)
    return allocator
  }

  /// Everything that can be asked, and what the next cycle would do.
  private static func fingerprint(_ allocator: Allocator) -> String {
    var parts = allocator.agentIDs.map { id in
      "\(id) \(String(describing: allocator.total(of: id))) \(String(describing: allocator.available(on: id))) "
        + "\(allocator.allocation(of: "F0", on: id)) \(String(describing: allocator.hindrances(of: id)))"
    }
    parts.append("\(allocator.metrics.values) \(allocator.shares()) \(allocator.totalQuantities)")
    parts.append(
      "\(allocator.requiredHeadroom) \(allocator.availableHeadroom) \(allocator.consumedQuantities(role: "eng"))")
    parts.append("\(allocator.needsCycle) \(String(describing: allocator.nextExpiry())) \(allocator.checkInvariants())")
    var next = allocator
    next.beginCycle(at: start.advanced(by: .seconds(20)))
    parts.append("\(next.step(budget: .max))")
    return parts.joined(separator: "\n")
  }

  static let calls: [(name: String, code: AllocationError.Code, call: Call)] = [
    ("an agent twice", .duplicateAgent, { try $0.addAgent("S0", AgentOptions(total: Resources())) }),
    (
      "an agent with used resources of no role", .noRole,
      { try $0.addAgent("S2", AgentOptions(total: Resources()), used: ["F0": Resources.parse("cpus:1")]) }
    ),
    (
      "an agent with used resources of an impossible role", .invalidRole,
      {
        try $0.addAgent(
          "S2", AgentOptions(total: Resources()), used: ["F0": Resources.parse("cpus:1").allocated(to: "/")])
      }
    ),
    ("an unknown agent's total", .unknownAgent, { try $0.updateAgent("S9", total: Resources()) }),
    ("an unknown agent's options", .unknownAgent, { try $0.updateAgent("S9", AgentOptions(total: Resources())) }),
    ("removing an unknown agent", .unknownAgent, { try $0.removeAgent("S9") }),
    ("an unknown agent's activity", .unknownAgent, { try $0.setAgent("S9", active: false) }),
    ("an unknown agent's hindrances", .unknownAgent, { try $0.setAgent("S9", hindrances: .draining) }),
    ("maintenance of an unknown agent", .unknownAgent, { try $0.setUnavailability(of: "S9", nil) }),
    (
      "an answer about an unknown agent", .unknownAgent,
      { try $0.answerInverseOffer(framework: "F0", agent: "S9", at: start) }
    ),
    (
      "an answer of an unknown framework", .unknownFramework,
      { try $0.answerInverseOffer(framework: "F9", agent: "S1", at: start) }
    ),
    (
      "an answer where no maintenance is planned", .noMaintenance,
      { try $0.answerInverseOffer(framework: "F0", agent: "S0", refusal: .seconds(5), at: start) }
    ),
    ("a framework twice", .duplicateFramework, { try $0.addFramework("F0", FrameworkOptions(roles: [])) }),
    (
      "a framework of an impossible role", .invalidRole, { try $0.addFramework("F2", FrameworkOptions(roles: ["a b"])) }
    ),
    (
      "a framework that suppresses what it is not in", .invalidRole,
      { try $0.updateFramework("F0", FrameworkOptions(roles: ["eng"], suppressedRoles: ["ops"])) }
    ),
    (
      "a framework twice in a role", .invalidRole,
      { try $0.updateFramework("F0", FrameworkOptions(roles: ["a", "a"])) }
    ),
    ("updating an unknown framework", .unknownFramework, { try $0.updateFramework("F9", FrameworkOptions(roles: [])) }),
    ("removing an unknown framework", .unknownFramework, { try $0.removeFramework("F9") }),
    ("an unknown framework's activity", .unknownFramework, { try $0.setFramework("F9", active: false) }),
    ("suppressing for an unknown framework", .unknownFramework, { try $0.suppress(framework: "F9") }),
    ("suppressing where it is not", .invalidRole, { try $0.suppress(framework: "F0", roles: ["eng", "dev"]) }),
    ("reviving an unknown framework", .unknownFramework, { try $0.revive(framework: "F9") }),
    ("reviving where it is not", .invalidRole, { try $0.revive(framework: "F0", roles: ["ops", "dev"]) }),
    (
      "recovering more than is allocated", .notAllocated,
      { try $0.recover(framework: "F0", agent: "S0", resources: eng("cpus:99"), refusal: .seconds(5), at: start) }
    ),
    (
      "recovering what is allocated to no role", .noRole,
      { try $0.recover(framework: "F0", agent: "S0", resources: Resources.parse("cpus:1"), at: start) }
    ),
    (
      "recovering from an unknown framework", .unknownFramework,
      { try $0.recover(framework: "F9", agent: "S0", resources: eng("cpus:1"), at: start) }
    ),
    (
      "recovering on an unknown agent", .unknownAgent,
      { try $0.recover(framework: "F0", agent: "S9", resources: eng("cpus:1"), at: start) }
    ),
    (
      "converting for an unknown framework", .unknownFramework,
      { try $0.updateAllocation(framework: "F9", agent: "S0", from: eng("cpus:1"), to: eng("cpus(eng):1")) }
    ),
    (
      "converting on an unknown agent", .unknownAgent,
      { try $0.updateAllocation(framework: "F0", agent: "S9", from: eng("cpus:1"), to: eng("cpus(eng):1")) }
    ),
    (
      "converting more than is allocated", .notAllocated,
      { try $0.updateAllocation(framework: "F0", agent: "S0", from: eng("cpus:99"), to: eng("cpus(eng):99")) }
    ),
    (
      "converting into more", .differs,
      { try $0.updateAllocation(framework: "F0", agent: "S0", from: eng("cpus:1"), to: eng("cpus(eng):2")) }
    ),
    (
      "converting into what has no role", .noRole,
      { try $0.updateAllocation(framework: "F0", agent: "S0", from: eng("cpus:1"), to: Resources.parse("cpus(eng):1")) }
    ),
    ("a weight of zero", .invalidWeight, { try $0.setWeight(role: "eng", 0) }),
    ("a weight below zero", .invalidWeight, { try $0.setWeight(role: "eng", -1) }),
    ("a weight without end", .invalidWeight, { try $0.setWeight(role: "eng", .infinity) }),
    ("a weight of an impossible role", .invalidRole, { try $0.setWeight(role: "..", 1) }),
    (
      "a guarantee above its limit", .invalidQuota,
      { try $0.setQuota(role: "eng", Quota(guarantees: ["cpus": 3], limits: ["cpus": 2])) }
    ),
    ("a quota of an impossible role", .invalidRole, { try $0.setQuota(role: "a//b", .none) }),
    (
      "quotas of which one contradicts itself", .invalidQuota,
      { allocator in
        var quotas = QuotaTree()
        quotas["dev"] = Quota(limits: ["cpus": 1])
        quotas["ops"] = Quota(guarantees: ["cpus": 3], limits: ["cpus": 2])
        try allocator.setQuotas(quotas)
      }
    ),
    ("verdicts for an unknown framework", .unknownFramework, { _ = try $0.explain(framework: "F9", at: start) }),
  ]

  @Test(arguments: calls.indices)
  func `say why, and change nothing`(index: Int) throws {
    let (name, code, call) = Self.calls[index]
    var allocator = try Self.cluster()
    let before = Self.fingerprint(allocator)
    let error = #expect(throws: AllocationError.self, "\(name)") { try call(&allocator) }
    #expect(error?.code == code, "\(name): \(String(describing: error))")
    #expect(error?.message.isEmpty == false)
    #expect(Self.fingerprint(allocator) == before, "\(name)")
  }
}
