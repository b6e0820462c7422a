public import CoreMetrics
public import MesosHTTP
public import MesosHTTPClient
public import Tracing

/// How an executor talks to its agent.
public struct ExecutorConfiguration: Sendable {
  /// What a graceful shutdown of the process does, such as one that SIGTERM begins in a service group.
  public enum Shutdown: Hashable, Sendable {
    /// The executor is given SHUTDOWN, as if the agent had sent it: it can end its tasks and report that, within the grace period.
    case shutDown
    /// ``ExecutorDriver/stop()`` at once.
    case stop
  }

  /// The encoding of calls and events.
  public var encoding: MessageEncoding
  /// How long the agent may take to answer a call, or to begin the answer to SUBSCRIBE.
  public var callTimeout: Duration
  /// How many events are kept for a reader that is behind; then nothing more is read from the agent.
  public var eventsBufferedMax: Int
  /// Bytes of one event that are accepted.
  public var recordBytesMax: Int
  /// How many updates may wait for their acknowledgement.
  public var unacknowledgedUpdatesMax: Int
  public var atShutdown = Shutdown.shutDown
  /// How long an `Executor` that has shut down waits for the agent to acknowledge its last updates.
  public var lastAcknowledgements: Duration = .seconds(1)
  /// How TLS is spoken where the environment says that the agent does (`LIBPROCESS_SSL_ENABLED`); `nil` for what
  /// `LIBPROCESS_SSL_…` say.
  public var tls: ClientTLS?
  /// What proves who this executor is, in the place of the token in the environment.
  public var credentials: HTTPCredentials?
  /// What connections go through; those to a unix socket do not.
  public var proxy: HTTPProxy?
  /// Where metrics go; `nil` for the factory that `MetricsSystem` was given.
  public var metrics: (any MetricsFactory)?
  /// Where spans go; `nil` for the tracer that `InstrumentationSystem` was given.
  public var tracer: (any Tracer)?

  public init(
    encoding: MessageEncoding = .protobuf, callTimeout: Duration = .seconds(30), eventsBufferedMax: Int = 1024,
    recordBytesMax: Int = 64 << 20, unacknowledgedUpdatesMax: Int = 100_000
  ) {
    self.encoding = encoding
    self.callTimeout = callTimeout
    self.eventsBufferedMax = eventsBufferedMax
    self.recordBytesMax = recordBytesMax
    self.unacknowledgedUpdatesMax = unacknowledgedUpdatesMax
  }
}
