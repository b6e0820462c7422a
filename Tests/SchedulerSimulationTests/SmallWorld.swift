import MesosModel
import MesosRuntime
import SchedulerSimulation
import Synchronization

/// Two actors, a task group, a stream, `async let` and timeouts over one virtual hour: the techniques that a framework's code uses.
enum SmallWorld {
  actor Ledger {
    private var entries: [String: Int] = [:]
    func add(_ name: String, _ amount: Int) { entries[name, default: 0] += amount }
    var sum: Int { entries.values.reduce(0, +) }
  }

  actor Turnstile {
    private let ledger: Ledger
    private(set) var passed = 0
    init(ledger: Ledger) { self.ledger = ledger }
    func pass(_ name: String) async {
      passed += 1
      await ledger.add(name, passed % 7)
    }
  }

  /// Runs it and returns a number that depends on all that happened in it.
  static func run(_ runtime: Runtime, note: @escaping @Sendable (String) -> Void) async throws -> Int {
    let ledger = Ledger()
    let turnstile = Turnstile(ledger: ledger)
    let (stream, continuation) = AsyncStream<String>.makeStream(bufferingPolicy: .bufferingOldest(1_000))
    let ticker = runtime.spawn("ticker") {
      while true {
        try await runtime.sleep(for: .seconds(60))
        continuation.yield("tick \(runtime.now.uptime.components.seconds)")
      }
    }
    defer { ticker.cancel() }
    return try await withThrowingTaskGroup(of: Int.self) { group in
      for walker in 0..<8 {
        group.addTask {
          var generator = runtime.generator
          while runtime.now.uptime < .seconds(3_600) {
            try await runtime.sleep(for: .milliseconds(Int64.random(in: 500..<5_000, using: &generator)))
            await turnstile.pass("walker \(walker)")
            do {
              try await runtime.withTimeout(.seconds(2)) {
                try await runtime.sleep(for: .milliseconds(walker * 400))
              }
            } catch is RuntimeTimeout {
              note("walker \(walker) was slow")
            }
          }
          continuation.yield(runtime.makeID())
          return await turnstile.passed
        }
      }
      group.addTask {
        var seen = 0
        for await text in stream {
          note(text)
          seen += 1
          if seen == 66 { break }
        }
        return seen
      }
      var total = 0
      for try await count in group { total += count }
      async let sum = ledger.sum
      return await sum + total
    }
  }
}
