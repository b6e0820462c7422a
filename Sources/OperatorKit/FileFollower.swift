import MesosRuntime

/// How a file is followed.
public struct FollowConfiguration: Sendable {
  /// Where to begin.
  public enum Start: Hashable, Sendable {
    case beginning
    /// The end that the file has when the first answer comes.
    case end
    case offset(UInt64)
  }

  public var start = Start.beginning
  /// Bytes that are asked for at once.
  public var pieceBytes = FilePiece.usualBytes
  /// How long to wait before a file that gave nothing is asked for again: at first, doubled each time that it gives nothing.
  public var waitMin: Duration = .milliseconds(100)
  /// The longest of these waits.
  public var waitMax: Duration = .seconds(2)
  /// Whether a file that is not there is waited for.
  public var waitsForFile = false
  /// Attempts in a row that may fail for a reason that may pass, before the error is handed on.
  public var failuresMax = 5
  /// Whether nothing more will be written. When it says so, what there is is read to the end, and the sequence ends; without it the
  /// sequence goes on until its task is cancelled.
  public var isComplete: (@Sendable () async -> Bool)?

  public init() {}
}

/// A file as it grows, like `tail -f`: each element is the next piece, or says that the file became shorter and is read anew.
///
/// It holds one piece at a time, and asks for the next when it is taken. A file that is replaced by one at least as long is not noticed.
public struct FileFollower: AsyncSequence, Sendable {
  public enum Element: Hashable, Sendable {
    case bytes(FilePiece)
    /// The file is shorter than what was read of it; what follows begins at its start.
    case truncated(fileSize: UInt64)
  }
  public typealias Failure = OperatorError

  let source: any FileSource
  let file: String
  let configuration: FollowConfiguration

  public func makeAsyncIterator() -> AsyncIterator {
    AsyncIterator(source: source, file: file, configuration: configuration)
  }

  public struct AsyncIterator: AsyncIteratorProtocol {
    private let source: any FileSource
    private let file: String
    private let configuration: FollowConfiguration
    /// Where the next piece begins; `nil` before the end was asked for.
    private var offset: UInt64?
    private var wait: Duration
    private var failures = 0
    private var isOver = false
    /// That nothing more is written was said: the next read that gives nothing is the last.
    private var isLastRound = false

    init(source: any FileSource, file: String, configuration: FollowConfiguration) {
      self.source = source
      self.file = file
      self.configuration = configuration
      wait = configuration.waitMin
      switch configuration.start {
      case .beginning: offset = 0
      case .end: offset = nil
      case .offset(let start): offset = start
      }
    }

    public mutating func next() async throws(OperatorError) -> FileFollower.Element? { try await next(isolation: nil) }

    /// The next piece; waits while there is none.
    ///
    /// - Throws: `OperatorError`: `.notFound` where the file is not there and is not waited for, `.cancelled`.
    public mutating func next(isolation actor: isolated (any Actor)?) async throws(OperatorError)
      -> FileFollower.Element?
    {
      while !isOver {
        if Task.isCancelled { throw cancelledError("Following \(file)") }
        let piece: FilePiece
        do {
          piece = try await source.read(file, offset: offset ?? 0, length: offset == nil ? 1 : configuration.pieceBytes)
          failures = 0
        } catch {
          try await recover(error)
          continue
        }
        guard let offset else {
          self.offset = piece.fileSize
          continue
        }
        if !piece.bytes.isEmpty {
          self.offset = offset + UInt64(piece.bytes.count)
          wait = configuration.waitMin
          return .bytes(piece)
        }
        if piece.fileSize < offset {
          self.offset = 0
          wait = configuration.waitMin
          return .truncated(fileSize: piece.fileSize)
        }
        try await pause()
      }
      return nil
    }

    private mutating func recover(_ error: OperatorError) async throws(OperatorError) {
      if error.code == .notFound, configuration.waitsForFile {
        // What comes is the file from its start, wherever an older one was left.
        offset = 0
        return try await pause()
      }
      failures += 1
      guard error.isTransient, failures <= configuration.failuresMax else {
        isOver = true
        throw error
      }
      try await sleep()
    }

    /// Waits, or finds that there is nothing to wait for.
    private mutating func pause() async throws(OperatorError) {
      if isLastRound {
        isOver = true
        return
      }
      if let isComplete = configuration.isComplete, await isComplete() {
        isLastRound = true
        return
      }
      try await sleep()
    }

    private mutating func sleep() async throws(OperatorError) {
      do {
        try await source.runtime.sleep(for: wait)
      } catch {
        throw cancelledError("Following \(file)")
      }
      wait = Swift.min(wait * 2, Swift.max(configuration.waitMin, configuration.waitMax))
    }
  }
}

extension FileSource {
  /// Follows a file as it grows.
  public func follow(_ file: String, _ configuration: FollowConfiguration = FollowConfiguration()) -> FileFollower {
    FileFollower(source: self, file: file, configuration: configuration)
  }
}
