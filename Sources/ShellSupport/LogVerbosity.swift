public import Logging
import Synchronization

/// How much more a server logs, for a while, than it was started to log.
///
/// Operators of Apache Mesos know it as the verbosity of glog: 0 is what the server was started with, 1 adds `debug`, 2 and more add `trace`.
/// - Source: Apache Mesos `3rdparty/libprocess/src/logging.cpp`; *Logging*, "Enabling verbose logging".
public final class LogVerbosity: Sendable {
  private struct Raised {
    var level: UInt32
    var end: ContinuousClock.Instant
  }

  private let raised = Mutex<Raised?>(nil)
  private let now: @Sendable () -> ContinuousClock.Instant

  /// - Parameter now: The present; a test has a clock of its own.
  public init(now: @escaping @Sendable () -> ContinuousClock.Instant = { .now }) { self.now = now }

  /// The present level, 0 once the last one's time is over.
  public var level: UInt32 {
    raised.withLock { raised in
      guard let current = raised else { return 0 }
      if now() >= current.end { raised = nil }
      return raised?.level ?? 0
    }
  }

  /// Logs at `level` from now on, and as at the start when `duration` is over; a later call takes the place of this one.
  public func set(_ level: UInt32, for duration: Duration) {
    let end = now().advanced(by: duration)
    raised.withLock { $0 = level == 0 ? nil : Raised(level: level, end: end) }
  }

  /// The same logger, with as much more as the level says.
  public func governing(_ logger: Logger) -> Logger {
    var logger = logger
    logger.handler = VerboseLogHandler(verbosity: self, wrapped: logger.handler)
    return logger
  }

  fileprivate func least(_ atStart: Logger.Level) -> Logger.Level {
    switch level {
    case 0: atStart
    case 1: min(atStart, .debug)
    default: .trace
    }
  }
}

/// Passes on what the level says is to be logged.
private struct VerboseLogHandler: LogHandler {
  let verbosity: LogVerbosity
  var wrapped: any LogHandler

  var logLevel: Logger.Level {
    get { verbosity.least(wrapped.logLevel) }
    set { wrapped.logLevel = newValue }
  }

  var metadata: Logger.Metadata {
    get { wrapped.metadata }
    set { wrapped.metadata = newValue }
  }

  var metadataProvider: Logger.MetadataProvider? {
    get { wrapped.metadataProvider }
    set { wrapped.metadataProvider = newValue }
  }

  subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { wrapped[metadataKey: key] }
    set { wrapped[metadataKey: key] = newValue }
  }

  func log(event: LogEvent) { wrapped.log(event: event) }
}
