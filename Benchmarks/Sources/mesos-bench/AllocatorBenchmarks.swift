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
    let points: [(name: String, work: (inout Harness) throws -> Void)] = [
      ("allocator DeclineOffers", declineOffers), ("allocator SingleRole", singleRole),
      ("allocator LargeAndSmallQuota", largeAndSmallQuota), ("allocator UpdateAllocation", updateAllocation),
      ("allocator Sorter", sorter), ("allocator Memory", memory),
    ]
    for (name, work) in points where harness.wants(name) { harness.point(name, work) }
  }

  private static let start = Moment(uptime: .zero, wallNanoseconds: 0)

  /// The processor seconds of this thread, the only one that works: other work on the machine does not count.
  private static func time(_ work: () throws -> Void) rethrows -> Double {
    func now() -> Double {
      var time = timespec()
      clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
      return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }
    let begin = now()
    try work()
    return now() - begin
  }

  private static func median(_ times: [Double]) -> Double { times.sorted()[times.count / 2] }

  /// The range as single numbers apart by one, and the rest: `[31000-31000,31002-31002,…,31030-32000]` for 16 fragments.
  private static func ports(fragments: Int) -> String {
    let singles = (0..<fragments - 1).map { "\(31_000 + 2 * $0)-\(31_000 + 2 * $0)" }
    return "[" + (singles + ["\(31_000 + 2 * (fragments - 1))-32000"]).joined(separator: ",") + "]"
  }

  private static func cycle(_ allocator: inout Allocator, at second: Int) -> [Allocation] {
    allocator.beginCycle(at: start.advanced(by: .seconds(second)))
    return allocator.finishCycle()
  }

  private static func record(_ harness: inout Harness, _ name: String, _ seconds: Double, floor: Double? = nil) {
    harness.record(
      Figure(
        name: "allocator " + name, value: seconds * 1000, unit: "ms", better: .lower, floor: floor.map { $0 * 1000 }))
  }

  /// A cluster where all frameworks are in one role and each agent has something in use.
  private static func cluster(
    agents: Int, frameworks: Int, _ harness: inout Harness, _ name: String, agentFloor: Double?
  ) throws -> Allocator {
    var allocator = Allocator()
    let frameworkSeconds = try time {
      for number in 0..<frameworks {
        try allocator.addFramework(FrameworkKey("framework\(number)"), FrameworkOptions(roles: ["*"]))
      }
    }
    record(&harness, "\(name): add frameworks", frameworkSeconds)
    let total = try Resources.parse("cpus:24;mem:4096;disk:4096;ports:[31000-32000]")
    let used = try Resources.parse("cpus:16;mem:2014;disk:1024;ports:" + ports(fragments: 16)).allocated(to: "*")
    let agentSeconds = try time {
      for number in 0..<agents {
        try allocator.addAgent(
          AgentKey("agent\(number)"), AgentOptions(total: total),
          used: [FrameworkKey("framework\(number % frameworks)"): used])
      }
    }
    record(&harness, "\(name): add agents", agentSeconds, floor: agentFloor)
    return allocator
  }

  /// Apache Mesos: 1.61 s to add the agents, 1.06 s a round.
  private static func declineOffers(_ harness: inout Harness) throws {
    let (agents, frameworks) = harness.isSmoke ? (100, 10) : (10_000, 1_000)
    let name = "DeclineOffers \(agents)x\(frameworks)"
    var allocator = try cluster(agents: agents, frameworks: frameworks, &harness, name, agentFloor: 0.3)
    var offers: [Allocation] = []
    var declines: [Double] = []
    var cycles: [Double] = []
    for round in 0..<10 {
      let now = start.advanced(by: .seconds(round))
      declines.append(
        try time {
          for offer in offers {
            try allocator.recover(
              framework: offer.framework, agent: offer.agent, resources: offer.resources, refusal: .seconds(1 << 31),
              at: now)
          }
        })
      cycles.append(time { offers = cycle(&allocator, at: round) })
      try require(offers.count == agents, "\(offers.count) offers in round \(round)")
    }
    record(&harness, "\(name): first cycle", cycles[0])
    record(&harness, "\(name): a cycle", median(Array(cycles.dropFirst())), floor: 0.1)
    record(&harness, "\(name): declines of a round", median(Array(declines.dropFirst())))
  }

  /// Apache Mesos 1.8: 3.77 s a cycle, with nothing filtered.
  private static func singleRole(_ harness: inout Harness) throws {
    let (agents, frameworks) = harness.isSmoke ? (200, 20) : (20_000, 2_000)
    let name = "SingleRole \(agents)x\(frameworks)"
    var allocator = try cluster(agents: agents, frameworks: frameworks, &harness, name, agentFloor: nil)
    var cycles: [Double] = []
    for round in 0..<6 {
      var offers: [Allocation] = []
      cycles.append(time { offers = cycle(&allocator, at: round) })
      try require(offers.count == agents, "\(offers.count) offers in round \(round)")
      for offer in offers {
        try allocator.recover(
          framework: offer.framework, agent: offer.agent, resources: offer.resources,
          at: start.advanced(by: .seconds(round)))
      }
    }
    record(&harness, "\(name): a cycle", median(cycles), floor: 0.2)
  }

  /// Apache Mesos: 15.4 s for the first cycle, 13.7 s for one that decides nothing, 17 s to add the frameworks.
  private static func largeAndSmallQuota(_ harness: inout Harness) throws {
    let (small, large) = harness.isSmoke ? (25, 5) : (2_500, 500)
    let agents = small / 5 + 5 * large
    let name = "LargeAndSmallQuota \(agents)/\(small + large)"
    var allocator = Allocator()
    let total = try Resources.parse("cpus:2;mem:2048;disk:2048")
    record(
      &harness, "\(name): add agents",
      try time {
        for number in 0..<agents {
          try allocator.addAgent(AgentKey("agent\(number)"), AgentOptions(total: total))
        }
      })
    var quotas = QuotaTree()
    for number in 0..<small + large {
      let amounts = try ResourceQuantities(
        parsing: number < small ? "cpus:1;mem:1024;disk:1024" : "cpus:4;mem:4096;disk:4096")
      quotas["role\(number)"] = Quota(guarantees: amounts, limits: ResourceLimits(of: amounts))
    }
    record(&harness, "\(name): set quotas", try time { try allocator.setQuotas(quotas) })
    record(
      &harness, "\(name): add frameworks",
      try time {
        for number in 0..<small + large {
          try allocator.addFramework(FrameworkKey("framework\(number)"), FrameworkOptions(roles: ["role\(number)"]))
        }
      }, floor: 0.2)
    var offers: [Allocation] = []
    record(&harness, "\(name): first cycle", time { offers = cycle(&allocator, at: 0) }, floor: 0.3)
    let isMet = quotas.entries.allSatisfy { role, quota in
      allocator.allocatedQuantities(role: role) == quota.guarantees
    }
    try require(isMet, "not every quota is met and kept")
    record(&harness, "\(name): idle cycle", time { offers = cycle(&allocator, at: 1) }, floor: 0.005)
    try require(offers.isEmpty, "\(offers.count) offers in an idle cycle")
    // The cycle of Apache Mesos that decides nothing looks at all agents; here that takes a reason.
    try allocator.setQuota(role: "nobody", Quota(limits: ["cpus": Scalar(thousandths: 1000)]))
    record(&harness, "\(name): cycle over all agents", time { offers = cycle(&allocator, at: 2) })
    try require(offers.isEmpty, "\(offers.count) offers in an idle cycle")
  }

  /// Apache Mesos: 2.11 s for 20 pairs of unreserving and reserving.
  private static func updateAllocation(_ harness: inout Harness) throws {
    let roles = harness.isSmoke ? 10 : 200
    var allocator = Allocator()
    func slice(_ number: Int, isReserved: Bool) throws -> Resources {
      let role = "role\(number)"
      let label = String(repeating: "0", count: 32) + String(1000 + number)
      let text = "cpus:100;mem:100;disk:100;ports:[\(number + 1)-\(number + 1)]"
      guard isReserved else { return try Resources.parse(text).allocated(to: role) }
      return try Resources(
        Resources.parse(text).entries.map { entry in
          var message = entry.message()
          message.reservations = [
            .with {
              $0.type = .dynamic
              $0.role = role
              $0.labels.labels = [
                .with {
                  $0.key = "label"
                  $0.value = label
                }
              ]
            }
          ]
          return message
        }
      ).allocated(to: role)
    }
    var total = Resources()
    for number in 0..<roles { total += try slice(number, isReserved: true).unallocated }
    try allocator.addAgent("agent", AgentOptions(total: total))
    for number in 0..<roles {
      try allocator.addFramework(
        FrameworkKey("framework\(number)"), FrameworkOptions(roles: ["role\(number)"]))
    }
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
      }, floor: 0.05)
    try require(allocator.total(of: "agent") == total, "the total is another")
  }

  /// Apache Mesos: 0.18 s to add allocations, 12.2 s to remove them.
  ///
  /// Theirs is the sorter alone; here allocations come and go through the allocator's calls, with all it does besides.
  private static func sorter(_ harness: inout Harness) throws {
    let (agents, clients) = harness.isSmoke ? (500, 10) : (50_000, 1_000)
    let name = "Sorter \(agents)x\(clients)"
    var allocator = Allocator()
    for number in 0..<clients {
      try allocator.addFramework(FrameworkKey("framework\(number)"), FrameworkOptions(roles: ["*"]))
    }
    let all = try Resources.parse("cpus:24;mem:4096;disk:4096")
    let used = try Resources.parse("cpus:16;mem:2014;disk:1024;ports:" + ports(fragments: 100)).allocated(to: "*")
    let total = all + (try Resources.parse("ports:[31000-32000]"))
    var without = allocator
    let agentSeconds = try time {
      for number in 0..<agents { try without.addAgent(AgentKey("agent\(number)"), AgentOptions(total: total)) }
    }
    record(&harness, "\(name): add agents", agentSeconds)
    let seconds = try time {
      for number in 0..<agents {
        try allocator.addAgent(
          AgentKey("agent\(number)"), AgentOptions(total: total),
          used: [FrameworkKey("framework\(number % clients)"): used])
      }
    }
    record(&harness, "\(name): add allocations with them", seconds - agentSeconds, floor: 0.2)
    var offers: [Allocation] = []
    record(&harness, "\(name): sort and cycle", time { offers = cycle(&allocator, at: 0) })
    try require(offers.count == agents, "\(offers.count) offers")
    let agentKeys = (0..<agents).map { AgentKey("agent\($0)") }
    let frameworkKeys = (0..<clients).map { FrameworkKey("framework\($0)") }
    record(
      &harness, "\(name): remove allocations",
      try time {
        for number in 0..<agents {
          try allocator.recover(
            framework: frameworkKeys[number % clients], agent: agentKeys[number], resources: used, at: start)
        }
      }, floor: 0.2)
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
