import DequeModule
import HeapModule
import OrderedCollections

/// When to look at what again: at most one deadline for each subject.
///
/// Entries that were moved or removed stay in the heap until they come up or until they are the greater part of it.
struct Deadlines<Subject: Hashable & Sendable>: Sendable {
  private struct Entry: Comparable, Sendable {
    var at: Duration
    var order: UInt64
    var subject: Subject

    static func < (left: Self, right: Self) -> Bool { (left.at, left.order) < (right.at, right.order) }
    static func == (left: Self, right: Self) -> Bool { left.order == right.order }
  }

  private var heap: Heap<Entry> = []
  private var current: [Subject: UInt64] = [:]
  private var order: UInt64 = 0

  mutating func set(_ subject: Subject, at: Duration) {
    order += 1
    current[subject] = order
    heap.insert(Entry(at: at, order: order, subject: subject))
    if heap.count > 64 + 2 * current.count { rebuild() }
  }

  mutating func remove(_ subject: Subject) {
    current[subject] = nil
    drop()
  }

  func contains(_ subject: Subject) -> Bool { current[subject] != nil }

  /// The earliest deadline.
  var next: Duration? { heap.min?.at }

  /// Takes the earliest deadline that is not after `now`.
  mutating func popDue(_ now: Duration) -> Subject? {
    drop()
    guard let first = heap.min, first.at <= now else { return nil }
    heap.removeMin()
    current[first.subject] = nil
    drop()
    return first.subject
  }

  private mutating func drop() {
    while let first = heap.min, current[first.subject] != first.order { heap.removeMin() }
  }

  private mutating func rebuild() {
    let live = heap.unordered.filter { current[$0.subject] == $0.order }
    heap = Heap(live)
  }
}
