import ExecutorKit
import Foundation
import MesosHTTP
import MesosModel
import SchedulerKit
import SwiftProtobuf
import Testing

/// Groups of tasks on a real cluster in this process. The executor's process does nothing: an executor of this process takes its place,
/// as soon as the agent expects it.
@Suite(.serialized)
struct TaskGroupTests {
  /// Says of each group that it came whole; its tasks run until they are killed.
  private actor Pod: ExecutorKit.Executor {
    private(set) var groups: [[String]] = []
    private(set) var tasks: [String] = []

    func launch(_ task: TaskInfo, driver: ExecutorDriver) async throws {
      tasks.append(task.taskID.value)
      try driver.sendUpdate(task.taskID, .taskFinished)
    }

    func launch(group: [TaskInfo], driver: ExecutorDriver) async throws {
      groups.append(group.map(\.taskID.value))
      for task in group { try driver.sendUpdate(task.taskID, .taskRunning, message: task.executor.executorID.value) }
    }

    func kill(_ task: TaskID, policy: KillPolicy?, driver: ExecutorDriver) async throws {
      try driver.sendUpdate(task, .taskKilled)
    }
  }

  @Test(.timeLimit(.minutes(2)))
  func `ACCEPT with LAUNCH_GROUP runs all tasks of a group under one custom executor, which takes LAUNCH as well`()
    async throws
  {
    try await TestCluster.with { cluster in
      let pod = Pod()
      try await withThrowingTaskGroup(of: Void.self) { group in
        try await withScheduler(try TestFramework.configuration(cluster.master)) { scheduler in
          var events: [String] = []
          var launched = 0
          for await update in scheduler.updates {
            switch update {
            case .offers(let offers):
              guard let offer = offers.first else { continue }
              let framework = try #require(scheduler.frameworkID)
              let resources = try resources(of: offer)
              let executor = executor(of: framework, resources.executor)
              func task(_ id: String) -> TaskInfo {
                .with {
                  $0.name = id
                  $0.taskID.value = id
                  $0.agentID = offer.agentID
                  $0.resources = resources.task
                }
              }
              launched += 1
              switch launched {
              case 1:
                let refused = Offer.Operation.launchGroup(
                  [task("x"), task("y")], executor: executor.with { $0.clearType() })
                try await scheduler.accept(
                  [offer.id], [refused, .launchGroup([task("a"), task("b")], executor: executor)],
                  refuse: .milliseconds(100))
                let address = try #require(cluster.agents.first)
                group.addTask { try await run(pod, of: framework, at: address, in: cluster) }
              case 2:
                try await scheduler.accept([offer], launch: [task("c").with { $0.executor = executor }])
              default: try await scheduler.decline([offer])
              }
            case .task(let update):
              let status = update.status
              events.append("\(status.taskID.value) \(status.state)")
              if status.taskID.value == "c" {
                for id in ["a", "b"] { try await scheduler.kill(TaskID(TaskKey(id))) }
              }
              if status.state == .taskError { #expect(status.message == "'ExecutorInfo.type' must be set") }
              if status.state == .taskRunning { #expect(status.message == "pod" && status.executorID.value == "pod") }
            case .error(let error): throw error
            default: break
            }
            if ["a", "b"].allSatisfy({ events.contains("\($0) taskKilled") }) { break }
          }
          #expect(Set(events).isSuperset(of: ["x taskError", "y taskError", "a taskRunning", "b taskRunning"]))
          #expect(await pod.groups == [["a", "b"]])
          #expect(await pod.tasks == ["c"])
        }
        // The framework is over, and so is its executor.
        try await group.waitForAll()
      }
    }
  }

  private func resources(of offer: Offer) throws -> (task: [Resource], executor: [Resource]) {
    var pool = OfferPool([offer])
    let ofTask = pool.take(["cpus": 0.1, "mem": 16])
    let ofExecutor = pool.take(["cpus": 0.1, "mem": 32, "disk": 1])
    return (try #require(ofTask), try #require(ofExecutor))
  }

  private func executor(of framework: FrameworkID, _ resources: [Resource]) -> ExecutorInfo {
    .with {
      $0.type = .custom
      $0.executorID.value = "pod"
      $0.frameworkID = framework
      $0.command.value = "exec sleep 1000"
      $0.resources = resources
    }
  }

  /// Runs `pod` as the executor that the agent has started.
  private func run(_ pod: Pod, of framework: FrameworkID, at agent: String, in cluster: TestCluster) async throws {
    while try await !cluster.hasStarted(executor: "pod", on: agent) { try Task.checkCancellation() }
    let environment = try ExecutorEnvironment([
      "MESOS_FRAMEWORK_ID": framework.value, "MESOS_EXECUTOR_ID": "pod", "MESOS_AGENT_ENDPOINT": agent,
      "MESOS_DIRECTORY": cluster.folder, "MESOS_CHECKPOINT": "0",
    ])
    try await ExecutorDriver(environment: environment).run(pod)
  }
}

extension SwiftProtobuf.Message {
  fileprivate func with(_ change: (inout Self) -> Void) -> Self {
    var copy = self
    change(&copy)
    return copy
  }
}

extension TestCluster {
  /// Whether the agent expects the executor, or has it.
  fileprivate func hasStarted(executor: String, on agent: String) async throws -> Bool {
    let call = AgentCall.with { $0.type = .getExecutors }
    let answer = try await TestCluster.post(
      agent, "/api/v1", MessageEncoding.protobuf.encode(call),
      headers: [
        "Content-Type": MessageEncoding.protobuf.contentType, "Accept": MessageEncoding.protobuf.contentType,
      ])
    let response = try MessageEncoding.protobuf.decode(AgentResponse.self, from: answer.body)
    return response.getExecutors.executors.contains { $0.executorInfo.executorID.value == executor }
  }
}
