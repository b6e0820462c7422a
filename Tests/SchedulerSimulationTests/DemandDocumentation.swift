import AgentCore
import MesosSimulation
import SchedulerKit
import SchedulerSimulation
import Testing
import TransportTestKit

/// The code of the article *Declaring demand*, as it stands there, compiled and run.
struct DemandDocumentation {
  func serve(_ configuration: SchedulerConfiguration, _ runtime: Runtime) async throws {
    var web = Demand(
      "web", count: 3, resources: ["cpus": 0.5, "mem": 128, "ports": 1],
      constraints: [.unique(.hostname)], command: .shell("exec serve --port $PORT"))
    web.replacement = .always(Backoff(initial: .seconds(1), limit: .seconds(60)))
    try await withDemand(configuration, [web], runtime: runtime) { demand in
      let status = try await demand.satisfied("web")
      print("\(status.available) instances run")
    }
  }

  func index(_ configuration: SchedulerConfiguration, _ runtime: Runtime) async throws -> DemandStatus {
    var batch = Demand.batch(
      "index", completions: 20, parallelism: 5, resources: ["cpus": 1, "mem": 256],
      command: .shell("index --part $DEMAND_SLOT"))
    batch.replacement = .onFailure(attemptsMax: 3)
    return try await withDemand(configuration, [batch], runtime: runtime) { demand in
      try await demand.satisfied("index")
    }
  }

  func deploy(_ command: String, _ demand: DemandScheduler) async throws {
    try demand.update("web") { web in
      web.template.command = .shell(command)
      web.rollout = Demand.Rollout(unavailableMax: 0, surgeMax: 1, readyAfter: .seconds(5))
    }
    _ = try await demand.satisfied("web")
  }

  func spread(_ demand: Demand) -> Demand {
    var demand = demand
    demand.constraints = [.isIn(.attribute("rack"), ["r1", "r2", "r3"]), .maxPer(.attribute("rack"), 2)]
    demand.spread = [.zone, .agent]
    return demand
  }

  func complain(_ demand: DemandScheduler) throws {
    let explanation = try demand.explain("web")
    if explanation.waiting > 0 { print(explanation) }
  }

  // MARK: Running it

  private func simulation() throws -> (FrameworkSimulation, SchedulerConfiguration) {
    let simulation = FrameworkSimulation(seed: 1)
    var cluster = SimulatedCluster(seed: 1)
    cluster.addAgents(4, resources: "cpus:4;mem:4096;ports:[31000-31099]") { agent in
      let rack = "r\(1 + agent.agentInfo.hostname.utf8.reduce(0) { $0 + Int($1) } % 3)"
      agent.agentInfo.attributes = (try? Attributes.parse("rack:\(rack)").messages) ?? []
    }
    simulation.connect(to: cluster) { task in
      task.name == "web" ? .livesOn : .runs(for: .seconds(10))
    }
    let configuration = try SchedulerConfiguration(
      masters: [SimulatedCluster.masterAddress], framework: FrameworkSettings(name: "docs", user: "me"))
    return (simulation, configuration)
  }

  @Test func `the service and the batch of the article run`() async throws {
    let (simulation, configuration) = try simulation()
    try await simulation.run(upTo: .seconds(1_000)) { runtime in
      try await serve(configuration, runtime)
      #expect(try await index(configuration, runtime).finished == 20)
    }
  }

  @Test func `the rollout, the places and the complaint of the article work`() async throws {
    let (simulation, configuration) = try simulation()
    try await simulation.run(upTo: .seconds(1_000)) { runtime in
      let web = spread(Demand("web", count: 3, resources: ["cpus": 1], command: .shell("old")))
      try await withDemand(configuration, [web], runtime: runtime) { demand in
        _ = try await demand.satisfied("web")
        try await deploy("new", demand)
        #expect(demand.instances(of: "web").allSatisfy { $0.isCurrent })
        try complain(demand)
      }
    }
  }

  @Test func `the article shows what is compiled here`() throws {
    let code = try DocumentedCode(
      of: ["Sources/SchedulerKit/Documentation.docc/DeclaringDemand.md"],
      in: ["Tests/SchedulerSimulationTests/DemandDocumentation.swift"])
    #expect(code.count == 5)
    #expect(code.uncompiled == [])
  }
}
