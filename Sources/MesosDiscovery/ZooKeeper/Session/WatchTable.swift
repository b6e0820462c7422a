/// What a watch waits for.
package enum WatchKind: Hashable, Comparable, Sendable {
  /// The data of a node, and its end.
  case data
  /// The creation of a node that was missing.
  case existence
  /// The names of a node's children, and its end.
  case children
}

/// The watches that a server holds for the session, and those who wait for each.
struct WatchTable: Hashable, Sendable {
  private struct Key: Hashable, Comparable, Sendable {
    var kind: WatchKind
    var path: String

    static func < (left: Self, right: Self) -> Bool { (left.kind, left.path) < (right.kind, right.path) }
  }

  private var tokens: [Key: [WatchToken]] = [:]
  private var keys: [WatchToken: Key] = [:]

  var count: Int { keys.count }

  mutating func add(_ token: WatchToken, kind: WatchKind, at path: String) {
    let key = Key(kind: kind, path: path)
    tokens[key, default: []].append(token)
    keys[token] = key
  }

  mutating func remove(_ token: WatchToken) {
    guard let key = keys.removeValue(forKey: token) else { return }
    tokens[key]?.removeAll { $0 == token }
    if tokens[key]?.isEmpty == true { tokens[key] = nil }
  }

  /// Takes out those who waited for what happened at the path; they are told once.
  mutating func fired(_ kind: ZooKeeperEvent.Kind, at path: String) -> [WatchToken] {
    let kinds: [WatchKind] =
      switch kind {
      case .created, .dataChanged: [.data, .existence]
      case .deleted: [.data, .existence, .children]
      case .childrenChanged: [.children]
      }
    let fired = kinds.flatMap { tokens.removeValue(forKey: Key(kind: $0, path: path)) ?? [] }.sorted()
    for token in fired { keys[token] = nil }
    return fired
  }

  mutating func removeAll() -> [WatchToken] {
    defer { self = WatchTable() }
    return keys.keys.sorted()
  }

  /// The records that set all watches again as of a change: what happened since then fires at once.
  func framesToSetAgain(since zxid: Int64, bytesMax: Int) -> [[UInt8]] {
    var frames: [[UInt8]] = []
    var paths: [WatchKind: [String]] = [:]
    var bytes = 0
    func frame() -> [UInt8] {
      Frames.setWatches(
        since: zxid, data: paths[.data] ?? [], exists: paths[.existence] ?? [], children: paths[.children] ?? [])
    }
    for key in tokens.keys.sorted() {
      if bytes > 0, bytes + key.path.utf8.count > bytesMax {
        frames.append(frame())
        paths = [:]
        bytes = 0
      }
      paths[key.kind, default: []].append(key.path)
      bytes += key.path.utf8.count + 4
    }
    if bytes > 0 { frames.append(frame()) }
    return frames
  }
}
