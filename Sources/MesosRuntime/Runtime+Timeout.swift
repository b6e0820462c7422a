extension Runtime {
  /// Gives `operation` so long, and cancels it then.
  ///
  /// An operation that does not heed its cancellation is waited for all the same.
  /// - Throws: ``RuntimeTimeout`` when the time is up first; else what `operation` throws.
  public func withTimeout<Success: Sendable>(
    _ limit: Duration, _ operation: @escaping @Sendable () async throws -> Success
  ) async throws -> Success {
    try await withThrowingTaskGroup(of: Success.self) { group in
      group.addTask { try await operation() }
      group.addTask {
        try await sleep(for: limit)
        throw RuntimeTimeout(limit: limit)
      }
      defer { group.cancelAll() }
      guard let success = try await group.next() else { throw CancellationError() }
      return success
    }
  }
}

/// Something took longer than it was given.
public struct RuntimeTimeout: Error, Hashable, Sendable, CustomStringConvertible {
  /// The time it was given.
  public let limit: Duration

  public var description: String { "not done within \(limit)" }
}
