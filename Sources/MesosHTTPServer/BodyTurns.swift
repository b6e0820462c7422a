import DequeModule
import Synchronization

/// Who may hand a piece of a large body to its connection, one at a time, first come first served.
///
/// A body of a hundred megabytes is written in pieces, and so many readers would otherwise keep every thread of the connections busy, and each
/// small request would wait behind a piece of each of them. With turns the large bodies together have at most one thread. While small
/// requests come, they have less: each piece is followed by a pause as long as the piece took, some times over.
///
/// A turn is never held while a client takes nothing: who takes one has seen that its connection can be written to.
final class BodyTurns: Sendable {
  private struct State {
    var isTaken = false
    var waiting: Deque<CheckedContinuation<Void, Never>> = []
  }

  private let state = Mutex(State())
  private let requests = Atomic<UInt64>(0)
  /// How much longer than a piece the pause after it is, while small requests come.
  private static let pauses = 2
  /// The longest pause: a reader is slowed down, not stopped.
  private static let pauseMax = Duration.milliseconds(5)

  /// Notes a request, whatever it asks for.
  func noteRequest() { requests.add(1, ordering: .relaxed) }

  /// Runs `write` in a turn of its own.
  func pass(_ write: () async throws -> Void) async throws {
    await take()
    defer { give() }
    let before = requests.load(ordering: .relaxed)
    let begin = ContinuousClock.now
    try await write()
    guard requests.load(ordering: .relaxed) != before else { return }
    // In the turn, so that nobody else writes meanwhile.
    try await Task.sleep(for: min((ContinuousClock.now - begin) * Self.pauses, Self.pauseMax))
  }

  private func take() async {
    await withCheckedContinuation { continuation in
      let resumesNow = state.withLock { state in
        guard state.isTaken else {
          state.isTaken = true
          return true
        }
        state.waiting.append(continuation)
        return false
      }
      if resumesNow { continuation.resume() }
    }
  }

  private func give() {
    let next = state.withLock { state in
      let next = state.waiting.popFirst()
      state.isTaken = next != nil
      return next
    }
    next?.resume()
  }
}
