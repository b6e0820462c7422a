/// Why a session or an exchange of the agent link cannot go on.
public struct LinkError: Error, Hashable, Sendable, CustomStringConvertible {
  public struct Code: Hashable, Sendable {
    private enum Value { case malformed, outOfOrder, overflow, silent, version, full, ended }
    private let value: Value

    /// A record does not decode, or lacks a field that it must have.
    public static let malformed = Code(value: .malformed)
    /// A record that may not come at this point, or after a gap.
    public static let outOfOrder = Code(value: .outOfOrder)
    /// More is waiting for acknowledgement than a session keeps: the session is over.
    public static let overflow = Code(value: .overflow)
    /// Nothing was heard for too long.
    public static let silent = Code(value: .silent)
    /// The two sides have no version of the protocol in common.
    public static let version = Code(value: .version)
    /// The master holds as many sessions as it may.
    public static let full = Code(value: .full)
    /// The session was ended on purpose, or another took its place.
    public static let ended = Code(value: .ended)
  }

  public let code: Code
  public let message: String

  public init(code: Code, message: String) {
    self.code = code
    self.message = message
  }

  public var description: String { message }

  static func malformed(_ what: String, _ cause: any Error) -> LinkError {
    LinkError(code: .malformed, message: "Failed to decode or encode \(what): \(String(describing: cause).prefix(200))")
  }
}
