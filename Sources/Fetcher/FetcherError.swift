/// Why something was not fetched: what was attempted, on what, and what was in the way.
public struct FetcherError: Error, Hashable, Sendable, CustomStringConvertible {
  public struct Code: Hashable, Sendable, CustomStringConvertible {
    public let description: String

    /// The URI or its output file breaks a rule; nothing was attempted.
    public static let invalidURI = Code(description: "invalid_uri")
    /// A relative path, and no folder that it begins at was configured.
    public static let noFrameworksHome = Code(description: "no_frameworks_home")
    /// A local file could not be read.
    public static let unreadable = Code(description: "unreadable")
    /// The server refused, or could not be reached.
    public static let downloadFailed = Code(description: "download_failed")
    /// Less than a byte a second arrived for longer than is waited.
    public static let stalled = Code(description: "stalled")
    /// The source does not say how large it is, so it cannot be cached.
    public static let sizeUnknown = Code(description: "size_unknown")
    /// The download is larger than its source had said.
    public static let tooLarge = Code(description: "too_large")
    /// The cache cannot make enough room.
    public static let cacheFull = Code(description: "cache_full")
    /// The folder of the cache cannot be used.
    public static let cacheUnusable = Code(description: "cache_unusable")
    /// The content is not what the URI's checksum promises.
    public static let checksumMismatch = Code(description: "checksum_mismatch")
    /// Hadoop's command is missing or failed.
    public static let hadoopFailed = Code(description: "hadoop_failed")
    /// The archive is damaged or of an unknown kind.
    public static let badArchive = Code(description: "bad_archive")
    /// An entry of an archive, or an output file, would lie or lead outside of the sandbox.
    public static let escapesSandbox = Code(description: "escapes_sandbox")
    /// An archive has a device node, a pipe or a socket.
    public static let unsupportedEntry = Code(description: "unsupported_entry")
    /// The sandbox could not be written.
    public static let unwritable = Code(description: "unwritable")
    /// The fetching program could not be started, or ended without saying why.
    public static let programFailed = Code(description: "program_failed")
    /// The fetch was called off.
    public static let killed = Code(description: "killed")

    public init(description: String) { self.description = description }
  }

  public let code: Code
  /// Without credentials: those of URIs are left out.
  public let message: String

  public init(_ code: Code, _ message: String) {
    self.code = code
    self.message = String(message.prefix(2_000))
  }

  public var description: String { message }
}
