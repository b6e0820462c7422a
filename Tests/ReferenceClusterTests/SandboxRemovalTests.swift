import AgentCore
import Foundation
import SandboxFiles
import Testing

@testable import ReferenceAgent

@Suite(.timeLimit(.minutes(1))) struct SandboxRemovalTests {
  /// Runs `body` with folders in a folder that goes afterwards.
  private static func withFolders(_ names: [String], _ body: ([String]) async throws -> Void) async throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "swift-mesos-\(UUID().uuidString)").path
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let paths = names.map { "\(folder)/\($0)" }
    for path in paths {
      try FileManager.default.createDirectory(atPath: path + "/inner", withIntermediateDirectories: true)
      try Data("text".utf8).write(to: URL(fileURLWithPath: path + "/inner/file"))
    }
    try await body(paths)
  }

  @Test func `sandboxes are removed with all that is in them, and no longer shown`() async throws {
    try await Self.withFolders(["a", "b", "c", "kept"]) { paths in
      let files = FileTree()
      for (index, path) in paths.enumerated() { try files.attach(path, as: "/sandbox/\(index)") }
      let removals = SandboxRemovals(delay: .milliseconds(20), files: files)
      await withTaskGroup(of: Void.self) { group in
        group.addTask { await removals.run() }
        for path in paths.dropLast() { removals.add(path) }
        while paths.dropLast().contains(where: FileManager.default.fileExists(atPath:)) { await Task.yield() }
        group.cancelAll()
      }
      #expect(files.attachments.map(\.virtualPath) == ["/sandbox/3"])
      #expect(removals.count == 0)
      #expect(FileManager.default.fileExists(atPath: paths[3] + "/inner/file"))
    }
  }

  @Test func `a disk without headroom takes the sandboxes at once`() async throws {
    try await Self.withFolders(["a", "b"]) { paths in
      // All of the disk is to stay free, so nothing may wait.
      let full = SandboxRemovals(delay: .seconds(3_600), headroom: 1, files: FileTree())
      for path in paths { full.add(path) }
      full.checkDisk(paths[0])
      #expect(full.metrics == SandboxRemovals.Metrics(pending: 0, succeeded: 2, failed: 0))
      #expect(!paths.contains(where: FileManager.default.fileExists(atPath:)))
      let used = try #require(SandboxRemovals.usage(of: "/"))
      #expect((0...1).contains(used))
      #expect(SandboxRemovals.usage(of: "/nonexistent") == nil)
    }
  }

  @Test func `what waits is kept when the agent ends`() async throws {
    try await Self.withFolders(["now", "later"]) { paths in
      let removals = SandboxRemovals(delay: .seconds(3_600), files: FileTree())
      await withTaskGroup(of: Void.self) { group in
        group.addTask { await removals.run() }
        for path in paths { removals.add(path) }
        group.cancelAll()
      }
      #expect(removals.count == 2)
      #expect(paths.allSatisfy(FileManager.default.fileExists(atPath:)))
    }
  }

  @Test func `a folder is emptied however deep it is, and without following links`() async throws {
    try await Self.withFolders(["deep", "kept"]) { paths in
      // Deeper than a process may have files open, and than a path may be long.
      var folder = open(paths[0], O_RDONLY | O_DIRECTORY)
      for _ in 0..<3_000 {
        #expect(mkdirat(folder, "d", 0o700) == 0)
        let inner = openat(folder, "d", O_RDONLY | O_DIRECTORY)
        close(folder)
        folder = inner
      }
      #expect(symlinkat(paths[1], folder, "link") == 0)
      close(folder)
      let handle = try #require(opendir(paths[0]))
      #expect(Sandbox.removeContents(of: handle))
      #expect(try FileManager.default.contentsOfDirectory(atPath: paths[0]) == [])
      #expect(FileManager.default.fileExists(atPath: paths[1] + "/inner/file"))
    }
  }

  @Test func `a volume is not shown outside of a sandbox by a link that a task made in it`() async throws {
    try await Self.withFolders(["sandbox", "volume", "elsewhere"]) { paths in
      func show(at path: String) throws {
        try Volumes.link(
          VolumeLink(path: paths[1], containerPath: path, changesOwner: false), in: paths[0])
      }
      try FileManager.default.createSymbolicLink(atPath: paths[0] + "/out", withDestinationPath: paths[2])
      #expect(throws: SandboxError.self) { try show(at: "out/data") }
      #expect(try FileManager.default.contentsOfDirectory(atPath: paths[2]) == ["inner"])
      try show(at: "a/b/data")
      try show(at: "a/b/data")
      #expect(FileManager.default.fileExists(atPath: paths[0] + "/a/b/data/inner/file"))
    }
  }
}
