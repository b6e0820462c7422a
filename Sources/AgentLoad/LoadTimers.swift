import HeapModule
import MesosModel
import ShellSupport
import Synchronization

/// The deadlines of all agents in one heap, with one sleeper for the first of them.
final class LoadTimers: Sendable {
  private struct Entry: Comparable, Sendable {
    var deadline: Duration
    var agent: Int
    static func < (left: Self, right: Self) -> Bool { (left.deadline, left.agent) < (right.deadline, right.agent) }
  }

  private struct State: Sendable {
    var heap: Heap<Entry> = []
    /// The entry of each agent that counts; others in the heap are stale.
    var armed: [Duration?]
  }

  private let state: Mutex<State>
  private let timer = DeadlineTimer()
  private let clock: SystemClock

  init(agents: Int, clock: SystemClock) {
    state = Mutex(State(armed: Array(repeating: nil, count: agents)))
    self.clock = clock
  }

  /// Has the agent called at `deadline` or before.
  func set(_ deadline: Duration?, for agent: Int) {
    guard let deadline else { return }
    let first = state.withLock { state -> Duration? in
      if let armed = state.armed[agent], armed <= deadline { return nil }
      state.armed[agent] = deadline
      state.heap.insert(Entry(deadline: deadline, agent: agent))
      return state.heap.min?.deadline == deadline ? deadline : nil
    }
    if let first { timer.set(clock.instant(at: first)) }
  }

  /// Calls `tick` for each agent whose time has come, until the task is cancelled.
  func run(_ tick: (Int) async -> Void) async throws {
    while true {
      try await timer.wait()
      while let agent = next() { await tick(agent) }
      if let deadline = state.withLock({ $0.heap.min?.deadline }) { timer.set(clock.instant(at: deadline)) }
    }
  }

  private func next() -> Int? {
    let now = clock.now().uptime
    return state.withLock { state in
      while let first = state.heap.min, first.deadline <= now {
        state.heap.removeMin()
        guard state.armed[first.agent] == first.deadline else { continue }
        state.armed[first.agent] = nil
        return first.agent
      }
      return nil
    }
  }
}
