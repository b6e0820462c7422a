import Glibc

/// Why a process could not be started, watched or signalled: the step that failed and what the system said.
public struct ProcessLaunchError: Error, Hashable, Sendable, CustomStringConvertible {
  /// The step that failed.
  public struct Stage: Hashable, Sendable, CustomStringConvertible {
    public let description: String

    /// The request cannot be carried out as it stands; nothing was started.
    public static let request = Stage(description: "check the request")
    /// The user is not known to this machine.
    public static let lookup = Stage(description: "look up the user")
    public static let fork = Stage(description: "create the process")
    public static let session = Stage(description: "start a session")
    public static let directory = Stage(description: "enter the working directory")
    public static let standardInput = Stage(description: "open standard input")
    public static let standardOutput = Stage(description: "open standard output")
    public static let standardError = Stage(description: "open standard error")
    public static let descriptors = Stage(description: "close other descriptors")
    public static let groups = Stage(description: "set the supplementary groups")
    public static let group = Stage(description: "set the group")
    public static let user = Stage(description: "set the user")
    public static let execute = Stage(description: "execute the program")
    /// The process did not get leave to execute its program.
    public static let hold = Stage(description: "hold the process back")
    public static let watch = Stage(description: "watch the process")
    public static let signal = Stage(description: "signal the process")
    public static let processTable = Stage(description: "read the process table")
    /// The waiting task was cancelled; the process goes on.
    public static let cancelled = Stage(description: "wait for the process")
  }

  public let stage: Stage
  /// The error number of the system call, or 0 when none failed.
  public let code: Int32
  /// What the step was attempted on, such as a path.
  public let subject: String

  public init(stage: Stage, code: Int32, subject: String) {
    self.stage = stage
    self.code = code
    self.subject = String(subject.prefix(512))
  }

  public var description: String {
    let reason = code == 0 ? "" : ": \(systemMessage(code))"
    return subject.isEmpty ? "Failed to \(stage)\(reason)" : "Failed to \(stage) (\(subject))\(reason)"
  }
}

func systemMessage(_ code: Int32) -> String {
  var buffer = [CChar](repeating: 0, count: 256)
  guard strerror_r(code, &buffer, buffer.count) == 0 else { return "error \(code)" }
  return String(decoding: buffer.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
}

/// Runs a system call again while signals interrupt it; -1 leaves `errno` as the call set it.
func uninterrupted<Result: FixedWidthInteger>(_ call: () -> Result) -> Result {
  while true {
    let result = call()
    if result != -1 || errno != EINTR { return result }
  }
}
