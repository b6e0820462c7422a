import Foundation
import MesosTestKit
import SchedulerKit
import Synchronization

/// A framework that gets a number of jobs done, each by as many attempts as it takes, and kills one now and then.
struct ChaosFramework: Sendable {
  let runtime: Runtime
  let seed: UInt64
  let jobs: Int
  /// How long to listen on, once all is done, for what should not come.
  let afterword: Duration

  private struct State {
    var tally = Tally()
    var waiting: [Int]
    var attempts: [String: Int] = [:]
    var count = 0
    var isDone: Bool { waiting.isEmpty && attempts.isEmpty }
  }

  /// What the framework saw, and what it was told of the connection.
  struct Outcome: Sendable {
    var tally: Tally
    var subscriptions = 0
    var notices: [Notice] = []
    var uncertain = 0
  }

  func run(_ configuration: SchedulerConfiguration) async throws -> Outcome {
    let (seed, afterword) = (seed, afterword)
    return try await withScheduler(configuration, runtime: runtime) { scheduler in
      var random = SplitMix64(seed: seed)
      var state = State(waiting: Array(0..<jobs))
      var outcome = Outcome(tally: state.tally)
      var isEnding = false
      for await update in scheduler.updates {
        switch update {
        case .subscribed: outcome.subscriptions += 1
        case .notice(let notice): if outcome.notices.count < 1_000 { outcome.notices.append(notice) }
        case .offers(let offers):
          for offer in offers {
            outcome.uncertain += try await use(offer, scheduler, &state, &random) ? 1 : 0
          }
        case .task(let update):
          state.tally.told(update)
          let id = update.status.taskID.value
          if update.isTerminal, let job = state.attempts.removeValue(forKey: id), !Tally.ran(update.status.state) {
            state.waiting.append(job)
          }
          if update.status.state == .taskRunning, Int.random(in: 0..<6, using: &random) == 0 {
            try? await scheduler.kill(update.status.taskID, on: update.status.agentID)
          }
          if !state.waiting.isEmpty { try? await scheduler.revive() }
        default: break
        }
        if state.isDone, !isEnding {
          isEnding = true
          let runtime = runtime
          // unstructured: ends the loop it was made in, which waits for it.
          runtime.spawn("afterword") {
            try await runtime.sleep(for: afterword)
            scheduler.stop(.tearDown)
          }
        }
      }
      outcome.tally = state.tally
      return outcome
    }
  }

  /// Puts up to two attempts onto an offer; true when nobody knows whether the master took them.
  private func use(
    _ offer: Offer, _ scheduler: Scheduler, _ state: inout State, _ random: inout SplitMix64
  ) async throws -> Bool {
    var pool = OfferPool([offer])
    var tasks: [TaskInfo] = []
    while tasks.count < 2, let job = state.waiting.last, let resources = pool.take(["cpus": 0.5, "mem": 32]) {
      state.waiting.removeLast()
      state.count += 1
      var task = TaskInfo(
        id: "job-\(job)-\(state.count)", on: offer, resources: Resources(), command: .shell("true"))
      task.resources = resources
      state.tally.launched(task.taskID.value)
      state.attempts[task.taskID.value] = job
      tasks.append(task)
    }
    guard !tasks.isEmpty else {
      try? await scheduler.decline([offer], refuse: .seconds(1))
      return false
    }
    do {
      try await scheduler.accept([offer], launch: tasks, refuse: .zero)
      return false
    } catch let error as SchedulerError where error.code == .outcomeUnknown {
      return true
    } catch let error as SchedulerError {
      guard error.code != .stopped else { throw error }
      for task in tasks {
        state.tally.refused(task.taskID.value)
        if let job = state.attempts.removeValue(forKey: task.taskID.value) { state.waiting.append(job) }
      }
      return false
    }
  }
}

/// How many seeds a run over chaos takes: `CHAOS_RUNS`, else a part of them.
enum ChaosRuns {
  static let asked = ProcessInfo.processInfo.environment["CHAOS_RUNS"].flatMap { Int($0) }
  static func seeds(_ few: Int) -> [UInt64] { Seeds.few(asked ?? few) }
}
