// swift-tools-version: 6.2
import PackageDescription

// A plugin of protoc, apart from the libraries so that who uses them does not build it.
let package = Package(
  name: "protoc-gen-mesos-json",
  platforms: [.macOS(.v15)],
  dependencies: [.package(url: "https://github.com/apple/swift-protobuf", from: "1.39.0")],
  targets: [
    .executableTarget(
      name: "protoc-gen-mesos-json",
      dependencies: [
        .product(name: "SwiftProtobuf", package: "swift-protobuf"),
        .product(name: "SwiftProtobufPluginLibrary", package: "swift-protobuf"),
      ],
      swiftSettings: [.swiftLanguageMode(.v6)])
  ]
)
