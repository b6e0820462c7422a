import Dispatch
import Foundation
import GRDB
import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Records in one SQLite file.
///
/// Each record is a row with its format version and a CRC-64 over key, version and bytes. One more row, the manifest, holds how many records there
/// are and the sum of their checksums, and changes in the same transaction: a record that vanished is found like one that was altered.
///
/// The journal is a write-ahead log with `synchronous=FULL`: a batch costs one append and one fsync, where a rollback journal costs three fsyncs
/// and a change of the folder; the log's own checksums drop a torn tail, which can only be a batch that was never reported as applied.
/// The file is locked (`locking_mode=EXCLUSIVE`) from opening to closing: a second opener, in this process or another, is refused.
///
/// SQLite works on a queue of its own; the callers' threads only wait without blocking. A call once begun runs to its end even if the calling
/// task is cancelled, so "applied or not" never depends on cancellation.
public final class SQLiteStateStorage: StateStorage {
  /// `SwMS`, in the header of every file of ours.
  static let applicationID: Int32 = 0x5377_4D53
  /// The newest layout of tables that this version reads and writes.
  static let schemaVersion = 1

  public let location: String
  private let database: DatabaseQueue
  /// Set by the first failure that leaves the file in doubt; every later call gets it.
  private let failure = Mutex<StateStorageError?>(nil)

  /// Opens the file at `path`, or creates it in a folder that exists.
  ///
  /// - Throws: ``StateStorageError``: `.locked` when it is open elsewhere, `.foreign` when it is something else, `.newerFormat`, `.corrupt`,
  ///   `.readOnly`, `.full`, `.unavailable`. A file that is refused is not changed.
  public convenience init(path: String) async throws(StateStorageError) {
    try await self.init(path: path, pageCountMax: nil)
  }

  /// - Parameter pageCountMax: Most pages of 4096 bytes that the file may have; how a test makes a disk full.
  init(path: String, pageCountMax: Int?) async throws(StateStorageError) {
    location = path
    let opened: Result<DatabaseQueue, StateStorageError> = await withCheckedContinuation { continuation in
      DispatchQueue.global().async {
        continuation.resume(returning: Self.openDatabase(path, pageCountMax: pageCountMax))
      }
    }
    database = try opened.get()
  }

  public func load() async throws(StateStorageError) -> [StoredRecord] {
    try await perform { [location] database in
      let structure = try String.fetchAll(database, sql: "PRAGMA quick_check(1)")
      guard structure == ["ok"] else {
        throw StateStorageError.corrupt(
          location, "its structure is broken (\(structure.first?.prefix(200) ?? "no answer"))")
      }
      let manifest = try Self.manifest(database, location)
      var found = Manifest(count: 0, sum: 0)
      var records: [StoredRecord] = []
      let rows = try Row.fetchCursor(database, sql: "SELECT key, format, checksum, bytes FROM record ORDER BY key")
      while let row = try rows.next() {
        let (record, checksum) = try Self.record(row, location)
        guard record.checksum == checksum else {
          throw StateStorageError.corrupt(
            location, "the checksum of the record '\(record.key.prefix(100))' does not match")
        }
        found.add(checksum)
        records.append(record)
      }
      guard found == manifest else {
        throw StateStorageError.corrupt(
          location,
          "it should hold \(manifest.count) records and holds \(found.count), or one was replaced by an older copy")
      }
      return records.sorted { $0.key.precedesByteWise($1.key) }
    }
  }

  public func apply(_ changes: [StateChange]) async throws(StateStorageError) {
    try await perform { [location] database in
      guard !changes.isEmpty else { return }
      var manifest = try Self.manifest(database, location)
      let find = try database.cachedStatement(sql: "SELECT checksum FROM record WHERE key = ?")
      let put = try database.cachedStatement(
        sql: "INSERT OR REPLACE INTO record (key, format, checksum, bytes) VALUES (?, ?, ?, ?)")
      let remove = try database.cachedStatement(sql: "DELETE FROM record WHERE key = ?")
      for change in changes {
        let key: String =
          switch change {
          case .put(let record): record.key
          case .remove(let key): key
          }
        if let old = try Int64.fetchOne(find, arguments: [key]) { manifest.subtract(UInt64(bitPattern: old)) }
        switch change {
        case .put(let record):
          let checksum = record.checksum
          try put.execute(
            arguments: [key, Int64(record.formatVersion), Int64(bitPattern: checksum), Data(record.bytes)])
          manifest.add(checksum)
        case .remove:
          try remove.execute(arguments: [key])
        }
      }
      try database.execute(
        sql: "UPDATE manifest SET records = ?, sum = ?", arguments: [manifest.count, Int64(bitPattern: manifest.sum)])
    }
  }

  public func close() async {
    failure.withLock { if $0 == nil { $0 = .closed(location) } }
    await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
      DispatchQueue.global().async { [database] in
        // Everything is durable already: a failure here only leaves a log that the next opening replays.
        try? database.close()
        continuation.resume()
      }
    }
  }

  /// Runs `work` in a transaction on SQLite's queue.
  private func perform<T: Sendable>(
    _ work: @escaping @Sendable (Database) throws -> T
  ) async throws(StateStorageError) -> T {
    if let failure = failure.withLock({ $0 }) { throw failure }
    let result: Result<T, any Error> = await withCheckedContinuation { continuation in
      database.asyncWrite(work) { _, result in continuation.resume(returning: result) }
    }
    do {
      return try result.get()
    } catch {
      let error = StateStorageError(error, location)
      // After a failed fsync the system may have dropped the pages: only a new opening shows what is there.
      if error.code == .ioFailed || error.code == .corrupt { failure.withLock { if $0 == nil { $0 = error } } }
      throw error
    }
  }
}

// MARK: - The file

extension SQLiteStateStorage {
  private struct Manifest: Equatable {
    var count: Int
    var sum: UInt64

    mutating func add(_ checksum: UInt64) {
      count += 1
      sum &+= checksum
    }

    mutating func subtract(_ checksum: UInt64) {
      count -= 1
      sum &-= checksum
    }
  }

  private static func manifest(_ database: Database, _ location: String) throws -> Manifest {
    guard let row = try Row.fetchOne(database, sql: "SELECT records, sum FROM manifest"),
      let count = Int.fromDatabaseValue(row[0]), let sum = Int64.fromDatabaseValue(row[1])
    else { throw StateStorageError.corrupt(location, "its manifest is missing") }
    return Manifest(count: count, sum: UInt64(bitPattern: sum))
  }

  private static func record(_ row: Row, _ location: String) throws -> (StoredRecord, checksum: UInt64) {
    // SQLite types each value by itself, so damage can change the type; a lenient conversion would trap or hide it.
    guard let key = String.fromDatabaseValue(row[0]), let format = Int.fromDatabaseValue(row[1]),
      let checksum = Int64.fromDatabaseValue(row[2])
    else { throw StateStorageError.corrupt(location, "a record has values of the wrong type") }
    let bytes: [UInt8] = try row.withUnsafeData(atIndex: 3) { $0.map { [UInt8]($0) } } ?? []
    return (StoredRecord(key: key, formatVersion: format, bytes: bytes), UInt64(bitPattern: checksum))
  }

  private static func openDatabase(_ path: String, pageCountMax: Int?) -> Result<DatabaseQueue, StateStorageError> {
    do {
      let isNew = access(path, F_OK) != 0
      if !isNew { try requireSQLite(path) }
      var configuration = Configuration()
      configuration.label = "mesos.state"
      configuration.busyMode = .immediateError
      let queue = try DatabaseQueue(path: path, configuration: configuration)
      do {
        try queue.writeWithoutTransaction { database in
          // The lock comes first: nothing is read before nobody else can change it.
          try database.execute(sql: "PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE; COMMIT")
          try requireOurs(database, path)
          try database.execute(sql: "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA cell_size_check = ON")
          if let pageCountMax { try database.execute(sql: "PRAGMA max_page_count = \(pageCountMax)") }
          try createTables(database)
        }
        if isNew { try synchronizeFolder(of: path) }
        return .success(queue)
      } catch {
        let error = StateStorageError(error, path)
        do { try queue.close() } catch { return .failure(StateStorageError(error, path)) }
        return .failure(error)
      }
    } catch {
      return .failure(StateStorageError(error, path))
    }
  }

  /// SQLite would take an empty or very short file for a new database, and would look for logs beside anything: look at the header first.
  private static func requireSQLite(_ path: String) throws {
    var status = stat()
    guard stat(path, &status) == 0 else { throw StateStorageError(path, errno, doing: "stat") }
    guard status.st_mode & S_IFMT == S_IFREG else {
      throw StateStorageError.foreign(path, "it is not a regular file")
    }
    guard status.st_size > 0 else { return }
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw StateStorageError(path, errno, doing: "open") }
    defer { closeDescriptor(descriptor) }
    var header = [UInt8](repeating: 0, count: 16)
    let count = read(descriptor, &header, 16)
    guard count == 16, header == Array("SQLite format 3\0".utf8) else {
      throw StateStorageError.foreign(path, "it does not begin like a state file")
    }
  }

  private static func requireOurs(_ database: Database, _ path: String) throws {
    let id = try Int32.fetchOne(database, sql: "PRAGMA application_id") ?? 0
    let version = try Int.fetchOne(database, sql: "PRAGMA user_version") ?? 0
    let tables = try Int.fetchOne(database, sql: "SELECT count(*) FROM sqlite_master") ?? 0
    if id == 0, version == 0, tables == 0 { return }
    guard id == applicationID else { throw StateStorageError.foreign(path, "it is another program's database") }
    guard version <= schemaVersion else {
      throw StateStorageError(
        .newerFormat, location: path,
        "it has layout \(version) and this version reads layouts up to \(schemaVersion)",
        remedy: "Run the version that wrote it, or a newer one.")
    }
    guard version == schemaVersion else { throw StateStorageError.corrupt(path, "its layout number is \(version)") }
  }

  private static func createTables(_ database: Database) throws {
    guard try Int.fetchOne(database, sql: "PRAGMA user_version") == 0 else { return }
    try database.inTransaction(.immediate) {
      try database.execute(
        sql: """
          CREATE TABLE record (
            key TEXT NOT NULL PRIMARY KEY, format INTEGER NOT NULL, checksum INTEGER NOT NULL, bytes BLOB NOT NULL
          ) WITHOUT ROWID;
          CREATE TABLE manifest (records INTEGER NOT NULL, sum INTEGER NOT NULL);
          INSERT INTO manifest VALUES (0, 0);
          PRAGMA application_id = \(applicationID);
          PRAGMA user_version = \(schemaVersion);
          """)
      return .commit
    }
  }

  /// Makes the file's name durable; SQLite does that for its journals only.
  private static func synchronizeFolder(of path: String) throws {
    let folder = path.lastIndex(of: "/").map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "."
    let descriptor = open(folder, O_RDONLY | O_CLOEXEC | O_DIRECTORY)
    guard descriptor >= 0 else { throw StateStorageError(path, errno, doing: "open the folder") }
    defer { closeDescriptor(descriptor) }
    guard fsync(descriptor) == 0 else { throw StateStorageError(path, errno, doing: "fsync the folder") }
  }
}

/// The system's `close`, which the storage's own hides.
private func closeDescriptor(_ descriptor: Int32) { close(descriptor) }
