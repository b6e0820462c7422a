import MasterCore
import MesosModel
import MesosSimulation
import Testing

/// Reservations and volumes while things go wrong.
struct VolumeTests {
  private static func cluster(_ seed: UInt64, tasks: Int = 6) -> (cluster: SimulatedCluster, framework: Int) {
    var cluster = SimulatedCluster(seed: seed)
    cluster.addAgents(2, resources: "cpus:4;mem:2048;disk:1000")
    let settings = SimulatedCluster.FrameworkSettings(name: "stateful", role: "dev")
    let framework = cluster.addFramework(settings, VolumeRunner(framework: settings.info, role: "dev"))
    for number in 0..<tasks {
      cluster.demand(
        SimulatedTask("t\(number)", .runs(for: .seconds(20))), of: framework, at: .seconds(Int64(number * 3)))
    }
    return (cluster, framework)
  }

  /// Nothing of any volume is left, neither with the master nor on a disk.
  private static func expectNothingLeft(
    _ cluster: SimulatedCluster, sourceLocation: SourceLocation = #_sourceLocation
  ) {
    #expect(cluster.violations == [], sourceLocation: sourceLocation)
    let totals = cluster.masterState?.agents.values.map(\.total) ?? []
    #expect(totals.count == cluster.agentCount, sourceLocation: sourceLocation)
    #expect(totals.allSatisfy { $0.reserved().isEmpty }, "\(totals)", sourceLocation: sourceLocation)
    #expect(cluster.masterState?.operations.isEmpty == true, sourceLocation: sourceLocation)
    for index in 0..<cluster.agentCount {
      #expect(cluster.volumeFolders(of: index) == [], sourceLocation: sourceLocation)
    }
  }

  @Test(arguments: 1...4 as ClosedRange<UInt64>)
  func `every task runs on a volume of its own, and all are destroyed`(seed: UInt64) {
    var (cluster, framework) = Self.cluster(seed)
    cluster.run(until: .seconds(15))
    #expect((0..<2).contains { !cluster.volumeFolders(of: $0).isEmpty })
    cluster.run(until: .seconds(200))
    #expect(cluster.unfinished(of: framework) == [])
    Self.expectNothingLeft(cluster)
  }

  @Test(arguments: 1...12 as ClosedRange<UInt64>)
  func `volumes survive a failover of the master, restarts of agents and of the framework`(seed: UInt64) {
    var (cluster, framework) = Self.cluster(seed)
    cluster.crash(.master, at: .seconds(6), for: .seconds(3))
    cluster.crash(.agent(0), at: .milliseconds(11_100), for: .seconds(4), isSilent: seed % 2 == 0)
    cluster.crash(.framework(framework), at: .seconds(17), for: .seconds(2))
    cluster.crash(.agent(1), at: .seconds(20), for: .seconds(2))
    cluster.run(until: .seconds(400))
    #expect(cluster.unfinished(of: framework) == [])
    Self.expectNothingLeft(cluster)
  }

  /// The operation and the task on its result are lost with the session; the agent says what it has, and all begins again.
  @Test(arguments: 1...12 as ClosedRange<UInt64>)
  func `operations that never reach the agent are dropped, and made again`(seed: UInt64) {
    var (cluster, framework) = Self.cluster(seed)
    cluster.partition(.agent(0), .incoming, at: .milliseconds(Int64(500 + 300 * seed)), for: .seconds(40))
    cluster.partition(.agent(1), .both, at: .milliseconds(Int64(2_500 + 300 * seed)), for: .seconds(20))
    cluster.run(until: .seconds(600))
    #expect(cluster.unfinished(of: framework) == [])
    Self.expectNothingLeft(cluster)
  }
}
