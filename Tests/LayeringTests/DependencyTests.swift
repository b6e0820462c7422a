import Foundation
import Testing

/// What depending on a library of the SDK brings along, read from the package's manifest. `scripts/check-sdk` builds such a package.
struct DependencyTests {
  /// The packages that may stand behind the client libraries: each one more is compiled by every framework.
  static let packages: Set<String> = [
    "swift-protobuf", "swift-collections", "swift-log", "swift-metrics", "swift-distributed-tracing", "swift-nio",
    "swift-nio-ssl", "async-http-client", "swift-service-lifecycle",
  ]

  @Test(arguments: ["SchedulerKit", "ExecutorKit", "OperatorKit"])
  func `a client library brings no system library, no server and few packages`(library: String) throws {
    let manifest = try Manifest()
    let closure = manifest.closure(of: library)
    #expect(closure.targets.contains("MesosMessages"), "the manifest is not read as it is written")
    #expect(closure.targets.filter { LayeringTests.serverOnly.contains($0) } == [])
    #expect(closure.targets.filter { manifest.systemLibraries.contains($0) } == [])
    #expect(closure.packages.subtracting(Self.packages) == [])
  }

  @Test func `a library that does use a system library is found`() throws {
    let manifest = try Manifest()
    let closure = manifest.closure(of: "ReferenceMaster")
    #expect(closure.targets.contains { manifest.systemLibraries.contains($0) })
    #expect(closure.packages.contains("GRDB.swift"))
  }
}

/// Libraries and their dependencies as `Package.swift` writes them.
private struct Manifest {
  /// Names of targets and of variables for products, by library.
  private var dependencies: [String: [String]] = [:]
  /// Packages by the variable of their product.
  private var products: [String: String] = [:]
  private(set) var systemLibraries: Set<String> = []

  init() throws {
    let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent()
    let text = try String(contentsOf: root.appending(path: "Package.swift"), encoding: .utf8)
    for match in text.matches(of: /let (\w+) = Target\.Dependency\.product\(\s*name: "[^"]+", package: "([^"]+)"/) {
      products[String(match.1)] = String(match.2)
    }
    for match in text.matches(of: /Library\(\s*name: "(\w+)",\s*dependencies: \[([^\]]*)\]/) {
      dependencies[String(match.1)] = match.2.matches(of: /"?(\w+)"?/).map { String($0.1) }
    }
    systemLibraries = Set(text.matches(of: /\.systemLibrary\(name: "(\w+)"/).map { String($0.1) })
  }

  func closure(of library: String) -> (targets: Set<String>, packages: Set<String>) {
    var targets: Set<String> = []
    var packages: Set<String> = []
    var next = [library]
    while let name = next.popLast() {
      if let package = products[name] {
        packages.insert(package)
      } else if targets.insert(name).inserted {
        next += dependencies[name] ?? []
      }
    }
    return (targets, packages)
  }
}
