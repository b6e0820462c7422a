import MesosSimulation
import Testing

struct DeterminismTests {
  @Test func `equal seeds give equal courses, other seeds others`() {
    let run = FaultySimulation()
    let first = run.run(seed: 11)
    #expect(first.traceHash == run.run(seed: 11).traceHash)
    #expect(first.traceHash != run.run(seed: 12).traceHash)
  }

  /// Swift hashes with other seeds in each process, so only several processes show what depends on the order of a hash table.
  @Test func `equal seeds give equal courses in several processes`() async throws {
    var lines: Set<String> = []
    for _ in 0..<3 {
      let result = await #expect(processExitsWith: .success, observing: [\.standardOutputContent]) {
        for seed in 21...24 as ClosedRange<UInt64> { print("trace \(FaultySimulation().run(seed: seed).traceHash)") }
      }
      let output = String(decoding: try #require(result).standardOutputContent, as: UTF8.self)
      lines.insert(output.split(separator: "\n").filter { $0.hasPrefix("trace ") }.joined(separator: " "))
    }
    #expect(lines.count == 1)
    #expect(lines.first?.split(separator: " ").count == 8)
  }
}
