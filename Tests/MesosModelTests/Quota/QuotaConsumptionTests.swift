import MesosModel
import MesosTestKit
import Testing

@Suite struct `Consumption of quota` {
  @Test(arguments: Seeds.few(8))
  func `is what a count of single units gives`(seed: UInt64) throws {
    var rng = SplitMix64(seed: seed)
    for _ in 0..<40 {
      var agents = (0..<Int.random(in: 1...4, using: &rng)).map { _ in QuotaAgent(rng: &rng) }
      for counting in [ResourceCounting.scalars, .everything] {
        func charges() throws -> [QuotaCharge] {
          try agents.map { agent in
            let (total, allocated) = try agent.resources()
            return QuotaCharge(total: total, allocated: allocated, counting: counting)
          }
        }
        let before = try charges()
        var consumption = QuotaConsumption(before)
        try expect(consumption, of: agents, ports: counting == .everything)
        // One agent changes, and the sum follows.
        agents[0] = QuotaAgent(rng: &rng)
        let after = try charges()
        consumption.replace(before[0], with: after[0])
        try expect(consumption, of: agents, ports: counting == .everything)
        #expect(consumption == QuotaConsumption(after))
        for charge in after { consumption.subtract(charge) }
        #expect(consumption == QuotaConsumption())
      }
    }
  }

  private func expect(_ consumption: QuotaConsumption, of agents: [QuotaAgent], ports: Bool) throws {
    for role in QuotaAgent.roles {
      let expected = agents.reduce(into: NaiveQuantities()) {
        $0 = .combine($0, NaiveQuantities($1.consumption(of: role, ports: ports)), +)
      }
      #expect(NaiveQuantities(consumption[role]) == expected, "\(role) of \(agents)")
    }
    #expect(consumption.entries.map(\.role) == consumption.entries.map(\.role).sorted(by: RoleName.precedes))
    #expect(consumption.entries.allSatisfy { !$0.quantities.isEmpty })
  }

  @Test(arguments: Seeds.few(4))
  func `leaves available what is neither reserved nor allocated nor revocable`(seed: UInt64) throws {
    var rng = SplitMix64(seed: seed)
    for _ in 0..<200 {
      let agent = QuotaAgent(rng: &rng)
      let (total, allocated) = try agent.resources()
      let available = QuotaHeadroom.available(total: total, allocated: allocated, counting: .everything)
      #expect(NaiveQuantities(available) == NaiveQuantities(agent.available()))
    }
  }

  /// The worked example of the documentation of `QuotaCharge`.
  @Test func `charges the role that uses and the roles above it`() throws {
    var stack = try Resources.parse("cpus:2").messages
    stack[0].reservations = [
      Reservation(.dynamic, role: "eng").message, Reservation(.dynamic, role: "eng/web").message,
    ]
    let refined = try Resources(stack)
    let total = try Resources.parse("cpus:6;cpus(eng):2") + refined
    stack[0].scalar.value = 1
    let used = try Resources.parse("cpus:1;cpus(eng):1") + Resources(stack)
    let charge = QuotaCharge(total: total, allocated: used.allocated(to: "eng/web"))
    #expect(charge.shares.map(\.role) == ["eng", "eng/web"])
    #expect(charge.shares.map(\.quantities) == [["cpus": 5], ["cpus": 4]])
  }

  @Test func `by what a role is given goes to all above it and comes back`() {
    var consumption = QuotaConsumption()
    consumption.add(["cpus": 1], to: "a/b/c")
    consumption.add(["cpus": 2, "mem": 1], to: "a")
    #expect(consumption["a"] == ["cpus": 3, "mem": 1] && consumption["a/b"] == ["cpus": 1])
    consumption.subtract(["cpus": 1], from: "a/b/c")
    #expect(consumption.entries.map(\.role) == ["a"])
  }
}
