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

do {
  let figures = try await measure(filter: filter, isSmoke: isSmoke, launcherFolder: launcherFolder, output: output)
  let missed = figures.filter { $0.meetsFloor == false }
  print("\n\(figures.count) figures, \(missed.count) below their floor")
  for figure in missed { print("  " + Harness.line(figure)) }
} catch {
  FileHandle.standardError.write(Data("mesos-bench: \(error)\n".utf8))
  exit(1)
}

nonisolated func measure(
  filter: String?, isSmoke: Bool, launcherFolder: String, output: String?
) async throws -> [Figure] {
  var harness = Harness(filter: filter, isSmoke: isSmoke)
  try ResourceBenchmarks.run(&harness)
  try WireBenchmarks.run(&harness)
  try AllocatorBenchmarks.run(&harness)
  try await SchedulerBenchmarks.run(&harness)
  try await ClusterBenchmarks.run(&harness, launcherFolder: launcherFolder)
  try SimulationBenchmarks.run(&harness)
  if let output { try harness.write(to: output) }
  return harness.figures
}
