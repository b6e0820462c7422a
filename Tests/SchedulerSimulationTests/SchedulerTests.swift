import Foundation
import SchedulerKit
import SchedulerSimulation
import Testing

/// A user's framework on SchedulerKit, unchanged, in virtual time.
struct SchedulerTests {
  private func hour(seed: UInt64) async throws -> (sum: Int, hash: UInt64, notes: [String], uptime: Duration) {
    let simulation = FrameworkSimulation(seed: seed)
    let notes = Notes()
    let master = ScriptedMaster(runtime: simulation.runtime, notes: notes)
    simulation.connect { _ in master }
    var framework = FrameworkSettings(name: "count", user: "me")
    framework.capabilities = [.partitionAware, .multiRole]
    let configuration = try SchedulerConfiguration(master: "master:5050", framework: framework)
    let sum = try await simulation.run(upTo: .seconds(7_200)) { runtime in
      try await ChunkedCount(runtime: runtime, chunks: 400).run(configuration)
    }
    for line in notes.lines { simulation.note(line) }
    return (sum, simulation.traceHash, notes.lines, simulation.now.uptime)
  }

  @Test func `a framework counts for most of an hour, over a lost stream and failed tasks`() async throws {
    let (sum, _, notes, uptime) = try await hour(seed: 5)
    #expect(sum == 400 * 399 / 2)
    #expect((.seconds(2_400)...(.seconds(5_400))).contains(uptime), "\(uptime)")
    #expect(notes.count { $0.hasSuffix("accept") } > 420)
    #expect(notes.count { $0.hasSuffix("teardown") } == 1)
  }

  @Test(arguments: [UInt64(5), 6])
  func `equal seeds give equal traces`(seed: UInt64) async throws {
    let first = try await hour(seed: seed)
    let second = try await hour(seed: seed)
    #expect(first.hash == second.hash)
    #expect(first.notes == second.notes)
    #expect(try await hour(seed: seed + 10).hash != first.hash)
  }

  /// `SIM_PROCESSES` of them; a few where nothing is said.
  @Test func `every process sees the same framework`() async throws {
    let processes = ProcessInfo.processInfo.environment["SIM_PROCESSES"].flatMap { Int($0) } ?? 3
    var hashes: Set<String> = []
    for _ in 0..<processes {
      let result = await #expect(processExitsWith: .success, observing: [\.standardOutputContent]) {
        let hour = try await SchedulerTests().hour(seed: 7)
        print("TRACE \(hour.sum) \(hour.hash) END")
      }
      let text = String(decoding: result?.standardOutputContent ?? [], as: UTF8.self)
      let trace = try #require(text.firstMatch(of: /TRACE (.*) END/))
      hashes.insert(String(trace.1))
    }
    #expect(hashes.count == 1, "\(processes) processes")
  }
}
