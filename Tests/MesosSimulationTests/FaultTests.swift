import MesosModel
import MesosSimulation
import Testing

struct FaultTests {
  @Test func `a task outlives a crash of its agent`() throws {
    var cluster = SimulatedCluster(seed: 2)
    cluster.addAgents(1)
    let framework = cluster.addFramework("web")
    cluster.demand(SimulatedTask("t1", .runs(for: .seconds(60))), of: framework)
    cluster.crash(.agent(0), at: .seconds(20), for: .seconds(1))
    cluster.run(until: .seconds(120))
    #expect(cluster.violations == [])
    #expect(cluster.task("t1", of: framework)?.states == [.taskStarting, .taskRunning, .taskFinished])
  }

  @Test func `a task outlives a crash of the master`() throws {
    var cluster = SimulatedCluster(seed: 3)
    cluster.addAgents(2)
    let framework = cluster.addFramework("web")
    cluster.demand(SimulatedTask("t1", .runs(for: .seconds(60))), of: framework)
    cluster.crash(.master, at: .seconds(20), for: .seconds(5))
    cluster.run(until: .seconds(180))
    #expect(cluster.violations == [])
    #expect(cluster.task("t1", of: framework)?.state == .taskFinished)
    #expect(cluster.activeAgents == 2)
  }

  @Test func `a task that is lost with its machine is launched again`() throws {
    var cluster = SimulatedCluster(seed: 4)
    cluster.addAgents(2)
    let framework = cluster.addFramework("web")
    cluster.demand(SimulatedTask("t1", .runs(for: .seconds(60))), of: framework)
    cluster.run(until: .seconds(10))
    let agent = cluster.agentIndex(of: try #require(cluster.task("t1", of: framework)?.agent))
    cluster.reboot(agent: try #require(agent), at: .seconds(20), for: .seconds(10))
    cluster.run(until: .seconds(180))
    #expect(cluster.violations == [])
    #expect(cluster.task("t1", of: framework)?.state == .taskFailed)
  }

  @Test func `a partition makes a task unreachable and its end brings the task back`() throws {
    var cluster = SimulatedCluster(seed: 5)
    cluster.addAgents(1)
    let framework = cluster.addFramework("web")
    cluster.demand(SimulatedTask("t1", .runs(for: .seconds(300))), of: framework)
    cluster.partition(.agent(0), at: .seconds(20), for: .seconds(120))
    cluster.run(until: .seconds(400))
    #expect(cluster.violations == [])
    #expect(
      cluster.task("t1", of: framework)?.states
        == [.taskStarting, .taskRunning, .taskUnreachable, .taskRunning, .taskFinished])
  }

  @Test func `a framework that crashes hears how its task ended`() {
    var cluster = SimulatedCluster(seed: 6)
    cluster.addAgents(1)
    let framework = cluster.addFramework("web")
    cluster.demand(SimulatedTask("t1", .runs(for: .seconds(30))), of: framework)
    cluster.crash(.framework(framework), at: .seconds(20), for: .seconds(60))
    cluster.run(until: .seconds(180))
    #expect(cluster.violations == [])
    #expect(cluster.task("t1", of: framework)?.state == .taskFinished)
  }

  @Test func `a session that is resumed loses nothing`() {
    var cluster = SimulatedCluster(seed: 7)
    cluster.addAgents(1)
    let framework = cluster.addFramework("web")
    for number in 1...5 {
      cluster.demand(SimulatedTask("t\(number)", .runs(for: .seconds(number))), of: framework)
    }
    for millisecond in stride(from: 0, to: 6_000, by: 150) {
      cluster.resetConnections(of: .agent(0), at: .milliseconds(millisecond))
    }
    cluster.run(until: .seconds(120))
    #expect(cluster.violations == [])
    #expect(cluster.tasks(of: framework).allSatisfy { $0.record.state == .taskFinished })
  }

  @Test func `tasks of a custom executor share it and a kill that is ignored ends in SIGKILL`() {
    var cluster = SimulatedCluster(seed: 8)
    cluster.addAgents(1)
    let framework = cluster.addFramework("web")
    cluster.demand(SimulatedTask("t1", .runs(for: .seconds(20)), executor: "e"), of: framework)
    cluster.demand(SimulatedTask("t2", .livesOn.ignoringTermination, executor: "e"), of: framework)
    cluster.run(until: .seconds(30))
    cluster.kill("t2", of: framework)
    cluster.run(until: .seconds(60))
    #expect(cluster.violations == [])
    #expect(cluster.task("t1", of: framework)?.states == [.taskRunning, .taskFinished])
    #expect(cluster.task("t2", of: framework)?.states == [.taskRunning, .taskKilled])
  }

  @Test func `a clock that jumps changes no task`() {
    var cluster = SimulatedCluster(seed: 9)
    cluster.addAgents(1)
    let framework = cluster.addFramework("web")
    cluster.demand(SimulatedTask("t1", .runs(for: .seconds(60))), of: framework)
    cluster.jumpClock(of: .agent(0), by: .seconds(-86_400), at: .seconds(10))
    cluster.jumpClock(of: .master, by: .seconds(86_400), at: .seconds(20))
    cluster.run(until: .seconds(120))
    #expect(cluster.violations == [])
    #expect(cluster.task("t1", of: framework)?.states == [.taskStarting, .taskRunning, .taskFinished])
  }
}
