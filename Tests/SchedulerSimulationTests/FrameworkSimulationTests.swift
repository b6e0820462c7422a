import Foundation
import MesosModel
import MesosRuntime
import SchedulerSimulation
import Testing

/// Virtual time for async code: the same in every process, and what leaves it is named.
struct FrameworkSimulationTests {
  private func hour(seed: UInt64, order: FrameworkSimulation.Order = .arrival) async throws -> (Int, UInt64) {
    let simulation = FrameworkSimulation(seed: seed, order: order)
    let result = try await simulation.run(upTo: .seconds(3_700)) { runtime in
      try await SmallWorld.run(runtime) { simulation.note($0) }
    }
    #expect(simulation.now.uptime >= .seconds(3_600))
    return (result, simulation.traceHash)
  }

  /// `SIM_PROCESSES` of them; a few where nothing is said.
  @Test func `every process sees the same hour`() async throws {
    let processes = ProcessInfo.processInfo.environment["SIM_PROCESSES"].flatMap { Int($0) } ?? 3
    var hashes: Set<String> = []
    for _ in 0..<processes {
      let result = await #expect(processExitsWith: .success, observing: [\.standardOutputContent]) {
        let (result, hash) = try await FrameworkSimulationTests().hour(seed: 7)
        print("TRACE \(result) \(hash) END")
      }
      let text = String(decoding: result?.standardOutputContent ?? [], as: UTF8.self)
      let trace = try #require(text.firstMatch(of: /TRACE (.*) END/))
      hashes.insert(String(trace.1))
    }
    #expect(hashes.count == 1, "\(processes) processes")
  }

  @Test(arguments: [FrameworkSimulation.Order.arrival, .seeded])
  func `equal seeds give equal traces and others others`(order: FrameworkSimulation.Order) async throws {
    let (first, firstHash) = try await hour(seed: 7, order: order)
    let (second, secondHash) = try await hour(seed: 7, order: order)
    let (_, otherHash) = try await hour(seed: 8, order: order)
    #expect(first == second)
    #expect(firstHash == secondHash)
    #expect(firstHash != otherHash)
  }

  @Test func `a seeded order finds what an order of arrival never shows`() async throws {
    var outcomes: Set<String> = []
    for seed in 0..<20 as Range<UInt64> {
      let simulation = FrameworkSimulation(seed: seed, order: .seeded)
      let order = Notes()
      try await simulation.run(upTo: .seconds(1)) { _ in
        await withDiscardingTaskGroup { group in
          for number in 0..<3 { group.addTask { order.add("\(number)") } }
        }
      }
      outcomes.insert(order.lines.joined())
    }
    #expect(outcomes.count > 3)
  }

  @Test func `time, chance and ids come from the simulation`() async throws {
    let simulation = FrameworkSimulation(seed: 3, wallNanoseconds: 5)
    try await simulation.run(upTo: .seconds(100)) { runtime in
      #expect(runtime.now.uptime == .zero)
      try await runtime.sleep(for: .seconds(90))
      #expect(runtime.now.uptime == .seconds(90))
      #expect(runtime.now.wallNanoseconds == 90_000_000_005)
      let id = runtime.makeID()
      #expect(id.count == 36 && id.utf8.dropFirst(14).first == UInt8(ascii: "4"))
      #expect(runtime.makeID() != id)
    }
  }

  @Test func `work outside is done while virtual time stands still`() async throws {
    let simulation = FrameworkSimulation(seed: 3)
    let values = try await simulation.run(upTo: .seconds(100)) { runtime in
      try await withThrowingTaskGroup(of: Int.self) { group in
        for number in 0..<20 {
          group.addTask {
            try await runtime.external {
              await Task.yield()
              return number
            }
          }
        }
        group.addTask {
          try await runtime.sleep(for: .seconds(1))
          return 99
        }
        var values: [Int] = []
        for try await value in group { values.append(value) }
        return values
      }
    }
    #expect(values == Array(0..<20) + [99])
  }

  @Test func `what was spawned ends with the run`() async throws {
    let simulation = FrameworkSimulation(seed: 3)
    let notes = Notes()
    try await simulation.run(upTo: .seconds(10)) { runtime in
      runtime.spawn("left behind") {
        do { try await runtime.sleep(for: .seconds(1_000)) } catch { notes.add("cancelled") }
      }
      try await runtime.sleep(for: .seconds(1))
    }
    #expect(notes.lines == ["cancelled"])
    #expect(simulation.now.uptime == .seconds(1))
  }
}
