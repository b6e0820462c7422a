import AgentLinkModel
import MesosModel
import SwiftProtobuf
import Testing

@testable import MasterCore

struct DrainingTests {
  private static func drain(
    _ agent: AgentKey, grace: Int64? = nil, markGone: Bool = false
  ) -> (inout MasterCall) -> Void {
    { call in
      call.type = .drainAgent
      call.drainAgent.agentID = AgentID(agent)
      call.drainAgent.markGone = markGone
      if let grace { call.drainAgent.maxGracePeriod.seconds = grace }
    }
  }

  private static func deactivate(_ agent: AgentKey) -> (inout MasterCall) -> Void {
    { call in
      call.type = .deactivateAgent
      call.deactivateAgent.agentID = AgentID(agent)
    }
  }

  private static func reactivate(_ agent: AgentKey) -> (inout MasterCall) -> Void {
    { call in
      call.type = .reactivateAgent
      call.reactivateAgent.agentID = AgentID(agent)
    }
  }

  private static func gone(_ agent: AgentKey) -> (inout MasterCall) -> Void {
    { call in
      call.type = .markAgentGone
      call.markAgentGone.agentID = AgentID(agent)
    }
  }

  @Test func `an agent is told to drain once that is durable, and is drained when its last task is over`() throws {
    var (cluster, agent, scheduler) = try TaskUpdateTests.running()
    cluster.persistsAtOnce = false
    let asked = cluster.operate(Self.drain(agent.id, grace: 7))
    let write = try #require(asked.persisted.first)
    #expect(asked.toAgent(agent.session).isEmpty)
    cluster.persistsAtOnce = true
    let done = cluster.handle(.persisted(write.number))
    #expect(done.answer == .ok)
    let order = try #require(done.toAgent(agent.session).compactMap(\.drained).first)
    #expect(order.config.maxGracePeriod.nanoseconds == 7_000_000_000)
    #expect(!order.config.markGone)
    var status = try #require(cluster.view.agents[agent.id]?.status)
    #expect(status.deactivated && !status.active)
    #expect(status.drainInfo?.state == .draining)
    #expect(status.drainStartTime != nil)
    #expect(cluster.settle().offers(on: scheduler.connection).isEmpty)

    try cluster.update(agent, scheduler, "t", .taskKilled)
    #expect(cluster.view.agents[agent.id]?.status.drainInfo?.state == .draining)
    let ended = cluster.acknowledge(scheduler, "t", on: agent)
    #expect(ended.persisted.count == 1)
    status = try #require(cluster.view.agents[agent.id]?.status)
    #expect(status.drainInfo?.state == .drained)
    #expect(status.deactivated)
    #expect(cluster.settle().offers(on: scheduler.connection).isEmpty)
  }

  @Test func `an agent without tasks is drained at once, and offered again when it is reactivated`() throws {
    var cluster = Cluster()
    let agent = try cluster.agent()
    let scheduler = cluster.framework()
    #expect(cluster.settle().offers(on: scheduler.connection).count == 1)
    let done = cluster.operate(Self.drain(agent.id))
    #expect(done.rescinded(on: scheduler.connection).count == 1)
    #expect(cluster.view.agents[agent.id]?.status.drainInfo?.state == .drained)
    #expect(cluster.pass(.seconds(20)).offers(on: scheduler.connection).isEmpty)
    cluster.handle(.agentHeard(agent.session))

    let back = cluster.operate(Self.reactivate(agent.id))
    #expect(back.answer == .ok)
    #expect(
      back.persisted.first?.operations == [.clearCondition(agent.id), .releaseCapability("AGENT_DRAINING")])
    #expect(cluster.view.agents[agent.id]?.status.active == true)
    #expect(cluster.view.agents[agent.id]?.status.drainInfo == nil)
    #expect(cluster.settle().offers(on: scheduler.connection).count == 1)
  }

  @Test func `a draining that is called off lets the agent take tasks again`() throws {
    var (cluster, agent, scheduler) = try TaskUpdateTests.running()
    _ = cluster.operate(Self.drain(agent.id))
    let done = cluster.operate(Self.reactivate(agent.id))
    #expect(done.answer == .ok)
    let order = try #require(done.toAgent(agent.session).compactMap(\.drained).first)
    #expect(!order.hasConfig)
    #expect(cluster.settle().offers(on: scheduler.connection).count == 1)
  }

  @Test func `a drained agent that is to be gone is marked so`() throws {
    var (cluster, agent, scheduler) = try TaskUpdateTests.running()
    _ = cluster.operate(Self.drain(agent.id, markGone: true))
    try cluster.update(agent, scheduler, "t", .taskGoneByOperator)
    let ended = cluster.acknowledge(scheduler, "t", on: agent)
    guard case .markGone(agent.id, _)? = ended.persisted.first?.operations.first else {
      Issue.record("\(ended.persisted)")
      return
    }
    #expect(cluster.view.agents.isEmpty)
    #expect(cluster.core.goneAgents.contains(agent.id))
  }

  @Test func `an agent goes on draining after a failover of the master and is told again`() throws {
    var (cluster, agent, scheduler) = try TaskUpdateTests.running()
    _ = cluster.operate(Self.drain(agent.id))
    let condition = try #require(cluster.core.conditions[agent.id])
    let registry = RecoveredRegistry(agents: [
      .init(
        id: agent.id, info: MessageBytes.encoded(agent.info), unreachableSince: nil, condition: condition)
    ])
    var next = Cluster(registry: registry)
    let (back, directives) = try next.reregister(
      agent, running: [(scheduler, try sleeper("t", on: agent), .taskRunning)])
    let sent = directives.toAgent(back.session)
    #expect(sent.compactMap(\.registeredID) == [agent.id])
    #expect(sent.compactMap(\.drained).count == 1)
    #expect(next.view.agents[agent.id]?.status.deactivated == true)
    #expect(next.view.agents[agent.id]?.status.drainInfo?.state == .draining)
  }

  @Test func `an agent that was not there when it was to be drained is told when it comes`() throws {
    var cluster = Cluster()
    let agent = try cluster.agent()
    cluster.handle(.agentDisconnected(agent.session))
    cluster.pass(.seconds(80))
    #expect(cluster.view.agents.isEmpty)
    #expect(cluster.operate(Self.drain(agent.id)).answer == .ok)
    let (back, directives) = try cluster.reregister(agent)
    #expect(directives.toAgent(back.session).compactMap(\.drained).count == 1)
    #expect(cluster.view.agents[agent.id]?.status.drainInfo?.state == .drained)
  }

  @Test func `a draining whose end the registry cannot keep is tried again`() throws {
    var cluster = Cluster()
    let agent = try cluster.agent()
    cluster.persistsAtOnce = false
    let write = try #require(cluster.operate(Self.drain(agent.id)).persisted.first)
    let second = try #require(cluster.handle(.persisted(write.number)).persisted.first)
    cluster.handle(.persistFailed(second.number, message: "full"))
    #expect(cluster.view.agents[agent.id]?.status.drainInfo?.state == .draining)
    cluster.persistsAtOnce = true
    cluster.pass(.seconds(16))
    #expect(cluster.view.agents[agent.id]?.status.drainInfo?.state == .drained)
  }

  @Test func `agents that cannot be drained are named in the answer`() throws {
    var cluster = Cluster()
    #expect(cluster.operate(Self.drain("nobody")).answer == .rejected(status: 400, text: "Unknown agent"))
    let agent = try cluster.agent()
    var old = LinkReregister()
    old.agentInfo = agent.info
    old.version = "1.8.0"
    cluster.handle(.agentMessage(agent.session, .reregister(old), address: agent.address))
    #expect(
      cluster.operate(Self.drain(agent.id)).answer
        == .rejected(status: 400, text: "Agent \(agent.id) is not capable of draining"))
  }

  @Test func `a deactivated agent is not offered, and its tasks go on`() throws {
    var (cluster, agent, scheduler) = try TaskUpdateTests.running()
    let offered = cluster.settle()
    _ = offered
    let done = cluster.operate(Self.deactivate(agent.id))
    #expect(done.answer == .ok)
    #expect(done.toAgent(agent.session).isEmpty)
    #expect(cluster.view.agents[agent.id]?.status.deactivated == true)
    #expect(cluster.view.agents[agent.id]?.status.drainInfo == nil)
    #expect(cluster.view.task(scheduler.id, "t")?.section == .active)
    #expect(cluster.settle().offers(on: scheduler.connection).isEmpty)
    // It comes back deactivated.
    let (back, _) = try cluster.reregister(agent, running: [(scheduler, try sleeper("t", on: agent), .taskRunning)])
    #expect(cluster.settle().offers(on: scheduler.connection).isEmpty)
    #expect(cluster.operate(Self.reactivate(agent.id)).answer == .ok)
    #expect(cluster.settle().offers(on: scheduler.connection).count == 1)
    _ = back
    #expect(
      cluster.operate(Self.reactivate(agent.id)).answer
        == .rejected(status: 400, text: "Agent is not deactivated"))
  }

  @Test(arguments: [true, false])
  func `tasks of an agent that is marked as gone are gone, and it can never come back`(isPartitionAware: Bool) throws {
    var cluster = Cluster()
    let agent = try cluster.agent()
    let scheduler = cluster.framework {
      if !isPartitionAware { $0.capabilities.removeAll { $0.type == .partitionAware } }
    }
    cluster.launch(
      scheduler, [try sleeper("t", on: agent)], on: cluster.settle().offers(on: scheduler.connection))
    cluster.persistsAtOnce = false
    let asked = cluster.operate(Self.gone(agent.id))
    let write = try #require(asked.persisted.first)
    #expect(asked.statuses(on: scheduler.connection).isEmpty)
    cluster.persistsAtOnce = true
    let done = cluster.handle(.persisted(write.number))
    #expect(done.answer == .ok)
    let status = try #require(done.statuses(on: scheduler.connection).first)
    #expect(status.state == (isPartitionAware ? .taskGoneByOperator : .taskLost))
    #expect(status.reason == (isPartitionAware ? .agentRemovedByOperator : .agentRemoved))
    #expect(status.message == "Agent has been marked gone")
    #expect(done.toAgent(agent.session).compactMap(\.shutDown) == ["Agent has been marked gone"])
    #expect(done.isClosed(agent.session))
    #expect(cluster.view.agents.isEmpty)

    let (back, directives) = try cluster.reregister(agent)
    #expect(directives.toAgent(back.session).compactMap(\.shutDown) == ["Agent has been marked gone"])
    #expect(directives.persisted.isEmpty)
    #expect(cluster.operate(Self.gone(agent.id)).answer == .ok)
    #expect(
      cluster.operate(Self.gone("nobody")).answer
        == .rejected(status: 404, text: "Agent 'nobody' not found"))

    let asking = cluster.call(scheduler) {
      $0.type = .reconcile
      $0.reconcile.tasks = [
        .with {
          $0.taskID.value = "other"
          $0.agentID = AgentID(agent.id)
        }
      ]
    }
    #expect(
      asking.directives.statuses(on: scheduler.connection).first?.state
        == (isPartitionAware ? .taskGoneByOperator : .taskLost))
  }

  @Test func `an unreachable agent can be marked as gone, with the tasks that were there`() throws {
    var (cluster, agent, scheduler) = try TaskUpdateTests.running()
    cluster.handle(.agentDisconnected(agent.session))
    cluster.pass(.seconds(80))
    #expect(cluster.view.task(scheduler.id, "t")?.section == .unreachable)
    let done = cluster.operate(Self.gone(agent.id))
    #expect(done.statuses(on: scheduler.connection).first?.state == .taskGoneByOperator)
    #expect(cluster.view.task(scheduler.id, "t")?.section == .completed)
    #expect(cluster.core.unreachableAgents.count == 0)
  }

  @Test func `an agent of the registry that did not come back can be marked as gone`() throws {
    let info = AgentInfo.with { $0.hostname = "h" }
    var cluster = Cluster(
      registry: RecoveredRegistry(agents: [
        .init(id: "S1", info: MessageBytes.encoded(info), unreachableSince: nil)
      ]))
    #expect(cluster.operate(Self.gone("S1")).answer == .ok)
    #expect(cluster.view.recovered.isEmpty)
    #expect(cluster.core.goneAgents.contains("S1"))
  }

  @Test func `an agent that is being given up cannot be marked as gone meanwhile`() throws {
    var cluster = Cluster()
    let agent = try cluster.agent()
    cluster.persistsAtOnce = false
    cluster.pass(.seconds(80))
    #expect(
      cluster.operate(Self.gone(agent.id)).answer
        == .rejected(status: 503, text: "Agent '\(agent.id)' is being transitioned to unreachable"))
  }

  @Test func `agents that are unreachable or gone for long are forgotten`() throws {
    var cluster = Cluster {
      $0.registryAgentAgeMax = .seconds(3_600)
      $0.registryCollectionInterval = .seconds(60)
    }
    let scheduler = cluster.framework()
    let gone = try cluster.agent(hostname: "a")
    _ = cluster.operate(Self.gone(gone.id))
    let lost = try cluster.agent(hostname: "b")
    cluster.launch(
      scheduler, [try sleeper("t", on: lost)], on: cluster.settle().offers(on: scheduler.connection))
    cluster.handle(.agentDisconnected(lost.session))
    cluster.pass(.seconds(3_000))
    #expect(cluster.core.goneAgents.count == 1)
    #expect(cluster.core.unreachableAgents.count == 1)
    let directives = cluster.pass(.seconds(1_000))
    #expect(cluster.core.goneAgents.count == 0)
    #expect(cluster.core.unreachableAgents.count == 0)
    #expect(cluster.view.task(scheduler.id, "t") == nil)
    let operations = directives.persisted.flatMap(\.operations)
    #expect(operations.contains(.forgetGone(gone.id)) && operations.contains(.removeAgent(lost.id)))
  }

  @Test func `silent agents are given up one after the other where their number is limited`() throws {
    var cluster = Cluster { $0.agentRemovalInterval = .seconds(100) }
    for name in ["a", "b", "c"] { _ = try cluster.agent(hostname: name) }
    cluster.pass(.seconds(80))
    #expect(cluster.view.agents.count == 2)
    cluster.pass(.seconds(100))
    #expect(cluster.view.agents.count == 1)
    cluster.pass(.seconds(100))
    #expect(cluster.view.agents.isEmpty)
  }

  @Test func `an agent that is heard of before its turn is not given up`() throws {
    var cluster = Cluster { $0.agentRemovalInterval = .seconds(100) }
    let agents = try ["a", "b"].map { try cluster.agent(hostname: $0) }
    cluster.pass(.seconds(80))
    for agent in agents { cluster.handle(.agentHeard(agent.session)) }
    for _ in 0..<10 {
      cluster.pass(.seconds(30))
      for agent in agents { cluster.handle(.agentHeard(agent.session)) }
    }
    #expect(cluster.view.agents.count == 1)
    #expect(cluster.core.counters.values["slave_unreachable_canceled"] == 1)
  }

  @Test func `a master ends rather than give up more agents of the registry than it may`() {
    let info = MessageBytes.encoded(AgentInfo.with { $0.hostname = "h" })
    let registry = RecoveredRegistry(
      agents: ["S1", "S2"].map { .init(id: $0, info: info, unreachableSince: nil) })
    var cluster = Cluster(registry: registry) { $0.recoveryAgentRemovalLimit = 0.5 }
    let directives = cluster.pass(.seconds(601))
    let aborted = directives.contains { if case .abort = $0 { true } else { false } }
    #expect(aborted)
    #expect(directives.persisted.isEmpty)
  }
}
