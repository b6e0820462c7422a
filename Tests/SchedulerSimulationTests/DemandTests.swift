import MasterCore
import MesosSimulation
import MesosTestKit
import SchedulerKit
import SchedulerSimulation
import Synchronization
import Testing

/// What is declared comes about on a simulated cluster, whatever fails: the real cores of master and agents, the user's side unchanged.
struct DemandTests {
  /// What a run of a service or a batch was seen to do.
  private struct Seen: Sendable {
    var most = 0
    var leastAvailable = Int.max
    var launched: Set<InstanceID> = []
    var ends: [InstanceID: InstanceEnd] = [:]
  }

  private final class Shared<Value: Sendable>: Sendable {
    private let value: Mutex<Value>
    init(_ value: Value) { self.value = Mutex(value) }
    func withLock<Result: Sendable>(_ body: (inout Value) -> Result) -> Result { value.withLock { body(&$0) } }
  }

  private func web(
    _ count: Int, command: String = "old", cpus: Scalar = 1, _ change: (inout Demand) -> Void = { _ in }
  ) -> Demand {
    var demand = Demand("web", count: count, resources: ["cpus": cpus, "mem": 64], command: .shell(command))
    demand.unreachable.replaceAfter = .seconds(60)
    change(&demand)
    return demand
  }

  private func simulation(
    seed: UInt64, agents: Int = 4, resources: String = "cpus:4;mem:4096",
    _ script: (inout SimulatedCluster) -> Void = { _ in },
    behaviour: @escaping @Sendable (TaskInfo) -> TaskBehaviour = { _ in .livesOn }
  ) -> FrameworkSimulation {
    let simulation = FrameworkSimulation(seed: seed)
    var configuration = SimulatedCluster.Configuration()
    configuration.master.agentPingTimeout = .seconds(5)
    configuration.master.agentPingTimeoutsMax = 3
    configuration.master.agentReregisterTimeout = .seconds(60)
    var cluster = SimulatedCluster(seed: seed, configuration: configuration)
    cluster.addAgents(agents, resources: resources)
    script(&cluster)
    simulation.connect(to: cluster, behaviour: behaviour)
    return simulation
  }

  private func framework() throws -> SchedulerConfiguration {
    var configuration = try SchedulerConfiguration(
      masters: [SimulatedCluster.masterAddress], framework: FrameworkSettings(name: "demand", user: "me"))
    configuration.policy.reconnectBackoff.limit = .seconds(10)
    configuration.policy.reconciliation.backoff.limit = .seconds(20)
    configuration.policy.reconciliation.interval = .seconds(120)
    return configuration
  }

  /// Waits until a demand is satisfied, for so long.
  private func satisfied(
    _ demand: DemandScheduler, _ name: String = "web", within limit: Duration = .seconds(900)
  ) async throws -> DemandStatus {
    try await demand.scheduler.runtime.withTimeout(limit) { try await demand.satisfied(name) }
  }

  // MARK: Services

  @Test(arguments: Seeds.few(6))
  func `a service survives crashes of agents and masters, and partitions`(seed: UInt64) async throws {
    let simulation = simulation(seed: seed) { cluster in
      var rng = SplitMix64(seed: seed)
      func at(_ from: Int64) -> Duration { .milliseconds(from * 1_000 + Int64.random(in: 0..<90_000, using: &rng)) }
      cluster.crash(.agent(Int.random(in: 0..<4, using: &rng)), at: at(100), for: .seconds(5))
      cluster.crash(.master, at: at(200), for: .seconds(20))
      cluster.reboot(agent: Int.random(in: 0..<4, using: &rng), at: at(300), for: .seconds(90))
      cluster.partition(.agent(Int.random(in: 0..<4, using: &rng)), at: at(500), for: .seconds(200))
      cluster.killExecutor(onAgent: Int.random(in: 0..<4, using: &rng), at: at(800))
      cluster.resetConnections(of: .framework(0), at: at(850))
      cluster.partition(.framework(0), at: at(900), for: .seconds(60))
    }
    let configuration = try framework()
    let demand = web(6)
    try await simulation.run(upTo: .seconds(4_000)) { runtime in
      try await withDemand(configuration, [demand], runtime: runtime) { demand in
        let first = try await satisfied(demand)
        #expect(first.available == 6 && first.live == 6)
        #expect(runtime.now.uptime < .seconds(60))
        // All faults are over then.
        try await runtime.sleep(until: .seconds(1_400))
        let last = try await satisfied(demand)
        #expect(last.available == 6 && last.live == 6)
        try await runtime.sleep(for: .seconds(300))
        let instances = demand.instances
        #expect(instances.count == 6 && Set(instances.map(\.id.slot)).count == 6, "\(instances)")
        #expect(demand.explain().flatMap(\.obstacles) == [])
      }
    }
  }

  @Test(arguments: Seeds.few(4))
  func `an agent that is gone for long is replaced, and its tasks are killed when it comes back`(
    seed: UInt64
  ) async throws {
    let simulation = simulation(seed: seed)
    let configuration = try framework()
    let demand = web(4)
    try await simulation.run(upTo: .seconds(2_000)) { runtime in
      try await withDemand(configuration, [demand], runtime: runtime) { demand in
        _ = try await satisfied(demand)
        try await runtime.sleep(until: .seconds(100))
        let hostname = try #require(demand.instances.first?.hostname)
        let agent = try #require(Int(hostname.dropFirst("agent".count)))
        let lost = demand.instances.filter { $0.hostname == hostname }.map(\.id)
        simulation.changeCluster { $0.partition(.agent(agent), at: .seconds(100), for: .seconds(400)) }
        try await runtime.sleep(until: .seconds(300))
        #expect(try await satisfied(demand).available == 4)
        try await runtime.sleep(until: .seconds(900))
        let instances = demand.instances
        #expect(instances.count == 4 && instances.allSatisfy { $0.isAvailable && !lost.contains($0.id) })
        // The master agrees.
        let running = demand.scheduler.tasks.map(\.id)
        #expect(running == instances.map(\.id.task).sorted())
      }
    }
  }

  struct Way: Sendable {
    var surge: Int
    var isCrashing: Bool
    static let all = [false, true].flatMap { isCrashing in
      [Way(surge: 0, isCrashing: isCrashing), Way(surge: 1, isCrashing: isCrashing)]
    }
  }

  @Test(arguments: Seeds.few(3), Way.all)
  func `a rollout keeps to its bounds, over an agent's crash too`(
    seed: UInt64, way: Way
  ) async throws {
    let surge = way.surge
    let simulation = simulation(seed: seed) { cluster in
      if way.isCrashing { cluster.crash(.agent(1), at: .seconds(105), for: .seconds(10)) }
    }
    let configuration = try framework()
    @Sendable func demand(_ command: String) -> Demand {
      web(6, command: command) {
        $0.rollout = .init(unavailableMax: surge == 0 ? 2 : 0, surgeMax: surge, readyAfter: .seconds(3))
      }
    }
    let seen = Shared(Seen())
    try await simulation.run(upTo: .seconds(2_000)) { runtime in
      try await withDemand(configuration, [demand("old")], runtime: runtime) { web in
        _ = try await satisfied(web)
        try await runtime.sleep(until: .seconds(100))
        try web.set([demand("new")])
        try await withThrowingTaskGroup(of: Void.self) { group in
          let changes = web.changes
          group.addTask {
            for await change in changes {
              guard case .demand = change, let status = web.status(of: "web") else { continue }
              seen.withLock { seen in
                seen.most = max(seen.most, status.live)
                seen.leastAvailable = min(seen.leastAvailable, status.available)
              }
            }
          }
          let status = try await satisfied(web)
          #expect(status.current == 6)
          group.cancelAll()
        }
        #expect(web.instances.allSatisfy { $0.isCurrent })
      }
    }
    let found = seen.withLock { $0 }
    #expect(found.most == 6 + surge)
    // What a crash takes is not the rollout's doing.
    guard !way.isCrashing else { return }
    #expect(found.leastAvailable >= (surge == 0 ? 4 : 6), "at least \(found.leastAvailable) were available")
  }

  @Test func `scaling up and down, and removal`() async throws {
    let simulation = simulation(seed: 3)
    let configuration = try framework()
    let demand = web(2)
    try await simulation.run(upTo: .seconds(2_000)) { runtime in
      try await withDemand(configuration, [demand], runtime: runtime) { demand in
        _ = try await satisfied(demand)
        for count in [7, 1, 3] {
          let version = try demand.scale("web", to: count)
          #expect(try demand.scale("web", to: count) == version, "the same again is nothing")
          #expect(try await satisfied(demand).live == count)
        }
        let changes = demand.changes
        try demand.remove("web")
        for await change in changes {
          if case .demand(.removed("web")) = change { break }
        }
        #expect(demand.instances.isEmpty && demand.statuses.isEmpty)
        let error = #expect(throws: DemandError.self) { try demand.scale("web", to: 2) }
        #expect(error?.code == .unknownDemand)
        #expect(throws: DemandError.self) {
          try demand.set([Demand("a b", count: 1, resources: [:], command: .shell(""))])
        }
      }
    }
  }

  // MARK: Batches

  @Test(arguments: Seeds.few(4))
  func `a batch runs every piece to its end, over failures and crashes`(seed: UInt64) async throws {
    // Each third attempt fails.
    let attempts = Shared(0)
    let simulation = simulation(seed: seed) { cluster in
      cluster.crash(.master, at: .seconds(30), for: .seconds(10))
      cluster.reboot(agent: 2, at: .seconds(60), for: .seconds(20))
    } behaviour: { _ in
      let attempt = attempts.withLock { attempts in
        attempts += 1
        return attempts
      }
      return attempt.isMultiple(of: 3) ? .fails(after: .seconds(5)) : .runs(for: .seconds(20))
    }
    let configuration = try framework()
    let seen = Shared(Seen())
    try await simulation.run(upTo: .seconds(4_000)) { runtime in
      var batch = Demand.batch(
        "index", completions: 40, parallelism: 10, resources: ["cpus": 1, "mem": 64], command: .shell("x"))
      batch.replacement = .onFailure(attemptsMax: 30)
      batch.unreachable.replaceAfter = .seconds(30)
      try await withDemand(configuration, [batch], runtime: runtime) { demand in
        try await withThrowingTaskGroup(of: Void.self) { group in
          let changes = demand.changes
          group.addTask {
            for await change in changes {
              guard case .demand(let notice) = change else { continue }
              let live = demand.status(of: "index")?.live ?? 0
              seen.withLock { seen in
                seen.most = max(seen.most, live)
                switch notice {
                case .instance(let status): seen.launched.insert(status.id)
                case .ended(let id, let end): seen.ends[id] = end
                default: break
                }
              }
            }
          }
          let status = try await satisfied(demand, "index", within: .seconds(3_000))
          #expect(status.finished == 40 && status.failed == 0)
          group.cancelAll()
        }
      }
    }
    let found = seen.withLock { $0 }
    #expect(found.most <= 10)
    #expect(found.ends.values.count { $0.state == .taskFailed } > 5)
    let done = found.ends.filter { $0.value.next == .done }.map(\.key.slot)
    #expect(done.sorted() == Array(0..<40), "each piece finishes once")
  }

  @Test func `a piece that always fails is given up, the others are not`() async throws {
    let simulation = simulation(
      seed: 4,
      behaviour: { task in
        let slot = task.command.environment.variables.first { $0.name == "DEMAND_SLOT" }?.value
        return slot == "2" ? .fails(after: .seconds(1)) : .runs(for: .seconds(5))
      })
    let configuration = try framework()
    let batch = Demand.batch(
      "index", completions: 4, parallelism: 4, resources: ["cpus": 1], command: .shell("x"))
    try await simulation.run(upTo: .seconds(1_000)) { runtime in
      try await withDemand(configuration, [batch], runtime: runtime) { demand in
        let status = try await satisfied(demand, "index")
        #expect(status.finished == 3 && status.failed == 1)
        #expect(try demand.explain("index").obstacles == [.failedForGood(slots: 1)])
      }
    }
  }

  // MARK: Explaining, taking over

  @Test func `too few processors are said`() async throws {
    let simulation = simulation(seed: 5, agents: 2, resources: "cpus:2;mem:2048")
    let configuration = try framework()
    let demand = web(1, cpus: 8)
    try await simulation.run(upTo: .seconds(100)) { runtime in
      try await withDemand(configuration, [demand], runtime: runtime) { demand in
        #expect(try demand.explain("web").obstacles.contains(.notSubscribed))
        try await runtime.sleep(for: .seconds(10))
        let explanation = try demand.explain("web")
        #expect(explanation.agentsSeen == 2 && explanation.agentsMatching == 0)
        #expect(explanation.findings.map(\.mismatch) == [.insufficient(resource: "cpus", asked: 8)])
        #expect(explanation.findings.first?.examples.map(\.has) == ["2", "2"])
        // It waits quietly: the offers are refused for longer than they come.
        try await runtime.sleep(for: .seconds(30))
        try demand.update("web") { $0.resources["cpus"] = 2 }
        #expect(try await satisfied(demand, within: .seconds(20)).available == 1)
      }
    }
  }

  @Test(arguments: Seeds.few(4))
  func `a scheduler that starts again adopts what runs`(seed: UInt64) async throws {
    let simulation = simulation(seed: seed)
    let configuration = try framework()
    let store = MemoryFrameworkIDStore()
    let demand = web(5)
    try await simulation.run(upTo: .seconds(2_000)) { runtime in
      let before = try await withDemand(
        configuration, [demand], store: store, whenDone: .keepFramework, runtime: runtime
      ) { demand in
        _ = try await satisfied(demand)
        return demand.instances.map(\.id)
      }
      try await runtime.sleep(for: .seconds(20))
      try await withDemand(configuration, [demand], store: store, runtime: runtime) { demand in
        _ = try await satisfied(demand)
        #expect(demand.instances.map(\.id) == before)
        try await runtime.sleep(for: .seconds(200))
        #expect(demand.instances.map(\.id) == before)
      }
    }
  }

  @Test func `equal seeds give equal runs`() async throws {
    func run() async throws -> UInt64 {
      let simulation = simulation(seed: 9) { $0.crash(.agent(1), at: .seconds(30), for: .seconds(60)) }
      let configuration = try framework()
      let demand = web(6)
      try await simulation.run(upTo: .seconds(1_000)) { runtime in
        try await withDemand(configuration, [demand], runtime: runtime) { demand in
          _ = try await satisfied(demand)
          try await runtime.sleep(for: .seconds(200))
          for instance in demand.instances { simulation.note("\(instance.id)") }
        }
      }
      return simulation.traceHash
    }
    #expect(try await run() == run())
  }

  @Test func `a body that ends early ends cleanly, and its error is the outcome`() async throws {
    struct Planned: Error {}
    let simulation = simulation(seed: 6)
    let configuration = try framework()
    let demand = web(2)
    await #expect(throws: Planned.self) {
      try await simulation.run(upTo: .seconds(100)) { runtime in
        try await withDemand(configuration, [demand], runtime: runtime) { demand in
          _ = try await satisfied(demand)
          throw Planned()
        }
      }
    }
  }
}
