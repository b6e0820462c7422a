import MesosSimulation
import Nightly
import SchedulerKit
import SchedulerSimulation
import Testing

struct NightlyTests {
  /// Half an hour on a cluster whose master and one of whose machines fail, in a moment.
  @Test func `every part is done, whatever fails`() async throws {
    var cluster = SimulatedCluster(seed: 7)
    cluster.addAgents(3, resources: "cpus:2;mem:2048")
    cluster.crash(.master, at: .seconds(60), for: .seconds(20))
    cluster.reboot(agent: 1, at: .seconds(200), for: .seconds(60))
    let simulation = FrameworkSimulation(seed: 7)
    simulation.connect(to: cluster) { _ in .runs(for: .seconds(90)) }

    let configuration = try SchedulerConfiguration(
      masters: [SimulatedCluster.masterAddress], framework: FrameworkSettings(name: "nightly", user: "me"))
    let finished = try await simulation.run(upTo: .seconds(7_200)) { runtime in
      try await Nightly(parts: 40).run(configuration, runtime: runtime)
    }
    #expect(finished == 40)
  }
}
