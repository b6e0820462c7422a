import MesosModel
import SwiftProtobuf
import Testing

private let updateQuota = #"""
  {"type": "UPDATE_QUOTA", "update_quota": {"force": false, "quota_configs": [
    {"role": "dev", "limits": {"cpus": {"value": 10}, "mem": {"value": 2048}, "disk": {"value": 4096}}},
    {"role": "test", "limits": {"cpus": {"value": 1}, "mem": {"value": 256}, "disk": {"value": 512}}}]}}
  """#

@Suite struct `Documented quotas` {
  private func configs(_ text: String = updateQuota) throws -> MasterCall.UpdateQuota {
    let call = try MasterCall(jsonBytes: Array(text.utf8))
    #expect(call.type == .updateQuota)
    return call.updateQuota
  }

  private func context(consumed: ResourceQuantities = [:]) -> QuotaContext {
    var consumption = QuotaConsumption()
    consumption.add(consumed, to: "dev")
    return QuotaContext(capacity: ["cpus": 100, "mem": 100_000, "disk": 100_000], consumption: consumption)
  }

  /// `quota.md`, "Updating Quotas": the call.
  @Test func `are updated by the call of the page`() throws {
    let update = try configs()
    #expect(update.quotaConfigs.map(\.role) == ["dev", "test"] && !update.force)
    let tree = try QuotaTree().updating(update.quotaConfigs, in: context(), force: update.force)
    #expect(tree["dev"] == Quota(limits: ["cpus": 10, "mem": 2048, "disk": 4096]))
    #expect(tree["test"] == Quota(limits: ["cpus": 1, "mem": 256, "disk": 512]))
    // By default a role has no limits.
    #expect(tree["other"].isNone && QuotaTree()["dev"].isNone)
  }

  /// `quota.md`, "Updating Quotas": all or nothing, and `force`.
  @Test func `are updated whole or not at all, and below consumption only with force`() throws {
    let update = try configs()
    let full = context(consumed: ["cpus": 11])
    #expect(throws: QuotaError.self) { try QuotaTree().updating(update.quotaConfigs, in: full) }
    #expect(try QuotaTree().updating(update.quotaConfigs, in: full, force: true).roles == ["dev", "test"])
    #expect(try QuotaTree().updating(update.quotaConfigs, in: context(consumed: ["cpus": 10])).roles.count == 2)
    let bad = try configs(updateQuota.replacing(#""role": "test""#, with: #""role": "a b""#))
    #expect(throws: QuotaError.self) { try QuotaTree().updating(bad.quotaConfigs, in: context()) }
  }

  static let supported: [Documented<String>] = ["cpus", "mem", "disk", "gpus", "bandwidth"].map {
    .init("quota.md", "Supported Resources, \($0)", $0)
  }

  @Test(arguments: supported)
  func `limit every scalar resource`(row: Documented<String>) throws {
    let name = row.example
    let limits = try ResourceLimits(parsing: "\(name):10")
    #expect(limits[name] == 10)
    #expect(limits.contains([name: 10]) && !limits.contains([name: Scalar(thousandths: 10_001)]))
  }

  /// `quota.md`, "Supported Resources": what has no quota.
  @Test(arguments: ["ports:[1-10]", "zones:{a,b}"])
  func `limit neither ranges nor sets`(text: String) {
    #expect(throws: ResourceError.self) { try ResourceLimits(parsing: text) }
    #expect(throws: ResourceError.self) { try ResourceQuantities(parsing: text) }
  }

  /// `quota.md`, "Viewing Quotas", the call GET_QUOTA and its answer, where `configs` stands beside `infos` on the wire.
  @Test func `are viewed by call`() throws {
    let call = try MasterCall(jsonBytes: Array(#"{ "type": "GET_QUOTA" }"#.utf8))
    #expect(call.type == .getQuota)
    let tree = try QuotaTree().updating(configs().quotaConfigs, in: context())
    let answer = #"""
      {"type": "GET_QUOTA", "get_quota": {"status": {"configs": [
        {"role": "dev", "limits": {"cpus": {"value": 10.0}, "mem": {"value": 2048.0}, "disk": {"value": 4096.0}}},
        {"role": "test", "limits": {"cpus": {"value": 1.0}, "mem": {"value": 256.0}, "disk": {"value": 512.0}}}]}}}
      """#
    let response = try MasterResponse(jsonBytes: Array(answer.utf8))
    #expect(response.type == .getQuota)
    for config in response.getQuota.status.configs { #expect(try tree[config.role] == Quota(config)) }
    #expect(tree.status.configs.map(\.role) == response.getQuota.status.configs.map(\.role))
    for (ours, theirs) in zip(tree.status.configs, response.getQuota.status.configs) {
      #expect(ours.limits == theirs.limits)
    }
  }

  /// `quota.md`, "Viewing Quotas", the answer of `/roles`: `dev` has reservations that are all allocated, each counted once.
  @Test func `are consumed by allocations and reservations, offers aside`() throws {
    let total = try Resources.parse("cpus(dev):2;mem(dev):1024;disk(dev):2048;cpus:8;mem:1024")
    let consumed: ResourceQuantities = ["cpus": 2, "mem": 1024, "disk": 2048]
    let allocated = QuotaCharge(total: total, allocated: total.reserved(to: "dev").allocated(to: "dev"))
    #expect(QuotaConsumption([allocated])["dev"] == consumed)
    // "Quota Consumption": reservations that are not allocated count the same.
    #expect(QuotaConsumption([QuotaCharge(total: total, allocated: Resources())])["dev"] == consumed)
    // And what is allocated beyond them counts too.
    let more = try Resources.parse("cpus:3").allocated(to: "dev")
    #expect(
      QuotaConsumption([QuotaCharge(total: total, allocated: more)])["dev"] == consumed + ["cpus": 3])
    let limits = try QuotaTree().updating(configs().quotaConfigs, in: context())["dev"].limits
    #expect(limits.contains(consumed))
  }

  /// `quota.md`, "Implementation Notes".
  @Test func `are for top-level roles and the default role`() throws {
    let nested = try configs(updateQuota.replacing(#""role": "test""#, with: #""role": "eng/prod""#))
    #expect(throws: QuotaError.self) { try QuotaTree().updating(nested.quotaConfigs, in: context()) }
    let star = try configs(updateQuota.replacing(#""role": "test""#, with: #""role": "*""#))
    #expect(try QuotaTree().updating(star.quotaConfigs, in: context())["*"].limits["cpus"] == 1)
  }

  /// `quota.md`, "Deprecated: Quota Guarantees": setting a guarantee set the limit as well.
  @Test func `of before 1.9 are guarantees that limit`() throws {
    let request = QuotaRequest.with {
      $0.role = "dev"
      $0.guarantee = [Sample.scalar("cpus", 10)]
    }
    #expect(
      try QuotaTree().setting(request, in: context())["dev"] == Quota(guarantees: ["cpus": 10], limits: ["cpus": 10]))
  }
}

@Suite struct `Documented roles and weights` {
  static let invalid: [Documented<String>] = [
    .init("roles.md", "Invalid role names, an empty string", ""), .init("roles.md", "Invalid role names, a dot", "."),
    .init("roles.md", "Invalid role names, two dots", ".."),
    .init("roles.md", "Invalid role names, a dash first", "-a"),
    .init("roles.md", "Invalid role names, a slash by itself", "/"),
    .init("roles.md", "Invalid role names, a slash at the start", "/a"),
    .init("roles.md", "Invalid role names, a backspace", "a\u{7f}"),
    .init("roles.md", "Invalid role names, a blank", "a b"), .init("roles.md", "Invalid role names, a tab", "a\tb"),
  ]

  @Test(arguments: invalid)
  func `have no other names`(row: Documented<String>) {
    #expect(throws: RoleError.self) { try RoleName.validate(row.example) }
    #expect(throws: ResourceError.self) {
      try Resources([Sample.scalar("cpus", 1) { $0.role = row.example }])
    }
  }

  /// `roles.md`, "Default role".
  @Test func `of what is unreserved is the default role, to which nothing can be reserved`() throws {
    try RoleName.validate("*")
    #expect(try Resources.parse("cpus(*):1").unreserved == Resources.parse("cpus:1"))
    #expect(try Resources.parse("cpus:1", defaultRole: "eng").reserved(to: "eng").scalar("cpus") == 1)
    let operation = Sample.reserve(Sample.scalar("cpus", 1, ["*"]))
    #expect(throws: ValidationError.self) { try OperationValidation.validate(operation, in: OperationContext()) }
    #expect(OperationContext.Framework(FrameworkInfo()).roles == ["*"])
  }

  /// `roles.md`, "Subscribing to multiple roles": with the capability MULTI_ROLE.
  @Test func `of frameworks are several with the capability`() {
    var info = FrameworkInfo.with { $0.roles = ["b", "a", "b"] }
    #expect(OperationContext.Framework(info).roles == ["*"])
    info.capabilities = [.with { $0.type = .multiRole }]
    #expect(OperationContext.Framework(info).roles == ["a", "b"])
  }

  /// `roles.md`, "Roles and access control": the whitelist of `--roles`.
  @Test func `may be limited to a list`() throws {
    let list = try RoleWhitelist(parsing: "eng,ads")
    #expect(list.contains("ads") && !list.contains("ops"))
  }

  /// `roles.md`, "Associating resources with roles" and "Roles and resource allocation".
  @Test func `have weights that divide a cluster`() throws {
    var weights = RoleWeights()
    #expect(weights["eng"] == 1)
    try weights.update([
      .with {
        $0.role = "eng"; $0.weight = 2
      }
    ])
    let roles: RoleTree<Int> = ["eng": 0, "ads": 0]
    #expect(weights.fairFraction(of: "eng", among: roles) == 2 * weights.fairFraction(of: "ads", among: roles))
  }

  /// `weights.md`, "Update" and "Query".
  @Test func `have the weights of weights.json`() throws {
    let text = #"{"weight_infos":[{"role":"role1","weight":2.0},{"role":"role2","weight":3.5}]}"#
    let infos = try MasterCall.UpdateWeights(jsonBytes: Array(text.utf8)).weightInfos
    var weights = RoleWeights()
    #expect(try weights.update(infos) == ["role1", "role2"])
    #expect(weights["role1"] == 2 && weights["role2"] == 3.5 && weights["role3"] == 1)
    #expect(Set(weights.infos.map(\.role)) == ["role1", "role2"])
    // A list of roles has to hold them all.
    #expect(throws: RoleError.self) { try weights.update(infos, whitelist: RoleWhitelist(parsing: "role1")) }
    for weight in [0, -1.5] {
      #expect(throws: RoleError.self) {
        try weights.update([
          .with {
            $0.role = "role1"; $0.weight = weight
          }
        ])
      }
    }
    #expect(weights["role1"] == 2)
  }
}
