// swift-tools-version: 6.2
import PackageDescription

let package = Package(
  name: "SimulatedTest",
  platforms: [.macOS(.v15)],
  dependencies: [.package(name: "swift-mesos", path: "../..")],
  targets: [
    .target(name: "Nightly", dependencies: [.product(name: "SchedulerKit", package: "swift-mesos")]),
    .testTarget(
      name: "NightlyTests",
      dependencies: [
        "Nightly",
        .product(name: "SchedulerKit", package: "swift-mesos"),
        .product(name: "SchedulerSimulation", package: "swift-mesos"),
        .product(name: "MesosSimulation", package: "swift-mesos"),
      ]),
  ]
)
