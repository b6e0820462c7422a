import Glibc

/// One line of the process table.
public struct ProcessEntry: Hashable, Sendable {
  public var process: LaunchedProcess
  public var parent: Int32
  public var group: Int32
  public var session: Int32
  /// The state letter of `/proc/PID/stat`: `R`, `S`, `D`, `T`, `Z`, …
  public var state: UInt8

  /// Whether the process still runs, stopped or not; one that only waits for its status to be taken does not.
  public var isRunning: Bool { state != UInt8(ascii: "Z") && state != UInt8(ascii: "X") }

  /// The entry of a process, or `nil` when there is none of that number.
  public init?(pid: Int32) {
    guard pid > 0 else { return nil }
    let descriptor = uninterrupted { open("/proc/\(pid)/stat", O_RDONLY | O_CLOEXEC) }
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    let entry: ProcessEntry? = withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 1024) { buffer in
      let count = uninterrupted { read(descriptor, buffer.baseAddress, buffer.count) }
      guard count > 0 else { return nil }
      return ProcessEntry(pid: pid, stat: buffer[..<count])
    }
    guard let entry else { return nil }
    self = entry
  }

  /// Parses `/proc/PID/stat`. The command name, in parentheses, may itself hold spaces and parentheses.
  init?(pid: Int32, stat: some BidirectionalCollection<UInt8>) {
    guard let end = stat.lastIndex(of: UInt8(ascii: ")")) else { return nil }
    let fields = stat[stat.index(after: end)...].split(separator: UInt8(ascii: " "), maxSplits: 20)
    guard fields.count > 19, let state = fields[0].first,
      let parent = number(fields[1]), let group = number(fields[2]), let session = number(fields[3]),
      let start = number(fields[19])
    else { return nil }
    self.process = LaunchedProcess(pid: pid, startTime: UInt64(start))
    self.parent = Int32(truncatingIfNeeded: parent)
    self.group = Int32(truncatingIfNeeded: group)
    self.session = Int32(truncatingIfNeeded: session)
    self.state = state
  }
}

private func number(_ digits: some Collection<UInt8>) -> Int? {
  var value = 0
  guard !digits.isEmpty else { return nil }
  for digit in digits {
    guard digit >= UInt8(ascii: "0"), digit <= UInt8(ascii: "9") else { return nil }
    let (product, overflow) = value.multipliedReportingOverflow(by: 10)
    guard !overflow else { return nil }
    value = product + Int(digit - UInt8(ascii: "0"))
  }
  return value
}

/// The processes of this machine at one time, by number.
public struct ProcessTable: Sendable {
  public private(set) var entries: [ProcessEntry]

  /// Reads `/proc`.
  ///
  /// - Complexity: one file read for each process of the machine, about ten microseconds.
  public init() throws(ProcessLaunchError) {
    guard let folder = opendir("/proc") else {
      throw ProcessLaunchError(stage: .processTable, code: errno, subject: "/proc")
    }
    defer { closedir(folder) }
    var entries: [ProcessEntry] = []
    while let item = readdir(folder) {
      let pid = withUnsafePointer(to: &item.pointee.d_name) { name in
        name.withMemoryRebound(to: CChar.self, capacity: 256) { Int32(String(cString: $0)) }
      }
      if let pid, let entry = ProcessEntry(pid: pid) { entries.append(entry) }
    }
    self.init(entries: entries)
  }

  init(entries: [ProcessEntry]) { self.entries = entries.sorted { $0.process < $1.process } }

  /// Everything that descends from the process `pid`, itself not included, in the order of numbers.
  public func descendants(of pid: Int32) -> [ProcessEntry] {
    closure(of: [pid]).filter { $0.process.pid != pid }
  }

  /// What belongs to the session that `leader` started: members of the session and of the process group of that number,
  /// and all that descends from them into whatever session or group. The leader itself is among them while it runs.
  ///
  /// Empty when that session is over, even if its number has been given to another process since.
  public func tree(ofSession leader: LaunchedProcess) -> [ProcessEntry] {
    let successor = entries.contains { $0.process.pid == leader.pid && $0.process != leader }
    guard !successor else { return [] }
    let members = entries.filter {
      $0.process.pid == leader.pid || $0.session == leader.pid || $0.group == leader.pid
    }
    let own = getpid()
    return closure(of: Set(members.map(\.process.pid))).filter {
      $0.isRunning && $0.process.pid != own && $0.process.pid != 1
    }
  }

  private func closure(of roots: Set<Int32>) -> [ProcessEntry] {
    let children = Dictionary(grouping: entries, by: \.parent)
    var found = roots
    var queue = Array(roots)
    while let pid = queue.popLast() {
      for child in children[pid] ?? [] where found.insert(child.process.pid).inserted {
        queue.append(child.process.pid)
      }
    }
    return entries.filter { found.contains($0.process.pid) }
  }
}

/// Everything that descends from the process `pid` now, itself not included.
public func descendants(of pid: Int32) throws(ProcessLaunchError) -> [LaunchedProcess] {
  try ProcessTable().descendants(of: pid).map(\.process)
}
