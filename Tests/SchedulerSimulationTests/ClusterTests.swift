import Foundation
import MesosSimulation
import SchedulerKit
import SchedulerSimulation
import Testing

/// A user's framework, unchanged, on the real cores of master and agents, in one virtual time.
struct ClusterTests {
  struct Run: Sendable {
    var sum: Int
    var hash: UInt64
    var uptime: Duration
    var steps: Int
  }

  /// Chunks of half a minute to a minute and a half on three agents of two processors.
  private func count(
    seed: UInt64, chunks: Int = 60, _ script: (inout SimulatedCluster) -> Void = { _ in }
  ) async throws -> Run {
    let simulation = FrameworkSimulation(seed: seed)
    var cluster = SimulatedCluster(seed: seed)
    cluster.addAgents(3, resources: "cpus:2;mem:2048")
    script(&cluster)
    simulation.connect(to: cluster) { .runs(for: .seconds(Int64($0.command.value) ?? 30)) }
    let configuration = try SchedulerConfiguration(
      masters: [SimulatedCluster.masterAddress], framework: FrameworkSettings(name: "count", user: "me"))
    let sum = try await simulation.run(upTo: .seconds(14_400)) { runtime in
      try await ChunkedCount(runtime: runtime, chunks: chunks).run(configuration)
    }
    return Run(
      sum: sum, hash: simulation.traceHash, uptime: simulation.now.uptime,
      steps: simulation.changeCluster { $0.steps } ?? 0)
  }

  @Test func `a framework counts on a simulated cluster`() async throws {
    let run = try await count(seed: 1)
    #expect(run.sum == 60 * 59 / 2)
    #expect((.seconds(500)...(.seconds(1_500))).contains(run.uptime), "\(run.uptime)")
    #expect(run.steps > 1_000)
  }

  @Test(arguments: [UInt64(1), 2])
  func `it counts right over crashes of master and agents and a broken network`(seed: UInt64) async throws {
    func script(_ cluster: inout SimulatedCluster) {
      cluster.crash(.master, at: .seconds(200), for: .seconds(20))
      cluster.crash(.agent(1), at: .seconds(400), for: .seconds(5))
      cluster.resetConnections(of: .framework(0), at: .seconds(600))
      cluster.partition(.framework(0), at: .seconds(800), for: .seconds(90))
      cluster.killExecutor(onAgent: 2, at: .seconds(1_000))
      cluster.reboot(agent: 0, at: .seconds(1_200))
    }
    let first = try await count(seed: seed, chunks: 100, script)
    let second = try await count(seed: seed, chunks: 100, script)
    #expect(first.sum == 100 * 99 / 2)
    #expect(first.hash == second.hash)
    #expect(first.steps == second.steps)
  }

  /// `SIM_PROCESSES` of them; a few where nothing is said.
  @Test func `every process sees the same cluster and framework`() async throws {
    let processes = ProcessInfo.processInfo.environment["SIM_PROCESSES"].flatMap { Int($0) } ?? 3
    var hashes: Set<String> = []
    for _ in 0..<processes {
      let result = await #expect(processExitsWith: .success, observing: [\.standardOutputContent]) {
        let run = try await ClusterTests().count(seed: 7)
        print("TRACE \(run.sum) \(run.steps) \(run.hash) END")
      }
      let text = String(decoding: result?.standardOutputContent ?? [], as: UTF8.self)
      let trace = try #require(text.firstMatch(of: /TRACE (.*) END/))
      hashes.insert(String(trace.1))
    }
    #expect(hashes.count == 1, "\(processes) processes")
  }
}
