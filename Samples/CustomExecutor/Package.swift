// swift-tools-version: 6.2
import PackageDescription

let package = Package(
  name: "CustomExecutor",
  platforms: [.macOS(.v15)],
  products: [
    .executable(name: "prime-executor", targets: ["prime-executor"]),
    .executable(name: "prime-scheduler", targets: ["prime-scheduler"]),
  ],
  dependencies: [
    .package(name: "swift-mesos", path: "../.."),
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.0"),
  ],
  targets: [
    .executableTarget(
      name: "prime-executor", dependencies: [.product(name: "ExecutorKit", package: "swift-mesos")],
      path: "Sources/PrimeExecutor"),
    .executableTarget(
      name: "prime-scheduler",
      dependencies: [
        .product(name: "SchedulerKit", package: "swift-mesos"),
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ],
      path: "Sources/PrimeScheduler"),
  ]
)
