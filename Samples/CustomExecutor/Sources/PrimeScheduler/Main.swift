import ArgumentParser
import Foundation
import SchedulerKit

@main
struct PrimeScheduler: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "prime-scheduler", abstract: "Counts primes with tasks of an executor of its own.")

  @Option(help: "The master as host:port, or several apart by commas.")
  var master: String

  @Option(help: "The number of tasks.")
  var tasks = 6

  @Option(help: "The first task counts the primes below this number, the second those below twice as much, and so on.")
  var limit = 20_000

  @Option(help: "The program prime-executor, where agents find it; the one beside this program where none is named.")
  var executor: String?

  private static let taskAmounts: [String: Scalar] = ["cpus": 0.1, "mem": 16]
  private static let executorAmounts: [String: Scalar] = ["cpus": 0.1, "mem": 32]

  func run() async throws {
    let program =
      executor
      ?? URL(filePath: CommandLine.arguments[0]).deletingLastPathComponent().appending(path: "prime-executor").path
    let configuration = try SchedulerConfiguration(master: master, framework: FrameworkSettings(name: "primes"))
    let results = try await cancelledBySignals {
      try await withScheduler(configuration) { try await count(with: $0, program) }
    }
    for result in results { print(result) }
  }

  /// Launches what waits on each offer, until every task has finished, and returns what they say, in order.
  private func count(with scheduler: Scheduler, _ program: String) async throws -> [String] {
    var waiting = Array((1...max(1, tasks)).reversed())
    var attempts: [Int: Int] = [:]
    var results: [Int: String] = [:]
    var executors: [AgentKey: ExecutorInfo] = [:]
    for await update in scheduler.updates {
      switch update {
      case .offers(let offers):
        for offer in offers {
          var pool = OfferPool([offer])
          var launched: [TaskInfo] = []
          // The executor's own resources go with the first task on an agent; later ones name it as it was.
          let info = executors[offer.agentID.key] ?? pool.take(Self.executorAmounts).map { executor(program, $0) }
          while let info, let number = waiting.last, let resources = pool.take(Self.taskAmounts) {
            waiting.removeLast()
            attempts[number, default: 0] += 1
            launched.append(task(number, attempt: attempts[number] ?? 1, on: offer, resources, info))
          }
          if launched.isEmpty {
            try await scheduler.decline([offer])
          } else {
            executors[offer.agentID.key] = info
            try await scheduler.accept([offer], launch: launched)
          }
        }
      case .task(let update) where update.isTerminal:
        guard let number = update.status.taskID.value.split(separator: "-").dropFirst().first.flatMap({ Int($0) })
        else {
          continue
        }
        if update.status.state == .taskFinished {
          results[number] = update.status.message
          if results.count == tasks { return results.sorted { $0.key < $1.key }.map(\.value) }
        } else if attempts[number, default: 0] < 3 {
          waiting.append(number)
          if update.status.hasAgentID { executors[update.status.agentID.key] = nil }
        } else {
          throw SchedulerError(.refused, "task \(number): \(update.status.state) \(update.status.message)")
        }
      case .error(let error): throw error
      default: break
      }
    }
    throw SchedulerError(.stopped, "The scheduler ended before its tasks")
  }

  private func executor(_ program: String, _ resources: [Resource]) -> ExecutorInfo {
    var info = ExecutorInfo()
    info.type = .custom
    info.executorID.value = "primes"
    info.name = "primes"
    info.command = .program(program)
    info.resources = resources
    return info
  }

  private func task(
    _ number: Int, attempt: Int, on offer: Offer, _ resources: [Resource], _ executor: ExecutorInfo
  ) -> TaskInfo {
    var task = TaskInfo()
    task.taskID.value = "primes-\(number)-\(attempt)"
    task.name = "primes"
    task.agentID = offer.agentID
    task.resources = resources
    task.executor = executor
    task.data = Data("\(number * limit)".utf8)
    return task
  }
}
