/// A set of named things that an agent has, in ascending order of their names.
public struct ResourceSet: Hashable, Sendable {
  /// The items in ascending order, each once.
  public private(set) var items: [String]

  /// No items.
  public init() { items = [] }

  /// The items of a sequence in any order; repetitions count once.
  public init(_ items: some Sequence<String>) {
    var unique: [String] = []
    for item in items.sorted() where item != unique.last { unique.append(item) }
    self.items = unique
  }

  /// Whether there are no items.
  public var isEmpty: Bool { items.isEmpty }

  /// Whether `item` is among the items.
  /// - Complexity: O(log *n*) in the number of items.
  public func contains(_ item: String) -> Bool {
    var (low, high) = (0, items.count)
    while low < high {
      let middle = (low + high) / 2
      if items[middle] < item { low = middle + 1 } else { high = middle }
    }
    return low < items.count && items[low] == item
  }

  /// Whether every item of `other` is among the items.
  public func contains(_ other: ResourceSet) -> Bool { other.items.allSatisfy(contains) }

  /// Adds the items of the right side; those already there count once.
  public static func += (left: inout ResourceSet, right: ResourceSet) {
    if left.contains(right) { return }
    left = left.isEmpty ? right : ResourceSet(left.items + right.items)
  }

  /// Takes away the items of the right side; those that are not there are ignored.
  public static func -= (left: inout ResourceSet, right: ResourceSet) {
    guard !right.isEmpty else { return }
    left.items.removeAll { right.contains($0) }
  }
}

extension ResourceSet: CustomStringConvertible {
  /// The items as Apache Mesos prints them: `{a, b}`.
  public var description: String { "{" + items.joined(separator: ", ") + "}" }
}
