/// Durable records by key: what a master or an agent must still know after it was killed at any instruction.
///
/// Records are opaque here; who writes them states their format. Every change is a batch that is applied whole or not at all,
/// and that is on disk when ``apply(_:)`` returns. Calls are served one at a time in the order they come in; one caller that
/// collects changes while a batch is being written gets the most out of it.
public protocol StateStorage: Sendable {
  /// Where the records are, for messages to an operator: a file's path, or a word such as `memory`.
  var location: String { get }

  /// Returns every record, sorted by the bytes of its key.
  ///
  /// - Throws: ``StateStorageError`` when what is stored is damaged, foreign or newer than this version understands; nothing is
  ///   ever left out silently.
  func load() async throws(StateStorageError) -> [StoredRecord]

  /// Applies `changes` in order, all or none, durable when it returns.
  ///
  /// - Throws: ``StateStorageError``; then none of `changes` is visible to ``load()``, now or after a restart, except that after
  ///   code ``StateStorageError/Code/ioFailed`` the outcome on disk is unknown and the storage refuses further work.
  func apply(_ changes: [StateChange]) async throws(StateStorageError)

  /// Ends the use of the storage and frees its lock. Calls made later fail with ``StateStorageError/Code/closed``.
  func close() async
}

/// One record: its key, the format its bytes are in, and the bytes.
public struct StoredRecord: Hashable, Sendable {
  /// Unique within a storage; compared byte by byte.
  public var key: String
  /// The version of the format that `bytes` are in, as its writer counts; `0` or more.
  public var formatVersion: Int
  /// The content, opaque to the storage.
  public var bytes: [UInt8]

  public init(key: String, formatVersion: Int, bytes: [UInt8]) {
    self.key = key
    self.formatVersion = formatVersion
    self.bytes = bytes
  }
}

/// One change of a batch.
public enum StateChange: Hashable, Sendable {
  /// Writes a record in place of the one with the same key, if there is one.
  case put(StoredRecord)
  /// Removes the record with this key; no error when there is none.
  case remove(key: String)
}

extension StateStorage {
  /// Returns every record like ``load()``, and refuses a record whose format this program does not read.
  ///
  /// - Parameter formats: The format versions that the caller reads.
  /// - Throws: ``StateStorageError`` with code ``StateStorageError/Code/newerFormat`` for a record above `formats`,
  ///   ``StateStorageError/Code/olderFormat`` for one below.
  public func load(readableFormats formats: ClosedRange<Int>) async throws(StateStorageError) -> [StoredRecord] {
    let records = try await load()
    for record in records where !formats.contains(record.formatVersion) {
      let newer = record.formatVersion > formats.upperBound
      throw StateStorageError(
        newer ? .newerFormat : .olderFormat, location: location,
        "the record '\(record.key.prefix(100))' is in format \(record.formatVersion) and this version reads "
          + "\(formats.lowerBound) to \(formats.upperBound)",
        remedy: newer
          ? "Run the version that wrote it, or a newer one."
          : "Run a version in between first, which brings the record forward.")
    }
    return records
  }
}

extension String {
  /// Whether the bytes of this text come before those of `other`, which is how keys are ordered.
  func precedesByteWise(_ other: String) -> Bool { utf8.lexicographicallyPrecedes(other.utf8) }
}
