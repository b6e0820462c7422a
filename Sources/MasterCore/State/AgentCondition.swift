public import MesosModel

/// What an operator did to an agent: it outlives the agent's connection and the master.
public struct AgentCondition: Hashable, Sendable {
  /// Nothing of the agent is offered; true while it is drained.
  public var isDeactivated: Bool
  /// How far its draining has come; absent when it is not drained.
  public var drain: DrainInfo?
  /// When the draining began, in nanoseconds since 1970.
  public var drainStart: Int64?

  /// - Parameters:
  ///   - isDeactivated: Whether nothing of it is offered.
  ///   - drain: How far its draining has come.
  ///   - drainStart: When that began, in nanoseconds since 1970.
  public init(isDeactivated: Bool, drain: DrainInfo? = nil, drainStart: Int64? = nil) {
    self.isDeactivated = isDeactivated
    self.drain = drain
    self.drainStart = drainStart
  }

  /// Whether tasks are still being killed.
  public var isDraining: Bool { drain?.state == .draining }
}
