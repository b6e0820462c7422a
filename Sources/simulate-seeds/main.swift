import MesosModel
import MesosSimulation
import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

// simulate-seeds FIRST COUNT [--jobs N]: runs so many seeds of the faulty simulation, and says which fail.
// simulate-seeds --replay SEED: runs one and prints its course.

func usage() -> Never {
  print("usage: simulate-seeds FIRST COUNT [--jobs N] | simulate-seeds --replay SEED")
  exit(2)
}

let arguments = Array(CommandLine.arguments.dropFirst())
if arguments.first == "--replay" {
  guard arguments.count == 2, let seed = UInt64(arguments[1]) else { usage() }
  print("seed \(seed)")
  let outcome = FaultySimulation().run(seed: seed) { print($0) }
  print(outcome.violation.map { "VIOLATION \($0)" } ?? "all held", "trace \(outcome.traceHash)")
  exit(outcome.violation == nil ? 0 : 1)
}
guard arguments.count >= 2, let first = UInt64(arguments[0]), let count = UInt64(arguments[1]) else { usage() }
var jobs = 2
if arguments.count == 4, arguments[2] == "--jobs", let number = Int(arguments[3]), number > 0 { jobs = number }
print("seeds \(first) to \(first + count - 1), \(jobs) jobs")

// Where a precondition of a core fails the process ends at once: the seeds that ran are told then.
let running = SeedsRunning(jobs: jobs)
running.tellOnTrap()
let clock = ContinuousClock()
let start = clock.now
let tally = await SeedRunner(first: first, count: count, running: running).run(jobs: jobs)
let seconds = (clock.now - start).components.seconds
print("\(tally.steps) steps, \(tally.tasks) tasks ended, hash \(tally.hash), \(seconds) s")
if tally.failed.isEmpty {
  print("ALL \(count) SEEDS HELD")
} else {
  print(
    "\(tally.failed.count) OF \(count) SEEDS FAILED: \(tally.failed.sorted().map(String.init).joined(separator: " "))")
}
exit(tally.failed.isEmpty ? 0 : 1)
