/// What an agent tells an executor through its environment.
///
/// The token is in no description and no mirror of it.
/// - Source: Apache Mesos, *Executor HTTP API*, "Executor Environment Variables"; *SSL in Mesos* for `LIBPROCESS_SSL_…`.
public struct ExecutorEnvironment: Hashable, Sendable {
  /// How the agent is spoken to over TLS, as `LIBPROCESS_SSL_…` says it. Unlike Apache Mesos, a server is verified unless that is
  /// switched off: `LIBPROCESS_SSL_VERIFY_SERVER_CERT` (or `…_VERIFY_CERT`, its older name) counts as true where it is not set.
  public struct TLS: Hashable, Sendable {
    /// PEM files.
    public var authoritiesFile: String?
    public var certificateFile: String?
    public var keyFile: String?
    public var verifiesServer = true
    /// Whether a certificate must name the agent's address where the endpoint is one and no name (`LIBPROCESS_SSL_VERIFY_IPADD`).
    public var verifiesAddress = true
    /// Whether TLS 1.2 may be spoken, or 1.3 only.
    public var allowsTLS12 = true

    public init() {}

    init(_ variables: [String: String]) throws(ExecutorError) {
      authoritiesFile = variables["LIBPROCESS_SSL_CA_FILE"]
      guard authoritiesFile != nil || variables["LIBPROCESS_SSL_CA_DIR"] == nil else {
        throw ExecutorError(
          .badVariable, "LIBPROCESS_SSL_CA_DIR is not read here: name one file in LIBPROCESS_SSL_CA_FILE")
      }
      certificateFile = variables["LIBPROCESS_SSL_CERT_FILE"]
      keyFile = variables["LIBPROCESS_SSL_KEY_FILE"]
      if certificateFile == nil { keyFile = nil }
      let older = try flag("LIBPROCESS_SSL_VERIFY_CERT", variables)
      verifiesServer = try flag("LIBPROCESS_SSL_VERIFY_SERVER_CERT", variables) ?? older ?? true
      verifiesAddress = try flag("LIBPROCESS_SSL_VERIFY_IPADD", variables) ?? true
      allowsTLS12 = try flag("LIBPROCESS_SSL_ENABLE_TLS_V1_2", variables) ?? true
    }
  }

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
  /// The agent's unix socket, as the executor sees it: calls then go there, without TLS, and not to host and port.
  public var domainSocket: String?
  /// `nil` where the agent speaks plain HTTP.
  public var tls: TLS?
  /// The role that the executor's resources are allocated to.
  public var allocationRole: String?

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
    domainSocket = variables["MESOS_DOMAIN_SOCKET"].flatMap { $0.isEmpty ? nil : $0 }
    tls = try flag("LIBPROCESS_SSL_ENABLED", variables) == true ? try TLS(variables) : nil
    allocationRole = variables["MESOS_ALLOCATION_ROLE"]
  }
}

/// A switch as Apache Mesos reads it; `nil` where it is not set.
private func flag(_ name: String, _ variables: [String: String]) throws(ExecutorError) -> Bool? {
  switch variables[name] {
  case nil: return nil
  case "true", "1": return true
  case "false", "0": return false
  default: throw ExecutorError(.badVariable, "Failed to parse \(name): expecting true, 1, false or 0")
  }
}

extension ExecutorEnvironment: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
  public var description: String {
    "executor \(executorID) of \(frameworkID) at \(domainSocket ?? "\(agentHost):\(agentPort)")\(authenticationToken == nil ? "" : ", with a token")"
  }

  public var debugDescription: String { description }
  public var customMirror: Mirror {
    Mirror(
      self,
      children: [
        "frameworkID": frameworkID, "executorID": executorID, "agentHost": agentHost, "agentPort": agentPort,
        "path": path, "sandbox": sandbox as Any, "checkpoint": checkpoint, "recoveryTimeout": recoveryTimeout,
        "subscriptionBackoffMax": subscriptionBackoffMax, "shutdownGracePeriod": shutdownGracePeriod,
        "hasAuthenticationToken": authenticationToken != nil, "domainSocket": domainSocket as Any, "tls": tls as Any,
        "allocationRole": allocationRole as Any,
      ] as KeyValuePairs<String, Any>, displayStyle: .struct)
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
