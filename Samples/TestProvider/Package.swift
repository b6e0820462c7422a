// swift-tools-version: 6.2
import PackageDescription

let package = Package(
  name: "TestProvider",
  platforms: [.macOS(.v15)],
  products: [.executable(name: "testprovider", targets: ["testprovider"])],
  dependencies: [
    .package(name: "swift-mesos", path: "../.."),
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.0"),
  ],
  targets: [
    .executableTarget(
      name: "testprovider",
      dependencies: [
        .product(name: "ResourceProviderKit", package: "swift-mesos"),
        .product(name: "SchedulerKit", package: "swift-mesos"),
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ],
      path: "Sources/TestProvider")
  ]
)
