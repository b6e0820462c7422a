import DequeModule

/// The newest entries by key, the oldest of them first; an entry can be taken out early.
struct History<Key: Hashable & Sendable, Value: Sendable>: Sendable {
  private var order: Deque<(key: Key, number: UInt64)> = []
  private var entries: [Key: (number: UInt64, value: Value)] = [:]
  private var last: UInt64 = 0

  var count: Int { entries.count }
  var isEmpty: Bool { entries.isEmpty }
  func contains(_ key: Key) -> Bool { !entries.isEmpty && entries[key] != nil }
  subscript(key: Key) -> Value? { entries[key]?.value }

  /// The keys, oldest first.
  var keys: [Key] { order.filter { entries[$0.key]?.number == $0.number }.map(\.key) }

  /// Adds an entry as the newest and returns those that are beyond `limit`, oldest first.
  mutating func append(_ key: Key, _ value: Value, limit: Int) -> [(key: Key, value: Value)] {
    last += 1
    entries[key] = (last, value)
    order.append((key, last))
    var dropped: [(key: Key, value: Value)] = []
    while entries.count > max(limit, 0), let oldest = order.popFirst() {
      guard let entry = entries[oldest.key], entry.number == oldest.number else { continue }
      entries[oldest.key] = nil
      dropped.append((oldest.key, entry.value))
    }
    // What was taken out early leaves a mark in the order; half of marks is the most there is.
    if order.count > 2 * entries.count + 16 { order.removeAll { entries[$0.key]?.number != $0.number } }
    return dropped
  }

  @discardableResult
  mutating func remove(_ key: Key) -> Value? {
    // Most often there is none, which needs no hash.
    entries.isEmpty ? nil : entries.removeValue(forKey: key)?.value
  }
}
