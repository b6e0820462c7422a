import Glibc
import MesosModel
import ProcessLaunch

/// `filesystem/shared`: containers see the machine's files but for the places that their volumes with a relative `host_path` cover, with
/// folders of the sandbox, such as a `/tmp` of their own.
/// - Source: Apache Mesos, *filesystem/shared* (`docs/isolators/filesystem-shared.md`).
public struct SharedFileSystemIsolator: Isolator {
  public let name = "filesystem/shared"

  public init() {}

  public func prepare(_ container: IsolatedContainer) async throws(ContainerizerError) -> LaunchContribution {
    var wanted = LaunchContribution()
    guard let info = container.configuration.info, !container.id.isNested else { return wanted }
    var covered: Set<String> = []
    for volume in info.volumes where volume.hasHostPath && !volume.hostPath.hasPrefix("/") {
      guard volume.containerPath.hasPrefix("/") else {
        throw ContainerizerError(.invalid, "The volume '\(volume.hostPath.prefix(200))' has no absolute container path")
      }
      guard covered.insert(volume.containerPath).inserted else {
        throw ContainerizerError(.invalid, "Two volumes have the container path '\(volume.containerPath.prefix(200))'")
      }
      let parts = try SandboxPath.parts(volume.hostPath)
      var place = stat()
      guard stat(volume.containerPath, &place) == 0 else {
        throw ContainerizerError(.isolation, "Cannot look at \(volume.containerPath)", errno: errno)
      }
      // Whoever may write there may write here.
      let folder = try SandboxPath.make(
        parts, in: container.configuration.directory, mode: place.st_mode & 0o7777, owner: (place.st_uid, place.st_gid))
      wanted.namespaces.insert(.mount)
      wanted.steps += LaunchStep.bind(folder, to: volume.containerPath, isReadOnly: volume.mode == .ro)
    }
    return wanted
  }
}

/// `volume/host_path` and `volume/sandbox_path`: folders and files of the machine, or of a sandbox, at another place of a container's view.
///
/// - Source: Apache Mesos, *Container Volumes* (`docs/container-volume.md`).
public struct VolumeIsolator: Isolator {
  public enum Kind: Hashable, Sendable { case hostPath, sandboxPath }

  public let name: String
  private let kind: Kind
  /// Paths below which missing folders are made, `--host_path_volume_force_creation`.
  private let creation: [String]

  public init(_ kind: Kind, creation: [String] = []) {
    self.kind = kind
    self.creation = creation
    name = kind == .hostPath ? "volume/host_path" : "volume/sandbox_path"
  }

  public func prepare(_ container: IsolatedContainer) async throws(ContainerizerError) -> LaunchContribution {
    var wanted = LaunchContribution()
    guard let info = container.configuration.info, container.configuration.kind != .debug else { return wanted }
    for volume in info.volumes {
      guard let source = try source(of: volume, container) else { continue }
      wanted.namespaces.insert(.mount)
      var place = stat()
      guard stat(source, &place) == 0 else {
        throw ContainerizerError(.isolation, "Cannot look at the volume \(source)", errno: errno)
      }
      let isReadOnly = volume.mode == .ro
      let create = place.st_mode & S_IFMT == S_IFDIR ? LaunchStep.Target.folder : .file
      if volume.containerPath.hasPrefix("/") {
        // Without an image the place is the machine's, where nothing is made.
        wanted.steps += LaunchStep.bind(source, to: volume.containerPath, isReadOnly: isReadOnly)
      } else {
        let parts = try SandboxPath.parts(volume.containerPath)
        let sandbox = try SandboxPath.resolved(container.configuration.directory)
        wanted.steps += LaunchStep.bind(
          source, to: sandbox + "/" + parts.joined(separator: "/"), isReadOnly: isReadOnly, create: create,
          isStrict: true)
      }
    }
    return wanted
  }

  private func source(of volume: Volume, _ container: IsolatedContainer) throws(ContainerizerError) -> String? {
    switch kind {
    case .hostPath:
      var path = ""
      if volume.hasSource, volume.source.type == .hostPath {
        path = volume.source.hostPath.path
      } else if !volume.hasSource, volume.hasHostPath, volume.hostPath.hasPrefix("/") {
        path = volume.hostPath
      } else {
        return nil
      }
      guard path.hasPrefix("/"), !path.split(separator: "/").contains("..") else {
        throw ContainerizerError(.invalid, "The host path '\(path.prefix(200))' of a volume is not absolute")
      }
      if access(path, F_OK) != 0, creation.contains(where: { path == $0 || path.hasPrefix($0 + "/") }) {
        var made = ""
        for part in path.split(separator: "/") {
          made += "/\(part)"
          guard mkdir(made, 0o755) == 0 || errno == EEXIST else {
            throw ContainerizerError(.isolation, "Cannot make \(made)", errno: errno)
          }
        }
      }
      return path
    case .sandboxPath:
      guard volume.hasSource, volume.source.type == .sandboxPath else { return nil }
      let wanted = volume.source.sandboxPath
      let parts = try SandboxPath.parts(wanted.path)
      let sandbox: String
      if wanted.type == .parent {
        guard let parent = container.parentDirectory else {
          throw ContainerizerError(.invalid, "A volume of the parent's sandbox takes a nested container")
        }
        sandbox = parent
      } else {
        guard volume.containerPath.hasPrefix("/") else {
          throw ContainerizerError(.invalid, "A volume of the container's own sandbox takes an absolute container path")
        }
        sandbox = container.configuration.directory
      }
      let user = container.configuration.user
      return try SandboxPath.make(parts, in: sandbox, mode: 0o755, owner: user.map { ($0.uid, $0.gid) })
    }
  }
}

/// Paths in sandboxes, which belong to whoever runs there: no link is followed.
enum SandboxPath {
  static func parts(_ path: String) throws(ContainerizerError) -> [String] {
    let parts = path.split(separator: "/").map(String.init)
    guard !path.hasPrefix("/"), !parts.isEmpty, !parts.contains(".."), !parts.contains(".") else {
      throw ContainerizerError(.invalid, "'\(path.prefix(200))' is no path below a sandbox")
    }
    return parts
  }

  static func resolved(_ path: String) throws(ContainerizerError) -> String {
    guard let text = realpath(path, nil) else {
      throw ContainerizerError(.isolation, "Cannot find \(path)", errno: errno)
    }
    defer { free(text) }
    return String(cString: text)
  }

  /// Makes folders one within another; the last has the mode and owner, where it is new.
  static func make(
    _ parts: [String], in sandbox: String, mode: UInt32, owner: (UInt32, UInt32)?
  ) throws(ContainerizerError) -> String {
    let root = try resolved(sandbox)
    let flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC
    var folder = open(root, flags)
    guard folder >= 0 else { throw ContainerizerError(.isolation, "Cannot open \(sandbox)", errno: errno) }
    defer { close(folder) }
    for (index, part) in parts.enumerated() {
      let isNew = mkdirat(folder, part, 0o755) == 0
      guard isNew || errno == EEXIST else {
        throw ContainerizerError(.isolation, "Cannot make \(part) in \(sandbox)", errno: errno)
      }
      let inner = openat(folder, part, flags)
      guard inner >= 0 else { throw ContainerizerError(.isolation, "Cannot open \(part) in \(sandbox)", errno: errno) }
      close(folder)
      folder = inner
      guard isNew else { continue }
      if let owner, fchown(folder, owner.0, owner.1) != 0 {
        throw ContainerizerError(.isolation, "Cannot give \(part) away", errno: errno)
      }
      if index == parts.count - 1, fchmod(folder, mode) != 0 {
        throw ContainerizerError(.isolation, "Cannot set the mode of \(part)", errno: errno)
      }
    }
    return root + "/" + parts.joined(separator: "/")
  }
}
