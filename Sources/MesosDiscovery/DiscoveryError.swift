/// Why no leading master can be found, or no election be stood for.
public struct DiscoveryError: Error, Hashable, Sendable, CustomStringConvertible {
  public struct Code: Hashable, Sendable {
    private enum Value { case invalidAddress, unreadableFile, invalidNode, zooKeeper, noAnswer, runsOnce }
    private let value: Value
    /// A text that names no master and no ZooKeeper.
    public static let invalidAddress = Code(value: .invalidAddress)
    /// The file that should hold the address cannot be read.
    public static let unreadableFile = Code(value: .unreadableFile)
    /// The node of the leading master holds no MasterInfo.
    public static let invalidNode = Code(value: .invalidNode)
    /// ZooKeeper does not do what it is asked; see ``DiscoveryError/cause``.
    public static let zooKeeper = Code(value: .zooKeeper)
    /// No master says who leads.
    public static let noAnswer = Code(value: .noAnswer)
    /// A detector or contender was started twice.
    public static let runsOnce = Code(value: .runsOnce)
  }

  public let code: Code
  /// What went wrong; it repeats no credentials.
  public let message: String
  public let cause: ZooKeeperError?

  public init(_ code: Code, _ message: String, cause: ZooKeeperError? = nil) {
    self.code = code
    self.message = message
    self.cause = cause
  }

  public var description: String { message }
}
