import Foundation
import MasterCore
import MesosModel
import MesosSimulation

#if canImport(Glibc)
  import Glibc
#endif

/// How quick the simulated cluster is, and what a cluster of the largest size makes of tasks that are wanted.
enum SimulationBenchmarks {
  static func run(_ harness: inout Harness) {
    harness.point("simulation: an hour", hour)
    harness.point("simulation: faulty runs", seeds)
    harness.point("simulation: a large cluster", large)
  }

  /// An hour of 100 agents that run 500 tasks.
  private static func hour(_ harness: inout Harness) throws {
    let name = "simulation: an hour of 100 agents, 500 tasks"
    guard harness.wants(name) else { return }
    let agents = harness.isSmoke ? 10 : 100
    var configuration = SimulatedCluster.Configuration()
    configuration.stepsBetweenFolds = 10_000
    let seconds = try Harness.seconds(atLeast: 2, runs: 3) {
      var cluster = SimulatedCluster(seed: 1, configuration: configuration)
      cluster.addAgents(agents, resources: "cpus:8;mem:16384")
      let framework = cluster.addFramework("hour")
      for number in 0..<(agents * 5) {
        let task = SimulatedTask("t\(number)", .runs(for: .seconds(300)))
        cluster.demand(task, of: framework, at: .milliseconds(number * 6_000))
      }
      cluster.run(until: .seconds(3_900))
      try require(cluster.violations.isEmpty, "\(cluster.violations)")
      try require(
        cluster.tasks(of: framework).allSatisfy { $0.record.state == .taskFinished }, "tasks did not finish")
    }
    harness.record(Figure(name: name, value: seconds, unit: "s", better: .lower, floor: 1))
  }

  /// Runs of the faulty simulation on one core.
  private static func seeds(_ harness: inout Harness) throws {
    let name = "simulation: faulty runs of ten minutes, one core"
    guard harness.wants(name) else { return }
    let count: UInt64 = harness.isSmoke ? 2 : 40
    let start = ContinuousClock.now
    for seed in 1...count {
      let outcome = FaultySimulation().run(seed: seed)
      try require(outcome.violation == nil, "\(String(describing: outcome.violation))")
    }
    let seconds = (ContinuousClock.now - start).seconds
    // 2,000 in five minutes on two cores.
    harness.record(Figure(name: name, value: Double(count) / seconds, unit: "runs/s", better: .higher, floor: 3.4))
  }

  /// 50,000 agents and 200 frameworks in one process: how long from the wish for a task until it is heard to run.
  ///
  /// For ten seconds each framework wants five tasks more at each second, all at the same moments: then the first to ask is offered
  /// the whole cluster, and at the master's next allocation the others share it. Were each to ask at a moment of its own, the master
  /// would have to offer the whole cluster for each wish, 500 million offers in all, as nothing in the protocol says how much is wanted.
  private static func large(_ harness: inout Harness) throws {
    let name = "simulation: 50,000 agents, 200 frameworks"
    guard harness.wants(name) else { return }
    let agents = harness.isSmoke ? 200 : 50_000
    let frameworks = harness.isSmoke ? 4 : 200
    let wallMax = 600.0
    var configuration = SimulatedCluster.Configuration()
    configuration.checkers = []
    configuration.isTraced = false
    let start = ContinuousClock.now
    var cluster = SimulatedCluster(seed: 1, configuration: configuration)
    cluster.addAgents(agents, resources: "cpus:16;mem:65536;disk:100000")
    for index in 0..<frameworks {
      let framework = cluster.addFramework("framework\(index)", role: "role\(index)")
      for number in 0..<50 {
        let task = SimulatedTask("t\(number)", .runs(for: .seconds(30)))
        cluster.demand(task, of: framework, at: .seconds(20 + number / 5))
      }
    }
    // A slow machine must not be held for ever: what has come to pass until then is told.
    func run(until end: Int) throws {
      var second = Int(cluster.elapsed.seconds)
      while second < end {
        second += 1
        cluster.run(until: .seconds(second))
        let wall = (ContinuousClock.now - start).seconds
        try require(wall < wallMax, "after \(Int(wall)) s the cluster is \(second) s old, of 70 s")
      }
    }
    try run(until: 15)
    try require(cluster.activeAgents == agents, "\(cluster.activeAgents) of \(agents) agents registered")
    try run(until: 70)
    var latencies: [Duration] = []
    for framework in 0..<frameworks {
      for (_, record) in cluster.tasks(of: framework) {
        guard let demanded = record.demanded, let running = record.running else { continue }
        latencies.append(running - demanded)
      }
    }
    latencies.sort()
    try require(latencies.count == frameworks * 50, "\(latencies.count) tasks ran")
    let wall = (ContinuousClock.now - start).seconds
    func record(_ what: String, _ value: Double, _ unit: String) {
      harness.record(Figure(name: "\(name): \(what)", value: value, unit: unit, better: .lower))
    }
    record("demand to RUNNING, p50", latencies[latencies.count / 2].seconds, "s of the cluster")
    record("demand to RUNNING, p99", latencies[latencies.count * 99 / 100].seconds, "s of the cluster")
    record("70 s of the cluster", wall, "s")
    record("peak memory", peakMegabytes(), "MB")
  }

  /// The most that the process ever had in memory.
  private static func peakMegabytes() -> Double {
    var usage = rusage()
    #if canImport(Glibc)
      getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
      return Double(usage.ru_maxrss) / 1_024
    #else
      getrusage(RUSAGE_SELF, &usage)
      return Double(usage.ru_maxrss) / 1_048_576
    #endif
  }
}
