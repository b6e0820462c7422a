import MesosAllocator
import MesosModel
import Testing

private let start = Moment(uptime: .zero, wallNanoseconds: 0)

private func resources(_ text: String, in role: String? = nil) throws -> Resources {
  let resources = try Resources.parse(text)
  return role.map { resources.allocated(to: $0) } ?? resources
}

extension Allocator {
  fileprivate mutating func run(at seconds: Int = 0) -> [Allocation] {
    beginCycle(at: start.advanced(by: .seconds(seconds)))
    return finishCycle()
  }

  fileprivate mutating func decline(_ allocation: Allocation, for refusal: Duration? = nil, at seconds: Int = 0) throws
  {
    try recover(
      framework: allocation.framework, agent: allocation.agent, resources: allocation.resources, refusal: refusal,
      at: start.advanced(by: .seconds(seconds)))
  }
}

@Suite struct `The allocator` {
  private static func cluster(_ agents: Int, _ total: String = "cpus:4;mem:1024") throws -> Allocator {
    var allocator = Allocator()
    for number in 0..<agents { try allocator.addAgent(AgentKey("S\(number)"), AgentOptions(total: resources(total))) }
    return allocator
  }

  @Test func `an agent goes whole to one framework`() throws {
    var allocator = try Self.cluster(1)
    try allocator.addFramework("F1", FrameworkOptions(roles: ["eng"]))
    try allocator.addFramework("F2", FrameworkOptions(roles: ["eng"]))
    let made = allocator.run()
    #expect(made.count == 1)
    #expect(made.first?.framework == "F1")
    #expect(try made.first?.resources == resources("cpus:4;mem:1024", in: "eng"))
    #expect(allocator.available(on: "S0")?.isEmpty == true)
    #expect(!allocator.needsCycle)
    #expect(allocator.run().isEmpty)
  }

  @Test func `two equal roles come to equal dominant shares`() throws {
    var allocator = try Self.cluster(100)
    try allocator.addFramework("F1", FrameworkOptions(roles: ["a"]))
    try allocator.addFramework("F2", FrameworkOptions(roles: ["b"]))
    #expect(allocator.run().count == 100)
    #expect(allocator.shares().map(\.share) == [0.5, 0.5])
  }

  @Test func `shares follow weights`() throws {
    var allocator = try Self.cluster(90)
    try allocator.setWeight(role: "a", 2)
    try allocator.addFramework("F1", FrameworkOptions(roles: ["a"]))
    try allocator.addFramework("F2", FrameworkOptions(roles: ["b"]))
    let made = allocator.run()
    #expect(made.count { $0.role == "a" } == 60)
  }

  @Test func `roles below a role split its share`() throws {
    var allocator = try Self.cluster(80)
    try allocator.addFramework("F1", FrameworkOptions(roles: ["a/x"]))
    try allocator.addFramework("F2", FrameworkOptions(roles: ["a/y"]))
    try allocator.addFramework("F3", FrameworkOptions(roles: ["b"]))
    _ = allocator.run()
    let shares = Dictionary(uniqueKeysWithValues: allocator.shares().map { ($0.role, $0.share) })
    #expect(shares == ["a": 0.5, "a/x": 0.25, "a/y": 0.25, "b": 0.5])
  }

  @Test func `frameworks of a role compete as one with the roles below it`() throws {
    var allocator = try Self.cluster(60)
    try allocator.addFramework("F1", FrameworkOptions(roles: ["a"]))
    try allocator.addFramework("F2", FrameworkOptions(roles: ["a"]))
    try allocator.addFramework("F3", FrameworkOptions(roles: ["a/x"]))
    let made = allocator.run()
    #expect(["F1", "F2", "F3"].map { id in made.count { $0.framework == id } } == [15, 15, 30])
  }

  @Test func `the dominant resource decides, not the sum`() throws {
    // Of 100 cpus and 100,000 mem, F1 takes a fifth of the memory and F2 a fifth of the cpus: the third to ask is next.
    var allocator = Allocator()
    try allocator.addAgent(
      "S0", AgentOptions(total: resources("cpus:100;mem:100000")),
      used: [
        "F1": resources("cpus:1;mem:20000", in: "a"), "F2": resources("cpus:20;mem:100", in: "b"),
        "F3": resources("cpus:19;mem:19000", in: "c"),
      ])
    for (framework, role) in [("F1", "a"), ("F2", "b"), ("F3", "c")] {
      try allocator.addFramework(FrameworkKey(framework), FrameworkOptions(roles: [role]))
    }
    #expect(allocator.shares().map(\.share) == [0.2, 0.2, 0.19])
    #expect(allocator.run().first?.framework == "F3")
  }

  @Test func `excluded resources do not count in shares`() throws {
    var allocator = Allocator(
      configuration: Allocator.Configuration(excludedFromFairness: ["gpus"], filtersGPUs: false))
    try allocator.addAgent(
      "S0", AgentOptions(total: resources("cpus:10;gpus:2")), used: ["F1": resources("cpus:1;gpus:2", in: "a")])
    #expect(allocator.shares().first?.share == 0.1)
  }

  @Test func `those who decline everything take turns`() throws {
    var allocator = try Self.cluster(1)
    for id in ["F1", "F2", "F3"] { try allocator.addFramework(FrameworkKey(id), FrameworkOptions(roles: ["eng"])) }
    var order: [String] = []
    for _ in 0..<6 {
      for offer in allocator.run() {
        order.append(offer.framework.value)
        try allocator.decline(offer)
      }
    }
    #expect(order == ["F1", "F2", "F3", "F1", "F2", "F3"])
  }

  @Test func `what was refused is withheld until the time is over, and others get it`() throws {
    var allocator = try Self.cluster(1)
    try allocator.addFramework("F1", FrameworkOptions(roles: ["eng"]))
    let first = allocator.run()
    try allocator.decline(#require(first.first), for: .seconds(10))
    #expect(allocator.run(at: 9).isEmpty)
    #expect(allocator.nextFilterExpiry() == .seconds(10))
    try allocator.addFramework("F2", FrameworkOptions(roles: ["eng"]))
    let second = allocator.run(at: 9)
    #expect(second.map(\.framework) == ["F2"])
    try allocator.decline(#require(second.first), for: .seconds(60), at: 9)
    #expect(allocator.run(at: 10).map(\.framework) == ["F1"])
    #expect(allocator.nextFilterExpiry() == .seconds(69))
    #expect(allocator.checkInvariants() == [])
  }

  @Test func `more than what was refused is offered`() throws {
    var allocator = Allocator()
    try allocator.addAgent(
      "S0", AgentOptions(total: resources("cpus:4;mem:1024")), used: ["F9": resources("cpus:1;mem:1", in: "eng")])
    try allocator.addFramework("F1", FrameworkOptions(roles: ["eng"]))
    try allocator.decline(#require(allocator.run().first), for: .seconds(1000))
    #expect(allocator.run().isEmpty)
    try allocator.recover(framework: "F9", agent: "S0", resources: resources("cpus:1;mem:1", in: "eng"), at: start)
    #expect(try allocator.run().first?.resources == resources("cpus:4;mem:1024", in: "eng"))
  }

  @Test(arguments: [1, 6])
  func `what turns out to be used is not offered until it is recovered, be it more than there is`(cpus: Int) throws {
    var allocator = try Self.cluster(1)
    let used = try resources("cpus:\(cpus);mem:64", in: "eng")
    #expect(throws: AllocationError.self) {
      try allocator.addUsed(framework: "F9", agent: "S0", resources: used.unallocated)
    }
    try allocator.addUsed(framework: "F9", agent: "S0", resources: used)
    try allocator.addFramework("F1", FrameworkOptions(roles: ["eng"]))
    let offered = allocator.run().reduce(into: Resources()) { $0 += $1.resources }
    #expect(offered.scalar("cpus") == (cpus == 1 ? 3 : 0))
    #expect(allocator.allocation(of: "F9", on: "S0") == used)
    #expect(allocator.checkInvariants() == [])
    try allocator.recover(framework: "F9", agent: "S0", resources: used, at: start)
    #expect(allocator.checkInvariants() == [])
    let rest = allocator.run(at: 1).reduce(into: Resources()) { $0 += $1.resources }
    #expect((offered + rest).scalar("cpus") == 4)
  }

  @Test func `a refusal lasts five seconds when negative and a year at most`() throws {
    for (refusal, expected) in [(Duration.seconds(-3), 5), (.seconds(1 << 50), 365 * 86400)] {
      var allocator = try Self.cluster(1)
      try allocator.addFramework("F1", FrameworkOptions(roles: ["eng"]))
      try allocator.decline(#require(allocator.run().first), for: refusal)
      #expect(allocator.nextFilterExpiry() == .seconds(expected))
      #expect(allocator.run(at: expected - 1).isEmpty)
      #expect(allocator.run(at: expected).count == 1)
    }
  }

  @Test func `a refusal lasts through the next cycle at least, however short it is, and no refusal none`() throws {
    for (interval, expected) in [(Duration.seconds(1), 1), (.seconds(7), 7), (.zero, 0)] {
      var allocator = Allocator(configuration: Allocator.Configuration(refusalMin: interval))
      try allocator.addAgent("S0", AgentOptions(total: resources("cpus:4;mem:1024")))
      try allocator.addFramework("F1", FrameworkOptions(roles: ["eng"]))
      try allocator.decline(#require(allocator.run().first), for: .nanoseconds(1))
      #expect(allocator.nextFilterExpiry() == max(.seconds(expected), .nanoseconds(1)))
      if expected > 0 { #expect(allocator.run(at: expected - 1).isEmpty) }
      let again = allocator.run(at: expected + 1)
      #expect(again.count == 1)
      try allocator.decline(#require(again.first), for: .zero, at: expected + 1)
      #expect(allocator.nextFilterExpiry() == nil)
      #expect(allocator.run(at: expected + 1).count == 1)
    }
  }

  @Test func `a framework that refuses and revives for ever leaves nothing behind`() throws {
    var allocator = try Self.cluster(3)
    try allocator.addFramework("F1", FrameworkOptions(roles: ["eng"]))
    for _ in 0..<2_000 {
      for offer in allocator.run() { try allocator.decline(offer, for: .seconds(1_000_000)) }
      #expect(allocator.filtersInForce == 3)
      try allocator.revive(framework: "F1")
      #expect(allocator.filtersInForce == 0)
      #expect(allocator.nextFilterExpiry() == nil)
    }
  }

  @Test func `suppressing stops offers and reviving brings them back`() throws {
    var allocator = try Self.cluster(1)
    try allocator.addFramework("F1", FrameworkOptions(roles: ["a", "b"], suppressedRoles: ["a"]))
    let first = allocator.run()
    #expect(first.map(\.role) == ["b"])
    try allocator.decline(#require(first.first), for: .seconds(100))
    try allocator.suppress(framework: "F1", roles: ["b"])
    #expect(allocator.run().isEmpty)
    try allocator.revive(framework: "F1", roles: ["a"])
    let second = allocator.run()
    #expect(second.map(\.role) == ["a"])
    try allocator.decline(#require(second.first), for: .seconds(100))
    try allocator.revive(framework: "F1")
    #expect(allocator.run().count == 1)
  }

  @Test func `what is reserved goes to the role and the roles below it alone`() throws {
    var allocator = Allocator()
    try allocator.addAgent("S0", AgentOptions(total: resources("cpus(eng):2;mem(eng):64;cpus(eng/web):1;cpus(ops):8")))
    try allocator.addFramework("F1", FrameworkOptions(roles: ["*"]))
    try allocator.addFramework("F2", FrameworkOptions(roles: ["eng/web"]))
    let made = allocator.run()
    #expect(made.map(\.framework) == ["F2"])
    #expect(try made.first?.resources == resources("cpus(eng):2;mem(eng):64;cpus(eng/web):1", in: "eng/web"))
    #expect(try allocator.available(on: "S0") == resources("cpus(ops):8"))
    #expect(allocator.shares().first { $0.role == "eng/web" }?.share == 1)
  }

  @Test func `residues below the minimum are not offered`() throws {
    var allocator = Allocator()
    try allocator.addFramework("F1", FrameworkOptions(roles: ["eng"]))
    try allocator.addAgent("S0", AgentOptions(total: resources("cpus:0.009;mem:31;disk:10000")))
    #expect(allocator.run().isEmpty)
    try allocator.updateAgent("S0", total: resources("cpus:0.009;mem:32"))
    #expect(allocator.run().count == 1)
    try allocator.addAgent("S1", AgentOptions(total: resources("disk:100")))
    #expect(allocator.run().isEmpty)
    try allocator.updateFramework(
      "F1",
      FrameworkOptions(
        roles: ["eng"], minimumAllocatable: ["eng": [ResourceQuantities([(name: "disk", amount: 100)])]]))
    #expect(allocator.run().map(\.agent) == ["S1"])
  }

  @Test func `agents with GPUs wait for a framework that can deal with them`() throws {
    var allocator = try Self.cluster(1, "cpus:1;mem:64;gpus:1")
    try allocator.addFramework("F1", FrameworkOptions(roles: ["eng"]))
    #expect(allocator.run().isEmpty)
    try allocator.updateFramework("F1", FrameworkOptions(roles: ["eng"], capabilities: .gpuResources))
    #expect(allocator.run().count == 1)
  }

  @Test func `agents of another region wait for a framework that is aware of regions`() throws {
    var allocator = Allocator(configuration: Allocator.Configuration(region: "east"))
    try allocator.addAgent("S0", AgentOptions(total: resources("cpus:1"), region: "west"))
    try allocator.addFramework("F1", FrameworkOptions(roles: ["eng"]))
    #expect(allocator.run().isEmpty)
    try allocator.addFramework("F2", FrameworkOptions(roles: ["eng"], capabilities: .regionAware))
    #expect(allocator.run().map(\.framework) == ["F2"])
  }

  @Test func `inactive agents and frameworks have no part`() throws {
    var allocator = try Self.cluster(2)
    try allocator.setAgent("S0", active: false)
    try allocator.addFramework("F1", FrameworkOptions(roles: ["eng"], isActive: false))
    #expect(allocator.run().isEmpty)
    try allocator.setFramework("F1", active: true)
    #expect(allocator.run().map(\.agent) == ["S1"])
    try allocator.setAgent("S0", active: true)
    #expect(allocator.run().map(\.agent) == ["S0"])
  }

  @Test func `what frameworks had before the master knew them counts as theirs`() throws {
    var allocator = Allocator()
    try allocator.addAgent(
      "S0", AgentOptions(total: resources("cpus:4;mem:1024")), used: ["F1": resources("cpus:3;mem:512", in: "a")])
    try allocator.addFramework("F1", FrameworkOptions(roles: ["a"]))
    try allocator.addFramework("F2", FrameworkOptions(roles: ["b"]))
    let made = allocator.run()
    #expect(made.map(\.framework) == ["F2"])
    #expect(try made.first?.resources == resources("cpus:1;mem:512", in: "b"))
    #expect(allocator.shares().map(\.share) == [0.75, 0.5])
  }

  @Test func `an agent that has more in use than it has offers nothing until enough is back`() throws {
    var allocator = Allocator()
    try allocator.addAgent("S0", AgentOptions(total: resources("cpus:1")), used: ["F1": resources("cpus:3", in: "a")])
    try allocator.addFramework("F1", FrameworkOptions(roles: ["a"]))
    #expect(allocator.run().isEmpty)
    try allocator.recover(framework: "F1", agent: "S0", resources: resources("cpus:2", in: "a"), at: start)
    #expect(allocator.run().isEmpty)
    try allocator.recover(framework: "F1", agent: "S0", resources: resources("cpus:0.5", in: "a"), at: start)
    #expect(try allocator.run().first?.resources == resources("cpus:0.5", in: "a"))
    #expect(allocator.checkInvariants() == [])
  }

  @Test func `a removed framework leaves its resources to the others`() throws {
    var allocator = try Self.cluster(2)
    try allocator.addFramework("F1", FrameworkOptions(roles: ["a"]))
    #expect(allocator.run().count == 2)
    try allocator.removeFramework("F1")
    try allocator.addFramework("F2", FrameworkOptions(roles: ["a"]))
    #expect(allocator.run().count == 2)
    #expect(allocator.checkInvariants() == [])
    #expect(allocator.shares().map { $0.frameworks.map(\.framework) } == [["F2"]])
  }

  @Test func `reserving what is allocated changes the agent and nothing else`() throws {
    var allocator = try Self.cluster(1)
    try allocator.addFramework("F1", FrameworkOptions(roles: ["eng"]))
    _ = allocator.run()
    let (from, to) = (try resources("cpus:1", in: "eng"), try resources("cpus(eng):1", in: "eng"))
    try allocator.updateAllocation(framework: "F1", agent: "S0", from: from, to: to)
    #expect(try allocator.total(of: "S0") == resources("cpus:3;mem:1024;cpus(eng):1"))
    #expect(try allocator.allocation(of: "F1", on: "S0") == resources("cpus:3;mem:1024;cpus(eng):1", in: "eng"))
    #expect(allocator.shares().map(\.share) == [1])
    #expect(allocator.checkInvariants() == [])
  }

  @Test func `a cycle goes on where the last slice ended`() throws {
    var allocator = try Self.cluster(10)
    try allocator.addFramework("F1", FrameworkOptions(roles: ["eng"]))
    allocator.beginCycle(at: start)
    var slices: [Int] = []
    while true {
      let step = allocator.step(budget: 8)
      slices.append(step.allocations.count)
      if step.isComplete { break }
      #expect(allocator.needsCycle)
    }
    #expect(slices.count > 1)
    #expect(slices.reduce(0, +) == 10)
    #expect(!allocator.needsCycle)
  }

  @Test func `agents that come and go during a cycle do no harm`() throws {
    var allocator = try Self.cluster(4)
    try allocator.addFramework("F1", FrameworkOptions(roles: ["eng"]))
    allocator.beginCycle(at: start)
    #expect(allocator.step(budget: 1).allocations.map(\.agent) == ["S0"])
    try allocator.removeAgent("S1")
    try allocator.addAgent("S9", AgentOptions(total: resources("cpus:1")))
    try allocator.setAgent("S2", active: false)
    #expect(allocator.finishCycle().map(\.agent) == ["S3"])
    #expect(allocator.run().map(\.agent) == ["S9"])
    #expect(allocator.checkInvariants() == [])
  }

  @Test func `a cycle begun anew takes over what the last one did not come to`() throws {
    var allocator = try Self.cluster(3)
    try allocator.addFramework("F1", FrameworkOptions(roles: ["eng"]))
    allocator.beginCycle(at: start)
    _ = allocator.step(budget: 1)
    #expect(allocator.run().map(\.agent) == ["S1", "S2"])
  }

  @Test func `refused calls name the reason and change nothing`() throws {
    var allocator = try Self.cluster(1)
    try allocator.addFramework("F1", FrameworkOptions(roles: ["eng"]))
    let offer = try #require(allocator.run().first)
    let before = String(reflecting: allocator.shares()) + String(reflecting: allocator.allocation(of: "F1", on: "S0"))

    func refused(_ code: AllocationError.Code, _ call: (inout Allocator) throws -> Void) {
      #expect(throws: AllocationError.self) { try call(&allocator) }
      do { try call(&allocator) } catch let error as AllocationError { #expect(error.code == code) } catch {}
    }
    let some = try resources("cpus:1", in: "eng")
    refused(.duplicateFramework) { try $0.addFramework("F1", FrameworkOptions(roles: [])) }
    refused(.unknownFramework) { try $0.updateFramework("F2", FrameworkOptions(roles: [])) }
    refused(.unknownFramework) { try $0.removeFramework("F2") }
    refused(.unknownFramework) { try $0.setFramework("F2", active: true) }
    refused(.unknownFramework) { try $0.suppress(framework: "F2") }
    refused(.unknownFramework) { try $0.revive(framework: "F2") }
    refused(.invalidRole) { try $0.suppress(framework: "F1", roles: ["eng", "ops"]) }
    refused(.invalidRole) { try $0.updateFramework("F1", FrameworkOptions(roles: ["ops", "-x"])) }
    refused(.invalidRole) { try $0.updateFramework("F1", FrameworkOptions(roles: ["a", "a"])) }
    refused(.invalidRole) { try $0.updateFramework("F1", FrameworkOptions(roles: ["a"], suppressedRoles: ["b"])) }
    refused(.duplicateAgent) { try $0.addAgent("S0", AgentOptions(total: some)) }
    refused(.noRole) { try $0.addAgent("S1", AgentOptions(total: some), used: ["F1": some.unallocated]) }
    refused(.unknownAgent) { try $0.updateAgent("S1", total: some) }
    refused(.unknownAgent) { try $0.removeAgent("S1") }
    refused(.unknownAgent) { try $0.setAgent("S1", active: true) }
    refused(.unknownAgent) { try $0.recover(framework: "F1", agent: "S1", resources: some, at: start) }
    refused(.unknownFramework) { try $0.recover(framework: "F2", agent: "S0", resources: some, at: start) }
    refused(.noRole) { try $0.recover(framework: "F1", agent: "S0", resources: some.unallocated, at: start) }
    refused(.notAllocated) {
      try $0.recover(
        framework: "F1", agent: "S0", resources: offer.resources + some, refusal: .seconds(5), at: start)
    }
    refused(.notAllocated) {
      try $0.recover(framework: "F1", agent: "S0", resources: some.allocated(to: "ops"), at: start)
    }
    refused(.differs) {
      try $0.updateAllocation(framework: "F1", agent: "S0", from: some, to: resources("cpus(eng):2", in: "eng"))
    }
    refused(.notAllocated) {
      try $0.updateAllocation(
        framework: "F1", agent: "S0", from: resources("cpus:9", in: "eng"), to: resources("cpus(eng):9", in: "eng"))
    }
    refused(.invalidWeight) { try $0.setWeight(role: "eng", 0) }
    refused(.invalidWeight) { try $0.setWeight(role: "eng", .nan) }
    refused(.invalidRole) { try $0.setWeight(role: "a//b", 2) }

    #expect(
      String(reflecting: allocator.shares()) + String(reflecting: allocator.allocation(of: "F1", on: "S0")) == before)
    #expect(allocator.agentIDs == ["S0"])
    #expect(!allocator.needsCycle)
    #expect(allocator.nextFilterExpiry() == nil)
    #expect(allocator.checkInvariants() == [])
  }

  @Test func `a cluster of absurd size is refused, not overflowed`() throws {
    var allocator = Allocator()
    let huge = try resources("mem:1000000000000")
    var refusals = 0
    for number in 0..<9_300 {
      do {
        try allocator.addAgent(AgentKey("S\(number)"), AgentOptions(total: huge))
      } catch {
        #expect(error.code == .tooLarge)
        refusals += 1
      }
    }
    #expect(refusals == 9_300 - 9_223)
  }

  @Test func `when all decline, everyone is asked`() throws {
    var allocator = try Self.cluster(300)
    for number in 0..<100 {
      try allocator.addFramework(FrameworkKey("F\(number)"), FrameworkOptions(roles: ["r\(number % 7)"]))
    }
    var offered: Set<FrameworkKey> = []
    for round in 0..<40 {
      for offer in allocator.run(at: round) {
        offered.insert(offer.framework)
        try allocator.decline(offer, for: .seconds(1000), at: round)
      }
    }
    #expect(offered.count == 100)
    #expect(allocator.filtersInForce == 40 * 300)
    #expect(allocator.checkInvariants() == [])
  }
}
