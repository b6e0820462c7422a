import DequeModule
import MesosTestKit

typealias SplitMix = SplitMix64

/// Writes on their way to a disk, each whole or not at all, as a transaction of a database is.
///
/// What is asked for while the disk is busy is written together with the next sync, as the servers' writers do.
struct SimulatedDisk<Change: Sendable>: Sendable {
  var writing: Deque<(number: UInt64, changes: [Change])> = []
  /// When the sync that runs is done, and when the one after it will be, where something waits for it.
  private var current: Int64 = 0
  private var next: Int64?
  /// Whether writes fail at present.
  var isFailing = false

  /// When a write that is asked for at `now` is done.
  ///
  /// - Parameter latency: How long a sync takes, should one have to begin for it.
  mutating func completion(askedAt now: Int64, latency: Int64) -> Int64 {
    if let upcoming = next, now >= current { (current, next) = (upcoming, nil) }
    if now >= current {
      current = now + latency
      return current
    }
    let upcoming = next ?? current + latency
    next = upcoming
    return upcoming
  }

  /// The process that asked for them dies: the oldest few were written all the same, though nobody was told.
  ///
  /// - Parameter kept: How many of them.
  /// - Returns: Those that are on the disk.
  mutating func crash(keeping kept: Int) -> [[Change]] {
    let written = writing.prefix(kept).map(\.changes)
    writing = []
    (current, next) = (0, nil)
    return written
  }
}
