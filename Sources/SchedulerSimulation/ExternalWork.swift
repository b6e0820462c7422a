import Synchronization

/// Work outside whose outcome the simulation waits for.
final class ExternalWork: Sendable {
  private struct State: Sendable {
    var outcome: (@Sendable () -> Void)?
    var cancel: (@Sendable () -> Void)?
    var isCancelled = false
  }

  private let state = Mutex(State())

  /// Takes how to hand the outcome over; `nil` while there is none.
  func takeOutcome() -> (@Sendable () -> Void)? {
    state.withLock { state in
      defer { state.outcome = nil }
      return state.outcome
    }
  }

  func done(_ handOver: @escaping @Sendable () -> Void) { state.withLock { $0.outcome = handOver } }

  func began(cancel: @escaping @Sendable () -> Void) {
    let isCancelled = state.withLock { state in
      state.cancel = cancel
      return state.isCancelled
    }
    if isCancelled { cancel() }
  }

  func cancel() {
    state.withLock { state in
      state.isCancelled = true
      return state.cancel
    }?()
  }
}
