import Synchronization

/// Passes chunks from the task that receives them to the one that reads them, a bounded number of bytes ahead.
final class Handoff: Sendable {
  private struct State {
    var chunks: [[UInt8]] = []
    var bytes = 0
    /// Set once nothing more comes: `.success` at the end of the body.
    var end: Result<Void, HTTPClientError>?
    var reader: CheckedContinuation<Result<[UInt8]?, HTTPClientError>, Never>?
    var writer: CheckedContinuation<Void, Never>?
  }

  private let bytesMax: Int
  private let state = Mutex(State())

  init(bytesMax: Int) { self.bytesMax = bytesMax }

  /// Hands `chunk` over; returns when there is room for another, `false` when nobody will read.
  func push(_ chunk: [UInt8]) async -> Bool {
    let (reader, isFull, isOpen) = state.withLock {
      state -> (CheckedContinuation<Result<[UInt8]?, HTTPClientError>, Never>?, Bool, Bool) in
      guard state.end == nil else { return (nil, false, false) }
      if let reader = state.reader {
        state.reader = nil
        return (reader, false, true)
      }
      state.chunks.append(chunk)
      state.bytes += chunk.count
      return (nil, state.bytes >= bytesMax, true)
    }
    reader?.resume(returning: .success(chunk))
    if isFull {
      await withCheckedContinuation { continuation in
        let resumesNow = state.withLock { state in
          guard state.end == nil, state.bytes >= bytesMax else { return true }
          state.writer = continuation
          return false
        }
        if resumesNow { continuation.resume() }
      }
    }
    return isOpen
  }

  /// Nothing more comes; what was handed over can still be read.
  func finish(_ end: Result<Void, HTTPClientError>) {
    let (reader, writer) = state.withLock { state in
      defer {
        state.reader = nil
        state.writer = nil
      }
      if state.end == nil { state.end = end }
      return (state.reader, state.writer)
    }
    writer?.resume()
    switch end {
    case .success: reader?.resume(returning: .success(nil))
    case .failure(let error): reader?.resume(returning: .failure(error))
    }
  }

  /// Nobody reads any more: what was handed over is dropped.
  func abandon(_ error: HTTPClientError) {
    state.withLock { state in
      state.chunks = []
      state.bytes = 0
    }
    finish(.failure(error))
  }

  /// Returns the next chunk, `nil` at the end of the body. One task reads at a time.
  func next() async -> Result<[UInt8]?, HTTPClientError> {
    await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        let (answer, writer) = state.withLock {
          state -> (Result<[UInt8]?, HTTPClientError>?, CheckedContinuation<Void, Never>?) in
          if !state.chunks.isEmpty {
            let chunk = state.chunks.removeFirst()
            state.bytes -= chunk.count
            guard state.bytes < bytesMax else { return (.success(chunk), nil) }
            defer { state.writer = nil }
            return (.success(chunk), state.writer)
          }
          if let end = state.end { return (end.map { nil }, nil) }
          if Task.isCancelled { return (.failure(.cancelled), nil) }
          if state.reader != nil {
            return (
              .failure(HTTPClientError(code: .invalidRequest, message: "the stream is being read by two tasks")), nil
            )
          }
          state.reader = continuation
          return (nil, nil)
        }
        writer?.resume()
        if let answer { continuation.resume(returning: answer) }
      }
    } onCancel: {
      let reader = state.withLock { state in
        defer { state.reader = nil }
        return state.reader
      }
      reader?.resume(returning: .failure(.cancelled))
    }
  }
}

extension HTTPClientError {
  static let cancelled = HTTPClientError(code: .cancelled, message: "the request was cancelled")
}
