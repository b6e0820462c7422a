import ArgumentParser
import Foundation
import SchedulerKit

@main
struct BatchQueue: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "batchqueue",
    abstract: "Runs a command once for each piece of work on a Mesos cluster, and again where it fails.",
    discussion: "The command is a text for /bin/sh; its piece, from 0 on, is in $DEMAND_SLOT.")

  @Option(help: "The master as host:port, or several apart by commas.")
  var master: String

  @Option(help: "The pieces of work.")
  var pieces = 10

  @Option(help: "How many run at once.")
  var parallel = 4

  @Option(help: "How often a piece may fail.")
  var attempts = 3

  @Option(help: "Processors of one piece.")
  var cpus = 0.1

  @Option(help: "Memory of one piece in MB.")
  var mem = 32.0

  @Option(help: "The role whose offers are used.")
  var role = "*"

  @Argument(help: "What each piece runs.")
  var command: String

  func run() async throws {
    do {
      let failed = try await cancelledBySignals { try await work() }
      if failed > 0 { throw ExitCode(1) }
    } catch let error as DemandError {
      throw ArgumentParser.ValidationError(error.message)
    } catch let error as SchedulerError {
      say("batchqueue: \(error.message)")
      throw ExitCode(1)
    } catch is CancellationError {
      say("batchqueue: interrupted")
      throw ExitCode(130)
    }
  }

  /// What is to be done, as a demand.
  private var batch: Demand {
    var batch = Demand.batch(
      "batch", completions: pieces, parallelism: parallel,
      resources: ["cpus": Scalar(cpus) ?? .zero, "mem": Scalar(mem) ?? .zero], role: role, command: .shell(command))
    batch.replacement = .onFailure(attemptsMax: attempts)
    return batch
  }

  /// Runs it to its end and returns how many pieces failed for good.
  private func work() async throws -> Int {
    let configuration = try SchedulerConfiguration(
      master: master, framework: FrameworkSettings(name: "batchqueue", roles: [role]))
    return try await withDemand(configuration, [batch]) { demand in
      let progress = ProgressLine()
      let changes = demand.changes
      progress.show(demand)
      for await change in changes {
        switch change {
        case .demand(.ended(let id, let end)):
          if case .failed = end.next { progress.say("piece \(id.slot) failed: \(end.message)") }
          if case .again = end.next { progress.say("piece \(id.slot) is run again: \(end.message)") }
        case .demand(.completed(_, let finished, let failed)):
          progress.show(demand)
          progress.say("\(finished) of \(pieces) pieces are done")
          return failed
        case .scheduler(.error(let error)): throw error
        default: break
        }
        progress.show(demand)
      }
      try Task.checkCancellation()
      throw SchedulerError(.stopped, "the scheduler ended before all pieces were done")
    }
  }
}

/// A line on a terminal that says how far it is.
private final class ProgressLine {
  private let isTerminal = isatty(STDERR_FILENO) == 1
  private var shown = ""

  func show(_ demand: DemandScheduler) {
    guard let status = demand.status(of: "batch") else { return }
    let line =
      "\(status.finished) finished, \(status.available) running, \(status.wanted - status.available) waiting, "
      + "\(status.failed) failed"
    guard line != shown else { return }
    shown = line
    write(isTerminal ? "\r\u{1B}[K\(line)" : "\(line)\n")
  }

  func say(_ text: String) {
    write(isTerminal ? "\r\u{1B}[K\(text)\n" : "\(text)\n")
    shown = ""
  }

  private func write(_ text: String) { FileHandle.standardError.write(Data(text.utf8)) }
}

private func say(_ text: String) { FileHandle.standardError.write(Data("\(text)\n".utf8)) }
