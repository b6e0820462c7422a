import Fetcher
import Glibc

/// A file that is read.
struct InputFile: ~Copyable {
  let descriptor: Int32
  private let path: String

  init(path: String) throws(FetcherError) {
    self.path = path
    // A pipe would have to be waited for.
    descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else { throw systemError(.unreadable, "open \(path)") }
    var status = stat()
    guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
      close(descriptor)
      throw FetcherError(.unreadable, "Cannot open \(path): it is no regular file")
    }
  }

  deinit { close(descriptor) }

  /// In bytes.
  func size() throws(FetcherError) -> Int64 {
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw systemError(.unreadable, "look at \(path)") }
    return Int64(status.st_size)
  }

  /// Copies all of it and returns how many bytes that were.
  func copy(to file: borrowing OutputFile, bytesMax: Int64?) throws(FetcherError) -> Int64 {
    var buffer = [UInt8](repeating: 0, count: 256 * 1_024)
    var total: Int64 = 0
    while true {
      let count = read(descriptor, &buffer, buffer.count)
      if count < 0, errno == EINTR { continue }
      guard count >= 0 else { throw systemError(.unreadable, "read \(path)") }
      if count == 0 { return total }
      total += Int64(count)
      if let bytesMax, total > bytesMax { throw Self.tooLarge(bytesMax) }
      try buffer.withUnsafeBufferPointer { bytes throws(FetcherError) in
        try file.append(UnsafeRawBufferPointer(UnsafeBufferPointer(rebasing: bytes[..<count])))
      }
    }
  }

  static func tooLarge(_ bytesMax: Int64) -> FetcherError {
    FetcherError(.tooLarge, "It is larger than the \(bytesMax) bytes that its source had told")
  }
}

/// A file that is written, and may be read back.
struct OutputFile: ~Copyable {
  let descriptor: Int32
  private let name: String

  /// Takes an open descriptor over.
  init(descriptor: Int32, name: String) {
    self.descriptor = descriptor
    self.name = name
  }

  /// Makes the file, whose name must be free.
  init(creating path: String) throws(FetcherError) {
    descriptor = open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o644)
    name = path
    guard descriptor >= 0 else { throw systemError(.unwritable, "make \(path)") }
  }

  deinit { close(descriptor) }

  func append(_ bytes: UnsafeRawBufferPointer) throws(FetcherError) {
    var rest = bytes
    while !rest.isEmpty {
      let count = write(descriptor, rest.baseAddress, rest.count)
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { throw systemError(.unwritable, "write \(name)") }
      rest = UnsafeRawBufferPointer(rebasing: rest[count...])
    }
  }
}

/// A sandbox, in which nothing is made outside of it: no part of a path may be a symbolic link.
struct SandboxFolder: ~Copyable {
  let descriptor: Int32

  init(_ path: String) throws(FetcherError) {
    descriptor = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else { throw systemError(.unwritable, "open the sandbox \(path)") }
  }

  deinit { close(descriptor) }

  /// The parts of a path that stays in the sandbox; `.` is left out.
  static func parts(of path: String) throws(FetcherError) -> [String] {
    guard path.utf8.first != UInt8(ascii: "/") else {
      throw FetcherError(.escapesSandbox, "'\(path.prefix(300))' is an absolute path: it would leave the sandbox")
    }
    let parts = path.split(separator: "/").map(String.init).filter { $0 != "." }
    guard !parts.contains("..") else {
      throw FetcherError(.escapesSandbox, "'\(path.prefix(300))' has '..': it could leave the sandbox")
    }
    return parts
  }

  /// Opens the folder that the parts name, and makes what is missing of it.
  func folder(_ parts: some Collection<String>, of path: String) throws(FetcherError) -> FolderHandle {
    var current = FolderHandle(descriptor: fcntl(descriptor, F_DUPFD_CLOEXEC, 0))
    guard current.descriptor >= 0 else { throw systemError(.unwritable, "open the sandbox") }
    for part in parts {
      if mkdirat(current.descriptor, part, 0o755) != 0, errno != EEXIST {
        throw systemError(.unwritable, "make the folder of '\(path.prefix(300))'")
      }
      let inner = openat(current.descriptor, part, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
      if inner < 0 {
        let number = errno
        var status = stat()
        if fstatat(current.descriptor, part, &status, AT_SYMLINK_NOFOLLOW) == 0, status.st_mode & S_IFMT == S_IFLNK {
          throw FetcherError(
            .escapesSandbox, "'\(path.prefix(300))' leads through the symbolic link '\(part.prefix(100))'")
        }
        throw systemError(.unwritable, "open the folder of '\(path.prefix(300))'", number)
      }
      current = FolderHandle(descriptor: inner)
    }
    return current
  }

  /// Makes a file, in the place of one that is there.
  func create(_ path: String) throws(FetcherError) -> OutputFile {
    let parts = try Self.parts(of: path)
    guard let name = parts.last else { throw FetcherError(.invalidURI, "'\(path.prefix(300))' names no file") }
    let folder = try folder(parts.dropLast(), of: path)
    return try folder.create(name, of: path)
  }
}

struct FolderHandle: ~Copyable {
  let descriptor: Int32

  init(descriptor: Int32) { self.descriptor = descriptor }

  deinit { if descriptor >= 0 { close(descriptor) } }

  func create(_ name: String, of path: String) throws(FetcherError) -> OutputFile {
    try makeRoom(for: name, of: path)
    let file = openat(descriptor, name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o644)
    guard file >= 0 else { throw systemError(.unwritable, "make '\(path.prefix(300))'") }
    return OutputFile(descriptor: file, name: "'\(path.prefix(300))'")
  }

  /// Removes what is there under the name, unless it is a folder.
  func makeRoom(for name: String, of path: String) throws(FetcherError) {
    guard unlinkat(descriptor, name, 0) == 0 || errno == ENOENT else {
      throw systemError(.unwritable, "replace '\(path.prefix(300))'")
    }
  }
}
