import AgentCore
import ShellSupport

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// The folders of persistent volumes, and the symbolic links by which containers see them.
///
/// - Source: Apache Mesos, *Persistent Volumes*; `src/slave/slave.cpp`, `syncCheckpointedResources`;
///   `src/slave/containerizer/mesos/isolators/filesystem/posix.cpp`.
enum Volumes {
  /// Makes the folder, unless there is one: that of a MOUNT disk is there, and another may be from before a restart.
  static func make(_ folder: VolumeFolder) throws {
    try FolderMaker.make(folder.path)
  }

  /// Removes the folder with all that is in it; of a MOUNT disk, only what is in it.
  static func remove(_ folder: VolumeFolder) throws {
    guard let handle = opendir(folder.path) else {
      guard errno == ENOENT else { throw SandboxError("open", folder.path, errno) }
      return
    }
    guard Sandbox.removeContents(of: handle) else { throw SandboxError("empty", folder.path, ENOTEMPTY) }
    guard folder.isMountRoot || rmdir(folder.path) == 0 else {
      throw SandboxError("remove", folder.path, errno)
    }
  }

  /// Shows a volume in a sandbox, whose owner gets it.
  static func link(_ volume: VolumeLink, in directory: String) throws {
    let parts = volume.containerPath.split(separator: "/", omittingEmptySubsequences: true)
    guard !volume.containerPath.hasPrefix("/"), !parts.isEmpty, !parts.contains(".."), !parts.contains(".") else {
      // It would have to be mounted, which is for an isolator that does not exist yet.
      throw SandboxError("show the volume outside of the sandbox at", volume.containerPath, ENOTSUP)
    }
    var owner = stat()
    guard stat(directory, &owner) == 0 else { throw SandboxError("look at", directory, errno) }
    if volume.changesOwner, owner.st_uid != 0, chown(volume.path, owner.st_uid, owner.st_gid) != 0 {
      throw SandboxError("change the owner of", volume.path, errno)
    }
    // The sandbox is the task's own: a link that it made there is not followed.
    var folder = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard folder >= 0 else { throw SandboxError("open", directory, errno) }
    defer { close(folder) }
    for part in parts.dropLast() {
      if mkdirat(folder, String(part), 0o755) != 0, errno != EEXIST {
        throw SandboxError("make a folder for", volume.containerPath, errno)
      }
      let inner = openat(folder, String(part), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
      guard inner >= 0 else { throw SandboxError("make a folder for", volume.containerPath, errno) }
      close(folder)
      folder = inner
    }
    let link = String(parts[parts.count - 1])
    if symlinkat(volume.path, folder, link) == 0 { return }
    guard errno == EEXIST else { throw SandboxError("link", volume.containerPath, errno) }
    var present = stat()
    guard fstatat(folder, link, &present, AT_SYMLINK_NOFOLLOW) == 0, present.st_mode & S_IFMT == S_IFLNK else {
      throw SandboxError("link", volume.containerPath, EEXIST)
    }
    // A link of a task before, to this volume or to another.
    let fresh = link + ".new"
    unlinkat(folder, fresh, 0)
    guard symlinkat(volume.path, folder, fresh) == 0, renameat(folder, fresh, folder, link) == 0 else {
      throw SandboxError("link", volume.containerPath, errno)
    }
  }
}
