import MesosRuntime
import Synchronization

/// Ends a stream that gives nothing for too long while someone waits for it.
///
/// Time in which the reader is busy elsewhere does not count: what arrived meanwhile waits for it.
final class HeartbeatWatch: Sendable {
  private struct State {
    var limit: Duration?
    /// When the present wait has been too long, by the runtime's uptime.
    var deadline: Duration?
    var hasFired = false
    var task: Task<Void, any Error>?
    var hasEnded = false
  }

  private let runtime: Runtime
  private let fire: @Sendable () -> Void
  private let state: Mutex<State>

  /// - Parameters:
  ///   - limit: How long a wait may be; `nil` for any time, until it is set.
  ///   - fire: Makes who waits stop waiting.
  init(limit: Duration?, runtime: Runtime, fire: @escaping @Sendable () -> Void) {
    self.runtime = runtime
    self.fire = fire
    state = Mutex(State(limit: limit))
  }

  deinit { state.withLock { $0.task }?.cancel() }

  var hasFired: Bool { state.withLock { $0.hasFired } }

  /// To be called between two waits.
  func setLimit(_ limit: Duration) {
    let task = state.withLock { state -> Task<Void, any Error>? in
      guard state.limit != limit else { return nil }
      state.limit = limit
      // It may sleep beyond the new limit; the next wait starts another.
      defer { state.task = nil }
      return state.task
    }
    task?.cancel()
  }

  /// The wait for something begins.
  func arm() {
    let now = runtime.now.uptime
    state.withLock { state in
      guard let limit = state.limit, !state.hasEnded else { return }
      state.deadline = now + limit
      guard state.task == nil else { return }
      // Owned by this watch, which cancels it when it goes; it does not keep the watch alive.
      state.task = runtime.spawn("heartbeat watch") { [weak self, runtime] in
        while let next = self?.nextCheck(at: runtime.now.uptime) { try await runtime.sleep(until: next) }
      }
    }
  }

  /// Something came.
  func disarm() { state.withLock { $0.deadline = nil } }

  /// Nothing is watched any more.
  func end() {
    let task = state.withLock { state in
      state.hasEnded = true
      state.deadline = nil
      defer { state.task = nil }
      return state.task
    }
    task?.cancel()
  }

  /// When to look again; `nil` when that is over.
  private func nextCheck(at now: Duration) -> Duration? {
    let (next, fires) = state.withLock { state -> (Duration?, Bool) in
      guard !state.hasEnded, let limit = state.limit else { return (nil, false) }
      guard let deadline = state.deadline else { return (now + limit, false) }
      guard deadline <= now else { return (deadline, false) }
      state.hasFired = true
      state.hasEnded = true
      return (nil, true)
    }
    if fires { fire() }
    return next
  }
}
