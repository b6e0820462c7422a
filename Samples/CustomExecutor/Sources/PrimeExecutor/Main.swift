import ExecutorKit
import Foundation

/// Counts primes. Each task is a limit in its `data`; all tasks of an agent run in this one process, side by side.
actor PrimeExecutor: Executor {
  private var running: [TaskKey: Task<Void, any Error>] = [:]

  func launch(_ task: TaskInfo, driver: ExecutorDriver) async throws {
    guard let limit = Int(String(decoding: task.data, as: UTF8.self)), limit >= 0 else {
      return try driver.sendUpdate(task.taskID, .taskFailed, message: "its data is no limit")
    }
    try driver.sendUpdate(task.taskID, .taskRunning)
    running[task.taskID.key] = driver.runtime.spawn("primes below \(limit)") {
      let count = try await primes(below: limit)
      try await self.finish(task.taskID, "\(count) primes below \(limit), counted by process \(getpid())", driver)
    }
  }

  func kill(_ task: TaskID, policy: KillPolicy?, driver: ExecutorDriver) async throws {
    // Who takes a task out of the table says how it ended: once, whatever comes first.
    guard let work = running.removeValue(forKey: task.key) else { return }
    work.cancel()
    try driver.sendUpdate(task, .taskKilled)
  }

  func shutdown(driver: ExecutorDriver) async throws {
    for task in running.keys.sorted() { try await kill(TaskID(task), policy: nil, driver: driver) }
  }

  private func finish(_ task: TaskID, _ result: String, _ driver: ExecutorDriver) throws {
    guard running.removeValue(forKey: task.key) != nil else { return }
    try driver.sendUpdate(task, .taskFinished, message: result)
  }
}

/// Off the actor, so that counting keeps no event waiting. It lets others have its thread, the driver first of all: Swift has no more
/// threads than the machine has cores, and an executor that does not answer its agent is given up. It ends when it is cancelled.
@concurrent private func primes(below limit: Int) async throws -> Int {
  var found: [Int] = []
  for number in stride(from: 2, to: limit, by: 1) {
    if number.isMultiple(of: 256) {
      try Task.checkCancellation()
      await Task.yield()
    }
    if !found.prefix(while: { $0 * $0 <= number }).contains(where: number.isMultiple(of:)) { found.append(number) }
  }
  return found.count
}

@main
struct Main {
  static func main() async throws { try await ExecutorDriver().run(PrimeExecutor()) }
}
