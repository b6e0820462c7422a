public import MesosModel

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// The clocks of the machine, for shells. Cores never see it.
public struct SystemClock: Sendable {
  private let start: ContinuousClock.Instant

  public init() { start = ContinuousClock.now }

  /// What both clocks show now; `uptime` counts from the making of this value.
  public func now() -> Moment {
    Moment(uptime: ContinuousClock.now - start, wallNanoseconds: Self.wallNanoseconds())
  }

  /// The instant at which `uptime` will be reached.
  public func instant(at uptime: Duration) -> ContinuousClock.Instant { start + uptime }

  private static func wallNanoseconds() -> Int64 {
    var time = timespec()
    // Cannot fail: the clock exists and the pointer is ours.
    clock_gettime(CLOCK_REALTIME, &time)
    return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
  }
}
