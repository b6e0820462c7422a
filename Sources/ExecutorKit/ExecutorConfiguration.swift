public import MesosHTTP

/// How an executor talks to its agent.
public struct ExecutorConfiguration: Hashable, Sendable {
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
