import SwiftProtobuf

/// An instant as cores see it: what the monotonic clock and the wall clock showed together.
///
/// Timers compare ``uptime``, which never jumps; what people and other machines read carries ``wallNanoseconds``.
/// A core never reads a clock: whoever drives it passes a moment with each event.
public struct Moment: Hashable, Comparable, Sendable {
  /// Time since an arbitrary start, never decreasing.
  public var uptime: Duration
  /// Nanoseconds since 1970-01-01T00:00:00Z.
  public var wallNanoseconds: Int64

  /// The instant at which clocks showed this.
  public init(uptime: Duration, wallNanoseconds: Int64) {
    self.uptime = uptime
    self.wallNanoseconds = wallNanoseconds
  }

  /// Seconds since 1970-01-01T00:00:00Z, as `TaskStatus.timestamp` carries them.
  public var wallSeconds: Double { Double(wallNanoseconds) / 1e9 }

  /// The time on the wall as a message.
  public var timeInfo: TimeInfo { TimeInfo.with { $0.nanoseconds = wallNanoseconds } }

  /// Orders by ``uptime``; the wall clock breaks ties.
  public static func < (left: Moment, right: Moment) -> Bool {
    (left.uptime, left.wallNanoseconds) < (right.uptime, right.wallNanoseconds)
  }

  /// The moment `duration` later on both clocks.
  public func advanced(by duration: Duration) -> Moment {
    Moment(uptime: uptime + duration, wallNanoseconds: wallNanoseconds &+ duration.wholeNanoseconds)
  }
}

extension Duration {
  /// The duration in nanoseconds, limited to the range of `Int64`.
  public var wholeNanoseconds: Int64 {
    let (seconds, attoseconds) = components
    let (product, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
    guard !overflow else { return seconds < 0 ? .min : .max }
    let (sum, carried) = product.addingReportingOverflow(attoseconds / 1_000_000_000)
    return carried ? (seconds < 0 ? .min : .max) : sum
  }

  /// The duration in seconds.
  public var inSeconds: Double { Double(components.seconds) + Double(components.attoseconds) / 1e18 }
}
