import AgentCore
import AgentLinkModel
import MesosModel
import SwiftProtobuf
import Testing

@Suite struct TaskTests {
  @Test func `an agent without an id registers and one with an id tells everything`() throws {
    var agent = try AgentHarness()
    agent.handle(.linkEstablished)
    #expect(agent.takeLog() == ["register"])
    agent.handle(.master(.registered(.with { $0.agentID = "S0" })))
    #expect(agent.core.agentID == "S0")
    try agent.run(.command("t"))
    try agent.run(.custom("c", executor: "e"))
    agent.log = []
    agent.handle(.linkLost)
    agent.handle(.linkEstablished)
    #expect(agent.takeLog() == ["reregister S0: t taskStaging, c taskStaging"])
    let message = try #require(agent.reregistration)
    #expect(message.executors.map(\.executorID) == ["e"], "command executors are the agent's own")
    #expect(message.tasks.map(\.hasExecutorID) == [false, true])
    let record = try #require(message.tasks.first)
    let whole = try MesosTask(serializedBytes: [UInt8](record.stable) + [UInt8](record.volatile))
    #expect(whole.name == "t")
    #expect(whole.state == .taskStaging)
  }

  @Test func `a command task runs from its launch to its end`() throws {
    var agent = try AgentHarness.registered()
    try agent.run(.command("t"))
    #expect(agent.takeLog() == ["launch t"])
    #expect(agent.core.getTasks().queuedTasks.count == 1)
    let container = try agent.container("t")
    agent.handle(.launched(container, ProcessIdentity(pid: 42, startTime: 9)))
    #expect(agent.subscribe(1, executor: "t") == .streaming)
    #expect(agent.takeLog() == ["proceed t", "1 <- SUBSCRIBED", "1 <- LAUNCH t"])
    for (number, state) in [TaskState.taskStarting, .taskRunning, .taskFinished].enumerated() {
      #expect(agent.update(executor: "t", .of("t", state, UInt8(number))) == .accepted)
    }
    #expect(
      agent.takeLog() == [
        "1 <- ACKNOWLEDGED t", "update t taskStarting", "1 <- ACKNOWLEDGED t", "1 <- ACKNOWLEDGED t",
      ])
    #expect(agent.core.getTasks().terminatedTasks.count == 1)
    try agent.acknowledge("t")
    try agent.acknowledge("t")
    #expect(agent.takeLog() == ["update t taskRunning", "update t taskFinished"])
    #expect(agent.updates.map(\.latestState) == [.taskStarting, .taskFinished, .taskFinished])
    agent.handle(.exited(container, .status(0)))
    #expect(agent.takeLog() == ["close 1"])
    try agent.acknowledge("t")
    #expect(agent.takeLog() == ["release t"])
    let tasks = agent.core.getTasks()
    #expect(tasks.completedTasks.map(\.state) == [.taskFinished])
    #expect(tasks.completedTasks.first?.statuses.map(\.state) == [.taskStarting, .taskRunning, .taskFinished])
    #expect(agent.core.getExecutors().completedExecutors.count == 1)
    #expect(agent.core.getFrameworks().completedFrameworks.count == 1)
    #expect(agent.core.nextDeadline == nil)
  }

  @Test func `a status carries what the agent knows of the container`() throws {
    var agent = try AgentHarness.running()
    agent.update(executor: "t", .of("t", .taskRunning, 1))
    let update = try #require(agent.updates.first)
    let status = try TaskStatus(serializedBytes: update.status)
    #expect(status.agentID.value == "S0")
    #expect(status.executorID.value == "t")
    #expect(status.containerStatus.containerID.value == (try agent.container("t")).value)
    #expect(status.containerStatus.executorPid == 100)
    #expect(status.containerStatus.networkInfos.first?.ipAddresses.first?.ipAddress == "127.0.0.1")
    #expect(!update.hasExecutorID)
  }

  @Test func `nothing leaves before it is durable`() throws {
    var agent = try AgentHarness.registered()
    agent.persistsAtOnce = false
    try agent.run(.command("t"))
    #expect(agent.takeLog() == [])
    #expect(agent.core.getTasks().pendingTasks.count == 1)
    #expect(agent.core.getExecutors().executors.isEmpty)
    agent.persist()
    #expect(agent.takeLog() == ["launch t"])
    agent.handle(.launched(try agent.container("t"), ProcessIdentity(pid: 1, startTime: 1)))
    agent.persist()
    agent.subscribe(1, executor: "t")
    agent.log = []
    agent.update(executor: "t", .of("t", .taskRunning, 1))
    #expect(agent.takeLog() == [])
    #expect(agent.core.getTasks().launchedTasks.first?.state == .taskStaging)
    agent.persist()
    #expect(agent.takeLog() == ["1 <- ACKNOWLEDGED t", "update t taskRunning"])
    agent.update(executor: "t", .of("t", .taskFinished, 2))
    agent.persist()
    try agent.acknowledge("t")
    #expect(agent.takeLog() == ["1 <- ACKNOWLEDGED t"])
    agent.persist()
    #expect(agent.takeLog() == ["update t taskFinished"])
  }

  @Test func `an update that is not acknowledged comes again after ten seconds doubling to ten minutes`() throws {
    var agent = try AgentHarness.running()
    agent.update(executor: "t", .of("t", .taskRunning, 1))
    let start = agent.now.uptime
    var times: [Int64] = []
    for _ in 0..<9 {
      let deadline = try #require(agent.core.nextDeadline)
      let before = agent.updates.count
      agent.advance(by: deadline - agent.now.uptime)
      if agent.updates.count > before { times.append((agent.now.uptime - start).components.seconds) }
    }
    #expect(times.starts(with: [10, 30, 70, 150, 310, 630, 1_230, 1_830]))
    #expect(zip(times, times.dropFirst()).allSatisfy { $1 - $0 <= 600 })
    #expect(Set(agent.updates.map(\.uuid)).count == 1)
    try agent.acknowledge("t")
    agent.update(executor: "t", .of("t", .taskFinished, 2))
    let second = agent.now.uptime
    #expect(agent.core.nextDeadline == second + .seconds(10), "the next update begins at ten seconds")
  }

  @Test func `updates wait while there is no master and begin again with the next`() throws {
    var agent = try AgentHarness.running()
    agent.update(executor: "t", .of("t", .taskRunning, 1))
    agent.handle(.linkLost)
    agent.log = []
    agent.advance(by: .seconds(100))
    #expect(agent.takeLog() == [])
    agent.handle(.linkEstablished)
    #expect(agent.takeLog() == ["reregister S0: t taskRunning"])
    agent.handle(.master(.registered(.with { $0.agentID = "S0" })))
    #expect(agent.takeLog() == ["update t taskRunning"])
  }

  @Test func `a custom executor is started once and shared`() throws {
    var agent = try AgentHarness.registered()
    agent.persistsAtOnce = false
    try agent.run(.custom("a", executor: "e"))
    try agent.run(.custom("b", executor: "e"))
    agent.persist()
    #expect(agent.takeLog() == ["launch e"])
    let launch = try #require(agent.launches.first)
    #expect(launch.arguments == ["/bin/sh", "-c", "run-me"])
    #expect(launch.user == "somebody")
    #expect(launch.directory == "/var/lib/mesos/slaves/S0/frameworks/F/executors/e/runs/\(launch.container)")
    agent.subscribe(1, executor: "e")
    agent.persistsAtOnce = true
    agent.persist()
    try agent.run(.custom("c", executor: "e"))
    #expect(agent.takeLog() == ["1 <- SUBSCRIBED", "1 <- LAUNCH a", "1 <- LAUNCH b", "1 <- LAUNCH c"])
    agent.update(executor: "e", .of("a", .taskRunning, 1))
    #expect(agent.updates.first?.executorID == "e")
    agent.log = []
    agent.handle(.exited(launch.container, .status(9)))
    #expect(
      agent.takeLog() == [
        "close 1", "terminated e 9", "update b taskFailed executorTerminated", "update c taskFailed executorTerminated",
      ])
    try agent.acknowledge("a")
    #expect(agent.takeLog() == ["update a taskFailed executorTerminated"])
  }

  @Test func `executors get the environment of Apache Mesos`() throws {
    var agent = try AgentHarness.registered()
    var task = TaskInfo.command("t")
    task.labels.labels = [.with { $0.key = "k" }]
    task.command.environment.variables = [
      .with {
        $0.name = "A"
        $0.value = "b"
      },
      .with {
        $0.name = "MESOS_SLAVE_ID"
        $0.value = "forged"
      },
    ]
    try agent.run(task)
    let launch = try #require(agent.launches.first)
    #expect(launch.arguments == ["/libexec/mesos-executor", "--launcher_dir=/libexec"])
    let directory = launch.directory
    let expected = [
      "A": "b", "LIBPROCESS_IP": "127.0.0.1", "LIBPROCESS_PORT": "0", "MESOS_AGENT_ENDPOINT": "127.0.0.1:5051",
      "MESOS_ALLOCATION_ROLE": "dev", "MESOS_CHECKPOINT": "1", "MESOS_DIRECTORY": directory,
      "MESOS_EXECUTOR_ID": "t", "MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD": "5secs", "MESOS_FRAMEWORK_ID": "F",
      "MESOS_HTTP_COMMAND_EXECUTOR": "1", "MESOS_RECOVERY_TIMEOUT": "15mins", "MESOS_SANDBOX": directory,
      "MESOS_SLAVE_ID": "S0", "MESOS_SLAVE_PID": "slave(1)@127.0.0.1:5051", "MESOS_SUBSCRIPTION_BACKOFF_MAX": "2secs",
      "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    ]
    #expect(Dictionary(uniqueKeysWithValues: launch.environment.map { ($0.name, $0.value) }) == expected)
    #expect(launch.environment.map(\.name) == launch.environment.map(\.name).sorted())
    let info = try #require(agent.core.getExecutors().executors.first?.executorInfo)
    #expect(info.name == "Command Executor (Task: t) (Command: sh -c 'true')")
    #expect(info.source == "t")
    #expect(info.labels == task.labels)
    #expect(info.resources.map(\.name) == ["cpus", "mem"])
    #expect(info.resources.map(\.scalar.value) == [0.1, 32])
    #expect(info.resources.allSatisfy { $0.allocationInfo.role == "dev" })
    #expect(info.command.arguments == ["mesos-executor", "--launcher_dir=/libexec"])
  }

  @Test(
    arguments: [
      (true, "echo out; sleep 100", [], "(Command: sh -c 'echo out; sl...')"),
      (true, "exit 7", [], "(Command: sh -c 'exit 7')"),
      (false, "/bin/echo", ["echo", "hello"], "(Command: [/bin/echo, e...])"),
    ] as [(Bool, String, [String], String)])
  func `a command executor is named after its command`(
    shell: Bool, value: String, arguments: [String], summary: String
  ) throws {
    var agent = try AgentHarness.registered()
    var task = TaskInfo.command("t")
    task.command.shell = shell
    task.command.value = value
    task.command.arguments = arguments
    try agent.run(task)
    #expect(agent.core.getExecutors().executors.first?.executorInfo.name == "Command Executor (Task: t) \(summary)")
  }

  @Test(arguments: ["both", "neither", "slash", "dots", "garbage"])
  func `a task that cannot run is an error and starts nothing`(fault: String) throws {
    var agent = try AgentHarness.registered()
    var task = TaskInfo.command("t")
    switch fault {
    case "both": task.executor = TaskInfo.custom("t", executor: "e").executor
    case "neither": task.clearCommand()
    case "slash": task.taskID.value = "../../etc"
    case "dots": task = .custom("t", executor: "..")
    default: break
    }
    if fault == "garbage" {
      agent.handle(
        .master(
          .runTask(
            .with {
              $0.frameworkID = "F"
              $0.taskID = "t"
              $0.taskInfo = field([0xff, 0xff])
            })))
    } else {
      try agent.run(task)
    }
    #expect(agent.launches.isEmpty)
    #expect(agent.log == ["update \(task.taskID.value) taskError taskInvalid"])
    try agent.acknowledge(task.taskID.value)
    #expect(!agent.disk.keys.contains { $0.hasPrefix("updates/") })
    #expect(agent.core.getTasks() == AgentResponse.GetTasks())
  }

  // MARK: Kills

  @Test func `a kill reaches the executor with its policy`() throws {
    var agent = try AgentHarness.running()
    agent.handle(
      .master(
        .killTask(
          .with {
            $0.frameworkID = "F"
            $0.taskID = "t"
            $0.killPolicy.gracePeriod.nanoseconds = 7
          })))
    #expect(agent.takeLog() == ["1 <- KILL t"])
    guard case .send(_, let event)? = agent.directives.last else {
      Issue.record("\(agent.directives)")
      return
    }
    #expect(event.kill.killPolicy.gracePeriod.nanoseconds == 7)
  }

  @Test func `a task killed before its record is durable is never launched`() throws {
    var agent = try AgentHarness.registered()
    agent.persistsAtOnce = false
    try agent.run(.command("t"))
    agent.kill("t")
    agent.persist()
    agent.persist()
    #expect(agent.takeLog() == ["update t taskKilled taskKilledDuringLaunch"])
    #expect(agent.launches.isEmpty)
    agent.persistsAtOnce = true
    agent.persist()
    try agent.acknowledge("t")
    #expect(agent.core.getTasks().completedTasks.map(\.state) == [.taskKilled])
  }

  @Test func `a task killed before its executor subscribes ends and takes the executor with it`() throws {
    var agent = try AgentHarness.registered()
    try agent.run(.command("t"))
    let container = try agent.container("t")
    agent.handle(.launched(container, ProcessIdentity(pid: 1, startTime: 1)))
    agent.log = []
    agent.kill("t")
    #expect(agent.takeLog() == ["destroy t", "update t taskKilled taskKilledDuringLaunch"])
    agent.handle(.exited(container, .status(9)))
    try agent.acknowledge("t")
    #expect(agent.takeLog() == ["release t"])
  }

  @Test func `a kill that could not be delivered is delivered when the executor is back`() throws {
    var agent = try AgentHarness.running()
    agent.update(executor: "t", .of("t", .taskRunning, 1))
    agent.handle(.executorDisconnected(ExecutorConnection(number: 1)))
    agent.log = []
    agent.kill("t")
    #expect(agent.takeLog() == [])
    agent.subscribe(2, executor: "t")
    #expect(agent.takeLog() == ["2 <- SUBSCRIBED", "2 <- KILL t"])
  }

  @Test(arguments: [(true, "taskDropped"), (false, "taskLost")])
  func `a kill of an unknown task is answered`(isPartitionAware: Bool, state: String) throws {
    var agent = try AgentHarness.running()
    if !isPartitionAware {
      var framework = FrameworkInfo.forTests
      framework.capabilities = []
      let bytes: [UInt8] = try framework.serializedBytes()
      agent.handle(
        .master(
          .updateFramework(
            .with {
              $0.frameworkID = "F"
              $0.frameworkInfo = field(bytes)
            })))
    }
    agent.kill("other")
    #expect(agent.takeLog() == ["update other \(state) executorTerminated"])
  }

  @Test func `tasks that the master believes in and that are not here are answered`() throws {
    var agent = try AgentHarness.running()
    agent.handle(
      .master(
        .reconcileTasks(
          .with {
            $0.tasks = ["t", "x"].map { name in
              .with {
                $0.frameworkID = "F"
                $0.taskID = name
              }
            }
          })))
    #expect(agent.takeLog() == ["update x taskDropped reconciliation"])
  }

  @Test(arguments: [true, false, nil])
  func `tasks of a framework that the agent does not know are answered as the master says it wants`(
    isPartitionAware: Bool?
  ) throws {
    var agent = try AgentHarness.registered()
    var records: [LinkFrameworkRecord] = []
    if let isPartitionAware {
      var framework = FrameworkInfo.forTests
      if !isPartitionAware { framework.capabilities = [] }
      let bytes: [UInt8] = try framework.serializedBytes()
      records = [
        .with {
          $0.frameworkID = "F"
          $0.info = field(bytes)
        }
      ]
    }
    agent.handle(
      .master(
        .reconcileTasks(
          .with {
            $0.tasks = [
              .with {
                $0.frameworkID = "F"
                $0.taskID = "x"
              }
            ]
            $0.frameworks = records
          })))
    #expect(agent.takeLog() == ["update x \(isPartitionAware == true ? "taskDropped" : "taskLost") reconciliation"])
    #expect(agent.core.getFrameworks().frameworks.isEmpty, "that one asks is no reason to keep it")
  }
}
