public import MesosModel

/// What a ``Runtime`` takes time, chance and tasks from.
public protocol RuntimeProvider: Sendable {
  /// The time; never before that of the last call.
  var now: Moment { get }
  /// Returns when the uptime is reached, throws `CancellationError` when the task is cancelled before.
  func sleep(until uptime: Duration) async throws
  /// The next random number.
  func random() -> UInt64
  /// Starts a task that nothing waits for.
  func spawn<Success: Sendable>(
    _ name: String, _ operation: @escaping @Sendable () async throws -> Success
  ) -> Task<Success, any Error>
  /// Does what has its outcome from outside.
  func external<Success: Sendable>(
    _ operation: @escaping @Sendable () async throws -> Success
  ) async throws -> Success
}
