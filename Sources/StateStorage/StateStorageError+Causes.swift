import Foundation
import GRDB

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

extension StateStorageError {
  /// How to get a master or an agent going again after its file was damaged.
  private static let restoring =
    "Restore the file (with the -wal beside it) from a backup, or move both away to start without what it held."

  static func corrupt(_ location: String, _ message: String) -> StateStorageError {
    StateStorageError(.corrupt, location: location, "the file is damaged: \(message)", remedy: restoring)
  }

  static func foreign(_ location: String, _ message: String) -> StateStorageError {
    StateStorageError(
      .foreign, location: location, "the file is not ours: \(message)",
      remedy: "Name another work directory, or move the file away.")
  }

  private static func locked(_ location: String) -> StateStorageError {
    StateStorageError(
      .locked, location: location, "another process has it open",
      remedy: "Stop that process, or give each process a work directory of its own.")
  }

  private static func full(_ location: String, _ cause: String) -> StateStorageError {
    StateStorageError(.full, location: location, "there is no space left: \(cause)", remedy: "Free space on that disk.")
  }

  private static func readOnly(_ location: String, _ cause: String) -> StateStorageError {
    StateStorageError(
      .readOnly, location: location, "it may not be written: \(cause)",
      remedy: "Give this user the right to write the file and its folder, on a disk that is not mounted read-only.")
  }

  private static func unavailable(_ location: String, _ cause: String) -> StateStorageError {
    StateStorageError(
      .unavailable, location: location, "it cannot be opened: \(cause)",
      remedy: "See that the folder exists and that this user may read and write it.")
  }

  private static func ioFailed(_ location: String, _ cause: String) -> StateStorageError {
    StateStorageError(
      .ioFailed, location: location, "reading or writing failed: \(cause)", remedy: "See to the disk, then start again."
    )
  }

  /// The system's refusal of `call` with error number `number`.
  init(_ location: String, _ number: Int32, doing call: String) {
    let cause = "\(call): \(String(cString: strerror(number)))"
    switch number {
    case EACCES, EPERM, EROFS: self = .readOnly(location, cause)
    case ENOSPC, EDQUOT: self = .full(location, cause)
    case ENOENT, ENOTDIR, EISDIR: self = .unavailable(location, cause)
    default: self = .ioFailed(location, cause)
    }
  }

  /// What SQLite reported, in terms of the file.
  init(_ error: any Error, _ location: String) {
    if let error = error as? StateStorageError {
      self = error
      return
    }
    guard let error = error as? DatabaseError else {
      self = .ioFailed(location, "\(error)")
      return
    }
    let cause = "\(error.message ?? "no reason given") (SQLite code \(error.extendedResultCode.rawValue))"
    switch error.resultCode {
    case .SQLITE_BUSY, .SQLITE_LOCKED: self = .locked(location)
    case .SQLITE_CORRUPT: self = .corrupt(location, cause)
    case .SQLITE_NOTADB: self = .foreign(location, cause)
    case .SQLITE_FULL: self = .full(location, cause)
    case .SQLITE_READONLY, .SQLITE_PERM: self = .readOnly(location, cause)
    case .SQLITE_CANTOPEN: self = .unavailable(location, cause)
    case .SQLITE_MISUSE: self = .closed(location)
    default: self = .ioFailed(location, cause)
    }
  }
}
