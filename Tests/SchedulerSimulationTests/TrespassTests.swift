import MesosRuntime
import SchedulerSimulation
import Testing

/// What leaves the simulation is caught and named, each time, and ends the run.
struct TrespassTests {
  actor Counter {
    private(set) var count = 0
    func add() { count += 1 }
  }

  private func failure(
    upTo limit: Duration = .seconds(3_600), _ body: @escaping @Sendable (Runtime) async throws -> Void
  ) async -> FrameworkSimulationError? {
    await #expect(throws: FrameworkSimulationError.self) {
      try await FrameworkSimulation(seed: 1, stepsMax: 100_000).run(upTo: limit, body)
    }
  }

  @Test(arguments: 0..<3)
  func `a planted Task is caught and named`(_: Int) async throws {
    let counter = Counter()
    let error = await failure { runtime in
      for second in 0..<100 {
        try await runtime.sleep(for: .seconds(1))
        if second == 50 { Task { await counter.add() } }
        await counter.add()
      }
    }
    #expect(error?.code == .unstructuredTask)
    #expect(error?.message.contains("runtime.spawn") == true)
    #expect(error?.message.contains("TrespassTests.swift:") == true)
  }

  @Test func `a detached task is caught`() async {
    let error = await failure { _ in Task.detached {} }
    #expect(error?.code == .unstructuredTask)
  }

  // How soon a task comes back from outside is the machine's: on a busy one the run is over before, for want of anything to do.
  static let outside: [FrameworkSimulationError.Code] = [.outside, .stalled]

  @Test func `a sleep in real time is caught`() async throws {
    let error = try #require(await failure { _ in try await Task.sleep(for: .milliseconds(1)) })
    #expect(Self.outside.contains(error.code))
    #expect(error.message.contains("runtime.sleep"))
  }

  @Test func `a hop to the main actor is caught`() async throws {
    let error = try #require(await failure { _ in await MainActor.run {} })
    #expect(Self.outside.contains(error.code))
  }

  @Test func `a task that nothing will wake is named as such`() async {
    let error = await failure { _ in
      let (stream, continuation) = AsyncStream<Int>.makeStream()
      for await _ in stream {}
      continuation.finish()
    }
    #expect(error?.code == .stalled)
  }

  @Test func `a loop that never waits is ended`() async {
    let error = await failure { _ in
      while !Task.isCancelled { await Task.yield() }
    }
    #expect(error?.code == .tooManySteps)
  }

  @Test func `code that takes too long is ended in virtual time`() async {
    let error = await failure(upTo: .seconds(10)) { runtime in try await runtime.sleep(for: .seconds(11)) }
    #expect(error?.code == .timeIsUp)
  }

  @Test func `the runtime used from outside is an error that names the remedy`() async throws {
    let simulation = FrameworkSimulation(seed: 1)
    let runtime = simulation.runtime
    let error = await #expect(throws: FrameworkSimulationError.self) {
      try await simulation.run(upTo: .seconds(1)) { inside in
        try await inside.external { try await runtime.sleep(for: .seconds(1)) }
      }
    }
    #expect(error?.code == .outside)
    #expect(error?.message.contains("runtime.spawn") == true)
  }

  @Test func `an error of the code itself is its outcome`() async {
    struct Planned: Error {}
    await #expect(throws: Planned.self) {
      try await FrameworkSimulation(seed: 1).run(upTo: .seconds(1)) { _ in throw Planned() }
    }
  }
}
