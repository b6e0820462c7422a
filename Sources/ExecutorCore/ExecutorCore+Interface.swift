public import MesosModel

/// One attempt at an event stream to the agent; what belongs to an earlier one no longer counts.
public struct ExecutorStream: Hashable, Comparable, Sendable {
  public let number: UInt64

  public init(number: UInt64) { self.number = number }

  public static func < (left: Self, right: Self) -> Bool { left.number < right.number }
}

extension ExecutorCore {
  public struct Configuration: Hashable, Sendable {
    public var frameworkID: FrameworkID
    public var executorID: ExecutorID
    /// Whether the executor outlives its agent's process and subscribes again with the next one.
    public var checkpoint: Bool
    /// How long to try for a lost agent before shutting down.
    public var recoveryTimeout: Duration
    /// The longest wait before the next attempt to subscribe.
    public var subscriptionBackoffMax: Duration
    /// How long the user has to end after SHUTDOWN.
    public var shutdownGracePeriod: Duration
    /// How often HEARTBEAT is sent, so that nothing between closes an idle connection.
    public var heartbeatInterval: Duration
    /// How many updates may wait for their acknowledgement.
    public var unacknowledgedUpdatesMax: Int

    public init(
      frameworkID: FrameworkID, executorID: ExecutorID, checkpoint: Bool = false,
      recoveryTimeout: Duration = .seconds(15 * 60), subscriptionBackoffMax: Duration = .seconds(2),
      shutdownGracePeriod: Duration = ExecutorEnvironment.defaultShutdownGracePeriod,
      heartbeatInterval: Duration = .seconds(30 * 60), unacknowledgedUpdatesMax: Int = 100_000
    ) {
      self.frameworkID = frameworkID
      self.executorID = executorID
      self.checkpoint = checkpoint
      self.recoveryTimeout = recoveryTimeout
      self.subscriptionBackoffMax = subscriptionBackoffMax
      self.shutdownGracePeriod = shutdownGracePeriod
      self.heartbeatInterval = heartbeatInterval
      self.unacknowledgedUpdatesMax = unacknowledgedUpdatesMax
    }

    public init(_ environment: ExecutorEnvironment) {
      self.init(
        frameworkID: FrameworkID(FrameworkKey(environment.frameworkID)),
        executorID: ExecutorID(ExecutorKey(environment.executorID)), checkpoint: environment.checkpoint,
        recoveryTimeout: environment.recoveryTimeout, subscriptionBackoffMax: environment.subscriptionBackoffMax,
        shutdownGracePeriod: environment.shutdownGracePeriod)
    }
  }

  /// What happened.
  public enum Event: Hashable, Sendable {
    /// Begin.
    case start
    case received(ExecutorStream, ExecutorEvent)
    /// A record came that is no event.
    case undecodable(ExecutorStream, reason: String)
    /// SUBSCRIBE was answered with another status than 200.
    case refused(ExecutorStream, status: Int, text: String)
    /// The stream could not be opened, ended or broke off; or the connection for calls did.
    case disconnected(ExecutorStream, reason: String)
    /// A call was answered with another status than 202.
    case callRefused(ExecutorStream, status: Int, text: String)
    /// The user reports a status; UUID, timestamp, source and executor are filled in where they are missing.
    case update(TaskStatus)
    /// The user sends bytes to its scheduler.
    case message([UInt8])
    /// Time has passed; at the latest at ``ExecutorCore/nextDeadline``.
    case tick
    /// The process is asked to end from outside: the user gets a SHUTDOWN as if the agent had sent it, and the stream stays, so
    /// that the last updates can be acknowledged.
    case shutDown
    /// The user is done.
    case stop
  }

  /// What must be done, in this order.
  public enum Directive: Hashable, Sendable {
    /// POST this SUBSCRIBE; its answer comes as `.received` or `.refused`, its end as `.disconnected`.
    case connect(ExecutorStream, ExecutorCall)
    /// POST this call, after all that were sent before it on this stream.
    case send(ExecutorStream, ExecutorCall)
    /// Nothing of the stream is wanted any more.
    case disconnect(ExecutorStream)
    /// For the user: every event but HEARTBEAT, and SHUTDOWN when the agent is lost for good or the executor is asked to end.
    case deliver(ExecutorEvent)
    /// The agent is there, or is not.
    case connectivity(isSubscribed: Bool, reason: String)
    /// What the user asked for is not done.
    case rejected(ExecutorError)
    /// Something arrived that is out of place; nothing is done about it.
    case ignored(String)
    /// The user did not end within the grace period: end it now.
    case forceExit(reason: String)
    /// The end; nothing follows.
    case finished
  }
}
