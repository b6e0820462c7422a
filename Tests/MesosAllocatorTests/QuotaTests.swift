import MesosAllocator
import MesosModel
import Testing

private let start = Moment(uptime: .zero, wallNanoseconds: 0)

private func resources(_ text: String, in role: String? = nil) throws -> Resources {
  let resources = try Resources.parse(text)
  return role.map { resources.allocated(to: $0) } ?? resources
}

private func quota(_ guarantees: String, limits: String? = nil) throws -> Quota {
  let amounts = try ResourceQuantities(parsing: guarantees)
  return Quota(guarantees: amounts, limits: limits == "none" ? [:] : try ResourceLimits(parsing: limits ?? guarantees))
}

extension Allocator {
  fileprivate mutating func run(at seconds: Int = 0) -> [Allocation] {
    beginCycle(at: start.advanced(by: .seconds(seconds)))
    return finishCycle()
  }

  fileprivate mutating func recover(_ allocation: Allocation, for refusal: Duration? = nil) throws {
    try recover(
      framework: allocation.framework, agent: allocation.agent, resources: allocation.resources, refusal: refusal,
      at: start)
  }
}

@Suite struct `Quotas in the allocator` {
  private static func cluster(_ totals: [String], roles: [String]) throws -> Allocator {
    var allocator = Allocator()
    for (number, total) in totals.enumerated() {
      try allocator.addAgent(AgentKey("S\(number)"), AgentOptions(total: resources(total)))
    }
    for role in roles { try allocator.addFramework(FrameworkKey("F-\(role)"), FrameworkOptions(roles: [role])) }
    return allocator
  }

  // MARK: The five corrections of Apache Mesos 1.5

  @Test func `reservations that a role leaves unused count against its quota (MESOS-4527)`() throws {
    var allocator = try Self.cluster(["cpus(eng):6", "cpus:10"], roles: ["eng"])
    try allocator.setQuota(role: "eng", quota("cpus:8"))
    #expect(allocator.consumedQuantities(role: "eng") == ["cpus": Scalar(thousandths: 6000)])
    let unreserved = allocator.run().filter { $0.agent == "S1" }
    #expect(try unreserved.map(\.resources) == [resources("cpus:2", in: "eng")])
    #expect(allocator.consumedQuantities(role: "eng") == ["cpus": Scalar(thousandths: 8000)])
  }

  @Test func `an agent is chopped so that a role does not exceed its quota (MESOS-7099)`() throws {
    var allocator = try Self.cluster(["cpus:15;mem:1024"], roles: ["eng"])
    try allocator.setQuota(role: "eng", quota("cpus:10"))
    #expect(try allocator.run().map(\.resources) == [resources("cpus:10;mem:1024", in: "eng")])
    #expect(try allocator.available(on: "S0") == resources("cpus:5"))
  }

  @Test func `roles without quota receive their reservations, whatever is held back (MESOS-8293)`() throws {
    var allocator = try Self.cluster(["cpus:4;cpus(dev):2"], roles: ["dev"])
    try allocator.setQuota(role: "eng", quota("cpus:100"))
    #expect(try allocator.run().map(\.resources) == [resources("cpus(dev):2", in: "dev")])
    #expect(try allocator.available(on: "S0") == resources("cpus:4"))
  }

  @Test func `a role with more reservations than quota does not meet another's guarantee (MESOS-8339)`() throws {
    var allocator = try Self.cluster(["cpus:10", "cpus(ads):6"], roles: ["dev"])
    try allocator.setQuotas(
      {
        var quotas = QuotaTree()
        quotas["eng"] = try quota("cpus:8")
        quotas["ads"] = try quota("cpus:4", limits: "none")
        return quotas
      }())
    #expect(allocator.requiredHeadroom == ["cpus": Scalar(thousandths: 8000)])
    #expect(try allocator.run().map(\.resources) == [resources("cpus:2", in: "dev")])
  }

  @Test func `what a role has no quota for is given without harm to others' guarantees (MESOS-8352)`() throws {
    var allocator = try Self.cluster(["cpus:4;mem:1024"], roles: ["eng"])
    try allocator.setQuotas(
      {
        var quotas = QuotaTree()
        quotas["eng"] = try quota("cpus:4")
        quotas["ads"] = try quota("mem:1000")
        return quotas
      }())
    #expect(try allocator.run().map(\.resources) == [resources("cpus:4;mem:24", in: "eng")])
    try allocator.addFramework("F-ads", FrameworkOptions(roles: ["ads"]))
    #expect(try allocator.run().map(\.resources) == [resources("mem:1000", in: "ads")])
  }

  // MARK: Others

  @Test func `a limit of a role holds for all roles below it`() throws {
    var allocator = try Self.cluster(["cpus:4", "cpus:4"], roles: ["eng/a", "eng/b"])
    try allocator.setQuota(role: "eng", Quota(limits: ["cpus": Scalar(thousandths: 5000)]))
    let made = allocator.run()
    #expect(made.reduce(Scalar.zero) { $0 + $1.resources.scalar("cpus") } == Scalar(thousandths: 5000))
    #expect(allocator.checkInvariants() == [])
  }

  @Test func `a limit of zero keeps everything back, and removing it gives it free`() throws {
    var allocator = try Self.cluster(["cpus:4"], roles: ["eng"])
    try allocator.setQuota(role: "eng", Quota(limits: ["cpus": .zero]))
    #expect(allocator.run().isEmpty)
    #expect(!allocator.needsCycle)
    try allocator.setQuota(role: "eng", .none)
    #expect(allocator.run().count == 1)
  }

  @Test func `what was held back is offered as soon as the role consumes less, and not looked at before`() throws {
    var allocator = try Self.cluster(["cpus:4", "cpus:4"], roles: ["eng"])
    try allocator.setQuota(role: "eng", Quota(limits: ["cpus": Scalar(thousandths: 4000)]))
    let made = allocator.run()
    #expect(made.map(\.agent) == ["S0"])
    #expect(!allocator.needsCycle)
    try allocator.recover(#require(made.first), for: .seconds(1000))
    #expect(allocator.run().map(\.agent) == ["S1"])
    #expect(!allocator.needsCycle)
  }

  @Test func `a role that loses an agent gets what its limit held back, though there is no more surplus`() throws {
    var allocator = try Self.cluster(["cpus:4", "cpus:4"], roles: ["eng"])
    try allocator.setQuota(role: "eng", Quota(limits: ["cpus": Scalar(thousandths: 4000)]))
    #expect(allocator.run().map(\.agent) == ["S0"])
    try allocator.removeAgent("S0")
    #expect(allocator.run().map(\.agent) == ["S1"])
  }

  @Test func `a quota that contradicts itself is refused and nothing changes`() throws {
    var allocator = try Self.cluster(["cpus:4"], roles: ["eng"])
    let contradiction = try quota("cpus:4", limits: "cpus:2")
    #expect(throws: AllocationError.self) { try allocator.setQuota(role: "eng", contradiction) }
    #expect(throws: AllocationError.self) { try allocator.setQuota(role: "a//b", .none) }
    #expect(try allocator.run().map(\.resources) == [resources("cpus:4", in: "eng")])
  }

  @Test func `after a failover nothing is offered until enough agents are back or time is over`() throws {
    for isEnough in [true, false] {
      var allocator = try Self.cluster(["cpus:1"], roles: ["eng"])
      try allocator.setQuota(role: "eng", Quota(limits: ["cpus": Scalar(thousandths: 9000)]))
      allocator.beginRecovery(agents: 4, at: start)
      #expect(allocator.isRecovering && !allocator.needsCycle)
      #expect(allocator.nextExpiry() == .seconds(600))
      #expect(allocator.run().isEmpty)
      try allocator.addAgent("S1", AgentOptions(total: resources("cpus:1")))
      #expect(allocator.run(at: 599).isEmpty)
      if isEnough { try allocator.addAgent("S2", AgentOptions(total: resources("cpus:1"))) }
      #expect(allocator.run(at: isEnough ? 599 : 600).count == (isEnough ? 3 : 2))
    }
  }

  @Test func `without quotas nobody waits for agents`() throws {
    var allocator = try Self.cluster(["cpus:1"], roles: ["eng"])
    allocator.beginRecovery(agents: 100, at: start)
    #expect(allocator.run().count == 1)
  }
}

@Suite struct `Maintenance, whitelist and chance in the allocator` {
  private static let plan = PlannedUnavailability(startNanoseconds: 1_000_000_000, duration: .seconds(60))

  private static func step(_ allocator: inout Allocator, at seconds: Int = 0) -> CycleStep {
    allocator.beginCycle(at: start.advanced(by: .seconds(seconds)))
    return allocator.step(budget: .max)
  }

  @Test func `whoever has something on an agent under maintenance is asked once to leave it`() throws {
    var allocator = Allocator()
    try allocator.addAgent("S0", AgentOptions(total: resources("cpus:4")))
    try allocator.addFramework("F1", FrameworkOptions(roles: ["a"]))
    try allocator.addFramework("F2", FrameworkOptions(roles: ["a"]))
    #expect(Self.step(&allocator).inverseOffers.isEmpty)
    try allocator.setUnavailability(of: "S0", Self.plan)
    let asked = Self.step(&allocator).inverseOffers
    #expect(asked.map(\.framework) == ["F1"])
    #expect(asked.first?.unavailability == Self.plan)
    #expect(Self.step(&allocator).inverseOffers.isEmpty)
    #expect(!allocator.needsCycle)

    try allocator.answerInverseOffer(framework: "F1", agent: "S0", refusal: .seconds(10), at: start)
    #expect(Self.step(&allocator, at: 9).inverseOffers.isEmpty)
    #expect(allocator.nextExpiry() == .seconds(10))
    #expect(Self.step(&allocator, at: 10).inverseOffers.map(\.framework) == ["F1"])

    // Another plan is asked about anew, none at all about nothing.
    try allocator.setUnavailability(of: "S0", PlannedUnavailability(startNanoseconds: 5))
    #expect(Self.step(&allocator, at: 11).inverseOffers.count == 1)
    try allocator.setUnavailability(of: "S0", nil)
    #expect(Self.step(&allocator, at: 12).inverseOffers.isEmpty)
    #expect(throws: AllocationError.self) {
      try allocator.answerInverseOffer(framework: "F1", agent: "S0", at: start)
    }
    #expect(throws: AllocationError.self) { try allocator.setUnavailability(of: "S9", nil) }
  }

  @Test func `only agents on the whitelist are offered`() throws {
    var allocator = Allocator()
    for number in 0..<2 {
      try allocator.addAgent(
        AgentKey("S\(number)"), AgentOptions(total: resources("cpus:4"), hostname: "h\(number)"))
    }
    allocator.setWhitelist(["h1"])
    try allocator.addFramework("F1", FrameworkOptions(roles: ["a"]))
    #expect(Self.step(&allocator).allocations.map(\.agent) == ["S1"])
    try allocator.addAgent("S2", AgentOptions(total: resources("cpus:4"), hostname: "h2"))
    #expect(Self.step(&allocator).allocations.isEmpty)
    allocator.setWhitelist(nil)
    #expect(Self.step(&allocator).allocations.map(\.agent) == ["S0", "S2"])
  }

  @Test func `in the random order each role is first as often as its weight says, and equal seeds give equal offers`()
    throws
  {
    func offers(seed: UInt64) throws -> [Allocation] {
      var allocator = Allocator(
        configuration: Allocator.Configuration(roleOrder: .random, frameworkOrder: .random, seed: seed))
      try allocator.setWeight(role: "a", 3)
      for number in 0..<4_000 {
        try allocator.addAgent(AgentKey("S\(number)"), AgentOptions(total: resources("cpus:1")))
      }
      try allocator.addFramework("F1", FrameworkOptions(roles: ["a"]))
      try allocator.addFramework("F2", FrameworkOptions(roles: ["b"]))
      try allocator.addFramework("F3", FrameworkOptions(roles: ["b"]))
      return Self.step(&allocator).allocations
    }
    let made = try offers(seed: 1)
    // Four standard deviations to each side.
    #expect((2_890...3_110).contains(made.count { $0.framework == "F1" }))
    #expect((416...584).contains(made.count { $0.framework == "F2" }))
    #expect(try offers(seed: 1) == made)
    #expect(try offers(seed: 2) != made)
  }
}
