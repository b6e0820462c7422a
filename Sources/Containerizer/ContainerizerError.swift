import Glibc

/// Why something could not be done with a container: what went wrong, where, and what the system said.
public struct ContainerizerError: Error, Hashable, Sendable, CustomStringConvertible {
  public struct Code: Hashable, Sendable, CustomStringConvertible {
    private enum Value: String {
      case invalid, exists, unknownContainer, wrongState, unsupported, launch, isolation, cgroup, destroyed,
        notDestroyed
      case recovery
    }
    private let value: Value

    /// What was asked for breaks a rule; nothing was done.
    public static let invalid = Code(value: .invalid)
    /// A container of that id is there.
    public static let exists = Code(value: .exists)
    public static let unknownContainer = Code(value: .unknownContainer)
    /// The container is there, but not in a state in which this can be done.
    public static let wrongState = Code(value: .wrongState)
    /// What was asked for takes something that this machine or this release does not have.
    public static let unsupported = Code(value: .unsupported)
    /// The first process could not be made, set up, or its program not executed.
    public static let launch = Code(value: .launch)
    /// An isolator failed.
    public static let isolation = Code(value: .isolation)
    /// A file or folder of a cgroup could not be read, written, made or removed.
    public static let cgroup = Code(value: .cgroup)
    /// The container was destroyed before it was launched.
    public static let destroyed = Code(value: .destroyed)
    /// Something of the container is left after all its time.
    public static let notDestroyed = Code(value: .notDestroyed)
    /// What an earlier run left behind cannot be made out.
    public static let recovery = Code(value: .recovery)

    public var description: String { value.rawValue }
  }

  public let code: Code
  public let message: String
  /// The error number of the system call that failed, or 0 when none did.
  public let errno: Int32

  public init(_ code: Code, _ message: String, errno: Int32 = 0) {
    self.code = code
    self.message = String(message.prefix(2_000))
    self.errno = errno
  }

  public var description: String { errno == 0 ? message : "\(message): \(Self.text(of: errno))" }

  static func text(of number: Int32) -> String {
    var buffer = [CChar](repeating: 0, count: 256)
    guard strerror_r(number, &buffer, buffer.count) == 0 else { return "error \(number)" }
    return String(decoding: buffer.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
  }
}
