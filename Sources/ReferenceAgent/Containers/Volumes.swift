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
    Sandbox.removeContents(of: handle)
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
    if parts.count > 1 {
      try FolderMaker.make(directory + "/" + parts.dropLast().joined(separator: "/"))
    }
    let link = directory + "/" + parts.joined(separator: "/")
    if symlink(volume.path, link) == 0 { return }
    guard errno == EEXIST else { throw SandboxError("link", link, errno) }
    var present = stat()
    guard lstat(link, &present) == 0, present.st_mode & S_IFMT == S_IFLNK else {
      throw SandboxError("link", link, EEXIST)
    }
    // A link of a task before, to this volume or to another.
    let fresh = link + ".new"
    unlink(fresh)
    guard symlink(volume.path, fresh) == 0, rename(fresh, link) == 0 else { throw SandboxError("link", link, errno) }
  }
}
