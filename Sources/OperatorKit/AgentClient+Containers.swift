public import MesosModel

/// What came of a launch.
public enum LaunchOutcome: Hashable, Sendable {
  case launched
  /// A container with this id runs already.
  case alreadyRunning
}

/// How a container ended.
public struct ContainerExit: Hashable, Sendable {
  /// The agent's words.
  public let answer: AgentResponse.WaitContainer

  public init(_ answer: AgentResponse.WaitContainer) { self.answer = answer }

  /// The code that the process exited with, 0 to 255; `nil` when it was killed, or never ran.
  public var code: Int? {
    guard answer.hasExitStatus, answer.exitStatus & 0x7f == 0 else { return nil }
    return Int(answer.exitStatus >> 8 & 0xff)
  }

  /// The signal that ended the process; `nil` when none did.
  public var signal: Int? {
    guard answer.hasExitStatus, answer.exitStatus & 0x7f != 0 else { return nil }
    return Int(answer.exitStatus & 0x7f)
  }
}

// Containers beside tasks and inside them. A container with a parent in its id is a nested one.
extension AgentClient {
  /// Launches a container: inside its parent, or standing alone with resources of its own.
  ///
  /// - Parameters:
  ///   - id: What it is to be called; with a parent, it is launched inside that.
  ///   - command: What runs in it; `nil` leaves that to its image, where the agent runs images.
  ///   - container: What it is like: its image, volumes and networks.
  ///   - resources: For a standalone container; a nested one uses its parent's.
  ///   - limits: The most of cpus and mem that it may take, infinite where it says so.
  public func launchContainer(
    _ id: ContainerID, command: CommandInfo? = nil, container: ContainerInfo? = nil, resources: [Resource] = [],
    limits: [String: MesosValue.Scalar] = [:]
  ) async throws(OperatorError) -> LaunchOutcome {
    let status = try await tell(.launchContainer) { call in
      call.launchContainer.containerID = id
      if let command { call.launchContainer.command = command }
      if let container { call.launchContainer.container = container }
      call.launchContainer.resources = resources
      call.launchContainer.limits = limits
    }
    return status == 202 ? .alreadyRunning : .launched
  }

  /// Waits for a container's end.
  ///
  /// - Parameters:
  ///   - id: The container, nested or not.
  ///   - timeout: How long to wait; `nil` waits for as long as it takes.
  /// - Throws: Code `.notFound` for a container that is not known, or not any more.
  public func waitContainer(
    _ id: ContainerID, timeout: Duration? = nil
  ) async throws(OperatorError) -> AgentResponse.WaitContainer {
    try await ask(
      .waitContainer, .waitContainer, \.hasWaitContainer, \.waitContainer, timeout: timeout ?? Self.forever
    ) { $0.waitContainer.containerID = id }
  }

  /// Ends a container with a signal; SIGKILL where none is named.
  public func killContainer(_ id: ContainerID, signal: Int32? = nil) async throws(OperatorError) {
    try await tell(.killContainer) { call in
      call.killContainer.containerID = id
      if let signal { call.killContainer.signal = signal }
    }
  }

  /// Removes what an ended container left: its sandbox and its state.
  public func removeContainer(_ id: ContainerID) async throws(OperatorError) {
    try await tell(.removeContainer) { $0.removeContainer.containerID = id }
  }

  // MARK: The older calls for nested containers

  /// Launches a container in its parent: the call of Apache Mesos before 1.5.
  public func launchNestedContainer(
    _ id: ContainerID, command: CommandInfo? = nil, container: ContainerInfo? = nil
  ) async throws(OperatorError) -> LaunchOutcome {
    let status = try await tell(.launchNestedContainer) { call in
      call.launchNestedContainer.containerID = id
      if let command { call.launchNestedContainer.command = command }
      if let container { call.launchNestedContainer.container = container }
    }
    return status == 202 ? .alreadyRunning : .launched
  }

  /// Waits for a nested container's end: the call of Apache Mesos before 1.5.
  public func waitNestedContainer(
    _ id: ContainerID, timeout: Duration? = nil
  ) async throws(OperatorError) -> AgentResponse.WaitNestedContainer {
    try await ask(
      .waitNestedContainer, .waitNestedContainer, \.hasWaitNestedContainer, \.waitNestedContainer,
      timeout: timeout ?? Self.forever
    ) { $0.waitNestedContainer.containerID = id }
  }

  /// Ends a nested container with a signal: the call of Apache Mesos before 1.5.
  public func killNestedContainer(_ id: ContainerID, signal: Int32? = nil) async throws(OperatorError) {
    try await tell(.killNestedContainer) { call in
      call.killNestedContainer.containerID = id
      if let signal { call.killNestedContainer.signal = signal }
    }
  }

  /// Removes what an ended nested container left: the call of Apache Mesos before 1.5.
  public func removeNestedContainer(_ id: ContainerID) async throws(OperatorError) {
    try await tell(.removeNestedContainer) { $0.removeNestedContainer.containerID = id }
  }

  /// Ten years: a deadline that is none.
  private static var forever: Duration { .seconds(10 * 365 * 24 * 3600) }
}
