import MesosModel
import MesosTestKit
import Testing

@Suite struct `Headroom for guarantees` {
  /// A random state of one resource, perhaps one that cannot hold what is promised.
  struct State {
    static let roles = ["a", "a/b", "a/b/c", "a/d", "e", "e/f", "g"]
    var tree = QuotaTree()
    var consumption = QuotaConsumption()
    var available: Int64

    init(rng: inout SplitMix64) {
      var guarantees: [String: Int64] = [:]
      for role in Self.roles.reversed() {
        let below = Self.roles.filter { RoleName.parent(of: $0) == role }.reduce(0) { $0 + (guarantees[$1] ?? 0) }
        guarantees[role] = below + Int64.random(in: 0...3, using: &rng)
        if below == 0, Bool.random(using: &rng) { guarantees[role] = 0 }
      }
      for role in Self.roles {
        var quota = Quota(guarantees: ResourceQuantities(thousandths: ["cpus": guarantees[role] ?? 0]))
        if Bool.random(using: &rng) {
          quota.limits = ResourceLimits(
            thousandths: ["cpus": (guarantees[role] ?? 0) + Int64.random(in: 0...4, using: &rng)])
        }
        tree[role] = quota
        let used = Int64.random(in: 0...2, using: &rng)
        consumption.add(ResourceQuantities(thousandths: ["cpus": used]), to: role)
      }
      available = Int64.random(in: 0...25, using: &rng)
    }

    var headroom: QuotaHeadroom {
      QuotaHeadroom(
        quotas: tree, consumption: consumption, available: ResourceQuantities(thousandths: ["cpus": available]))
    }

    var needs: NaiveNeeds {
      func thousandths(_ value: (String) -> Scalar) -> [String: Int64] {
        Dictionary(uniqueKeysWithValues: Self.roles.map { ($0, value($0).thousandths) })
      }
      return NaiveNeeds(
        guarantees: thousandths { tree[$0].guarantees["cpus"] }, consumed: thousandths { consumption[$0]["cpus"] })
    }

    func limit(_ role: String) -> Int64? { tree[role].limits["cpus"]?.thousandths }

    /// Whether everything promised can be kept after `role` got `amount` more: in the cluster and under each limit.
    func keepsPromises(giving amount: Int64, to role: String) -> Bool {
      var needs = needs
      needs.give(amount, to: role)
      guard available - amount >= needs.required(among: Self.roles) else { return false }
      return Self.roles.allSatisfy { node in
        limit(node).map { (needs.consumed[node] ?? 0) + needs.required(node, among: Self.roles) <= $0 } ?? true
      }
    }
  }

  @Test(arguments: Seeds.few(8))
  func `is what the definition gives`(seed: UInt64) {
    var rng = SplitMix64(seed: seed)
    for _ in 0..<80 {
      let state = State(rng: &rng)
      let (headroom, needs) = (state.headroom, state.needs)
      let required = needs.required(among: State.roles)
      #expect(headroom.required["cpus"].thousandths == required, "\(state)")
      for role in State.roles + ["x", "a/b/c/y", "e/z"] {
        #expect(
          headroom.required(for: role)["cpus"].thousandths
            == (State.roles.contains(role) ? needs.required(role, among: State.roles) : 0))
        // What a role claims is what giving it as much as there is takes off the need.
        var after = needs
        after.give(1_000_000, to: role)
        #expect(
          headroom.claim(of: role)["cpus"].thousandths == required - after.required(among: State.roles),
          "\(role) of \(state)")
      }
    }
  }

  @Test(arguments: Seeds.few(8))
  func `lets a role have all that breaks no promise, and no more`(seed: UInt64) {
    var rng = SplitMix64(seed: seed)
    var tried = 0
    for _ in 0..<400 {
      let state = State(rng: &rng)
      let role = (State.roles + ["x", "a/b/c/y", "e/z"]).randomElement(using: &rng) ?? "x"
      guard state.keepsPromises(giving: 0, to: role) else { continue }
      tried += 1
      let onAgent = Int64.random(in: 0...max(0, min(12, state.available)), using: &rng)
      let offering = state.headroom.offering(of: ResourceQuantities(thousandths: ["cpus": onAgent]), to: role)
      let most = (0...onAgent).last { state.keepsPromises(giving: $0, to: role) }
      #expect(offering.total["cpus"].thousandths == most, "\(role), \(onAgent) of \(state)")
    }
    #expect(tried > 10)
  }

  @Test(arguments: Seeds.few(8))
  func `never lets a role pass a limit, whatever was promised`(seed: UInt64) {
    var rng = SplitMix64(seed: seed)
    for _ in 0..<150 {
      let state = State(rng: &rng)
      let role = State.roles.randomElement(using: &rng) ?? "a"
      let (headroom, needs) = (state.headroom, state.needs)
      let total = headroom.offering(of: ["cpus": 0.012], to: role).total["cpus"].thousandths
      for node in [role] + RoleName.ancestors(of: role) {
        guard let limit = state.limit(node) else { continue }
        #expect(total == 0 || (needs.consumed[node] ?? 0) + total <= limit, "\(role) of \(state)")
      }
      #expect(headroom.room(of: role).contains(["cpus": Scalar(thousandths: total)]))
    }
  }

  @Test(arguments: Seeds.few(4))
  func `follows what is given as if computed afresh`(seed: UInt64) {
    var rng = SplitMix64(seed: seed)
    for _ in 0..<150 {
      var state = State(rng: &rng)
      state.available += 20
      var headroom = state.headroom
      for _ in 0..<6 {
        let role = (State.roles + ["x", "a/b/c/y"]).randomElement(using: &rng) ?? "x"
        let given = ResourceQuantities(thousandths: ["cpus": Int64.random(in: 0...3, using: &rng)])
        headroom.give(given, to: role)
        let fresh = QuotaHeadroom(
          quotas: headroom.quotas, consumption: headroom.consumption, available: headroom.available)
        #expect(headroom.required == fresh.required && headroom.surplus == fresh.surplus)
        for role in State.roles { #expect(headroom.required(for: role) == fresh.required(for: role)) }
      }
    }
  }

  @Test(arguments: Seeds.few(4))
  func `keeps every guarantee within reach while others take all they can`(seed: UInt64) {
    var rng = SplitMix64(seed: seed)
    for _ in 0..<150 {
      let state = State(rng: &rng)
      guard state.keepsPromises(giving: 0, to: "x") else { continue }
      var headroom = state.headroom
      func takeAll(_ role: String) {
        headroom.give(headroom.offering(of: headroom.available, to: role).total, to: role)
      }
      for role in (State.roles + ["x", "a/y"]).shuffled(using: &rng) where state.tree[role].guarantees.isEmpty {
        takeAll(role)
      }
      for role in State.roles.shuffled(using: &rng) {
        headroom.give(headroom.offering(of: headroom.claim(of: role), to: role).guaranteed, to: role)
      }
      #expect(headroom.required.isEmpty, "\(state)")
      for role in State.roles { #expect(headroom.unmet(role).isEmpty) }
    }
  }

  /// The worked example of the documentation of `QuotaHeadroom`.
  @Test func `is not lessened by a role with more reservations than guarantees`() throws {
    var quotas = QuotaTree()
    quotas["eng"] = Quota(guarantees: ["cpus": 10])
    quotas["ads"] = Quota(guarantees: ["cpus": 4])
    let total = try Resources.parse("cpus:14;cpus(ads):6")
    let charge = QuotaCharge(total: total, allocated: Resources())
    let headroom = QuotaHeadroom(
      quotas: quotas, consumption: QuotaConsumption([charge]),
      available: QuotaHeadroom.available(total: total, allocated: Resources()))
    #expect(headroom.required == ["cpus": 10] && headroom.surplus == ["cpus": 4])
    #expect(headroom.offering(of: ["cpus": 8], to: "dev") == QuotaOffering(guaranteed: [:], additional: ["cpus": 4]))
    #expect(headroom.offering(of: ["cpus": 8], to: "eng") == QuotaOffering(guaranteed: ["cpus": 8], additional: [:]))
  }
}

/// The rules of CHANGELOG 1.5.0, "Several improvements and fixes to the enforcement of quota guarantees".
@Suite struct `No role games its quota` {
  private func headroom(_ quotas: [String: Quota], _ agents: [(total: String, allocated: [String: String])]) throws
    -> QuotaHeadroom
  {
    var tree = QuotaTree()
    for (role, quota) in quotas { tree[role] = quota }
    var consumption = QuotaConsumption()
    var available: ResourceQuantities = [:]
    for agent in agents {
      let total = try Resources.parse(agent.total)
      var allocated = Resources()
      for (role, text) in agent.allocated { allocated += try Resources.parse(text).allocated(to: role) }
      consumption.add(QuotaCharge(total: total, allocated: allocated))
      available += QuotaHeadroom.available(total: total, allocated: allocated)
    }
    return QuotaHeadroom(quotas: tree, consumption: consumption, available: available)
  }

  private let four = Quota(guarantees: ["cpus": 4], limits: ["cpus": 4])

  @Test func `by amassing reservations that it leaves unused (MESOS-4527)`() throws {
    let headroom = try headroom(["eng": four], [("cpus:6;cpus(eng):4", [:])])
    #expect(headroom.consumption["eng"] == ["cpus": 4])
    #expect(headroom.offering(of: ["cpus": 6], to: "eng").total.isEmpty)
  }

  @Test func `by being offered a large agent whole (MESOS-7099)`() throws {
    let headroom = try headroom(["eng": four], [("cpus:10;mem:100", [:])])
    let offering = headroom.offering(of: ["cpus": 10, "mem": 100], to: "eng")
    #expect(offering.total == ["cpus": 4, "mem": 100])
    #expect(offering.guaranteed == ["cpus": 4] && offering.meetsGuarantees)
  }

  @Test func `and what is reserved is offered whatever the quota (MESOS-8293)`() throws {
    let reserved = try Resources.parse("cpus(eng):4;ports:[1-2]")
    #expect(reserved.entries.allSatisfy { !QuotaHeadroom.isCharged($0) })
    #expect(reserved.entries.filter { QuotaHeadroom.isCharged($0, counting: .everything) }.map(\.name) == ["ports"])
    #expect(try Resources.parse("cpus:1").entries.allSatisfy { QuotaHeadroom.isCharged($0) })
  }

  @Test func `by reserving more than its guarantee at the cost of another's headroom (MESOS-8339)`() throws {
    let headroom = try headroom(["eng": four, "ads": four], [("cpus:6;cpus(ads):7", [:])])
    #expect(headroom.required == ["cpus": 4])
    #expect(headroom.offering(of: ["cpus": 6], to: "dev").total == ["cpus": 2])
  }

  @Test func `by taking what it has no quota for from one who has (MESOS-8352)`() throws {
    let memory = Quota(guarantees: ["mem": 100])
    let headroom = try headroom(["eng": four, "ads": memory], [("cpus:4;mem:100", [:])])
    let offering = headroom.offering(of: ["cpus": 4, "mem": 100], to: "eng")
    #expect(offering.total == ["cpus": 4])
  }

  @Test func `by a subrole's reservations (MESOS-9688)`() throws {
    let headroom = try headroom(["eng": four], [("cpus:6;cpus(eng/web):3", ["eng/web": "cpus(eng/web):2;cpus:1"])])
    #expect(headroom.consumption["eng"] == ["cpus": 4])
    #expect(headroom.offering(of: ["cpus": 5], to: "eng/web").total.isEmpty)
  }

  @Test func `by bursting into what a sibling is guaranteed under their parent's limit`() throws {
    let quotas = [
      "eng": Quota(guarantees: ["cpus": 10], limits: ["cpus": 10]), "eng/web": Quota(guarantees: ["cpus": 4]),
      "eng/db": Quota(guarantees: ["cpus": 5]),
    ]
    let headroom = try headroom(quotas, [("cpus:100", [:])])
    #expect(headroom.required == ["cpus": 10])
    #expect(headroom.offering(of: ["cpus": 100], to: "eng/web").total == ["cpus": 5])
    #expect(headroom.offering(of: ["cpus": 100], to: "eng/db").total == ["cpus": 6])
    #expect(headroom.offering(of: ["cpus": 100], to: "eng").total == ["cpus": 1])
    #expect(headroom.offering(of: ["cpus": 100], to: "dev").total == ["cpus": 90])
  }
}
