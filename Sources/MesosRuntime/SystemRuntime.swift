public import MesosModel

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// The machine's clocks, its generator of random numbers, and tasks on Swift's own threads.
public struct SystemRuntime: RuntimeProvider {
  private let clock = ContinuousClock()
  private let origin: ContinuousClock.Instant

  /// Uptimes count from here.
  public init() { origin = clock.now }

  public var now: Moment {
    var wall = timespec()
    clock_gettime(CLOCK_REALTIME, &wall)
    return Moment(
      uptime: origin.duration(to: clock.now),
      wallNanoseconds: Int64(wall.tv_sec) &* 1_000_000_000 &+ Int64(wall.tv_nsec))
  }

  public func sleep(until uptime: Duration) async throws {
    try await clock.sleep(until: origin.advanced(by: uptime))
  }

  public func random() -> UInt64 {
    var generator = SystemRandomNumberGenerator()
    return generator.next()
  }

  public func spawn<Success: Sendable>(
    _ name: String, _ operation: @escaping @Sendable () async throws -> Success
  ) -> Task<Success, any Error> {
    // unstructured: owned and cancelled by whoever spawns it.
    Task(name: name) { try await operation() }
  }

  public func external<Success: Sendable>(
    _ operation: @escaping @Sendable () async throws -> Success
  ) async throws -> Success {
    try await operation()
  }
}
