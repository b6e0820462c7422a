import Glibc

/// A process as the kernel identifies it: numbers of processes are used again, start times are not.
///
/// An identity stays good across a restart of the program that launched the process, until the machine boots again.
public struct LaunchedProcess: Hashable, Comparable, Sendable, CustomStringConvertible {
  public var pid: Int32
  /// Clock ticks since boot, as in `/proc/PID/stat`.
  public var startTime: UInt64

  public init(pid: Int32, startTime: UInt64) {
    self.pid = pid
    self.startTime = startTime
  }

  /// The process that has this number now, or `nil` when none has.
  public init?(pid: Int32) {
    guard let entry = ProcessEntry(pid: pid) else { return nil }
    self = entry.process
  }

  /// Whether this very process still runs. One that has ended and waits for its status to be taken does not.
  public var isAlive: Bool {
    guard let entry = ProcessEntry(pid: pid) else { return false }
    return entry.process == self && entry.isRunning
  }

  public var description: String { "process \(pid) (started at tick \(startTime))" }

  public static func < (left: Self, right: Self) -> Bool {
    (left.pid, left.startTime) < (right.pid, right.startTime)
  }
}

/// How a process ended.
public enum ProcessExit: Hashable, Sendable, CustomStringConvertible {
  case exited(code: Int32)
  case signaled(number: Int32, coreDumped: Bool)
  /// Gone, and its status is known to another process or to nobody: it was not a child of this one, or its status had
  /// been taken before.
  case unknown

  /// The status as wait(2) gives it; `nil` when it is not known.
  public var waitStatus: Int32? {
    switch self {
    case .exited(let code): (code & 0xff) << 8
    case .signaled(let number, let coreDumped): number & 0x7f | (coreDumped ? 0x80 : 0)
    case .unknown: nil
    }
  }

  /// What the system calls the signal, such as `Killed`; empty when none ended the process.
  public var signalName: String {
    guard case .signaled(let number, _) = self else { return "" }
    guard let text = strsignal(number) else { return "\(number)" }
    return String(cString: text)
  }

  /// `exited with status 1` or `terminated with signal Killed`, as Apache Mesos words it.
  public var description: String {
    switch self {
    case .exited(let code): "exited with status \(code)"
    case .signaled(_, let coreDumped):
      "terminated with signal \(signalName)\(coreDumped ? " (core dumped)" : "")"
    case .unknown: "ended with an unknown status"
    }
  }
}
