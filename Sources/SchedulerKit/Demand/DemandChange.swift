public import DemandCore
public import SchedulerCore

/// What a reader of ``DemandScheduler/changes`` is told.
public enum DemandChange: Hashable, Sendable {
  /// Something happened to a demand or an instance.
  case demand(DemandNotice)
  /// An update of the scheduler that is not about demands: of the connection, a message, an operation, an error, a notice.
  case scheduler(SchedulerUpdate)
  /// The reader was too slow: so many changes are missing here. What is true now is in ``DemandScheduler/statuses``.
  case missed(Int)
}

/// The readers of changes, each with a buffer of its own.
struct ChangeReaders: Sendable {
  private struct Reader: Sendable {
    var continuation: AsyncStream<DemandChange>.Continuation
    var missed = 0
  }

  private var readers: [Int: Reader] = [:]
  private var last = 0
  private var isOver = false

  /// - Returns: A number to remove the reader by; `nil` when nothing follows.
  mutating func add(_ continuation: AsyncStream<DemandChange>.Continuation) -> Int? {
    guard !isOver else { return nil }
    last += 1
    readers[last] = Reader(continuation: continuation)
    return last
  }

  mutating func remove(_ number: Int) { readers[number] = nil }

  mutating func tell(_ change: DemandChange) {
    for number in readers.keys.sorted() {
      guard var reader = readers[number] else { continue }
      if reader.missed > 0 {
        if case .dropped = reader.continuation.yield(.missed(reader.missed)) {
          reader.missed += 1
          readers[number] = reader
          continue
        }
        reader.missed = 0
      }
      if case .dropped = reader.continuation.yield(change) { reader.missed += 1 }
      readers[number] = reader
    }
  }

  /// Nothing follows.
  ///
  /// - Returns: The streams to finish; not under a lock that the end of a reader takes.
  mutating func finish() -> [AsyncStream<DemandChange>.Continuation] {
    isOver = true
    defer { readers = [:] }
    return readers.sorted { $0.key < $1.key }.map(\.value.continuation)
  }
}
