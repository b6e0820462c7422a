// swift-tools-version: 6.2
import PackageDescription

let package = Package(
  name: "AllocatorStudy",
  platforms: [.macOS(.v15)],
  products: [.executable(name: "allocator-study", targets: ["allocator-study"])],
  dependencies: [.package(name: "swift-mesos", path: "../..")],
  targets: [
    .executableTarget(
      name: "allocator-study",
      dependencies: [
        .product(name: "MesosAllocator", package: "swift-mesos"), .product(name: "MesosModel", package: "swift-mesos"),
      ],
      path: "Sources/AllocatorStudy")
  ]
)
