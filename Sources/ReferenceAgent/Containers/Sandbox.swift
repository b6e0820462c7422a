import ProcessLaunch
import ShellSupport

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// A sandbox that could not be made, and why.
struct SandboxError: Error, CustomStringConvertible {
  let description: String

  init(_ what: String, _ path: String, _ code: Int32) {
    description = "cannot \(what) \(path): \(String(cString: strerror(code)))"
  }
}

/// The folders of containers, laid out as Apache Mesos does: `…/runs/CONTAINER` of mode 0750, its user's, and beside it `latest`, a
/// symbolic link to the newest.
enum Sandbox {
  /// Makes the sandbox and points `latest` at it.
  static func make(_ directory: String, owner: UserIdentity?) throws {
    guard let slash = directory.lastIndex(of: "/") else { throw SandboxError("make", directory, EINVAL) }
    let runs = String(directory[..<slash])
    try FolderMaker.make(runs)
    guard mkdir(directory, 0o750) == 0 else { throw SandboxError("make", directory, errno) }
    // The mode asked for passes the process's mask; this one must be exact.
    guard chmod(directory, 0o750) == 0 else { throw SandboxError("set the mode of", directory, errno) }
    if let owner, chown(directory, owner.uid, owner.gid) != 0 {
      throw SandboxError("change the owner of", directory, errno)
    }
    let link = runs + "/latest"
    let fresh = link + ".\(directory[directory.index(after: slash)...])"
    guard symlink(directory, fresh) == 0 else { throw SandboxError("link", fresh, errno) }
    guard rename(fresh, link) == 0 else { throw SandboxError("link", link, errno) }
  }

  /// Removes the sandbox with all that is in it; symbolic links are removed, not followed.
  static func remove(_ directory: String) {
    guard let handle = opendir(directory) else { return }
    _ = removeContents(of: handle)
    rmdir(directory)
  }

  /// Removes what is in the folder, and closes it; symbolic links are removed, not followed.
  ///
  /// It holds two folders open and no more stack than for one, however deep they are nested: what is in an inner folder is moved up first.
  ///
  /// - Returns: Whether all of it is gone.
  static func removeContents(of folder: OpaquePointer) -> Bool {
    defer { closedir(folder) }
    let top = dirfd(folder)
    var moved = 0
    while true {
      var (found, gone) = (0, 0)
      rewinddir(folder)
      for name in names(in: folder) {
        found += 1
        if remove(name, in: top) {
          gone += 1
        } else if let inner = openFolder(name, in: top) {
          defer { closedir(inner) }
          for child in names(in: inner) {
            if remove(child, in: dirfd(inner)) { continue }
            moved += 1
            // A name that is taken is tried again in the next round, with another number.
            _ = renameat(dirfd(inner), child, top, ".removed-\(moved)")
          }
          if unlinkat(top, name, AT_REMOVEDIR) == 0 { gone += 1 }
        }
      }
      if found == 0 { return true }
      if gone == 0 { return false }
    }
  }

  /// Removes what is no folder, and a folder that is empty.
  private static func remove(_ name: [CChar], in folder: Int32) -> Bool {
    unlinkat(folder, name, 0) == 0 || unlinkat(folder, name, AT_REMOVEDIR) == 0
  }

  /// The names in an open folder, without those of itself and the one above.
  private static func names(in folder: OpaquePointer) -> [[CChar]] {
    var names: [[CChar]] = []
    while let entry = readdir(folder) {
      let name = withUnsafeBytes(of: entry.pointee.d_name) { bytes in Array(bytes.prefix { $0 != 0 }) }
      guard name != Array(".".utf8), name != Array("..".utf8) else { continue }
      names.append(name.map { CChar(bitPattern: $0) } + [0])
    }
    return names
  }

  private static func openFolder(_ name: [CChar], in folder: Int32) -> OpaquePointer? {
    let flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC
    var descriptor = openat(folder, name, flags)
    if descriptor < 0, errno == EACCES, fchmodat(folder, name, 0o700, 0) == 0 {
      descriptor = openat(folder, name, flags)
    }
    guard descriptor >= 0 else { return nil }
    guard let handle = fdopendir(descriptor) else {
      close(descriptor)
      return nil
    }
    return handle
  }
}
