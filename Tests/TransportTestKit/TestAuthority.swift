import Foundation

/// A certificate authority of a test's own, with the certificates that it signs, made by the program `openssl`.
public struct TestAuthority: Sendable {
  /// Files of a certificate and its key, in PEM.
  public struct Identity: Sendable {
    public let certificate: String
    public let key: String
  }

  public struct Failure: Error, CustomStringConvertible {
    public let description: String
  }

  private let folder: URL
  /// The authority's own certificate, a file in PEM.
  public var certificate: String { folder.appending(path: "ca.pem").path }

  /// Makes an authority, and removes all of its files after `body`.
  public static func with<Result: Sendable>(
    _ body: @Sendable (TestAuthority) async throws -> Result
  ) async throws -> Result {
    let folder = URL(filePath: "/tmp").appending(path: "swift-mesos-ca-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let authority = TestAuthority(folder: folder)
    try authority.openssl(
      ["req", "-x509"] + newKey
        + ["-keyout", "ca.key", "-out", "ca.pem", "-days", "2", "-subj", "/CN=A test's authority"])
    return try await body(authority)
  }

  private static let newKey = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]

  /// Signs a certificate.
  ///
  /// - Parameters:
  ///   - name: Of its files, and its subject.
  ///   - alternatives: What it stands for, such as `DNS:localhost` or `IP:127.0.0.1`.
  ///   - days: How long it is good from now on; negative for one that was good only before.
  public func issue(_ name: String, for alternatives: [String], days: Int = 2) throws -> Identity {
    let extensions = "basicConstraints=CA:FALSE\nsubjectAltName=\(alternatives.joined(separator: ","))\n"
    try Data(extensions.utf8).write(to: folder.appending(path: "\(name).ext"))
    try openssl(
      ["req", "-new"] + Self.newKey + ["-keyout", "\(name).key", "-out", "\(name).csr", "-subj", "/CN=\(name)"])
    try openssl([
      "x509", "-req", "-in", "\(name).csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-set_serial",
      "\(UInt32.random(in: 1...UInt32.max))", "-days", "\(days)", "-extfile", "\(name).ext", "-out", "\(name).pem",
    ])
    return Identity(
      certificate: folder.appending(path: "\(name).pem").path, key: folder.appending(path: "\(name).key").path)
  }

  private func openssl(_ arguments: [String]) throws {
    let process = Process()
    process.executableURL = URL(filePath: "/usr/bin/env")
    process.arguments = ["openssl"] + arguments
    process.currentDirectoryURL = folder
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = FileHandle.nullDevice
    let output = Pipe()
    process.standardError = output
    try process.run()
    let text = output.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    guard process.terminationStatus == 0 else {
      throw Failure(description: "openssl \(arguments[0]): \(String(decoding: text, as: UTF8.self))")
    }
  }
}
