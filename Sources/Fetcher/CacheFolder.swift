import Glibc
import ProcessLaunch
import ShellSupport

/// The folder with the cache's files, one inside it for each user. Nobody but the agent's own user may have prepared it.
struct CacheFolder: Sendable {
  let path: String

  /// Makes the folder and removes the files of an earlier agent from it.
  func prepare() throws(FetcherError) {
    do { try FolderMaker.make(path) } catch { throw FetcherError(.cacheUnusable, "\(error)") }
    try Self.check(path, owners: [geteuid()])
    Self.removeFiles(in: path)
    guard let folder = opendir(path) else { return }
    defer { closedir(folder) }
    while let entry = readdir(folder) {
      let name = withUnsafeBytes(of: entry.pointee.d_name) { bytes in
        String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
      }
      if name != ".", name != ".." { Self.removeFiles(in: "\(path)/\(name)") }
    }
  }

  /// The folder for what `user` fetches, which is theirs alone.
  func folder(of user: FetchUser?) throws(FetcherError) -> String {
    guard let user else { return path }
    guard !user.name.isEmpty, !user.name.contains("/"), user.name != ".", user.name != ".." else {
      throw FetcherError(.cacheUnusable, "The name of the user cannot name a folder")
    }
    let folder = "\(path)/\(user.name)"
    if mkdir(folder, 0o700) != 0, errno != EEXIST { throw Self.error("make", folder) }
    try Self.check(folder, owners: [geteuid(), user.identity.uid])
    let descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
    guard descriptor >= 0 else { throw Self.error("open", folder) }
    defer { close(descriptor) }
    guard fchown(descriptor, user.identity.uid, user.identity.gid) == 0 else {
      throw Self.error("change the owner of", folder)
    }
    return folder
  }

  private static func check(_ folder: String, owners: Set<uid_t>) throws(FetcherError) {
    var status = stat()
    guard lstat(folder, &status) == 0 else { throw error("look at", folder) }
    guard status.st_mode & S_IFMT == S_IFDIR, owners.contains(status.st_uid) else {
      throw FetcherError(
        .cacheUnusable,
        "The fetcher's cache at \(folder) is no folder, or another user's. Choose another with --fetcher_cache_dir")
    }
  }

  private static func error(_ what: String, _ path: String) -> FetcherError {
    FetcherError(.cacheUnusable, "Cannot \(what) the fetcher's cache at \(path): \(String(cString: strerror(errno)))")
  }

  /// Removes the files whose names are the cache's; a link to a folder is not followed.
  private static func removeFiles(in path: String) {
    let descriptor = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
    guard descriptor >= 0 else { return }
    guard let folder = fdopendir(descriptor) else {
      close(descriptor)
      return
    }
    defer { closedir(folder) }
    while let entry = readdir(folder) {
      let name = withUnsafeBytes(of: entry.pointee.d_name) { bytes in Array(bytes.prefix { $0 != 0 }) }
      let digits = name.dropFirst().prefix { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
      guard name.first == UInt8(ascii: "c"), !digits.isEmpty,
        name.dropFirst(1 + digits.count).first == UInt8(ascii: "-")
      else { continue }
      _ = unlinkat(descriptor, name.map { CChar(bitPattern: $0) } + [0], 0)
    }
  }
}
