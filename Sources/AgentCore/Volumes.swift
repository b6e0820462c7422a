public import MesosModel

/// Where a persistent volume lies on an agent.
public struct VolumeFolder: Hashable, Sendable {
  /// Absolute path.
  public var path: String
  /// The folder is the root of a MOUNT disk: it is emptied, never removed.
  public var isMountRoot: Bool

  public init(path: String, isMountRoot: Bool) {
    self.path = path
    self.isMountRoot = isMountRoot
  }

  /// The folder of `volume` on an agent with this work folder; nil for what is no volume, or lies on no disk with folders.
  ///
  /// `volumes/roles/ROLE/ID` below the work folder or the root of a PATH disk, with a space for each `/` in the role; the root itself for
  /// a MOUNT disk. A root that is not absolute is below the work folder.
  /// - Source: Apache Mesos `src/slave/paths.cpp`, `getPersistentVolumePath`.
  public init?(_ volume: Resources.Entry, workDirectory: String) {
    guard volume.isPersistentVolume, let role = volume.reservationRole, let disk = volume.disk else { return nil }
    let id = disk.persistence.id
    // Names that become folders; whatever came from the network must not lead elsewhere.
    guard (try? IdentifierValidation.validate(id)) != nil, (try? RoleName.validate(role)) != nil else { return nil }
    func absolute(_ root: String) -> String { root.hasPrefix("/") ? root : "\(workDirectory)/\(root)" }
    let folder = String(role.map { $0 == "/" ? " " : $0 })
    guard disk.hasSource else {
      self.init(path: "\(workDirectory)/volumes/roles/\(folder)/\(id)", isMountRoot: false)
      return
    }
    switch disk.source.type {
    case .path where disk.source.path.hasRoot:
      self.init(path: "\(absolute(disk.source.path.root))/volumes/roles/\(folder)/\(id)", isMountRoot: false)
    case .mount where disk.source.mount.hasRoot:
      self.init(path: absolute(disk.source.mount.root), isMountRoot: true)
    default: return nil
    }
  }
}

/// A persistent volume as a container sees it.
public struct VolumeLink: Hashable, Sendable {
  /// Absolute path of the volume.
  public var path: String
  /// Where the container expects it, as the framework says: a path within the sandbox.
  public var containerPath: String
  /// Whether the volume is to be given to the owner of the sandbox: it is, unless another container uses it.
  public var changesOwner: Bool

  public init(path: String, containerPath: String, changesOwner: Bool) {
    self.path = path
    self.containerPath = containerPath
    self.changesOwner = changesOwner
  }
}

/// One step of work on the folders of volumes.
public enum VolumeStep: Hashable, Sendable {
  /// Make the folder with its parents, unless it is there.
  case make(VolumeFolder)
  /// Remove the folder with all that is in it, unless it is gone.
  case remove(VolumeFolder)
  /// Show volumes in the sandbox of a container that runs.
  case link(ContainerKey, directory: String, [VolumeLink])
}
