import Synchronization

/// Tells those who answer a connection's requests what its pipeline has seen of the client.
///
/// A streaming answer waits beside its writer until the client is gone; the reader of a body asks at its end whether that
/// was the end of the request or of the connection.
final class ConnectionMonitor: Sendable {
  private struct State {
    var isClosed = false
    var begun = 0
    var received = 0
    var nextWaiter = 0
    var waiters: [Int: CheckedContinuation<Void, Never>] = [:]
    var isWritable = true
    /// Whoever waits for room in the connection's buffer.
    var writers: [CheckedContinuation<Void, Never>] = []
  }

  private let state = Mutex(State())

  /// The number of the request that is answered next, from 1.
  func beginRequest() -> Int {
    state.withLock { state in
      state.begun += 1
      return state.begun
    }
  }

  func noteRequestReceived() { state.withLock { $0.received += 1 } }

  /// Whether all of request `number` arrived.
  func hasReceived(request number: Int) -> Bool { state.withLock { $0.received >= number } }

  /// Whether the connection's buffer has room, that is, the client takes what is written.
  func noteWritability(_ isWritable: Bool) {
    let writers = state.withLock { state in
      state.isWritable = isWritable
      guard isWritable else { return [CheckedContinuation<Void, Never>]() }
      defer { state.writers = [] }
      return state.writers
    }
    for writer in writers { writer.resume() }
  }

  /// Returns when the connection's buffer has room, or the connection is over: then the next write fails.
  func waitForRoom() async {
    await withCheckedContinuation { continuation in
      let resumesNow = state.withLock { state in
        if state.isWritable { return true }
        state.writers.append(continuation)
        return false
      }
      if resumesNow { continuation.resume() }
    }
  }

  func noteInputClosed() {
    let waiters = state.withLock { state in
      state.isClosed = true
      defer { state.waiters = [:] }
      return state.waiters
    }
    for waiter in waiters.values { waiter.resume() }
  }

  /// Returns when the client has closed its side, or the task is cancelled.
  func waitForInputClosed() async {
    let number = state.withLock { state in
      state.nextWaiter += 1
      return state.nextWaiter
    }
    await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        let resumesNow = state.withLock { state in
          // The cancellation handler may have run before this: it leaves a mark by the task itself.
          if state.isClosed || Task.isCancelled { return true }
          state.waiters[number] = continuation
          return false
        }
        if resumesNow { continuation.resume() }
      }
    } onCancel: {
      state.withLock { $0.waiters.removeValue(forKey: number) }?.resume()
    }
  }
}
