import MesosModel
import MesosTestKit
import SwiftProtobuf
import Testing

@Suite struct `Sets of quotas` {
  private func tree(_ quotas: [String: Quota]) -> QuotaTree {
    var tree = QuotaTree()
    for (role, quota) in quotas { tree[role] = quota }
    return tree
  }

  private func guaranteed(_ cpus: Scalar) -> Quota { Quota(guarantees: ["cpus": cpus]) }
  private func limited(_ cpus: Scalar) -> Quota { Quota(limits: ["cpus": cpus]) }

  private func failure(_ body: () throws(QuotaError) -> Void) -> QuotaError? {
    do {
      try body()
      return nil
    } catch { return error }
  }

  @Test func `contain what children are guaranteed in what parents are`() {
    let fits = tree(["eng": guaranteed(10), "eng/web": guaranteed(4), "eng/db": guaranteed(6), "ads": guaranteed(1)])
    #expect(failure { () throws(QuotaError) in try fits.validate() } == nil)
    #expect(fits.totalGuarantees == ["cpus": 11])

    var tooMuch = fits
    tooMuch["eng/db"] = guaranteed(6.001)
    #expect(
      failure { () throws(QuotaError) in try tooMuch.validate() }
        == QuotaError(
          .childrenAboveParent,
          "Invalid quota configuration. Parent role 'eng' with guarantees (cpus:10) does not contain the sum of its children's"
            + " guarantees (cpus:10.001)", role: "eng", resource: "cpus"))
    // A role that has no quota is guaranteed nothing.
    #expect(
      failure { () throws(QuotaError) in try tree(["a/b": guaranteed(1)]).validate() }
        == QuotaError(
          .childrenAboveParent,
          "Invalid quota configuration. Parent role 'a' with guarantees ({}) does not contain the sum of its children's"
            + " guarantees (cpus:1)", role: "a", resource: "cpus"))
  }

  @Test func `keep limits below those of roles above`() {
    #expect(failure { () throws(QuotaError) in try tree(["a": limited(2), "a/b": limited(2)]).validate() } == nil)
    #expect(failure { () throws(QuotaError) in try tree(["a/b": limited(5), "a/b/c": limited(2)]).validate() } == nil)
    let far = tree(["a": limited(2), "a/b": Quota(limits: ["mem": 1]), "a/b/c": limited(3)])
    #expect(
      failure { () throws(QuotaError) in try far.validate() }
        == QuotaError(
          .limitAboveAncestor,
          "Invalid quota configuration. Role 'a/b/c' with limits (cpus:3) may have more 'cpus' than its ancestor 'a' with"
            + " limits (cpus:2)", role: "a/b/c", resource: "cpus"))
    #expect(far.effectiveLimits(of: "a/b/c/d") == ["cpus": 2, "mem": 1])
    #expect(far.effectiveLimits(of: "b") == [:])
  }

  @Test(arguments: Seeds.few(8))
  func `are valid when a naive reading of the rules finds them so`(seed: UInt64) {
    var rng = SplitMix64(seed: seed)
    let roles = ["a", "a/b", "a/b/c", "a/d", "e"]
    var valid = 0
    for _ in 0..<200 {
      var quotas: [String: (guarantee: Int64, limit: Int64?)] = [:]
      for role in roles where Int.random(in: 0..<3, using: &rng) > 0 {
        let depth = Int64(role.split(separator: "/").count)
        let guarantee = Int64.random(in: 0...(9 / depth), using: &rng)
        quotas[role] = (guarantee, Bool.random(using: &rng) ? Int64.random(in: 0...(30 / depth), using: &rng) : nil)
      }
      var tree = QuotaTree()
      for (role, quota) in quotas {
        tree[role] = Quota(
          guarantees: ResourceQuantities(thousandths: ["cpus": quota.guarantee]),
          limits: quota.limit.map { ResourceLimits(thousandths: ["cpus": $0]) } ?? [:])
      }
      let withinLimits = quotas.values.allSatisfy { $0.guarantee <= $0.limit ?? .max }
      let contains = roles.allSatisfy { role in
        let sum = roles.filter { RoleName.parent(of: $0) == role }.reduce(0) { $0 + (quotas[$1]?.guarantee ?? 0) }
        return sum <= quotas[role]?.guarantee ?? 0
      }
      let nests = quotas.allSatisfy { role, quota in
        RoleName.ancestors(of: role).allSatisfy { (quota.limit ?? 0) <= quotas[$0]?.limit ?? .max }
      }
      let isValid = withinLimits && contains && nests
      valid += isValid ? 1 : 0
      #expect((failure { () throws(QuotaError) in try tree.validate() } == nil) == isValid, "\(quotas)")
      if contains {
        let top = ["a", "e"].reduce(0) { $0 + (quotas[$1]?.guarantee ?? 0) }
        #expect(tree.totalGuarantees["cpus"].thousandths == top)
      }
    }
    #expect(valid > 2)
  }

  // MARK: Calls

  private func context(
    _ rules: QuotaRules = .apacheMesos, whitelist: RoleWhitelist? = nil, _ consumed: [String: ResourceQuantities] = [:]
  ) -> QuotaContext {
    var consumption = QuotaConsumption()
    for (role, quantities) in consumed { consumption.add(quantities, to: role) }
    return QuotaContext(
      rules: rules, whitelist: whitelist, capacity: ["cpus": 2, "disk": 252899, "mem": 23081], consumption: consumption)
  }

  @Test func `are updated all or not at all`() throws {
    let before = tree(["eng": limited(1)])
    let after = try before.updating(
      [.of("eng"), .of("*", limits: ["cpus": 100]), .of("ads", guarantees: ["cpus": 2])], in: context())
    #expect(after.entries.map(\.role) == ["*", "ads"])
    #expect(after["ads"] == guaranteed(2) && after["eng"].isNone)
    // Apache Mesos lets the last of two hold.
    #expect(
      try before.updating([.of("x", limits: ["a": 1]), .of("x", limits: ["a": 2])], in: context())["x"].limits == [
        "a": 2
      ])
    #expect(
      failure { () throws(QuotaError) in _ = try before.updating([.of("eng"), .of("-x")], in: context()) }?.code
        == .invalidRole)
  }

  /// The texts are those of Apache Mesos 1.11.0.
  @Test(
    arguments: [
      (.of("a/b", limits: ["cpus": 1]), .nestedRole, "Updating quota on nested role 'a/b' is not supported yet"),
      (.of("y", limits: ["cpus": 1]), .unknownRole, "Invalid QuotaConfig: 'y' is not on the roles whitelist"),
      (
        .of("x", limits: ["cpus": -1]), .invalidAmount,
        "Invalid QuotaConfig: Invalid limit configuration {'cpus': -1}: Negative values not supported"
      ),
      (
        .of("x", guarantees: ["cpus": 2000], limits: ["cpus": 2000]), .overcommit,
        "Invalid QuotaConfig: total quota guarantees 'cpus:2000' exceed cluster capacity 'cpus:2; disk:252899; mem:23081'"
          + " (use 'force' flag to bypass this check)"
      ),
      (
        .of("x", guarantees: ["ports": 20]), .overcommit,
        "Invalid QuotaConfig: total quota guarantees 'ports:20' exceed cluster capacity 'cpus:2; disk:252899; mem:23081'"
          + " (use 'force' flag to bypass this check)"
      ),
      (
        .of("x", limits: ["cpus": 0.5]), .belowConsumption,
        "Invalid QuotaConfig: Role 'x' is already consuming 'cpus:1; mem:5'; this is more than the requested limits 'cpus:0.5'"
          + " (use 'force' flag to bypass this check)"
      ),
    ] as [(QuotaConfig, QuotaError.Code, String)])
  func `are not updated against the rules`(config: QuotaConfig, code: QuotaError.Code, message: String) throws {
    let context = context(whitelist: try RoleWhitelist(["x", "a/b"]), ["x/sub": ["cpus": 1, "mem": 5]])
    let error = failure { () throws(QuotaError) in _ = try QuotaTree().updating([config], in: context) }
    #expect(error?.code == code && error?.message == message)
    let forced = failure { () throws(QuotaError) in _ = try QuotaTree().updating([config], in: context, force: true) }
    #expect((forced == nil) == (code == .overcommit || code == .belowConsumption))
  }

  @Test func `of nested roles and of ports are possible where the rules extend`() throws {
    let context = context(.extended)
    let after = try QuotaTree().updating(
      [.of("a/b", guarantees: ["cpus": 1]), .of("a", guarantees: ["cpus": 2], limits: ["ports": 10])], in: context)
    #expect(after.roles == ["a", "a/b"])
    let error = failure { () throws(QuotaError) in
      _ = try after.updating([.of("a/b", limits: ["ports": 11])], in: context)
    }
    #expect(
      error
        == QuotaError(
          .limitAboveAncestor,
          "Invalid QuotaConfig: Invalid quota configuration. Role 'a/b' with limits (ports:11) may have more 'ports' than its"
            + " ancestor 'a' with limits (ports:10)", role: "a/b", resource: "ports"))
  }

  @Test func `count ports of agents by size where the rules extend`() throws {
    let agents = [try Resources.parse("cpus:4;ports:[1-100]"), try Resources.parse("ports:[1-50]")]
    #expect(QuotaContext.capacity(of: agents) == ["cpus": 4])
    #expect(QuotaContext.capacity(of: agents, counting: .everything) == ["cpus": 4, "ports": 150])
  }

  private func request(_ role: String, _ cpus: Double, force: Bool = false) -> QuotaRequest {
    QuotaRequest.with {
      $0.role = role
      $0.guarantee = [`Quotas in messages`.resource("cpus", cpus)]
      $0.force = force
    }
  }

  /// The texts are those of Apache Mesos 1.11.0.
  @Test(
    arguments: [
      (
        "y", 2000, .overcommit,
        "Quota guarantees overcommit the cluster (use 'force' to bypass this check): Total quota guarantees 'cpus:2001' exceed"
          + " cluster capacity 'cpus:2; disk:252899; mem:23081'"
      ),
      (
        "x", 0.5, .alreadySet,
        "Failed to validate set quota request: Cannot set quota for role 'x' which already has quota"
      ),
      (
        "-y", 1, .invalidRole,
        "Failed to validate set quota request: QuotaInfo with invalid role: Role component '-y' is invalid because it starts"
          + " with a dash"
      ),
      (
        "a/b", 1, .childrenAboveParent,
        "Failed to validate set quota request: Invalid quota configuration. Parent role 'a' with guarantees ({}) does not"
          + " contain the sum of its children's guarantees (cpus:1)"
      ),
      ("x/b", 1, .nestedRole, "Setting quota on nested role 'x/b' is not supported yet"),
      ("z", 1, .unknownRole, "Failed to validate set quota request: Unknown role 'z'"),
    ] as [(String, Double, QuotaError.Code, String)])
  func `are not set against the rules`(role: String, cpus: Double, code: QuotaError.Code, message: String) throws {
    let before = tree(["x": guaranteed(1)])
    let context = context(whitelist: try RoleWhitelist(["x", "y", "a/b", "x/b"]))
    let error = failure { () throws(QuotaError) in _ = try before.setting(request(role, cpus), in: context) }
    #expect(error?.code == code && error?.message == message)
    let forced = failure { () throws(QuotaError) in
      _ = try before.setting(request(role, cpus, force: true), in: context)
    }
    #expect((forced == nil) == (code == .overcommit))
  }

  @Test func `are set, shown and removed`() throws {
    let set = try QuotaTree().setting(request("x", 0.25), in: context())
    #expect(set["x"] == Quota(guarantees: ["cpus": 0.25], limits: ["cpus": 0.25]))
    #expect(set.status.infos.map(\.role) == ["x"])
    #expect(set.status.configs == [.of("x", guarantees: ["cpus": 0.25], limits: ["cpus": 0.25])])
    #expect(try set.removing("x").isEmpty)
    #expect(
      failure { () throws(QuotaError) in _ = try set.removing("nope") }
        == QuotaError(.notSet, "Failed to remove quota: Role 'nope' has no quota set", role: "nope"))
    let nested = tree(["a": guaranteed(1), "a/b": guaranteed(1)])
    #expect(failure { () throws(QuotaError) in _ = try nested.removing("a") }?.code == .childrenAboveParent)
    #expect(try nested.removing("a/b").roles == ["a"])
  }
}
