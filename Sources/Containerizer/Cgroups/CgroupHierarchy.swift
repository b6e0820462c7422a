import Glibc
import Synchronization

/// Where this machine's cgroups are, and the agent's part of them.
///
/// Containers' cgroups lie below `root` (`mesos` unless told otherwise): `mesos/ID`, nested ones `mesos/ID/mesos/CHILD`. With
/// version 1 there is such a folder in the hierarchy of each controller that is used, with version 2 one that all share, with the processes
/// in its folder `leaf`, as no cgroup that hands controllers on may have processes.
/// - Source: Linux, `Documentation/admin-guide/cgroup-v1/` and `cgroup-v2.rst`; Apache Mesos, `src/linux/cgroups.cpp`,
///   `src/slave/containerizer/mesos/linux_launcher.cpp`.
public final class CgroupHierarchy: Sendable {
  public enum Version: Int, Hashable, Sendable { case v1 = 1, v2 }

  public let version: Version
  /// The path of the agent's cgroup below each hierarchy, without a slash at either end.
  public let root: String
  public let files: any CgroupFiles
  /// The folder of the hierarchy by controller; with version 2 the same for each that the kernel has.
  public let mounts: [String: String]
  /// The folder of the one hierarchy of version 2.
  private let unified: String?
  private let prepared = Mutex<Set<String>>([])

  /// - Throws: ``ContainerizerError`` with code `.invalid` for a root that is no relative path.
  public init(
    version: Version, mounts: [String: String], unified: String? = nil, root: String,
    files: any CgroupFiles = SystemCgroupFiles()
  ) throws(ContainerizerError) {
    let parts = root.split(separator: "/")
    guard !parts.isEmpty, !parts.contains(".."), !parts.contains(".") else {
      throw ContainerizerError(
        .invalid, "The root of cgroups has to be a path below the hierarchy, not '\(root.prefix(200))'")
    }
    self.version = version
    self.mounts = mounts
    self.unified = unified
    self.root = parts.joined(separator: "/")
    self.files = files
  }

  /// Finds out from a table of mounts as `/proc/self/mountinfo` has it.
  ///
  /// Version 1 is taken where its freezer is mounted, else version 2.
  ///
  /// - Parameter hierarchy: Mounts elsewhere do not count.
  /// - Throws: ``ContainerizerError`` with code `.unsupported` where there is neither.
  public static func detect(
    hierarchy: String, root: String, mountinfo: String, files: any CgroupFiles = SystemCgroupFiles()
  ) throws(ContainerizerError) -> CgroupHierarchy {
    var controllers: [String: String] = [:]
    var unified: String?
    let base = hierarchy.hasSuffix("/") ? String(hierarchy.dropLast()) : hierarchy
    for line in mountinfo.split(separator: "\n") {
      guard let dash = line.firstRange(of: " - ") else { continue }
      let before = line[..<dash.lowerBound].split(separator: " ")
      let after = line[dash.upperBound...].split(separator: " ")
      guard before.count > 4, after.count > 2 else { continue }
      let folder = unescaped(before[4])
      guard folder == base || folder.hasPrefix(base + "/") else { continue }
      switch after[0] {
      case "cgroup":
        for option in after[2].split(separator: ",") where Self.controllers.contains(String(option)) {
          controllers[String(option)] = folder
        }
      case "cgroup2": unified = folder
      default: break
      }
    }
    if controllers["freezer"] != nil {
      return try CgroupHierarchy(version: .v1, mounts: controllers, root: root, files: files)
    }
    guard let unified else {
      throw ContainerizerError(
        .unsupported,
        "No cgroups are mounted at \(base): the linux launcher needs the freezer of version 1, or version 2")
    }
    var mounts: [String: String] = [:]
    for name in try files.read(unified + "/cgroup.controllers").split(whereSeparator: \.isWhitespace) {
      mounts[String(name)] = unified
    }
    return try CgroupHierarchy(version: .v2, mounts: mounts, unified: unified, root: root, files: files)
  }

  /// Finds out from this machine's table of mounts.
  public static func detect(hierarchy: String, root: String) throws(ContainerizerError) -> CgroupHierarchy {
    let files = SystemCgroupFiles()
    return try detect(hierarchy: hierarchy, root: root, mountinfo: try files.read("/proc/self/mountinfo"), files: files)
  }

  static let controllers: Set<String> = [
    "blkio", "cpu", "cpuacct", "cpuset", "devices", "freezer", "hugetlb", "memory", "net_cls", "net_prio", "perf_event",
    "pids",
  ]

  private static func unescaped(_ text: Substring) -> String {
    guard text.contains("\\") else { return String(text) }
    var bytes: [UInt8] = []
    var rest = text.utf8[...]
    while let byte = rest.popFirst() {
      let digits = rest.prefix(3)
      if byte == UInt8(ascii: "\\"), digits.count == 3, let value = UInt8(String(Substring(digits)), radix: 8) {
        bytes.append(value)
        rest = rest.dropFirst(3)
      } else {
        bytes.append(byte)
      }
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  public func has(_ controller: String) -> Bool { mounts[controller] != nil }

  /// The cgroup of a container for a controller, as a path of the machine's.
  public func folder(of id: NestedContainerID, _ controller: String) -> String {
    "\(base(controller))/\(root)/\(id.cgroupPath)"
  }

  /// The cgroup that the launcher keeps a container's processes together in.
  public func processFolder(of id: NestedContainerID) -> String {
    version == .v1 ? folder(of: id, "freezer") : folder(of: id, "") + "/leaf"
  }

  private func base(_ controller: String) -> String { unified ?? mounts[controller] ?? "/sys/fs/cgroup/\(controller)" }

  /// Makes the agent's own cgroup for a controller, and lets those below it have it.
  func prepareRoot(_ controller: String) throws(ContainerizerError) {
    guard version == .v2 || has(controller) else {
      throw ContainerizerError(.unsupported, "The cgroup controller '\(controller)' is not mounted")
    }
    guard !prepared.withLock({ $0.contains(controller) }) else { return }
    var path = base(controller)
    for part in root.split(separator: "/") {
      if version == .v2 { try handOn(controller, at: path) }
      path += "/\(part)"
      try files.makeFolder(path)
      try fill(path, controller)
    }
    if version == .v2 { try handOn(controller, at: path) }
    prepared.withLock { _ = $0.insert(controller) }
  }

  /// Makes a container's cgroup for a controller.
  func make(_ id: NestedContainerID, _ controller: String) throws(ContainerizerError) {
    try prepareRoot(controller)
    var path = "\(base(controller))/\(root)"
    for (index, value) in id.values.enumerated() {
      if index > 0 {
        if version == .v2 { try handOn(controller, at: path) }
        path += "/mesos"
        try files.makeFolder(path)
        try fill(path, controller)
        if version == .v2 { try handOn(controller, at: path) }
      }
      path += "/\(value)"
      try files.makeFolder(path)
      try fill(path, controller)
    }
    if version == .v2 {
      path += "/leaf"
      try files.makeFolder(path)
    }
  }

  /// A new cpuset of version 1 is empty, and takes no process until it has what its parent has.
  private func fill(_ path: String, _ controller: String) throws(ContainerizerError) {
    guard version == .v1, controller == "cpuset", let slash = path.lastIndex(of: "/") else { return }
    for file in ["cpuset.cpus", "cpuset.mems"] {
      guard try files.read("\(path)/\(file)").allSatisfy(\.isWhitespace) else { continue }
      let above = try files.read("\(path[..<slash])/\(file)")
      try files.write(String(above.prefix { !$0.isNewline }), to: "\(path)/\(file)")
    }
  }

  private func handOn(_ controller: String, at path: String) throws(ContainerizerError) {
    guard !controller.isEmpty else { return }
    let file = path + "/cgroup.subtree_control"
    guard !(try files.read(file)).split(whereSeparator: \.isWhitespace).contains(Substring(controller)) else { return }
    try files.write("+\(controller)", to: file)
  }

  /// Puts a process, with all its threads, into a container's cgroup.
  func assign(_ pid: Int32, to id: NestedContainerID, _ controller: String) throws(ContainerizerError) {
    let folder = folder(of: id, controller)
    try files.write("\(pid)", to: version == .v1 ? "\(folder)/cgroup.procs" : "\(folder)/leaf/cgroup.procs")
  }

  /// The processes in a cgroup and those below it, sorted; none where it is not there.
  func processes(below folder: String) throws(ContainerizerError) -> [Int32] {
    guard files.exists(folder) else { return [] }
    var found: Set<Int32> = []
    var queue = [folder]
    while let next = queue.popLast() {
      do throws(ContainerizerError) {
        found.formUnion(
          try files.read(next + "/cgroup.procs").split(whereSeparator: \.isWhitespace).compactMap { Int32($0) })
      } catch {
        // Removed meanwhile.
        guard error.errno == ENOENT || error.errno == ENODEV else { throw error }
      }
      queue += try files.folders(in: next).map { "\(next)/\($0)" }
    }
    return found.sorted()
  }

  /// Removes a cgroup with those below it; the innermost first. Nothing where it is not there.
  ///
  /// - Throws: ``ContainerizerError``; `errno` is `EBUSY` while a process, perhaps one that is just ending, is in it.
  func remove(_ folder: String) throws(ContainerizerError) {
    for name in try files.folders(in: folder) { try remove("\(folder)/\(name)") }
    try files.removeFolder(folder)
  }

  /// The containers that have a cgroup for a controller.
  func containers(_ controller: String) throws(ContainerizerError) -> Set<NestedContainerID> {
    var found: Set<NestedContainerID> = []
    var queue: [(path: String, values: [String])] = [("\(base(controller))/\(root)", [])]
    while let (path, values) = queue.popLast() {
      for name in try files.folders(in: path) {
        // Others' cgroups below the agent's are left alone.
        guard let id = try? NestedContainerID(values + [name]) else { continue }
        if version == .v2, name == "leaf" { continue }
        found.insert(id)
        queue.append(("\(path)/\(name)/mesos", id.values))
      }
    }
    return found
  }
}
