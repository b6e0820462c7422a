import CAllocationCount
import Foundation
import MesosAllocator
import MesosModel
import SwiftProtobuf

/// The workloads of Apache Mesos' own allocator benchmarks, each with the figures published for it.
///
/// - Source: Apache Mesos, `src/tests/hierarchical_allocator_tests.cpp`, `hierarchical_allocator_benchmarks.cpp`, `sorter_tests.cpp`.
enum AllocatorBenchmarks {
  static func run(_ harness: inout Harness) {
    let points: [(name: String, work: @Sendable (inout Harness) throws -> Void)] = [
      ("allocator DeclineOffers", declineOffers), ("allocator SingleRole", singleRole),
      ("allocator LargeAndSmallQuota", { try largeAndSmallQuota(&$0, .fair) }),
      ("allocator UpdateAllocation", updateAllocation), ("allocator Sorter", sorter), ("allocator Memory", memory),
    ]
    for (name, work) in points + grid where harness.wants(name) { harness.point(name, work) }
  }

  static let start = Moment(uptime: .zero, wallNanoseconds: 0)

  /// The processor seconds of this thread, the only one that works: other work on the machine does not count.
  static func time(_ work: () throws -> Void) rethrows -> Double {
    func now() -> Double {
      var time = timespec()
      clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
      return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }
    let begin = now()
    try work()
    return now() - begin
  }

  static func median(_ times: [Double]) -> Double { times.sorted()[times.count / 2] }

  /// The range as single numbers apart by one, and the rest: `[31000-31000,31002-31002,…,31030-32000]` for 16 fragments.
  static func ports(fragments: Int) -> String {
    let singles = (0..<fragments - 1).map { "\(31_000 + 2 * $0)-\(31_000 + 2 * $0)" }
    return "[" + (singles + ["\(31_000 + 2 * (fragments - 1))-32000"]).joined(separator: ",") + "]"
  }

  static func cycle(_ allocator: inout Allocator, at second: Int) -> [Allocation] {
    allocator.beginCycle(at: start.advanced(by: .seconds(second)))
    return allocator.finishCycle()
  }

  /// Records seconds in milliseconds.
  ///
  /// - Parameter published: The seconds of Apache Mesos for the full size; a smoke run has no such figure.
  static func record(
    _ harness: inout Harness, _ name: String, _ seconds: Double, floor: Double? = nil, published: Double? = nil
  ) {
    harness.record(
      Figure(
        name: "allocator " + name, value: seconds * 1000, unit: "ms", better: .lower, floor: floor.map { $0 * 1000 },
        published: harness.isSmoke ? nil : published.map { $0 * 1000 }))
  }

  // MARK: Clusters

  /// Adds `framework0`, `framework1` and so on; returns the seconds.
  static func addFrameworks(
    _ count: Int, to allocator: inout Allocator, _ options: (Int) -> FrameworkOptions
  ) throws -> Double {
    try time {
      for number in 0..<count { try allocator.addFramework(FrameworkKey("framework\(number)"), options(number)) }
    }
  }

  /// Adds `agent0`, `agent1` and so on; what is in use there belongs to the frameworks in turn. Returns the seconds, without those
  /// that making the resources takes.
  static func addAgents(
    _ count: Int, to allocator: inout Allocator, total: (Int) throws -> Resources, frameworks: Int = 1,
    used: (Int) throws -> Resources = { _ in Resources() }
  ) throws -> Double {
    let agents = try (0..<count).map { (options: AgentOptions(total: try total($0)), used: try used($0)) }
    return try time {
      for (number, agent) in agents.enumerated() {
        try allocator.addAgent(
          AgentKey("agent\(number)"), agent.options,
          used: agent.used.isEmpty ? [:] : [FrameworkKey("framework\(number % frameworks)"): agent.used])
      }
    }
  }

  /// A cluster where all frameworks are in one role and each agent has something in use.
  static func cluster(
    agents: Int, frameworks: Int, memoryUsed: Int = 2014, _ harness: inout Harness, _ name: String,
    agentFloor: Double? = nil, published: (frameworks: Double, agents: Double)? = nil
  ) throws -> Allocator {
    var allocator = Allocator()
    let options = FrameworkOptions(roles: ["*"])
    record(
      &harness, "\(name): add frameworks", try addFrameworks(frameworks, to: &allocator) { _ in options },
      published: published?.frameworks)
    let total = try Resources.parse("cpus:24;mem:4096;disk:4096;ports:[31000-32000]")
    let used = try Resources.parse("cpus:16;mem:\(memoryUsed);disk:1024;ports:" + ports(fragments: 16))
      .allocated(to: "*")
    let seconds = try addAgents(
      agents, to: &allocator, total: { _ in total }, frameworks: frameworks, used: { _ in used })
    record(&harness, "\(name): add agents", seconds, floor: agentFloor, published: published?.agents)
    return allocator
  }

  /// Cycles of which each begins with giving back all that the one before offered.
  ///
  /// - Parameters:
  ///   - expected: How many offers each cycle has to make.
  ///   - refusal: Comes with what is given back.
  ///   - prepare: What else happens before a cycle.
  ///   - check: What else has to be true of its offers.
  /// - Returns: The seconds of the cycles, and those of giving back.
  static func rounds(
    _ allocator: inout Allocator, expected: [Int], refusal: Duration? = nil,
    prepare: (inout Allocator, Int) throws -> Void = { _, _ in },
    check: ([Allocation], Int) throws -> Void = { _, _ in }
  ) throws -> (cycles: [Double], returns: [Double]) {
    var offers: [Allocation] = []
    var (cycles, returns): ([Double], [Double]) = ([], [])
    for (round, expected) in expected.enumerated() {
      let now = start.advanced(by: .seconds(round))
      returns.append(
        try time {
          for offer in offers {
            try allocator.recover(
              framework: offer.framework, agent: offer.agent, resources: offer.resources, refusal: refusal, at: now)
          }
        })
      try prepare(&allocator, round)
      cycles.append(time { offers = cycle(&allocator, at: round) })
      try require(offers.count == expected, "\(offers.count) offers in round \(round), not \(expected)")
      try check(offers, round)
    }
    return (cycles, returns)
  }

  // MARK: Points

  private static func declineOffers(_ harness: inout Harness) throws {
    guard !harness.isSmoke else { return try declineOffers(&harness, agents: 100, frameworks: 10) }
    try declineOffers(
      &harness, agents: 10_000, frameworks: 1_000, floors: (agents: 0.3, cycle: 0.1),
      published: (frameworks: 0.0404, agents: 1.61, cycle: 1.06))
    try declineOffers(
      &harness, agents: 10_000, frameworks: 3_000, published: (frameworks: 0.17, agents: 3.26, cycle: 2.6))
  }

  private static func declineOffers(
    _ harness: inout Harness, agents: Int, frameworks: Int, floors: (agents: Double, cycle: Double)? = nil,
    published: (frameworks: Double, agents: Double, cycle: Double)? = nil
  ) throws {
    let name = "DeclineOffers \(agents)x\(frameworks)"
    var allocator = try cluster(
      agents: agents, frameworks: frameworks, &harness, name, agentFloor: floors?.agents,
      published: published.map { ($0.frameworks, $0.agents) })
    let (cycles, declines) = try rounds(
      &allocator, expected: Array(repeating: agents, count: 10), refusal: .seconds(1 << 31))
    record(&harness, "\(name): first cycle", cycles[0], published: published?.cycle)
    record(
      &harness, "\(name): a cycle", median(Array(cycles.dropFirst())), floor: floors?.cycle,
      published: published?.cycle)
    record(&harness, "\(name): declines of a round", median(Array(declines.dropFirst())))
  }

  /// Nothing is filtered. The published figures are those of Apache Mesos 1.8, read from a chart.
  private static func singleRole(_ harness: inout Harness) throws {
    guard !harness.isSmoke else { return try singleRole(&harness, agents: 200, frameworks: 20) }
    try singleRole(&harness, agents: 1_000, frameworks: 100, published: 0.05)
    try singleRole(&harness, agents: 5_000, frameworks: 500, published: 0.38)
    try singleRole(&harness, agents: 10_000, frameworks: 1_000, published: 1.09)
    try singleRole(&harness, agents: 20_000, frameworks: 2_000, floor: 0.2, published: 3.77)
  }

  private static func singleRole(
    _ harness: inout Harness, agents: Int, frameworks: Int, floor: Double? = nil, published: Double? = nil
  ) throws {
    let name = "SingleRole \(agents)x\(frameworks)"
    var allocator = try cluster(agents: agents, frameworks: frameworks, &harness, name)
    let (cycles, _) = try rounds(&allocator, expected: Array(repeating: agents, count: 6))
    record(&harness, "\(name): a cycle", median(cycles), floor: floor, published: published)
  }

  /// Small quotas are half an agent, large ones two agents. Only the fair order has floors and published figures.
  static func largeAndSmallQuota(_ harness: inout Harness, _ order: CompetitorOrder) throws {
    let (small, large) = harness.isSmoke ? (25, 5) : (2_500, 500)
    let agents = small / 5 + 5 * large
    let isFair = order == .fair
    func figure(_ value: Double) -> Double? { isFair ? value : nil }
    let name = "LargeAndSmallQuota \(isFair ? "" : "random ")\(agents)/\(small + large)"
    var allocator = Allocator(configuration: Allocator.Configuration(roleOrder: order, frameworkOrder: order))
    let total = try Resources.parse("cpus:2;mem:2048;disk:2048")
    let agentSeconds = try addAgents(agents, to: &allocator, total: { _ in total })
    record(&harness, "\(name): add agents", agentSeconds, published: figure(0.08))
    var quotas = QuotaTree()
    for number in 0..<small + large {
      quotas["role\(number)"] = try quota(
        number < small ? "cpus:1;mem:1024;disk:1024" : "cpus:4;mem:4096;disk:4096")
    }
    record(&harness, "\(name): set quotas", try time { try allocator.setQuotas(quotas) })
    let seconds = try addFrameworks(small + large, to: &allocator) { FrameworkOptions(roles: ["role\($0)"]) }
    record(&harness, "\(name): add frameworks", seconds, floor: figure(0.2), published: figure(17))
    var offers: [Allocation] = []
    let first = time { offers = cycle(&allocator, at: 0) }
    record(&harness, "\(name): first cycle", first, floor: figure(0.3), published: figure(15.39))
    let isMet = quotas.entries.allSatisfy { role, quota in
      allocator.allocatedQuantities(role: role) == quota.guarantees
    }
    try require(isMet, "not every quota is met and kept")
    let idle = time { offers = cycle(&allocator, at: 1) }
    record(&harness, "\(name): idle cycle", idle, floor: figure(0.005), published: figure(13.72))
    try require(offers.isEmpty, "\(offers.count) offers in an idle cycle")
    // The cycle of Apache Mesos that decides nothing looks at all agents; here that takes a reason.
    try allocator.setQuota(role: "nobody", Quota(limits: ["cpus": Scalar(thousandths: 1000)]))
    let all = time { offers = cycle(&allocator, at: 2) }
    record(&harness, "\(name): cycle over all agents", all, published: figure(13.72))
    try require(offers.isEmpty, "\(offers.count) offers in an idle cycle")
  }

  /// A guarantee that is the limit too.
  static func quota(_ text: String) throws -> Quota {
    let amounts = try ResourceQuantities(parsing: text)
    return Quota(guarantees: amounts, limits: ResourceLimits(of: amounts))
  }

  private static func updateAllocation(_ harness: inout Harness) throws {
    guard !harness.isSmoke else { return try updateAllocation(&harness, roles: 10) }
    try updateAllocation(&harness, roles: 50, published: 0.468)
    try updateAllocation(&harness, roles: 100, published: 0.926)
    try updateAllocation(&harness, roles: 200, floor: 0.05, published: 2.11)
  }

  /// Pairs of unreserving and reserving on an agent where each role has reservations of its own.
  private static func updateAllocation(
    _ harness: inout Harness, roles: Int, floor: Double? = nil, published: Double? = nil
  ) throws {
    var allocator = Allocator()
    var total = Resources()
    for number in 0..<roles { total += try slice(number, isReserved: true).unallocated }
    try allocator.addAgent("agent", AgentOptions(total: total))
    _ = try addFrameworks(roles, to: &allocator) { FrameworkOptions(roles: ["role\($0)"]) }
    let offers = cycle(&allocator, at: 0)
    try require(offers.count == roles, "\(offers.count) offers")
    let (reserved, unreserved) = (try slice(0, isReserved: true), try slice(0, isReserved: false))
    record(
      &harness, "UpdateAllocation \(roles) roles: 20 pairs",
      try time {
        for _ in 0..<20 {
          try allocator.updateAllocation(framework: "framework0", agent: "agent", from: reserved, to: unreserved)
          try allocator.updateAllocation(framework: "framework0", agent: "agent", from: unreserved, to: reserved)
        }
      }, floor: floor, published: published)
    try require(allocator.total(of: "agent") == total, "the total is another")
  }

  /// What one role has of the agent.
  private static func slice(_ number: Int, isReserved: Bool) throws -> Resources {
    let role = "role\(number)"
    let open = try Resources.parse("cpus:100;mem:100;disk:100;ports:[\(number + 1)-\(number + 1)]")
    guard isReserved else { return open.allocated(to: role) }
    var labels = MesosLabels()
    labels.labels = [label("label", String(repeating: "0", count: 32) + String(1000 + number))]
    return try open.pushingReservation(Reservation(.dynamic, role: role, labels: labels)).allocated(to: role)
  }

  static func label(_ key: String, _ value: String) -> MesosLabel {
    .with {
      $0.key = key
      $0.value = value
    }
  }

  private static func sorter(_ harness: inout Harness) throws {
    let (agents, clients) = harness.isSmoke ? (500, 10) : (50_000, 1_000)
    try sort(
      &harness, "Sorter \(agents)x\(clients)", agents: agents, roles: Array(repeating: "*", count: clients),
      floor: 0.2, published: (add: 0.183, remove: 12.2))
  }

  /// Allocations come to frameworks in turn, one in each of `roles`, and go.
  ///
  /// In Apache Mesos this is the sorter alone; here it goes through the allocator's calls, with all they do besides.
  static func sort(
    _ harness: inout Harness, _ name: String, agents: Int, roles: [String], floor: Double? = nil,
    published: (add: Double, remove: Double)? = nil
  ) throws {
    var allocator = Allocator()
    let clients = roles.count
    record(
      &harness, "\(name): add clients",
      try addFrameworks(clients, to: &allocator) { FrameworkOptions(roles: [roles[$0]]) })
    let total = try Resources.parse("cpus:24;mem:4096;disk:4096;ports:[31000-32000]")
    let used = try Resources.parse("cpus:16;mem:2014;disk:1024;ports:" + ports(fragments: 100))
    let usedInRole = roles.map { used.allocated(to: $0) }
    var without = allocator
    let agentSeconds = try addAgents(agents, to: &without, total: { _ in total })
    record(&harness, "\(name): add agents", agentSeconds)
    let seconds = try addAgents(
      agents, to: &allocator, total: { _ in total }, frameworks: clients, used: { usedInRole[$0 % clients] })
    record(
      &harness, "\(name): add allocations with them", seconds - agentSeconds, floor: floor, published: published?.add)
    var offers: [Allocation] = []
    record(&harness, "\(name): sort and cycle", time { offers = cycle(&allocator, at: 0) })
    try require(offers.count == agents, "\(offers.count) offers")
    record(&harness, "\(name): idle cycle", time { offers = cycle(&allocator, at: 1) })
    try require(offers.isEmpty, "\(offers.count) offers in an idle cycle")
    let agentKeys = (0..<agents).map { AgentKey("agent\($0)") }
    let frameworkKeys = (0..<clients).map { FrameworkKey("framework\($0)") }
    let removal = try time {
      for number in 0..<agents {
        let client = number % clients
        try allocator.recover(
          framework: frameworkKeys[client], agent: agentKeys[number], resources: usedInRole[client], at: start)
      }
    }
    record(&harness, "\(name): remove allocations", removal, floor: floor, published: published?.remove)
    let agentRemoval = try time { for key in agentKeys { try allocator.removeAgent(key) } }
    record(&harness, "\(name): remove agents", agentRemoval)
    try require(allocator.totalQuantities.isEmpty, "there are agents left")
    let clientRemoval = try time { for key in frameworkKeys { try allocator.removeFramework(key) } }
    record(&harness, "\(name): remove clients", clientRemoval)
    try require(allocator.shares().isEmpty, "there are roles left")
  }

  /// A cluster of which each agent has a task of somebody, is on offer or refused, and what a verdict of it costs.
  private static func memory(_ harness: inout Harness) throws {
    let (agents, frameworks, roles) = harness.isSmoke ? (500, 60, 10) : (50_000, 6_000, 200)
    let name = "Memory \(agents)x\(frameworks)"
    let before = heap_bytes_in_use()
    var allocator = Allocator()
    for number in 0..<frameworks {
      try allocator.addFramework(
        FrameworkKey("a1b2c3d4-0000-4000-8000-000000000001-\(number)"),
        FrameworkOptions(roles: ["role\(number % roles)"]))
    }
    for number in 0..<agents {
      // Made for each agent, so that nothing of it is shared.
      let total = try Resources.parse("cpus:24;mem:65536;disk:262144;ports:[31000-32000]")
      let role = "role\(number % frameworks % roles)"
      let used = try Resources.parse("cpus:8;mem:8192;disk:1024;ports:" + ports(fragments: 8)).allocated(to: role)
      try allocator.addAgent(
        AgentKey("a1b2c3d4-0000-4000-8000-000000000001-S\(number)"),
        AgentOptions(
          total: total, region: "east", zone: "east-\(number % 3)", hostname: "node-\(number).cluster.example.com",
          attributes: try Attributes.parse("rack:r\(number % 500);os:linux")),
        used: [FrameworkKey("a1b2c3d4-0000-4000-8000-000000000001-\(number % frameworks)"): used])
    }
    var offers: [Allocation] = []
    record(&harness, "\(name): first cycle", time { offers = cycle(&allocator, at: 0) })
    try require(offers.count == agents, "\(offers.count) offers")
    for offer in offers {
      try allocator.recover(
        framework: offer.framework, agent: offer.agent, resources: offer.resources, refusal: .seconds(3600), at: start)
    }
    offers = cycle(&allocator, at: 1)
    try require(offers.count == agents, "\(offers.count) offers")
    harness.record(
      Figure(
        name: "allocator \(name): heap in use", value: Double(heap_bytes_in_use() - before) / 1_048_576, unit: "MB",
        better: .lower, floor: 1500))
    let asked = offers[0].framework
    var explanation: OfferExplanation?
    record(
      &harness, "\(name): verdicts on all agents for one framework",
      try time { explanation = try allocator.explain(framework: asked, at: start.advanced(by: .seconds(2))) })
    try require(explanation?.verdicts.count == agents, "not every agent has a verdict")
  }
}
