// swift-tools-version: 6.2
import PackageDescription

let package = Package(
  name: "ClusterWatcher",
  platforms: [.macOS(.v15)],
  products: [.executable(name: "clusterwatcher", targets: ["clusterwatcher"])],
  dependencies: [
    .package(name: "swift-mesos", path: "../.."),
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.0"),
  ],
  targets: [
    .executableTarget(
      name: "clusterwatcher",
      dependencies: [
        .product(name: "OperatorKit", package: "swift-mesos"),
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ],
      path: "Sources/ClusterWatcher")
  ]
)
