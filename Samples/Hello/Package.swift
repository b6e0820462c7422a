// swift-tools-version: 6.2
import PackageDescription

let package = Package(
  name: "Hello",
  platforms: [.macOS(.v15)],
  products: [.executable(name: "hello", targets: ["hello"])],
  dependencies: [.package(name: "swift-mesos", path: "../..")],
  targets: [
    .executableTarget(name: "hello", dependencies: [.product(name: "SchedulerKit", package: "swift-mesos")])
  ]
)
