import AgentLinkModel
import MesosModel
import Testing

@testable import MasterCore

struct MetricsTests {
  static func value(_ name: String, of cluster: Cluster) -> Double? {
    cluster.core.metrics(at: cluster.now).first { $0.name == name }?.value
  }

  @Test func `metrics are sorted and each is there once`() throws {
    let (cluster, _, _) = try TaskUpdateTests.running()
    let names = cluster.core.metrics(at: cluster.now).map(\.name)
    #expect(names == names.sorted())
    #expect(Set(names).count == names.count)
  }

  @Test func `counters follow what happens`() throws {
    var (cluster, agent, scheduler) = try TaskUpdateTests.running()
    #expect(Self.value("master/frameworks_active", of: cluster) == 1)
    #expect(Self.value("master/slaves_active", of: cluster) == 1)
    #expect(Self.value("master/tasks_staging", of: cluster) == 1)
    #expect(Self.value("master/messages_launch_tasks", of: cluster) == 1)
    #expect(Self.value("master/cpus_total", of: cluster) == 4)
    #expect(Self.value("master/cpus_used", of: cluster) == 0.5)
    try cluster.update(agent, scheduler, "t", .taskRunning)
    #expect(Self.value("master/tasks_staging", of: cluster) == 0)
    #expect(Self.value("master/tasks_running", of: cluster) == 1)
    try cluster.update(agent, scheduler, "t", .taskFailed, uuid: 2)
    cluster.acknowledge(scheduler, "t", on: agent, uuid: 2)
    #expect(Self.value("master/tasks_running", of: cluster) == 0)
    #expect(Self.value("master/tasks_failed", of: cluster) == 1)
    #expect(Self.value("master/valid_status_updates", of: cluster) == 2)
    cluster.handle(.agentDisconnected(agent.session))
    #expect(Self.value("master/slaves_disconnected", of: cluster) == 1)
    cluster.pass(.seconds(80))
    #expect(Self.value("master/slaves_unreachable", of: cluster) == 1)
    #expect(Self.value("master/slave_removals/reason_unhealthy", of: cluster) == 1)
  }

  @Test func `reasons have the names that Apache Mesos gives them`() throws {
    var cluster = Cluster()
    let agent = try cluster.agent()
    let scheduler = cluster.framework {
      $0.capabilities.removeAll { $0.type == .partitionAware }
    }
    cluster.launch(
      scheduler, [try sleeper("t", on: agent)], on: cluster.settle().offers(on: scheduler.connection))
    cluster.handle(.agentDisconnected(agent.session))
    cluster.pass(.seconds(80))
    #expect(Self.value("master/task_lost/source_master/reason_slave_removed", of: cluster) == 1)
  }

  @Test func `sources have the names that Apache Mesos gives them`() throws {
    var cluster = Cluster()
    let agent = try cluster.agent()
    let scheduler = cluster.framework()
    cluster.launch(
      scheduler, [try sleeper("t", on: agent)], on: cluster.settle().offers(on: scheduler.connection))
    try cluster.update(agent, scheduler, "t", .taskFailed) {
      $0.source = .agent
      $0.reason = .executorTerminated
    }
    #expect(Self.value("master/task_failed/source_slave/reason_executor_terminated", of: cluster) == 1)
  }
}
