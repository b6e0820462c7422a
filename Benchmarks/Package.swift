// swift-tools-version: 6.2
import PackageDescription

let package = Package(
  name: "Benchmarks",
  platforms: [.macOS(.v15)],
  dependencies: [
    .package(name: "swift-mesos", path: ".."),
    .package(url: "https://github.com/apple/swift-protobuf", from: "1.39.0"),
    .package(url: "https://github.com/apple/swift-log", from: "1.16.0"),
    .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
  ],
  targets: [
    .target(name: "CAllocationCount"),
    .executableTarget(
      name: "mesos-bench",
      dependencies: [
        "CAllocationCount",
        .product(name: "MesosModel", package: "swift-mesos"),
        .product(name: "MesosAllocator", package: "swift-mesos"),
        .product(name: "MesosHTTP", package: "swift-mesos"),
        .product(name: "MesosHTTPServer", package: "swift-mesos"),
        .product(name: "MesosTestKit", package: "swift-mesos"),
        .product(name: "MasterCore", package: "swift-mesos"),
        .product(name: "ClusterView", package: "swift-mesos"),
        .product(name: "AgentLink", package: "swift-mesos"),
        .product(name: "AgentLinkModel", package: "swift-mesos"),
        .product(name: "MesosSimulation", package: "swift-mesos"),
        .product(name: "SchedulerKit", package: "swift-mesos"),
        .product(name: "ReferenceMaster", package: "swift-mesos"),
        .product(name: "ReferenceAgent", package: "swift-mesos"),
        // Built beside the benchmark: the agents of the live points launch it.
        .product(name: "mesos-executor", package: "swift-mesos"),
        .product(name: "mesos-master", package: "swift-mesos"),
        .product(name: "SwiftProtobuf", package: "swift-protobuf"),
        .product(name: "Logging", package: "swift-log"),
        .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
      ],
      swiftSettings: [.swiftLanguageMode(.v6)]),
  ]
)
