import Foundation

// mesos-bench [--filter TEXT] [--smoke] [--out FILE] [--executors FOLDER]
var filter: String?
var isSmoke = false
var output: String?
var launcherFolder = URL(filePath: CommandLine.arguments[0]).deletingLastPathComponent().path
var arguments = Array(CommandLine.arguments.dropFirst())
while let argument = arguments.first {
  arguments.removeFirst()
  switch argument {
  case "--filter": filter = arguments.isEmpty ? nil : arguments.removeFirst()
  case "--smoke": isSmoke = true
  case "--out": output = arguments.isEmpty ? nil : arguments.removeFirst()
  case "--executors": launcherFolder = arguments.isEmpty ? launcherFolder : arguments.removeFirst()
  default:
    FileHandle.standardError.write(Data("unknown argument \(argument)\n".utf8))
    exit(2)
  }
}

// Through a pipe too, a line shows as soon as it is known.
writeLineByLine()

let results = await measure(
  Harness(filter: filter, isSmoke: isSmoke, output: output), launcherFolder: launcherFolder)
let missed = results.figures.filter { $0.meetsFloor == false }
print("\n\(results.figures.count) figures, \(missed.count) below their floor, \(results.failures.count) points failed")
for figure in missed { print("  " + Harness.line(figure)) }
for failure in results.failures { print("  \(failure.point): FAILED: \(failure.reason)") }
exit(results.failures.isEmpty ? 0 : 1)

nonisolated func measure(_ harness: Harness, launcherFolder: String) async -> Results {
  var harness = harness
  ResourceBenchmarks.run(&harness)
  WireBenchmarks.run(&harness)
  AllocatorBenchmarks.run(&harness)
  await harness.point("schedulers") { try await SchedulerBenchmarks.run(&$0) }
  await harness.point("cluster") { try await ClusterBenchmarks.run(&$0, launcherFolder: launcherFolder) }
  SimulationBenchmarks.run(&harness)
  return harness.results
}
