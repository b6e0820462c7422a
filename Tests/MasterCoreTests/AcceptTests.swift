import AgentLinkModel
import MesosModel
import SwiftProtobuf
import Testing

@testable import MasterCore

struct AcceptTests {
  @Test func `a launched task reaches its agent and is shown, and the rest of the offer comes again`() throws {
    var cluster = Cluster()
    let agent = try cluster.agent()
    let scheduler = cluster.framework()
    let offers = cluster.settle().offers(on: scheduler.connection)
    let task = try sleeper("t", on: agent) {
      $0.labels = .with {
        $0.labels = [
          .with {
            $0.key = "k"
            $0.value = "v"
          }
        ]
      }
      $0.command.user = "nobody"
    }
    let directives = cluster.launch(scheduler, [task], on: offers)
    let order = try #require(directives.toAgent(agent.session).compactMap(\.runTask).first)
    #expect(order.frameworkID == scheduler.id.value)
    #expect(order.taskID == "t")
    let info = try TaskInfo(serializedBytes: order.taskInfo)
    #expect(info.command.value == "sleep 1000")
    #expect(info.resources.allSatisfy { $0.allocationInfo.role == "dev" })
    #expect(try FrameworkInfo(serializedBytes: order.frameworkInfo).name == "test")

    let row = try #require(cluster.view.task(scheduler.id, "t"))
    #expect(row.section == .active)
    #expect(row.agent == agent.id)
    let shown = try MesosTask(serializedBytes: row.stable + row.status.encoded)
    #expect(shown.state == .taskStaging)
    #expect(shown.name == "t")
    #expect(shown.user == "nobody")
    #expect(shown.labels.labels.map(\.key) == ["k"])
    #expect(shown.statuses.isEmpty)
    #expect(!shown.hasExecutorID)

    let status = try #require(cluster.view.agents[agent.id]?.status)
    #expect(status.allocated.scalar("cpus") == 0.5)
    #expect(status.offered.isEmpty)
    #expect(cluster.view.offers.isEmpty)
    // The default filter: the rest is not offered again before five seconds are over.
    #expect(cluster.pass(.milliseconds(4_900)).offers(on: scheduler.connection).isEmpty)
    let again = cluster.pass(.milliseconds(1_200)).offers(on: scheduler.connection)
    #expect(try again.map { try Resources($0.resources).scalar("cpus") } == [3.5])
  }

  @Test func `several offers of one agent are used together`() throws {
    var cluster = Cluster()
    let agent = try cluster.agent()
    let scheduler = cluster.framework()
    let first = cluster.settle().offers(on: scheduler.connection)
    cluster.launch(scheduler, [try sleeper("a", on: agent, resources: "cpus:3;mem:512")], on: first, refuse: 0)
    let second = cluster.pass(.seconds(1)).offers(on: scheduler.connection)
    try cluster.update(agent, scheduler, "a", .taskFinished)
    let third = cluster.pass(.seconds(1)).offers(on: scheduler.connection)
    #expect(second.count == 1 && third.count == 1)
    let directives = cluster.launch(
      scheduler, [try sleeper("b", on: agent, resources: "cpus:4;mem:4096")], on: second + third)
    #expect(directives.toAgent(agent.session).compactMap(\.runTask).map(\.taskID) == ["b"])
    #expect(directives.statuses(on: scheduler.connection).isEmpty)
  }

  @Test(arguments: [true, false])
  func `an offer used twice loses the task`(isPartitionAware: Bool) throws {
    var cluster = Cluster()
    let agent = try cluster.agent()
    let scheduler = cluster.framework {
      if !isPartitionAware { $0.capabilities.removeAll { $0.type == .partitionAware } }
    }
    let offers = cluster.settle().offers(on: scheduler.connection)
    cluster.launch(scheduler, [try sleeper("a", on: agent)], on: offers)
    let directives = cluster.launch(scheduler, [try sleeper("b", on: agent)], on: offers)
    let status = try #require(directives.statuses(on: scheduler.connection).first)
    #expect(status.state == (isPartitionAware ? .taskDropped : .taskLost))
    #expect(status.reason == .invalidOffers)
    #expect(status.source == .master)
    #expect(!status.hasUuid)
    #expect(status.agentID.key == agent.id)
    #expect(status.message == "Task launched with invalid offers: Offer \(Cluster.masterID)-O0 is no longer valid")
    #expect(directives.toAgent(agent.session).isEmpty)
  }

  @Test func `offers of two agents cannot be used together, and go back`() throws {
    var cluster = Cluster()
    let one = try cluster.agent()
    let two = try cluster.agent()
    let scheduler = cluster.framework()
    let offers = cluster.settle().offers(on: scheduler.connection)
    let directives = cluster.launch(scheduler, [try sleeper("t", on: one)], on: offers)
    let status = try #require(directives.statuses(on: scheduler.connection).first)
    #expect(
      status.message
        == "Task launched with invalid offers: Aggregated offers must belong to one single agent. Offer "
        + "\(offers[1].id.value) uses agent \(two.id) and agent \(one.id)")
    #expect(cluster.view.offers.isEmpty)
    #expect(cluster.pass(.seconds(1)).offers(on: scheduler.connection).count == 2)
  }

  @Test func `another framework's offer cannot be used, and stays its own`() throws {
    var cluster = Cluster()
    let agent = try cluster.agent()
    let owner = cluster.framework()
    let offers = cluster.settle().offers(on: owner.connection)
    let thief = cluster.framework()
    let status = cluster.launch(thief, [try sleeper("t", on: agent)], on: offers).statuses(on: thief.connection).first
    #expect(
      status?.message
        == "Task launched with invalid offers: Offer \(offers[0].id.value) has invalid framework \(owner.id) while "
        + "framework \(thief.id) is expected")
    #expect(cluster.view.offers.count == 1)
  }

  @Test func `an ACCEPT without offers, and one that names an offer twice, launch nothing`() throws {
    var cluster = Cluster()
    let agent = try cluster.agent()
    let scheduler = cluster.framework()
    let offers = cluster.settle().offers(on: scheduler.connection)
    #expect(
      cluster.launch(scheduler, [try sleeper("t", on: agent)], on: []).statuses(on: scheduler.connection).map(\.message)
        == ["Task launched with invalid offers: No offers specified"])
    #expect(
      cluster.launch(scheduler, [try sleeper("t", on: agent)], on: offers + offers)
        .statuses(on: scheduler.connection).map(\.message)
        == [
          "Task launched with invalid offers: Duplicate offer \(offers[0].id.value) in offer list"
        ])
  }

  struct Invalid: Sendable, CustomTestStringConvertible {
    var testDescription: String
    var task: @Sendable (inout TaskInfo) -> Void
    var message: String
  }

  static let available =
    "cpus(allocated: dev):4; mem(allocated: dev):4096; disk(allocated: dev):10000; "
    + "ports(allocated: dev):[31000-32000]"

  @Test(arguments: [
    Invalid(
      testDescription: "empty id", task: { $0.taskID.value = "" }, message: "ID must not be empty"),
    Invalid(
      testDescription: "slash in the id", task: { $0.taskID.value = "a/b" },
      message: "'a/b' contains invalid characters"),
    Invalid(
      testDescription: "dots", task: { $0.taskID.value = ".." }, message: "'..' is disallowed"),
    Invalid(
      testDescription: "duplicate", task: { $0.taskID.value = "running" }, message: "Task has duplicate ID: running"),
    Invalid(
      testDescription: "other agent", task: { $0.agentID.value = "nosuch" },
      message: "Task uses invalid agent nosuch while agent \(Cluster.masterID)-S0 is expected"),
    Invalid(
      testDescription: "no resources", task: { $0.resources = [] }, message: "Task uses no resources"),
    Invalid(
      testDescription: "more than offered", task: { $0.resources[0].scalar.value = 100 },
      message: "Total resources cpus(allocated: dev):100; mem(allocated: dev):64 required by task and its executor is "
        + "more than available cpus(allocated: dev):3.5; mem(allocated: dev):4032; disk(allocated: dev):10000; "
        + "ports(allocated: dev):[31000-32000]"),
    Invalid(
      testDescription: "neither command nor executor", task: { $0.clearCommand() },
      message: "Task should have at least one (but not both) of CommandInfo or ExecutorInfo present"),
    Invalid(
      testDescription: "both command and executor", task: { $0.executor.executorID.value = "e" },
      message: "Task should have at least one (but not both) of CommandInfo or ExecutorInfo present"),
    Invalid(
      testDescription: "negative grace period", task: { $0.killPolicy.gracePeriod.nanoseconds = -1 },
      message: "Task's 'kill_policy.grace_period' must be non-negative"),
    Invalid(
      testDescription: "negative completion time", task: { $0.maxCompletionTime.nanoseconds = -1 },
      message: "Task's `max_completion_time` must be non-negative"),
    Invalid(
      testDescription: "variable without value",
      task: { $0.command.environment.variables = [.with { $0.name = "A" }] },
      message: "Task's `CommandInfo` is invalid: Environment variable 'A' of type 'VALUE' must have a value set"),
    Invalid(
      testDescription: "health check without type", task: { $0.healthCheck.delaySeconds = 1 },
      message: "Task uses invalid health check: HealthCheck must specify 'type'"),
    Invalid(
      testDescription: "half a GPU",
      task: { task in
        task.resources.append(
          .with {
            $0.name = "gpus"
            $0.type = .scalar
            $0.scalar = .with { $0.value = 0.5 }
          })
      },
      message: "Task uses invalid resources: Invalid 'gpus' resource: The 'gpus' resource must be an unsigned integer"),
    Invalid(
      testDescription: "limits on an agent that has none",
      task: { $0.limits = ["cpus": .with { $0.value = 1 }] },
      message: "Agent is not capable of handling task resource limits"),
    Invalid(
      testDescription: "executor without command",
      task: {
        $0.clearCommand()
        $0.executor.executorID.value = "e"
      }, message: "'ExecutorInfo.command' must be set"),
    Invalid(
      testDescription: "executor of another framework",
      task: {
        $0.clearCommand()
        $0.executor.executorID.value = "e"
        $0.executor.command.value = "run"
        $0.executor.frameworkID.value = "other"
      },
      message: "ExecutorInfo has an invalid FrameworkID (Actual: other vs Expected: \(Cluster.masterID)-0000)"),
  ])
  func `an invalid task gets TASK_ERROR and its resources come again`(invalid: Invalid) throws {
    var cluster = Cluster()
    let agent = try cluster.agent()
    let scheduler = cluster.framework()
    let offers = cluster.settle().offers(on: scheduler.connection)
    let running = try sleeper("running", on: agent)
    var bad = try sleeper("bad", on: agent)
    invalid.task(&bad)
    let good = try sleeper("good", on: agent)
    let directives = cluster.launch(scheduler, [running, bad, good], on: offers, refuse: 0)
    let status = try #require(directives.statuses(on: scheduler.connection).first)
    #expect(status.state == .taskError)
    #expect(status.reason == .taskInvalid)
    #expect(status.source == .master)
    #expect(status.message == invalid.message)
    #expect(directives.toAgent(agent.session).compactMap(\.runTask).map(\.taskID) == ["running", "good"])
    let again = cluster.pass(.seconds(1)).offers(on: scheduler.connection)
    #expect(try again.map { try Resources($0.resources).scalar("cpus") } == [3])
  }

  @Test func `a LAUNCH with resources that are none fails as a whole`() throws {
    var cluster = Cluster()
    let agent = try cluster.agent()
    let scheduler = cluster.framework()
    let offers = cluster.settle().offers(on: scheduler.connection)
    let bad = try sleeper("bad", on: agent) { $0.resources[0].scalar.value = -1 }
    let directives = cluster.launch(scheduler, [try sleeper("good", on: agent), bad], on: offers)
    let statuses = directives.statuses(on: scheduler.connection)
    #expect(statuses.map(\.taskID.value) == ["good", "bad"])
    #expect(statuses.allSatisfy { $0.state == .taskError && $0.message.contains("Invalid scalar resource") })
  }

  @Test func `tasks share an executor, which counts once`() throws {
    var cluster = Cluster()
    let agent = try cluster.agent()
    let scheduler = cluster.framework()
    let offers = cluster.settle().offers(on: scheduler.connection)
    func task(_ id: String, run: String = "run") throws -> TaskInfo {
      try sleeper(id, on: agent) {
        $0.clearCommand()
        $0.executor.executorID.value = "e"
        $0.executor.command.value = run
        $0.executor.resources = (try? Resources.parse("cpus:1;mem:32").messages) ?? []
      }
    }
    let directives = cluster.launch(
      scheduler, [try task("a"), try task("b"), try task("c", run: "other")], on: offers, refuse: 0)
    #expect(directives.toAgent(agent.session).compactMap(\.runTask).map(\.taskID) == ["a", "b"])
    #expect(
      directives.statuses(on: scheduler.connection).map(\.message)
        == ["ExecutorInfo is not compatible with existing ExecutorInfo with same ExecutorID."])
    #expect(cluster.view.agents[agent.id]?.status.allocated.scalar("cpus") == 2)
    #expect(cluster.view.task(scheduler.id, "a")?.executor == "e")
    let offer = try #require(cluster.pass(.seconds(1)).offers(on: scheduler.connection).first)
    #expect(offer.executorIds.map(\.value) == ["e"])
  }

  @Test func `an operation that is not supported says so when it has an id, and loses nothing`() throws {
    var cluster = Cluster()
    let agent = try cluster.agent()
    let scheduler = cluster.framework()
    let offers = cluster.settle().offers(on: scheduler.connection)
    func reserve(id: String?) -> Offer.Operation {
      .with {
        $0.type = .reserve
        if let id { $0.id.value = id }
        $0.reserve.resources = []
      }
    }
    let directives = cluster.call(scheduler) { call in
      call.type = .accept
      call.accept = .with {
        $0.offerIds = offers.map(\.id)
        $0.operations = [reserve(id: "op"), reserve(id: nil)]
        $0.filters = .with { $0.refuseSeconds = 0 }
      }
    }.directives
    let events = directives.events(on: scheduler.connection)
    #expect(events.map(\.type) == [.updateOperationStatus])
    #expect(events.first?.updateOperationStatus.status.operationID.value == "op")
    #expect(events.first?.updateOperationStatus.status.state == .operationError)
    #expect(cluster.pass(.seconds(1)).offers(on: scheduler.connection).map(\.agentID.key) == [agent.id])
  }

  @Test func `an ACCEPT without operations declines`() throws {
    var cluster = Cluster()
    _ = try cluster.agent()
    let scheduler = cluster.framework()
    let offers = cluster.settle().offers(on: scheduler.connection)
    cluster.launch(scheduler, [], on: offers)
    #expect(cluster.view.offers.isEmpty)
    #expect(cluster.pass(.milliseconds(4_900)).offers(on: scheduler.connection).isEmpty)
    #expect(cluster.pass(.milliseconds(1_200)).offers(on: scheduler.connection).count == 1)
  }

  @Test func `a task id of the history can be used again`() throws {
    var cluster = Cluster()
    let agent = try cluster.agent()
    let scheduler = cluster.framework()
    cluster.launch(
      scheduler, [try sleeper("t", on: agent)], on: cluster.settle().offers(on: scheduler.connection), refuse: 0)
    try cluster.update(agent, scheduler, "t", .taskFinished)
    cluster.acknowledge(scheduler, "t", on: agent)
    #expect(cluster.view.task(scheduler.id, "t")?.section == .completed)
    let offers = cluster.pass(.seconds(1)).offers(on: scheduler.connection)
    let directives = cluster.launch(scheduler, [try sleeper("t", on: agent)], on: offers)
    #expect(directives.toAgent(agent.session).compactMap(\.runTask).count == 1)
    #expect(cluster.view.task(scheduler.id, "t")?.section == .active)
  }
}
