/// Where the value of each key lies: a dictionary from keys to numbers that never takes long to grow.
///
/// A dictionary that is full moves all its keys at once, which with half a million of them keeps its owner away for a tenth of a second.
/// This one is many dictionaries once it is large, which grow one at a time.
package struct PlaceIndex<Key: Hashable & Sendable>: Sendable {
  @usableFromInline var parts: [[Key: Int]] = [[:]]
  @usableFromInline var total = 0
  /// A power of two, as is the size from which there are so many.
  @usableFromInline static var partsMax: Int { 128 }
  @usableFromInline static var divideAt: Int { 2_048 }

  @inlinable package init() {}

  @inlinable package var count: Int { total }
  @inlinable package var isEmpty: Bool { total == 0 }

  /// In no order that means anything, as in a dictionary.
  @inlinable package var keys: some Sequence<Key> { parts.lazy.flatMap(\.keys) }
  /// As ``keys``.
  @inlinable package var entries: some Sequence<(key: Key, value: Int)> { parts.lazy.flatMap { $0 } }

  @inlinable package subscript(key: Key) -> Int? { parts[part(of: key)][key] }

  /// Notes where the value of `key` lies.
  ///
  /// - Returns: Where it lay before; `nil` for a key that is new.
  @inlinable
  package mutating func update(_ key: Key, _ place: Int) -> Int? {
    let old = parts[part(of: key)].updateValue(place, forKey: key)
    if old == nil {
      total += 1
      if total == Self.divideAt, parts.count == 1 { divide() }
    }
    return old
  }

  @discardableResult @inlinable
  package mutating func remove(_ key: Key) -> Int? {
    guard let place = parts[part(of: key)].removeValue(forKey: key) else { return nil }
    total -= 1
    return place
  }

  @inlinable @inline(__always)
  func part(of key: Key) -> Int {
    // A dictionary mixes a seed of its own into what it hashes, so that the keys of a part do not crowd.
    parts.count == 1 ? 0 : key.hashValue & (Self.partsMax - 1)
  }

  @usableFromInline
  mutating func divide() {
    let all = parts[0]
    parts = Array(repeating: [:], count: Self.partsMax)
    for (key, place) in all { parts[part(of: key)][key] = place }
  }
}
