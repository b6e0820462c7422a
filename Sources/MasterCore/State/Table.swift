/// Values by key that stay in their place while they are read and changed.
///
/// A dictionary moves a value out to have a field of it changed through an optional, and counts all references in it once more to put it
/// back; with values as large as the master's that would take longer than the events themselves.
struct Table<Key: Hashable & Sendable, Value: Sendable>: Sendable {
  private var places: [Key: Int] = [:]
  private var slots: ContiguousArray<Value?> = []
  private var free: [Int] = []

  init() {}

  var count: Int { places.count }
  var isEmpty: Bool { places.isEmpty }
  /// In no order that means anything, as in a dictionary.
  var keys: Dictionary<Key, Int>.Keys { places.keys }
  var values: some Collection<Value> { slots.lazy.compactMap { $0 } }

  func contains(_ key: Key) -> Bool { places[key] != nil }

  subscript(key: Key) -> Value? {
    // Inlined, so that of a value no more than what is asked for is read.
    @inline(__always) _read {
      if let place = places[key] { yield slots[place] } else { yield nil }
    }
    @inline(__always) _modify {
      if let place = places[key] {
        defer { if case nil = slots[place] { release(key, place) } }
        yield &slots[place]
      } else {
        var value: Value?
        defer { if case .some = value { insert(key, &value) } }
        yield &value
      }
    }
  }

  mutating func removeValue(forKey key: Key) -> Value? {
    guard let place = places[key] else { return nil }
    let value = slots[place].take()
    release(key, place)
    return value
  }

  func mapValues<Result>(_ transform: (Value) -> Result) -> [Key: Result] {
    var results: [Key: Result] = [:]
    results.reserveCapacity(count)
    for (key, value) in self { results[key] = transform(value) }
    return results
  }

  private mutating func insert(_ key: Key, _ value: inout Value?) {
    if let place = free.popLast() {
      slots[place] = value.take()
      places[key] = place
    } else {
      places[key] = slots.count
      slots.append(value.take())
    }
  }

  private mutating func release(_ key: Key, _ place: Int) {
    places[key] = nil
    free.append(place)
  }
}

extension Table: Sequence {
  func makeIterator() -> some IteratorProtocol<(key: Key, value: Value)> {
    places.lazy.compactMap { key, place in slots[place].map { (key: key, value: $0) } }.makeIterator()
  }
}
