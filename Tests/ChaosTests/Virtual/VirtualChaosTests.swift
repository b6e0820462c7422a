import MesosSimulation
import MesosTestKit
import SchedulerKit
import SchedulerSimulation
import Testing

enum SimulatedAddress {
  static let text = "\(SimulatedCluster.masterAddress)"
}

/// The scheduler as users run it, on the real cores of master and agents, over a network that does what it must not; in virtual time, so
/// that a seed replays to the letter.
@Suite(.timeLimit(.minutes(10))) struct VirtualChaosTests {
  private func run(seed: UInt64) async throws -> (outcome: ChaosFramework.Outcome, hash: UInt64) {
    let simulation = FrameworkSimulation(seed: seed, order: .seeded)
    var cluster = SimulatedCluster(seed: seed)
    cluster.addAgents(3, resources: "cpus:2;mem:1024")
    let calm = Duration.seconds(240)
    // Every third seed the cluster has its own troubles beside the network's.
    if seed % 3 == 0 {
      cluster.crash(.master, at: .seconds(60), for: .seconds(10))
      cluster.crash(.agent(1), at: .seconds(120), for: .seconds(5))
    }
    simulation.connect(to: cluster) { task in
      .runs(for: .seconds(Int64(task.taskID.value.utf8.reduce(0) { $0 &+ Int($1) } % 20)))
    } through: { transport in
      ChaosTransport(transport, runtime: simulation.runtime, seed: seed ^ 0xc4a0_5, calm: calm)
    }
    var settings = FrameworkSettings(name: "chaos", user: "me")
    settings.failoverTimeout = .seconds(7 * 86_400)
    var configuration = try SchedulerConfiguration(masters: [SimulatedCluster.masterAddress], framework: settings)
    configuration.policy.subscribeTimeout = .seconds(5)
    configuration.policy.stopTimeout = .seconds(60)
    // A SUBSCRIBE that is served twice takes its own place; there is one scheduler, so it takes it back.
    configuration.policy.onError.failedOver = .retry
    let ready = configuration
    let outcome = try await simulation.run(upTo: .seconds(7_200)) { runtime in
      try await ChaosFramework(runtime: runtime, seed: seed, jobs: 12, afterword: .seconds(90)).run(ready)
    }
    return (outcome, simulation.traceHash)
  }

  @Test func `over a network that loses, repeats and delays every task ends once and none is forgotten`() async throws {
    var subscriptions = 0
    var uncertain = 0
    let seeds = ChaosRuns.seeds(40)
    for seed in seeds {
      do {
        let outcome = try await run(seed: seed).outcome
        #expect(outcome.tally.violations.isEmpty, "SIM_SEED=\(seed) \(outcome.tally.violations)")
        #expect(outcome.tally.open.isEmpty, "SIM_SEED=\(seed) nothing was heard of the end of \(outcome.tally.open)")
        #expect(outcome.tally.started >= 12, "SIM_SEED=\(seed) \(outcome.tally.started)")
        subscriptions += outcome.subscriptions
        uncertain += outcome.uncertain
      } catch {
        Issue.record("SIM_SEED=\(seed) \(error)")
      }
    }
    // The chaos was one.
    #expect(subscriptions > 3 * seeds.count, "\(subscriptions) subscriptions in \(seeds.count) runs")
    if seeds.count > 10 { #expect(uncertain > seeds.count / 4, "\(uncertain) launches without an answer") }
  }

  @Test(arguments: Seeds.few(2))
  func `equal seeds give equal chaos`(seed: UInt64) async throws {
    let (first, second) = (try await run(seed: seed), try await run(seed: seed))
    #expect(first.hash == second.hash)
  }
}
