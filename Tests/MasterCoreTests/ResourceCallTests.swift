import AgentLinkModel
import MesosModel
import Testing

@testable import MasterCore

/// RESERVE_RESOURCES and its like, which operators use.
struct ResourceCallTests {
  @Test func `an operator reserves what is offered: as many offers as needed are rescinded`() throws {
    var cluster = Cluster()
    let agent = try cluster.agent()
    let scheduler = cluster.framework()
    let offers = cluster.settle().offers(on: scheduler.connection)
    let call = MasterCall.reserve(try reserved("cpus:1;mem:512", to: "prod", principal: "ops"), on: agent)
    let directives = cluster.operate(principal: Principal(value: "ops")) { $0 = call }
    #expect(directives.answer == .accepted)
    #expect(directives.rescinded(on: scheduler.connection) == offers.map(\.id.value))
    let order = try #require(directives.applied(agent).first)
    #expect(!order.hasFrameworkID)
    #expect(cluster.total(of: agent).reserved(to: "prod").scalar("cpus") == 1)
    #expect(cluster.view.operations.count == 1)
    // The framework refused them for it, for the usual five seconds.
    #expect(cluster.pass(.seconds(4)).offers(on: scheduler.connection).isEmpty)
    let again = cluster.pass(.seconds(3)).offers(on: scheduler.connection).flatMap(\.resources)
    #expect(again.allSatisfy { $0.reservations.isEmpty })
    #expect(try Resources(again).scalar("cpus") == 3)
    #expect(cluster.finish(order, agent).operationAcknowledgements(agent).count == 1)
    #expect(cluster.view.operations.isEmpty)
  }

  @Test func `offers that hold nothing of what is needed stay`() throws {
    var cluster = Cluster()
    let agent = try cluster.agent()
    let scheduler = cluster.framework()
    let first = cluster.settle().offers(on: scheduler.connection)
    cluster.launch(
      scheduler, [try sleeper("a", on: agent, resources: "cpus:4;mem:64;disk:10000")], on: first, refuse: 0)
    let rest = cluster.pass(.seconds(1)).offers(on: scheduler.connection)
    try cluster.update(agent, scheduler, "a", .taskFinished)
    let freed = cluster.pass(.seconds(1)).offers(on: scheduler.connection)
    #expect(rest.count == 1 && freed.count == 1)
    let call = MasterCall.reserve(try reserved("cpus:1"), on: agent)
    let directives = cluster.operate { $0 = call }
    #expect(directives.rescinded(on: scheduler.connection) == freed.map(\.id.value))
  }

  @Test func `what tasks use cannot be reserved`() throws {
    var cluster = Cluster()
    let agent = try cluster.agent()
    let scheduler = cluster.framework()
    let offers = cluster.settle().offers(on: scheduler.connection)
    cluster.launch(scheduler, [try sleeper("a", on: agent, resources: "cpus:3.5;mem:64")], on: offers)
    let before = cluster.total(of: agent)
    let call = MasterCall.reserve(try reserved("cpus:1"), on: agent)
    guard case .rejected(let status, let text)? = cluster.operate({ $0 = call }).answer else {
      Issue.record("it was taken")
      return
    }
    #expect(status == 409)
    #expect(text.contains("does not contain cpus:1"), "\(text)")
    #expect(cluster.total(of: agent) == before)
  }

  @Test func `volumes are created, grown, shrunk and destroyed, then unreserved`() throws {
    var cluster = Cluster()
    let agent = try cluster.agent()
    let before = cluster.total(of: agent)
    let small = try reserved("disk:64", volume: "v")
    let large = try reserved("disk:96", volume: "v")
    let calls: [MasterCall] = [
      .reserve(try reserved("disk:96"), on: agent), .create(small, on: agent),
      try MasterCall.of(.growVolume) {
        $0.growVolume.agentID = AgentID(agent.id)
        $0.growVolume.volume = small[0]
        $0.growVolume.addition = try reserved("disk:32")[0]
      },
      .of(.shrinkVolume) {
        $0.shrinkVolume.agentID = AgentID(agent.id)
        $0.shrinkVolume.volume = large[0]
        $0.shrinkVolume.subtract.value = 32
      },
    ]
    let sizes: [Scalar] = [0, 64, 96, 64]
    for (call, size) in zip(calls, sizes) {
      #expect(cluster.operate { $0 = call }.answer == .accepted, "\(call.type)")
      #expect(cluster.total(of: agent).persistentVolumes.scalar("disk") == size)
    }
    #expect(cluster.operate { $0 = .destroy(small, on: agent) }.answer == .accepted)
    let last = MasterCall.unreserve(try reserved("disk:96"), on: agent)
    #expect(cluster.operate { $0 = last }.answer == .accepted)
    #expect(cluster.total(of: agent) == before)
  }

  @Test func `a reservation moves to another role with its volume`() throws {
    var cluster = Cluster()
    let agent = try cluster.agent()
    for call: MasterCall in [
      .reserve(try reserved("disk:64"), on: agent), .create(try reserved("disk:64", volume: "v"), on: agent),
      .reserve(
        try reserved("disk:64", to: "prod", volume: "v"), from: try reserved("disk:64", volume: "v"), on: agent),
    ] {
      #expect(cluster.operate { $0 = call }.answer == .accepted)
    }
    let volumes = cluster.total(of: agent).persistentVolumes
    #expect(volumes.entries.map(\.reservationRole) == ["prod"])
    #expect(volumes.entries.map { $0.disk?.persistence.id } == ["v"])
  }

  @Test func `calls that make no sense are refused in the words of Apache Mesos`() throws {
    var cluster = Cluster()
    let agent = try cluster.agent()
    let plain = try Resources.parse("cpus:1").messages
    let name = "\(agent.id) at slave(1)@10.0.0.1:5051 (host)"
    var nowhere = agent
    nowhere.id = "nosuch"
    let wrong: [(MasterCall, String)] = [
      (.reserve(try reserved("cpus:1"), on: nowhere), "No agent found with specified ID"),
      (
        .reserve(plain, on: agent),
        "Invalid RESERVE operation on agent \(name): Resource cpus:1 is not dynamically reserved"
      ),
      (.unreserve(plain, on: agent), "Invalid UNRESERVE operation: Resource cpus:1 is not dynamically reserved"),
      (
        .destroy(try reserved("disk:64", volume: "v"), on: agent),
        "Invalid DESTROY operation: Persistent volumes not found"
      ),
      (
        .reserve(try reserved("cpus:1", allocated: "dev"), on: agent),
        "Invalid RESERVE operation on agent \(name): A reserve operation was attempted with an allocated resource"
      ),
    ]
    for (call, text) in wrong {
      guard case .rejected(let status, let found)? = cluster.operate({ $0 = call }).answer else {
        Issue.record("taken: \(call)")
        continue
      }
      #expect(status == 400)
      #expect(found.hasPrefix(text), "\(found)")
    }
    #expect(cluster.view.operations.isEmpty)
  }

  @Test func `another principal cannot reserve in somebody's name`() throws {
    var cluster = Cluster()
    let agent = try cluster.agent()
    let call = MasterCall.reserve(try reserved("cpus:1", principal: "ops"), on: agent)
    guard case .rejected(let status, _)? = cluster.operate(principal: Principal(value: "eve"), { $0 = call }).answer
    else {
      Issue.record("it was taken")
      return
    }
    #expect(status == 400)
  }
}
