public import MesosModel

/// How it is found out how a task does.
public enum TaskProbe: Hashable, Sendable {
  /// A command that is run in the task's sandbox.
  case command(CommandInfo)
  /// `GET path` of the loopback address.
  case http(port: UInt16, path: String, isIPv6: Bool)
  /// A connection to the loopback address.
  case tcp(port: UInt16, isIPv6: Bool)

  /// What a probe found.
  public enum Outcome: Hashable, Sendable {
    case exited(code: Int32)
    case answered(status: Int)
    case connected(Bool)
    /// The probe itself could not be made or was not answered.
    case failed(String)
  }
}

/// When a task is probed and what its framework is told of it: one check or health check.
///
/// The first probe is made `delay_seconds` after the task began to run, each further one `interval_seconds` after the one before has ended; a
/// probe without an end after `timeout_seconds`, unless that is zero, has failed. A check tells each result that differs from the one
/// before. A health check tells the first success, each failure, and the first success after failures; failures in the grace period before
/// the first success do not count, and `consecutive_failures` in a row end the task.
///
/// - Source: Apache Mesos, *Task Health Checking and Generalized Checks*; `src/checks/checker.cpp`, `health_checker.cpp`.
struct ProbedTask: Hashable, Sendable {
  enum Kind: Hashable, Sendable {
    case check(CheckInfo)
    case healthCheck(HealthCheck)
  }

  /// What follows from a probe's outcome.
  enum Finding: Hashable {
    case checkStatus(CheckStatusInfo)
    case health(isHealthy: Bool, endsTask: Bool)
  }

  private enum Phase: Hashable {
    case waiting(until: Duration)
    case probing(until: Duration?)
    case stopped
  }

  let probe: TaskProbe
  private let kind: Kind
  private let interval: Duration
  private let timeout: Duration?
  private var phase: Phase
  // Of checks.
  private var previous = CheckStatusInfo()
  // Of health checks.
  private let graceEnd: Duration
  private var wasHealthy = false
  private var failures: UInt32 = 0

  /// - Throws: ``ExecutorError`` with code `.invalidCommand` when the probe cannot be made.
  init(_ kind: Kind, at now: Duration) throws(ExecutorError) {
    self.kind = kind
    let (delay, interval, timeout): (Double, Double, Double)
    switch kind {
    case .check(let check):
      (delay, interval, timeout) = (check.delaySeconds, check.intervalSeconds, check.timeoutSeconds)
      graceEnd = .zero
      previous = Self.emptyStatus(of: check)
      switch check.type {
      case .command: probe = .command(check.command.command)
      case .http: probe = .http(port: try Self.port(check.http.port), path: check.http.path, isIPv6: false)
      case .tcp: probe = .tcp(port: try Self.port(check.tcp.port), isIPv6: false)
      case .unknown: throw ExecutorError(.invalidCommand, "The task's check has no known type")
      }
    case .healthCheck(let check):
      (delay, interval, timeout) = (check.delaySeconds, check.intervalSeconds, check.timeoutSeconds)
      graceEnd = now + Self.duration(check.gracePeriodSeconds)
      switch check.type {
      case .command: probe = .command(check.command)
      case .http:
        guard !check.http.hasScheme || check.http.scheme == "http" else {
          throw ExecutorError(.invalidCommand, "Health checks over HTTPS are not built yet")
        }
        probe = .http(
          port: try Self.port(check.http.port), path: check.http.path, isIPv6: check.http.`protocol` == .ipv6)
      case .tcp: probe = .tcp(port: try Self.port(check.tcp.port), isIPv6: check.tcp.`protocol` == .ipv6)
      case .unknown: throw ExecutorError(.invalidCommand, "The task's health check has no known type")
      }
    }
    self.interval = Self.duration(interval)
    self.timeout = timeout > 0 ? Self.duration(timeout) : nil
    phase = .waiting(until: now + Self.duration(delay))
  }

  /// When something is due, by `Moment.uptime`.
  var nextDeadline: Duration? {
    switch phase {
    case .waiting(let until): until
    case .probing(let until): until
    case .stopped: nil
    }
  }

  /// What is to be done with the probe when a deadline has come.
  enum Step: Hashable {
    case begin
    /// Call the running probe off; what follows from its failure.
    case callOff(Finding?)
  }

  mutating func tick(at now: Duration) -> Step? {
    switch phase {
    case .waiting(let until) where until <= now:
      phase = .probing(until: timeout.map { now + $0 })
      return .begin
    case .probing(let until?) where until <= now:
      return .callOff(ended(.failed("timed out"), at: now))
    case .waiting, .probing, .stopped: return nil
    }
  }

  /// The running probe has an outcome; what follows, if anything does.
  mutating func ended(_ outcome: TaskProbe.Outcome, at now: Duration) -> Finding? {
    guard case .probing = phase else { return nil }
    phase = .waiting(until: now + interval)
    switch kind {
    case .check(let check):
      var status = Self.emptyStatus(of: check)
      switch outcome {
      case .exited(let code): status.command.exitCode = code
      case .answered(let code): status.http.statusCode = UInt32(clamping: code)
      case .connected(let isConnected): status.tcp.succeeded = isConnected
      case .failed: break
      }
      guard status != previous else { return nil }
      previous = status
      return .checkStatus(status)
    case .healthCheck(let check):
      if Self.isSuccess(outcome) {
        defer { (wasHealthy, failures) = (true, 0) }
        return wasHealthy && failures == 0 ? nil : .health(isHealthy: true, endsTask: false)
      }
      if !wasHealthy, check.gracePeriodSeconds > 0, now <= graceEnd { return nil }
      failures += 1
      return .health(isHealthy: false, endsTask: failures >= check.consecutiveFailures)
    }
  }

  /// No more probes. Whether one was running, which is to be called off.
  mutating func stop() -> Bool {
    defer { phase = .stopped }
    if case .probing = phase { return true }
    return false
  }

  private static func isSuccess(_ outcome: TaskProbe.Outcome) -> Bool {
    switch outcome {
    case .exited(let code): code == 0
    case .answered(let status): (200..<400).contains(status)
    case .connected(let isConnected): isConnected
    case .failed: false
    }
  }

  /// What every status of a task with a check has until there is a result.
  static func emptyStatus(of check: CheckInfo) -> CheckStatusInfo {
    var status = CheckStatusInfo()
    status.type = check.type
    switch check.type {
    case .command: status.command = CheckStatusInfo.Command()
    case .http: status.http = CheckStatusInfo.Http()
    case .tcp: status.tcp = CheckStatusInfo.Tcp()
    case .unknown: break
    }
    return status
  }

  private static func port(_ number: UInt32) throws(ExecutorError) -> UInt16 {
    guard let port = UInt16(exactly: number), port > 0 else {
      throw ExecutorError(.invalidCommand, "A check of the task names the port \(number), which is none")
    }
    return port
  }

  /// Seconds as a duration, to the millisecond; a year at most, so that sums stay in range.
  private static func duration(_ seconds: Double) -> Duration {
    guard seconds > 0 else { return .zero }
    return .milliseconds(Int64(min(seconds, 366 * 86_400) * 1_000))
  }
}
