public import MesosModel

/// Where a framework's code takes time, chance, ids and tasks of its own from: the real ones in production, simulated ones in a test.
///
/// ```swift
/// func watch(_ runtime: Runtime) async throws {
///   while true {
///     try await runtime.sleep(for: .seconds(30))
///     print("up for", runtime.now.uptime)
///   }
/// }
/// ```
/// Code that keeps to this contract runs in virtual time unchanged:
/// - concurrency is structured (`async let`, task groups, actors), and what must outlive its scope is spawned with
///   ``spawn(_:_:)`` in the place of `Task { }` and `Task.detached { }`;
/// - time comes from ``now`` and ``sleep(for:)``, never from a clock, `Date` or `Task.sleep`;
/// - chance comes from ``generator`` and ids from ``makeID()``;
/// - input and output that no simulation stands for is done within ``external(_:)``.
public struct Runtime: Sendable {
  /// What gives it all.
  public let provider: any RuntimeProvider

  /// A runtime that takes everything from `provider`.
  public init(_ provider: any RuntimeProvider) { self.provider = provider }

  /// The machine's clocks, its generator of random numbers, and tasks on Swift's own threads.
  public static let system = Runtime(SystemRuntime())

  /// The time, on a clock that never goes back and on the wall.
  public var now: Moment { provider.now }

  /// Returns when ``now``'s uptime has reached `uptime`; at once when it has.
  ///
  /// - Throws: `CancellationError` when the task is cancelled; in a simulation also what the provider throws at a caller from outside.
  public func sleep(until uptime: Duration) async throws { try await provider.sleep(until: uptime) }

  /// Returns after `duration`; at once when that is not positive.
  ///
  /// - Throws: As ``sleep(until:)``.
  public func sleep(for duration: Duration) async throws {
    try await provider.sleep(until: provider.now.uptime + duration)
  }

  /// Random numbers; a value to be passed on as `inout`.
  public var generator: RuntimeGenerator { RuntimeGenerator(provider: provider) }

  /// A new id: a UUID of version 4 as a text of 36 characters, in lower case.
  public func makeID() -> String {
    var generator = generator
    return randomUUID(using: &generator)
  }

  /// Starts a task that nothing waits for; whoever spawns it owns it, and cancels it when it is no longer needed.
  ///
  /// - Parameter name: For people: debuggers and errors show it.
  @discardableResult
  public func spawn<Success: Sendable>(
    _ name: String, _ operation: @escaping @Sendable () async throws -> Success
  ) -> Task<Success, any Error> {
    provider.spawn(name, operation)
  }

  /// Does something whose outcome comes from outside: a file, a request to a server that is not simulated.
  ///
  /// In production it is no more than a call. In a simulation virtual time stands still until it is done.
  /// - Throws: What `operation` throws.
  public func external<Success: Sendable>(
    _ operation: @escaping @Sendable () async throws -> Success
  ) async throws -> Success {
    try await provider.external(operation)
  }
}
