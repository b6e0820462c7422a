import MesosAllocator
import MesosModel
import MesosTestKit
import Testing

@Suite struct `Allocator against a naive one` {
  @Test(arguments: Seeds.few(60) + [14_944_699_187_970_050_659])
  func `both make the same offers`(seed: UInt64) throws {
    var pair = RandomCluster(seed: seed)
    for round in 0..<40 {
      for _ in 0..<pair.pick([1, 1, 2, 5]) { try pair.change() }
      let before = pair.real
      let expected = pair.naive.cycle(at: pair.now.uptime)
      pair.real.beginCycle(at: pair.now)
      let made = pair.real.finishCycle()
      guard made == expected else {
        Issue.record("SIM_SEED=\(seed) round \(round): made \(made), expected \(expected)")
        return
      }
      let broken = pair.real.checkInvariants()
      guard broken.isEmpty else {
        Issue.record("SIM_SEED=\(seed) round \(round): \(broken)")
        return
      }
      // However the cycle is cut, the same comes of it.
      var sliced = before
      sliced.beginCycle(at: pair.now)
      var pieces: [Allocation] = []
      while true {
        let step = sliced.step(budget: pair.pick([1, 2, 7]))
        pieces += step.allocations
        if step.isComplete { break }
      }
      #expect(pieces == made)
      #expect(sliced.needsCycle == pair.real.needsCycle)
      for agent in pair.naive.agents {
        #expect(pair.real.available(on: agent.id) == agent.available)
        for framework in pair.naive.frameworks.keys {
          #expect(pair.real.allocation(of: framework, on: agent.id) == agent.used[framework] ?? Resources())
        }
      }
      let next = pair.naive.filters.map(\.until).filter { $0 > pair.now.uptime }.min()
      #expect((pair.real.nextFilterExpiry() == nil) == (next == nil))
    }
  }

  /// Many short lives: with the long ones above, thousands of clusters.
  @Test(arguments: 0..<8)
  func `both make the same offers in thousands of young clusters`(block: UInt64) throws {
    var rng = SplitMix64(seed: 0xA110_C000 + block)
    for _ in 0..<300 {
      let seed = rng.next()
      var pair = RandomCluster(seed: seed)
      for _ in 0..<12 { try pair.change() }
      for round in 0..<2 {
        try pair.change()
        let expected = pair.naive.cycle(at: pair.now.uptime)
        pair.real.beginCycle(at: pair.now)
        let made = pair.real.finishCycle()
        guard made == expected else {
          Issue.record("SIM_SEED=\(seed) round \(round): made \(made), expected \(expected)")
          return
        }
      }
    }
  }

  @Test(arguments: Seeds.few(20))
  func `equal calls give equal offers`(seed: UInt64) throws {
    var (one, two) = (RandomCluster(seed: seed), RandomCluster(seed: seed))
    for _ in 0..<80 {
      try one.change()
      try two.change()
      one.real.beginCycle(at: one.now)
      two.real.beginCycle(at: two.now)
      let made = one.real.finishCycle()
      #expect(made == two.real.finishCycle())
      // Keeps the naive ones in step, so that later changes are legal.
      #expect(one.naive.cycle(at: one.now.uptime) == made)
      #expect(two.naive.cycle(at: two.now.uptime) == made)
    }
  }
}
