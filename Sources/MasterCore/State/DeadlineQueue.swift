import HeapModule

/// Moments at which something is due. What is no longer wanted stays until it is due: whoever takes it out looks whether it still holds.
struct DeadlineQueue<Subject: Sendable>: Sendable {
  private struct Entry: Comparable, Sendable {
    var at: Duration
    var number: UInt64
    var subject: Subject

    static func < (left: Self, right: Self) -> Bool { (left.at, left.number) < (right.at, right.number) }
    static func == (left: Self, right: Self) -> Bool { left.number == right.number }
  }

  private var heap = Heap<Entry>()
  private var last: UInt64 = 0

  var next: Duration? { heap.min?.at }
  var count: Int { heap.count }

  mutating func insert(_ subject: Subject, at: Duration) {
    last += 1
    heap.insert(Entry(at: at, number: last, subject: subject))
  }

  /// Takes out what is due first, if it is due; equal ones in the order in which they came.
  mutating func popDue(at now: Duration) -> Subject? {
    guard let first = heap.min, first.at <= now else { return nil }
    return heap.popMin()?.subject
  }
}
