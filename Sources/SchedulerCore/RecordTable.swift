import DequeModule

/// Records by key: those that are active, all of them up to a bound, and the last ones that ended.
struct RecordTable<Key: Hashable & Comparable & Sendable, Entry: Sendable>: Sendable {
  private(set) var active: [Key: Entry] = [:]
  private(set) var ended: [Key: Entry] = [:]
  private var endedOrder: Deque<Key> = []
  private let activeMax: Int
  private let endedMax: Int

  init(activeMax: Int, endedMax: Int) {
    self.activeMax = activeMax
    self.endedMax = endedMax
  }

  var hasRoom: Bool { active.count < activeMax }
  func hasRoom(for count: Int) -> Bool { active.count + count <= activeMax }
  subscript(id: Key) -> Entry? { active[id] ?? ended[id] }

  /// The keys of the active records, sorted.
  var activeKeys: [Key] { active.keys.sorted() }

  /// Puts a record among the active ones; false when there is no room.
  mutating func insert(_ id: Key, _ entry: Entry) -> Bool {
    if active.updateValue(entry, forKey: id) != nil { return true }
    guard active.count <= activeMax else {
      active[id] = nil
      return false
    }
    if !ended.isEmpty, ended.removeValue(forKey: id) != nil { endedOrder.removeAll { $0 == id } }
    return true
  }

  mutating func update(_ id: Key, _ change: (inout Entry) -> Void) {
    if !Self.change(&active[id], change) { Self.change(&ended[id], change) }
  }

  /// False when there is nothing to change.
  @discardableResult
  private static func change(_ slot: inout Entry?, _ change: (inout Entry) -> Void) -> Bool {
    guard var entry = slot else { return false }
    slot = nil
    change(&entry)
    slot = entry
    return true
  }

  /// Moves a record, known before or not, to the ended ones.
  mutating func end(_ id: Key, _ entry: Entry) {
    active[id] = nil
    if ended.updateValue(entry, forKey: id) == nil { endedOrder.append(id) }
    while ended.count > endedMax, let oldest = endedOrder.popFirst() { ended[oldest] = nil }
  }

  /// Forgets an active record that never was.
  mutating func remove(_ id: Key) { active[id] = nil }

  mutating func removeAll() {
    active = [:]
    ended = [:]
    endedOrder = []
  }

  /// - Parameter name: What a record is.
  func brokenInvariant(_ name: String) -> String? {
    if active.count > activeMax {
      return "\(active.count) records of a \(name) are active, at most \(activeMax) may be"
    }
    if ended.count > endedMax {
      return "\(ended.count) ended records of a \(name) are kept, at most \(endedMax) may be"
    }
    if endedOrder.count != ended.count { return "\(endedOrder.count) of \(ended.count) ended records have an order" }
    return active.keys.filter { ended[$0] != nil }.min().map { "The \(name) \($0) is active and ended" }
  }
}
