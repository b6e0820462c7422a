import AgentCore
import AgentLinkModel
import MesosModel
import SwiftProtobuf
import Testing

private let process = ProcessIdentity(pid: 100, startTime: 5)

/// Tasks that are launched together: one LAUNCH_GROUP, or nothing.
///
/// - Source: Apache Mesos `src/slave/slave.cpp`, `Slave::___run`, `Slave::kill`.
@Suite struct TaskGroupTests {
  static func member(_ name: String, executor: String = "pod") -> TaskInfo {
    var task = TaskInfo.command(name)
    task.executor = pod(executor)
    return task
  }

  static func pod(_ name: String = "pod") -> ExecutorInfo {
    .with {
      $0.type = .custom
      $0.executorID.value = name
      $0.frameworkID.value = "F"
      $0.command.value = "run-me"
    }
  }

  @Test func `a group reaches its executor as one LAUNCH_GROUP, with all tasks in their order`() throws {
    var agent = try AgentHarness.registered()
    try agent.run(group: ["a", "b", "c"])
    #expect(agent.takeLog() == ["launch pod"])
    #expect(agent.core.getTasks().queuedTasks.map(\.taskID.value) == ["a", "b", "c"])
    agent.handle(.launched(try agent.container("pod"), process))
    agent.subscribe(1, executor: "pod")
    #expect(agent.takeLog() == ["proceed pod", "1 <- SUBSCRIBED", "1 <- LAUNCH_GROUP a b c"])
    guard case .send(_, let event)? = agent.directives.last else {
      Issue.record("\(agent.directives)")
      return
    }
    #expect(event.launchGroup.taskGroup.tasks == ["a", "b", "c"].map { Self.member($0) })
  }

  @Test func `a custom executor takes LAUNCH and LAUNCH_GROUP`() throws {
    var agent = try AgentHarness.registered()
    try agent.run(group: ["a", "b"])
    try agent.run(.custom("c", executor: "pod"), launchesExecutor: false)
    agent.handle(.launched(try agent.container("pod"), process))
    agent.subscribe(1, executor: "pod")
    try agent.run(group: ["d"], launchesExecutor: false)
    try agent.run(.custom("e", executor: "pod"), launchesExecutor: false)
    #expect(
      agent.takeLog() == [
        "launch pod", "proceed pod", "1 <- SUBSCRIBED", "1 <- LAUNCH_GROUP a b", "1 <- LAUNCH c", "1 <- LAUNCH_GROUP d",
        "1 <- LAUNCH e",
      ])
  }

  enum Moment: CaseIterable { case unwritten, beforeLaunch, beforeSubscription }

  @Test(arguments: Moment.allCases)
  func `a kill of one task before the executor has the group kills all of them`(moment: Moment) throws {
    var agent = try AgentHarness.registered()
    agent.persistsAtOnce = moment != .unwritten
    try agent.run(group: ["a", "b"])
    if moment == .beforeSubscription { agent.handle(.launched(try agent.container("pod"), process)) }
    agent.log = []
    agent.kill("b")
    agent.persist()
    agent.persist()
    agent.persistsAtOnce = true
    let updates = agent.takeLog().filter { $0.hasPrefix("update") }
    #expect(updates == ["a", "b"].map { "update \($0) taskKilled taskKilledDuringLaunch" })
    for update in agent.updates {
      let status = try TaskStatus(serializedBytes: update.status)
      #expect(status.message == "A task within the task group was killed before delivery to the executor")
    }
    agent.kill("a")
    #expect(agent.takeLog() == [], "it has ended")
    if moment == .unwritten {
      #expect(agent.launches.isEmpty)
    } else {
      agent.subscribe(1, executor: "pod")
      #expect(agent.takeLog().allSatisfy { !$0.contains("LAUNCH") })
    }
  }

  @Test func `a kill that is on its way to the disk keeps the tasks from an executor that subscribes meanwhile`() throws
  {
    var agent = try AgentHarness.registered()
    try agent.run(group: ["a", "b"])
    try agent.run(.custom("c", executor: "pod"), launchesExecutor: false)
    agent.handle(.launched(try agent.container("pod"), process))
    agent.persistsAtOnce = false
    agent.kill("a")
    agent.log = []
    agent.subscribe(1, executor: "pod")
    #expect(agent.takeLog() == ["1 <- SUBSCRIBED", "1 <- LAUNCH c"])
  }

  @Test func `a kill of a task that its executor has concerns that task alone`() throws {
    var agent = try AgentHarness.runningGroup()
    agent.kill("b")
    #expect(agent.takeLog() == ["1 <- KILL b"])
    agent.update(executor: "pod", .of("b", .taskKilled, 2))
    #expect(agent.takeLog() == ["1 <- ACKNOWLEDGED b", "update b taskKilled"])
  }

  @Test func `an executor that ran tasks is not stopped for a task that was killed before it got it`() throws {
    var agent = try AgentHarness.runningGroup()
    for task in ["a", "b"] {
      agent.update(executor: "pod", .of(task, .taskFinished, task == "a" ? 1 : 2))
      try agent.acknowledge(task)
    }
    agent.handle(.executorDisconnected(ExecutorConnection(number: 1)))
    try agent.run(group: ["c", "d"], launchesExecutor: false)
    agent.log = []
    agent.kill("c")
    #expect(agent.takeLog() == ["c", "d"].map { "update \($0) taskKilled taskKilledDuringLaunch" })
  }

  @Test func `an executor that ends takes all tasks of a group with it`() throws {
    var agent = try AgentHarness.registered()
    try agent.run(group: ["a", "b"])
    agent.handle(.launchFailed(try agent.container("pod"), message: "no such user"))
    #expect(
      agent.takeLog() == ["launch pod", "terminated pod -1"]
        + ["a", "b"].map { "update \($0) taskFailed containerLaunchFailed" })
  }

  @Test func `an executor whose tasks were killed before it was written is told to have ended`() throws {
    var agent = try AgentHarness.registered()
    agent.persistsAtOnce = false
    try agent.run(group: ["a", "b"])
    agent.kill("a")
    agent.persist()
    #expect(agent.takeLog().contains("terminated pod 0"), "the master counts with it")
  }

  @Test func `a group for a default executor fails and says so`() throws {
    var agent = try AgentHarness.registered()
    try agent.run(
      group: ["a", "b"],
      executor: .with {
        $0.type = .default
        $0.executorID.value = "pod"
      })
    #expect(
      agent.takeLog() == ["terminated pod -1"] + ["a", "b"].map { "update \($0) taskFailed containerLaunchFailed" })
    let status = try TaskStatus(serializedBytes: try #require(agent.updates.first).status)
    #expect(
      status.message == "This agent has no default executor yet: launch the group with an executor of type CUSTOM")
    #expect(agent.core.getTasks() == AgentResponse.GetTasks())
  }

  @Test(arguments: ["garbage", "names", "twice"])
  func `a group that does not decode is an error for each task and starts nothing`(fault: String) throws {
    var agent = try AgentHarness.registered()
    let bytes: [UInt8] = try TaskGroupInfo.with { $0.tasks = [Self.member("a")] }.serializedBytes()
    let executor: [UInt8] = try Self.pod().serializedBytes()
    let framework: [UInt8] = try FrameworkInfo.forTests.serializedBytes()
    agent.handle(
      .master(
        .runTaskGroup(
          .with {
            $0.frameworkID = "F"
            $0.frameworkInfo = field(framework)
            $0.executorInfo = field(executor)
            $0.taskGroupInfo = field(fault == "garbage" ? [0xff, 0xff] : bytes)
            $0.taskIds = fault == "twice" ? ["a", "a"] : ["a", "b"]
          })))
    #expect(agent.takeLog().first == "update a taskError taskInvalid")
    #expect(agent.launches.isEmpty)
  }

  @Test func `a group on an agent that is drained is dropped as a whole`() throws {
    var agent = try AgentHarness.running()
    agent.handle(.master(.drainAgent(.with { $0.config = DrainConfig() })))
    agent.log = []
    try agent.run(group: ["a", "b"])
    #expect(
      agent.takeLog() == ["terminated pod -1"] + ["a", "b"].map { "update \($0) taskDropped agentDraining" })
  }

  // MARK: What the master counts with

  @Test func `a task for an executor that is expected and not there is dropped`() throws {
    var agent = try AgentHarness.registered()
    try agent.run(group: ["a", "b"], launchesExecutor: false)
    try agent.run(.custom("c", executor: "pod"), launchesExecutor: false)
    let end = ["terminated pod -1"]
    let dropped = ["a", "b", "c"].map { "update \($0) taskDropped executorTerminated" }
    #expect(agent.takeLog() == end + dropped[..<2] + end + dropped[2...], "the master hears that there is none")
    #expect(agent.launches.isEmpty)
  }

  @Test func `a task that would start an executor of before again is dropped, and the executor told to have ended`()
    throws
  {
    var agent = try AgentHarness.runningGroup()
    agent.handle(.exited(try agent.container("pod"), .status(0)))
    agent.log = []
    try agent.run(group: ["c"])
    #expect(agent.takeLog() == ["terminated pod -1", "update c taskDropped executorTerminated"])
  }

  @Test func `a registration tells of an executor that is on its way to the disk`() throws {
    var agent = try AgentHarness.registered()
    agent.persistsAtOnce = false
    try agent.run(group: ["a", "b"])
    agent.handle(.linkLost)
    agent.handle(.linkEstablished)
    #expect(agent.reregistration?.executors.map(\.executorID) == ["pod"])
    #expect(agent.reregistration?.tasks.isEmpty == true)
  }

  // MARK: Volumes

  @Test(arguments: [true, false])
  func `a group for an executor that runs waits until the volumes of all tasks are shown`(works: Bool) throws {
    var agent = try AgentHarness.runningGroup()
    agent.takesVolumesAtOnce = false
    var tasks = ["c", "d"].map { Self.member($0) }
    tasks[1].resources.append(try volume("v"))
    try agent.run(group: tasks, launchesExecutor: false)
    #expect(agent.takeLog() == [])
    #expect(agent.unfinishedVolumes.count == 1)
    if works {
      agent.finishVolumes()
      #expect(agent.takeLog() == ["1 <- LAUNCH_GROUP c d"])
    } else {
      agent.handle(.volumesFailed(try #require(agent.unfinishedVolumes.first), message: "no space"))
      #expect(agent.takeLog() == ["c", "d"].map { "update \($0) taskGone containerUpdateFailed" })
    }
  }

  private func volume(_ id: String) throws -> Resource {
    try #require(
      Resources.parse("disk(dev):1").messages.map { resource in
        var resource = resource
        resource.allocationInfo.role = "dev"
        resource.disk.persistence.id = id
        resource.disk.volume.containerPath = id
        resource.disk.volume.mode = .rw
        return resource
      }.first)
  }

  // MARK: Restarts

  @Test func `whenever the agent is killed, a group is on the disk as a whole or not at all`() throws {
    var agent = try AgentHarness.registered()
    agent.persistsAtOnce = false
    try agent.run(group: ["a", "b", "c"])
    #expect(agent.unwritten.count == 1)
    #expect(try agent.restarted().core.getTasks() == AgentResponse.GetTasks())
    agent.persist()
    agent.handle(.launched(try agent.container("pod"), process))
    agent.persist()
    var after = try agent.restarted(alive: [process])
    after.subscribe(1, executor: "pod")
    #expect(after.takeLog().prefix(2) == ["1 <- SUBSCRIBED", "1 <- LAUNCH_GROUP a b c"])
    // A kill is durable for all or for none.
    agent.kill("b")
    #expect(agent.unwritten.count == 1)
    after = try agent.restarted(alive: [process])
    after.subscribe(1, executor: "pod")
    #expect(after.takeLog().contains("1 <- LAUNCH_GROUP a b c"))
    agent.persist()
    after = try agent.restarted(alive: [process])
    after.subscribe(1, executor: "pod")
    #expect(!after.takeLog().contains { $0.contains("LAUNCH") })
    #expect(after.core.getTasks().terminatedTasks.map(\.taskID.value) == ["a", "b", "c"])
  }

  @Test func `a group that the executor has is not given to it again after the agent's restart`() throws {
    var before = try AgentHarness.runningGroup()
    before.update(executor: "pod", .of("a", .taskRunning, 1))
    try before.acknowledge("a")
    var agent = try before.restarted(alive: [process])
    agent.subscribe(1, executor: "pod", tasks: [Self.member("b")])
    agent.handle(.linkEstablished)
    #expect(agent.takeLog() == ["1 <- SUBSCRIBED", "reregister S0: a taskRunning, b taskStaging"])
    #expect(agent.reregistration?.executors.map(\.executorID) == ["pod"])
    #expect(agent.reregistration?.tasks.map(\.executorID) == ["pod", "pod"])
  }

  /// - Source: Apache Mesos `src/slave/slave.cpp`, `__run`; MESOS-9657.
  @Test func `a command task with the id of an executor that is there is dropped, and the executor goes on`() throws {
    var agent = try AgentHarness.runningGroup()
    try agent.run(.command("pod"))
    #expect(agent.takeLog() == ["update pod taskDropped taskInvalid"])
    #expect(agent.core.getTasks().launchedTasks.count == 2)
    // So is one whose first bearer has ended and is not acknowledged yet.
    agent = try AgentHarness.registered()
    try agent.run(.command("t"))
    agent.handle(.launchFailed(try agent.container("t"), message: "no"))
    agent.log = []
    try agent.run(.command("t"))
    #expect(agent.launches.count <= 1)
    #expect(agent.core.getTasks().launchedTasks.isEmpty)
  }

  @Test func `a registration tells what the container of a task says of cgroups`() throws {
    var agent = try AgentHarness.registered()
    var task = Self.member("a")
    task.container.type = .mesos
    task.container.linuxInfo.shareCgroups = false
    try agent.run(group: [task])
    agent.handle(.linkLost)
    agent.handle(.linkEstablished)
    #expect(agent.reregistration?.tasks.map(\.shareCgroups) == [false])
    #expect(agent.reregistration?.tasks.map(\.hasShareCgroups) == [true])
  }
}

extension AgentHarness {
  mutating func run(group names: [String], executor: ExecutorInfo? = nil, launchesExecutor: Bool = true) throws {
    try run(
      group: names.map { TaskGroupTests.member($0) }, executor: executor, launchesExecutor: launchesExecutor)
  }

  mutating func run(group tasks: [TaskInfo], executor: ExecutorInfo? = nil, launchesExecutor: Bool = true) throws {
    let group: [UInt8] = try TaskGroupInfo.with { $0.tasks = tasks }.serializedBytes()
    let executorBytes: [UInt8] = try (executor ?? TaskGroupTests.pod()).serializedBytes()
    let framework: [UInt8] = try FrameworkInfo.forTests.serializedBytes()
    handle(
      .master(
        .runTaskGroup(
          .with {
            $0.frameworkID = "F"
            $0.frameworkInfo = field(framework)
            $0.executorInfo = field(executorBytes)
            $0.taskGroupInfo = field(group)
            $0.taskIds = tasks.map(\.taskID.value)
            $0.launchesExecutor = launchesExecutor
          })))
  }

  /// Takes the tasks `a` and `b` to their executor `pod` on connection 1.
  static func runningGroup() throws -> AgentHarness {
    var agent = try AgentHarness.registered()
    try agent.run(group: ["a", "b"])
    agent.handle(.launched(try agent.container("pod"), process))
    agent.subscribe(1, executor: "pod")
    agent.log = []
    return agent
  }
}
