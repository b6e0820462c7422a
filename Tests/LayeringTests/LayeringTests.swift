import Foundation
import Testing

/// Imports point down only: what each library may import is written here, and every file is held to it.
struct LayeringTests {
  /// Targets that decide: no I/O, no clock, no chance, no dictionary order.
  static let cores = [
    "MesosAllocator", "MesosAuthorization", "MasterCore", "AgentCore", "SchedulerCore", "DemandCore", "ExecutorCore",
    "OperatorCore",
  ]

  /// What a core may import: the model, the messages of the agent link, other cores below it, and collections.
  static let coreImports: Set<String> = [
    "MesosMessages", "MesosModel", "AgentLinkModel", "MesosAllocator", "MesosAuthorization", "SwiftProtobuf",
    "Collections",
    "OrderedCollections",
    "DequeModule", "HeapModule", "BasicContainers",
  ]

  /// Libraries of the SDK: pure Swift packages, no system library, none of the server's parts.
  static let sdk = [
    "MesosMessages", "MesosModel", "AgentLinkModel", "MesosHTTP", "MesosHTTPClient", "AgentLink", "SchedulerKit",
    "ExecutorKit", "OperatorKit", "MesosRuntime", "SchedulerSimulation", "MesosDiscovery", "ResourceProviderKit",
  ]
  static let serverOnly: Set<String> = [
    "Hummingbird", "GRDB", "CYajl", "CZlib", "StreamingJSON", "StateStorage", "ReferenceMaster", "ReferenceAgent",
    "MesosHTTPServer", "MesosSecurity", "SandboxFiles", "ProcessLaunch", "ClusterView", "Fetcher", "FetchWork",
    "CArchive", "CCurl", "CLibcrypto", "Containerizer", "CSeccomp",
  ]

  /// Words that a core must not use: clocks, chance, files, processes and the environment.
  static let forbiddenInCores = [
    "ContinuousClock", "SuspendingClock", "clock_gettime", "Date()", "SystemRandomNumberGenerator", ".random(in:",
    ".shuffled()",
    "FileManager", "FileHandle", "fopen(", "getenv(", " Task {", "Task.detached", "Task.sleep", "await ",
  ]

  @Test(arguments: cores)
  func `a core imports nothing that does I/O, tells the time or draws lots`(target: String) throws {
    let files = try Source.files(of: target)
    #expect(!files.isEmpty, "no sources for \(target)")
    for file in files {
      #expect(Violations.imports(in: file, allowed: Self.coreImports) == [], "\(file.path)")
      #expect(Violations.words(in: file, forbidden: Self.forbiddenInCores) == [], "\(file.path)")
    }
  }

  @Test(arguments: sdk)
  func `a library of the SDK imports no part of the servers`(target: String) throws {
    for file in try Source.files(of: target) {
      #expect(file.imports.filter { Self.serverOnly.contains($0) } == [], "\(file.path)")
    }
  }

  @Test func `the simulated cluster does no I/O, tells no time and draws no lots of its own`() throws {
    let cores: Set<String> = ["MasterCore", "AgentCore", "SchedulerCore", "ExecutorCore", "AgentLink", "MesosTestKit"]
    for file in try Source.files(of: "MesosSimulation") {
      #expect(Violations.imports(in: file, allowed: Self.coreImports.union(cores)) == [], "\(file.path)")
      #expect(Violations.words(in: file, forbidden: Self.forbiddenInCores) == [], "\(file.path)")
    }
  }

  @Test func `ZooKeeper's session decides as a core does: without I/O, time or chance of its own`() throws {
    let files = try Source.files(of: "MesosDiscovery").filter {
      $0.path.hasPrefix("ZooKeeper/Session/") || $0.path.hasPrefix("ZooKeeper/Codec/")
    }
    #expect(files.count > 5)
    for file in files {
      #expect(Violations.imports(in: file, allowed: Self.coreImports) == [], "\(file.path)")
      #expect(Violations.words(in: file, forbidden: Self.forbiddenInCores) == [], "\(file.path)")
    }
  }

  @Test func `no core imports the wire and the wire imports no core`() throws {
    for target in ["MesosHTTP", "MesosHTTPClient", "MesosHTTPServer", "AgentLink"] {
      for file in try Source.files(of: target) {
        #expect(file.imports.filter { Self.cores.contains($0) } == [], "\(file.path)")
      }
    }
  }

  @Test(arguments: [
    "import NIOCore", "public import Foundation", "@preconcurrency import Dispatch", "import struct Foundation.Date",
  ])
  func `an import that does not belong in a core is found`(line: String) {
    let planted = Source(path: "planted.swift", text: "import MesosModel\n\(line)\n")
    #expect(Violations.imports(in: planted, allowed: Self.coreImports).count == 1)
  }

  @Test(arguments: ["let now = ContinuousClock.now", "FileManager.default.removeItem", "Int.random(in: 0..<3)"])
  func `a clock, a file or chance in a core is found`(line: String) {
    let planted = Source(
      path: "planted.swift", text: "import MesosModel\n// ContinuousClock may be named here\n\(line)\n")
    #expect(Violations.words(in: planted, forbidden: Self.forbiddenInCores).count == 1)
  }

  @Test func `nothing that comes from outside can trap`() throws {
    let traps = ["try!", "fatalError("]
    for file in try Source.files(of: nil) where !file.path.hasSuffix(".pb.swift") {
      #expect(Violations.words(in: file, forbidden: traps) == [], "\(file.path)")
    }
  }
}

/// A source file as the checks see it.
struct Source {
  var path: String
  var text: String

  /// The sources of one target, or of all of them.
  static func files(of target: String?) throws -> [Source] {
    let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent()
    let folder = root.appending(path: "Sources" + (target.map { "/" + $0 } ?? ""))
    var files: [Source] = []
    let names = try FileManager.default.subpathsOfDirectory(atPath: folder.path).sorted()
    for name in names where name.hasSuffix(".swift") {
      let url = folder.appending(path: name)
      files.append(Source(path: name, text: try String(contentsOf: url, encoding: .utf8)))
    }
    return files
  }

  /// The modules imported, once for each line.
  var imports: [String] {
    text.split(separator: "\n").compactMap { line in
      let words = line.split(whereSeparator: { $0 == " " || $0 == "\t" })
      guard let at = words.firstIndex(of: "import"), at + 1 < words.endIndex,
        words[..<at].allSatisfy({
          $0.hasPrefix("@") || ["public", "internal", "package", "private", "fileprivate"].contains($0)
        })
      else { return nil }
      let kinds: Set<Substring> = ["struct", "class", "enum", "func", "protocol", "typealias", "var", "let"]
      let name = kinds.contains(words[at + 1]) && at + 2 < words.endIndex ? words[at + 2] : words[at + 1]
      return String(name.split(separator: ".")[0])
    }
  }
}

enum Violations {
  static func imports(in file: Source, allowed: Set<String>) -> [String] {
    file.imports.filter { !allowed.contains($0) }
  }

  /// Lines, without their comments, that hold one of the words.
  static func words(in file: Source, forbidden: [String]) -> [String] {
    file.text.split(separator: "\n").compactMap { line in
      let code = line.components(separatedBy: "//")[0]
      // Chance from a generator that was passed in is no chance of the core's own.
      let words = code.contains("using:") ? forbidden.filter { !$0.hasPrefix(".random") } : forbidden
      return words.contains { code.contains($0) } ? String(line) : nil
    }
  }
}
