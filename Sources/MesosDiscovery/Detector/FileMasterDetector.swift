public import Logging
public import MesosRuntime
import ServiceLifecycle
import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Finds the leading master as a file says: it holds what ``makeMasterDetector(_:sessionTimeout:isSecure:logger:runtime:)`` takes, such as a
/// ZooKeeper URL whose password is nobody else's to read. The file is read again from time to time; with another text the detection
/// begins anew.
public final class FileMasterDetector: MasterDetector {
  public let path: String
  private let options: MasterDetectorOptions
  private let interval: Duration
  private let first: String
  private let broadcast = Broadcast<MasterDetection>(valuesMax: 16)

  /// - Parameters:
  ///   - path: The file.
  ///   - interval: How often it is read.
  ///   - sessionTimeout: Of a ZooKeeper session.
  ///   - isSecure: Whether masters that are named without a scheme speak TLS.
  ///   - logger: Never told a password.
  ///   - runtime: Where time and chance come from.
  /// - Throws: `DiscoveryError` when the file cannot be read or used now.
  public convenience init(
    path: String, interval: Duration = .seconds(5), sessionTimeout: Duration = .seconds(10), isSecure: Bool = false,
    logger: Logger = Logger(label: "mesos.detector"), runtime: Runtime = .system
  ) throws(DiscoveryError) {
    try self.init(
      path: path, interval: interval,
      options: MasterDetectorOptions(
        sessionTimeout: sessionTimeout, isSecure: isSecure, logger: logger, runtime: runtime))
  }

  init(path: String, interval: Duration, options: MasterDetectorOptions) throws(DiscoveryError) {
    self.path = path
    self.interval = interval
    self.options = options
    first = try Self.read(path)
    _ = try options.detector(first, fromFile: true)
  }

  public var detections: Changes<MasterDetection> { broadcast.changes }

  public func run() async throws {
    defer { broadcast.finish() }
    do {
      try await cancelWhenGracefulShutdown { try await self.follow() }
    } catch is CancellationError {
      // A graceful shutdown is no error.
      try Task.checkCancellation()
    }
  }

  private func follow() async throws {
    var text = first
    while true {
      let detector = try options.detector(text, fromFile: true)
      let present = text
      text = try await withThrowingTaskGroup(of: String?.self) { group in
        group.addTask {
          try await detector.run()
          return nil
        }
        group.addTask {
          for await detection in detector.detections { self.broadcast.send(detection) }
          return nil
        }
        group.addTask { try await self.change(from: present) }
        defer { group.cancelAll() }
        while let next = try await group.next() {
          if let next { return next }
        }
        return present
      }
    }
  }

  /// The file's next text that differs and can be used.
  private func change(from present: String) async throws -> String {
    while true {
      try await options.runtime.sleep(for: interval)
      do throws(DiscoveryError) {
        let text = try Self.read(path)
        guard text != present else { continue }
        _ = try options.detector(text, fromFile: true)
        return text
      } catch {
        options.logger.warning(
          "The file with the master's address cannot be used; its last text stays in use",
          metadata: ["path": "\(path)", "error": "\(error)"])
      }
    }
  }

  private static let bytesMax = 64 << 10

  private static func read(_ path: String) throws(DiscoveryError) -> String {
    func unreadable(_ why: String) -> DiscoveryError {
      DiscoveryError(.unreadableFile, "The master's address cannot be read from \(path): \(why)")
    }
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else { throw unreadable(String(cString: strerror(errno))) }
    defer { close(descriptor) }
    var bytes = [UInt8](repeating: 0, count: bytesMax + 1)
    var count = 0
    while count < bytes.count {
      let taken = bytes.withUnsafeMutableBytes { buffer in
        #if canImport(Glibc)
          Glibc.read(descriptor, buffer.baseAddress.map { $0 + count }, buffer.count - count)
        #elseif canImport(Musl)
          Musl.read(descriptor, buffer.baseAddress.map { $0 + count }, buffer.count - count)
        #else
          Darwin.read(descriptor, buffer.baseAddress.map { $0 + count }, buffer.count - count)
        #endif
      }
      guard taken >= 0 else { throw unreadable(String(cString: strerror(errno))) }
      if taken == 0 { break }
      count += taken
    }
    guard count <= bytesMax, let text = String(validating: bytes.prefix(count), as: UTF8.self) else {
      throw unreadable("it is no short text")
    }
    return text.trimmingBlanks()
  }
}
