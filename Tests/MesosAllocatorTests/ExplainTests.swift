import MesosAllocator
import MesosModel
import MesosTestKit
import Testing

private let start = Moment(uptime: .zero, wallNanoseconds: 0)

private func resources(_ text: String) throws -> Resources { try Resources.parse(text) }

extension Allocator {
  fileprivate mutating func run(at seconds: Int = 0) -> [Allocation] {
    beginCycle(at: start.advanced(by: .seconds(seconds)))
    return finishCycle()
  }

  fileprivate func verdict(_ framework: FrameworkKey, at seconds: Int = 0) throws -> OfferVerdict.Reason {
    let now = start.advanced(by: .seconds(seconds))
    return try #require(try explain(framework: framework, agents: ["S0"], at: now).verdicts.first).reason
  }
}

@Suite struct `Verdicts of the allocator` {
  private static func cluster(_ total: String = "cpus:4;mem:1024", roles: [String] = ["eng"]) throws -> Allocator {
    var allocator = Allocator(configuration: Allocator.Configuration(region: "east"))
    try allocator.addAgent(
      "S0",
      AgentOptions(
        total: resources(total), region: "east", hostname: "h0", attributes: try Attributes.parse("rack:r1")))
    for (number, role) in roles.enumerated() {
      try allocator.addFramework(FrameworkKey("F\(number)"), FrameworkOptions(roles: [role]))
    }
    return allocator
  }

  @Test func `what would be offered is told, and who came first`() throws {
    var allocator = try Self.cluster(roles: ["eng", "ops"])
    let whole = try resources("cpus:4;mem:1024")
    #expect(try allocator.verdict("F0") == .offered(whole.allocated(to: "eng")))
    #expect(try allocator.verdict("F1") == .lost(to: "F0", role: "eng", cycle: 1))
    _ = allocator.run()
    #expect(try allocator.verdict("F0") == .lost(to: "F0", role: "eng", cycle: 1))
    #expect(try allocator.verdict("F1") == .lost(to: "F0", role: "eng", cycle: 1))
    let explanation = try allocator.explain(framework: "F1", at: start)
    #expect(explanation.lastCycle == 1)
    #expect(explanation.lastCycleTime == .zero)
    #expect(
      explanation.description
        == "Framework F1, for cycle 2:\n  role 'ops', agent S0: framework F0 in role 'eng' came first in cycle 1; its share "
        + "was smaller, or it was its turn")
  }

  @Test func `each hindrance is named`() throws {
    let plain = try Self.cluster()
    var allocator = plain
    try allocator.setFramework("F0", active: false)
    #expect(try allocator.verdict("F0") == .inactive)
    allocator = plain
    try allocator.suppress(framework: "F0")
    #expect(try allocator.verdict("F0") == .suppressed)
    allocator = plain
    try allocator.setAgent("S0", hindrances: [.draining, .deactivated])
    #expect(try allocator.verdict("F0") == .hindered([.draining, .deactivated]))
    #expect(try allocator.verdict("F0").description == "the agent is not offered: it is draining and deactivated")
    allocator = plain
    allocator.setWhitelist(["h1"])
    #expect(try allocator.verdict("F0") == .notWhitelisted(hostname: "h0"))
    allocator = plain
    try allocator.setQuota(role: "x", Quota(limits: ["cpus": .zero]))
    allocator.beginRecovery(agents: 10, at: start)
    #expect(try allocator.verdict("F0") == .recovering(missingAgents: 7, until: .seconds(600)))
    #expect(throws: AllocationError.self) { try plain.explain(framework: "F9", at: start) }
    #expect(throws: AllocationError.self) { try plain.explain(framework: "F0", roles: ["x"], at: start) }
  }

  @Test func `what the framework or the agent lacks is named`() throws {
    var allocator = try Self.cluster("cpus:4;gpus:1")
    #expect(try allocator.verdict("F0") == .frameworkLacks(.gpuResources))
    var options = AgentOptions(total: try resources("cpus:4"), region: "west")
    try allocator.updateAgent("S0", options)
    #expect(try allocator.verdict("F0") == .frameworkLacks(.regionAware))
    options.region = nil
    options.capabilities = []
    try allocator.updateAgent("S0", options)
    #expect(try allocator.verdict("F0") == .offered(resources("cpus:4").allocated(to: "eng")))
    try allocator.updateFramework("F0", FrameworkOptions(roles: ["eng"], capabilities: .multiRole))
    #expect(try allocator.verdict("F0") == .agentLacks(.multiRole))
    try allocator.updateFramework("F0", FrameworkOptions(roles: ["eng/a"]))
    #expect(try allocator.verdict("F0") == .agentLacks(.hierarchicalRole))
    options.capabilities = .all
    var cpus = Resource()
    cpus.name = "cpus"
    cpus.type = .scalar
    cpus.scalar.value = 2
    cpus.revocable = Resource.RevocableInfo()
    options.total = try Resources([cpus])
    try allocator.updateAgent("S0", options)
    #expect(try allocator.verdict("F0") == .frameworkLacks(.revocableResources))
  }

  @Test func `a constraint that fails is told in words`() throws {
    var allocator = try Self.cluster()
    let json =
      #"{"role_constraints":{"eng":{"groups":[{"attribute_constraints":[{"selector":{"attribute_name":"rack"},"predicate":{"text_equals":{"value":"r2"}}}]},{"attribute_constraints":[{"selector":{"pseudoattribute_type":"HOSTNAME"},"predicate":{"text_matches":{"regex":"h[1-9]"}}}]}]}}}"#
    let filter = try OfferConstraintsFilter(OfferConstraints(jsonBytes: Array(json.utf8)))
    try allocator.updateFramework("F0", FrameworkOptions(roles: ["eng"], constraints: filter))
    #expect(
      try allocator.verdict("F0")
        == .constraintsFailed(["attribute 'rack' equals 'r2'", "the host name matches 'h[1-9]'"]))
  }

  @Test func `what is free but not enough, reserved or refused is told`() throws {
    var allocator = try Self.cluster("cpus(ops):4;mem(dev):64")
    #expect(try allocator.verdict("F0") == .reserved(roles: ["dev", "ops"]))
    allocator = try Self.cluster("disk:100")
    #expect(
      try allocator.verdict("F0")
        == .belowMinimum(resources("disk:100"), minimum: Allocator.Configuration().minimumAllocatable))
    allocator = try Self.cluster()
    let offer = try #require(allocator.run().first)
    try allocator.recover(
      framework: "F0", agent: "S0", resources: offer.resources, refusal: .seconds(30),
      at: start.advanced(by: .seconds(5)))
    #expect(try allocator.verdict("F0", at: 10) == .filtered(until: .seconds(35), remaining: .seconds(25)))
    #expect(try allocator.verdict("F0", at: 10).description.contains("for another 25 s"))
    #expect(try allocator.verdict("F0", at: 35) == .offered(offer.resources))
  }

  @Test func `of several refusals the last to end is told`() throws {
    var allocator = Allocator()
    let half = try resources("cpus:2;mem:512")
    try allocator.addAgent(
      "S0", AgentOptions(total: resources("cpus:4;mem:1024")), used: ["F9": half.allocated(to: "eng")])
    try allocator.addFramework("F0", FrameworkOptions(roles: ["eng"]))
    for (refusal, isLast) in [(100, false), (10, true)] {
      let offer = try #require(allocator.run().first)
      try allocator.recover(
        framework: "F0", agent: "S0", resources: offer.resources, refusal: .seconds(refusal), at: start)
      if !isLast {
        try allocator.recover(framework: "F9", agent: "S0", resources: half.allocated(to: "eng"), at: start)
      }
    }
    #expect(try allocator.verdict("F0") == .filtered(until: .seconds(10), remaining: .seconds(10)))
    try allocator.updateAgent("S0", total: half)
    #expect(try allocator.verdict("F0") == .filtered(until: .seconds(100), remaining: .seconds(100)))
  }

  @Test func `a limit is told with what is consumed, and guarantees with whose they are`() throws {
    var allocator = try Self.cluster(roles: ["eng/web", "ops"])
    try allocator.setQuota(role: "eng", Quota(limits: ["cpus": .zero, "mem": .zero]))
    #expect(
      try allocator.verdict("F0")
        == .limitsReached([
          OfferVerdict.Limit(role: "eng", name: "cpus", limit: .zero, consumed: .zero),
          OfferVerdict.Limit(role: "eng", name: "mem", limit: .zero, consumed: .zero),
        ]))
    try allocator.setQuota(role: "eng", .none)
    try allocator.setQuota(
      role: "dev", Quota(guarantees: ["cpus": Scalar(thousandths: 4000), "mem": Scalar(thousandths: 1_024_000)]))
    #expect(
      try allocator.verdict("F1")
        == .heldForGuarantees(
          roles: ["dev"], amounts: ["cpus": Scalar(thousandths: 4000), "mem": Scalar(thousandths: 1_024_000)]))
  }

  @Test func `an agent that is full names who holds it`() throws {
    var allocator = Allocator()
    try allocator.addAgent(
      "S0", AgentOptions(total: resources("cpus:1")), used: ["F8": resources("cpus:1").allocated(to: "a")])
    try allocator.addFramework("F0", FrameworkOptions(roles: ["eng"]))
    #expect(try allocator.verdict("F0") == .nothingFree(holders: ["F8"]))
  }
}

@Suite struct `Verdicts on random clusters` {
  @Test(arguments: Seeds.few(24))
  func `what a verdict foretells is what the next cycle offers, and nothing else is`(seed: UInt64) throws {
    var pair = RandomCluster(seed: seed)
    for round in 0..<20 {
      for _ in 0..<pair.pick([1, 2, 4]) { try pair.change() }
      struct Place: Hashable {
        let framework: FrameworkKey
        let role: String
        let agent: AgentKey
      }
      var foretold: [Place: Resources] = [:]
      for framework in pair.naive.frameworks.keys.sorted() {
        for verdict in try pair.real.explain(framework: framework, at: pair.now).verdicts {
          if case .offered(let resources) = verdict.reason {
            foretold[Place(framework: framework, role: verdict.role, agent: verdict.agent)] = resources
          } else {
            guard pair.chance(1, in: 5) else { continue }
            try expectRemedy(verdict, framework, pair, "SIM_SEED=\(seed) round \(round)")
          }
        }
      }
      let expected = pair.naive.cycle(at: pair.now.uptime)
      pair.real.beginCycle(at: pair.now)
      #expect(pair.real.finishCycle() == expected)
      var made: [Place: Resources] = [:]
      for offer in expected {
        made[Place(framework: offer.framework, role: offer.role, agent: offer.agent), default: Resources()] +=
          offer.resources
      }
      #expect(made == foretold, "SIM_SEED=\(seed) round \(round)")
    }
  }

  /// What a verdict says would change it must change it.
  private func expectRemedy(
    _ verdict: OfferVerdict, _ framework: FrameworkKey, _ pair: RandomCluster, _ context: String
  ) throws {
    var remedied = pair.real
    var now = pair.now
    let known = try #require(pair.naive.frameworks[framework])
    let agent = try #require(pair.naive.agents.first { $0.id == verdict.agent })
    var options = known
    options.suppressedRoles = known.roles.filter {
      pair.naive.suppressed.contains(NaiveAllocator.Member(framework: framework, role: $0))
    }
    switch verdict.reason {
    case .inactive: try remedied.setFramework(framework, active: true)
    case .suppressed: try remedied.revive(framework: framework, roles: [verdict.role])
    case .hindered: try remedied.setAgent(verdict.agent, hindrances: [])
    case .notWhitelisted: remedied.setWhitelist(nil)
    case .agentLacks:
      var better = agent.options
      better.capabilities = .all
      try remedied.updateAgent(verdict.agent, better)
    case .frameworkLacks(let capabilities):
      options.capabilities.formUnion(capabilities)
      try remedied.updateFramework(framework, options)
    case .constraintsFailed:
      options.constraints = OfferConstraintsFilter()
      try remedied.updateFramework(framework, options)
    case .filtered(let until, let remaining):
      #expect(until - remaining == now.uptime)
      now = now.advanced(by: remaining)
    case .belowMinimum:
      options.minimumAllocatable[verdict.role] = []
      try remedied.updateFramework(framework, options)
    case .limitsReached, .heldForGuarantees: try remedied.setQuotas(QuotaTree())
    case .lost(let winner, _, let cycle) where winner != framework && cycle > pair.real.cycleCount:
      for other in pair.naive.frameworks.keys where other != framework { try remedied.suppress(framework: other) }
      for role in known.roles where role != verdict.role { try remedied.suppress(framework: framework, roles: [role]) }
      let again = try remedied.explain(framework: framework, roles: [verdict.role], agents: [verdict.agent], at: now)
      // On the way the framework may come to the limits of its role with other agents, and refused what they leave.
      #expect(
        ["offered", "limitsReached", "heldForGuarantees", "filtered"].contains(again.verdicts.first?.reason.kind),
        "\(context) \(verdict) \(again)")
      return
    case .recovering, .reserved, .onlyShared, .nothingFree, .lost, .offered: return
    }
    let again = try remedied.explain(framework: framework, roles: [verdict.role], agents: [verdict.agent], at: now)
    if case .filtered = verdict.reason {
      // Of less, which quotas may leave later, there may be a longer refusal.
      #expect(again.verdicts.first?.reason != verdict.reason, "\(context) \(verdict) \(again)")
      return
    }
    #expect(again.verdicts.first?.reason.kind != verdict.reason.kind, "\(context) \(verdict) \(again)")
  }
}

extension OfferVerdict.Reason {
  fileprivate var kind: String {
    switch self {
    case .offered: "offered"
    case .inactive: "inactive"
    case .suppressed: "suppressed"
    case .recovering: "recovering"
    case .hindered: "hindered"
    case .notWhitelisted: "notWhitelisted"
    case .agentLacks(let capabilities): "agentLacks \(capabilities)"
    case .frameworkLacks(let capabilities): "frameworkLacks \(capabilities)"
    case .constraintsFailed: "constraintsFailed"
    case .nothingFree: "nothingFree"
    case .reserved: "reserved"
    case .onlyShared: "onlyShared"
    case .belowMinimum: "belowMinimum"
    case .limitsReached: "limitsReached"
    case .heldForGuarantees: "heldForGuarantees"
    case .filtered: "filtered"
    case .lost: "lost"
    }
  }
}
