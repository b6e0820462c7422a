import Foundation

#if canImport(Glibc)
  import Glibc
#endif

/// A process whose processor time and memory are looked at.
struct ObservedProcess {
  let pid: Int32

  /// Seconds of the processors that it has had.
  var processorSeconds: Double {
    guard let text = try? String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8),
      let end = text.lastIndex(of: ")")
    else { return 0 }
    let fields = text[end...].split(separator: " ")
    guard fields.count > 13, let user = Double(fields[12]), let system = Double(fields[13]) else { return 0 }
    return (user + system) / Double(sysconf(Int32(_SC_CLK_TCK)))
  }

  /// Megabytes that it has in memory.
  var megabytes: Double { status("VmRSS") }
  /// The most that it ever had, since ``forgetPeak()``.
  var peakMegabytes: Double { status("VmHWM") }

  /// Has ``peakMegabytes`` begin anew, where that is allowed.
  func forgetPeak() { try? Data("5".utf8).write(to: URL(filePath: "/proc/\(pid)/clear_refs")) }

  private func status(_ name: String) -> Double {
    guard let text = try? String(contentsOfFile: "/proc/\(pid)/status", encoding: .utf8),
      let line = text.split(separator: "\n").first(where: { $0.hasPrefix(name + ":") }),
      let kilobytes = line.split(whereSeparator: { !$0.isNumber }).first.flatMap({ Double($0) })
    else { return 0 }
    return kilobytes / 1_024
  }
}

/// A `mesos-master` in a process of its own, as it is built for release beside this program.
final class MasterProcess {
  let port: Int
  let observed: ObservedProcess
  private let process: Process
  private let folder: String

  /// Starts it with a registry of its own, or with the one that an earlier one left in `folder`.
  init(programs: String, folder: String) throws {
    self.folder = folder
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    port = try Self.freePort()
    process = Process()
    process.executableURL = URL(filePath: programs + "/mesos-master")
    process.arguments = ["--ip=127.0.0.1", "--port=\(port)", "--work_dir=\(folder)", "--logging_level=WARNING"]
    process.standardOutput = FileHandle.nullDevice
    process.standardError = FileHandle.standardError
    try process.run()
    observed = ObservedProcess(pid: process.processIdentifier)
    let end = ContinuousClock.now + .seconds(30)
    while true {
      try require(process.isRunning && ContinuousClock.now < end, "mesos-master does not serve on port \(port)")
      if let answer = try? HTTPExchange(port: port).get("/health"), answer.status == 200 { break }
      usleep(20_000)
    }
  }

  deinit { kill() }

  /// Ends it at once, as a machine that loses power does.
  func kill() {
    guard process.isRunning else { return }
    Glibc.kill(process.processIdentifier, SIGKILL)
    process.waitUntilExit()
  }

  private static func freePort() throws -> Int {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    defer { close(descriptor) }
    var address = sockaddr_in.loopback(port: 0)
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let isBound = withUnsafeMutablePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(descriptor, $0, length) == 0 && getsockname(descriptor, $0, &length) == 0
      }
    }
    try require(isBound, "no port is free: errno \(errno)")
    return Int(UInt16(bigEndian: address.sin_port))
  }
}
