import SchedulerKit

/// A framework as a user writes it, in the manner of WordCount: tasks on offers, retries of those that fail, a watch beside it that gives up
/// after a while, results collected under a timeout.
struct ChunkedCount: Sendable {
  let runtime: Runtime
  let chunks: Int

  struct GaveUp: Error {}

  func run(_ configuration: SchedulerConfiguration) async throws -> Int {
    try await withScheduler(configuration, runtime: runtime) { scheduler in
      try await withThrowingTaskGroup(of: Int?.self) { group in
        group.addTask { try await count(scheduler) }
        group.addTask { try await watch(scheduler) }
        defer { group.cancelAll() }
        guard case .some(.some(let result)) = try await group.next() else { throw GaveUp() }
        return result
      }
    }
  }

  private func count(_ scheduler: Scheduler) async throws -> Int {
    var waiting = Array((0..<chunks).reversed())
    var running: [String: Int] = [:]
    var attempts = 0
    var sum = 0
    for await update in scheduler.updates {
      switch update {
      case .offers(let offers):
        for offer in offers {
          var pool = OfferPool([offer])
          var tasks: [TaskInfo] = []
          while let chunk = waiting.last, let resources = pool.take(["cpus": 1, "mem": 64]) {
            waiting.removeLast()
            attempts += 1
            var task = TaskInfo(
              id: "chunk-\(chunk)-\(attempts)", on: offer, resources: Resources(),
              command: .shell("\(30 + chunk % 60)"))
            task.resources = resources
            running[task.taskID.value] = chunk
            tasks.append(task)
          }
          guard !tasks.isEmpty else {
            try await scheduler.decline([offer], refuse: .seconds(60))
            continue
          }
          do {
            try await scheduler.accept([offer], launch: tasks, refuse: .zero)
          } catch let error as SchedulerError where error.code != .outcomeUnknown {
            waiting += tasks.compactMap { running.removeValue(forKey: $0.taskID.value) }
          }
        }
      case .task(let update) where update.isTerminal:
        guard let chunk = running.removeValue(forKey: update.status.taskID.value) else { continue }
        if update.status.state == .taskFinished {
          sum += try await collect(chunk)
          if waiting.isEmpty, running.isEmpty { return sum }
        } else {
          waiting.append(chunk)
        }
        if !waiting.isEmpty { try await scheduler.revive() }
      default: break
      }
    }
    throw CancellationError()
  }

  /// Two sources are asked; the first that answers in time counts.
  private func collect(_ chunk: Int) async throws -> Int {
    var generator = runtime.generator
    let delays = (0..<2).map { _ in Int64.random(in: 1..<200, using: &generator) }
    return try await runtime.withTimeout(.seconds(1)) {
      try await withThrowingTaskGroup(of: Int.self) { group in
        for delay in delays {
          group.addTask {
            try await runtime.sleep(for: .milliseconds(delay))
            return chunk
          }
        }
        defer { group.cancelAll() }
        return try await group.next() ?? 0
      }
    }
  }

  private func watch(_ scheduler: Scheduler) async throws -> Int? {
    let begin = runtime.now.uptime
    while runtime.now.uptime - begin < .seconds(7_200) {
      try await runtime.sleep(for: .seconds(1))
      _ = scheduler.connectionState
    }
    throw GaveUp()
  }
}
