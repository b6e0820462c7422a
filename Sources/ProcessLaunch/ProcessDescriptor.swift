import CProcessLaunch
import Glibc

/// An open descriptor that stands for one process, whatever becomes of its number.
public struct ProcessDescriptor: ~Copyable, Sendable {
  /// Readable, to `poll` and its kin, once the process has ended.
  public let fileDescriptor: Int32

  /// Opens a descriptor on a process, or gives `nil` when that process is gone.
  ///
  /// - Throws: ``ProcessLaunchError`` of stage `.watch`, as when too many files are open.
  public init?(_ process: LaunchedProcess) throws(ProcessLaunchError) {
    let descriptor = swift_mesos_pidfd_open(process.pid)
    if descriptor < 0 {
      if errno == ESRCH || errno == EINVAL { return nil }
      throw ProcessLaunchError(stage: .watch, code: errno, subject: "\(process)")
    }
    // The number may have gone to another process between launch and now.
    guard ProcessEntry(pid: process.pid)?.process == process else {
      close(descriptor)
      return nil
    }
    fileDescriptor = descriptor
  }

  deinit { close(fileDescriptor) }

  /// Takes the status of the process without blocking, or gives `nil` while it runs.
  ///
  /// A child's status can be taken once; after that, and for a process that is not a child, the answer is `.unknown`
  /// as soon as the process is gone.
  public func reap() -> ProcessExit? { reapStatus(fileDescriptor) }

  /// Sends a signal.
  ///
  /// - Returns: `false` when the process is gone.
  /// - Throws: ``ProcessLaunchError`` of stage `.signal`, as when the process belongs to another user.
  @discardableResult
  public func signal(_ number: Int32) throws(ProcessLaunchError) -> Bool {
    if swift_mesos_pidfd_signal(fileDescriptor, number) == 0 { return true }
    if errno == ESRCH { return false }
    throw ProcessLaunchError(stage: .signal, code: errno, subject: "signal \(number)")
  }
}

func reapStatus(_ descriptor: Int32) -> ProcessExit? {
  var exited: Int32 = 0
  var status: Int32 = 0
  var dumped: Int32 = 0
  switch swift_mesos_pidfd_reap(descriptor, &exited, &status, &dumped) {
  case 1: return exited != 0 ? .exited(code: status) : .signaled(number: status, coreDumped: dumped != 0)
  case 0: return nil
  default:
    var item = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
    return poll(&item, 1, 0) > 0 ? .unknown : nil
  }
}

/// Sends a signal to a process group.
///
/// - Returns: `false` when the group has no member.
@discardableResult
public func signal(group: Int32, _ number: Int32) throws(ProcessLaunchError) -> Bool {
  guard group > 1 else { throw ProcessLaunchError(stage: .signal, code: EINVAL, subject: "group \(group)") }
  if kill(-group, number) == 0 { return true }
  if errno == ESRCH { return false }
  throw ProcessLaunchError(stage: .signal, code: errno, subject: "group \(group)")
}
