import DequeModule
import MesosTestKit

typealias SplitMix = SplitMix64

/// Writes on their way to a disk that does one after the other, each whole or not at all, as a transaction of a database is.
struct SimulatedDisk<Change: Sendable>: Sendable {
  var writing: Deque<(number: UInt64, changes: [Change])> = []
  /// When the last of them is done.
  var last: Int64 = 0
  /// Whether writes fail at present.
  var isFailing = false

  /// The process that asked for them dies: the oldest few were written all the same, though nobody was told.
  ///
  /// - Parameter kept: How many of them.
  /// - Returns: Those that are on the disk.
  mutating func crash(keeping kept: Int) -> [[Change]] {
    let written = writing.prefix(kept).map(\.changes)
    writing = []
    last = 0
    return written
  }
}
