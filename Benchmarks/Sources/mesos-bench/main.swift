import Foundation

// mesos-bench [--filter TEXT] [--smoke] [--out FILE] [--executors FOLDER] [--beside PORT:PID]
//   --beside: an Apache Mesos on loopback, in the state that the points "master: state" have, to be measured in turn with ours.
var filter: String?
var isSmoke = false
var output: String?
var beside: MeasuredMaster?
var launcherFolder = URL(filePath: CommandLine.arguments[0]).deletingLastPathComponent().path
var arguments = Array(CommandLine.arguments.dropFirst())
while let argument = arguments.first {
  arguments.removeFirst()
  switch argument {
  case "--filter": filter = arguments.isEmpty ? nil : arguments.removeFirst()
  case "--smoke": isSmoke = true
  case "--out": output = arguments.isEmpty ? nil : arguments.removeFirst()
  case "--executors": launcherFolder = arguments.isEmpty ? launcherFolder : arguments.removeFirst()
  case "--beside":
    let numbers = arguments.isEmpty ? [] : arguments.removeFirst().split(separator: ":").compactMap { Int32($0) }
    guard numbers.count == 2 else {
      FileHandle.standardError.write(Data("--beside wants PORT:PID\n".utf8))
      exit(2)
    }
    beside = MeasuredMaster(
      label: ", Apache Mesos", port: Int(numbers[0]), process: ObservedProcess(pid: numbers[1]))
  default:
    FileHandle.standardError.write(Data("unknown argument \(argument)\n".utf8))
    exit(2)
  }
}

// Through a pipe too, a line shows as soon as it is known.
writeLineByLine()

let results = await measure(
  Harness(filter: filter, isSmoke: isSmoke, output: output), launcherFolder: launcherFolder, beside: beside)
let missed = results.figures.filter { $0.meetsFloor == false }
print("\n\(results.figures.count) figures, \(missed.count) below their floor, \(results.failures.count) points failed")
for figure in missed { print("  " + Harness.line(figure)) }
for failure in results.failures { print("  \(failure.point): FAILED: \(failure.reason)") }
exit(results.failures.isEmpty ? 0 : 1)

nonisolated func measure(
  _ harness: Harness, launcherFolder: String, beside: MeasuredMaster?
) async -> Results {
  var harness = harness
  ResourceBenchmarks.run(&harness)
  WireBenchmarks.run(&harness)
  AllocatorBenchmarks.run(&harness)
  await harness.point("schedulers") { try await SchedulerBenchmarks.run(&$0) }
  await harness.point("cluster") { try await ClusterBenchmarks.run(&$0, launcherFolder: launcherFolder) }
  FailoverBenchmarks.run(&harness)
  await harness.point("master") { try await MasterBenchmarks.run(&$0, programs: launcherFolder, beside: beside) }
  SimulationBenchmarks.run(&harness)
  return harness.results
}
