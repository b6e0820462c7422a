import MesosHTTP
import MesosHTTPClient
public import ServiceLifecycle
import ShellSupport

/// Thousands of agents in one process, for a live master: each speaks the agent link over a connection of its own, with the core of
/// `mesos-agent`, and runs tasks that are no more than the time at which they end.
///
/// As a `Service` it says goodbye to the master for each agent at a graceful shutdown. Nothing is written to a disk and no process
/// is started.
public final class AgentLoad: Service {
  private let configuration: AgentLoadConfiguration
  private let counter = SharedCounts()

  /// - Parameter configuration: What the agents are.
  public init(configuration: AgentLoadConfiguration) { self.configuration = configuration }

  /// How much was done until now.
  public var counts: AgentLoadCounts { counter.now }

  /// Runs all agents until a graceful shutdown, whose goodbyes it waits for, or until it is cancelled, which breaks off.
  ///
  /// - Throws: `AgentLoadError` where the configuration cannot be understood or not enough files may be open.
  public func run() async throws {
    let masters = try configuration.endpoints()
    // Beside the agents' connections: the libraries' own.
    try DescriptorLimit.raise(to: configuration.count + 256)
    let clock = SystemClock()
    let timers = LoadTimers(agents: configuration.count, clock: clock)
    var agents: [LoadAgent] = []
    for index in 0..<configuration.count {
      agents.append(
        try LoadAgent(
          index: index, configuration: configuration, clock: clock, timers: timers, counts: counter))
    }
    var settings = HTTPClientConfiguration()
    settings.connectTimeout = .seconds(30)
    settings.connectionsPerHostMax = configuration.count + 1
    let client = MesosHTTPClient(configuration: settings)
    do {
      try await serve(agents, timers, client, masters)
    } catch {
      try? await client.shutdown()
      throw error
    }
    try await client.shutdown()
  }

  private func serve(
    _ agents: [LoadAgent], _ timers: LoadTimers, _ client: MesosHTTPClient, _ masters: [HTTPEndpoint]
  ) async throws {
    let stopping = BoundedMailbox<Void>(limit: 1)
    try await withGracefulShutdownHandler {
      try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { try await timers.run { await agents[$0].tick() } }
        group.addTask { try await self.startAll(agents, client, masters) }
        group.addTask {
          _ = await stopping.next()
          try Task.checkCancellation()
          await self.end(agents)
        }
        // The goodbyes are the one thing that ends in peace.
        defer { group.cancelAll() }
        try await group.next()
      }
    } onGracefulShutdown: {
      stopping.finish()
    }
  }

  /// Starts the agents one after the other and keeps their links; returns when all have ended.
  private func startAll(_ agents: [LoadAgent], _ client: MesosHTTPClient, _ masters: [HTTPEndpoint]) async throws {
    let pause = Duration.seconds(1) / configuration.startsPerSecond
    let begin = ContinuousClock.now
    try await withThrowingDiscardingTaskGroup { group in
      for (index, agent) in agents.enumerated() {
        try await ContinuousClock().sleep(until: begin + pause * index)
        await agent.start()
        group.addTask {
          try await LoadLink(
            agent: agent, client: client, masters: masters, backoffFactor: self.configuration.backoffFactor
          ).run()
        }
      }
    }
  }

  /// Has all agents say goodbye and waits until they have, or the time for it is up.
  private func end(_ agents: [LoadAgent]) async {
    await withTaskGroup(of: Void.self) { group in
      group.addTask {
        for agent in agents { await agent.shutdown() }
        for agent in agents { _ = await agent.ending.next() }
      }
      group.addTask { try? await Task.sleep(for: self.configuration.endingTimeMax) }
      await group.next()
      group.cancelAll()
    }
  }
}
