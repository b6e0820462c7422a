import ArgumentParser
import Foundation
import SchedulerKit

@main
struct WordCount: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "wordcount", abstract: "Counts the words of a folder of text files on a Mesos cluster.")

  @Option(help: "The master as host:port, or several apart by commas.")
  var master: String

  @Option(help: "The number of map tasks.")
  var shards = 8

  @Option(help: "How many words to print.")
  var top = 20

  @Option(help: "The role whose offers are used.")
  var role = "*"

  @Option(help: "Seconds until it gives up.")
  var timeout = 600

  @Option(help: "Seconds without any offer until it gives up.")
  var offerTimeout = 60

  @Flag(help: "Speaks JSON with the master in the place of protobuf.")
  var json = false

  @Argument(help: "The folder of text files; the agents must have it under the same path.")
  var folder: String

  func validate() throws {
    guard shards > 0, top > 0, timeout > 0, offerTimeout > 0 else {
      throw ArgumentParser.ValidationError("--shards, --top, --timeout and --offer-timeout must be positive")
    }
  }

  func run() async throws {
    do {
      try await cancelledBySignals { try await count() }
    } catch let error as JobError {
      fail(error.message)
      throw ExitCode(1)
    } catch let error as SchedulerError {
      fail(error.message)
      throw ExitCode(1)
    } catch is CancellationError {
      fail("interrupted")
      throw ExitCode(130)
    }
  }

  private func fail(_ message: String) {
    FileHandle.standardError.write(Data("wordcount: \(message)\n".utf8))
  }

  private func count() async throws {
    let shards = try Shard.divide(folder: folder, into: self.shards)
    let job = Job(shards: shards)
    var configuration = try SchedulerConfiguration(
      master: master, framework: FrameworkSettings(name: "wordcount", roles: [role]))
    if json { configuration.encoding = .json }

    let limits = Limits(total: .seconds(timeout), withoutOffers: .seconds(offerTimeout))
    let counts = try await withScheduler(configuration) { scheduler in
      try await withTaskFiles { files in
        try await withThrowingTaskGroup(of: [String: Int]?.self) { group in
          group.addTask { try await Counting(job: job, scheduler: scheduler, files: files).run() }
          group.addTask { try await watch(job, limits, scheduler) }
          defer { group.cancelAll() }
          guard case .some(.some(let counts)) = try await group.next() else { throw CancellationError() }
          return counts
        }
      }
    }
    report(counts, job.rows)
  }

  private func report(_ counts: [String: Int], _ rows: [Job.Row]) {
    print("\n\(counts.count) different words, \(counts.values.reduce(0, +)) in all. The most frequent:")
    for (word, count) in counts.sorted(by: { ($1.value, $0.key) < ($0.value, $1.key) }).prefix(top) {
      print("\(padded(count, 10))  \(word)")
    }
    print("")
    let names = ["task", "agent", "state", "seconds", "files", "bytes"]
    let cells = rows.map { row in
      [
        row.task, row.agent, row.state, row.duration.map { String(format: "%.2f", $0.inSeconds) } ?? "-",
        String(row.files), String(row.bytes),
      ]
    }
    let widths = names.indices.map { column in ([names] + cells).map { $0[column].count }.max() ?? 0 }
    for line in [names] + cells {
      print(
        zip(line, widths).map { $0.padding(toLength: $1, withPad: " ", startingAt: 0) }.joined(separator: "  "))
    }
  }

  private func padded(_ number: Int, _ width: Int) -> String {
    let text = String(number)
    return String(repeating: " ", count: max(0, width - text.count)) + text
  }
}
