import Synchronization

/// One timer whose deadline moves: the owner sets when it wants to be woken, a loop waits for it.
public final class DeadlineTimer: Sendable {
  private struct State {
    var deadline: ContinuousClock.Instant?
    /// Grows with each change, so that a sleeper knows whether its deadline still holds.
    var generation: UInt64 = 0
    var waiter: CheckedContinuation<Void, Never>?
  }

  private let state = Mutex(State())

  public init() {}

  /// Sets the next deadline; `nil` for none.
  public func set(_ deadline: ContinuousClock.Instant?) {
    let waiter: CheckedContinuation<Void, Never>? = state.withLock { state in
      guard state.deadline != deadline else { return nil }
      let isLater = state.deadline.map { current in deadline.map { $0 > current } ?? true } ?? false
      state.deadline = deadline
      // A sleeper that wakes too early looks again, so only an earlier deadline must wake it.
      if isLater { return nil }
      state.generation &+= 1
      defer { state.waiter = nil }
      return state.waiter
    }
    waiter?.resume()
  }

  /// Returns when the deadline has passed, and clears it.
  ///
  /// - Throws: `CancellationError`.
  public func wait() async throws {
    while true {
      try Task.checkCancellation()
      let (deadline, generation) = state.withLock { ($0.deadline, $0.generation) }
      if let deadline, deadline <= .now {
        let isDue = state.withLock { state in
          guard state.deadline == deadline else { return false }
          state.deadline = nil
          return true
        }
        if isDue { return }
        continue
      }
      await withTaskGroup(of: Void.self) { group in
        if let deadline {
          group.addTask { try? await ContinuousClock().sleep(until: deadline) }
        }
        group.addTask { await self.change(after: generation) }
        await group.next()
        group.cancelAll()
      }
    }
  }

  private func change(after generation: UInt64) async {
    await withTaskCancellationHandler {
      await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
        let isReady = state.withLock { state in
          if state.generation != generation || Task.isCancelled { return true }
          state.waiter = continuation
          return false
        }
        if isReady { continuation.resume() }
      }
    } onCancel: {
      let waiter = state.withLock { state in
        defer { state.waiter = nil }
        return state.waiter
      }
      waiter?.resume()
    }
  }
}
