import ExecutorCore
import MesosModel
import MesosTestKit
import Testing

private struct TaskDriver {
  var task = CommandTask(configuration: CommandTask.Configuration(executorID: ExecutorID("e1")))
  var rng = SplitMix64(seed: 3)
  var now = Moment(uptime: .seconds(100), wallNanoseconds: 1_700_000_000_000_000_000)
  var last: TaskStatus?

  init(capabilities: [FrameworkInfo.Capability.TypeEnum] = []) {
    _ = handle(.subscribed(ExecutorEvent.subscribed(capabilities: capabilities).subscribed.frameworkInfo))
  }

  mutating func handle(_ event: CommandTask.Event, after delay: Duration = .zero) -> [String] {
    now = now.advanced(by: delay)
    let directives = task.handle(event, at: now, using: &rng)
    for case .update(let status) in directives { last = status }
    return directives.map { directive in
      switch directive {
      case .update(let status): "\(status.state)" + (status.hasMessage ? ": \(status.message)" : "")
      case .launch(let task): "launch \(task.taskID.value)"
      case .signalTree(let signal): "signal \(signal)"
      case .probe(let kind, _): "probe \(kind)"
      case .cancelProbe(let kind): "cancel \(kind)"
      case .exit: "exit"
      case .ignored: "ignored"
      }
    }
  }

  mutating func run(_ task: TaskInfo = .make("t1")) {
    _ = handle(.launch([task], isGroup: false))
    _ = handle(.launched)
  }

  mutating func kill(_ grace: Duration? = nil, after delay: Duration = .zero) -> [String] {
    let event = ExecutorEvent.kill("t1", grace: grace)
    return handle(.kill(event.kill.taskID, event.kill.hasKillPolicy ? event.kill.killPolicy : nil), after: delay)
  }

  mutating func acknowledge() -> [String] { handle(.acknowledged(uuid: last.map { Array($0.uuid) } ?? [])) }
}

@Suite struct CommandTaskTests {
  @Test func `a task starts, runs, ends and is acknowledged`() {
    var driver = TaskDriver()
    #expect(driver.handle(.launch([.make("t1")], isGroup: false)) == ["taskStarting", "launch t1"])
    #expect(driver.handle(.launched) == ["taskRunning"])
    #expect(driver.task.nextDeadline == nil)
    #expect(
      driver.handle(.exited(.exited(code: 0))) == ["signal kill", "taskFinished: Command exited with status 0"])
    #expect(driver.last?.executorID.value == "e1")
    #expect(driver.last?.source == .executor)
    #expect(driver.handle(.acknowledged(uuid: [1, 2, 3])) == [], "another update")
    #expect(driver.acknowledge() == ["exit"])
    #expect(driver.acknowledge() == [])
  }

  @Test(arguments: [
    (CommandExit.exited(code: 0), false, "taskFinished: Command exited with status 0"),
    (.exited(code: 1), false, "taskFailed: Command exited with status 1"),
    (.exited(code: 255), false, "taskFailed: Command exited with status 255"),
    (.signaled(name: "Killed", coreDumped: false), false, "taskFailed: Command terminated with signal Killed"),
    (
      .signaled(name: "Segmentation fault", coreDumped: true), false,
      "taskFailed: Command terminated with signal Segmentation fault (core dumped)"
    ),
    (.unknown, false, "taskFailed: Failed to get exit status for Command"),
    (.exited(code: 0), true, "taskFinished: Command exited with status 0"),
    (.exited(code: 143), true, "taskKilled: Command exited with status 143"),
    (.signaled(name: "Terminated", coreDumped: false), true, "taskKilled: Command terminated with signal Terminated"),
    (.unknown, true, "taskFailed: Failed to get exit status for Command"),
  ])
  func `the last state says how the command ended`(exit: CommandExit, killed: Bool, expected: String) {
    var driver = TaskDriver()
    driver.run()
    if killed { #expect(driver.kill() == ["signal terminate"]) }
    #expect(driver.handle(.exited(exit)) == ["signal kill", expected])
  }

  @Test(arguments: [true, false])
  func `TASK_KILLING is told to frameworks with TASK_KILLING_STATE alone`(isTold: Bool) {
    var driver = TaskDriver(capabilities: isTold ? [.taskKillingState] : [])
    driver.run()
    #expect(driver.kill() == (isTold ? ["taskKilling"] : []) + ["signal terminate"])
  }

  @Test func `a kill is gentle for the grace period`() {
    var driver = TaskDriver(capabilities: [.taskKillingState])
    driver.run()
    #expect(driver.kill() == ["taskKilling", "signal terminate"])
    #expect(driver.kill() == [], "a repeated kill changes nothing")
    #expect(driver.handle(.tick, after: .milliseconds(2999)) == [])
    #expect(driver.handle(.tick, after: .milliseconds(1)) == ["signal kill"])
    #expect(driver.handle(.tick, after: .seconds(1)) == [])
    #expect(driver.task.nextDeadline == nil)
    #expect(
      driver.handle(.exited(.signaled(name: "Killed", coreDumped: false)))
        == ["signal kill", "taskKilled: Command terminated with signal Killed"])
  }

  @Test(arguments: [
    (nil, nil, Duration.seconds(3)), (Duration.seconds(10), nil, .seconds(10)),
    (Duration.seconds(10), Duration.seconds(1), .seconds(1)), (nil, Duration.seconds(20), .seconds(20)),
    (Duration.seconds(10), Duration.zero, .zero),
  ])
  func `the KILL event's grace period wins over the task's, that over the default`(
    policy: Duration?, override: Duration?, expected: Duration
  ) {
    var driver = TaskDriver()
    var task = TaskInfo.make("t1")
    if let policy { task.killPolicy.gracePeriod.nanoseconds = policy.wholeNanoseconds }
    driver.run(task)
    if expected == .zero {
      #expect(driver.kill(override) == ["signal terminate", "signal kill"])
    } else {
      #expect(driver.kill(override) == ["signal terminate"])
      #expect(driver.task.nextDeadline == driver.now.uptime + expected)
    }
  }

  @Test func `a later kill only shortens the grace period, counted from the first`() {
    var driver = TaskDriver()
    driver.run()
    let began = driver.now.uptime
    #expect(driver.kill(.seconds(20)) == ["signal terminate"])
    #expect(driver.kill(.seconds(30), after: .seconds(5)) == [])
    #expect(driver.task.nextDeadline == began + .seconds(20))
    #expect(driver.kill(.seconds(10)) == [])
    #expect(driver.task.nextDeadline == began + .seconds(10))
    #expect(driver.kill(.seconds(2)) == ["signal kill"], "more than that has passed")
  }

  @Test func `a kill before the command runs takes effect when it does`() {
    var driver = TaskDriver(capabilities: [.taskKillingState])
    _ = driver.handle(.launch([.make("t1")], isGroup: false))
    #expect(driver.kill() == [])
    #expect(driver.handle(.launched) == ["taskRunning", "taskKilling", "signal terminate"])
  }

  @Test func `a kill of another task is none`() {
    var driver = TaskDriver()
    #expect(driver.kill() == ["ignored"], "nothing is launched")
    driver.run(.make("t2"))
    #expect(driver.kill() == ["ignored"])
    #expect(driver.task.nextDeadline == nil)
  }

  @Test func `one executor runs one task`() {
    var driver = TaskDriver()
    driver.run()
    #expect(
      driver.handle(.launch([.make("t2")], isGroup: false))
        == [#"taskFailed: Attempted to run multiple tasks using a "command" executor"#])
    #expect(driver.last?.taskID.value == "t2")
    #expect(
      driver.handle(.launch([.make("g1"), .make("g2")], isGroup: true))
        == Array(repeating: #"taskFailed: A "command" executor cannot run task groups"#, count: 2))
    #expect(driver.handle(.exited(.exited(code: 0))) == ["signal kill", "taskFinished: Command exited with status 0"])
  }

  @Test func `a command that cannot be started fails the task`() {
    var driver = TaskDriver()
    _ = driver.handle(.launch([.make("t1")], isGroup: false))
    #expect(driver.handle(.launchFailed("no such program")) == ["taskFailed: no such program"])
    #expect(driver.acknowledge() == ["exit"])
  }

  @Test func `the acknowledgement is waited for while the agent is there, and longer while it is not`() {
    var driver = TaskDriver()
    driver.run()
    _ = driver.handle(.exited(.exited(code: 0)))
    #expect(driver.task.nextDeadline == driver.now.uptime + .seconds(5))
    #expect(driver.handle(.unsubscribed) == [])
    #expect(driver.task.nextDeadline == nil)
    #expect(driver.handle(.subscribed(FrameworkInfo()), after: .seconds(1000)) == [])
    #expect(driver.handle(.tick, after: .seconds(4)) == [])
    #expect(driver.handle(.tick, after: .seconds(1)) == ["exit"])
  }

  @Test func `SHUTDOWN kills the task and leaves a second for its last update`() {
    var driver = TaskDriver()
    driver.run()
    #expect(driver.handle(.shutdown) == ["signal terminate"])
    #expect(driver.task.nextDeadline == driver.now.uptime + .seconds(4))
    #expect(
      driver.handle(.exited(.signaled(name: "Terminated", coreDumped: false)))
        == ["signal kill", "taskKilled: Command terminated with signal Terminated"])
    #expect(driver.acknowledge() == ["exit"])
  }

  @Test func `SHUTDOWN without a task ends at once, without an agent as soon as the task is gone`() {
    var idle = TaskDriver()
    #expect(idle.handle(.shutdown) == ["exit"])
    var driver = TaskDriver()
    driver.run()
    _ = driver.handle(.unsubscribed)
    #expect(driver.handle(.shutdown) == ["signal terminate"])
    #expect(
      driver.handle(.exited(.exited(code: 1)))
        == ["signal kill", "taskKilled: Command exited with status 1", "exit"])
    var ended = TaskDriver()
    ended.run()
    _ = ended.handle(.exited(.exited(code: 0)))
    _ = ended.handle(.unsubscribed)
    #expect(ended.handle(.shutdown) == ["exit"])
  }

  @Test func `a task that takes too long is killed and has failed`() {
    var driver = TaskDriver()
    var task = TaskInfo.make("t1")
    task.maxCompletionTime.nanoseconds = 10_000_000_000
    driver.run(task)
    #expect(driver.handle(.tick, after: .seconds(9)) == [])
    #expect(driver.handle(.tick, after: .seconds(1)) == ["signal terminate", "signal kill"])
    #expect(
      driver.handle(.exited(.signaled(name: "Killed", coreDumped: false)))
        == ["signal kill", "taskFailed: Command terminated with signal Killed"])
    #expect(driver.last?.reason == .maxCompletionTimeReached)
  }
}

@Suite struct CommandLaunchTests {
  private func variable(_ name: String, _ value: String) -> CommandEnvironment.Variable {
    var variable = CommandEnvironment.Variable()
    variable.name = name
    variable.value = value
    return variable
  }

  @Test func `a command gets the executor's environment without what is the executor's alone`() throws {
    var task = TaskInfo.make("t1", command: "echo $A")
    task.command.environment.variables = [variable("A", "task"), variable("A", "last wins"), variable("B", "")]
    task.command.user = "nobody"
    let launch = try CommandLaunch(
      task,
      executorEnvironment: [
        "A": "executor", "PATH": "/bin", "MESOS_SANDBOX": "/s", "MESOS_EXECUTOR_AUTHENTICATION_TOKEN": "secret",
        "LIBPROCESS_PORT": "1",
      ])
    #expect(launch.program == .shell("echo $A"))
    #expect(launch.user == "nobody")
    #expect(
      launch.environment
        == ["A": "last wins", "B": "", "PATH": "/bin", "MESOS_SANDBOX": "/s", "MESOS_TASK_ID": "t1"])
  }

  @Test func `without a shell the value is the program and the arguments are its whole vector`() throws {
    var task = TaskInfo.make("t1", command: "/bin/echo")
    task.command.shell = false
    #expect(
      try CommandLaunch(task, executorEnvironment: [:]).program
        == .program(path: "/bin/echo", arguments: ["/bin/echo"]))
    task.command.arguments = ["zeroth", "first"]
    #expect(
      try CommandLaunch(task, executorEnvironment: [:]).program
        == .program(path: "/bin/echo", arguments: ["zeroth", "first"]))
  }

  @Test func `a command that cannot be run is refused`() {
    var noValue = TaskInfo.make("t1")
    noValue.command.clearValue()
    var secret = TaskInfo.make("t1")
    var unresolved = variable("S", "")
    unresolved.type = .secret
    unresolved.secret.type = .reference
    unresolved.secret.reference.name = "/s"
    secret.command.environment.variables = [unresolved]
    for task in [TaskInfo.make("t1", command: nil), noValue, secret] {
      let error = #expect(throws: ExecutorError.self) { _ = try CommandLaunch(task, executorEnvironment: [:]) }
      #expect(error?.code == .invalidCommand)
    }
  }
}

@Suite struct CommandExecutorTests {
  private struct Driver {
    var executor: CommandExecutor
    var rng = SplitMix64(seed: 1)
    var now = Moment(uptime: .seconds(100), wallNanoseconds: 0)
    var sent: [TaskStatus] = []

    init(checkpoint: Bool) {
      var core = ExecutorCore.Configuration(
        frameworkID: FrameworkID("f1"), executorID: ExecutorID("e1"), checkpoint: checkpoint)
      core.subscriptionBackoffMax = .zero
      executor = CommandExecutor(
        core: core, task: CommandTask.Configuration(executorID: ExecutorID("e1")), environment: [:])
    }

    mutating func handle(_ event: CommandExecutor.Event, after delay: Duration = .zero) -> [String] {
      now = now.advanced(by: delay)
      return executor.handle(event, at: now, using: &rng).compactMap { directive in
        switch directive {
        case .connect(let stream, let call):
          sent += call.subscribe.unacknowledgedUpdates.map(\.status)
          return "connect \(stream.number) \(call.subscribe.unacknowledgedUpdates.map { "\($0.status.state)" })"
        case .send(let stream, let call):
          sent.append(call.update.status)
          return "send \(stream.number) \(call.update.status.state)"
        case .disconnect(let stream): return "disconnect \(stream.number)"
        case .launch: return "launch"
        case .signalTree(let signal): return "signal \(signal)"
        case .probe(let kind, _): return "probe \(kind)"
        case .cancelProbe(let kind): return "cancel \(kind)"
        case .note: return nil
        case .exit(let status): return "exit \(status)"
        }
      }
    }

    mutating func receive(_ stream: UInt64, _ event: ExecutorEvent) -> [String] {
      handle(.received(ExecutorStream(number: stream), event))
    }
  }

  @Test func `a task outlives its agent's restart and its end is reported to the next one`() {
    var driver = Driver(checkpoint: true)
    #expect(driver.handle(.start) == ["connect 1 []"])
    #expect(driver.receive(1, .subscribed()) == [])
    #expect(driver.receive(1, .launch(.make("t1"))) == ["send 1 taskStarting", "launch"])
    #expect(driver.handle(.launched) == ["send 1 taskRunning"])
    for status in driver.sent { #expect(driver.receive(1, .acknowledged(status)) == []) }
    #expect(driver.handle(.disconnected(ExecutorStream(number: 1), reason: "killed")) == [])
    #expect(driver.handle(.exited(.exited(code: 0)), after: .seconds(30)) == ["signal kill"])
    #expect(driver.handle(.tick) == [#"connect 2 ["taskFinished"]"#])
    #expect(driver.receive(2, .subscribed()) == [])
    #expect(driver.receive(2, .acknowledged(driver.sent[2])) == ["exit 0"])
  }

  @Test func `an acknowledgement that never comes holds nothing up`() {
    var driver = Driver(checkpoint: true)
    _ = driver.handle(.start)
    _ = driver.receive(1, .subscribed())
    _ = driver.receive(1, .launch(.make("t1")))
    _ = driver.handle(.launched)
    #expect(driver.handle(.exited(.exited(code: 0))) == ["signal kill", "send 1 taskFinished"])
    #expect(driver.handle(.tick, after: .milliseconds(4999)) == [])
    #expect(driver.handle(.tick, after: .milliseconds(1)) == ["exit 0"])
  }

  @Test func `a command executor that loses its agent for good kills its task`() {
    var driver = Driver(checkpoint: false)
    _ = driver.handle(.start)
    _ = driver.receive(1, .subscribed())
    _ = driver.receive(1, .launch(.make("t1")))
    _ = driver.handle(.launched)
    #expect(driver.handle(.disconnected(ExecutorStream(number: 1), reason: "killed")) == ["signal terminate"])
    #expect(driver.handle(.tick, after: .seconds(4)) == ["signal kill"])
    #expect(driver.handle(.exited(.signaled(name: "Killed", coreDumped: false))) == ["signal kill", "exit 0"])
  }

  @Test func `a command executor that cannot end is ended`() {
    var driver = Driver(checkpoint: true)
    _ = driver.handle(.start)
    _ = driver.receive(1, .subscribed())
    _ = driver.receive(1, .launch(.make("t1")))
    _ = driver.handle(.launched)
    #expect(driver.receive(1, .make(.shutdown)) == ["signal terminate"])
    #expect(driver.handle(.tick, after: .seconds(4)) == ["signal kill"])
    #expect(driver.handle(.tick, after: .seconds(1)) == ["disconnect 1", "signal kill", "exit 1"])
  }

  @Test func `a command that cannot be read fails its task`() {
    var driver = Driver(checkpoint: true)
    _ = driver.handle(.start)
    _ = driver.receive(1, .subscribed())
    #expect(driver.receive(1, .launch(.make("t1", command: nil))) == ["send 1 taskStarting", "send 1 taskFailed"])
    #expect(driver.sent.last?.message == "The task has no command")
    #expect(driver.receive(1, .acknowledged(driver.sent[1])) == ["exit 0"])
  }
}
