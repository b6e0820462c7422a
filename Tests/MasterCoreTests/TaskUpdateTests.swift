import AgentLinkModel
import MesosModel
import SwiftProtobuf
import Testing

@testable import MasterCore

struct TaskUpdateTests {
  /// A cluster with the task `t` launched.
  static func running() throws -> (cluster: Cluster, agent: Agent, scheduler: Scheduler) {
    var cluster = Cluster()
    let agent = try cluster.agent()
    let scheduler = cluster.framework()
    cluster.launch(
      scheduler, [try sleeper("t", on: agent)], on: cluster.settle().offers(on: scheduler.connection), refuse: 0)
    return (cluster, agent, scheduler)
  }

  @Test func `a status update reaches the framework as the executor gave it`() throws {
    var (cluster, agent, scheduler) = try Self.running()
    let directives = try cluster.update(agent, scheduler, "t", .taskRunning, uuid: 7) {
      $0.message = "on my way"
      $0.data = MessageBytes.copy([1, 2, 3])
      $0.executorID = .with { $0.value = "t" }
      $0.containerStatus.containerID.value = "c"
    }
    let status = try #require(directives.statuses(on: scheduler.connection).first)
    #expect(status.state == .taskRunning)
    #expect(status.message == "on my way")
    #expect(status.source == .executor)
    #expect(status.agentID.key == agent.id)
    #expect([UInt8](status.uuid) == Cluster.uuid(7))
    #expect([UInt8](status.data) == [1, 2, 3])

    let row = try #require(cluster.view.task(scheduler.id, "t"))
    let shown = try MesosTask(serializedBytes: row.stable + row.status.encoded)
    #expect(shown.state == .taskRunning)
    #expect(shown.statuses.count == 1)
    #expect(shown.statuses.first?.hasData == false)
    #expect(shown.statusUpdateState == .taskRunning)
    #expect([UInt8](shown.statusUpdateUuid) == Cluster.uuid(7))
  }

  @Test func `of statuses in a row with one state the newest is kept`() throws {
    var (cluster, agent, scheduler) = try Self.running()
    try cluster.update(agent, scheduler, "t", .taskStarting, uuid: 1)
    try cluster.update(agent, scheduler, "t", .taskRunning, uuid: 2) { $0.healthy = false }
    try cluster.update(agent, scheduler, "t", .taskRunning, uuid: 3) { $0.healthy = true }
    let row = try #require(cluster.view.task(scheduler.id, "t"))
    let shown = try MesosTask(serializedBytes: row.stable + row.status.encoded)
    #expect(shown.statuses.map(\.state) == [.taskStarting, .taskRunning])
    #expect(shown.statuses.last?.healthy == true)
  }

  @Test func `resources are free when the end is heard of, and the task is completed when it is acknowledged`() throws {
    var (cluster, agent, scheduler) = try Self.running()
    try cluster.update(agent, scheduler, "t", .taskFinished, uuid: 9)
    #expect(cluster.view.agents[agent.id]?.status.allocated.isEmpty == true)
    #expect(cluster.view.task(scheduler.id, "t")?.section == .active)
    #expect(cluster.view.task(scheduler.id, "t")?.status.state == .taskFinished)
    // An acknowledgement of something else ends nothing.
    cluster.acknowledge(scheduler, "t", on: agent, uuid: 8)
    #expect(cluster.view.task(scheduler.id, "t")?.section == .active)
    let directives = cluster.acknowledge(scheduler, "t", on: agent, uuid: 9)
    let told = try #require(directives.toAgent(agent.session).compactMap(\.acknowledged).first)
    #expect(told.taskID == "t")
    #expect(told.frameworkID == scheduler.id.value)
    #expect([UInt8](told.uuid) == Cluster.uuid(9))
    #expect(cluster.view.task(scheduler.id, "t")?.section == .completed)
  }

  @Test func `the newest state counts for resources while older updates are still on their way`() throws {
    var (cluster, agent, scheduler) = try Self.running()
    let directives = try cluster.update(agent, scheduler, "t", .taskRunning, latest: .taskFinished)
    #expect(directives.statuses(on: scheduler.connection).map(\.state) == [.taskRunning])
    #expect(cluster.view.task(scheduler.id, "t")?.status.state == .taskFinished)
    #expect(cluster.view.agents[agent.id]?.status.allocated.isEmpty == true)
    // Acknowledging the older one does not complete the task.
    cluster.acknowledge(scheduler, "t", on: agent)
    #expect(cluster.view.task(scheduler.id, "t")?.section == .active)
  }

  @Test func `a terminal state does not change again`() throws {
    var (cluster, agent, scheduler) = try Self.running()
    try cluster.update(agent, scheduler, "t", .taskFailed, uuid: 1)
    try cluster.update(agent, scheduler, "t", .taskRunning, uuid: 2)
    #expect(cluster.view.task(scheduler.id, "t")?.status.state == .taskFailed)
    #expect(cluster.view.agents[agent.id]?.status.allocated.isEmpty == true)
  }

  @Test func `updates of unknown tasks are forwarded and acknowledged, and nothing is kept`() throws {
    var (cluster, agent, scheduler) = try Self.running()
    let directives = try cluster.update(agent, scheduler, "ghost", .taskFailed)
    #expect(directives.statuses(on: scheduler.connection).map(\.taskID.value) == ["ghost"])
    #expect(directives.changes.isEmpty)
    #expect(cluster.acknowledge(scheduler, "ghost", on: agent).toAgent(agent.session).count == 1)
  }

  @Test func `updates for a framework that is away wait at the agent`() throws {
    var (cluster, agent, scheduler) = try Self.running()
    cluster.handle(.schedulerDisconnected(scheduler.connection))
    let directives = try cluster.update(agent, scheduler, "t", .taskRunning)
    #expect(directives.statuses(on: scheduler.connection).isEmpty)
    let row = try #require(cluster.view.task(scheduler.id, "t"))
    let shown = try MesosTask(serializedBytes: row.stable + row.status.encoded)
    #expect(shown.state == .taskRunning)
    #expect(!shown.hasStatusUpdateUuid)
  }

  /// The framework had it from a master that gave the agent up since, and acknowledges it once it is back.
  @Test func `an end that the framework was not there to be sent is acknowledged all the same`() throws {
    var (cluster, agent, scheduler) = try Self.running()
    try cluster.update(agent, scheduler, "t", .taskRunning, uuid: 1)
    cluster.handle(.schedulerDisconnected(scheduler.connection))
    try cluster.update(agent, scheduler, "t", .taskFinished, uuid: 2)
    scheduler.connection = cluster.subscribe(scheduler.info).connection
    #expect(cluster.acknowledge(scheduler, "t", on: agent, uuid: 2).toAgent(agent.session).count == 1)
    #expect(cluster.view.task(scheduler.id, "t")?.section == .completed)
  }

  @Test func `an end whose acknowledgement overtook it completes the task`() throws {
    var (cluster, agent, scheduler) = try Self.running()
    try cluster.update(agent, scheduler, "t", .taskRunning, uuid: 1)
    #expect(cluster.acknowledge(scheduler, "t", on: agent, uuid: 2).toAgent(agent.session).count == 1)
    #expect(cluster.view.task(scheduler.id, "t")?.section == .active)
    cluster.handle(.schedulerDisconnected(scheduler.connection))
    try cluster.update(agent, scheduler, "t", .taskFinished, uuid: 2)
    #expect(cluster.view.task(scheduler.id, "t")?.section == .completed)
  }

  @Test func `an update that is not a status or has no proper UUID is ignored`() throws {
    var (cluster, agent, scheduler) = try Self.running()
    for (status, uuid) in [([0xff, 0xff] as [UInt8], Cluster.uuid(1)), ([], [1, 2, 3])] {
      let directives = cluster.say(
        .statusUpdate(
          .with {
            $0.frameworkID = scheduler.id.value
            $0.taskID = "t"
            $0.state = .taskFinished
            $0.latestState = .taskFinished
            $0.uuid = MessageBytes.copy(uuid)
            $0.status = MessageBytes.copy(status)
          }), agent)
      #expect(directives.isEmpty)
    }
    #expect(cluster.view.task(scheduler.id, "t")?.status.state == .taskStaging)
  }

  @Test func `an acknowledgement for an agent that is away or unknown goes nowhere`() throws {
    var (cluster, agent, scheduler) = try Self.running()
    try cluster.update(agent, scheduler, "t", .taskFinished)
    cluster.handle(.agentDisconnected(agent.session))
    cluster.acknowledge(scheduler, "t", on: agent)
    #expect(cluster.view.task(scheduler.id, "t")?.section == .active)
    var other = agent
    other.id = "nosuch"
    #expect(cluster.acknowledge(scheduler, "t", on: other).toAgent(agent.session).isEmpty)
  }

  @Test func `KILL reaches the agent with its policy`() throws {
    var (cluster, agent, scheduler) = try Self.running()
    let (answer, directives) = cluster.call(scheduler) {
      $0.type = .kill
      $0.kill = .with {
        $0.taskID.value = "t"
        $0.killPolicy.gracePeriod.nanoseconds = 5
      }
    }
    #expect(answer == .accepted)
    guard case .killTask(let order) = directives.toAgent(agent.session).first else {
      Issue.record("no order")
      return
    }
    #expect(order.taskID == "t")
    #expect(order.killPolicy.gracePeriod.nanoseconds == 5)
  }

  @Test func `KILL with another agent's id is ignored`() throws {
    var (cluster, _, scheduler) = try Self.running()
    let (answer, directives) = cluster.call(scheduler) {
      $0.type = .kill
      $0.kill = .with {
        $0.taskID.value = "t"
        $0.agentID.value = "other"
      }
    }
    #expect(answer == .accepted)
    #expect(directives.count == 1)
  }

  @Test func `KILL of an unknown task is answered by reconciliation`() throws {
    var (cluster, _, scheduler) = try Self.running()
    let status = try #require(
      cluster.call(scheduler) {
        $0.type = .kill
        $0.kill = .with { $0.taskID.value = "nosuch" }
      }.directives.statuses(on: scheduler.connection).first)
    #expect(status.state == .taskUnknown)
    #expect(status.reason == .reconciliation)
    #expect(!status.hasAgentID)
  }

  @Test func `a KILL that the agent missed is said again when it is back`() throws {
    var (cluster, agent, scheduler) = try Self.running()
    cluster.handle(.agentDisconnected(agent.session))
    cluster.call(scheduler) {
      $0.type = .kill
      $0.kill = .with { $0.taskID.value = "t" }
    }
    let (back, directives) = try cluster.reregister(
      agent, running: [(scheduler, try sleeper("t", on: agent), .taskRunning)])
    #expect(directives.toAgent(back.session).compactMap(\.killedTask) == ["t"])
  }

  @Test func `the history of completed tasks is bounded`() throws {
    var cluster = Cluster { $0.completedTasksPerFrameworkMax = 2 }
    let agent = try cluster.agent()
    let scheduler = cluster.framework()
    for id in ["a", "b", "c"] {
      let offers = cluster.pass(.seconds(1)).offers(on: scheduler.connection)
      cluster.launch(scheduler, [try sleeper(id, on: agent)], on: offers, refuse: 0)
      try cluster.update(agent, scheduler, id, .taskFinished)
      cluster.acknowledge(scheduler, id, on: agent)
    }
    #expect(cluster.view.task(scheduler.id, "a") == nil)
    #expect(cluster.view.count(.completed) == 2)
  }
}
