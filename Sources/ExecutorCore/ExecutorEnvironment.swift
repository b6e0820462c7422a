/// What an agent tells an executor through its environment.
///
/// - Source: Apache Mesos, *Executor HTTP API*, "Executor Environment Variables".
public struct ExecutorEnvironment: Hashable, Sendable {
  /// How long an executor has to end after SHUTDOWN, where the agent does not say.
  public static let defaultShutdownGracePeriod = Duration.seconds(5)

  public var frameworkID: String
  public var executorID: String
  /// `host:port` of the agent, as it stands in `MESOS_AGENT_ENDPOINT`.
  public var agentHost: String
  public var agentPort: UInt16
  /// The path of the executor API on the agent.
  public var path: String
  /// The sandbox as the executor sees it; absent where the agent did not say.
  public var sandbox: String?
  /// Whether the framework checkpoints: the executor then outlives its agent's process.
  public var checkpoint: Bool
  public var recoveryTimeout: Duration
  public var subscriptionBackoffMax: Duration
  public var shutdownGracePeriod: Duration
  /// The secret that proves to the agent which executor this is. Not to be logged or handed on.
  public var authenticationToken: String?

  /// - Throws: ``ExecutorError`` with code `.missingVariable` or `.badVariable`; the message names the variable.
  public init(_ variables: [String: String]) throws(ExecutorError) {
    func required(_ name: String) throws(ExecutorError) -> String {
      guard let value = variables[name], !value.isEmpty else {
        throw ExecutorError(.missingVariable, "Expecting '\(name)' to be set in the environment")
      }
      return value
    }
    func duration(_ name: String) throws(ExecutorError) -> Duration? {
      guard let text = variables[name] else { return nil }
      guard let value = Duration(mesosText: text) else {
        throw ExecutorError(.badVariable, "Failed to parse \(name) '\(text)': expecting a duration such as '15secs'")
      }
      return value
    }
    frameworkID = try required("MESOS_FRAMEWORK_ID")
    executorID = try required("MESOS_EXECUTOR_ID")

    let endpoint = try required("MESOS_AGENT_ENDPOINT")
    guard let colon = endpoint.lastIndex(of: ":"), let port = UInt16(endpoint[endpoint.index(after: colon)...]),
      port > 0
    else {
      throw ExecutorError(.badVariable, "Failed to parse MESOS_AGENT_ENDPOINT '\(endpoint)': expecting host:port")
    }
    var host = endpoint[..<colon]
    if host.first == "[", host.last == "]" { host = host.dropFirst().dropLast() }
    guard !host.isEmpty else {
      throw ExecutorError(.badVariable, "Failed to parse MESOS_AGENT_ENDPOINT '\(endpoint)': expecting host:port")
    }
    agentHost = String(host)
    agentPort = port

    // `slave(1)@host:port`: the part before the @ is the first segment of the agent's paths.
    let process = variables["MESOS_SLAVE_PID"].flatMap { pid in pid.firstIndex(of: "@").map { pid[..<$0] } }
    path = process.map { "/\($0)/api/v1/executor" } ?? "/api/v1/executor"

    sandbox = variables["MESOS_SANDBOX"] ?? variables["MESOS_DIRECTORY"]
    checkpoint = variables["MESOS_CHECKPOINT"] == "1"
    recoveryTimeout = try duration("MESOS_RECOVERY_TIMEOUT") ?? .seconds(15 * 60)
    subscriptionBackoffMax = try duration("MESOS_SUBSCRIPTION_BACKOFF_MAX") ?? .seconds(2)
    shutdownGracePeriod =
      try duration("MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD") ?? Self.defaultShutdownGracePeriod
    authenticationToken = variables["MESOS_EXECUTOR_AUTHENTICATION_TOKEN"]
  }
}

extension Duration {
  /// Reads a duration as Apache Mesos writes it: a decimal number and one of `ns`, `us`, `ms`, `secs`, `mins`, `hrs`,
  /// `days`, `weeks`, as in `1.5mins`. Negative ones, and more than 9,000,000 seconds' worth of digits, are refused.
  public init?(mesosText text: String) {
    let nanoseconds: [String: Int64] = [
      "ns": 1, "us": 1_000, "ms": 1_000_000, "secs": 1_000_000_000, "mins": 60_000_000_000, "hrs": 3_600_000_000_000,
      "days": 86_400_000_000_000, "weeks": 604_800_000_000_000,
    ]
    let digits = text.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
    guard let unit = nanoseconds[String(text[digits.endIndex...])], let value = Double(digits), value >= 0 else {
      return nil
    }
    if let whole = Int64(digits) {
      let (product, overflow) = whole.multipliedReportingOverflow(by: unit)
      guard !overflow else { return nil }
      self = .nanoseconds(product)
    } else {
      let product = value * Double(unit)
      guard product < 9e18 else { return nil }
      self = .nanoseconds(Int64(product.rounded()))
    }
  }
}
