import SchedulerKit
import Synchronization

/// What is known of all shards, shared between the one who works and the one who watches.
final class Job: Sendable {
  enum Phase: Sendable {
    case waiting
    case launched(task: String, on: Place, since: ContinuousClock.Instant, isRunning: Bool)
    case counted(task: String, on: Place, took: Duration)
  }

  /// An agent as it is printed and as it is reached.
  struct Place: Sendable, Hashable {
    var id: String
    var name: String
    var endpoint: AgentEndpoint
  }

  /// A line of the final table.
  struct Row: Sendable {
    var task: String
    var agent: String
    var state: String
    var duration: Duration?
    var files: Int
    var bytes: Int
  }

  struct State: Sendable {
    var phases: [Phase]
    var attempts: [Int]
    var connection = "not connected"
    var lastOffer: ContinuousClock.Instant?
  }

  let shards: [Shard]
  let begin = ContinuousClock.now
  private let state: Mutex<State>

  init(shards: [Shard]) {
    self.shards = shards
    state = Mutex(
      State(
        phases: Array(repeating: .waiting, count: shards.count), attempts: Array(repeating: 0, count: shards.count)))
  }

  func change<Result: Sendable>(_ body: (inout sending State) -> sending Result) -> Result { state.withLock(body) }

  var snapshot: State { state.withLock { $0 } }

  var rows: [Row] {
    zip(shards, snapshot.phases).map { shard, phase in
      switch phase {
      case .waiting:
        Row(task: "-", agent: "-", state: "waiting", duration: nil, files: shard.files.count, bytes: shard.bytes)
      case .launched(let task, let place, _, let isRunning):
        Row(
          task: task, agent: place.name, state: isRunning ? "TASK_RUNNING" : "TASK_STAGING", duration: nil,
          files: shard.files.count, bytes: shard.bytes)
      case .counted(let task, let place, let took):
        Row(
          task: task, agent: place.name, state: "TASK_FINISHED", duration: took, files: shard.files.count,
          bytes: shard.bytes)
      }
    }
  }
}

extension Job.State {
  var counts: (done: Int, running: Int, launched: Int, waiting: Int) {
    var counts = (done: 0, running: 0, launched: 0, waiting: 0)
    for phase in phases {
      switch phase {
      case .waiting: counts.waiting += 1
      case .launched(_, _, _, isRunning: true): counts.running += 1
      case .launched: counts.launched += 1
      case .counted: counts.done += 1
      }
    }
    return counts
  }
}
