import AgentCore
import AgentLinkModel
import MesosModel
import SwiftProtobuf
import Testing

@Suite struct DrainingTests {
  private static func drain(markGone: Bool = false, grace: Int64? = nil) -> AgentCore.Event {
    .master(
      .drainAgent(
        .with {
          $0.config.markGone = markGone
          if let grace { $0.config.maxGracePeriod.nanoseconds = grace }
        }))
  }

  private static let drainOver = AgentCore.Event.master(.drainAgent(LinkDrainAgent()))

  @Test func `tasks of an agent that is drained are killed, and their framework is told why`() throws {
    var agent = try AgentHarness.running()
    agent.update(executor: "t", .of("t", .taskRunning, 1))
    try agent.acknowledge("t")
    agent.log = []
    agent.handle(Self.drain())
    #expect(agent.takeLog() == ["1 <- KILL t"])
    #expect(agent.disk["drain"] != nil)
    #expect(agent.core.getAgent().hasDrainConfig)
    agent.update(executor: "t", .of("t", .taskKilling, 2))
    #expect(agent.takeLog() == ["1 <- ACKNOWLEDGED t", "update t taskKilling agentDraining"])
    try agent.acknowledge("t")
    agent.update(executor: "t", .of("t", .taskKilled, 3))
    #expect(agent.takeLog() == ["1 <- ACKNOWLEDGED t", "update t taskKilled agentDraining"])
    agent.handle(.exited(try agent.container("t"), .status(0)))
    try agent.acknowledge("t")
    #expect(agent.disk["drain"] == nil, "once nothing runs the draining is over")
    #expect(!agent.core.getAgent().hasDrainConfig)
  }

  @Test(arguments: [true, false])
  func `a task of an agent that will be gone is gone when it has stopped`(isPartitionAware: Bool) throws {
    var agent = try AgentHarness.registered()
    var framework = FrameworkInfo.forTests
    if !isPartitionAware { framework.capabilities = [] }
    try agent.run(.command("t"), framework: framework)
    agent.handle(.launched(try agent.container("t"), ProcessIdentity(pid: 1, startTime: 1)))
    agent.subscribe(1, executor: "t")
    agent.handle(Self.drain(markGone: true))
    agent.update(executor: "t", .of("t", .taskKilling, 1))
    #expect(agent.updates.last?.state == .taskKilling)
    try agent.acknowledge("t")
    agent.update(executor: "t", .of("t", .taskKilled, 2))
    #expect(agent.updates.last?.state == (isPartitionAware ? .taskGoneByOperator : .taskKilled))
  }

  @Test func `a task that no executor has yet is killed while the agent is drained`() throws {
    var agent = try AgentHarness.registered()
    try agent.run(.command("t"))
    agent.log = []
    agent.handle(Self.drain())
    #expect(agent.takeLog().contains("update t taskKilled agentDraining"))
  }

  @Test func `a task that arrives at an agent that is drained is dropped`() throws {
    var agent = try AgentHarness.running()
    agent.handle(Self.drain())
    agent.log = []
    try agent.run(.command("late"))
    #expect(agent.takeLog() == ["update late taskDropped agentDraining"])
    let status = try TaskStatus(serializedBytes: try #require(agent.updates.last).status)
    #expect(status.message == "Task was received while agent was already draining")
    agent.handle(Self.drainOver)
    agent.log = []
    try agent.run(.command("later"))
    #expect(agent.takeLog() == ["launch later"])
  }

  @Test(arguments: [(nil, 5, 5), (3, 5, nil), (9, 5, 5)] as [(Int64?, Int64, Int64?)])
  func `a grace period longer than the draining allows is cut`(own: Int64?, longest: Int64, sent: Int64?) throws {
    var agent = try AgentHarness.registered()
    var task = TaskInfo.command("t")
    if let own { task.killPolicy.gracePeriod.nanoseconds = own }
    try agent.run(task)
    agent.handle(.launched(try agent.container("t"), ProcessIdentity(pid: 1, startTime: 1)))
    agent.subscribe(1, executor: "t")
    agent.directives = []
    agent.handle(Self.drain(grace: longest))
    let kills = agent.directives.compactMap { directive -> ExecutorEvent.Kill? in
      guard case .send(_, let event) = directive, event.type == .kill else { return nil }
      return event.kill
    }
    let kill = try #require(kills.first)
    #expect(kill.hasKillPolicy == (sent != nil))
    if let sent { #expect(kill.killPolicy.gracePeriod.nanoseconds == sent) }
  }

  @Test func `an agent that was killed while it was drained goes on with it`() throws {
    var agent = try AgentHarness.running()
    agent.handle(Self.drain())
    var next = try agent.restarted(alive: [ProcessIdentity(pid: 100, startTime: 5)])
    next.handle(.linkEstablished)
    next.subscribe(2, executor: "t", tasks: [.command("t")])
    #expect(next.takeLog().contains("2 <- KILL t"))
    next.handle(.master(.registered(.with { $0.agentID = "S0" })))
    next.handle(Self.drain())
    next.update(executor: "t", .of("t", .taskKilled, 9))
    #expect(next.takeLog().contains("update t taskKilled agentDraining"))
  }

  @Test(arguments: [true, false])
  func `an agent that was away hears whether it is still to be drained`(isToBe: Bool) throws {
    var agent = try AgentHarness.running()
    agent.handle(Self.drain())
    agent.handle(.linkLost)
    agent.handle(.linkEstablished)
    agent.log = []
    agent.handle(.master(.registered(.with { $0.agentID = "S0" })))
    if isToBe { agent.handle(Self.drain()) }
    #expect((agent.disk["drain"] != nil) == isToBe)
    agent.log = []
    try agent.run(.command("late"))
    #expect(agent.takeLog() == [isToBe ? "update late taskDropped agentDraining" : "launch late"])
  }

  @Test func `an agent without tasks has nothing to drain`() throws {
    var agent = try AgentHarness.registered()
    agent.handle(Self.drain())
    #expect(agent.disk["drain"] == nil)
    try agent.run(.command("t"))
    #expect(agent.takeLog() == ["launch t"])
  }
}
