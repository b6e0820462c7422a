import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// The files that a server shows: real files and folders attached under virtual paths.
///
/// Tasks write what is in a sandbox, and they may be hostile: while a path is followed they can swap a folder for a link. So a path is walked
/// one name at a time, each opened relative to the folder before it without following links; links are read and their target is
/// walked the same way; `..` goes back along the way that was walked. Nothing outside the attached root is ever opened. Links are
/// followed where they stay inside, absolute ones too. Pipes, sockets and devices are never opened for reading.
///
/// Calls block for as long as the disk takes; each does a bounded amount of work.
public final class FileTree: Sendable {
  /// Most bytes one ``read(_:offset:length:)`` returns: sixteen pages of 4 KB, as Apache Mesos.
  public static let readLengthMax = 64 * 1024
  /// Most entries that ``browse(_:)`` returns.
  public static let entryCountMax = 100_000

  private let roots = Mutex<[String: String]>([:])

  public init() {}

  /// Shows the file or folder at `realPath` under `virtualPath`, in place of what was attached there.
  ///
  /// - Parameters:
  ///   - realPath: Must exist; links in it are followed now and not again.
  ///   - virtualPath: What callers ask for, such as `/frameworks/F/executors/E/runs/latest`.
  /// - Throws: ``FileTreeError`` with code ``FileTreeError/Code/notFound`` or ``FileTreeError/Code/failed``.
  public func attach(_ realPath: String, as virtualPath: String) throws(FileTreeError) {
    guard let resolved = realpath(realPath, nil) else {
      let number = errno
      if number == ENOENT || number == ENOTDIR { throw .notFound }
      throw FileTreeError(number, doing: "resolve", realPath)
    }
    defer { free(resolved) }
    let root = String(cString: resolved)
    roots.withLock { $0[Self.key(virtualPath)] = root }
  }

  /// Stops showing what is attached at `virtualPath`, if anything is.
  public func detach(_ virtualPath: String) { roots.withLock { $0[Self.key(virtualPath)] = nil } }

  /// What is attached, sorted by virtual path, as `/files/debug` shows it.
  public var attachments: [(virtualPath: String, realPath: String)] {
    roots.withLock { $0.sorted { $0.key < $1.key }.map { ($0.key, $0.value) } }
  }

  /// Lists a folder, sorted by name; a file has no entries.
  ///
  /// An entry that is a link shows what it leads to, or itself where that lies outside; a link that leads nowhere is left out.
  ///
  /// - Throws: ``FileTreeError``: `.notFound`, `.inaccessible`, `.tooManyEntries`, `.failed`.
  public func browse(_ path: String) throws(FileTreeError) -> [FileEntry] {
    let walk = try resolve(path)
    guard walk.isDirectory else { return [] }
    let names = try Self.names(in: walk, path)
    var prefix = path
    while prefix.count > 1, prefix.last == "/" { prefix.removeLast() }
    var owners = OwnerNames()
    var entries: [FileEntry] = []
    entries.reserveCapacity(names.count)
    for name in names {
      guard let status = walk.status(ofEntry: name) else { continue }
      entries.append(
        FileEntry(
          path: prefix + "/" + String(decoding: name, as: UTF8.self), linkCount: Int(status.st_nlink),
          size: Int64(status.st_size), modifiedSeconds: Int64(status.st_mtim.tv_sec), mode: status.st_mode,
          user: owners.user(status.st_uid), group: owners.group(status.st_gid)))
    }
    return entries
  }

  /// Reads a part of a file.
  ///
  /// - Parameters:
  ///   - offset: Where to begin. `nil` and `-1` ask for the size alone. Beyond the end there are no bytes.
  ///   - length: How much to read at most. `nil` and `-1` mean to the end. Never more than ``readLengthMax`` bytes come.
  /// - Throws: ``FileTreeError``: `.notFound`, `.inaccessible`, `.isDirectory`, `.notRegular`, `.badRange`, `.failed`.
  public func read(_ path: String, offset: Int64?, length: Int64?) throws(FileTreeError) -> FileSlice {
    if let offset, offset < -1 { throw FileTreeError(.badRange, "Negative offset provided: \(offset).") }
    if let length, length < -1 { throw FileTreeError(.badRange, "Negative length provided: \(length).") }
    let file = try regularFile(path, doing: "read")
    guard let offset, offset >= 0 else { return FileSlice(offset: file.size, size: file.size, bytes: []) }
    let wanted = length.map { $0 < 0 ? Int64.max : $0 } ?? .max
    let count = Int(min(wanted, Int64(Self.readLengthMax), max(0, file.size - offset)))
    let bytes = count > 0 ? try file.bytes(at: offset, lengthMax: count) : []
    return FileSlice(offset: offset, size: file.size, bytes: bytes)
  }

  /// Opens a file to be sent whole.
  ///
  /// - Throws: ``FileTreeError``: `.notFound`, `.inaccessible`, `.isDirectory`, `.notRegular`, `.failed`.
  public func openForDownload(_ path: String) throws(FileTreeError) -> OpenFile {
    try regularFile(path, doing: "download")
  }

  /// Reads an offset or a length as a query gives it.
  ///
  /// - Throws: ``FileTreeError`` with code `.badRange` and the text of Apache Mesos.
  public static func number(_ text: String, named name: String) throws(FileTreeError) -> Int64 {
    guard let number = Int64(text) else {
      throw FileTreeError(.badRange, "Failed to parse \(name): Failed to convert '\(text.prefix(100))' to number.")
    }
    return number
  }

  private func regularFile(_ path: String, doing verb: String) throws(FileTreeError) -> OpenFile {
    let walk = try resolve(path)
    if walk.isDirectory { throw FileTreeError(.isDirectory, "Cannot \(verb) a directory.") }
    let (descriptor, size) = try walk.openRegular(path)
    let name = path.split(separator: "/").last.map(String.init) ?? "file"
    return OpenFile(descriptor: descriptor, name: name, size: size)
  }

  private func resolve(_ path: String) throws(FileTreeError) -> Walk {
    guard path.first == "/", !path.utf8.contains(0) else { throw .notFound }
    let names = path.split(separator: "/")
    // The longest attached path that the asked one begins with.
    let found = roots.withLock { roots -> (root: String, rest: ArraySlice<Substring>)? in
      for count in stride(from: names.count, through: 0, by: -1) {
        if let root = roots["/" + names[..<count].joined(separator: "/")] { return (root, names[count...]) }
      }
      return nil
    }
    guard let found else { throw .notFound }
    let walk = try Walk(root: found.root, path: path)
    try walk.follow(found.rest.map { Array($0.utf8) })
    return walk
  }

  private static func key(_ virtualPath: String) -> String {
    "/" + virtualPath.split(separator: "/").joined(separator: "/")
  }

  private static func names(in walk: Walk, _ path: String) throws(FileTreeError) -> [[UInt8]] {
    let descriptor = try walk.openDirectory(path)
    guard let folder = fdopendir(descriptor) else {
      let number = errno
      close(descriptor)
      throw FileTreeError(number, doing: "list", path)
    }
    defer { closedir(folder) }
    var names: [[UInt8]] = []
    while true {
      errno = 0
      guard let entry = readdir(folder) else {
        if errno != 0 { throw FileTreeError(errno, doing: "list", path) }
        break
      }
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: UInt8.self, capacity: 256) { Array(UnsafeBufferPointer(start: $0, count: strlen($0))) }
      }
      if name == [0x2E] || name == [0x2E, 0x2E] { continue }
      guard names.count < entryCountMax else {
        throw FileTreeError(.tooManyEntries, "'\(path.prefix(1_000))' has more than \(entryCountMax) entries.")
      }
      names.append(name)
    }
    return names.sorted { $0.lexicographicallyPrecedes($1) }
  }
}

/// Names of users and groups, each looked up once.
private struct OwnerNames {
  private var users: [uid_t: String] = [:]
  private var groups: [gid_t: String] = [:]

  mutating func user(_ id: uid_t) -> String {
    if let name = users[id] { return name }
    let name = userName(id) ?? "\(id)"
    users[id] = name
    return name
  }

  mutating func group(_ id: gid_t) -> String {
    if let name = groups[id] { return name }
    let name = groupName(id) ?? "\(id)"
    groups[id] = name
    return name
  }
}

private func userName(_ id: uid_t) -> String? {
  var entry = passwd()
  var found: UnsafeMutablePointer<passwd>?
  return withUnsafeTemporaryAllocation(of: CChar.self, capacity: 16_384) { buffer in
    guard let memory = buffer.baseAddress, getpwuid_r(id, &entry, memory, buffer.count, &found) == 0, found != nil
    else { return nil }
    return String(cString: entry.pw_name)
  }
}

private func groupName(_ id: gid_t) -> String? {
  var entry = group()
  var found: UnsafeMutablePointer<group>?
  // A group's entry lists its members, so it may be long.
  return withUnsafeTemporaryAllocation(of: CChar.self, capacity: 262_144) { buffer in
    guard let memory = buffer.baseAddress, getgrgid_r(id, &entry, memory, buffer.count, &found) == 0, found != nil
    else { return nil }
    return String(cString: entry.gr_name)
  }
}
