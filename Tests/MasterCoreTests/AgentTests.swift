import AgentLinkModel
import MesosModel
import SwiftProtobuf
import Testing

@testable import MasterCore

struct AgentTests {
  static func info() throws -> AgentInfo {
    var info = AgentInfo()
    info.hostname = "host"
    info.resources = try Resources.parse("cpus:1").messages
    return info
  }

  static let address = AgentAddress(hostname: "host", ip: "10.0.0.1", port: 5051)

  @Test func `an agent is admitted only when the registry holds it`() throws {
    var cluster = Cluster()
    cluster.persistsAtOnce = false
    let session = cluster.makeSession()
    let asked = cluster.handle(
      .agentMessage(session, .register(Cluster.register(try Self.info())), address: Self.address))
    #expect(asked.count == 1)
    let write = try #require(asked.persisted.first)
    guard case .admitAgent(let id, let bytes) = write.operations.first else {
      Issue.record("not an admission")
      return
    }
    #expect(id.value == "\(Cluster.masterID)-S0")
    #expect(try AgentInfo(serializedBytes: bytes).id.key == id)
    // Asking again while it waits asks nothing of the registry.
    #expect(
      cluster.handle(.agentMessage(session, .register(Cluster.register(try Self.info())), address: Self.address))
        .isEmpty)
    let admitted = cluster.handle(.persisted(write.number))
    #expect(admitted.toAgent(session).compactMap(\.registeredID) == [id])
    #expect(cluster.view.agents[id]?.status.active == true)
    #expect(cluster.view.agents[id]?.status.total.scalar("cpus") == 1)
    let row = try #require(cluster.view.agents[id])
    let shown = try MasterResponse.GetAgents.Agent(serializedBytes: row.stable, partial: true)
    #expect(shown.pid == "slave(1)@10.0.0.1:5051")
    #expect(shown.version == "1.11.0")
    #expect(shown.agentInfo.id.key == id)
    #expect(!shown.hasActive)
    // A registration that comes again is answered again.
    #expect(
      cluster.handle(.agentMessage(session, .register(Cluster.register(try Self.info())), address: Self.address))
        .toAgent(session).compactMap(\.registeredID) == [id])
  }

  @Test func `an agent whose admission could not be stored is sent away to come again`() throws {
    var cluster = Cluster()
    cluster.persistsAtOnce = false
    let session = cluster.makeSession()
    let number = try #require(
      cluster.handle(.agentMessage(session, .register(Cluster.register(try Self.info())), address: Self.address))
        .persisted.first?.number)
    let directives = cluster.handle(.persistFailed(number, message: "disk full"))
    #expect(directives.isClosed(session))
    #expect(directives.toAgent(session).isEmpty)
    #expect(cluster.view.agents.isEmpty)
  }

  @Test func `an admission whose session ended meanwhile is taken back`() throws {
    var cluster = Cluster()
    cluster.persistsAtOnce = false
    let session = cluster.makeSession()
    let number = try #require(
      cluster.handle(.agentMessage(session, .register(Cluster.register(try Self.info())), address: Self.address))
        .persisted.first?.number)
    cluster.handle(.agentDisconnected(session))
    let directives = cluster.handle(.persisted(number))
    #expect(directives.persisted.first?.operations == [.removeAgent(AgentKey("\(Cluster.masterID)-S0"))])
    #expect(cluster.view.agents.isEmpty)
  }

  @Test func `an agent with resources that are none is refused`() throws {
    var cluster = Cluster()
    var info = try Self.info()
    info.resources[0].scalar.value = -1
    let session = cluster.makeSession()
    let directives = cluster.handle(
      .agentMessage(session, .register(Cluster.register(info)), address: Self.address))
    #expect(directives.toAgent(session).compactMap(\.refusal).first?.contains("Invalid scalar resource") == true)
    #expect(directives.isClosed(session))
    #expect(directives.persisted.isEmpty)
  }

  @Test func `what a session says before it registered counts for nothing`() throws {
    var (cluster, agent, scheduler) = try TaskUpdateTests.running()
    var stranger = agent
    stranger.session = cluster.makeSession()
    #expect(try cluster.update(stranger, scheduler, "t", .taskFailed).isEmpty)
    #expect(cluster.say(.unregister(LinkUnregister()), stranger).isEmpty)
  }

  @Test func `agents, frameworks and tasks are learnt anew after the master was replaced`() throws {
    let (first, agent, scheduler) = try TaskUpdateTests.running()
    let bytes = MessageBytes.encoded(agent.info)
    var cluster = Cluster(
      registry: RecoveredRegistry(agents: [.init(id: agent.id, info: bytes, unreachableSince: nil)])
    ) { $0.masterID = "00000000-0000-4000-8000-000000000002" }
    #expect(cluster.view.recovered == [agent.id])
    let (back, directives) = try cluster.reregister(
      agent, running: [(scheduler, try sleeper("t", on: agent), .taskRunning)])
    #expect(directives.toAgent(back.session).compactMap(\.registeredID) == [agent.id])
    #expect(cluster.view.recovered.isEmpty)
    #expect(cluster.view.frameworks[scheduler.id]?.status.recovered == true)
    #expect(cluster.view.frameworks[scheduler.id]?.status.active == false)
    #expect(cluster.view.task(scheduler.id, "t")?.status.state == .taskRunning)
    #expect(cluster.view.agents[agent.id]?.status.allocated.scalar("cpus") == 0.5)
    #expect(first.view.agents[agent.id]?.status.allocated == cluster.view.agents[agent.id]?.status.allocated)

    let (connection, subscribed) = cluster.subscribe(scheduler.info)
    #expect(subscribed.events(on: connection).map(\.type) == [.subscribed, .heartbeat])
    #expect(cluster.view.frameworks[scheduler.id]?.status.recovered == false)
    let offers = cluster.settle().offers(on: connection)
    #expect(try offers.map { try Resources($0.resources).scalar("cpus") } == [3.5])
    let here = Scheduler(id: scheduler.id, connection: connection, info: scheduler.info)
    #expect(ReconciliationTests.reconcile(&cluster, here, []).map(\.state) == [.taskRunning])
    // Nothing is lost, and the task can end.
    try cluster.update(back, here, "t", .taskFinished)
    cluster.acknowledge(here, "t", on: back)
    #expect(cluster.view.task(scheduler.id, "t")?.section == .completed)
  }

  @Test func `statuses that came with an agent are kept when more of them follow`() throws {
    let (_, agent, scheduler) = try TaskUpdateTests.running()
    var cluster = Cluster()
    let task = try sleeper("t", on: agent)
    let status = TaskStatus.with {
      $0.taskID.value = "t"
      $0.state = .taskRunning
    }
    var volatile = TaskStatuses(state: .taskRunning)
    volatile.add(status, latest: .taskRunning)
    let record = LinkReregister.with {
      $0.agentInfo = agent.info
      $0.capabilities = Cluster.capabilities
      $0.version = "1"
      $0.frameworks = [
        .with {
          $0.frameworkID = scheduler.id.value
          $0.info = MessageBytes.copy(MessageBytes.encoded(scheduler.info))
        }
      ]
      $0.tasks = [
        .with {
          $0.frameworkID = scheduler.id.value
          $0.taskID = "t"
          $0.state = .taskRunning
          $0.resources = task.resources.map { resource in
            var resource = resource
            resource.allocationInfo.role = "dev"
            return resource
          }
          $0.stable = MessageBytes.copy(MessageBytes.encoded(MesosTask(task, framework: scheduler.id)))
          $0.volatile = MessageBytes.copy(volatile.encoded)
        }
      ]
    }
    let session = cluster.makeSession()
    cluster.handle(.agentMessage(session, .reregister(record), address: agent.address))
    #expect(cluster.view.task(scheduler.id, "t")?.status.encoded == volatile.encoded)
    var back = agent
    back.session = session
    try cluster.update(back, scheduler, "t", .taskKilling)
    let row = try #require(cluster.view.task(scheduler.id, "t"))
    let shown = try MesosTask(serializedBytes: row.stable + row.status.encoded)
    #expect(shown.statuses.map(\.state) == [.taskRunning, .taskKilling])
  }

  @Test func `tasks that had ended before the master was replaced are in its history`() throws {
    let (_, agent, scheduler) = try TaskUpdateTests.running()
    let bytes = MessageBytes.encoded(agent.info)
    func record(_ id: String, of framework: FrameworkKey, _ state: TaskState) -> LinkTaskRecord {
      .with {
        $0.frameworkID = framework.value
        $0.taskID = id
        $0.state = state
        $0.stable = MessageBytes.copy(
          MessageBytes.encoded(
            MesosTask.with {
              $0.taskID.value = id
              $0.frameworkID = FrameworkID(framework)
              $0.agentID = AgentID(agent.id)
            }))
        $0.volatile = MessageBytes.copy(TaskStatuses(state: state).encoded)
      }
    }
    var cluster = Cluster(
      registry: RecoveredRegistry(agents: [.init(id: agent.id, info: bytes, unreachableSince: nil)])
    ) { $0.completedTasksPerFrameworkMax = 2 }
    let session = cluster.makeSession()
    cluster.handle(
      .agentMessage(
        session,
        .reregister(
          .with {
            $0.agentInfo = agent.info
            $0.capabilities = Cluster.capabilities
            $0.version = "1"
            $0.frameworks = [
              .with {
                $0.frameworkID = scheduler.id.value
                $0.info = MessageBytes.copy(MessageBytes.encoded(scheduler.info))
              }
            ]
            $0.completedTasks = [
              record("first", of: scheduler.id, .taskFinished), record("second", of: scheduler.id, .taskFailed),
              // The same again, one that has not ended, one of a framework that nobody knows.
              record("second", of: scheduler.id, .taskFailed), record("alive", of: scheduler.id, .taskRunning),
              record("stray", of: "nobody", .taskFinished), record("third", of: scheduler.id, .taskKilled),
            ]
          }), address: agent.address))
    #expect(cluster.view.task(scheduler.id, "first") == nil, "the history holds two")
    let second = try #require(cluster.view.task(scheduler.id, "second"))
    #expect(second.section == .completed)
    #expect(second.agent == agent.id)
    let shown = try MesosTask(serializedBytes: second.stable + second.status.encoded, partial: true)
    #expect(shown.state == .taskFailed)
    #expect(cluster.view.task(scheduler.id, "third")?.status.state == .taskKilled)
    #expect(cluster.view.task(scheduler.id, "alive") == nil)
    #expect(cluster.view.task("nobody", "stray") == nil)
    #expect(cluster.view.agents[agent.id]?.status.allocated.isEmpty == true)
    // A name of the history may be used again.
    var back = agent
    back.session = session
    cluster.handle(.agentDisconnected(session))
    _ = try cluster.reregister(back, running: [(scheduler, try sleeper("second", on: agent), .taskRunning)])
    #expect(cluster.view.task(scheduler.id, "second")?.section == .active)
  }

  @Test func `an agent that was never heard of is admitted once the registry knows it`() throws {
    let (_, agent, _) = try TaskUpdateTests.running()
    var cluster = Cluster()
    cluster.persistsAtOnce = false
    let (back, directives) = try cluster.reregister(agent)
    #expect(directives.toAgent(back.session).isEmpty)
    let write = try #require(directives.persisted.first)
    #expect(write.operations.count == 1)
    #expect(cluster.view.agents.isEmpty)
    #expect(
      cluster.handle(.persisted(write.number)).toAgent(back.session).compactMap(\.registeredID) == [agent.id])
  }

  @Test func `tasks that the agent does not name are reconciled through it`() throws {
    var (cluster, agent, scheduler) = try TaskUpdateTests.running()
    cluster.handle(.agentDisconnected(agent.session))
    let (back, directives) = try cluster.reregister(agent)
    #expect(directives.toAgent(back.session).compactMap(\.reconciled) == [["t"]])
    let frameworks = directives.toAgent(back.session).flatMap(\.reconciledFrameworks)
    #expect(frameworks.map(\.frameworkID) == [scheduler.id.value], "the agent may know nothing of the framework")
    #expect(try frameworks.map { try FrameworkInfo(serializedBytes: $0.info).id.value } == [scheduler.id.value])
    #expect(cluster.view.task(scheduler.id, "t")?.section == .active)
    let told = try cluster.update(back, scheduler, "t", .taskDropped)
    #expect(told.statuses(on: scheduler.connection).map(\.state) == [.taskDropped])
    cluster.acknowledge(scheduler, "t", on: back)
    #expect(cluster.view.task(scheduler.id, "t")?.section == .completed)
  }

  @Test func `a second session of an agent replaces the first`() throws {
    var (cluster, agent, scheduler) = try TaskUpdateTests.running()
    let (back, directives) = try cluster.reregister(
      agent, running: [(scheduler, try sleeper("t", on: agent), .taskRunning)])
    #expect(directives.isClosed(agent.session))
    #expect(directives.toAgent(back.session).compactMap(\.registeredID) == [agent.id])
    // What the end of the first one brings is no longer about the agent.
    cluster.handle(.agentDisconnected(agent.session))
    #expect(cluster.view.agents[agent.id]?.status.active == true)
  }

  @Test func `an agent may come back with other resources`() throws {
    var (cluster, agent, scheduler) = try TaskUpdateTests.running()
    cluster.handle(.agentDisconnected(agent.session))
    agent.info.resources = try Resources.parse("cpus:8;mem:8192").messages
    let (_, directives) = try cluster.reregister(
      agent, running: [(scheduler, try sleeper("t", on: agent), .taskRunning)])
    #expect(directives.persisted.count == 1)
    #expect(cluster.view.agents[agent.id]?.status.total.scalar("cpus") == 8)
    let offers = cluster.settle().offers(on: scheduler.connection)
    #expect(try offers.map { try Resources($0.resources).scalar("cpus") } == [7.5])
  }

  @Test func `an agent that comes from another host is refused`() throws {
    var (cluster, agent, _) = try TaskUpdateTests.running()
    cluster.handle(.agentDisconnected(agent.session))
    agent.address.ip = "10.9.9.9"
    let (back, directives) = try cluster.reregister(agent)
    #expect(
      directives.toAgent(back.session).compactMap(\.refusal)
        == ["Agent attempted to reregister with different IP / hostname"])
    #expect(directives.isClosed(back.session))
  }

  @Test func `an agent is told to end frameworks that are over`() throws {
    var (cluster, agent, scheduler) = try TaskUpdateTests.running()
    cluster.handle(.agentDisconnected(agent.session))
    _ = cluster.teardown(scheduler.id)
    let (back, directives) = try cluster.reregister(
      agent, running: [(scheduler, try sleeper("t", on: agent), .taskRunning)])
    #expect(directives.toAgent(back.session).compactMap(\.shutFramework) == [scheduler.id.value])
    #expect(cluster.view.count(.active) == 0)
    #expect(cluster.view.agents[agent.id]?.status.allocated.isEmpty == true)
  }

  @Test(arguments: ["framework", "task", "resources", "unallocated", "info", "id"])
  func `a re-registration that contradicts itself is refused`(what: String) throws {
    let (_, agent, scheduler) = try TaskUpdateTests.running()
    var cluster = Cluster()
    let record = LinkReregister.with {
      $0.agentInfo = agent.info
      $0.capabilities = Cluster.capabilities
      $0.version = "1"
      $0.frameworks = [
        .with {
          $0.frameworkID = scheduler.id.value
          $0.info = MessageBytes.copy(MessageBytes.encoded(scheduler.info))
        }
      ]
      let task = LinkTaskRecord.with {
        $0.frameworkID = what == "framework" ? "other" : scheduler.id.value
        $0.taskID = "t"
        $0.state = .taskRunning
        var resource = agent.info.resources[0]
        if what != "unallocated" { resource.allocationInfo.role = "dev" }
        if what == "resources" { resource.scalar.value = -1 }
        $0.resources = [resource]
      }
      $0.tasks = what == "task" ? [task, task] : [task]
      if what == "info" { $0.frameworks[0].info = MessageBytes.copy([0xff]) }
      if what == "id" { $0.agentInfo.id.value = "" }
    }
    let session = cluster.makeSession()
    let directives = cluster.handle(.agentMessage(session, .reregister(record), address: agent.address))
    #expect(directives.toAgent(session).compactMap(\.refusal).count == 1)
    #expect(directives.isClosed(session))
    #expect(directives.persisted.isEmpty)
    #expect(cluster.view.agents.isEmpty && cluster.view.frameworks.isEmpty)
  }

  @Test func `the tasks of an agent that leaves are lost, after the registry was told`() throws {
    var (cluster, agent, scheduler) = try TaskUpdateTests.running()
    cluster.persistsAtOnce = false
    let write = try #require(cluster.say(.unregister(LinkUnregister()), agent).persisted.first)
    #expect(write.operations == [.removeAgent(agent.id)])
    #expect(cluster.view.count(.active) == 1)
    let directives = cluster.handle(.persisted(write.number))
    let status = try #require(directives.statuses(on: scheduler.connection).first)
    #expect(status.state == .taskLost)
    #expect(status.reason == .agentRemoved)
    #expect(status.message == "Agent host removed: the agent unregistered")
    #expect(directives.events(on: scheduler.connection).last?.failure.agentID.key == agent.id)
    #expect(directives.isClosed(agent.session))
    #expect(cluster.view.agents.isEmpty)
    #expect(cluster.view.task(scheduler.id, "t")?.section == .completed)
  }
}
