import DequeModule
import Synchronization

/// Updates that wait for one reader: bounded, and what does not fit is counted in their place.
final class UpdateQueue: Sendable {
  private struct State {
    var updates: Deque<WatchUpdate> = []
    var dropped = 0
    var isFinished = false
    var waiter: CheckedContinuation<Void, Never>?
  }

  private let limit: Int
  private let state = Mutex(State())

  init(limit: Int) { self.limit = max(1, limit) }

  /// - Returns: The reader, to be woken.
  func push(_ updates: [WatchUpdate]) -> CheckedContinuation<Void, Never>? {
    state.withLock { state in
      guard !state.isFinished else { return nil }
      if state.dropped > 0 || state.updates.count + updates.count > limit {
        // Those that wait are old news once some are missing after them: the reader looks at the state instead.
        state.dropped += state.updates.count + updates.count
        state.updates = []
      } else {
        state.updates.append(contentsOf: updates)
      }
      defer { state.waiter = nil }
      return state.waiter
    }
  }

  func finish() -> CheckedContinuation<Void, Never>? {
    state.withLock { state in
      state.isFinished = true
      defer { state.waiter = nil }
      return state.waiter
    }
  }

  func next() async -> WatchUpdate? {
    while true {
      let (update, isOver) = state.withLock { state -> (WatchUpdate?, Bool) in
        if state.dropped > 0 {
          defer { state.dropped = 0 }
          return (.overflow(dropped: state.dropped), false)
        }
        return (state.updates.popFirst(), state.isFinished)
      }
      if let update { return update }
      if isOver || Task.isCancelled { return nil }
      await withTaskCancellationHandler {
        await withCheckedContinuation { continuation in
          let resumesNow = state.withLock { state in
            guard state.updates.isEmpty, state.dropped == 0, !state.isFinished, !Task.isCancelled, state.waiter == nil
            else { return true }
            state.waiter = continuation
            return false
          }
          if resumesNow { continuation.resume() }
        }
      } onCancel: {
        state.withLock { state in
          defer { state.waiter = nil }
          return state.waiter
        }?.resume()
      }
    }
  }
}
