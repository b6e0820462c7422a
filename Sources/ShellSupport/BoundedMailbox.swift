import Synchronization

/// A bounded queue between one who must never wait and one who may: `send` is refused when full, `next` suspends while empty.
///
/// One reader; several senders. After ``finish()`` the reader still gets what was sent before.
public final class BoundedMailbox<Element: Sendable>: Sendable {
  private struct State {
    var elements: [Element] = []
    /// Index of the first element not yet taken; taken ones are dropped in bulk.
    var head = 0
    var isFinished = false
    var reader: CheckedContinuation<[Element]?, Never>?
  }

  private let state = Mutex(State())
  private let limit: Int

  /// - Parameter limit: The number of elements that may wait at once; at least one.
  public init(limit: Int) {
    precondition(limit > 0, "a mailbox holds at least one element, not \(limit)")
    self.limit = limit
  }

  /// Puts `element` at the end.
  ///
  /// - Returns: Whether there was room; never after ``finish()``.
  @discardableResult
  public func send(_ element: Element) -> Bool {
    let (reader, accepted): (CheckedContinuation<[Element]?, Never>?, Bool) = state.withLock { state in
      if state.isFinished || state.elements.count - state.head >= limit { return (nil, false) }
      if let reader = state.reader {
        state.reader = nil
        return (reader, true)
      }
      state.elements.append(element)
      return (nil, true)
    }
    reader?.resume(returning: [element])
    return accepted
  }

  /// No more will be sent.
  public func finish() {
    let reader = state.withLock { state in
      state.isFinished = true
      defer { state.reader = nil }
      return state.reader
    }
    reader?.resume(returning: nil)
  }

  /// Waits for elements and takes all there are, at least one and at most `maximum`.
  ///
  /// - Returns: `nil` once the mailbox is finished and empty, or the task is cancelled.
  public func next(maximum: Int = 1_024) async -> [Element]? {
    await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        let (ready, result): (Bool, [Element]?) = state.withLock { state in
          precondition(state.reader == nil, "a mailbox has one reader")
          if state.head < state.elements.count {
            let end = min(state.elements.count, state.head + max(1, maximum))
            let taken = Array(state.elements[state.head..<end])
            if end == state.elements.count {
              state.elements.removeAll(keepingCapacity: end <= 4_096)
              state.head = 0
            } else {
              state.head = end
            }
            return (true, taken)
          }
          if state.isFinished || Task.isCancelled { return (true, nil) }
          state.reader = continuation
          return (false, nil)
        }
        if ready { continuation.resume(returning: result) }
      }
    } onCancel: {
      let reader = state.withLock { state in
        defer { state.reader = nil }
        return state.reader
      }
      reader?.resume(returning: nil)
    }
  }
}
