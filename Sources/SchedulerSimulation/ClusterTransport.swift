import MesosHTTP
import MesosSimulation
import SchedulerKit
import Synchronization

/// A scheduler's connections to a simulated cluster.
struct ClusterTransport: SchedulerTransport {
  let network: ClusterNetwork
  let framework: Int

  /// A stream could not be opened, or broke.
  struct Broken: Error, CustomStringConvertible {
    let description: String
  }

  func stream(
    _ call: SchedulerCall, from master: MasterAddress, head: (StreamHead) -> Void,
    record: (Result<SchedulerEvent, MessageDecodingError>) async throws -> Void
  ) async throws {
    // A reader that far behind has lost its stream.
    let (arrivals, listener) = AsyncStream<OutsideArrival>.makeStream(bufferingPolicy: .bufferingOldest(1_000_000))
    let connection = network.openStream(call, of: framework, to: listener)
    defer { network.close(connection) }
    for await arrival in arrivals {
      switch arrival {
      case .head(_, let answer):
        head(answer)
        guard answer.status == 200 else { return }
      case .event(_, let event): try await record(.success(event))
      case .ended(_, let reason, let isRefused):
        if isRefused { throw SchedulerError(.notSent, reason) }
        throw Broken(description: reason)
      case .answer: break
      }
    }
    // The stream ends by itself when the task is cancelled.
    try Task.checkCancellation()
  }

  func send(_ call: SchedulerCall, to master: MasterAddress, streamID: String) async -> CallOutcome {
    let connection = Mutex<OutsideConnection?>(nil)
    return await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        guard !Task.isCancelled else { return continuation.resume(returning: .notSent("cancelled")) }
        let opened = network.send(call, streamID: streamID, of: framework, to: continuation)
        connection.withLock { $0 = opened }
      }
    } onCancel: {
      if let connection = connection.withLock({ $0 }) { network.close(connection) }
    }
  }

  func shutdown() async {}
}
