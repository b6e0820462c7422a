import Containerizer
import Foundation
import Glibc
import Logging
import MesosModel
import ProcessLaunch
import SwiftProtobuf
import Testing

/// What tests of real containers need: a folder, cgroups, the helper and the probe, all of their own.
final class ContainerWorkshop: Sendable {
  /// Whether real containers can be made here: it takes root, and the controllers of version 1 that the tests use.
  static let isPossible: Bool = {
    guard geteuid() == 0, let cgroups = try? CgroupHierarchy.detect(hierarchy: "/sys/fs/cgroup", root: "probe") else {
      return false
    }
    return cgroups.version == .v1 && ["cpu", "cpuacct", "memory", "pids"].allSatisfy { cgroups.has($0) }
  }()
  static let why: Comment = "skipped: takes root and cgroups of version 1 (cpu, cpuacct, memory, pids, freezer)"

  static let programs = URL(filePath: CommandLine.arguments[0]).resolvingSymlinksInPath().deletingLastPathComponent()
  static var helper: String { program("mesos-launch") }
  static var probe: String { program("container-probe") }

  private static func program(_ name: String) -> String {
    let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent()
    return root.appending(path: ".build/debug/\(name)").path
  }

  let folder: String
  let root: String
  let cgroups: CgroupHierarchy
  let watcher: ProcessWatcher
  let descriptors: DescriptorWatcher

  init(cgroups given: CgroupHierarchy? = nil) throws {
    let name = "swift-mesos-test-\(getpid())-\(UInt32.random(in: 0 ..< .max))"
    // Not below /tmp, which containers may have of their own.
    folder = "/var/tmp/\(name)"
    root = name
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    cgroups = try given ?? CgroupHierarchy.detect(hierarchy: "/sys/fs/cgroup", root: root)
    watcher = try ProcessWatcher()
    descriptors = try DescriptorWatcher()
  }

  func containerizer(
    _ isolators: [any Isolator] = [], launcher: (any Launcher)? = nil, runsInit: Bool = true
  ) throws -> Containerizer {
    var configuration = Containerizer.Configuration(runtimeDirectory: folder + "/run")
    configuration.runsInit = runsInit
    configuration.destroyTimeout = .seconds(30)
    return Containerizer(
      configuration: configuration, launcher: try launcher ?? LinuxLauncher(helper: Self.helper, cgroups: cgroups),
      isolators: isolators, watcher: watcher, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
  }

  func sandbox(_ name: String) throws -> String {
    let path = "\(folder)/sandboxes/\(name)"
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    return path
  }

  func configuration(
    _ name: String, _ words: [String], cpus: Double? = nil, mem: Double? = nil, limits: [String: Double] = [:],
    info: ContainerInfo? = nil, user: UserIdentity? = nil
  ) throws -> ContainerConfiguration {
    var resources: [Resource] = []
    for (name, value) in [("cpus", cpus), ("mem", mem)] {
      guard let value else { continue }
      resources.append(
        .with {
          $0.name = name
          $0.type = .scalar
          $0.scalar.value = value
        })
    }
    return ContainerConfiguration(
      program: .program(path: Self.probe, arguments: ["probe"] + words), environment: [("PATH", "/usr/bin:/bin")],
      directory: try sandbox(name), user: user, resources: resources, limits: limits, info: info)
  }

  /// What the probe said in its sandbox, by name.
  func said(_ name: String) throws -> [String: String] {
    var values: [String: String] = [:]
    for line in try String(contentsOfFile: "\(folder)/sandboxes/\(name)/stdout", encoding: .utf8).split(separator: "\n")
    {
      let parts = line.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      if parts.count == 2 { values[String(parts[0])] = String(parts[1]) }
    }
    return values
  }

  /// Runs the probe to its end.
  func run(
    _ containerizer: Containerizer, _ name: String, _ configuration: ContainerConfiguration
  ) async throws -> ContainerTermination {
    let id = try NestedContainerID([name])
    _ = try await containerizer.run(id, configuration)
    return try #require(try await containerizer.wait(id))
  }

  /// The cgroups of this test that are there, in every hierarchy.
  func leftovers() throws -> [String] {
    try Set(cgroups.mounts.values).sorted().flatMap { mount in
      try cgroups.files.folders(in: "\(mount)/\(root)").map { "\(mount)/\(root)/\($0)" }
    }
  }

  deinit {
    for mount in Set(cgroups.mounts.values) { try? cgroups.files.removeFolder("\(mount)/\(root)") }
    try? FileManager.default.removeItem(atPath: folder)
  }
}
