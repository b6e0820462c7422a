import Synchronization

/// How much simulated agents have done.
public struct AgentLoadCounts: Hashable, Sendable {
  /// Agents that began.
  public var begun = 0
  /// Agents that a master has registered and that are connected to it now.
  public var registered = 0
  /// Agents that stand registered or did before; a re-registration counts once more.
  public var registrations = 0
  /// Connections that failed or broke.
  public var connectionsLost = 0
  /// Tasks that began to run.
  public var tasksStarted = 0
  /// Tasks that ended.
  public var tasksEnded = 0
  /// Status updates that executors sent.
  public var updates = 0
  /// Agents that ended as they were asked to.
  public var ended = 0

  /// Nothing was done yet.
  public init() {}

  /// Tasks that run now.
  public var tasksRunning: Int { tasksStarted - tasksEnded }
}

/// The counts, shared by all agents.
final class SharedCounts: Sendable {
  private let counts = Mutex(AgentLoadCounts())

  var now: AgentLoadCounts { counts.withLock { $0 } }
  func change(_ change: (inout AgentLoadCounts) -> Void) { counts.withLock { change(&$0) } }
}
