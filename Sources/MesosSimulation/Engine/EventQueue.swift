import HeapModule

/// What is to happen, earliest first; what was put in first among equals.
struct EventQueue: Sendable {
  private struct Key: Comparable, Sendable {
    var at: Int64
    var order: UInt64
    var slot: Int

    static func < (left: Self, right: Self) -> Bool { (left.at, left.order) < (right.at, right.order) }
    static func == (left: Self, right: Self) -> Bool { left.order == right.order }
  }

  private var heap: Heap<Key> = []
  // The occurrences stay where they are while their small keys move about in the heap.
  private var slots: [Occurrence?] = []
  private var free: [Int] = []
  private var order: UInt64 = 0

  var count: Int { heap.count }

  /// When the next occurrence is due, in nanoseconds of the simulation.
  var next: Int64? { heap.min?.at }

  mutating func insert(_ occurrence: Occurrence, at: Int64) {
    order += 1
    let slot: Int
    if let reused = free.popLast() {
      slots[reused] = occurrence
      slot = reused
    } else {
      slot = slots.count
      slots.append(occurrence)
    }
    heap.insert(Key(at: at, order: order, slot: slot))
  }

  mutating func popFirst() -> (at: Int64, occurrence: Occurrence)? {
    guard let key = heap.popMin(), let occurrence = slots[key.slot] else { return nil }
    slots[key.slot] = nil
    free.append(key.slot)
    return (key.at, occurrence)
  }
}
