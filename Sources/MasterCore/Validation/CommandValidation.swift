import MesosModel

enum CommandValidation {
  static func validate(_ command: CommandInfo) throws(ValidationError) {
    for variable in command.environment.variables {
      func invalid(_ text: String) -> ValidationError {
        ValidationError("Environment variable '\(variable.name)' \(text)")
      }
      switch variable.type {
      case .value:
        guard variable.hasValue else { throw invalid("of type 'VALUE' must have a value set") }
        guard !variable.hasSecret else { throw invalid("of type 'VALUE' must not have a secret set") }
      case .secret:
        guard variable.hasSecret else { throw invalid("of type 'SECRET' must have a secret set") }
        guard !variable.hasValue else { throw invalid("of type 'SECRET' must not have a value set") }
        do { try validate(variable.secret) } catch { throw invalid("specifies an invalid secret: \(error.message)") }
      case .unknown:
        throw ValidationError("Environment variable of type 'UNKNOWN' is not allowed")
      }
    }
  }

  static func validate(_ secret: MesosSecret) throws(ValidationError) {
    switch secret.type {
    case .reference:
      guard secret.hasReference else {
        throw ValidationError("Secret of type REFERENCE must have the 'reference' field set")
      }
      guard !secret.hasValue else {
        throw ValidationError(
          "Secret '\(secret.reference.name)' of type REFERENCE must not have the 'value' field set")
      }
    case .value:
      guard secret.hasValue else { throw ValidationError("Secret of type VALUE must have the 'value' field set") }
      guard !secret.hasReference else {
        throw ValidationError("Secret of type VALUE must not have the 'reference' field set")
      }
    case .unknown: break
    }
  }
}

enum ContainerValidation {
  static func validate(_ container: ContainerInfo) throws(ValidationError) {
    for volume in container.volumes {
      let count = [volume.hasHostPath, volume.hasImage, volume.hasSource].count { $0 }
      guard count == 1 else {
        throw ValidationError(
          "Invalid volume: Only one of them should be set: 'host_path', 'image' and 'source'")
      }
    }
    guard container.type == .docker else { return }
    guard container.hasDocker else {
      throw ValidationError("DockerInfo 'docker' is not set for DOCKER typed ContainerInfo")
    }
    guard !container.docker.parameters.contains(where: { $0.key == "name" }) else {
      throw ValidationError("Parameter in DockerInfo must not be 'name'")
    }
  }
}

enum CheckValidation {
  static func validate(_ check: CheckInfo) throws(ValidationError) {
    guard check.hasType else { throw ValidationError("CheckInfo must specify 'type'") }
    switch check.type {
    case .command:
      guard check.hasCommand else { throw ValidationError("Expecting 'command' to be set for COMMAND check") }
      try validate(command: check.command.command, "Command check must contain", "Check's")
    case .http:
      guard check.hasHTTP else { throw ValidationError("Expecting 'http' to be set for HTTP check") }
      guard !check.http.hasPath || check.http.path.hasPrefix("/") else {
        throw ValidationError("The path '\(check.http.path)' of HTTP check must start with '/'")
      }
    case .tcp:
      guard check.hasTcp else { throw ValidationError("Expecting 'tcp' to be set for TCP check") }
    case .unknown: throw ValidationError("'UNKNOWN' is not a valid check type")
    }
    try validate(seconds: check.delaySeconds, "delay_seconds")
    try validate(seconds: check.intervalSeconds, "interval_seconds")
    try validate(seconds: check.timeoutSeconds, "timeout_seconds")
  }

  static func validate(_ check: HealthCheck) throws(ValidationError) {
    guard check.hasType else { throw ValidationError("HealthCheck must specify 'type'") }
    switch check.type {
    case .command:
      guard check.hasCommand else {
        throw ValidationError("Expecting 'command' to be set for COMMAND health check")
      }
      try validate(command: check.command, "Command health check must contain", "Health check's")
    case .http:
      guard check.hasHTTP else { throw ValidationError("Expecting 'http' to be set for HTTP health check") }
      guard !check.http.hasScheme || ["http", "https"].contains(check.http.scheme) else {
        throw ValidationError("Unsupported HTTP health check scheme: '\(check.http.scheme)'")
      }
      guard !check.http.hasPath || check.http.path.hasPrefix("/") else {
        throw ValidationError("The path '\(check.http.path)' of HTTP health check must start with '/'")
      }
    case .tcp:
      guard check.hasTcp else { throw ValidationError("Expecting 'tcp' to be set for TCP health check") }
    case .unknown: throw ValidationError("'UNKNOWN' is not a valid health check type")
    }
    try validate(seconds: check.delaySeconds, "delay_seconds")
    try validate(seconds: check.gracePeriodSeconds, "grace_period_seconds")
    try validate(seconds: check.intervalSeconds, "interval_seconds")
    try validate(seconds: check.timeoutSeconds, "timeout_seconds")
  }

  private static func validate(
    command: CommandInfo, _ missing: String, _ owner: String
  ) throws(ValidationError) {
    guard command.hasValue else {
      throw ValidationError("\(missing) \(command.shell ? "'shell command'" : "'executable path'")")
    }
    do { try CommandValidation.validate(command) } catch {
      throw ValidationError("\(owner) `CommandInfo` is invalid: \(error.message)")
    }
  }

  private static func validate(seconds: Double, _ field: String) throws(ValidationError) {
    guard !(seconds < 0) else { throw ValidationError("Expecting '\(field)' to be non-negative") }
  }
}
