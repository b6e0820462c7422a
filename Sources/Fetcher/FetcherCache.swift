import OrderedCollections

/// What the fetcher's cache holds and what it lets go: a value that decides, without files.
///
/// An entry is one URI of one user. It is made by the first who asks, and all who ask meanwhile wait for the same download. Room is
/// reserved before a download begins; to make it, entries that nobody uses go, the one first that was asked for longest ago.
///
/// - Source: Apache Mesos, *Fetcher Cache Internals*.
public struct FetcherCache: Sendable {
  public struct Key: Hashable, Sendable {
    public var user: String?
    public var uri: String

    public init(user: String?, uri: String) {
      self.user = user
      self.uri = uri
    }
  }

  /// What whoever asks for a key must do.
  public enum Claim: Hashable, Sendable {
    /// Read this file.
    case ready(file: String)
    /// Wait for the download of another.
    case wait
    /// Download to this file: ``reserve(_:bytes:)``, then ``finish(_:bytes:)``, or ``fail(_:)``.
    case download(file: String)
  }

  private struct Entry {
    var file: String
    var isReady = false
    var bytes: Int64 = 0
    var users = 1
  }

  /// In bytes.
  public let capacity: Int64
  /// What downloads have reserved and files take, in bytes; never more than ``capacity``.
  public private(set) var used: Int64 = 0
  /// The one asked for longest ago first.
  private var entries: OrderedDictionary<Key, Entry> = [:]
  private var lastFile = 0

  /// - Parameter capacity: In bytes.
  public init(capacity: Int64) { self.capacity = max(0, capacity) }

  public var count: Int { entries.count }

  /// Asks for a key. Each claim is given back with ``release(_:)``, but after ``fail(_:)``.
  public mutating func claim(_ key: Key, basename: String) -> Claim {
    if var entry = entries.removeValue(forKey: key) {
      entry.users += 1
      entries[key] = entry
      return entry.isReady ? .ready(file: entry.file) : .wait
    }
    lastFile += 1
    let entry = Entry(file: "c\(lastFile)-\(Self.shortened(basename))")
    entries[key] = entry
    return .download(file: entry.file)
  }

  /// The file of an entry whose download has ended well.
  public func file(of key: Key) -> String? {
    guard let entry = entries[key], entry.isReady else { return nil }
    return entry.file
  }

  public mutating func release(_ key: Key) {
    guard let users = entries[key]?.users else { return }
    entries[key]?.users = max(0, users - 1)
  }

  /// Makes room for a download.
  ///
  /// - Returns: The entries that went, with their files, which are to be removed.
  /// - Throws: `FetcherError` with code `.cacheFull` when too much is in use; then all is as before.
  public mutating func reserve(_ key: Key, bytes: Int64) throws(FetcherError) -> [(key: Key, file: String)] {
    guard bytes >= 0, bytes <= capacity else { throw Self.full }
    var victims: [(key: Key, file: String)] = []
    var room = capacity - used
    for (other, entry) in entries where room < bytes && entry.users == 0 && entry.isReady {
      victims.append((other, entry.file))
      room += entry.bytes
    }
    guard room >= bytes else { throw Self.full }
    for victim in victims { drop(victim.key) }
    entries[key]?.bytes += bytes
    used += bytes
    return victims
  }

  /// The download has ended well with so many bytes, no more than were reserved.
  public mutating func finish(_ key: Key, bytes: Int64) {
    guard let entry = entries[key], !entry.isReady else { return }
    let kept = min(max(0, bytes), entry.bytes)
    used -= entry.bytes - kept
    entries[key]?.bytes = kept
    entries[key]?.isReady = true
  }

  /// The download has failed, or its file is gone: the entry goes, too, and with it all claims on it.
  public mutating func fail(_ key: Key) { drop(key) }

  private mutating func drop(_ key: Key) {
    guard let entry = entries.removeValue(forKey: key) else { return }
    used -= entry.bytes
  }

  private static let full = FetcherError(.cacheFull, "Could not free up enough fetcher cache space")

  /// Long names are cut in the middle: their ends tell what they are.
  private static func shortened(_ name: String) -> String {
    name.utf8.count > 20 ? "\(name.prefix(10))_\(name.suffix(10))" : name
  }

  /// What always holds; for tests.
  public func checkInvariants() -> Bool {
    used == entries.values.reduce(0) { $0 + $1.bytes } && (0...capacity).contains(used)
      && entries.values.allSatisfy { $0.users >= 0 && $0.bytes >= 0 }
  }
}
