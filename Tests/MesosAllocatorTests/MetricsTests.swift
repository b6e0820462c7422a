import MesosAllocator
import MesosModel
import MesosTestKit
import Testing

private let start = Moment(uptime: .zero, wallNanoseconds: 0)

@Suite struct `Metrics of the allocator` {
  @Test func `what is counted stands under the names of Apache Mesos`() throws {
    var allocator = Allocator()
    try allocator.addAgent("S0", AgentOptions(total: Resources.parse("cpus:4;mem:1024")))
    try allocator.addAgent("S1", AgentOptions(total: Resources.parse("cpus:4;mem:1024;cpus(eng):2;gpus:1")))
    try allocator.addFramework("F0", FrameworkOptions(roles: ["eng"]))
    try allocator.addFramework("F1", FrameworkOptions(roles: ["eng", "ops"], suppressedRoles: ["eng", "ops"]))
    try allocator.setQuota(
      role: "eng", Quota(guarantees: ["mem": Scalar(thousandths: 64_000)], limits: ["cpus": Scalar(thousandths: 8000)]))
    allocator.beginCycle(at: start)
    let offer = try #require(allocator.finishCycle().first)
    #expect(
      allocator.metrics.values.map { "\($0.name.dropFirst("allocator/mesos/".count)) \($0.value)" } == [
        "allocation_runs 1.0", "allocations 1.0", "inverse_allocations 0.0", "offer_filters/roles/eng/active 0.0",
        "offer_filters/roles/ops/active 0.0",
        "quota/roles/eng/resources/cpus/limit 8.0", "quota/roles/eng/resources/cpus/offered_or_allocated 4.0",
        "quota/roles/eng/resources/mem/guarantee 64.0",
        "quota/roles/eng/resources/mem/offered_or_allocated 1024.0", "resources/cpus/offered_or_allocated 4.0",
        "resources/cpus/total 10.0", "resources/disk/offered_or_allocated 0.0", "resources/disk/total 0.0",
        "resources/gpus/offered_or_allocated 0.0", "resources/gpus/total 1.0",
        "resources/mem/offered_or_allocated 1024.0", "resources/mem/total 2048.0", "roles/eng/shares/dominant 0.5",
        "roles/ops/shares/dominant 0.0",
      ])
    #expect(allocator.metrics.roles.first?.quotas.map(\.consumed.doubleValue) == [6, 1024])
    try allocator.recover(
      framework: "F0", agent: "S0", resources: offer.resources, refusal: .seconds(100), at: start)
    let eng = try #require(allocator.metrics.roles.first)
    #expect(eng.offerFilters == 1)
    #expect(eng.suppressedFrameworks == ["F1"])
    #expect(eng.dominantShare == 0)
  }

  @Test(arguments: Seeds.few(10))
  func `sums agree with what agents say`(seed: UInt64) throws {
    var pair = RandomCluster(seed: seed)
    var allocations = 0
    for round in 1...30 {
      try pair.change()
      let made = pair.naive.cycle(at: pair.now.uptime)
      allocations += made.count
      pair.real.beginCycle(at: pair.now)
      #expect(pair.real.finishCycle() == made)
      let metrics = pair.real.metrics
      #expect(metrics.allocationRuns == round)
      #expect(metrics.allocations == allocations)
      #expect(metrics.roles.reduce(0) { $0 + $1.offerFilters } == pair.real.filtersInForce)
      for resource in metrics.resources {
        let total = pair.naive.agents.reduce(Scalar.zero) { $0 + $1.total.quantities[resource.name] }
        #expect(resource.total == total)
      }
      for role in metrics.roles {
        let share = pair.naive.share { $1 == role.path || $1.hasPrefix(role.path + "/") }
        #expect(role.dominantShare == share, "SIM_SEED=\(seed) round \(round) \(role.path)")
      }
    }
  }
}
