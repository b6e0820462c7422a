/// The rules about checks, health checks and what checks find.
///
/// - Source: Apache Mesos, `src/common/validation.cpp`.
public enum CheckValidation {
  /// Checks that a check has what its type calls for and no negative times.
  /// - Throws: `ValidationError` about the first rule broken.
  public static func validate(_ check: CheckInfo) throws(ValidationError) {
    guard check.hasType else { throw missing("CheckInfo must specify 'type'", "type") }
    switch check.type {
    case .command:
      try expect(check.hasCommand, "command", "COMMAND check")
      do {
        try validate(check.command.command, missing: "Command check must contain", owner: "Check's")
      } catch {
        throw error.within("", field: "command.command")
      }
    case .http:
      try expect(check.hasHTTP, "http", "HTTP check")
      if check.http.hasPath { try validate(path: check.http.path, of: "HTTP check") }
    case .tcp: try expect(check.hasTcp, "tcp", "TCP check")
    case .unknown: throw ValidationError(.unsupported, "'UNKNOWN' is not a valid check type", path: "type")
    }
    try validate(seconds: check.delaySeconds, "delay_seconds")
    try validate(seconds: check.intervalSeconds, "interval_seconds")
    try validate(seconds: check.timeoutSeconds, "timeout_seconds")
  }

  /// Checks that a health check has what its type calls for, a scheme that is supported and no negative times.
  ///
  /// A check without a type is refused; ``LaunchCandidate`` gives one to those of before there were types.
  /// - Throws: `ValidationError` about the first rule broken.
  public static func validate(_ check: HealthCheck) throws(ValidationError) {
    guard check.hasType else { throw missing("HealthCheck must specify 'type'", "type") }
    switch check.type {
    case .command:
      try expect(check.hasCommand, "command", "COMMAND health check")
      do {
        try validate(check.command, missing: "Command health check must contain", owner: "Health check's")
      } catch {
        throw error.within("", field: "command")
      }
    case .http:
      try expect(check.hasHTTP, "http", "HTTP health check")
      guard !check.http.hasScheme || check.http.scheme == "http" || check.http.scheme == "https" else {
        throw ValidationError(
          .unsupported, "Unsupported HTTP health check scheme: '\(check.http.scheme)'", path: "http.scheme")
      }
      if check.http.hasPath { try validate(path: check.http.path, of: "HTTP health check") }
    case .tcp: try expect(check.hasTcp, "tcp", "TCP health check")
    case .unknown: throw ValidationError(.unsupported, "'UNKNOWN' is not a valid health check type", path: "type")
    }
    try validate(seconds: check.delaySeconds, "delay_seconds")
    try validate(seconds: check.gracePeriodSeconds, "grace_period_seconds")
    try validate(seconds: check.intervalSeconds, "interval_seconds")
    try validate(seconds: check.timeoutSeconds, "timeout_seconds")
  }

  /// Checks that what a check found has what its type calls for.
  /// - Throws: `ValidationError` about the first rule broken.
  public static func validate(_ status: CheckStatusInfo) throws(ValidationError) {
    guard status.hasType else { throw missing("CheckStatusInfo must specify 'type'", "type") }
    switch status.type {
    case .command: try expect(status.hasCommand, "command", "COMMAND check's status")
    case .http: try expect(status.hasHTTP, "http", "HTTP check's status")
    case .tcp: try expect(status.hasTcp, "tcp", "TCP check's status")
    case .unknown: throw ValidationError(.unsupported, "'UNKNOWN' is not a valid check's status type", path: "type")
    }
  }

  private static func missing(_ text: String, _ field: String) -> ValidationError {
    ValidationError(.missingField, text, path: field)
  }

  private static func expect(_ isPresent: Bool, _ field: String, _ kind: String) throws(ValidationError) {
    guard isPresent else { throw missing("Expecting '\(field)' to be set for \(kind)", field) }
  }

  private static func validate(
    _ command: CommandInfo, missing absent: String, owner: String
  ) throws(ValidationError) {
    guard command.hasValue else {
      throw missing("\(absent) \(command.shell ? "'shell command'" : "'executable path'")", "value")
    }
    do { try CommandValidation.validate(command) } catch { throw error.within("\(owner) `CommandInfo` is invalid: ") }
  }

  private static func validate(path: String, of kind: String) throws(ValidationError) {
    guard path.utf8.first == UInt8(ascii: "/") else {
      throw ValidationError(.invalidValue, "The path '\(path)' of \(kind) must start with '/'", path: "http.path")
    }
  }

  private static func validate(seconds: Double, _ field: String) throws(ValidationError) {
    // What is not a number is let through, as on Apache Mesos.
    guard !(seconds < 0) else {
      throw ValidationError(.invalidValue, "Expecting '\(field)' to be non-negative", path: field)
    }
  }
}
