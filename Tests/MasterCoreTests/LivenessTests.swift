import AgentLinkModel
import MesosModel
import SwiftProtobuf
import Testing

@testable import MasterCore

struct LivenessTests {
  @Test func `an agent that is heard of is never given up`() throws {
    var cluster = Cluster()
    let agent = try cluster.agent()
    for _ in 0..<40 {
      cluster.pass(.seconds(14))
      cluster.handle(.agentHeard(agent.session))
    }
    #expect(cluster.view.agents[agent.id]?.status.active == true)
  }

  @Test(arguments: [true, false], [true, false])
  func `a silent agent becomes unreachable after five timeouts, and its tasks with it`(
    isPartitionAware: Bool, isConnected: Bool
  ) throws {
    var cluster = Cluster()
    let agent = try cluster.agent()
    let scheduler = cluster.framework {
      if !isPartitionAware { $0.capabilities.removeAll { $0.type == .partitionAware } }
    }
    cluster.launch(
      scheduler, [try sleeper("t", on: agent)], on: cluster.settle().offers(on: scheduler.connection))
    if !isConnected { cluster.handle(.agentDisconnected(agent.session)) }
    var directives = cluster.pass(.seconds(74))
    #expect(directives.persisted.isEmpty)
    cluster.persistsAtOnce = false
    directives = cluster.pass(.seconds(2))
    let write = try #require(directives.persisted.first)
    guard case .markUnreachable(agent.id, let since, _) = write.operations.first else {
      Issue.record("not the agent")
      return
    }
    #expect(directives.statuses(on: scheduler.connection).isEmpty)
    directives = cluster.handle(.persisted(write.number))
    let status = try #require(directives.statuses(on: scheduler.connection).first)
    #expect(status.state == (isPartitionAware ? .taskUnreachable : .taskLost))
    #expect(status.reason == .agentRemoved)
    #expect(status.message == "health check timed out")
    #expect(status.unreachableTime.nanoseconds == since)
    #expect(!status.hasUuid)
    #expect(directives.events(on: scheduler.connection).last?.failure.agentID.key == agent.id)
    #expect(directives.isClosed(agent.session) == isConnected)
    #expect(cluster.view.agents.isEmpty)
    #expect(cluster.view.task(scheduler.id, "t")?.section == .unreachable)
    #expect(cluster.view.frameworks[scheduler.id]?.status.allocated.isEmpty == true)
  }

  @Test func `FAILURE tells every framework of an agent that was removed`() throws {
    var cluster = Cluster()
    let agent = try cluster.agent()
    let schedulers = [cluster.framework(), cluster.framework { $0.name = "other" }]
    cluster.settle()
    cluster.handle(.agentDisconnected(agent.session))
    let directives = cluster.pass(.seconds(80))
    for scheduler in schedulers {
      let failures = directives.events(on: scheduler.connection).filter { $0.type == .failure }.map(\.failure)
      #expect(failures.map(\.agentID.key) == [agent.id])
      #expect(failures.allSatisfy { !$0.hasExecutorID && !$0.hasStatus })
    }
  }

  @Test func `an unreachable agent that returns brings its tasks back`() throws {
    var (cluster, agent, scheduler) = try TaskUpdateTests.running()
    cluster.handle(.agentDisconnected(agent.session))
    cluster.pass(.seconds(80))
    #expect(cluster.view.task(scheduler.id, "t")?.section == .unreachable)
    cluster.persistsAtOnce = false
    let (back, directives) = try cluster.reregister(
      agent, running: [(scheduler, try sleeper("t", on: agent), .taskRunning)])
    let write = try #require(directives.persisted.first)
    guard case .markReachable(agent.id, _) = write.operations.first else {
      Issue.record("not the agent")
      return
    }
    #expect(directives.count == 1)
    let admitted = cluster.handle(.persisted(write.number))
    #expect(admitted.toAgent(back.session).compactMap(\.registeredID) == [agent.id])
    let status = try #require(admitted.statuses(on: scheduler.connection).first)
    #expect(status.state == .taskRunning)
    #expect(status.reason == .agentReregistered)
    #expect(status.message == "Unreachable agent re-reregistered")
    #expect(cluster.view.task(scheduler.id, "t")?.section == .active)
    #expect(cluster.view.agents[agent.id]?.status.allocated.scalar("cpus") == 0.5)
  }

  @Test func `an unreachable task that is gone when its agent returns is forgotten`() throws {
    var (cluster, agent, scheduler) = try TaskUpdateTests.running()
    cluster.handle(.agentDisconnected(agent.session))
    cluster.pass(.seconds(80))
    _ = try cluster.reregister(agent)
    #expect(cluster.view.task(scheduler.id, "t") == nil)
    #expect(
      ReconciliationTests.reconcile(&cluster, scheduler, [("t", agent.id.value)]).map(\.state) == [.taskGone])
  }

  @Test func `the id of an unreachable task cannot be used`() throws {
    var (cluster, agent, scheduler) = try TaskUpdateTests.running()
    cluster.handle(.agentDisconnected(agent.session))
    cluster.pass(.seconds(80))
    let other = try cluster.agent()
    let offers = cluster.settle().offers(on: scheduler.connection)
    let directives = cluster.launch(scheduler, [try sleeper("t", on: other)], on: offers)
    #expect(
      directives.statuses(on: scheduler.connection).map(\.message) == ["Task reuses the ID of an unreachable task: t"])
  }

  @Test func `an agent that re-registers while it is being given up is given up first and comes back then`() throws {
    var (cluster, agent, scheduler) = try TaskUpdateTests.running()
    cluster.handle(.agentDisconnected(agent.session))
    cluster.persistsAtOnce = false
    let lost = try #require(cluster.pass(.seconds(80)).persisted.first)
    let (back, asked) = try cluster.reregister(
      agent, running: [(scheduler, try sleeper("t", on: agent), .taskRunning)])
    let found = try #require(asked.persisted.first)
    #expect(found.number == lost.number + 1)
    let directives = cluster.handle(.persisted(found.number))
    #expect(directives.statuses(on: scheduler.connection).map(\.state) == [.taskUnreachable, .taskRunning])
    #expect(directives.toAgent(back.session).compactMap(\.registeredID) == [agent.id])
    #expect(cluster.view.task(scheduler.id, "t")?.section == .active)
    #expect(cluster.view.agents[agent.id]?.status.active == true)
  }

  @Test func `an agent is checked again when the registry could not be told`() throws {
    var (cluster, agent, _) = try TaskUpdateTests.running()
    cluster.handle(.agentDisconnected(agent.session))
    cluster.persistsAtOnce = false
    let first = try #require(cluster.pass(.seconds(80)).persisted.first)
    cluster.handle(.persistFailed(first.number, message: "disk full"))
    #expect(cluster.view.agents[agent.id] != nil)
    let second = try #require(cluster.pass(.seconds(16)).persisted.first)
    cluster.handle(.persisted(second.number))
    #expect(cluster.view.agents[agent.id] == nil)
  }

  @Test func `agents of the registry that do not return in time become unreachable together`() throws {
    let registry = RecoveredRegistry(agents: [
      .init(id: "b", info: [], unreachableSince: nil), .init(id: "a", info: [], unreachableSince: nil),
    ])
    var cluster = Cluster(registry: registry)
    let scheduler = cluster.framework()
    #expect(cluster.pass(.seconds(599)).persisted.isEmpty)
    #expect(cluster.view.recovered == ["a", "b"])
    let directives = cluster.pass(.seconds(2))
    #expect(directives.persisted.map(\.operations.count) == [2])
    #expect(
      directives.events(on: scheduler.connection).filter { $0.type == .failure }.map(\.failure.agentID.value)
        == ["a", "b"])
    #expect(cluster.view.recovered.isEmpty)
  }

  @Test func `unreachable tasks and agents are bounded`() throws {
    var cluster = Cluster {
      $0.unreachableTasksPerFrameworkMax = 1
      $0.unreachableAgentsMax = 1
    }
    let scheduler = cluster.framework()
    for id in ["a", "b"] {
      let agent = try cluster.agent()
      let offers = cluster.settle().offers(on: scheduler.connection)
      cluster.launch(scheduler, [try sleeper(id, on: agent)], on: offers)
      cluster.handle(.agentDisconnected(agent.session))
      cluster.pass(.seconds(80))
    }
    #expect(cluster.view.task(scheduler.id, "a") == nil)
    #expect(cluster.view.task(scheduler.id, "b")?.section == .unreachable)
    #expect(cluster.core.unreachableAgents.count == 1)
    #expect(cluster.log.persisted.flatMap(\.operations).contains(.removeAgent(AgentKey("\(Cluster.masterID)-S0"))))
  }

  @Test func `a task whose end was told is not told another end when its agent is lost`() throws {
    var (cluster, agent, scheduler) = try TaskUpdateTests.running()
    try cluster.update(agent, scheduler, "t", .taskFinished)
    cluster.handle(.agentDisconnected(agent.session))
    let directives = cluster.pass(.seconds(80))
    #expect(directives.statuses(on: scheduler.connection).isEmpty)
    #expect(cluster.view.task(scheduler.id, "t")?.section == .completed)
    #expect(cluster.view.task(scheduler.id, "t")?.status.state == .taskFinished)
  }
}
