import AgentLoad
import Logging
import MesosHTTP
import MesosHTTPClient
import MesosModel
import ReferenceMaster
import SchedulerKit
import ServiceLifecycle
import Synchronization
import Testing

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// Simulated agents on a real master, in this process.
@Suite(.timeLimit(.minutes(2))) struct AgentLoadTests {
  static let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

  /// Runs `body` on a master with simulated agents; then both end, the agents first.
  private func with<Success: Sendable>(
    agents count: Int, duration: AgentLoadConfiguration.TaskDuration, startingMax: Int = 256,
    _ body: @escaping @Sendable (String, AgentLoad) async throws -> Success
  ) async throws -> (Success, AgentLoadCounts) {
    let master = ReferenceMaster(
      configuration: MasterConfiguration(host: "127.0.0.1", port: 0, registry: .memory), logger: Self.quiet)
    return try await withThrowingTaskGroup(of: Void.self) { group in
      let masters = ServiceGroup(services: [master], logger: Self.quiet)
      group.addTask { try await masters.run() }
      let (host, port) = try await master.address()
      var configuration = AgentLoadConfiguration(master: "\(host):\(port)", count: count)
      configuration.resources = "cpus:4;mem:4096;disk:1000"
      configuration.attributes = "rack:r1"
      configuration.taskDuration = duration
      configuration.startingMax = startingMax
      let load = AgentLoad(configuration: configuration)
      let loads = ServiceGroup(services: [load], logger: Self.quiet)
      group.addTask { try await loads.run() }
      let success = try await body("\(host):\(port)", load)
      await loads.triggerGracefulShutdown()
      try await group.next()
      // It lets each go once that is durable: the suite's time limit is the limit.
      while try await agents(of: "\(host):\(port)") > 0 { try Task.checkCancellation() }
      await masters.triggerGracefulShutdown()
      try await group.waitForAll()
      return (success, load.counts)
    }
  }

  /// How many agents the master knows.
  private func agents(of master: String) async throws -> Int {
    let endpoint = try #require(HTTPEndpoint(master))
    let client = MesosHTTPClient()
    var call = MasterCall()
    call.type = .getAgents
    let answer = try await client.call(
      .call(endpoint, path: "/api/v1", encoding: .protobuf, body: MessageEncoding.protobuf.encode(call)))
    try await client.shutdown()
    return try MessageEncoding.protobuf.decode(MasterResponse.self, from: answer.body).getAgents.agents.count
  }

  /// Launches `count` tasks on whatever is offered, at most `perAgent` an agent, and gives their updates to `body` until it says stop.
  private func run(
    _ count: Int, on master: String, until isDone: @escaping @Sendable (TaskUpdate, Int) async throws -> Bool
  ) async throws -> Set<String> {
    var framework = FrameworkSettings(name: "load", user: "me")
    framework.capabilities = [.partitionAware, .multiRole]
    let configuration = try SchedulerConfiguration(master: master, framework: framework)
    return try await withScheduler(configuration, logger: Self.quiet) { scheduler in
      var launched = 0
      var updates = 0
      var agents: Set<String> = []
      for await update in scheduler.updates {
        switch update {
        case .offers(let offers):
          for offer in offers {
            var pool = OfferPool([offer])
            var tasks: [TaskInfo] = []
            while launched < count, tasks.count < 2, let resources = pool.take(["cpus": 0.5, "mem": 64]) {
              launched += 1
              var task = TaskInfo(id: "t\(launched)", on: offer, resources: Resources(), command: .shell("sleep"))
              task.resources = resources
              tasks.append(task)
            }
            guard !tasks.isEmpty else { continue }
            agents.insert(offer.agentID.value)
            try await scheduler.accept([offer], launch: tasks)
          }
        case .task(let update):
          updates += 1
          if try await isDone(update, updates) { return agents }
        default: break
        }
      }
      return agents
    }
  }

  @Test func `fifty agents register, run tasks to their end and say goodbye`() async throws {
    let (agents, counts) = try await with(agents: 50, duration: .fixed(.milliseconds(50))) { master, _ in
      let finished = Finished()
      return try await run(100, on: master) { update, _ in
        #expect(!update.isTerminal || update.status.state == .taskFinished, "\(update.status)")
        return update.isTerminal ? await finished.add(update.status.taskID.value) == 100 : false
      }
    }
    #expect(agents.count == 50)
    #expect(counts.registrations == 50)
    #expect(counts.registered == 0)
    #expect(counts.ended == 50)
    #expect(counts.connectionsLost == 0)
    #expect(counts.tasksStarted == 100)
    #expect(counts.tasksEnded == 100)
    #expect(counts.updates == 200)
  }

  @Test func `frameworks bring running and finished tasks to each agent, as many as a history holds`() async throws {
    let ((frameworks, state), counts) = try await with(agents: 12, duration: .fixed(.zero)) { master, _ in
      var configuration = FrameworkLoadConfiguration(
        master: master, agents: 12, tasksPerAgent: 3, completedPerAgent: 2)
      configuration.completedPerFrameworkMax = 8
      let load = FrameworkLoad(configuration: configuration)
      let group = ServiceGroup(services: [load], logger: Self.quiet)
      return try await withThrowingTaskGroup(of: Void.self) { tasks in
        tasks.addTask { try await group.run() }
        while !load.isComplete {
          try Task.checkCancellation()
          await Task.yield()
        }
        let state = try await self.state(of: master)
        #expect(load.counts.agentsServed == 12 && load.counts.failed == 0)
        await group.triggerGracefulShutdown()
        try await tasks.waitForAll()
        return (load.frameworkCount, state)
      }
    }
    #expect(frameworks == 3)
    #expect(state.getFrameworks.frameworks.count == 3)
    let running = Dictionary(grouping: state.getTasks.tasks.filter { $0.state == .taskRunning }, by: \.agentID.value)
    #expect(running.count == 12 && running.values.allSatisfy { $0.count == 3 })
    let done = state.getTasks.tasks.filter { $0.state == .taskFinished } + state.getTasks.completedTasks
    #expect(Dictionary(grouping: done, by: \.agentID.value).values.allSatisfy { $0.count == 2 } && done.count == 24)
    #expect(counts.tasksStarted == 60)
  }

  @Test func `a load of frameworks that cannot be is refused`() async throws {
    for (agents, running, completed, resources) in [
      (0, 1, 0, "cpus:1"), (1, 0, 0, "cpus:1"), (1, 0, 2_000, "cpus:1"), (1, 1, 0, "cpus"),
    ] {
      var configuration = FrameworkLoadConfiguration(
        master: "127.0.0.1:1", agents: agents, tasksPerAgent: running, completedPerAgent: completed)
      configuration.resources = resources
      let error = await #expect(throws: AgentLoadError.self) {
        try await FrameworkLoad(configuration: configuration).run()
      }
      #expect(error?.code == .badConfiguration)
    }
  }

  private func state(of master: String) async throws -> MasterResponse.GetState {
    let endpoint = try #require(HTTPEndpoint(master))
    let client = MesosHTTPClient()
    var call = MasterCall()
    call.type = .getState
    let answer = try await client.call(
      .call(endpoint, path: "/api/v1", encoding: .protobuf, body: MessageEncoding.protobuf.encode(call)))
    try await client.shutdown()
    return try MessageEncoding.protobuf.decode(MasterResponse.self, from: answer.body).getState
  }

  @Test func `where only one may begin at a time all are registered, one after the other`() async throws {
    let (_, counts) = try await with(agents: 20, duration: .untilKilled, startingMax: 1) { _, load in
      while load.counts.registered < 20 {
        let counts = load.counts
        #expect(counts.begun <= load.counts.registrations + 1, "\(counts)")
        await Task.yield()
      }
    }
    #expect(counts.begun == 20)
    #expect(counts.ended == 20)
  }

  @Test func `no more agents begin than may, while a master takes connections and does not answer`() async throws {
    let silence = try SilentServer()
    var configuration = AgentLoadConfiguration(master: "127.0.0.1:\(silence.port)", count: 20)
    configuration.startingMax = 3
    configuration.startsPerSecond = 1_000_000
    // Connections that are not answered are broken off.
    configuration.endingTimeMax = .zero
    let load = AgentLoad(configuration: configuration)
    let group = ServiceGroup(services: [load], logger: Self.quiet)
    try await withThrowingTaskGroup(of: Void.self) { tasks in
      tasks.addTask { try await group.run() }
      await silence.accept(3)
      await group.triggerGracefulShutdown()
      try await tasks.waitForAll()
    }
    #expect(load.counts.begun == 3)
    #expect(load.counts.registrations == 0)
    #expect(load.counts.ended == 20)
  }

  @Test func `tasks that live on are killed with their framework`() async throws {
    let (_, counts) = try await with(agents: 3, duration: .untilKilled) { master, load in
      let running = Finished()
      _ = try await run(6, on: master) { update, _ in
        #expect(update.status.state == .taskRunning)
        return await running.add(update.status.taskID.value) == 6
      }
      #expect(load.counts.tasksStarted == 6)
    }
    #expect(counts.tasksEnded == 6)
    #expect(counts.ended == 3)
  }

  @Test(arguments: ["", "nowhere:port", "http://"])
  func `a master that is no address is an error`(master: String) async throws {
    await #expect(throws: AgentLoadError.self) {
      try await AgentLoad(configuration: AgentLoadConfiguration(master: master, count: 1)).run()
    }
  }

  @Test func `more agents than files may be open are refused before any begins`() async throws {
    let error = await #expect(throws: AgentLoadError.self) {
      try await AgentLoad(configuration: AgentLoadConfiguration(master: "127.0.0.1:1", count: 50_000_000)).run()
    }
    #expect(error?.code == .descriptors)
  }
}

private actor Finished {
  private var names: Set<String> = []
  func add(_ name: String) -> Int {
    names.insert(name)
    return names.count
  }
}

private func take(_ listener: Int32) -> Int32 { accept(listener, nil, nil) }

/// A port on loopback that takes connections and says nothing on them.
private final class SilentServer: Sendable {
  struct Failure: Error { var errno: Int32 }

  let port: Int
  private let listener: Int32
  private let accepted = Mutex<[Int32]>([])

  init() throws {
    #if canImport(Glibc)
      let type = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue)
    #else
      let type = SOCK_STREAM | SOCK_NONBLOCK
    #endif
    let listener = socket(AF_INET, type, 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let isListening = withUnsafeMutablePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
        bind(listener, pointer, length) == 0 && listen(listener, 64) == 0
          && getsockname(listener, pointer, &length) == 0
      }
    }
    guard isListening else { throw Failure(errno: errno) }
    self.listener = listener
    port = Int(UInt16(bigEndian: address.sin_port))
  }

  /// Returns once so many connections were taken.
  func accept(_ count: Int) async {
    while accepted.withLock({ $0.count }) < count, !Task.isCancelled {
      let connection = take(listener)
      if connection >= 0 { accepted.withLock { $0.append(connection) } } else { await Task.yield() }
    }
  }

  deinit {
    for connection in accepted.withLock({ $0 }) { close(connection) }
    close(listener)
  }
}
