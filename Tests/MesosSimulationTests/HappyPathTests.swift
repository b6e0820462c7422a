import MesosModel
import MesosSimulation
import Testing

struct HappyPathTests {
  @Test func `tasks of one framework run on three agents and finish`() {
    var cluster = SimulatedCluster(seed: 1)
    cluster.addAgents(3, resources: "cpus:4;mem:4096")
    let framework = cluster.addFramework("web")
    for number in 1...9 {
      cluster.demand(SimulatedTask("t\(number)", .runs(for: .seconds(60))), of: framework, at: .seconds(number))
    }
    cluster.run(until: .seconds(180))
    #expect(cluster.violations == [])
    for (id, record) in cluster.tasks(of: framework) {
      #expect(record.states == [.taskStarting, .taskRunning, .taskFinished], "\(id)")
    }
    #expect(cluster.tasks(of: framework).count == 9)
  }
}
