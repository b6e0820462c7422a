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
  /// A client's pool looks through all of its connections whenever one changes: many small pools cost less than a large one.
  private static let agentsPerClient = 64

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
    // One that begins takes a turn and gives it back when it is registered.
    let turns = BoundedMailbox<Void>(limit: configuration.startingMax)
    for _ in 0..<min(configuration.startingMax, configuration.count) { turns.send(()) }
    var agents: [LoadAgent] = []
    for index in 0..<configuration.count {
      agents.append(
        try LoadAgent(
          index: index, configuration: configuration, clock: clock, timers: timers, counts: counter,
          turns: turns))
    }
    let clients = (0...(configuration.count / AgentLoad.agentsPerClient)).map { _ in
      var settings = HTTPClientConfiguration()
      settings.connectTimeout = .seconds(30)
      settings.connectionsPerHostMax = AgentLoad.agentsPerClient
      return MesosHTTPClient(configuration: settings)
    }
    let result: Result<Void, any Error>
    do {
      result = .success(try await serve(agents, timers, turns, clients, masters))
    } catch {
      result = .failure(error)
    }
    for client in clients { try? await client.shutdown() }
    try result.get()
  }

  private func serve(
    _ agents: [LoadAgent], _ timers: LoadTimers, _ turns: BoundedMailbox<Void>, _ clients: [MesosHTTPClient],
    _ masters: [HTTPEndpoint]
  ) async throws {
    let stopping = BoundedMailbox<Void>(limit: 1)
    try await withGracefulShutdownHandler {
      try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { try await timers.run { await agents[$0].tick() } }
        group.addTask { try await self.startAll(agents, turns, clients, masters) }
        group.addTask {
          _ = await stopping.next()
          for agent in agents { await agent.shutdown() }
          try await Task.sleep(for: self.configuration.endingTimeMax)
        }
        // Ends when every link has, after its goodbye, or when the time for that is up.
        defer { group.cancelAll() }
        try await group.next()
      }
    } onGracefulShutdown: {
      stopping.finish()
    }
  }

  /// Starts the agents one after the other and keeps their links; returns when all have ended.
  private func startAll(
    _ agents: [LoadAgent], _ turns: BoundedMailbox<Void>, _ clients: [MesosHTTPClient], _ masters: [HTTPEndpoint]
  ) async throws {
    let pause = Duration.seconds(1) / configuration.startsPerSecond
    let begin = ContinuousClock.now
    try await withThrowingDiscardingTaskGroup { group in
      for (index, agent) in agents.enumerated() {
        guard await !agent.hasEnded else { continue }
        try await ContinuousClock().sleep(until: begin + pause * index)
        guard await turns.next(maximum: 1) != nil else { break }
        await agent.start()
        group.addTask {
          try await LoadLink(
            agent: agent, client: clients[index / AgentLoad.agentsPerClient], masters: masters,
            backoffFactor: self.configuration.backoffFactor
          ).run()
        }
      }
    }
  }
}
