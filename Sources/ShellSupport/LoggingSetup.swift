import Logging

/// Where a server's log messages go.
public enum LoggingSetup {
  /// Sends messages of `level` and above to standard error; to be called once, by a main program.
  ///
  /// - Parameters:
  ///   - level: `INFO`, `WARNING` or `ERROR`, as Apache Mesos names them; anything else is `INFO`.
  ///   - isQuiet: Sends nothing anywhere.
  public static func start(level: String, isQuiet: Bool) {
    let least: Logger.Level =
      switch level {
      case "WARNING": .warning
      case "ERROR": .error
      default: .info
      }
    LoggingSystem.bootstrap { label in
      if isQuiet { return SwiftLogNoOpLogHandler() }
      var handler = StreamLogHandler.standardError(label: label)
      handler.logLevel = least
      return handler
    }
  }
}
