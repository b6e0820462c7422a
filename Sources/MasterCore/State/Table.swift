import MesosModel

/// Values by key that stay in their place while they are read and changed.
///
/// A dictionary moves a value out to have a field of it changed through an optional, and counts all references in it once more to put it
/// back; with values as large as the master's that would take longer than the events themselves. The values lie in chunks, so that a
/// table which grows does not move what it has.
struct Table<Key: Hashable & Sendable, Value: Sendable>: Sendable {
  private var places = PlaceIndex<Key>()
  private var chunks: ContiguousArray<ContiguousArray<Value?>> = []
  private var free: [Int] = []
  private static var shift: Int { 9 }
  private static var mask: Int { 1 << shift - 1 }

  init() {}

  var count: Int { places.count }
  var isEmpty: Bool { places.isEmpty }
  /// In no order that means anything, as in a dictionary.
  var keys: some Sequence<Key> { places.keys }
  var values: some Collection<Value> { chunks.lazy.flatMap { $0.lazy.compactMap { $0 } } }

  func contains(_ key: Key) -> Bool { places[key] != nil }

  /// Where a key's value lies until it is removed: found once, it is reached without its key.
  func place(of key: Key) -> Int? { places[key] }

  /// The value at a place.
  subscript(place place: Int) -> Value? {
    @inline(__always) _read { yield chunks[place >> Self.shift][place & Self.mask] }
    @inline(__always) _modify {
      yield &chunks[place >> Self.shift][place & Self.mask]
      precondition(chunks[place >> Self.shift][place & Self.mask] != nil, "a value is removed by its key")
    }
  }

  subscript(key: Key) -> Value? {
    // Inlined, so that of a value no more than what is asked for is read.
    @inline(__always) _read {
      if let place = places[key] { yield chunks[place >> Self.shift][place & Self.mask] } else { yield nil }
    }
    @inline(__always) _modify {
      if let place = places[key] {
        defer { if case nil = chunks[place >> Self.shift][place & Self.mask] { release(key, place) } }
        yield &chunks[place >> Self.shift][place & Self.mask]
      } else {
        var value: Value?
        defer { if case .some = value { insert(key, &value) } }
        yield &value
      }
    }
  }

  /// Adds a value under a key that has none, which is looked for once.
  mutating func add(_ key: Key, _ value: consuming Value) {
    var value: Value? = consume value
    insert(key, &value)
  }

  mutating func removeValue(forKey key: Key) -> Value? {
    guard let place = places[key] else { return nil }
    let value = chunks[place >> Self.shift][place & Self.mask].take()
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
    let place: Int
    if let hole = free.popLast() {
      place = hole
      chunks[place >> Self.shift][place & Self.mask] = value.take()
    } else {
      if chunks.last.map({ $0.count == Self.mask + 1 }) ?? true {
        chunks.append([])
        // The first one grows as it is needed: most tables are small.
        if chunks.count > 1 { chunks[chunks.count - 1].reserveCapacity(Self.mask + 1) }
      }
      let last = chunks.count - 1
      place = last << Self.shift + chunks[last].count
      chunks[last].append(value.take())
    }
    let old = places.update(key, place)
    precondition(old == nil, "a key has one value")
  }

  private mutating func release(_ key: Key, _ place: Int) {
    places.remove(key)
    free.append(place)
  }
}

extension Table: Sequence {
  func makeIterator() -> some IteratorProtocol<(key: Key, value: Value)> {
    places.entries.lazy.compactMap { key, place in
      chunks[place >> Self.shift][place & Self.mask].map { (key: key, value: $0) }
    }.makeIterator()
  }
}
