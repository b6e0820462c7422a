public import MesosHTTP
public import MesosModel
import MesosRuntime
public import SchedulerCore

/// What carries a scheduler's calls to a master and the master's events back.
public protocol SchedulerTransport: Sendable {
  /// Opens a stream and hands over its head, then its records one by one; returns when the master ends it.
  ///
  /// - Throws: What broke the stream or kept it from opening: `SchedulerError` with code `.notSent` where nothing of the SUBSCRIBE
  ///   left, with code `.protocolViolation` where what comes is no stream of records. `CancellationError` when cancelled.
  func stream(
    _ call: SchedulerCall, from master: MasterAddress, head: (StreamHead) -> Void,
    record: (Result<SchedulerEvent, MessageDecodingError>) async throws -> Void
  ) async throws
  /// Sends a call and returns how it ended.
  func send(_ call: SchedulerCall, to master: MasterAddress, streamID: String) async -> CallOutcome
  /// Nothing more is sent.
  func shutdown() async
}

/// A `RuntimeProvider` that stands for the network too, as a simulation does.
public protocol SchedulerTransportProvider {
  /// What a scheduler of this configuration is to speak through; `nil` for HTTP.
  func transport(for configuration: SchedulerConfiguration) -> (any SchedulerTransport)?
}

extension Scheduler {
  func makeTransport() -> any SchedulerTransport {
    let provider = runtime.provider as? any SchedulerTransportProvider
    return provider?.transport(for: configuration) ?? HTTPSchedulerTransport(configuration: configuration, named: named)
  }
}
