import AgentLinkModel
import MesosModel
import SwiftProtobuf
import Testing

@testable import MasterCore

struct ReconciliationTests {
  @discardableResult
  static func reconcile(
    _ cluster: inout Cluster, _ scheduler: Scheduler, _ tasks: [(String, String?)]
  ) -> [TaskStatus] {
    let (answer, directives) = cluster.call(scheduler) { call in
      call.type = .reconcile
      call.reconcile = .with {
        $0.tasks = tasks.map { task, agent in
          .with {
            $0.taskID.value = task
            if let agent { $0.agentID.value = agent }
          }
        }
      }
    }
    #expect(answer == .accepted)
    return directives.statuses(on: scheduler.connection)
  }

  @Test func `implicit reconciliation gives every known task, oldest first, without UUIDs`() throws {
    var cluster = Cluster()
    let agent = try cluster.agent()
    let scheduler = cluster.framework()
    let tasks = try ["c", "a", "b"].map { try sleeper($0, on: agent) }
    cluster.launch(scheduler, tasks, on: cluster.settle().offers(on: scheduler.connection))
    try cluster.update(agent, scheduler, "a", .taskRunning) {
      $0.healthy = true
      $0.containerStatus.containerID.value = "box"
    }
    let statuses = Self.reconcile(&cluster, scheduler, [])
    #expect(statuses.map(\.taskID.value) == ["c", "a", "b"])
    #expect(statuses.map(\.state) == [.taskStaging, .taskRunning, .taskStaging])
    #expect(statuses.allSatisfy { $0.reason == .reconciliation && $0.source == .master && !$0.hasUuid })
    #expect(statuses.allSatisfy { $0.message == "Reconciliation: Latest task state" })
    #expect(statuses[1].healthy)
    #expect(statuses[1].containerStatus.containerID.value == "box")
    #expect(statuses[1].agentID.key == agent.id)
  }

  @Test(arguments: [true, false])
  func `explicit reconciliation tells each case apart`(isPartitionAware: Bool) throws {
    let recovered = RecoveredRegistry(agents: [
      .init(id: "gone-silent", info: [], unreachableSince: 42), .init(id: "coming", info: [], unreachableSince: nil),
    ])
    var cluster = Cluster(registry: recovered)
    let agent = try cluster.agent()
    let scheduler = cluster.framework {
      if !isPartitionAware { $0.capabilities.removeAll { $0.type == .partitionAware } }
    }
    cluster.launch(
      scheduler, [try sleeper("t", on: agent)], on: cluster.settle().offers(on: scheduler.connection))
    let statuses = Self.reconcile(
      &cluster, scheduler,
      [
        ("t", agent.id.value), ("t", nil), ("lost", agent.id.value), ("x", "gone-silent"), ("y", "coming"),
        ("z", "nosuch"), ("w", nil),
      ])
    #expect(statuses.map(\.taskID.value) == ["t", "t", "lost", "x", "z"])
    let expected: [TaskState] =
      isPartitionAware
      ? [.taskStaging, .taskStaging, .taskGone, .taskUnreachable, .taskUnknown]
      : [.taskStaging, .taskStaging, .taskLost, .taskLost, .taskLost]
    #expect(statuses.map(\.state) == expected)
    #expect(
      statuses.map(\.message) == [
        "Reconciliation: Latest task state", "Reconciliation: Latest task state",
        "Reconciliation: Task is unknown to the agent", "Reconciliation: Task is unreachable",
        "Reconciliation: Task is unknown",
      ])
    #expect(statuses[3].unreachableTime.nanoseconds == 42)
  }

  @Test func `a task without agent id is answered once no agent is expected back`() throws {
    var cluster = Cluster(registry: RecoveredRegistry(agents: [.init(id: "a", info: [], unreachableSince: nil)]))
    let scheduler = cluster.framework()
    #expect(Self.reconcile(&cluster, scheduler, [("w", nil)]).isEmpty)
    cluster.pass(.seconds(601))
    #expect(Self.reconcile(&cluster, scheduler, [("w", nil)]).map(\.state) == [.taskUnknown])
    #expect(Self.reconcile(&cluster, scheduler, [("w", "a")]).map(\.state) == [.taskUnreachable])
  }

  @Test func `the state that waits for acknowledgement is the one told`() throws {
    var cluster = Cluster()
    let agent = try cluster.agent()
    let scheduler = cluster.framework()
    cluster.launch(
      scheduler, [try sleeper("t", on: agent)], on: cluster.settle().offers(on: scheduler.connection))
    try cluster.update(agent, scheduler, "t", .taskRunning, latest: .taskFinished)
    #expect(Self.reconcile(&cluster, scheduler, [("t", nil)]).map(\.state) == [.taskRunning])
  }

  @Test func `unknown operations are answered one by one`() throws {
    let registry = RecoveredRegistry(agents: [
      .init(id: "gone", info: [], unreachableSince: 1), .init(id: "coming", info: [], unreachableSince: nil),
    ])
    var cluster = Cluster(registry: registry)
    let agent = try cluster.agent()
    let scheduler = cluster.framework()
    let (answer, directives) = cluster.call(scheduler) { call in
      call.type = .reconcileOperations
      call.reconcileOperations = .with {
        $0.operations = [agent.id.value, "gone", "coming", "nosuch", nil].map { id in
          .with {
            $0.operationID.value = "op"
            if let id { $0.agentID.value = id }
          }
        }
      }
    }
    #expect(answer == .accepted)
    let statuses = directives.events(on: scheduler.connection).map(\.updateOperationStatus.status)
    #expect(
      statuses.map(\.state) == [
        .operationUnknown, .operationUnreachable, .operationRecovering, .operationUnknown, .operationUnknown,
      ])
    #expect(statuses.map(\.message).first == "Reconciliation: Operation is unknown")
    #expect(statuses.allSatisfy { !$0.hasUuid })
  }
}
