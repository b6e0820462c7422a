#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// `O_PATH` of Linux, which the C library's module hides: a descriptor that names a file and cannot read it.
private let openPathOnly: Int32 = 0o10000000

/// A way from an attached root to one of its files, walked without ever leaving the root.
final class Walk {
  /// Most names on a way, links included, and most links; beyond either a path counts as inaccessible.
  private static let stepsMax = 512
  private static let linksMax = 40

  private let root: [UInt8]
  private let path: String
  /// Descriptors (O_PATH) from the root to where the walk stands; they give no right to read or write.
  private var folders: [Int32] = []
  /// Where the walk ended when that is no folder: its name in the last folder, and what `stat` said.
  private var leaf: (name: [UInt8], status: stat)?
  /// The root is itself a file.
  private var rootFile: stat?

  init(root: String, path: String) throws(FileTreeError) {
    self.root = Array(root.utf8)
    self.path = path
    let descriptor = open(root, openPathOnly | O_NOFOLLOW | O_CLOEXEC)
    guard descriptor >= 0 else { throw FileTreeError(walking: errno, path) }
    folders = [descriptor]
    let status = try Self.status(of: descriptor, path)
    if status.st_mode & S_IFMT == S_IFLNK { throw .inaccessible(path) }
    if status.st_mode & S_IFMT != S_IFDIR { rootFile = status }
  }

  deinit { for folder in folders { close(folder) } }

  var isDirectory: Bool { leaf == nil && rootFile == nil }

  /// Goes on along `names`.
  func follow(_ names: [[UInt8]]) throws(FileTreeError) {
    var ahead = Array(names.reversed())
    var steps = 0
    var links = 0
    while let name = ahead.popLast() {
      steps += 1
      guard steps <= Self.stepsMax else { throw .inaccessible(path) }
      if name.isEmpty || name == [0x2E] { continue }
      guard isDirectory else {
        // A file has nothing below it.
        throw .notFound
      }
      if name == [0x2E, 0x2E] {
        guard folders.count > 1 else { throw .inaccessible(path) }
        close(folders.removeLast())
        continue
      }
      guard name.count <= 255 else { throw .notFound }
      let descriptor = Self.withCString(name) {
        openat(folders[folders.count - 1], $0, openPathOnly | O_NOFOLLOW | O_CLOEXEC)
      }
      guard descriptor >= 0 else { throw FileTreeError(walking: errno, path) }
      let status: stat
      do throws(FileTreeError) {
        status = try Self.status(of: descriptor, path)
      } catch {
        close(descriptor)
        throw error
      }
      switch status.st_mode & S_IFMT {
      case S_IFDIR: folders.append(descriptor)
      case S_IFLNK:
        defer { close(descriptor) }
        links += 1
        guard links <= Self.linksMax else { throw .inaccessible(path) }
        ahead += try target(of: descriptor).reversed()
      default:
        close(descriptor)
        leaf = (name, status)
      }
    }
  }

  /// What `stat` says of an entry of this folder, following it while it stays inside; `nil` for what is not there or leads nowhere.
  func status(ofEntry name: [UInt8]) -> stat? {
    guard let folder = folders.last else { return nil }
    var own = stat()
    guard Self.withCString(name, { fstatat(folder, $0, &own, AT_SYMLINK_NOFOLLOW) }) == 0 else { return nil }
    guard own.st_mode & S_IFMT == S_IFLNK else { return own }
    do throws(FileTreeError) {
      let branch = try Walk(branching: self)
      try branch.follow([name])
      if let leaf = branch.leaf { return leaf.status }
      return try Self.status(of: branch.folders[branch.folders.count - 1], path)
    } catch {
      return error.code == .notFound ? nil : own
    }
  }

  /// Opens the file that the walk ended at, if it is a regular one.
  func openRegular(_ path: String) throws(FileTreeError) -> (descriptor: Int32, size: Int64) {
    guard let expected = leaf?.status ?? rootFile else { throw FileTreeError(.isDirectory, "Cannot read a directory.") }
    guard expected.st_mode & S_IFMT == S_IFREG else { throw Self.notRegular(path) }
    // O_NONBLOCK, and the comparison below: the task may have put a pipe in the file's place since.
    let flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC
    let descriptor =
      if let name = leaf?.name {
        Self.withCString(name) { openat(folders[folders.count - 1], $0, flags) }
      } else {
        Self.withCString(root) { open($0, flags) }
      }
    guard descriptor >= 0 else { throw FileTreeError(walking: errno, path) }
    var status = stat()
    guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG, status.st_ino == expected.st_ino,
      status.st_dev == expected.st_dev
    else {
      close(descriptor)
      throw Self.notRegular(path)
    }
    return (descriptor, Int64(status.st_size))
  }

  /// Opens the folder that the walk ended at, for listing.
  func openDirectory(_ path: String) throws(FileTreeError) -> Int32 {
    let descriptor = openat(folders[folders.count - 1], ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else { throw FileTreeError(walking: errno, path) }
    return descriptor
  }

  /// A second walk that begins where `other` stands.
  private init(branching other: Walk) throws(FileTreeError) {
    root = other.root
    path = other.path
    for folder in other.folders {
      let copy = fcntl(folder, F_DUPFD_CLOEXEC, 0)
      guard copy >= 0 else { throw FileTreeError(errno, doing: "open", other.path) }
      folders.append(copy)
    }
  }

  /// The names that a link stands for. For an absolute one inside the root the walk goes back to the root.
  private func target(of link: Int32) throws(FileTreeError) -> [[UInt8]] {
    var text = [CChar](repeating: 0, count: Int(PATH_MAX))
    let count = readlinkat(link, "", &text, text.count)
    guard count >= 0 else { throw FileTreeError(walking: errno, path) }
    let target = text[..<count].map { UInt8(bitPattern: $0) }
    guard target.first == 0x2F else { return Self.names(target) }
    let names = Self.names(target)
    let rootNames = Self.names(root)
    guard names.starts(with: rootNames) else { throw .inaccessible(path) }
    while folders.count > 1 { close(folders.removeLast()) }
    return Array(names.dropFirst(rootNames.count))
  }

  private static func names(_ path: [UInt8]) -> [[UInt8]] {
    path.split(separator: 0x2F).map { Array($0) }.filter { $0 != [0x2E] }
  }

  private static func notRegular(_ path: String) -> FileTreeError {
    FileTreeError(.notRegular, "'\(path.prefix(1_000))' is not a regular file.")
  }

  private static func status(of descriptor: Int32, _ path: String) throws(FileTreeError) -> stat {
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw FileTreeError(walking: errno, path) }
    return status
  }

  private static func withCString<T>(_ bytes: [UInt8], _ body: (UnsafePointer<CChar>) -> T) -> T {
    (bytes.map { CChar(bitPattern: $0) } + [0]).withUnsafeBufferPointer { buffer in
      // The buffer has at least the final zero, so it has an address.
      buffer.baseAddress.map(body) ?? body("")
    }
  }
}

extension FileTreeError {
  /// What the system said of a step along a path.
  init(walking number: Int32, _ path: String) {
    switch number {
    case ENOENT, ENOTDIR: self = .notFound
    case EACCES, EPERM, ELOOP: self = .inaccessible(path)
    default: self.init(number, doing: "open", path)
    }
  }

  init(_ number: Int32, doing verb: String, _ path: String) {
    self.init(.failed, "Failed to \(verb) '\(path.prefix(1_000))': \(String(cString: strerror(number))).")
  }
}
