import AgentCore
import AgentLinkModel
import MesosModel
import SwiftProtobuf
import Testing

@Suite struct ExecutorTests {
  @Test func `an executor that does not subscribe in time is destroyed`() throws {
    var agent = try AgentHarness.registered()
    try agent.run(.command("t"))
    agent.log = []
    agent.advance(by: .seconds(59))
    #expect(agent.takeLog() == [])
    agent.advance(by: .seconds(1))
    #expect(agent.takeLog() == ["destroy t"])
    agent.handle(.exited(try agent.container("t"), .status(9)))
    #expect(agent.takeLog() == ["update t taskFailed executorRegistrationTimeout"])
    let status = try TaskStatus(serializedBytes: try #require(agent.updates.first).status)
    #expect(status.message == "Executor did not register within 1mins")
    #expect(status.source == .agent)
  }

  @Test func `a launch that fails ends the tasks`() throws {
    var agent = try AgentHarness.registered()
    try agent.run(.command("t"))
    agent.log = []
    agent.handle(.launchFailed(try agent.container("t"), message: "no such user"))
    #expect(agent.takeLog() == ["update t taskFailed containerLaunchFailed"])
    #expect(agent.core.counters.containerLaunchErrors == 1)
    try agent.acknowledge("t")
    #expect(agent.takeLog() == ["release t"])
  }

  @Test func `an executor that ends takes its tasks with it`() throws {
    var agent = try AgentHarness.running()
    agent.update(executor: "t", .of("t", .taskRunning, 1))
    try agent.acknowledge("t")
    agent.log = []
    agent.handle(.exited(try agent.container("t"), .status(256)))
    #expect(agent.takeLog() == ["close 1", "update t taskFailed executorTerminated"])
    #expect(agent.subscribe(2, executor: "t") == .rejected(status: 400, text: "Executor cannot be found"))
    try agent.acknowledge("t")
    #expect(agent.subscribe(3, executor: "t") == .rejected(status: 400, text: "Framework cannot be found"))
  }

  @Test func `a second subscription takes the place of the first`() throws {
    var agent = try AgentHarness.running()
    agent.update(executor: "t", .of("t", .taskRunning, 1))
    agent.log = []
    #expect(agent.subscribe(2, executor: "t") == .streaming)
    #expect(agent.takeLog() == ["close 1", "2 <- SUBSCRIBED"])
    agent.handle(.executorDisconnected(ExecutorConnection(number: 1)))
    agent.kill("t")
    #expect(agent.takeLog() == ["2 <- KILL t"])
  }

  @Test func `a task that did not reach the executor before its connection broke is delivered again`() throws {
    var agent = try AgentHarness.running()
    #expect(agent.subscribe(2, executor: "t", tasks: [.command("t")]) == .streaming)
    #expect(agent.takeLog() == ["close 1", "2 <- SUBSCRIBED"], "the executor has it")
    #expect(agent.subscribe(3, executor: "t") == .streaming)
    #expect(agent.takeLog() == ["close 2", "3 <- SUBSCRIBED", "3 <- LAUNCH t"])
  }

  @Test func `updates that come again are acknowledged and not told twice`() throws {
    var agent = try AgentHarness.running()
    agent.update(executor: "t", .of("t", .taskRunning, 1))
    agent.log = []
    agent.update(executor: "t", .of("t", .taskRunning, 1))
    #expect(agent.takeLog() == ["1 <- ACKNOWLEDGED t"])
    try agent.acknowledge("t")
    agent.subscribe(
      2, executor: "t", tasks: [.command("t")], updates: [.of("t", .taskRunning, 1), .of("t", .taskFinished, 2)])
    #expect(
      agent.takeLog() == [
        "close 1", "2 <- SUBSCRIBED", "2 <- ACKNOWLEDGED t", "2 <- ACKNOWLEDGED t", "update t taskFinished",
      ])
    agent.update(executor: "t", .of("t", .taskFailed, 3))
    #expect(agent.updates.count == 2, "nothing follows a terminal update")
    #expect(agent.core.counters.invalidStatusUpdates == 1)
  }

  @Test func `updates of one state that come again are not told twice`() throws {
    var agent = try AgentHarness.running()
    for number in 1...2 { agent.update(executor: "t", .of("t", .taskRunning, UInt8(number))) }
    for _ in 1...2 { try agent.acknowledge("t") }
    agent.log = []
    agent.subscribe(
      2, executor: "t", tasks: [.command("t")], updates: [.of("t", .taskRunning, 1), .of("t", .taskRunning, 2)])
    #expect(agent.takeLog() == ["close 1", "2 <- SUBSCRIBED", "2 <- ACKNOWLEDGED t", "2 <- ACKNOWLEDGED t"])
    #expect(agent.core.counters.invalidStatusUpdates == 0)
  }

  @Test func `an update after the end is acknowledged when the end is durable`() throws {
    var agent = try AgentHarness.running()
    agent.persistsAtOnce = false
    agent.update(executor: "t", .of("t", .taskFinished, 1))
    agent.update(executor: "t", .of("t", .taskFailed, 2))
    #expect(agent.takeLog() == [])
    agent.persist()
    #expect(agent.takeLog() == ["1 <- ACKNOWLEDGED t", "update t taskFinished", "1 <- ACKNOWLEDGED t"])
    agent.persistsAtOnce = true
    try agent.acknowledge("t")
    agent.update(executor: "t", .of("t", .taskFailed, 3))
    #expect(agent.takeLog() == ["1 <- ACKNOWLEDGED t"], "also when the task is a completed one")
    #expect(agent.core.counters.invalidStatusUpdates == 2)
  }

  @Test func `an executor hears a heartbeat every half hour`() throws {
    var agent = try AgentHarness.running()
    agent.advance(by: .seconds(1_799))
    #expect(agent.takeLog() == [])
    agent.advance(by: .seconds(1))
    agent.advance(by: .seconds(1_800))
    #expect(agent.takeLog() == ["1 <- HEARTBEAT", "1 <- HEARTBEAT"])
    agent.handle(.executorDisconnected(ExecutorConnection(number: 1)))
    #expect(agent.core.nextDeadline == nil)
  }

  @Test func `messages pass both ways`() throws {
    var agent = try AgentHarness.running()
    let token = agent.token()
    let call = ExecutorCall.with {
      $0.type = .message
      $0.executorID.value = "t"
      $0.frameworkID.value = "F"
      $0.message.data = field([1])
    }
    agent.handle(.executorCall(call, principal: nil, token: token))
    #expect(agent.answers[token] == .accepted)
    for executor in ["t", "unknown"] {
      agent.handle(
        .master(
          .frameworkMessage(
            .with {
              $0.frameworkID = "F"
              $0.executorID = executor
              $0.data = field([2])
            })))
    }
    #expect(agent.takeLog() == ["message of t", "1 <- MESSAGE"])
    #expect(agent.core.counters.invalidFrameworkMessages == 1)
  }

  @Test(arguments: [
    ("no type", 400, "Failed to validate Executor::Call: Expecting 'type' to be present"),
    ("no update", 400, "Failed to validate Executor::Call: Expecting 'update' to be present"),
    ("no message", 400, "Failed to validate Executor::Call: Expecting 'message' to be present"),
    ("no uuid", 400, "Failed to validate Executor::Call: Expecting 'uuid' to be present"),
    ("short uuid", 400, "Failed to validate Executor::Call: Not a valid UUID"),
    (
      "no source", 400,
      "Failed to validate Executor::Call: Received Call from executor t of framework F with invalid source, "
        + "expecting 'SOURCE_EXECUTOR'"
    ),
    (
      "staging", 400,
      "Failed to validate Executor::Call: Received TASK_STAGING from executor t of framework F which is not allowed"
    ),
    (
      "other executor", 400,
      "Failed to validate Executor::Call: ExecutorID in Call: t does not match ExecutorID in TaskStatus: x"
    ),
    ("other framework", 400, "Framework cannot be found"), ("unknown executor", 400, "Executor cannot be found"),
  ])
  func `a call that is wrong is refused as Apache Mesos refuses it and changes nothing`(
    fault: String, status: Int, text: String
  ) throws {
    var agent = try AgentHarness.running()
    let before = agent.core.getState()
    var call = ExecutorCall.with {
      $0.type = .update
      $0.executorID.value = "t"
      $0.frameworkID.value = "F"
      $0.update.status = .of("t", .taskRunning, 1)
    }
    switch fault {
    case "no type": call.clearType()
    case "no update": call.clearUpdate()
    case "no message": call.type = .message
    case "no uuid": call.update.status.clearUuid()
    case "short uuid": call.update.status.uuid = field([1, 2, 3])
    case "no source": call.update.status.clearSource()
    case "staging": call.update.status.state = .taskStaging
    case "other executor": call.update.status.executorID.value = "x"
    case "other framework": call.frameworkID.value = "G"
    default: call.executorID.value = "e"
    }
    let token = agent.token()
    agent.handle(.executorCall(call, principal: nil, token: token))
    #expect(agent.answers[token] == .rejected(status: status, text: text))
    #expect(agent.core.getState() == before)
    #expect(agent.takeLog() == [])
  }

  @Test func `an executor that has not subscribed may not call`() throws {
    var agent = try AgentHarness.registered()
    try agent.run(.command("t"))
    #expect(
      agent.update(executor: "t", .of("t", .taskRunning, 1))
        == .rejected(status: 403, text: "Executor is not subscribed"))
  }

  @Test func `updates of one task are bounded`() throws {
    var configuration = AgentCore.Configuration.forTests
    configuration.pendingUpdatesPerTaskMax = 3
    var agent = try AgentHarness.registered(configuration)
    try agent.run(.command("t"))
    agent.subscribe(1, executor: "t")
    for number in 1...3 { #expect(agent.update(executor: "t", .of("t", .taskRunning, UInt8(number))) == .accepted) }
    guard case .rejected(503, _)? = agent.update(executor: "t", .of("t", .taskRunning, 4)) else {
      Issue.record("a fourth update was taken")
      return
    }
  }

  // MARK: Shutting down

  @Test func `an executor that is shut down gets its grace and is destroyed then`() throws {
    var agent = try AgentHarness.registered()
    var task = TaskInfo.custom("t", executor: "e")
    task.executor.shutdownGracePeriod.nanoseconds = 3_000_000_000
    try agent.run(task)
    agent.subscribe(1, executor: "e")
    agent.log = []
    agent.handle(
      .master(
        .shutdownExecutor(
          .with {
            $0.frameworkID = "F"
            $0.executorID = "e"
          })))
    #expect(agent.takeLog() == ["1 <- SHUTDOWN"])
    try agent.run(.custom("late", executor: "e"))
    #expect(agent.takeLog() == ["update late taskDropped executorTerminated"])
    agent.advance(by: .seconds(3))
    #expect(agent.takeLog() == ["destroy e"])
    agent.handle(.exited(try agent.container("e"), .status(9)))
    #expect(agent.takeLog() == ["close 1", "terminated e 9", "update t taskFailed executorTerminated"])
  }

  @Test func `a framework that is shut down leaves nothing to be told`() throws {
    var agent = try AgentHarness.running()
    agent.update(executor: "t", .of("t", .taskRunning, 1))
    agent.log = []
    agent.handle(.master(.shutdownFramework(.with { $0.frameworkID = "F" })))
    #expect(agent.takeLog() == ["1 <- SHUTDOWN"])
    agent.handle(.exited(try agent.container("t"), .status(0)))
    #expect(agent.takeLog() == ["close 1", "release t"])
    #expect(agent.core.getFrameworks().completedFrameworks.count == 1)
    #expect(agent.core.nextDeadline == nil)
    #expect(!agent.disk.keys.contains { $0.hasPrefix("updates/") })
  }

  @Test func `an agent that is shut down kills everything and leaves no record`() throws {
    var agent = try AgentHarness.running()
    try agent.run(.command("never subscribed"))
    agent.log = []
    agent.handle(.shutdown(message: "maintenance"))
    #expect(agent.takeLog() == ["1 <- SHUTDOWN", "destroy never subscribed"])
    agent.handle(.exited(try agent.container("t"), .status(0)))
    #expect(agent.takeLog() == ["close 1", "update t taskFailed executorTerminated"])
    agent.handle(.exited(try agent.container("never subscribed"), .status(9)))
    #expect(
      agent.takeLog() == [
        "update never subscribed taskFailed executorTerminated", "unregister", "terminate: maintenance",
      ])
    #expect(agent.disk.isEmpty)
  }

  @Test func `an agent that leaves takes nothing in while its last records are written`() throws {
    var agent = try AgentHarness.running()
    agent.handle(.shutdown(message: "maintenance"))
    agent.persistsAtOnce = false
    agent.handle(.exited(try agent.container("t"), .status(0)))
    agent.kill("unknown")
    agent.persist()
    agent.kill("unknown")
    agent.kill("t")
    try agent.run(.command("late"))
    for _ in 1...3 { agent.persist() }
    #expect(agent.takeLog().suffix(2) == ["unregister", "terminate: maintenance"])
    #expect(agent.disk.isEmpty)
    #expect(agent.launches.count == 1)
  }

  @Test func `an agent that the master refuses ends with its reason`() throws {
    var agent = try AgentHarness()
    agent.handle(.linkEstablished)
    agent.handle(.master(.refused(.with { $0.message = "too old" })))
    #expect(agent.takeLog() == ["register", "terminate failed: The master refused this agent: too old"])
  }

  @Test func `an agent that cannot write ends`() throws {
    var agent = try AgentHarness.running()
    agent.handle(.persistFailed(99, message: "disk full"))
    #expect(agent.takeLog() == ["terminate failed: Failed to write the agent's state: disk full"])
  }

  @Test func `histories are bounded on the disk too`() throws {
    var configuration = AgentCore.Configuration.forTests
    configuration.completedExecutorsPerFrameworkMax = 3
    configuration.completedFrameworksMax = 2
    var agent = try AgentHarness.registered(configuration)
    for framework in ["F", "G", "H"] {
      var info = FrameworkInfo.forTests
      info.id.value = framework
      for number in 0..<5 {
        try agent.run(.command("\(framework)\(number)"), framework: info)
        agent.handle(.exited(try agent.container("\(framework)\(number)"), .status(0)))
        try agent.acknowledge("\(framework)\(number)")
      }
    }
    #expect(agent.core.getFrameworks().completedFrameworks.map(\.frameworkInfo.id.value) == ["G", "H"])
    #expect(agent.core.getTasks().completedTasks.map(\.taskID.value) == ["G2", "G3", "G4", "H2", "H3", "H4"])
    #expect(agent.disk.keys.filter { $0.hasPrefix("executors/") }.count == 6)
    #expect(agent.disk.keys.filter { $0.hasPrefix("tasks/") }.count == 6)
    #expect(agent.disk.keys.filter { $0.hasPrefix("frameworks/") }.count == 2)
  }
}
