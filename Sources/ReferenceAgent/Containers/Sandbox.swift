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
    removeContents(of: handle)
    rmdir(directory)
  }

  static func removeContents(of folder: OpaquePointer) {
    defer { closedir(folder) }
    let descriptor = dirfd(folder)
    while let entry = readdir(folder) {
      let name = withUnsafeBytes(of: entry.pointee.d_name) { bytes in Array(bytes.prefix { $0 != 0 }) }
      guard name != Array(".".utf8), name != Array("..".utf8) else { continue }
      let path = name.map { CChar(bitPattern: $0) } + [0]
      if unlinkat(descriptor, path, 0) == 0 { continue }
      let inner = openat(descriptor, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
      guard inner >= 0 else { continue }
      guard let handle = fdopendir(inner) else {
        close(inner)
        continue
      }
      removeContents(of: handle)
      unlinkat(descriptor, path, AT_REMOVEDIR)
    }
  }
}
