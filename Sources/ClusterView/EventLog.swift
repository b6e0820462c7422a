import DequeModule

/// The newest events, in a bounded ring for those of Apache Mesos and one for extensions, which come much faster.
///
/// The log is the buffer of every reader: a reader is a position in it, and one that falls off its end has read too slowly. So what slow
/// readers cost is the log, however many they are.
struct EventLog: Sendable {
  private struct Ring: Sendable {
    var events: Deque<ClusterEvent> = []
    var cost = 0
    /// Number of the last event that was dropped.
    var lostThrough: UInt64 = 0

    mutating func append(_ event: ClusterEvent, countMax: Int, costMax: Int) {
      events.append(event)
      cost += event.cost
      // The newest one stays, whatever it takes.
      while events.count > max(1, countMax) || (cost > costMax && events.count > 1), let oldest = events.popFirst() {
        cost -= oldest.cost
        lostThrough = oldest.sequence
      }
    }

    /// The index of the first event after `position`.
    func index(after position: UInt64) -> Int {
      var (low, high) = (0, events.count)
      while low < high {
        let middle = (low + high) / 2
        if events[middle].sequence > position { high = middle } else { low = middle + 1 }
      }
      return low
    }
  }

  private var ordinary = Ring()
  private var extensions = Ring()
  private let countMax: Int
  private let costMax: Int

  /// - Parameters:
  ///   - countMax: Most events of each ring.
  ///   - costMax: Most bytes that the events of each ring can take.
  init(countMax: Int, costMax: Int) {
    self.countMax = countMax
    self.costMax = costMax
  }

  /// Events that are kept.
  var count: Int { ordinary.events.count + extensions.events.count }
  /// Bytes that they can take.
  var cost: Int { ordinary.cost + extensions.cost }

  mutating func append(_ event: ClusterEvent) {
    if event.isExtension {
      extensions.append(event, countMax: countMax, costMax: costMax)
    } else {
      ordinary.append(event, countMax: countMax, costMax: costMax)
    }
  }

  /// Whether everything after `position` is still there.
  func reaches(_ position: UInt64, isExtended: Bool) -> Bool {
    position >= (isExtended ? max(ordinary.lostThrough, extensions.lostThrough) : ordinary.lostThrough)
  }

  func hasEvents(after position: UInt64, isExtended: Bool) -> Bool {
    if let last = ordinary.events.last, last.sequence > position { return true }
    guard isExtended, let last = extensions.events.last else { return false }
    return last.sequence > position
  }

  /// The next events in order, at most `maximum`.
  func events(after position: UInt64, isExtended: Bool, maximum: Int) -> [ClusterEvent] {
    var next = ordinary.index(after: position)
    guard isExtended else { return Array(ordinary.events[next..<min(ordinary.events.count, next + maximum)]) }
    var nextExtension = extensions.index(after: position)
    var result: [ClusterEvent] = []
    while result.count < maximum {
      let candidate = next < ordinary.events.count ? ordinary.events[next] : nil
      let other = nextExtension < extensions.events.count ? extensions.events[nextExtension] : nil
      guard let first = [candidate, other].compactMap(\.self).min(by: { $0.sequence < $1.sequence }) else { break }
      result.append(first)
      if first === candidate { next += 1 } else { nextExtension += 1 }
    }
    return result
  }
}
