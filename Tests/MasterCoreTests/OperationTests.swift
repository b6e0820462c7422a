import AgentLinkModel
import MesosModel
import SwiftProtobuf
import Testing

@testable import MasterCore

struct OperationTests {
  // MARK: Reservations

  @Test func `a reservation is offered with its principal and labels to its role alone`() throws {
    var cluster = Cluster()
    let agent = try cluster.agent()
    let scheduler = cluster.framework { $0.principal = "ops" }
    let offers = cluster.settle().offers(on: scheduler.connection)
    let wanted = try reserved("cpus:1;mem:512", principal: "ops", labels: ["team": "db"])
    let directives = cluster.accept(scheduler, offers, [.reserve(wanted)])
    let order = try #require(directives.applied(agent).first)
    #expect(order.frameworkID == scheduler.id.value)
    let sent = try Offer.Operation(serializedBytes: order.operation)
    #expect(sent.reserve.resources.allSatisfy { $0.allocationInfo.role == "dev" })
    #expect(directives.operations(on: scheduler.connection).isEmpty)
    #expect(cluster.total(of: agent).reserved(to: "dev").scalar("cpus") == 1)

    let other = cluster.framework { $0.roles = ["prod"] }
    let after = cluster.pass(.seconds(2))
    let own = after.offers(on: scheduler.connection).flatMap(\.resources).filter { !$0.reservations.isEmpty }
    #expect(Set(own.map(\.name)) == ["cpus", "mem"])
    #expect(own.allSatisfy { $0.reservations.last?.principal == "ops" })
    #expect(own.allSatisfy { $0.reservations.last?.labels.labels.map(\.value) == ["db"] })
    #expect(after.offers(on: other.connection).flatMap(\.resources).allSatisfy { $0.reservations.isEmpty })
  }

  @Test func `unreserved resources are everybody's again`() throws {
    var cluster = Cluster()
    let agent = try cluster.agent()
    let before = cluster.total(of: agent)
    let scheduler = cluster.framework()
    let wanted = try reserved("cpus:1;mem:512")
    cluster.accept(scheduler, cluster.settle().offers(on: scheduler.connection), [.reserve(wanted)])
    let offers = cluster.pass(.seconds(1)).offers(on: scheduler.connection)
    let directives = cluster.accept(scheduler, offers, [.unreserve(try reserved("cpus:1;mem:512"))])
    #expect(directives.applied(agent).count == 1)
    #expect(cluster.total(of: agent) == before)
  }

  @Test func `reservations with other labels do not merge`() throws {
    var cluster = Cluster()
    let agent = try cluster.agent()
    let scheduler = cluster.framework()
    cluster.accept(
      scheduler, cluster.settle().offers(on: scheduler.connection),
      [
        .reserve(try reserved("cpus:1", labels: ["a": "1"])), .reserve(try reserved("cpus:1", labels: ["a": "2"])),
        .reserve(try reserved("cpus:1", labels: ["a": "1"])),
      ])
    let cpus = cluster.total(of: agent).reserved(to: "dev").entries.map(\.amount)
    #expect(cpus == [.scalar(2), .scalar(1)])
  }

  @Test func `a refined reservation is one more on the stack, and unreserving takes one off`() throws {
    var cluster = Cluster()
    let agent = try cluster.agent()
    let scheduler = cluster.framework { $0.roles = ["eng/prod"] }
    cluster.settle()
    let call = MasterCall.reserve(try reserved("cpus:1", to: "eng"), on: agent)
    #expect(cluster.operate { $0 = call }.answer == .accepted)
    let parent = cluster.pass(.seconds(6)).offers(on: scheduler.connection)
    let refined = try reserved("cpus:1", to: "eng/prod", under: ["eng"])
    let directives = cluster.accept(scheduler, parent, [.reserve(refined, id: "refine")])
    #expect(directives.operations(on: scheduler.connection).map(\.message) == [])
    #expect(cluster.total(of: agent).reserved(to: "eng/prod").scalar("cpus") == 1)
    let again = cluster.pass(.seconds(1)).offers(on: scheduler.connection)
    cluster.accept(scheduler, again, [.unreserve(refined)])
    #expect(cluster.total(of: agent).reserved(to: "eng").scalar("cpus") == 1)
    #expect(cluster.total(of: agent).reserved(to: "eng/prod").isEmpty)
  }

  @Test func `operations of one call are done in order on the merged offers, and tasks use the result`() throws {
    var cluster = Cluster()
    let agent = try cluster.agent()
    let scheduler = cluster.framework()
    let first = cluster.settle().offers(on: scheduler.connection)
    cluster.launch(scheduler, [try sleeper("a", on: agent, resources: "cpus:3;mem:512")], on: first, refuse: 0)
    let rest = cluster.pass(.seconds(1)).offers(on: scheduler.connection)
    try cluster.update(agent, scheduler, "a", .taskFinished)
    let freed = cluster.pass(.seconds(1)).offers(on: scheduler.connection)
    #expect(rest.count == 1 && freed.count == 1)
    let disk = try reserved("disk:64")
    let volume = try reserved("disk:64", volume: "v")
    var task = try sleeper("db", on: agent, resources: "mem:64")
    task.resources += try reserved("cpus:4") + volume
    let directives = cluster.accept(
      scheduler, rest + freed, [.reserve(try reserved("cpus:4")), .reserve(disk), .create(volume), .launch([task])])
    #expect(directives.statuses(on: scheduler.connection).isEmpty)
    #expect(directives.applied(agent).count == 3)
    let order = directives.toAgent(agent.session).compactMap(\.runTask)
    #expect(order.map(\.taskID) == ["db"])
    let kinds = directives.toAgent(agent.session).map { if case .runTask = $0 { "run" } else { "apply" } }
    #expect(kinds == ["apply", "apply", "apply", "run"])
    #expect(cluster.view.agents[agent.id]?.status.allocated.persistentVolumes.scalar("disk") == 64)
  }

  @Test func `what was converted is offered again at once, however long the framework refuses the rest`() throws {
    var cluster = Cluster()
    try cluster.agent()
    let scheduler = cluster.framework()
    cluster.accept(
      scheduler, cluster.settle().offers(on: scheduler.connection), [.reserve(try reserved("cpus:1;mem:512"))],
      refuse: 100)
    let offers = cluster.pass(.seconds(2)).offers(on: scheduler.connection)
    #expect(offers.flatMap(\.resources).contains { !$0.reservations.isEmpty })
    // Without an operation the refusal holds.
    cluster.accept(scheduler, offers, [], refuse: 100)
    #expect(cluster.pass(.seconds(50)).offers(on: scheduler.connection).isEmpty)
  }

  // MARK: Refusals

  static let badOperations: [(Offer.Operation, String)] = {
    let other = (try? reserved("cpus:1", to: "prod")) ?? []
    let unreserved = (try? Resources.parse("cpus:1").messages) ?? []
    let tooMuch = (try? reserved("cpus:100")) ?? []
    let volume = (try? reserved("disk:64", volume: "v")) ?? []
    let raw = Resource.with {
      $0.name = "disk"
      $0.type = .scalar
      $0.scalar.value = 64
      $0.providerID.value = "p"
      $0.disk.source.type = .raw
      $0.disk.source.profile = "fast"
    }
    return [
      (.reserve(other), "but the resource was allocated to role 'dev'"),
      (.reserve(unreserved), "is not dynamically reserved; on agent "),
      (.reserve(tooMuch), "does not contain"),
      (.unreserve(unreserved), "is not dynamically reserved; on agent "),
      (.create(volume), "does not contain"),
      (.destroy(volume), "Persistent volumes not found; on agent "),
      (
        .reserve(unreserved.map { $0.with { $0.scalar.value = -1 } }), "Operation attempted with invalid resources: "
      ),
      (
        .of(.growVolume) {
          $0.growVolume.volume = volume[0]
          $0.growVolume.addition = unreserved[0]
        }, "Incompatible resources in the 'GrowVolume.volume' and 'GrowVolume.addition' fields; on agent "
      ),
      (
        .of(.shrinkVolume) {
          $0.shrinkVolume.volume = volume[0]
          $0.shrinkVolume.subtract.value = 64
        }, "must be smaller than the size of 'ShrinkVolume.volume'; on agent "
      ),
      (
        .of(.createDisk) {
          $0.createDisk.source = raw
          $0.createDisk.targetType = .mount
        }, "Invalid CREATE_DISK Operation: "
      ),
    ]
  }()

  @Test(arguments: badOperations.indices)
  func `a refused operation is an error to a framework that named it, and leaves everything as it was`(index: Int)
    throws
  {
    var (operation, text) = Self.badOperations[index]
    var cluster = Cluster()
    let agent = try cluster.agent()
    let scheduler = cluster.framework()
    let before = cluster.total(of: agent)
    operation.id.value = "op"
    let offers = cluster.settle().offers(on: scheduler.connection)
    let directives = cluster.accept(scheduler, offers, [operation])
    let status = try #require(directives.operations(on: scheduler.connection).first)
    #expect(status.state == .operationError)
    #expect(status.operationID.value == "op")
    #expect(status.message.contains(text), "\(status.message)")
    #expect(!status.hasUuid && !status.hasAgentID)
    #expect(directives.applied(agent).isEmpty)
    #expect(cluster.total(of: agent) == before)
    #expect(cluster.metric("master/operations/error") == 1)
    #expect(cluster.metric("master/operations/\(operation.type.wireName.lowercased())/error") == 1)

    // Without a name nobody hears of it.
    operation.clearID()
    let again = cluster.pass(.seconds(1)).offers(on: scheduler.connection)
    #expect(cluster.accept(scheduler, again, [operation]).operations(on: scheduler.connection).isEmpty)
  }

  @Test func `an agent without operation feedback takes operations that nobody asks about`() throws {
    var cluster = Cluster()
    let agent = try cluster.agent(capabilities: [.multiRole, .hierarchicalRole, .reservationRefinement])
    let scheduler = cluster.framework()
    let offers = cluster.settle().offers(on: scheduler.connection)
    let directives = cluster.accept(
      scheduler, offers, [.reserve(try reserved("cpus:1"), id: "op"), .reserve(try reserved("cpus:1"))])
    #expect(
      directives.operations(on: scheduler.connection).map(\.message) == [
        "Operation requested feedback, but agent \(agent.id) does not have the required RESOURCE_PROVIDER capability"
      ])
    #expect(directives.applied(agent).count == 1)
  }

  @Test func `operations on invalid offers are errors`() throws {
    var cluster = Cluster()
    try cluster.agent()
    let scheduler = cluster.framework()
    let offers = cluster.settle().offers(on: scheduler.connection)
    cluster.accept(scheduler, offers, [])
    let directives = cluster.accept(scheduler, offers, [.reserve(try reserved("cpus:1"), id: "op")])
    let status = try #require(directives.operations(on: scheduler.connection).first)
    #expect(status.message.hasPrefix("Operation attempted with invalid offers: "))
  }

  @Test func `a reservation of the agent's configuration is offered to its role and cannot be undone`() throws {
    var cluster = Cluster()
    let agent = try cluster.agent(resources: "cpus(dev):2;mem(dev):512;cpus:2;mem:512")
    let scheduler = cluster.framework()
    let offers = cluster.settle().offers(on: scheduler.connection)
    let held = try #require(offers.first).resources.filter { !$0.reservations.isEmpty }
    #expect(Set(held.map(\.name)) == ["cpus", "mem"])
    let directives = cluster.accept(scheduler, offers, [.unreserve(held, id: "op")])
    let status = try #require(directives.operations(on: scheduler.connection).first)
    #expect(status.state == .operationError)
    #expect(status.message.contains("is not dynamically reserved"))
    #expect(cluster.total(of: agent).reserved(to: "dev").scalar("cpus") == 2)
  }

  // MARK: Volumes

  @Test func `a volume grows and shrinks, and its result is not used in the same call`() throws {
    var cluster = Cluster()
    let agent = try cluster.agent()
    let scheduler = cluster.framework()
    let volume = try reserved("disk:64", volume: "v")
    cluster.accept(
      scheduler, cluster.settle().offers(on: scheduler.connection),
      [.reserve(try reserved("disk:96")), .create(volume)])
    let grown = try reserved("disk:96", volume: "v")
    let offers = cluster.pass(.seconds(1)).offers(on: scheduler.connection)
    let directives = cluster.accept(
      scheduler, offers,
      [
        try .of(.growVolume, id: "grow") {
          $0.growVolume.volume = volume[0]
          $0.growVolume.addition = try reserved("disk:32")[0]
        },
        .destroy(grown, id: "destroy"),
      ])
    #expect(directives.operations(on: scheduler.connection).map(\.operationID.value) == ["destroy"])
    #expect(cluster.total(of: agent).persistentVolumes.scalar("disk") == 96)
    let again = cluster.pass(.seconds(1)).offers(on: scheduler.connection)
    cluster.accept(
      scheduler, again,
      [
        .of(.shrinkVolume) {
          $0.shrinkVolume.volume = grown[0]
          $0.shrinkVolume.subtract.value = 50
        }
      ])
    #expect(cluster.total(of: agent).persistentVolumes.scalar("disk") == 46)
    #expect(cluster.total(of: agent).scalar("disk") == 10_000)
  }

  @Test func `a volume in use is not destroyed`() throws {
    var cluster = Cluster()
    let agent = try cluster.agent()
    let scheduler = cluster.framework()
    let volume = try reserved("disk:64", volume: "v")
    var task = try sleeper("db", on: agent)
    task.resources += volume
    cluster.accept(
      scheduler, cluster.settle().offers(on: scheduler.connection),
      [.reserve(try reserved("disk:64")), .create(volume), .launch([task])])
    let offers = cluster.pass(.seconds(1)).offers(on: scheduler.connection)
    let refused = cluster.accept(scheduler, offers, [.destroy(volume, id: "op")])
    let message = refused.operations(on: scheduler.connection).map(\.message)
    #expect(message == ["Persistent volumes in use; on agent \(agent.id) at slave(1)@10.0.0.1:5051 (host)"])

    try cluster.update(agent, scheduler, "db", .taskKilled)
    let free = cluster.pass(.seconds(1)).offers(on: scheduler.connection)
    cluster.accept(scheduler, free, [.destroy(volume)])
    #expect(cluster.total(of: agent).persistentVolumes.isEmpty)
  }

  @Test func `tasks share a volume, and it is destroyed when the last of them has ended`() throws {
    var cluster = Cluster()
    let agent = try cluster.agent()
    func sharing(_ info: inout FrameworkInfo) { info.capabilities.append(.with { $0.type = .sharedResources }) }
    let scheduler = cluster.framework(sharing)
    let volume = try reserved("disk:64", volume: "v", shared: true)
    var tasks = [try sleeper("a", on: agent), try sleeper("b", on: agent), try sleeper("c", on: agent)]
    for index in tasks.indices { tasks[index].resources += volume }
    let directives = cluster.accept(
      scheduler, cluster.settle().offers(on: scheduler.connection),
      [.reserve(try reserved("disk:64")), .create(volume), .launch(tasks)])
    #expect(directives.statuses(on: scheduler.connection).map(\.message) == [])
    #expect(directives.toAgent(agent.session).compactMap(\.runTask).count == 3)
    for task in ["a", "b"] { try cluster.update(agent, scheduler, task, .taskFinished) }
    let offers = cluster.pass(.seconds(1)).offers(on: scheduler.connection)
    #expect(offers.flatMap(\.resources).contains { $0.hasShared })
    let refused = cluster.accept(scheduler, offers, [.destroy(volume, id: "op")])
    #expect(refused.operations(on: scheduler.connection).first?.message.hasPrefix("Persistent volumes in use") == true)
    try cluster.update(agent, scheduler, "c", .taskFinished)
    let free = cluster.pass(.seconds(1)).offers(on: scheduler.connection)
    cluster.accept(scheduler, free, [.destroy(volume)])
    #expect(cluster.total(of: agent).persistentVolumes.isEmpty)
    #expect(cluster.total(of: agent).scalar("disk") == 10_000)
  }

  @Test func `a shared volume is not created by a framework that does not know them`() throws {
    var cluster = Cluster()
    try cluster.agent()
    let scheduler = cluster.framework()
    let directives = cluster.accept(
      scheduler, cluster.settle().offers(on: scheduler.connection),
      [
        .reserve(try reserved("disk:64")),
        .create(try reserved("disk:64", volume: "v", shared: true), id: "op"),
      ])
    #expect(
      directives.operations(on: scheduler.connection).first?.message.contains("with no SHARED_RESOURCES capability")
        == true)
  }

  // MARK: Feedback

  @Test func `a named operation is pending, ends as its agent says, and is gone when that is acknowledged`() throws {
    var cluster = Cluster()
    let agent = try cluster.agent()
    let scheduler = cluster.framework()
    let directives = cluster.accept(
      scheduler, cluster.settle().offers(on: scheduler.connection), [.reserve(try reserved("cpus:1"), id: "op")])
    let order = try #require(directives.applied(agent).first)
    let key = try #require(OperationKey(bytes: [UInt8](order.operationUuid)))
    #expect(MessageBytes.isUUID(order.operationUuid))
    let row = try #require(cluster.view.operations[key])
    let shown = try MesosOperation(serializedBytes: row.stable + row.status.encoded)
    #expect(shown.latestStatus.state == .operationPending)
    #expect(shown.frameworkID.value == scheduler.id.value && shown.agentID.value == agent.id.value)
    #expect(shown.info.id.value == "op" && shown.statuses.isEmpty)
    #expect([UInt8](shown.uuid.value) == key.bytes)
    #expect(cluster.metric("master/operations/pending") == 1)
    #expect(cluster.metric("master/operations/reserve/pending") == 1)

    let told = cluster.finish(order, agent).operations(on: scheduler.connection)
    #expect(told.map(\.state) == [.operationFinished])
    #expect(told.first?.operationID.value == "op")
    #expect(told.first?.agentID.value == agent.id.value)
    #expect(told.first?.hasUuid == true)
    #expect(cluster.metric("master/operations/pending") == 0)
    #expect(cluster.metric("master/operations/finished") == 1)
    #expect(cluster.metric("master/valid_operation_status_updates") == 1)
    // It comes again until it is acknowledged, and is told again.
    #expect(cluster.finish(order, agent).operations(on: scheduler.connection).count == 1)

    let acknowledged = cluster.acknowledge(scheduler, operation: "op", on: agent)
    #expect(acknowledged.operationAcknowledgements(agent).map { [UInt8]($0.operationUuid) } == [key.bytes])
    #expect(cluster.view.operations.isEmpty)
    #expect(cluster.metric("master/operations/finished") == 1)
    #expect(cluster.metric("master/valid_operation_status_update_acknowledgements") == 1)
    // The agent did not hear of it: it is acknowledged again in the framework's stead.
    #expect(cluster.finish(order, agent).operationAcknowledgements(agent).count == 1)
    cluster.acknowledge(scheduler, operation: "op", on: agent)
    #expect(cluster.metric("master/invalid_operation_status_update_acknowledgements") == 1)
  }

  @Test func `the master acknowledges operations that nobody asks about`() throws {
    var cluster = Cluster()
    let agent = try cluster.agent()
    let scheduler = cluster.framework()
    let directives = cluster.accept(
      scheduler, cluster.settle().offers(on: scheduler.connection), [.reserve(try reserved("cpus:1"))])
    let order = try #require(directives.applied(agent).first)
    #expect(cluster.view.operations.count == 1)
    let finished = cluster.finish(order, agent)
    #expect(finished.operations(on: scheduler.connection).isEmpty)
    #expect(finished.operationAcknowledgements(agent).count == 1)
    #expect(cluster.view.operations.isEmpty)
  }

  @Test func `reconciliation tells of named operations, and of others what their agent allows to say`() throws {
    var cluster = Cluster(
      registry: RecoveredRegistry(agents: [
        .init(id: "R", info: [], unreachableSince: nil), .init(id: "U", info: [], unreachableSince: 5),
      ]))
    let agent = try cluster.agent()
    let scheduler = cluster.framework()
    let directives = cluster.accept(
      scheduler, cluster.settle().offers(on: scheduler.connection),
      [.reserve(try reserved("cpus:1"), id: "one"), .reserve(try reserved("cpus:1"), id: "two")])
    cluster.finish(try #require(directives.applied(agent).last), agent)
    func reconcile(_ operations: [(String, AgentKey?)]) -> [OperationStatus] {
      cluster.call(scheduler) { call in
        call.type = .reconcileOperations
        call.reconcileOperations = .with {
          $0.operations = operations.map { id, agent in
            .with {
              $0.operationID.value = id
              if let agent { $0.agentID = AgentID(agent) }
            }
          }
        }
      }.directives.operations(on: scheduler.connection)
    }
    let implicit = reconcile([])
    #expect(implicit.map(\.operationID.value) == ["one", "two"])
    #expect(implicit.map(\.state) == [.operationPending, .operationFinished])
    #expect(implicit.allSatisfy { !$0.hasUuid })
    let explicit = reconcile([
      ("two", nil), ("x", nil), ("x", agent.id), ("x", "R"), ("x", "U"), ("x", "nosuch"),
    ])
    #expect(
      explicit.map(\.state) == [
        .operationFinished, .operationUnknown, .operationUnknown, .operationRecovering, .operationUnreachable,
        .operationUnknown,
      ])
    #expect(explicit[1].message == "Reconciliation: Operation is unknown and no 'agent_id' was provided")
    #expect(explicit[5].message == "Reconciliation: Both operation and agent are unknown")
  }

  // MARK: Agents that come back

  @Test func `an agent that comes back without an operation drops it, and its resources are as it says`() throws {
    var cluster = Cluster()
    let agent = try cluster.agent()
    let scheduler = cluster.framework()
    let before = cluster.total(of: agent)
    cluster.accept(
      scheduler, cluster.settle().offers(on: scheduler.connection), [.reserve(try reserved("cpus:1"), id: "op")])
    #expect(cluster.total(of: agent) != before)
    cluster.handle(.agentDisconnected(agent.session))
    let (_, directives) = try cluster.reregister(agent)
    let told = directives.operations(on: scheduler.connection)
    #expect(told.map(\.state) == [.operationDropped])
    #expect(told.first?.operationID.value == "op")
    #expect(cluster.total(of: agent) == before)
    #expect(cluster.view.operations.isEmpty)
    #expect(cluster.metric("master/operations/dropped") == 1)
  }

  @Test func `an agent that comes back with an operation ends it later`() throws {
    var cluster = Cluster()
    let agent = try cluster.agent()
    let scheduler = cluster.framework()
    let accepted = cluster.accept(
      scheduler, cluster.settle().offers(on: scheduler.connection), [.reserve(try reserved("cpus:1"), id: "op")])
    let order = try #require(accepted.applied(agent).first)
    let total = cluster.total(of: agent)
    cluster.handle(.agentDisconnected(agent.session))
    let (back, directives) = try cluster.reregister(agent, total: total, operations: [order])
    #expect(directives.operations(on: scheduler.connection).isEmpty)
    #expect(cluster.total(of: agent) == total)
    #expect(cluster.view.operations.count == 1)
    #expect(cluster.finish(order, back).operations(on: scheduler.connection).map(\.state) == [.operationFinished])
  }

  @Test func `a new master learns reservations, volumes and operations from the agent`() throws {
    var first = Cluster()
    let agent = try first.agent()
    let scheduler = first.framework()
    let volume = try reserved("disk:64", volume: "v")
    let accepted = first.accept(
      scheduler, first.settle().offers(on: scheduler.connection),
      [.reserve(try reserved("disk:64")), .create(volume, id: "op")])
    let order = try #require(accepted.applied(agent).last)

    var second = Cluster(
      registry: RecoveredRegistry(agents: [
        .init(id: agent.id, info: MessageBytes.encoded(agent.info), unreachableSince: nil)
      ]))
    let (back, _) = try second.reregister(agent, total: first.total(of: agent), operations: [order])
    #expect(second.total(of: agent).persistentVolumes.scalar("disk") == 64)
    #expect(second.view.operations.count == 1)
    // Its framework is not here yet: the agent tells it again, and nobody acknowledges it meanwhile.
    #expect(second.finish(order, back).operationAcknowledgements(back).isEmpty)
    let connection = second.subscribe(scheduler.info).connection
    let told = second.finish(order, back).operations(on: connection)
    #expect(told.map(\.operationID.value) == ["op"])
    let offered = second.pass(.seconds(1)).offers(on: connection).flatMap(\.resources)
    #expect(offered.contains { $0.disk.persistence.id == "v" })
  }

  @Test func `the operations of a framework that never comes are adopted after five minutes`() throws {
    var cluster = Cluster()
    let agent = try cluster.agent()
    let order = LinkApplyOperation.with {
      $0.operationUuid = MessageBytes.copy(Cluster.uuid(77))
      $0.frameworkID = "gone"
      $0.operation = MessageBytes.copy(
        MessageBytes.encoded(Offer.Operation.reserve((try? reserved("cpus:1")) ?? [], id: "op")))
    }
    let (back, _) = try cluster.reregister(agent, operations: [order])
    #expect(cluster.finish(order, back).operationAcknowledgements(back).isEmpty)
    for _ in 0..<31 {
      cluster.handle(.agentHeard(back.session))
      cluster.pass(.seconds(10))
    }
    #expect(cluster.finish(order, back).operationAcknowledgements(back).count == 1)
    #expect(cluster.view.operations.isEmpty)
  }

  @Test func `the operations of a framework that was removed are acknowledged for it`() throws {
    var cluster = Cluster()
    let agent = try cluster.agent()
    let scheduler = cluster.framework()
    let accepted = cluster.accept(
      scheduler, cluster.settle().offers(on: scheduler.connection), [.reserve(try reserved("cpus:1"), id: "op")])
    #expect(cluster.teardown(scheduler.id) == .ok)
    let order = try #require(accepted.applied(agent).first)
    #expect(cluster.finish(order, agent).operationAcknowledgements(agent).count == 1)
    #expect(cluster.view.operations.isEmpty)
    // What it reserved stays.
    #expect(cluster.total(of: agent).reserved(to: "dev").scalar("cpus") == 1)
  }

  @Test func `an agent that becomes unreachable takes its operations along`() throws {
    var cluster = Cluster()
    let agent = try cluster.agent()
    let scheduler = cluster.framework()
    cluster.accept(
      scheduler, cluster.settle().offers(on: scheduler.connection), [.reserve(try reserved("cpus:1"), id: "op")])
    let lost = cluster.pass(.seconds(100)).operations(on: scheduler.connection)
    #expect(lost.map(\.state) == [.operationUnreachable])
    #expect(lost.first?.message == "Agent was marked unreachable")
    #expect(lost.first?.agentID.value == agent.id.value)
    #expect(cluster.view.operations.isEmpty)
    #expect(cluster.metric("master/operations/pending") == 0)
  }

  @Test func `an agent that an operator gives up takes its operations along`() throws {
    var cluster = Cluster()
    let agent = try cluster.agent()
    let scheduler = cluster.framework()
    cluster.accept(
      scheduler, cluster.settle().offers(on: scheduler.connection), [.reserve(try reserved("cpus:1"), id: "op")])
    let gone = cluster.operate {
      $0.type = .markAgentGone
      $0.markAgentGone.agentID = AgentID(agent.id)
    }
    let told = gone.operations(on: scheduler.connection)
    #expect(told.map(\.state) == [.operationGoneByOperator])
    #expect(told.first?.message == "Agent has been marked gone")
    #expect(cluster.view.operations.isEmpty)
  }

  @Test func `an agent is drained when its operations are settled, too`() throws {
    var cluster = Cluster()
    let agent = try cluster.agent()
    let scheduler = cluster.framework()
    let directives = cluster.accept(
      scheduler, cluster.settle().offers(on: scheduler.connection), [.reserve(try reserved("cpus:1"), id: "op")])
    let order = try #require(directives.applied(agent).first)
    _ = cluster.operate {
      $0.type = .drainAgent
      $0.drainAgent.agentID = AgentID(agent.id)
    }
    var state: DrainState? { cluster.view.agents[agent.id]?.status.drainInfo?.state }
    #expect(state == .draining)
    _ = cluster.finish(order, agent)
    #expect(state == .draining)
    cluster.acknowledge(scheduler, operation: "op", on: agent)
    #expect(state == .drained)
  }
}
