import DequeModule
import Synchronization

/// Tells any number of readers what changes: each sees the last value first and then all that follow.
///
/// A reader that does not read loses the oldest values beyond ``valuesMax``, never the newest. Nothing waits for a reader.
public final class Broadcast<Value: Sendable>: Sendable {
  private struct Reader {
    var values: Deque<Value> = []
    var continuation: CheckedContinuation<Value?, Never>?
  }

  private struct State {
    var last: Value?
    var isFinished = false
    var readers: [UInt64: Reader] = [:]
    var lastReader: UInt64 = 0
  }

  private let state = Mutex(State())
  /// Values kept for one reader.
  public let valuesMax: Int

  public init(valuesMax: Int = 64) { self.valuesMax = max(1, valuesMax) }

  /// The last value, if there was one.
  public var last: Value? { state.withLock { $0.last } }

  /// The values, for a reader of its own each time it is iterated.
  public var changes: Changes<Value> { Changes(broadcast: self) }

  /// Tells all readers. Does nothing after ``finish()``.
  public func send(_ value: Value) {
    let waiting = state.withLock { state -> [CheckedContinuation<Value?, Never>] in
      guard !state.isFinished else { return [] }
      state.last = value
      var waiting: [CheckedContinuation<Value?, Never>] = []
      for key in state.readers.keys {
        if let continuation = state.readers[key]?.continuation {
          state.readers[key]?.continuation = nil
          waiting.append(continuation)
        } else {
          if let count = state.readers[key]?.values.count, count >= valuesMax {
            state.readers[key]?.values.removeFirst()
          }
          state.readers[key]?.values.append(value)
        }
      }
      return waiting
    }
    for continuation in waiting { continuation.resume(returning: value) }
  }

  /// Ends all sequences once their readers have seen what was sent.
  public func finish() {
    let waiting = state.withLock { state -> [CheckedContinuation<Value?, Never>] in
      state.isFinished = true
      return state.readers.keys.compactMap { key in
        defer { state.readers[key]?.continuation = nil }
        return state.readers[key]?.continuation
      }
    }
    for continuation in waiting { continuation.resume(returning: nil) }
  }

  func addReader() -> UInt64 {
    state.withLock { state in
      state.lastReader += 1
      state.readers[state.lastReader] = Reader(values: state.last.map { [$0] } ?? [])
      return state.lastReader
    }
  }

  func removeReader(_ number: UInt64) {
    state.withLock { state -> CheckedContinuation<Value?, Never>? in
      state.readers.removeValue(forKey: number)?.continuation
    }?.resume(returning: nil)
  }

  func next(_ number: UInt64) async -> Value? {
    await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        let (ready, value) = state.withLock { state -> (Bool, Value?) in
          if let value = state.readers[number]?.values.popFirst() { return (true, value) }
          if state.isFinished || Task.isCancelled { return (true, nil) }
          state.readers[number]?.continuation = continuation
          return (false, nil)
        }
        if ready { continuation.resume(returning: value) }
      }
    } onCancel: {
      state.withLock { state -> CheckedContinuation<Value?, Never>? in
        defer { state.readers[number]?.continuation = nil }
        return state.readers[number]?.continuation
      }?.resume(returning: nil)
    }
  }
}

/// The values of a ``Broadcast``: the last one first, then each that follows. It ends with the broadcast or when its task is cancelled.
public struct Changes<Value: Sendable>: AsyncSequence, Sendable {
  public typealias Element = Value
  public typealias Failure = Never

  public struct AsyncIterator: AsyncIteratorProtocol {
    private final class Reader: Sendable {
      let broadcast: Broadcast<Value>
      let number: UInt64

      init(_ broadcast: Broadcast<Value>) {
        self.broadcast = broadcast
        number = broadcast.addReader()
      }

      deinit { broadcast.removeReader(number) }
    }

    private let reader: Reader

    init(_ broadcast: Broadcast<Value>) { reader = Reader(broadcast) }

    public mutating func next() async -> Value? { await reader.broadcast.next(reader.number) }
    public mutating func next(isolation actor: isolated (any Actor)?) async -> Value? {
      await reader.broadcast.next(reader.number)
    }
  }

  let broadcast: Broadcast<Value>

  /// The last value, if there was one.
  public var last: Value? { broadcast.last }

  public func makeAsyncIterator() -> AsyncIterator { AsyncIterator(broadcast) }
}
