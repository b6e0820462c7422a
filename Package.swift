// swift-tools-version: 6.2
import PackageDescription

// One array for every target of ours: what the language checks is the same everywhere.
var settings: [SwiftSetting] = [
  .swiftLanguageMode(.v6),
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("MemberImportVisibility"),
  .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
  .enableUpcomingFeature("InferIsolatedConformances"),
]
if Context.environment["CI"] != nil { settings.append(.treatAllWarnings(as: .error)) }

let protobuf = Target.Dependency.product(name: "SwiftProtobuf", package: "swift-protobuf")
let collections = Target.Dependency.product(name: "Collections", package: "swift-collections")
let logging = Target.Dependency.product(name: "Logging", package: "swift-log")
let metrics = Target.Dependency.product(name: "CoreMetrics", package: "swift-metrics")
let tracing = Target.Dependency.product(name: "Tracing", package: "swift-distributed-tracing")
let inMemoryTracing = Target.Dependency.product(name: "InMemoryTracing", package: "swift-distributed-tracing")
let lifecycle = Target.Dependency.product(name: "ServiceLifecycle", package: "swift-service-lifecycle")
let lifecycleTestKit = Target.Dependency.product(name: "ServiceLifecycleTestKit", package: "swift-service-lifecycle")
let signals = Target.Dependency.product(name: "UnixSignals", package: "swift-service-lifecycle")
let arguments = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")
let nioCore = Target.Dependency.product(name: "NIOCore", package: "swift-nio")
let nioPosix = Target.Dependency.product(name: "NIOPosix", package: "swift-nio")
let nioHTTP1 = Target.Dependency.product(name: "NIOHTTP1", package: "swift-nio")
let nioSSL = Target.Dependency.product(name: "NIOSSL", package: "swift-nio-ssl")
let httpTypes = Target.Dependency.product(name: "HTTPTypes", package: "swift-http-types")
let asyncHTTPClient = Target.Dependency.product(name: "AsyncHTTPClient", package: "async-http-client")
let hummingbird = Target.Dependency.product(name: "Hummingbird", package: "hummingbird")
let hummingbirdCore = Target.Dependency.product(name: "HummingbirdCore", package: "hummingbird")
let grdb = Target.Dependency.product(name: "GRDB", package: "GRDB.swift")

/// A library target; each is a product and useful alone.
struct Library {
  var name: String
  var dependencies: [Target.Dependency]
}

let libraries: [Library] = [
  // 0 model
  Library(name: "MesosMessages", dependencies: [protobuf]),
  Library(name: "MesosModel", dependencies: ["MesosMessages", protobuf]),
  Library(name: "AgentLinkModel", dependencies: ["MesosMessages", protobuf]),
  // 1 wire
  Library(name: "MesosHTTP", dependencies: ["MesosModel", protobuf]),
  Library(
    name: "MesosHTTPClient",
    dependencies: ["MesosHTTP", "MesosModel", protobuf, asyncHTTPClient, nioCore, nioPosix, nioHTTP1, nioSSL, logging]),
  Library(
    name: "MesosHTTPServer",
    dependencies: [
      "MesosHTTP", "MesosModel", hummingbird, hummingbirdCore, httpTypes, nioCore, nioPosix, nioHTTP1, logging,
      lifecycle, collections,
    ]),
  Library(name: "AgentLink", dependencies: ["AgentLinkModel", "MesosModel", "MesosHTTP", protobuf, collections]),
  // 2 cores
  Library(name: "MesosAllocator", dependencies: ["MesosModel", collections]),
  Library(name: "MesosAuthorization", dependencies: ["MesosModel"]),
  Library(
    name: "MasterCore",
    dependencies: [
      "MesosModel", "AgentLinkModel", "MesosAllocator", "MesosAuthorization", protobuf, collections,
    ]),
  Library(name: "AgentCore", dependencies: ["MesosModel", "AgentLinkModel", protobuf, collections]),
  Library(name: "SchedulerCore", dependencies: ["MesosModel", collections]),
  Library(name: "DemandCore", dependencies: ["MesosModel", collections]),
  Library(name: "ExecutorCore", dependencies: ["MesosModel", protobuf, collections]),
  Library(name: "OperatorCore", dependencies: ["MesosModel", protobuf, collections]),
  // test
  Library(
    name: "MesosSimulation",
    dependencies: [
      "MasterCore", "AgentCore", "SchedulerCore", "ExecutorCore", "AgentLink", "AgentLinkModel", "MesosModel",
      "MesosTestKit", protobuf, collections,
    ]),
  // 3 shells and leaf services
  Library(name: "MesosRuntime", dependencies: ["MesosModel"]),
  Library(
    name: "MesosDiscovery",
    dependencies: [
      "MesosRuntime", "MesosModel", "MesosHTTP", "MesosHTTPClient", nioCore, nioPosix, collections, logging, lifecycle,
    ]),
  Library(
    name: "SchedulerKit",
    dependencies: [
      "SchedulerCore", "DemandCore", "MesosDiscovery", "MesosRuntime", "MesosModel", "MesosHTTP", "MesosHTTPClient",
      collections, logging, lifecycle, metrics, tracing,
    ]),
  Library(
    name: "SchedulerSimulation",
    dependencies: ["SchedulerKit", "MesosSimulation", "MesosRuntime", "MesosModel", "MesosTestKit", collections]),
  Library(
    name: "ExecutorKit",
    dependencies: [
      "ExecutorCore", "MesosRuntime", "MesosModel", "MesosHTTP", "MesosHTTPClient", collections, logging, lifecycle,
      metrics, tracing,
    ]),
  Library(
    name: "OperatorKit",
    dependencies: [
      "OperatorCore", "MesosRuntime", "MesosModel", "MesosHTTP", "MesosHTTPClient", protobuf, collections, logging,
    ]),
  Library(name: "ResourceProviderKit", dependencies: ["MesosModel", "MesosHTTP", "MesosHTTPClient", protobuf]),
  Library(
    name: "ClusterView",
    dependencies: ["MasterCore", "MesosAuthorization", "MesosModel", "MesosHTTP", protobuf, collections]),
  Library(name: "StateStorage", dependencies: [grdb]),
  Library(name: "StreamingJSON", dependencies: ["CYajl"]),
  Library(name: "ServerFlags", dependencies: []),
  Library(
    name: "MesosSecurity",
    dependencies: ["MesosAuthorization", "MesosModel", "MesosHTTP", "MesosHTTPServer", "StreamingJSON"]),
  Library(name: "ShellSupport", dependencies: ["MesosModel", "ServerFlags", logging]),
  Library(name: "SandboxFiles", dependencies: []),
  Library(
    name: "ServerPages",
    dependencies: [
      "MesosModel", "MesosHTTP", "MesosHTTPServer", "SandboxFiles", "StreamingJSON", "ServerFlags", "ShellSupport",
      "CZlib",
    ]),
  Library(name: "ProcessLaunch", dependencies: ["CProcessLaunch"]),
  Library(name: "Fetcher", dependencies: ["MesosModel", "ProcessLaunch", "ShellSupport", collections, logging]),
  Library(
    name: "FetchWork", dependencies: ["Fetcher", "MesosModel", "ProcessLaunch", "CArchive", "CCurl", "CLibcrypto"]),
  Library(
    name: "Containerizer",
    dependencies: [
      "ProcessLaunch", "CProcessLaunch", "CContainerLaunch", "CSeccomp", "StreamingJSON", "ShellSupport", "MesosModel",
      protobuf, logging,
    ]),
  Library(
    name: "ReferenceMaster",
    dependencies: [
      "MasterCore", "ClusterView", "MesosModel", "AgentLinkModel", "AgentLink", "MesosHTTP", "MesosHTTPServer",
      "MesosAuthorization", "MesosSecurity", "ServerPages", "ShellSupport", "StateStorage", "StreamingJSON",
      "ServerFlags", "SandboxFiles", "MesosAllocator",
      "MesosDiscovery",
      protobuf,
      logging, lifecycle, collections,
      nioCore, nioPosix, httpTypes,
    ]),
  Library(
    name: "ReferenceAgent",
    dependencies: [
      collections,
      "AgentCore", "MesosModel", "AgentLinkModel", "AgentLink", "MesosHTTP", "MesosHTTPServer", "MesosHTTPClient",
      "MesosAuthorization", "MesosSecurity", "MesosDiscovery", "ServerPages", "ShellSupport", "StateStorage",
      "StreamingJSON", "ServerFlags", "SandboxFiles",
      "ProcessLaunch", "Fetcher",
      protobuf,
      logging, lifecycle,
      nioCore, nioPosix, httpTypes,
    ]),
  Library(
    name: "AgentLoad",
    dependencies: [
      "AgentCore", "ExecutorCore", "MesosModel", "AgentLinkModel", "AgentLink", "MesosHTTP", "MesosHTTPClient",
      "SchedulerKit", "ShellSupport", collections, lifecycle, logging,
    ]),
]

let executables: [Target] = [
  .executableTarget(
    name: "mesos-master",
    dependencies: ["ReferenceMaster", "ServerFlags", "ShellSupport", logging, lifecycle, signals],
    swiftSettings: settings),
  .executableTarget(
    name: "mesos-agent", dependencies: ["ReferenceAgent", "ServerFlags", "ShellSupport", logging, lifecycle, signals],
    swiftSettings: settings),
  .executableTarget(
    name: "mesos-executor", dependencies: ["ExecutorCore", "MesosModel", "MesosHTTP", "ProcessLaunch", protobuf],
    swiftSettings: settings),
  .executableTarget(name: "mesos-fetcher", dependencies: ["FetchWork"], swiftSettings: settings),
  // In C and linked statically: it starts in a millisecond, and in a container whose file system has no libraries.
  .executableTarget(
    name: "mesos-launch", dependencies: ["CContainerLaunch"],
    linkerSettings: [.unsafeFlags(["-nostartfiles", "-static-executable"], .when(platforms: [.linux]))]),
  .executableTarget(name: "simulate-seeds", dependencies: ["MesosSimulation", "MesosModel"], swiftSettings: settings),
  .executableTarget(
    name: "mesos",
    dependencies: [
      "AgentLoad", "ReferenceMaster", "ReferenceAgent", "SchedulerKit", "OperatorKit", "MesosModel", "MesosHTTP",
      "MesosHTTPClient", "ServerFlags", "ShellSupport",
      arguments, protobuf,
      logging, lifecycle, signals,
    ],
    swiftSettings: settings),
]

let tests: [Target] = [
  .testTarget(
    name: "MesosModelTests", dependencies: ["MesosModel", "MesosTestKit", protobuf],
    resources: [.copy("Fixtures")], swiftSettings: settings),
  .testTarget(
    name: "MesosHTTPTests",
    dependencies: [
      "MesosHTTP", "MesosHTTPClient", "MesosHTTPServer", "MesosModel", "MesosTestKit", "TransportTestKit", hummingbird,
      nioCore, nioPosix, logging, lifecycle,
    ],
    swiftSettings: settings),
  .testTarget(
    name: "AgentLinkTests", dependencies: ["AgentLink", "AgentLinkModel", "MesosModel", "MesosTestKit"],
    swiftSettings: settings),
  .testTarget(
    name: "MesosAllocatorTests", dependencies: ["MesosAllocator", "MesosModel", "MesosTestKit"], swiftSettings: settings
  ),
  .testTarget(
    name: "MasterCoreTests",
    dependencies: [
      "MasterCore", "AgentLinkModel", "MesosAllocator", "MesosAuthorization", "MesosModel", "MesosTestKit",
      "ClusterView",
      "OperatorCore", "MesosHTTP", protobuf,
    ],
    swiftSettings: settings),
  .testTarget(
    name: "AgentCoreTests", dependencies: ["AgentCore", "AgentLinkModel", "MesosModel", "MesosTestKit"],
    swiftSettings: settings),
  .testTarget(
    name: "DemandCoreTests", dependencies: ["DemandCore", "MesosModel", "MesosTestKit"], swiftSettings: settings),
  .testTarget(
    name: "SchedulerKitTests",
    dependencies: [
      "SchedulerCore", "SchedulerKit", "MesosDiscovery", "MesosHTTP", "MesosHTTPClient", "MesosHTTPServer",
      "MesosModel", "MesosTestKit", "TransportTestKit", "ZooKeeperTestServer", lifecycle, lifecycleTestKit, logging,
      metrics, tracing,
      inMemoryTracing,
    ],
    swiftSettings: settings),
  .testTarget(
    name: "MesosDiscoveryTests",
    dependencies: [
      "MesosDiscovery", "MesosHTTP", "MesosHTTPServer", "MesosModel", "MesosRuntime", "MesosTestKit",
      "ZooKeeperTestServer", logging, lifecycle,
    ],
    swiftSettings: settings),
  .testTarget(
    name: "SchedulerSimulationTests",
    dependencies: [
      "AgentCore", "MasterCore", "SchedulerSimulation", "MesosSimulation", "SchedulerKit", "MesosHTTP", "MesosRuntime",
      "MesosModel",
      "MesosTestKit", "TransportTestKit",
    ],
    swiftSettings: settings),
  .testTarget(
    name: "ExecutorKitTests",
    dependencies: [
      "ExecutorCore", "ExecutorKit", "MesosHTTP", "MesosHTTPServer", "MesosModel", "MesosTestKit", "TransportTestKit",
      lifecycle, lifecycleTestKit, logging, metrics, tracing, inMemoryTracing,
    ],
    swiftSettings: settings),
  .testTarget(
    name: "OperatorKitTests",
    dependencies: [
      "OperatorCore", "OperatorKit", "MesosHTTP", "MesosHTTPClient", "MesosHTTPServer", "MesosModel", "MesosTestKit",
      "TransportTestKit", "ReferenceMaster", "SchedulerKit", protobuf, logging, lifecycle,
    ],
    swiftSettings: settings),
  .testTarget(
    name: "ClusterViewTests",
    dependencies: [
      "ClusterView", "MasterCore", "MesosAuthorization", "MesosModel", "MesosHTTP", "MesosTestKit", protobuf,
    ],
    swiftSettings: settings),
  .testTarget(
    name: "LeafTests",
    dependencies: [
      "StateStorage", "StreamingJSON", "ServerFlags", "ServerPages", "SandboxFiles", "ProcessLaunch", "ShellSupport",
      "MesosAuthorization", "MesosSecurity", "MesosModel", "MesosHTTP", "MesosHTTPServer", "MesosTestKit",
      grdb, logging,
    ],
    swiftSettings: settings),
  .testTarget(
    name: "FetcherTests",
    dependencies: [
      "Fetcher", "FetchWork", "MesosModel", "ProcessLaunch", "CArchive", "MesosTestKit", protobuf, nioCore, nioPosix,
      nioHTTP1, logging,
    ],
    swiftSettings: settings),
  .testTarget(
    name: "ContainerizerTests",
    dependencies: [
      "Containerizer", "CContainerLaunch", "ProcessLaunch", "MesosModel", "MesosTestKit", "mesos-launch",
      "container-probe", protobuf, logging,
    ],
    swiftSettings: settings),
  .testTarget(
    name: "ReferenceClusterTests",
    dependencies: [
      "ReferenceMaster", "ReferenceAgent", "SchedulerKit", "ExecutorKit", "MesosHTTP", "MesosHTTPClient", "MesosModel",
      "MesosAuthorization", "MesosSecurity", "OperatorKit", "MasterCore", "AgentCore", "mesos", "MesosTestKit",
      "ProcessLaunch", "SandboxFiles",
      "ShellSupport",
      "MesosDiscovery", "ResourceProviderKit",
      "ZooKeeperTestServer",
      logging, lifecycle, protobuf,
    ],
    exclude: ["Fixtures"], swiftSettings: settings),
  .testTarget(
    name: "MesosSimulationTests",
    dependencies: ["MesosSimulation", "MasterCore", "MesosModel", "MesosTestKit", protobuf],
    swiftSettings: settings),
  .testTarget(
    name: "AgentLoadTests",
    dependencies: [
      "AgentLoad", "ReferenceMaster", "SchedulerKit", "MesosHTTP", "MesosHTTPClient", "MesosModel", "MesosTestKit",
      logging, lifecycle,
    ],
    swiftSettings: settings),
  .testTarget(
    name: "ChaosTests",
    dependencies: [
      "SchedulerSimulation", "MesosSimulation", "SchedulerKit", "AgentLoad", "ReferenceMaster", "MasterCore",
      "MesosHTTP", "MesosModel", "MesosTestKit", nioCore, nioPosix, logging, lifecycle,
    ],
    swiftSettings: settings),
  .testTarget(name: "LayeringTests", dependencies: ["MesosTestKit"], swiftSettings: settings),
]

let only = Context.environment["SWIFT_MESOS_TESTS"].map { $0.split(separator: ",").map(String.init) }

let package = Package(
  name: "swift-mesos",
  platforms: [.macOS(.v15)],
  products: libraries.map { .library(name: $0.name, targets: [$0.name]) } + [
    .library(name: "MesosTestKit", targets: ["MesosTestKit"]),
    .executable(name: "mesos-master", targets: ["mesos-master"]),
    .executable(name: "mesos-agent", targets: ["mesos-agent"]),
    .executable(name: "mesos-executor", targets: ["mesos-executor"]),
    .executable(name: "mesos-fetcher", targets: ["mesos-fetcher"]),
    .executable(name: "mesos-launch", targets: ["mesos-launch"]),
    .executable(name: "mesos", targets: ["mesos"]),
    .executable(name: "simulate-seeds", targets: ["simulate-seeds"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-protobuf", from: "1.39.0"),
    .package(url: "https://github.com/apple/swift-collections", from: "1.6.0"),
    .package(url: "https://github.com/apple/swift-log", from: "1.16.0"),
    .package(url: "https://github.com/apple/swift-metrics", from: "2.13.0"),
    .package(url: "https://github.com/apple/swift-distributed-tracing", from: "1.7.0"),
    .package(url: "https://github.com/apple/swift-nio", from: "2.101.0"),
    .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.0"),
    .package(url: "https://github.com/apple/swift-http-types", from: "1.8.0"),
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.0"),
    .package(url: "https://github.com/swift-server/async-http-client", from: "1.37.0"),
    .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
    .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.0"),
    .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
  ],
  targets: libraries.map { .target(name: $0.name, dependencies: $0.dependencies, swiftSettings: settings) } + [
    .systemLibrary(name: "CYajl", pkgConfig: "yajl", providers: [.apt(["libyajl-dev"]), .brew(["yajl"])]),
    .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"]), .brew(["zlib"])]),
    .systemLibrary(name: "CArchive", pkgConfig: "libarchive", providers: [.apt(["libarchive-dev"])]),
    .systemLibrary(name: "CCurl", pkgConfig: "libcurl", providers: [.apt(["libcurl4-openssl-dev"])]),
    .systemLibrary(name: "CLibcrypto", pkgConfig: "libcrypto", providers: [.apt(["libssl-dev"])]),
    .systemLibrary(name: "CSeccomp", pkgConfig: "libseccomp", providers: [.apt(["libseccomp-dev"])]),
    .target(name: "CProcessLaunch"),
    .target(name: "CContainerLaunch"),
    // Inside of a container: says what it sees, and does what it is asked to.
    .executableTarget(name: "container-probe", path: "Tests/ContainerProbe"),
    .target(name: "MesosTestKit", dependencies: ["MesosModel"], swiftSettings: settings),
    // TLS, proxies and metrics for tests: no product.
    .target(
      name: "TransportTestKit", dependencies: [nioCore, nioPosix, nioSSL, metrics], path: "Tests/TransportTestKit",
      swiftSettings: settings),
    .target(
      name: "ZooKeeperTestServer", dependencies: ["ProcessLaunch", nioCore, nioPosix],
      path: "Tests/ZooKeeperTestServer", swiftSettings: settings),
  ] + executables + tests.filter { only?.contains($0.name) ?? true }
)
