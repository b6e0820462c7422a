/// A process to start: program, environment, folder, streams and user.
///
/// The child has no descriptor beyond its three standard streams, default signal dispositions and no blocked signal.
public struct LaunchRequest: Hashable, Sendable {
  /// What is executed.
  public enum Program: Hashable, Sendable {
    /// A command line for `/bin/sh -c`.
    case shell(String)
    /// A program and its whole argument vector, the zeroth argument included. A path without a slash is looked for
    /// along `PATH` of the child's environment. No arguments means the path alone.
    case program(path: String, arguments: [String])
  }

  /// What the child finds in its environment.
  public enum Environment: Hashable, Sendable {
    /// These variables and no other.
    case exactly([String: String])
    /// Those of this process, with these set on top.
    case inherited(setting: [String: String] = [:])
  }

  /// What the child reads.
  public enum Input: Hashable, Sendable {
    /// `/dev/null`.
    case empty
    /// A copy of this open descriptor.
    case descriptor(Int32)
  }

  /// Where an output stream goes.
  public enum Output: Hashable, Sendable {
    /// `/dev/null`.
    case discarded
    /// Where this process's own stream of that name goes.
    case inherited
    /// Appended to this file, made with mode 0644 and given to ``LaunchRequest/fileOwner`` where it is missing. A symbolic link
    /// in the last place of the path is refused.
    case file(String)
    /// A copy of this open descriptor.
    case descriptor(Int32)
  }

  public var program: Program
  public var environment: Environment
  /// The folder the child starts in; `nil` for that of this process. Entered before the user is switched.
  public var workingDirectory: String?
  public var standardInput = Input.empty
  public var standardOutput: Output
  public var standardError: Output
  /// Whose files become that are made for output; `nil` for the child's user.
  public var fileOwner: UserIdentity?
  /// The user the child runs as; `nil` for that of this process. Another user needs root.
  public var user: UserIdentity?
  /// Whether the child leads a session (and so a process group) of its own: it then outlives its parent's terminal and
  /// can be killed with all that it starts.
  public var startsSession: Bool

  public init(
    program: Program, environment: Environment = .exactly([:]), workingDirectory: String? = nil,
    standardOutput: Output = .discarded, standardError: Output = .discarded, user: UserIdentity? = nil,
    startsSession: Bool = true
  ) {
    self.program = program
    self.environment = environment
    self.workingDirectory = workingDirectory
    self.standardOutput = standardOutput
    self.standardError = standardError
    self.user = user
    self.startsSession = startsSession
  }
}
