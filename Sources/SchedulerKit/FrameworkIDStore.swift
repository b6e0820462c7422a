public import MesosModel
import SchedulerCore
import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Where a scheduler keeps its framework's id, so that the next process goes on as the same framework.
public protocol FrameworkIDStore: Sendable {
  /// The stored id; `nil` when there is none.
  func load() async throws -> FrameworkID?
  /// Stores the id in the place of any other; it is durable when this returns.
  func save(_ id: FrameworkID) async throws
  /// Forgets the id; not an error when there is none.
  func remove() async throws
}

/// Keeps the id as long as the process lives: every start is a new framework.
public final class MemoryFrameworkIDStore: FrameworkIDStore {
  private let id: Mutex<FrameworkID?>

  public init(_ id: FrameworkID? = nil) { self.id = Mutex(id) }

  public func load() async -> FrameworkID? { id.withLock { $0 } }
  public func save(_ id: FrameworkID) async { self.id.withLock { $0 = id } }
  public func remove() async { id.withLock { $0 = nil } }
}

/// Keeps the id in a file of its own, replaced as a whole.
///
/// The file has one line, with a checksum. A file that is not like this is refused: a wrong id would start the framework anew and leave its
/// tasks behind.
public struct FileFrameworkIDStore: FrameworkIDStore {
  public let path: String

  /// - Parameter path: The file; its folder must exist.
  public init(path: String) { self.path = path }

  public func load() async throws -> FrameworkID? {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else {
      if errno == ENOENT { return nil }
      throw failure("open", errno)
    }
    defer { close(descriptor) }
    var bytes = [UInt8](repeating: 0, count: FrameworkIDLine.bytesMax + 1)
    let count = bytes.withUnsafeMutableBytes { read(descriptor, $0.baseAddress, $0.count) }
    guard count >= 0 else { throw failure("read", errno) }
    return try FrameworkIDLine.id(in: Array(bytes.prefix(count)), of: path)
  }

  public func save(_ id: FrameworkID) async throws {
    let line = try FrameworkIDLine.bytes(of: id)
    let temporary = path + ".new"
    let descriptor = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw failure("create", errno) }
    let written = line.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
    let error = written != line.count ? (written < 0 ? errno : ENOSPC) : (fsync(descriptor) != 0 ? errno : 0)
    close(descriptor)
    guard error == 0 else {
      unlink(temporary)
      throw failure("write", error)
    }
    guard rename(temporary, path) == 0 else { throw failure("rename", errno) }
    try syncFolder()
  }

  public func remove() async throws {
    guard unlink(path) == 0 || errno == ENOENT else { throw failure("remove", errno) }
    try syncFolder()
  }

  private func syncFolder() throws {
    let folder = path.lastIndex(of: "/").map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "."
    let descriptor = open(folder, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw failure("open the folder of", errno) }
    defer { close(descriptor) }
    guard fsync(descriptor) == 0 else { throw failure("sync the folder of", errno) }
  }

  private func failure(_ stage: String, _ error: Int32) -> SchedulerError {
    SchedulerError(.frameworkIDNotSaved, "Cannot \(stage) \(path): \(String(cString: strerror(error)))")
  }
}

/// How an id is stored: one line `framework-id 1 CHECKSUM ID`, the checksum being FNV-1a of the id in hexadecimal.
enum FrameworkIDLine {
  static let bytesMax = 2_048

  /// - Parameter place: Where the bytes were found, for the error.
  static func id(in bytes: [UInt8], of place: String) throws(SchedulerError) -> FrameworkID {
    let fields = String(decoding: bytes, as: UTF8.self).split(separator: " ", maxSplits: 3)
    guard bytes.count <= bytesMax, fields.count == 4, fields[0] == "framework-id", fields[1] == "1",
      fields[3].last == "\n", fields[2] == checksum(of: fields[3].dropLast())
    else {
      throw SchedulerError(
        .frameworkIDNotSaved,
        "\(place) holds no framework id of format 1, or a damaged one; restore it, or remove it to start as a new framework"
      )
    }
    var id = FrameworkID()
    id.value = String(fields[3].dropLast())
    return id
  }

  static func bytes(of id: FrameworkID) throws(SchedulerError) -> [UInt8] {
    let value = id.value
    guard !value.isEmpty, value.utf8.count < 1_024, !value.contains(where: \.isNewline) else {
      throw SchedulerError(.frameworkIDNotSaved, "The framework id cannot be stored in a line of text")
    }
    return Array("framework-id 1 \(checksum(of: value[...])) \(value)\n".utf8)
  }

  private static func checksum(of id: Substring) -> String {
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    for byte in id.utf8 { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01b3 }
    return String(hash, radix: 16)
  }
}
