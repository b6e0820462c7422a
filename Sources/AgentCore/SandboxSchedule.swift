import DequeModule

/// Which sandboxes that nobody needs any more are to go, and when: a value that decides from the time and from how full the disk is.
///
/// A sandbox goes when it has waited for the delay. As the disk fills it goes sooner: after `delay · (1 − headroom − used)`, the oldest first,
/// and at once where less than the headroom is free.
///
/// - Source: Apache Mesos, *Agent configuration*, `--gc_delay`, `--gc_disk_headroom`; `src/slave/slave.cpp`, `age`.
public struct SandboxSchedule: Sendable {
  private struct Waiting {
    var directory: String
    var since: Duration
  }

  /// How long a sandbox waits while the disk is empty.
  public let delay: Duration
  /// The part of the disk that is to stay free, in `0...1`.
  public let headroom: Double
  /// The oldest first.
  private var waiting: Deque<Waiting> = []

  public init(delay: Duration, headroom: Double) {
    self.delay = delay
    self.headroom = min(max(headroom, 0), 1)
  }

  /// How many sandboxes wait.
  public var count: Int { waiting.count }

  /// When the next has waited for the delay; by the clock of the `now` of the other calls.
  public var nextDeadline: Duration? { waiting.first.map { $0.since + delay } }

  public mutating func add(_ directory: String, at now: Duration) {
    waiting.append(Waiting(directory: directory, since: now))
  }

  /// Those that are to go, the oldest first.
  public mutating func takeDue(at now: Duration) -> [String] { take(olderThan: delay, at: now) }

  /// Those that are to go now that `used` of the disk is taken, in `0...1`.
  public mutating func takeDue(diskUsed used: Double, at now: Duration) -> [String] {
    take(olderThan: age(diskUsed: used), at: now)
  }

  /// How long sandboxes may wait while `used` of the disk is taken, in `0...1`.
  public func age(diskUsed used: Double) -> Duration {
    guard used.isFinite else { return delay }
    return delay * max(0, 1 - headroom - min(max(used, 0), 1))
  }

  private mutating func take(olderThan age: Duration, at now: Duration) -> [String] {
    var due: [String] = []
    while let first = waiting.first, first.since + age <= now {
      due.append(first.directory)
      waiting.removeFirst()
    }
    return due
  }
}
