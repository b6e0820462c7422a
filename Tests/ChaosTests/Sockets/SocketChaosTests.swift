import AgentLoad
import Logging
import MasterCore
import MesosHTTP
import MesosTestKit
import ReferenceMaster
import SchedulerKit
import ServiceLifecycle
import Testing

/// The scheduler over TCP through a proxy that cuts, swallows, delays, repeats and falsifies, to a real master with agents.
///
/// Many runs go side by side on one master. The seed decides what becomes of each connection; what the threads do beside is theirs.
@Suite(.timeLimit(.minutes(10))) struct SocketChaosTests {
  private static let quiet = Logger(label: "chaos") { _ in SwiftLogNoOpLogHandler() }
  /// Runs at once; a few connections each.
  private static let width = 25

  private func withCluster<Success: Sendable>(
    _ body: @escaping @Sendable (_ port: Int, _ load: AgentLoad) async throws -> Success
  ) async throws -> Success {
    var settings = MasterConfiguration(host: "127.0.0.1", port: 0, registry: .memory)
    settings.adjust = { core in
      core.allocationInterval = .milliseconds(50)
      core.offerTimeout = .seconds(2)
      core.heartbeatInterval = .milliseconds(500)
    }
    let master = ReferenceMaster(configuration: settings, logger: Self.quiet)
    return try await withThrowingTaskGroup(of: Void.self) { group in
      let masters = ServiceGroup(services: [master], logger: Self.quiet)
      group.addTask { try await masters.run() }
      let (host, port) = try await master.address()
      var configuration = AgentLoadConfiguration(master: "\(host):\(port)", count: 40)
      configuration.resources = "cpus:2;mem:1024;disk:1000"
      configuration.taskDuration = .fixed(.milliseconds(50))
      let load = AgentLoad(configuration: configuration)
      let loads = ServiceGroup(services: [load], logger: Self.quiet)
      group.addTask { try await loads.run() }
      let outcome: Result<Success, any Error>
      do { outcome = .success(try await body(port, load)) } catch { outcome = .failure(error) }
      await loads.triggerGracefulShutdown()
      try await group.next()
      await masters.triggerGracefulShutdown()
      try await group.waitForAll()
      return try outcome.get()
    }
  }

  private func run(seed: UInt64, master: Int) async throws -> ChaosFramework.Outcome {
    try await ChaosProxy.serving(master: master, seed: seed, troubled: 15) { port, _ in
      var settings = FrameworkSettings(name: "chaos-\(seed)", user: "me")
      settings.failoverTimeout = .seconds(600)
      var configuration = try SchedulerConfiguration(
        masters: [MasterAddress(host: "127.0.0.1", port: port)], framework: settings)
      configuration.encoding = seed % 2 == 0 ? .protobuf : .json
      configuration.callTimeout = .seconds(1)
      configuration.policy.subscribeTimeout = .seconds(1)
      configuration.policy.missedHeartbeatsMax = 4
      configuration.policy.reconnectBackoff = Backoff(initial: .milliseconds(10), limit: .milliseconds(200))
      configuration.policy.callBackoff = Backoff(initial: .milliseconds(10), limit: .milliseconds(100))
      configuration.policy.callAttemptsMax = 20
      configuration.policy.reconciliation.backoff = Backoff(initial: .milliseconds(200), limit: .seconds(1))
      configuration.policy.onError.failedOver = .retry
      return try await ChaosFramework(runtime: .system, seed: seed, jobs: 5, afterword: .milliseconds(200))
        .run(configuration)
    }
  }

  @Test func `over connections that break in every way every task ends once and none is forgotten`() async throws {
    let seeds = ChaosRuns.seeds(50)
    let (outcomes, started) = try await withCluster { port, load in
      var outcomes: [(seed: UInt64, outcome: Result<ChaosFramework.Outcome, any Error>)] = []
      await withTaskGroup(of: (UInt64, Result<ChaosFramework.Outcome, any Error>).self) { group in
        var waiting = seeds[...]
        func start() {
          guard let seed = waiting.popFirst() else { return }
          group.addTask {
            do { return (seed, .success(try await run(seed: seed, master: port))) } catch {
              return (seed, .failure(error))
            }
          }
        }
        for _ in 0..<Self.width { start() }
        while let outcome = await group.next() {
          outcomes.append(outcome)
          start()
        }
      }
      return (outcomes, load.counts.tasksStarted)
    }
    for (seed, result) in outcomes {
      switch result {
      case .success(let outcome):
        #expect(outcome.tally.violations.isEmpty, "SIM_SEED=\(seed) \(outcome.tally.violations)")
        #expect(outcome.tally.open.isEmpty, "SIM_SEED=\(seed) nothing was heard of the end of \(outcome.tally.open)")
        #expect(outcome.tally.started >= 5, "SIM_SEED=\(seed) \(outcome.tally.started)")
      case .failure(let error): Issue.record("SIM_SEED=\(seed) \(error)")
      }
    }
    let all = outcomes.compactMap { try? $0.outcome.get() }
    // Each task that an agent ran is known to its framework, and none ran twice.
    #expect(all.reduce(0) { $0 + $1.tally.started } == started)
    #expect(all.reduce(0) { $0 + $1.subscriptions } > seeds.count)
  }
}
