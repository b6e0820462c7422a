import MesosSimulation
import Synchronization

/// What came of many runs.
struct Tally: Sendable {
  /// Seeds in which something did not hold, in whatever order they ended.
  var failed: [UInt64] = []
  var steps = 0
  var tasks = 0
  /// Of all traces together, in whatever order they ended.
  var hash: UInt64 = 0
}

/// Runs a range of seeds on several threads; each run is a value of its own.
final class SeedRunner: Sendable {
  private let next: Mutex<UInt64>
  private let end: UInt64
  private let running: SeedsRunning

  init(first: UInt64, count: UInt64, running: SeedsRunning) {
    next = Mutex(first)
    end = first + count
    self.running = running
  }

  func run(jobs: Int) async -> Tally {
    await withTaskGroup(of: Tally.self) { group in
      for job in 0..<jobs { group.addTask { await self.work(job) } }
      var sum = Tally()
      for await tally in group {
        sum.failed += tally.failed
        sum.steps += tally.steps
        sum.tasks += tally.tasks
        sum.hash ^= tally.hash
      }
      return sum
    }
  }

  @concurrent
  private func work(_ job: Int) async -> Tally {
    var tally = Tally()
    while let seed = take() {
      running.begin(seed, job: job)
      let outcome = FaultySimulation().run(seed: seed)
      tally.steps += outcome.steps
      tally.tasks += outcome.tasksEnded
      tally.hash ^= outcome.traceHash.value
      if let violation = outcome.violation {
        tally.failed.append(seed)
        print("FAILED \(violation)\n  replay: simulate-seeds --replay \(seed)")
      }
    }
    return tally
  }

  private func take() -> UInt64? {
    next.withLock { next in
      guard next < end else { return nil }
      defer { next += 1 }
      return next
    }
  }
}
