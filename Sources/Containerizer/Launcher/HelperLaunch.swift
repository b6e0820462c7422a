import CContainerLaunch
import Glibc
public import ProcessLaunch
import Synchronization

/// A container's first process on its way to its program.
public protocol ContainerLaunchInProgress: Sendable {
  var process: LaunchedProcess { get }
  /// The process is where it belongs: everything but its program is set up when this returns.
  func setUp() throws(ContainerizerError)
  /// Executes the program, and returns when it is.
  func release() throws(ContainerizerError)
  /// Kills the process before it has executed anything, and takes its status; does nothing after ``release()``.
  func abandon()
}

/// One run of `mesos-launch`.
///
/// Calls stop their thread while the helper works, a few milliseconds; one that says nothing for ``silenceMax`` is killed.
final class HelperLaunch: ContainerLaunchInProgress {
  /// The longest that the helper may need for one step.
  static let silenceMax = Duration.seconds(60)

  private enum State { case started, ready, released, abandoned }

  let process: LaunchedProcess
  private let socket: Int32
  private let state = Mutex(State.started)

  init(
    helper: String, _ description: LaunchDescription, output: LaunchRequest.Output, error: LaunchRequest.Output,
    fileOwner: UserIdentity?
  ) throws(ContainerizerError) {
    let bytes = try description.encoded()
    var ends: [Int32] = [-1, -1]
    guard socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0, &ends) == 0 else {
      throw ContainerizerError(.launch, "Cannot make a socket for the helper", errno: errno)
    }
    var isKept = false
    defer { if !isKept { close(ends[0]) } }
    var limit = timeval(tv_sec: Int(Self.silenceMax.components.seconds), tv_usec: 0)
    for option in [SO_RCVTIMEO, SO_SNDTIMEO] {
      setsockopt(ends[0], SOL_SOCKET, option, &limit, socklen_t(MemoryLayout<timeval>.size))
    }
    var request = LaunchRequest(
      program: .program(path: helper, arguments: [helper]), standardOutput: output, standardError: error,
      startsSession: false)
    request.standardInput = .descriptor(ends[1])
    request.fileOwner = fileOwner
    let starter: LaunchedProcess
    do {
      starter = try launch(request)
      close(ends[1])
    } catch {
      close(ends[1])
      throw ContainerizerError(.launch, "The helper does not start: \(error)", errno: error.code)
    }
    let answer: Result<LaunchedProcess, ContainerizerError>
    do throws(ContainerizerError) {
      try Self.send(bytes, on: ends[0])
      let pid = try Self.receive(SWIFT_MESOS_REPORT_STARTED, on: ends[0])
      // A child of this process that nobody else waits for keeps its number.
      guard let process = LaunchedProcess(pid: pid) else {
        throw ContainerizerError(.launch, "The container's first process \(pid) is gone", errno: ESRCH)
      }
      answer = .success(process)
    } catch {
      answer = .failure(error)
      kill(starter.pid, SIGKILL)
    }
    Self.reap(starter.pid)
    process = try answer.get()
    socket = ends[0]
    isKept = true
  }

  deinit { close(socket) }

  func setUp() throws(ContainerizerError) {
    try advance(from: .started, to: .ready)
    do throws(ContainerizerError) {
      try Self.send([UInt8(ascii: "P")], on: socket)
      _ = try Self.receive(SWIFT_MESOS_REPORT_READY, on: socket)
    } catch {
      abandon()
      throw error
    }
  }

  func release() throws(ContainerizerError) {
    try advance(from: .ready, to: .released)
    do throws(ContainerizerError) {
      try Self.send([UInt8(ascii: "G")], on: socket)
      // Nothing more: the program is executed, or its process was killed, which its status tells.
      var report = swift_mesos_report()
      if try Self.read(&report, on: socket) { throw Self.error(report) }
    } catch {
      kill(process.pid, SIGKILL)
      Self.reap(process.pid)
      throw error
    }
  }

  func abandon() {
    let isHeld = state.withLock { state in
      guard state != .released, state != .abandoned else { return false }
      state = .abandoned
      return true
    }
    guard isHeld else { return }
    kill(process.pid, SIGKILL)
    Self.reap(process.pid)
  }

  private func advance(from: State, to: State) throws(ContainerizerError) {
    let isRight = state.withLock { state in
      guard state == from else { return false }
      state = to
      return true
    }
    guard isRight else { throw ContainerizerError(.wrongState, "\(process) is not at this step of its launch") }
  }

  private static func reap(_ pid: Int32) {
    var status: Int32 = 0
    while waitpid(pid, &status, 0) < 0, errno == EINTR {}
  }

  private static func send(_ bytes: [UInt8], on socket: Int32) throws(ContainerizerError) {
    var sent = 0
    while sent < bytes.count {
      let count = bytes.withUnsafeBytes { buffer in
        Glibc.send(socket, buffer.baseAddress?.advanced(by: sent), buffer.count - sent, Int32(MSG_NOSIGNAL))
      }
      if count < 0, errno == EINTR { continue }
      guard count >= 0 else {
        let number = errno
        // It may have said why it has gone.
        var report = swift_mesos_report()
        if number == EPIPE, try read(&report, on: socket) { throw error(report) }
        throw ContainerizerError(.launch, "The helper does not read", errno: number)
      }
      sent += count
    }
  }

  /// Whether there was a report before the end.
  private static func read(_ report: inout swift_mesos_report, on socket: Int32) throws(ContainerizerError) -> Bool {
    let size = MemoryLayout<swift_mesos_report>.size
    var got = 0
    while got < size {
      let count = withUnsafeMutableBytes(of: &report) { buffer in
        recv(socket, buffer.baseAddress?.advanced(by: got), size - got, 0)
      }
      if count < 0, errno == EINTR { continue }
      // A peer that ended with bytes unread resets the connection.
      if count < 0, errno == ECONNRESET { return false }
      guard count >= 0 else {
        throw ContainerizerError(.launch, "The helper says nothing", errno: errno == EAGAIN ? ETIMEDOUT : errno)
      }
      if count == 0 { return false }
      got += count
    }
    return true
  }

  private static func receive(_ kind: swift_mesos_report_kind, on socket: Int32) throws(ContainerizerError) -> Int32 {
    var report = swift_mesos_report()
    guard try read(&report, on: socket) else {
      throw ContainerizerError(.launch, "The container's first process ended while it was set up")
    }
    guard report.kind == kind.rawValue else { throw error(report) }
    return report.pid
  }

  private static func error(_ report: swift_mesos_report) -> ContainerizerError {
    let subject = withUnsafeBytes(of: report.subject) { bytes in
      String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
    }
    let stage = LaunchStage(rawValue: report.stage)
    return ContainerizerError(
      .launch, "Failed to \(stage)" + (subject.isEmpty ? "" : " (\(subject))"), errno: report.error)
  }
}

/// The step of `mesos-launch` that failed.
struct LaunchStage: RawRepresentable, CustomStringConvertible {
  let rawValue: UInt32

  var description: String {
    switch rawValue {
    case SWIFT_MESOS_CONTAINER_DESCRIPTION.rawValue: "read the launch description"
    case SWIFT_MESOS_CONTAINER_JOIN.rawValue: "join a namespace"
    case SWIFT_MESOS_CONTAINER_CLONE.rawValue: "create the process with its namespaces"
    case SWIFT_MESOS_CONTAINER_SESSION.rawValue: "start a session"
    case SWIFT_MESOS_CONTAINER_STATUS.rawValue: "make the status file"
    case SWIFT_MESOS_CONTAINER_PROPAGATION.rawValue: "keep mounts from spreading"
    case SWIFT_MESOS_CONTAINER_MOUNT.rawValue: "mount"
    case SWIFT_MESOS_CONTAINER_PIVOT.rawValue: "change the root"
    case SWIFT_MESOS_CONTAINER_FOLDER.rawValue: "make a folder"
    case SWIFT_MESOS_CONTAINER_DEVICE.rawValue: "make a device"
    case SWIFT_MESOS_CONTAINER_LINK.rawValue: "make a link"
    case SWIFT_MESOS_CONTAINER_WRITE.rawValue: "write a file"
    case SWIFT_MESOS_CONTAINER_HOSTNAME.rawValue: "set the host name"
    case SWIFT_MESOS_CONTAINER_DIRECTORY.rawValue: "enter the working directory"
    case SWIFT_MESOS_CONTAINER_RLIMIT.rawValue: "set a resource limit"
    case SWIFT_MESOS_CONTAINER_NO_NEW_PRIVILEGES.rawValue: "rule out new privileges"
    case SWIFT_MESOS_CONTAINER_SECCOMP.rawValue: "install the seccomp filter"
    case SWIFT_MESOS_CONTAINER_BOUNDING.rawValue: "drop a capability for good"
    case SWIFT_MESOS_CONTAINER_GROUPS.rawValue: "set the supplementary groups"
    case SWIFT_MESOS_CONTAINER_GROUP.rawValue: "set the group"
    case SWIFT_MESOS_CONTAINER_USER.rawValue: "set the user"
    case SWIFT_MESOS_CONTAINER_CAPABILITIES.rawValue: "set the capabilities"
    case SWIFT_MESOS_CONTAINER_AMBIENT.rawValue: "keep a capability for the program"
    case SWIFT_MESOS_CONTAINER_FORK.rawValue: "create the program's process"
    case SWIFT_MESOS_CONTAINER_EXECUTE.rawValue: "execute the program"
    default: "take step \(rawValue)"
    }
  }
}
