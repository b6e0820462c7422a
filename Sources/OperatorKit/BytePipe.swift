import DequeModule
import Synchronization

/// Passes chunks from tasks that have them to one that takes them, a bounded number of bytes ahead.
final class BytePipe: Sendable {
  private struct State {
    var chunks: Deque<[UInt8]> = []
    var bytes = 0
    /// Set once nothing more comes.
    var end: Result<Void, OperatorError>?
    var reader: CheckedContinuation<Void, Never>?
    var writers: [Int: CheckedContinuation<Void, Never>] = [:]
    var lastWriter = 0
    var isDiscarding = false

    mutating func takeWriters() -> [CheckedContinuation<Void, Never>] {
      defer { writers = [:] }
      return writers.sorted { $0.key < $1.key }.map(\.value)
    }
  }

  private let bytesMax: Int
  private let state = Mutex(State())

  init(bytesMax: Int) { self.bytesMax = max(1, bytesMax) }

  /// Hands `chunk` over, once there is room for it; one is taken whatever its size when none waits.
  ///
  /// - Throws: How the pipe ended; `.ended` when it did so in order, `.cancelled`.
  func push(_ chunk: [UInt8]) async throws(OperatorError) {
    while true {
      enum Step { case done, wait, failed(OperatorError) }
      let (step, reader) = state.withLock { state -> (Step, CheckedContinuation<Void, Never>?) in
        switch state.end {
        case .failure(let error): return (.failed(error), nil)
        case .success: return (.failed(OperatorError(.ended, "Nothing more is taken")), nil)
        case nil: break
        }
        if state.isDiscarding { return (.done, nil) }
        guard state.chunks.isEmpty || state.bytes + chunk.count <= bytesMax else { return (.wait, nil) }
        state.chunks.append(chunk)
        state.bytes += chunk.count
        defer { state.reader = nil }
        return (.done, state.reader)
      }
      reader?.resume()
      switch step {
      case .done:
        // One that writes without end shares its thread.
        return await Task.yield()
      case .failed(let error): throw error
      case .wait:
        if Task.isCancelled { throw cancelledError("Writing") }
        await waitForRoom(for: chunk.count)
      }
    }
  }

  private func waitForRoom(for count: Int) async {
    let id = state.withLock { state in
      state.lastWriter += 1
      return state.lastWriter
    }
    await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        let resumesNow = state.withLock { state in
          guard state.end == nil, !state.isDiscarding, !Task.isCancelled, !state.chunks.isEmpty,
            state.bytes + count > bytesMax
          else { return true }
          state.writers[id] = continuation
          return false
        }
        if resumesNow { continuation.resume() }
      }
    } onCancel: {
      state.withLock { $0.writers.removeValue(forKey: id) }?.resume()
    }
  }

  /// The next chunk; `nil` at an end in order.
  func next() async throws(OperatorError) -> [UInt8]? {
    while true {
      enum Step { case chunk([UInt8]), end(Result<Void, OperatorError>), wait }
      let (step, writers) = state.withLock { state -> (Step, [CheckedContinuation<Void, Never>]) in
        if let chunk = state.chunks.popFirst() {
          state.bytes -= chunk.count
          return (.chunk(chunk), state.takeWriters())
        }
        return (state.end.map { .end($0) } ?? .wait, [])
      }
      for writer in writers { writer.resume() }
      switch step {
      case .chunk(let chunk): return chunk
      case .end(let result):
        try result.get()
        return nil
      case .wait:
        if Task.isCancelled { throw cancelledError("Reading") }
        try await waitForChunk()
      }
    }
  }

  private func waitForChunk() async throws(OperatorError) {
    let isSecond = await withTaskCancellationHandler {
      await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
        let resumesNow = state.withLock { state in
          guard state.chunks.isEmpty, state.end == nil, !Task.isCancelled, state.reader == nil else { return true }
          state.reader = continuation
          return false
        }
        if resumesNow { continuation.resume() }
      }
      return state.withLock { $0.chunks.isEmpty && $0.end == nil && $0.reader != nil }
    } onCancel: {
      state.withLock { state in
        defer { state.reader = nil }
        return state.reader
      }?.resume()
    }
    if isSecond { throw OperatorError(.invalidRequest, "Two tasks read one stream") }
  }

  /// What comes from now on, and what waits, is dropped.
  func discard() {
    let writers = state.withLock { state in
      state.isDiscarding = true
      state.chunks = []
      state.bytes = 0
      return state.takeWriters()
    }
    for writer in writers { writer.resume() }
  }

  /// Nothing more comes; what was handed over can still be read. Only the first end counts.
  func finish(_ end: Result<Void, OperatorError>) {
    let (reader, writers) = state.withLock {
      state -> (CheckedContinuation<Void, Never>?, [CheckedContinuation<Void, Never>]) in
      if state.end == nil { state.end = end }
      defer { state.reader = nil }
      return (state.reader, state.takeWriters())
    }
    reader?.resume()
    for writer in writers { writer.resume() }
  }
}
