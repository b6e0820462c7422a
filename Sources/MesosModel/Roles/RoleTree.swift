/// Values of roles, in the tree that the names of roles make: `eng/web` lies below `eng`.
///
/// A role is in the tree when it has a value, or when one below it has (it is *implied* then). Iteration order is that of the tree:
/// each role before those below it, siblings in ascending order; see ``RoleName/precedes(_:_:)``.
///
/// ```swift
/// var tree: RoleTree<Int> = [:]
/// tree["eng/web"] = 1
/// tree["eng-ops"] = 2
/// tree.children(of: nil)     // ["eng", "eng-ops"]
/// tree.children(of: "eng")   // ["eng/web"]
/// tree["eng"]                // nil: implied, without a value
/// ```
///
/// - Complexity: Setting and reading O(*d*) look-ups for a role of *d* components; siblings are kept sorted.
public struct RoleTree<Value: Sendable>: Sendable {
  private struct Node: Sendable {
    var value: Value?
    /// The last components of the roles just below, in ascending order.
    var children: [String] = []
  }

  private var nodes: [String: Node] = [:]
  private var top: [String] = []
  /// How many roles have a value.
  public private(set) var count = 0

  /// A tree of no roles.
  public init() {}

  /// Whether no role has a value.
  public var isEmpty: Bool { count == 0 }

  /// The value of `role`; setting nil removes it, and with it the roles above that were only implied.
  public subscript(role: String) -> Value? {
    get { nodes[role]?.value }
    set {
      if let newValue { insert(newValue, for: role) } else { remove(role) }
    }
  }

  /// The value of `role` as it is changed in place, `initial` when it has none.
  public subscript(role: String, default initial: @autoclosure () -> Value) -> Value {
    get { nodes[role]?.value ?? initial() }
    _modify {
      if nodes[role]?.value == nil { insert(initial(), for: role) }
      var value = nodes[role]?.value ?? initial()
      nodes[role]?.value = nil
      defer { nodes[role]?.value = value }
      yield &value
    }
  }

  /// Whether `role` has a value or is implied.
  public func contains(_ role: String) -> Bool { nodes[role] != nil }

  /// The roles just below `role`, or those at the top for nil, in ascending order; also implied ones.
  public func children(of role: String?) -> [String] {
    guard let role else { return top }
    return nodes[role]?.children.map { role + "/" + $0 } ?? []
  }

  /// The roles with values in the order of the tree, from `root` down, or all of them for nil.
  public func entries(under root: String? = nil) -> [(role: String, value: Value)] {
    var entries: [(role: String, value: Value)] = []
    visit(root) { role, value in if let value { entries.append((role, value)) } }
    return entries
  }

  /// All roles in the order of the tree, implied ones too, from `root` down, or from the top for nil.
  public func roles(under root: String? = nil) -> [String] {
    var roles: [String] = []
    visit(root) { role, _ in roles.append(role) }
    return roles
  }

  /// The roles above `role` that have values, the nearest first.
  public func ancestors(of role: String) -> [(role: String, value: Value)] {
    RoleName.ancestors(of: role).compactMap { ancestor in self[ancestor].map { (ancestor, $0) } }
  }

  /// Removes the value of `role`, and with it the roles above that were only implied; what lies below stays.
  /// - Returns: The value, nil when there was none.
  @discardableResult
  public mutating func remove(_ role: String) -> Value? {
    guard let value = nodes[role]?.value else { return nil }
    nodes[role]?.value = nil
    count -= 1
    var current = role
    while let node = nodes[current], node.value == nil, node.children.isEmpty {
      nodes[current] = nil
      let name = RoleName.basename(of: current)
      guard let parent = RoleName.parent(of: current) else {
        RoleTree.remove(name, from: &top)
        break
      }
      RoleTree.remove(name, from: &nodes[parent, default: Node()].children)
      current = parent
    }
    return value
  }

  private mutating func insert(_ value: Value, for role: String) {
    if let node = nodes[role] {
      if node.value == nil { count += 1 }
      nodes[role]?.value = value
      return
    }
    count += 1
    nodes[role] = Node(value: value)
    var current = role
    while true {
      let name = RoleName.basename(of: current)
      guard let parent = RoleName.parent(of: current) else { return RoleTree.insert(name, into: &top) }
      let isNew = nodes[parent] == nil
      RoleTree.insert(name, into: &nodes[parent, default: Node()].children)
      guard isNew else { return }
      current = parent
    }
  }

  private func visit(_ root: String?, _ body: (String, Value?) -> Void) {
    var pending: [String]
    if let root { pending = nodes[root] == nil ? [] : [root] } else { pending = top.reversed() }
    while let role = pending.popLast() {
      guard let node = nodes[role] else { continue }
      body(role, node.value)
      for child in node.children.reversed() { pending.append(role + "/" + child) }
    }
  }

  private static func insert(_ name: String, into names: inout [String]) {
    let index = position(of: name, in: names)
    guard index == names.count || names[index] != name else { return }
    names.insert(name, at: index)
  }

  private static func remove(_ name: String, from names: inout [String]) {
    let index = position(of: name, in: names)
    if index < names.count, names[index] == name { names.remove(at: index) }
  }

  private static func position(of name: String, in names: [String]) -> Int {
    var (low, high) = (0, names.count)
    while low < high {
      let middle = (low + high) / 2
      if names[middle] < name { low = middle + 1 } else { high = middle }
    }
    return low
  }
}

extension RoleTree: ExpressibleByDictionaryLiteral {
  /// The given values; of two for one role the last holds.
  public init(dictionaryLiteral elements: (String, Value)...) {
    self.init()
    for (role, value) in elements { self[role] = value }
  }
}

extension RoleTree: Equatable where Value: Equatable {
  /// Whether the same roles have the same values.
  public static func == (left: RoleTree, right: RoleTree) -> Bool {
    left.count == right.count && left.nodes.allSatisfy { role, node in node.value == nil || right[role] == node.value }
  }
}

extension RoleTree: Hashable where Value: Hashable {
  /// Feeds the roles that have values.
  public func hash(into hasher: inout Hasher) {
    for (role, value) in entries() {
      hasher.combine(role)
      hasher.combine(value)
    }
  }
}
