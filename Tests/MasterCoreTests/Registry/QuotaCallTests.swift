import MesosModel
import SwiftProtobuf
import Testing

@testable import MasterCore

struct QuotaCallTests {
  private static func config(
    _ role: String, guarantees: [String: Double] = [:], limits: [String: Double] = [:]
  ) -> QuotaConfig {
    .with {
      $0.role = role
      $0.guarantees = guarantees.mapValues { value in .with { $0.value = value } }
      $0.limits = limits.mapValues { value in .with { $0.value = value } }
    }
  }

  private static func update(_ configs: QuotaConfig..., force: Bool = false) -> (inout MasterCall) -> Void {
    { call in
      call.type = .updateQuota
      call.updateQuota.force = force
      call.updateQuota.quotaConfigs = configs
    }
  }

  @Test func `a quota is kept before anybody sees it`() throws {
    var cluster = Cluster()
    _ = try cluster.agent()
    cluster.persistsAtOnce = false
    let asked = cluster.operate(Self.update(Self.config("dev", guarantees: ["cpus": 1], limits: ["cpus": 2])))
    #expect(asked.answer == nil)
    #expect(cluster.view.quotas.isEmpty)
    let write = try #require(asked.persisted.first)
    let quota = Quota(guarantees: ["cpus": 1], limits: ["cpus": 2])
    #expect(write.operations == [.setQuota("dev", quota), .requireCapability("QUOTA_V2")])
    let done = cluster.handle(.persisted(write.number))
    #expect(done.answer == .ok)
    #expect(cluster.view.quotas == ["dev": quota])
  }

  @Test func `a quota that the registry cannot keep is answered with 503 and does not hold`() throws {
    var cluster = Cluster()
    _ = try cluster.agent()
    cluster.persistsAtOnce = false
    let asked = cluster.operate(Self.update(Self.config("dev", limits: ["cpus": 2])))
    let write = try #require(asked.persisted.first)
    let done = cluster.handle(.persistFailed(write.number, message: "disk full"))
    #expect(done.answer == .rejected(status: 503, text: "The registry cannot be written: disk full"))
    #expect(cluster.view.quotas.isEmpty)
    #expect(cluster.core.quotas.isEmpty)
    // The next one has its turn.
    #expect(cluster.operate(Self.update(Self.config("dev", limits: ["cpus": 3]))).persisted.count == 1)
  }

  @Test func `all quotas of a call are set or none`() throws {
    var cluster = Cluster()
    _ = try cluster.agent()
    let refused = cluster.operate(
      Self.update(Self.config("dev", limits: ["cpus": 2]), Self.config("a/b", limits: ["cpus": 2])))
    #expect(
      refused.answer
        == .rejected(status: 400, text: "Updating quota on nested role 'a/b' is not supported yet"))
    #expect(refused.persisted.isEmpty)
    #expect(cluster.view.quotas.isEmpty)
    let done = cluster.operate(
      Self.update(Self.config("dev", limits: ["cpus": 2]), Self.config("ops", limits: ["cpus": 1])))
    #expect(done.answer == .ok)
    #expect(cluster.view.quotas.keys.sorted() == ["dev", "ops"])
  }

  @Test func `calls are judged one after the other`() throws {
    var cluster = Cluster()
    _ = try cluster.agent()
    cluster.persistsAtOnce = false
    let first = cluster.operate(Self.update(Self.config("dev", guarantees: ["cpus": 3], limits: ["cpus": 3])))
    let second = cluster.operate(Self.update(Self.config("ops", guarantees: ["cpus": 2], limits: ["cpus": 2])))
    #expect(second.answer == nil && second.persisted.isEmpty)
    let write = try #require(first.persisted.first)
    let done = cluster.handle(.persisted(write.number))
    let answers = done.compactMap { if case .answer(_, let answer) = $0 { answer } else { nil } }
    #expect(answers.count == 2)
    #expect(answers.first == .ok)
    guard case .rejected(400, let text)? = answers.last else {
      Issue.record("\(answers)")
      return
    }
    #expect(text.contains("exceed cluster capacity"))
  }

  @Test func `a limit below what the role uses takes force`() throws {
    var cluster = Cluster()
    let agent = try cluster.agent()
    let scheduler = cluster.framework()
    cluster.launch(
      scheduler, [try sleeper("t", on: agent, resources: "cpus:2;mem:64")],
      on: cluster.settle().offers(on: scheduler.connection))
    let call = Self.config("dev", limits: ["cpus": 1])
    guard case .rejected(400, let text)? = cluster.operate(Self.update(call)).answer else {
      Issue.record("it was not refused")
      return
    }
    #expect(text.hasPrefix("Invalid QuotaConfig: Role 'dev' is already consuming"))
    #expect(cluster.operate(Self.update(call, force: true)).answer == .ok)
  }

  @Test func `offers of a role beyond its limit are rescinded`() throws {
    var cluster = Cluster()
    _ = try cluster.agent()
    let scheduler = cluster.framework()
    #expect(cluster.settle().offers(on: scheduler.connection).count == 1)
    let done = cluster.operate(Self.update(Self.config("dev", limits: ["cpus": 1])))
    #expect(done.rescinded(on: scheduler.connection).count == 1)
    let offers = cluster.settle().offers(on: scheduler.connection)
    #expect(offers.first?.resources.first { $0.name == "cpus" }?.scalar.value == 1)
  }

  @Test func `offers of others are rescinded until a guarantee can be met`() throws {
    var cluster = Cluster()
    _ = try cluster.agent()
    let scheduler = cluster.framework()
    _ = cluster.settle()
    let done = cluster.operate(Self.update(Self.config("ops", guarantees: ["cpus": 2], limits: ["cpus": 4])))
    #expect(done.rescinded(on: scheduler.connection).count == 1)
    let offers = cluster.settle().offers(on: scheduler.connection)
    #expect(offers.first?.resources.first { $0.name == "cpus" }?.scalar.value == 2)
  }

  @Test func `SET_QUOTA sets guarantee and limit, and conflicts with too small a cluster`() throws {
    var cluster = Cluster()
    _ = try cluster.agent()
    func set(_ cpus: Double, force: Bool = false) -> (inout MasterCall) -> Void {
      { call in
        call.type = .setQuota
        call.setQuota.quotaRequest.role = "dev"
        call.setQuota.quotaRequest.force = force
        call.setQuota.quotaRequest.guarantee = [
          .with {
            $0.name = "cpus"
            $0.type = .scalar
            $0.scalar.value = cpus
          }
        ]
      }
    }
    guard case .rejected(409, let text)? = cluster.operate(set(100)).answer else {
      Issue.record("it was not refused")
      return
    }
    #expect(text.hasPrefix("Quota guarantees overcommit the cluster (use 'force' to bypass this check): "))
    #expect(cluster.operate(set(2)).answer == .ok)
    #expect(cluster.view.quotas["dev"] == Quota(guarantees: ["cpus": 2], limits: ["cpus": 2]))
    guard case .rejected(400, _)? = cluster.operate(set(2)).answer else {
      Issue.record("a second one was not refused")
      return
    }
  }

  @Test func `a removed quota is removed from the registry with what it asked of masters`() throws {
    var cluster = Cluster()
    _ = try cluster.agent()
    _ = cluster.operate(Self.update(Self.config("dev", limits: ["cpus": 2])))
    let removed = cluster.operate {
      $0.type = .removeQuota
      $0.removeQuota.role = "dev"
    }
    #expect(removed.answer == .ok)
    #expect(removed.persisted.first?.operations == [.removeQuota("dev"), .releaseCapability("QUOTA_V2")])
    #expect(cluster.view.quotas.isEmpty)
    let again = cluster.operate {
      $0.type = .removeQuota
      $0.removeQuota.role = "dev"
    }
    #expect(again.answer == .rejected(status: 400, text: "Failed to remove quota: Role 'dev' has no quota set"))
  }

  @Test func `a quota of a role that may not be used is refused`() {
    var cluster = Cluster { $0.roles = ["dev"] }
    #expect(
      cluster.operate(Self.update(Self.config("ops", limits: ["cpus": 2]))).answer
        == .rejected(status: 400, text: "Invalid QuotaConfig: 'ops' is not on the roles whitelist"))
  }

  @Test func `quotas of the registry hold from the first offer of a new master on`() throws {
    var registry = RecoveredRegistry()
    registry.quotas = ["dev": Quota(limits: ["cpus": 1])]
    var cluster = Cluster(registry: registry)
    #expect(cluster.view.quotas.keys.sorted() == ["dev"])
    _ = try cluster.agent()
    let scheduler = cluster.framework()
    let offers = cluster.settle().offers(on: scheduler.connection)
    #expect(offers.first?.resources.first { $0.name == "cpus" }?.scalar.value == 1)
  }
}
