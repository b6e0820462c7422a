import Glibc
import MesosModel
import ProcessLaunch
import SwiftProtobuf

/// The records of containers in the run-time folder: `ID/record`, and nested ones in `ID/containers/CHILD/record`; beside them
/// `status`, which a container's first process writes.
struct ContainerStore: Sendable {
  struct Record {
    var id: NestedContainerID
    /// `nil` once it has ended.
    var process: LaunchedProcess?
    var configuration: ContainerConfiguration
  }

  let directory: String
  private static let heading = "swift-mesos container 1"

  func folder(of id: NestedContainerID) -> String { "\(directory)/\(id.values.joined(separator: "/containers/"))" }
  func statusFile(of id: NestedContainerID) -> String { folder(of: id) + "/status" }

  /// Makes the folder of a container that is new; what lies there of one before is taken away.
  func make(_ id: NestedContainerID) throws(ContainerizerError) {
    var path = ""
    for part in folder(of: id).split(separator: "/") {
      path += "/\(part)"
      guard mkdir(path, 0o755) == 0 || errno == EEXIST else {
        throw ContainerizerError(.launch, "Cannot make the run-time folder \(path)", errno: errno)
      }
    }
    unlink(statusFile(of: id))
    unlink(path + "/record")
  }

  func write(
    _ id: NestedContainerID, _ process: LaunchedProcess?, _ configuration: ContainerConfiguration
  ) throws(ContainerizerError) {
    var launch = AgentCall.LaunchContainer()
    launch.containerID = id.message
    launch.resources = configuration.resources
    if let info = configuration.info { launch.container = info }
    for (name, limit) in configuration.limits { launch.limits[name] = .with { $0.value = limit } }
    guard let bytes = try? launch.serializedBytes() as [UInt8] else {
      throw ContainerizerError(.launch, "The container \(id) cannot be written down")
    }
    var lines = [Self.heading, "kind \(configuration.kind.rawValue)"]
    if let process {
      lines.append("pid \(process.pid)")
      lines.append("start \(process.startTime)")
    }
    lines.append("directory \(Self.hex(Array(configuration.directory.utf8)))")
    lines.append("launch \(Self.hex(bytes))")
    let body = lines.joined(separator: "\n") + "\n"
    try replace(folder(of: id) + "/record", with: body + "checksum \(Self.checksum(body))\n")
  }

  private func replace(_ path: String, with text: String) throws(ContainerizerError) {
    let fresh = path + ".new"
    let descriptor = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw ContainerizerError(.launch, "Cannot open \(fresh)", errno: errno) }
    var text = text
    let isWritten = text.withUTF8 { Glibc.write(descriptor, $0.baseAddress, $0.count) == $0.count }
    let number = errno
    close(descriptor)
    guard isWritten else { throw ContainerizerError(.launch, "Cannot write \(fresh)", errno: number) }
    guard rename(fresh, path) == 0 else { throw ContainerizerError(.launch, "Cannot rename \(fresh)", errno: errno) }
  }

  /// Every record, parents first.
  ///
  /// - Throws: ``ContainerizerError`` with code `.recovery` for one that is damaged or of another format.
  func load() throws(ContainerizerError) -> [Record] {
    var records: [Record] = []
    var queue: [(path: String, values: [String])] = [(directory, [])]
    let files = SystemCgroupFiles()
    while !queue.isEmpty {
      let (path, values) = queue.removeFirst()
      for name in try files.folders(in: path) {
        guard let id = try? NestedContainerID(values + [name]) else { continue }
        let folder = "\(path)/\(name)"
        if files.exists(folder + "/record") {
          records.append(try Self.parse(files.read(folder + "/record"), id, folder))
        } else {
          // Its launch had not come to its first process's program.
          records.append(
            Record(
              id: id, process: nil,
              configuration: ContainerConfiguration(
                kind: .executor, program: .program(path: "", arguments: []), directory: folder)))
        }
        queue.append((folder + "/containers", id.values))
      }
    }
    return records
  }

  private static func parse(_ text: String, _ id: NestedContainerID, _ folder: String) throws(ContainerizerError)
    -> Record
  {
    func damaged(_ why: String) -> ContainerizerError {
      ContainerizerError(
        .recovery,
        "The record \(folder)/record of a container is \(why). Kill what is left of the container \(id), then remove the folder \(folder)"
      )
    }
    guard text.hasPrefix(heading + "\n") else { throw damaged("of another format") }
    var fields: [Substring: Substring] = [:]
    var body = ""
    for line in text.split(separator: "\n", omittingEmptySubsequences: true) {
      if line.hasPrefix("checksum ") {
        guard line.dropFirst(9) == Substring(checksum(body)) else { throw damaged("damaged") }
        fields["checksum"] = "" as Substring
        break
      }
      body += line + "\n"
      if let blank = line.firstIndex(of: " ") { fields[line[..<blank]] = line[line.index(after: blank)...] }
    }
    guard fields["checksum"] != nil,
      let kind = fields["kind"].flatMap({ ContainerConfiguration.Kind(rawValue: String($0)) }),
      let directory = fields["directory"].flatMap(bytes), let bytes = fields["launch"].flatMap(bytes),
      let launch = try? AgentCall.LaunchContainer(serializedBytes: bytes)
    else { throw damaged("damaged") }
    var process: LaunchedProcess?
    if let pid = fields["pid"].flatMap({ Int32($0) }), let start = fields["start"].flatMap({ UInt64($0) }) {
      process = LaunchedProcess(pid: pid, startTime: start)
    }
    return Record(
      id: id, process: process,
      configuration: ContainerConfiguration(
        kind: kind, program: .program(path: "", arguments: []), directory: String(decoding: directory, as: UTF8.self),
        resources: launch.resources, limits: launch.limits.mapValues(\.value),
        info: launch.hasContainer ? launch.container : nil))
  }

  func process(of id: NestedContainerID) -> LaunchedProcess? {
    let folder = folder(of: id)
    guard let text = try? SystemCgroupFiles().read(folder + "/record") else { return nil }
    return (try? Self.parse(text, id, folder))?.process
  }

  /// How the program ended, as its container's first process wrote it.
  func status(of id: NestedContainerID) -> ProcessExit? {
    guard let text = try? SystemCgroupFiles().read(statusFile(of: id)), text.hasSuffix("\n"),
      let status = Int32(text.dropLast())
    else { return nil }
    let signal = status & 0x7f
    return signal == 0
      ? .exited(code: (status >> 8) & 0xff) : .signaled(number: signal, coreDumped: status & 0x80 != 0)
  }

  /// A container has ended, and that is still to be told.
  func forgetProcess(_ id: NestedContainerID) {
    let folder = folder(of: id)
    guard let text = try? SystemCgroupFiles().read(folder + "/record"),
      let record = try? Self.parse(text, id, folder)
    else { return }
    try? write(id, nil, record.configuration)
  }

  /// Forgets a container with those nested in it.
  func remove(_ id: NestedContainerID) { Self.remove(folder(of: id)) }

  private static func remove(_ folder: String) {
    for name in (try? SystemCgroupFiles().folders(in: folder + "/containers")) ?? [] {
      remove("\(folder)/containers/\(name)")
    }
    rmdir(folder + "/containers")
    for name in ["record", "record.new", "status"] { unlink("\(folder)/\(name)") }
    rmdir(folder)
  }

  private static func hex(_ bytes: [UInt8]) -> String {
    let digits = Array("0123456789abcdef".utf8)
    var text: [UInt8] = []
    text.reserveCapacity(bytes.count * 2)
    for byte in bytes {
      text.append(digits[Int(byte >> 4)])
      text.append(digits[Int(byte & 15)])
    }
    return String(decoding: text, as: UTF8.self)
  }

  private static func bytes(_ hex: Substring) -> [UInt8]? {
    guard hex.utf8.count % 2 == 0 else { return nil }
    var bytes: [UInt8] = []
    var high: UInt8?
    for digit in hex.utf8 {
      let value: UInt8
      switch digit {
      case UInt8(ascii: "0")...UInt8(ascii: "9"): value = digit - UInt8(ascii: "0")
      case UInt8(ascii: "a")...UInt8(ascii: "f"): value = digit - UInt8(ascii: "a") + 10
      default: return nil
      }
      if let first = high {
        bytes.append(first << 4 | value)
        high = nil
      } else {
        high = value
      }
    }
    return bytes
  }

  /// FNV-1a, 64 bits: against torn and mixed-up files, not against anybody.
  private static func checksum(_ text: String) -> String {
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    for byte in text.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
    return String(hash, radix: 16)
  }
}
