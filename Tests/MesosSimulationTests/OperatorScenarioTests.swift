import MasterCore
import MesosModel
import MesosSimulation
import Testing

/// What operators do to a cluster, with failovers in between.
struct OperatorScenarioTests {
  private func agent(_ index: Int, of cluster: SimulatedCluster) -> AgentRow.Status? {
    cluster.masterState?.agents.first { cluster.agentIndex(of: $0.key) == index }?.value
  }

  @Test(arguments: 1...4 as ClosedRange<UInt64>)
  func `a draining goes on over a failover, its tasks move, and the agent is drained`(seed: UInt64) {
    var cluster = SimulatedCluster(seed: seed)
    cluster.addAgents(1, resources: "cpus:2;mem:1024")
    let framework = cluster.addFramework("moving")
    cluster.demand(SimulatedTask("t1", .runs(for: .seconds(100)).ignoringTermination), of: framework)
    cluster.run(until: .seconds(10))
    cluster.addAgents(1, resources: "cpus:2;mem:1024")
    cluster.act(.drain(agent: 0, markGone: false), at: .seconds(20))
    cluster.crash(.master, at: .milliseconds(20_500), for: .seconds(5))
    cluster.run(until: .seconds(100))
    #expect(cluster.violations == [])
    #expect(agent(0, of: cluster)?.drainInfo?.state == .drained)
    #expect(agent(0, of: cluster)?.active == false)
    #expect(cluster.task("t1", of: framework)?.state == .taskKilled)
    #expect(agent(1, of: cluster)?.active == true)
  }

  @Test(arguments: 1...4 as ClosedRange<UInt64>)
  func `an agent that was deactivated is not offered by the next master either, until it is reactivated`(seed: UInt64) {
    var cluster = SimulatedCluster(seed: seed)
    cluster.addAgents(1)
    let framework = cluster.addFramework("waiting")
    cluster.act(.deactivate(agent: 0), at: .seconds(5))
    cluster.crash(.master, at: .seconds(10), for: .seconds(2))
    cluster.demand(SimulatedTask("t1", .runs(for: .seconds(5))), of: framework, at: .seconds(20))
    cluster.run(until: .seconds(60))
    #expect(cluster.violations == [])
    #expect(agent(0, of: cluster)?.deactivated == true)
    #expect(cluster.unfinished(of: framework) == ["t1"])
    cluster.act(.reactivate(agent: 0))
    cluster.run(for: .seconds(40))
    #expect(cluster.violations == [])
    #expect(cluster.task("t1", of: framework)?.state == .taskFinished)
  }

  @Test(arguments: 1...4 as ClosedRange<UInt64>)
  func `a machine is taken down and up again, and its agent joins anew`(seed: UInt64) {
    var cluster = SimulatedCluster(seed: seed)
    cluster.addAgents(2)
    let framework = cluster.addFramework("kept")
    for number in 1...6 {
      cluster.demand(SimulatedTask("t\(number)", .runs(for: .seconds(200))), of: framework, at: .seconds(1))
    }
    cluster.act(.plan(agents: [0]), at: .seconds(10))
    cluster.act(.takeDown(agents: [0]), at: .seconds(30))
    cluster.crash(.master, at: .seconds(40), for: .seconds(2))
    cluster.run(until: .seconds(80))
    #expect(cluster.violations == [])
    #expect(cluster.activeAgents == 1)
    #expect(cluster.masterState?.maintenance.downMachines.count == 1)
    cluster.act(.bringUp(agents: [0]))
    cluster.run(for: .seconds(60))
    #expect(cluster.violations == [])
    #expect(cluster.activeAgents == 2)
    #expect(cluster.masterState?.maintenance.isEmpty == true)
  }

  @Test(arguments: 1...4 as ClosedRange<UInt64>)
  func `an agent that is marked as gone while it is cut off ends when it is back`(seed: UInt64) {
    var cluster = SimulatedCluster(seed: seed)
    cluster.addAgents(2)
    let framework = cluster.addFramework("gone")
    cluster.demand(SimulatedTask("t1", .runs(for: .seconds(300))), of: framework)
    cluster.run(until: .seconds(10))
    let index = cluster.masterState?.agents.first { !$0.value.allocated.isEmpty }
      .flatMap { cluster.agentIndex(of: $0.key) }
    guard let index else {
      Issue.record("the task runs nowhere")
      return
    }
    cluster.partition(.agent(index), at: .seconds(11), for: .seconds(60))
    cluster.act(.markGone(agent: index), at: .seconds(20))
    cluster.crash(.master, at: .seconds(30), for: .seconds(2))
    cluster.run(until: .seconds(150))
    #expect(cluster.violations == [])
    #expect(cluster.task("t1", of: framework)?.states.last == .taskGoneByOperator)
    #expect(cluster.activeAgents == 1)
  }

  @Test(arguments: 1...4 as ClosedRange<UInt64>)
  func `a limit that is lowered holds for what is launched from then on, also after a failover`(seed: UInt64) {
    var cluster = SimulatedCluster(seed: seed)
    cluster.addAgents(2, resources: "cpus:4;mem:4096")
    let framework = cluster.addFramework("limited")
    cluster.act(.limit(role: "dev", try? ResourceLimits(parsing: "cpus:2")), at: .seconds(5))
    for number in 1...8 {
      cluster.demand(SimulatedTask("t\(number)", .runs(for: .seconds(60))), of: framework, at: .seconds(10))
    }
    cluster.crash(.master, at: .seconds(20), for: .seconds(2))
    cluster.run(until: .seconds(50))
    #expect(cluster.violations == [])
    #expect(cluster.masterState?.tasks.count == 2)
    #expect(cluster.masterState?.quotas["dev"]?.limits["cpus"] == 2)
  }
}
