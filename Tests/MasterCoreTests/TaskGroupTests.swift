import AgentLinkModel
import MesosModel
import SwiftProtobuf
import Testing

@testable import MasterCore

/// ACCEPT with LAUNCH_GROUP.
///
/// - Source: Apache Mesos `src/master/master.cpp`, `Master::_accept`; `src/master/validation.cpp`, namespace `task::group`.
struct TaskGroupTests {
  /// A master with one agent, and a framework that holds its offer.
  struct Fixture {
    var cluster = Cluster()
    let agent: Agent
    let scheduler: Scheduler
    var offers: [Offer]

    init(capabilities: [AgentInfo.Capability.TypeEnum]? = nil) throws {
      agent = try cluster.agent(capabilities: capabilities)
      scheduler = cluster.framework()
      offers = cluster.settle().offers(on: scheduler.connection)
    }

    func executor(_ resources: String = "cpus:0.1;mem:32;disk:10") throws -> ExecutorInfo {
      try .with {
        $0.type = .custom
        $0.executorID.value = "pod"
        $0.frameworkID = FrameworkID(scheduler.id)
        $0.command.value = "run"
        $0.resources = try Resources.parse(resources).messages
      }
    }

    mutating func launch(
      _ tasks: [TaskInfo], _ executor: ExecutorInfo? = nil, further: [Offer.Operation] = [],
      _ change: (inout Offer.Operation) -> Void = { _ in }
    ) throws -> [MasterCore.Directive] {
      var operation = Offer.Operation()
      operation.type = .launchGroup
      operation.launchGroup.executor = try executor ?? self.executor()
      operation.launchGroup.taskGroup.tasks = tasks
      change(&operation)
      let (operations, ids) = ([operation] + further, offers.map(\.id))
      return cluster.call(scheduler) {
        $0.type = .accept
        $0.accept.offerIds = ids
        $0.accept.operations = operations
        $0.accept.filters.refuseSeconds = 0
      }.directives
    }

    func allocated() -> Resources { cluster.view.agents[agent.id]?.status.allocated ?? Resources() }
  }

  @Test func `ACCEPT with LAUNCH_GROUP sends all tasks in one record, and the executor counts once`() throws {
    var fixture = try Fixture()
    let agent = fixture.agent
    let directives = try fixture.launch([try sleeper("a", on: agent), try sleeper("b", on: agent)])
    let orders = directives.toAgent(agent.session).compactMap(\.runTaskGroup)
    let order = try #require(orders.first)
    #expect(orders.count == 1 && order.taskIds == ["a", "b"] && order.launchesExecutor)
    #expect(try FrameworkInfo(serializedBytes: order.frameworkInfo).name == "test")
    let group = try TaskGroupInfo(serializedBytes: order.taskGroupInfo)
    #expect(group.tasks.map(\.taskID.value) == ["a", "b"])
    #expect(group.tasks.allSatisfy { $0.executor.executorID.value == "pod" }, "readers find the executor at each task")
    #expect(group.tasks.flatMap(\.resources).allSatisfy { $0.allocationInfo.role == "dev" })
    #expect(try ExecutorInfo(serializedBytes: order.executorInfo).resources.allSatisfy { $0.hasAllocationInfo })
    #expect(directives.statuses(on: fixture.scheduler.connection).isEmpty)
    #expect(fixture.allocated().scalar("cpus") == 1.1)
    #expect(fixture.allocated().scalar("mem") == 160)
    for task in ["a", "b"] {
      let row = try #require(fixture.cluster.view.task(fixture.scheduler.id, task))
      #expect(row.executor == "pod" && row.section == .active)
    }
    // A further group of the same executor needs nothing for it, nor does a LAUNCH.
    fixture.offers = fixture.cluster.pass(.seconds(1)).offers(on: fixture.scheduler.connection)
    #expect(fixture.offers.flatMap(\.executorIds).map(\.value) == ["pod"])
    let executor = try fixture.executor()
    let single = try sleeper("d", on: agent) {
      $0.clearCommand()
      $0.executor = executor
    }
    let launch = Offer.Operation.with {
      $0.type = .launch
      $0.launch.taskInfos = [single]
    }
    let again = try fixture.launch([try sleeper("c", on: agent)], further: [launch]).toAgent(agent.session)
    #expect(again.compactMap(\.runTaskGroup).map(\.launchesExecutor) == [false])
    #expect(again.compactMap(\.runTask).map { "\($0.taskID) \($0.launchesExecutor)" } == ["d false"])
    #expect(fixture.allocated().scalar("cpus") == 2.1)
  }

  struct Invalid: Sendable, CustomTestStringConvertible {
    var testDescription: String
    var message: String
    var change: @Sendable (inout Offer.Operation) -> Void
  }

  @Test(arguments: [
    Invalid(
      testDescription: "a task without resources", message: "Task 'b' is invalid: Task uses no resources",
      change: { $0.launchGroup.taskGroup.tasks[1].resources = [] }),
    Invalid(
      testDescription: "a task id twice", message: "Task 'a' is invalid: Task has duplicate ID: a",
      change: { $0.launchGroup.taskGroup.tasks[1].taskID.value = "a" }),
    Invalid(
      testDescription: "another agent",
      message: "Task 'b' is invalid: Task uses invalid agent x while agent AGENT is expected",
      change: { $0.launchGroup.taskGroup.tasks[1].agentID.value = "x" }),
    Invalid(
      testDescription: "an executor of a task's own",
      message: "The `ExecutorInfo` of task 'b' is different from executor 'pod'",
      change: { $0.launchGroup.taskGroup.tasks[1].executor.executorID.value = "own" }),
    Invalid(
      testDescription: "docker", message: "Task 'b' is invalid: Docker ContainerInfo is not supported on the task",
      change: {
        $0.launchGroup.taskGroup.tasks[1].container.type = .docker
        $0.launchGroup.taskGroup.tasks[1].container.docker.image = "busybox"
      }),
    Invalid(
      testDescription: "no framework id in the executor", message: "'ExecutorInfo.framework_id' must be set",
      change: { $0.launchGroup.executor.clearFrameworkID() }),
    Invalid(
      testDescription: "no type", message: "'ExecutorInfo.type' must be set",
      change: { $0.launchGroup.executor.clearType() }),
    Invalid(
      testDescription: "a default executor with a command",
      message: "'ExecutorInfo.command' must not be set for 'DEFAULT' executor",
      change: { $0.launchGroup.executor.type = .default }),
    Invalid(
      testDescription: "an executor with too little memory",
      message: "Executor 'pod' uses less memory (16MB) than the minimum required (32MB)",
      change: { $0.launchGroup.executor.resources = (try? Resources.parse("cpus:0.1;mem:16;disk:1").messages) ?? [] }),
    Invalid(
      testDescription: "an executor without disk", message: "Executor 'pod' uses no disk",
      change: { $0.launchGroup.executor.resources = (try? Resources.parse("cpus:0.1;mem:32").messages) ?? [] }),
    Invalid(
      testDescription: "an id", message: "The `id` field cannot be set on LAUNCH_GROUP operations",
      change: { $0.id.value = "op" }),
    Invalid(
      testDescription: "resources that are none",
      message: "Invalid scalar resource",
      change: { $0.launchGroup.taskGroup.tasks[0].resources[0].scalar.value = -1 }),
  ])
  func `ACCEPT with LAUNCH_GROUP launches nothing of a group with one thing wrong`(invalid: Invalid) throws {
    var fixture = try Fixture()
    let agent = fixture.agent
    let directives = try fixture.launch(
      [try sleeper("a", on: agent), try sleeper("b", on: agent)], nil, further: [], invalid.change)
    let statuses = directives.statuses(on: fixture.scheduler.connection)
    #expect(statuses.count == 2)
    let expected = invalid.message.replacing("AGENT", with: agent.id.value)
    for status in statuses {
      #expect(status.state == .taskError && status.reason == .taskGroupInvalid && status.source == .master)
      #expect(status.message == expected || status.message.contains(expected))
    }
    #expect(directives.toAgent(agent.session).isEmpty)
    #expect(fixture.cluster.view.task(fixture.scheduler.id, "a") == nil)
    #expect(fixture.allocated().isEmpty)
    let again = fixture.cluster.pass(.seconds(1)).offers(on: fixture.scheduler.connection)
    #expect(try again.map { try Resources($0.resources).scalar("cpus") } == [4])
  }

  @Test func `ACCEPT with LAUNCH_GROUP takes tasks and executor together out of the offer`() throws {
    var fixture = try Fixture()
    let agent = fixture.agent
    let directives = try fixture.launch([
      try sleeper("a", on: agent, resources: "cpus:2;mem:64"), try sleeper("b", on: agent, resources: "cpus:2;mem:64"),
    ])
    let statuses = directives.statuses(on: fixture.scheduler.connection)
    #expect(statuses.map(\.taskID.value) == ["a", "b"])
    #expect(
      statuses.allSatisfy {
        $0.message.hasPrefix("Total resources ")
          && $0.message.hasSuffix(
            "required by task group and its executor are more than available \(AcceptTests.available)")
      })
  }

  @Test func `a group without tasks does nothing`() throws {
    var fixture = try Fixture()
    let directives = try fixture.launch([])
    #expect(directives.toAgent(fixture.agent.session).isEmpty)
    #expect(fixture.allocated().isEmpty)
  }

  @Test func `all tasks of an executor share its cgroups, or none`() throws {
    var fixture = try Fixture()
    let agent = fixture.agent
    func apart(_ id: String) throws -> TaskInfo {
      try sleeper(id, on: agent) {
        $0.container.type = .mesos
        $0.container.linuxInfo.shareCgroups = false
      }
    }
    #expect(try fixture.launch([try apart("a")]).statuses(on: fixture.scheduler.connection).isEmpty)
    fixture.offers = fixture.cluster.pass(.seconds(1)).offers(on: fixture.scheduler.connection)
    let refused = try fixture.launch([try sleeper("b", on: agent)]).statuses(on: fixture.scheduler.connection)
    #expect(
      refused.map(\.message) == [
        "If set, the value of 'share_cgroups' must be the same for all tasks in each task group and under a single "
          + "executor"
      ])
    fixture.offers = fixture.cluster.pass(.seconds(1)).offers(on: fixture.scheduler.connection)
    #expect(try fixture.launch([try apart("c")]).statuses(on: fixture.scheduler.connection).isEmpty)
  }

  @Test func `an executor that the agent could not start gives its resources back`() throws {
    var fixture = try Fixture()
    let (agent, scheduler) = (fixture.agent, fixture.scheduler)
    _ = try fixture.launch([try sleeper("a", on: agent)])
    let directives = fixture.cluster.say(
      .executorTerminated(
        .with {
          $0.frameworkID = scheduler.id.value
          $0.executorID = "pod"
          $0.status = -1
        }), agent)
    let failure = try #require(directives.events(on: scheduler.connection).first { $0.type == .failure }?.failure)
    #expect(failure.executorID.value == "pod" && failure.status == -1)
    #expect(fixture.allocated().scalar("cpus") == 0.5)
  }

  @Test func `invalid offers lose every task of a group`() throws {
    var fixture = try Fixture()
    let (agent, scheduler) = (fixture.agent, fixture.scheduler)
    _ = try fixture.launch([try sleeper("a", on: agent)])
    let statuses = try fixture.launch([try sleeper("b", on: agent), try sleeper("c", on: agent)])
      .statuses(on: scheduler.connection)
    #expect(statuses.map(\.taskID.value) == ["b", "c"])
    #expect(statuses.allSatisfy { $0.state == .taskDropped && $0.reason == .invalidOffers })
  }
}
