import AgentCore
import AgentLinkModel
import MesosModel
import MesosTestKit
import SwiftProtobuf
import Testing

private let process = ProcessIdentity(pid: 100, startTime: 5)

@Suite struct RecoveryTests {
  @Test func `an executor that lives on is found again and its task goes on`() throws {
    var before = try AgentHarness.running()
    before.update(executor: "t", .of("t", .taskRunning, 1))
    #expect(try AgentCore.processes(in: before.records).map(\.process) == [process])
    var agent = try before.restarted(alive: [process])
    #expect(agent.core.isRecovering)
    agent.handle(.linkEstablished)
    #expect(agent.takeLog() == [], "the master is told when the executors are back")
    #expect(
      agent.subscribe(1, executor: "t", tasks: [.command("t")], updates: [.of("t", .taskRunning, 1)]) == .streaming)
    #expect(agent.takeLog() == ["1 <- SUBSCRIBED", "1 <- ACKNOWLEDGED t", "reregister S0: t taskRunning"])
    agent.handle(.master(.registered(.with { $0.agentID = "S0" })))
    #expect(agent.takeLog() == ["update t taskRunning"])
    try agent.acknowledge("t")
    agent.update(executor: "t", .of("t", .taskFinished, 2))
    #expect(agent.takeLog() == ["1 <- ACKNOWLEDGED t", "update t taskFinished"])
    #expect(agent.core.getTasks().terminatedTasks.first?.statuses.map(\.state) == [.taskRunning, .taskFinished])
  }

  @Test func `an executor that lives but does not come back is destroyed`() throws {
    let before = try AgentHarness.running()
    var agent = try before.restarted(alive: [process])
    agent.handle(.linkEstablished)
    agent.advance(by: .seconds(2))
    #expect(agent.takeLog().suffix(2).contains("reregister S0: t taskStaging"))
    agent.handle(.master(.registered(.with { $0.agentID = "S0" })))
    agent.handle(.exited(try before.container("t"), .unknown))
    #expect(agent.takeLog() == ["update t taskGone executorReregistrationTimeout"])
    let status = try TaskStatus(serializedBytes: try #require(agent.updates.first).status)
    #expect(status.message == "Executor did not reregister within 2secs")
  }

  @Test func `a framework without partition awareness is told that such a task is lost`() throws {
    var framework = FrameworkInfo.forTests
    framework.capabilities = []
    var before = try AgentHarness.registered()
    try before.run(.command("t"), framework: framework)
    before.handle(.launched(try before.container("t"), process))
    before.subscribe(1, executor: "t")
    var agent = try before.restarted(alive: [process])
    agent.handle(.linkEstablished)
    agent.advance(by: .seconds(2))
    agent.handle(.master(.registered(.with { $0.agentID = "S0" })))
    agent.log = []
    agent.handle(.exited(try before.container("t"), .unknown))
    #expect(agent.takeLog() == ["update t taskLost executorReregistrationTimeout"])
  }

  @Test func `an executor whose process is not written down has not begun, and its task fails at once`() throws {
    var before = try AgentHarness.registered()
    before.persistsAtOnce = false
    try before.run(.command("t"))
    before.persist()
    let container = try before.container("t")
    before.handle(.launched(container, process))
    #expect(before.takeLog() == ["launch t"], "it is held back until its process is on the disk")
    var agent = try before.restarted(alive: [process])
    #expect(!agent.core.isRecovering, "nobody can come back")
    agent.handle(.linkEstablished)
    #expect(agent.takeLog() == ["reregister S0: t taskFailed"])
    agent.handle(.master(.registered(.with { $0.agentID = "S0" })))
    #expect(agent.takeLog() == ["update t taskFailed executorTerminated"])
    let status = try TaskStatus(serializedBytes: try #require(agent.updates.first).status)
    #expect(status.message == "The agent ended before the executor began")
    #expect(agent.subscribe(1, executor: "t") == .rejected(status: 400, text: "Executor cannot be found"))
    before.persist()
    #expect(before.takeLog() == ["proceed t"])
  }

  @Test func `an executor that was killed while held back does not proceed`() throws {
    var agent = try AgentHarness.registered()
    agent.persistsAtOnce = false
    try agent.run(.command("t"))
    agent.persist()
    let container = try agent.container("t")
    agent.handle(.launched(container, process))
    agent.kill("t")
    #expect(agent.takeLog() == ["launch t", "destroy t"])
    agent.persist()
    #expect(agent.takeLog().map { $0.hasPrefix("update t taskKilled") } == [true])
    agent.handle(.exited(container, .status(9)))
    // Word of a process that comes when its container is over has it removed.
    agent.handle(.launched(container, process))
    agent.persist()
    #expect(agent.takeLog() == ["destroy t"])
  }

  @Test(arguments: [false, true])
  func `an executor that died with the agent ends its task`(rebooted: Bool) throws {
    let before = try AgentHarness.running()
    // A process with the same number and the same start time after a boot is another one.
    var agent = try before.restarted(alive: rebooted ? [process] : [], rebooted: rebooted)
    #expect(!agent.core.isRecovering)
    agent.handle(.linkEstablished)
    #expect(agent.takeLog() == ["reregister S0: t taskFailed"])
    agent.handle(.master(.registered(.with { $0.agentID = "S0" })))
    #expect(agent.takeLog() == ["update t taskFailed executorTerminated"])
  }

  @Test(arguments: [true, false])
  func `an executor of a framework without checkpoints is killed and forgotten`(isProcessKnown: Bool) throws {
    var framework = FrameworkInfo.forTests
    framework.checkpoint = false
    var before = try AgentHarness.registered()
    try before.run(.command("t"), framework: framework)
    let container = try before.container("t")
    if isProcessKnown { before.handle(.launched(container, process)) }
    before.subscribe(1, executor: "t")
    var agent = try before.restarted(alive: [process])
    #expect(agent.takeLog() == (isProcessKnown ? ["destroy \(container)"] : []) + ["release \(container)"])
    agent.handle(.linkEstablished)
    #expect(agent.takeLog() == ["reregister S0: "])
    #expect(agent.disk.keys.sorted() == ["agent"])
    agent.handle(.exited(container, .unknown))
    #expect(agent.takeLog() == [])
  }

  @Test func `what was completed is still shown`() throws {
    var before = try AgentHarness.running()
    before.update(executor: "t", .of("t", .taskFinished, 1))
    try before.acknowledge("t")
    before.handle(.exited(try before.container("t"), .status(0)))
    let agent = try before.restarted()
    #expect(agent.core.getTasks() == before.core.getTasks())
    #expect(agent.core.getExecutors() == before.core.getExecutors())
    #expect(agent.core.getFrameworks() == before.core.getFrameworks())
  }

  @Test func `a master that comes after is told what was completed`() throws {
    var agent = try AgentHarness.running()
    agent.update(executor: "t", .of("t", .taskFinished, 1))
    try agent.acknowledge("t")
    agent.handle(.exited(try agent.container("t"), .status(0)))
    agent.handle(.linkLost)
    agent.handle(.linkEstablished)
    let message = try #require(agent.reregistration)
    #expect(message.tasks.isEmpty)
    #expect(message.completedTasks.count == 1)
    let record = try #require(message.completedTasks.first)
    #expect(record.taskID == "t")
    #expect(record.state == .taskFinished)
    #expect(record.resources.isEmpty)
    let task = try MesosTask(serializedBytes: record.stable + record.volatile)
    #expect(task.state == .taskFinished)
    #expect(task.statuses.map(\.state) == [.taskFinished])
  }

  @Test(arguments: ["agent", "frameworks/F", "executors/F/t/c", "tasks/F/t/c/t", "updates/F/t/c/t/1", "novel/thing"])
  func `a record that is not understood is a clear refusal`(key: String) throws {
    #expect {
      _ = try AgentCore(
        configuration: .forTests,
        recovered: RecoveredAgent(records: [(key, [0xff, 0x01])], alive: [], rebooted: false))
    } throws: { error in
      (error as? AgentError)?.code == .badRecord && "\(error)".contains(key)
        && "\(error)".contains("emove the agent's state")
    }
  }

  @Test func `names with slashes and percents keep apart on the disk`() throws {
    var agent = try AgentHarness.registered()
    for name in ["a%2Fb", "a%b", "100%"] {
      try agent.run(.command(name))
      agent.handle(.launched(try agent.container(name), process))
    }
    let again = try agent.restarted(alive: [process])
    #expect(again.core.getTasks().launchedTasks.isEmpty == false)
    #expect(
      Set(
        again.core.getTasks().launchedTasks.map(\.taskID.value) + again.core.getTasks().queuedTasks.map(\.taskID.value))
        == ["a%2Fb", "a%b", "100%"])
  }

  @Test func `an agent killed at any write loses no update and no task`() throws {
    var crash = 1
    while true {
      for isWritten in [false, true] {
        var world = World(seed: UInt64(crash))
        world.crashAt = crash
        world.isCrashWriteDurable = isWritten
        try world.start()
        for number in 0..<3 { try world.launch("t\(number)") }
        try world.runToEnd()
        let context: Comment = "killed at write \(crash), which was \(isWritten ? "" : "not ")durable"
        for number in 0..<3 {
          let states = world.told["t\(number)", default: []].map(\.state)
          if let end = world.unstarted["t\(number)"] {
            #expect(states == [end], "\(states), \(context)")
            #expect(!world.started.contains("t\(number)"), context)
          } else {
            #expect(states == [.taskStarting, .taskRunning, .taskFinished], "\(states), \(context)")
          }
        }
        #expect(world.startedTwice.isEmpty, context)
        if world.writes < crash {
          #expect(crash > 20, "the run has many writes")
          #expect(world.told.values.allSatisfy { $0.last?.state == .taskFinished })
          return
        }
      }
      crash += 1
    }
  }

  @Test func `equal seeds and events give equal directives`() throws {
    func trace() throws -> [String] {
      var world = World(seed: 3)
      try world.start()
      for number in 0..<5 { try world.launch("t\(number)") }
      try world.runToEnd()
      return world.trace
    }
    let first = try trace()
    #expect(first.count > 50)
    #expect(try trace() == first)
  }
}

/// An agent with its disk, the processes of its executors, a master and a framework that acknowledges everything.
private struct World {
  struct Process {
    var identity: ProcessIdentity
    var executor: String
    var connection: ExecutorConnection?
    var tasks: [TaskInfo] = []
    var updates: [TaskStatus] = []
    var isAlive = true
    /// It has got leave to execute its program.
    var hasBegun = false
    var sent = 0
  }

  var core: AgentCore?
  var now = Moment(uptime: .seconds(5), wallNanoseconds: 5_000_000_000)
  var rng: SplitMix64
  var disk: [String: [UInt8]] = [:]
  var writes = 0
  var crashAt = Int.max
  var isCrashWriteDurable = false
  var events: [AgentCore.Event] = []
  var processes: [ContainerKey: Process] = [:]
  var order: [ContainerKey] = []
  /// What the framework was told of each task, without what came again.
  var told: [String: [(uuid: [UInt8], state: TaskState)]] = [:]
  var sentByMaster: [String] = []
  var started: Set<String> = []
  var startedTwice: Set<String> = []
  /// The tasks that the agent was killed before it could start, with what is to be told of each: failed where the disk has it,
  /// as it may have been started; dropped where the disk does not; lost where the disk lacks the framework, too, which may not
  /// be one that understands dropped.
  var unstarted: [String: TaskState] = [:]
  var trace: [String] = []
  var lastNumber: UInt64 = 0

  init(seed: UInt64) { rng = SplitMix64(seed: seed) }

  mutating func number() -> UInt64 {
    lastNumber += 1
    return lastNumber
  }

  mutating func start() throws {
    let alive = Set(processes.values.filter(\.isAlive).map(\.identity))
    var core = try AgentCore(
      configuration: .forTests,
      recovered: RecoveredAgent(
        records: disk.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }, alive: alive, rebooted: false))
    let directives = core.start(at: now, using: &rng)
    self.core = core
    events.append(.linkEstablished)
    for container in order where processes[container]?.isAlive == true { subscribe(container) }
    try perform(directives)
    try settle()
  }

  mutating func launch(_ task: String) throws {
    sentByMaster.append(task)
    let taskBytes: [UInt8] = try TaskInfo.command(task).serializedBytes()
    let frameworkBytes: [UInt8] = try FrameworkInfo.forTests.serializedBytes()
    events.append(
      .master(
        .runTask(
          .with {
            $0.frameworkID = "F"
            $0.frameworkInfo = field(frameworkBytes)
            $0.taskInfo = field(taskBytes)
            $0.taskID = task
          })))
    try settle()
  }

  mutating func runToEnd() throws {
    for _ in 0..<200 {
      try settle()
      guard let deadline = core?.nextDeadline, processes.values.contains(where: \.isAlive) || !isTold else { return }
      now = now.advanced(by: max(.zero, deadline - now.uptime))
      events.append(.tick)
    }
  }

  private var isTold: Bool { sentByMaster.allSatisfy { told[$0]?.last?.state.isTerminal == true } }

  private mutating func settle() throws {
    while !events.isEmpty {
      let event = events.removeFirst()
      guard let directives = core?.handle(event, at: now, using: &rng) else { return }
      if let broken = core?.brokenInvariant() { Issue.record("\(broken) after \(event)") }
      try perform(directives)
    }
  }

  private mutating func crash() throws {
    core = nil
    events = []
    for container in order {
      processes[container]?.connection = nil
      // What is held back ends with the agent.
      guard let process = processes[container], process.isAlive, !process.hasBegun else { continue }
      processes[container]?.isAlive = false
      unstarted[process.executor] = .taskFailed
    }
    try start()
  }

  private mutating func subscribe(_ container: ContainerKey) {
    guard let process = processes[container] else { return }
    let connection = ExecutorConnection(number: number())
    processes[container]?.connection = connection
    let call = ExecutorCall.with {
      $0.type = .subscribe
      $0.executorID.value = process.executor
      $0.frameworkID.value = "F"
      $0.subscribe.unacknowledgedTasks = process.tasks
      $0.subscribe.unacknowledgedUpdates = process.updates.map { status in .with { $0.status = status } }
    }
    events.append(.executorSubscribe(connection, call, principal: nil, token: CallToken(number())))
  }

  private mutating func perform(_ directives: [AgentCore.Directive]) throws {
    for directive in directives {
      trace.append("\(directive)")
      switch directive {
      case .persist(let changes, let number):
        writes += 1
        let isCrash = writes == crashAt
        if !isCrash || isCrashWriteDurable { write(changes) }
        if isCrash {
          for case .put(let key, _) in changes where isCrashWriteDurable && key.hasPrefix("tasks/") {
            if let task = key.split(separator: "/").last { unstarted[String(task)] = .taskFailed }
          }
          return try crash()
        }
        events.append(.persisted(number))
      case .launch(let launch):
        let task = launch.executor.value
        let identity = ProcessIdentity(pid: Int32(order.count + 2), startTime: UInt64(order.count))
        processes[launch.container] = Process(identity: identity, executor: task)
        order.append(launch.container)
        events.append(.launched(launch.container, identity))
      case .proceed(let container):
        guard let process = processes[container], process.isAlive else { break }
        if !started.insert(process.executor).inserted { startedTwice.insert(process.executor) }
        processes[container]?.hasBegun = true
        subscribe(container)
      case .destroy(let container):
        processes[container]?.isAlive = false
        events.append(.exited(container, .unknown))
      case .send(let connection, let event): executor(connection, event)
      case .sendToMaster(let body): master(body)
      case .volumes(_, let number): events.append(.volumesDone(number))
      case .answer, .close, .attachSandbox, .releaseSandbox, .sendToProvider, .closeProvider: break
      case .endSession(let message): Issue.record("the session ends: \(message)")
      case .terminate(let reason, _): Issue.record("terminated: \(reason)")
      }
    }
  }

  private mutating func write(_ changes: [CheckpointChange]) {
    for change in changes {
      switch change {
      case .put(let key, let record): disk[key] = record
      case .remove(let key): disk[key] = nil
      }
    }
  }

  private mutating func executor(_ connection: ExecutorConnection, _ event: ExecutorEvent) {
    guard let container = order.first(where: { processes[$0]?.connection == connection }),
      var process = processes[container]
    else { return }
    switch event.type {
    case .launch:
      process.tasks.append(event.launch.task)
      for state in [TaskState.taskStarting, .taskRunning, .taskFinished] {
        process.sent += 1
        var status = TaskStatus.of(process.executor, state, 0)
        let bytes = Array(process.executor.utf8) + [UInt8(process.sent)]
        status.uuid = field(bytes + [UInt8](repeating: 0, count: 16 - bytes.count))
        process.updates.append(status)
        let call = ExecutorCall.with {
          $0.type = .update
          $0.executorID.value = process.executor
          $0.frameworkID.value = "F"
          $0.update.status = status
        }
        events.append(.executorCall(call, principal: nil, token: CallToken(number())))
      }
    case .acknowledged:
      process.updates.removeAll { $0.uuid == event.acknowledged.uuid }
      process.tasks = []
      if process.sent > 0, process.updates.isEmpty, process.isAlive {
        process.isAlive = false
        events.append(.exited(container, .status(0)))
      }
    default: break
    }
    processes[container] = process
  }

  private mutating func master(_ body: LinkUp.OneOf_Body) {
    switch body {
    case .register: events.append(.master(.registered(.with { $0.agentID = "S0" })))
    case .reregister(let message):
      events.append(.master(.registered(.with { $0.agentID = "S0" })))
      let known = Set(message.tasks.map(\.taskID))
      let missing = sentByMaster.filter { !known.contains($0) && told[$0]?.last?.state.isTerminal != true }
      for task in missing { unstarted[task] = .taskDropped }
      let framework: [UInt8] = (try? FrameworkInfo.forTests.serializedBytes()) ?? []
      events.append(
        .master(
          .reconcileTasks(
            .with {
              $0.tasks = missing.map { name in
                .with {
                  $0.frameworkID = "F"
                  $0.taskID = name
                }
              }
              $0.frameworks = [
                .with {
                  $0.frameworkID = "F"
                  $0.info = field(framework)
                }
              ]
            })))
    case .statusUpdate(let update):
      if let problem = StatusChecker.check(update) { Issue.record("\(problem)") }
      let uuid = [UInt8](update.uuid)
      if !told[update.taskID, default: []].contains(where: { $0.uuid == uuid }) {
        told[update.taskID, default: []].append((uuid, update.state))
      }
      events.append(
        .master(
          .acknowledgeUpdate(
            .with {
              $0.frameworkID = "F"
              $0.taskID = update.taskID
              $0.uuid = update.uuid
            })))
    default: break
    }
  }
}
