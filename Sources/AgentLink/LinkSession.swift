import DequeModule

/// Bounds of one side of a session.
public struct LinkLimits: Hashable, Sendable {
  /// Records kept until they are acknowledged.
  public var unacknowledgedMax: Int
  /// Their bytes in sum. One record alone may be larger.
  public var unacknowledgedBytesMax: Int
  /// Received records after which an acknowledgement is sent even when there is nothing else to say.
  public var acknowledgeEvery: Int
  /// The longest that a received record waits for its acknowledgement.
  public var acknowledgeDelay: Duration

  public init(
    unacknowledgedMax: Int = 100_000, unacknowledgedBytesMax: Int = 256 << 20, acknowledgeEvery: Int = 256,
    acknowledgeDelay: Duration = .seconds(1)
  ) {
    self.unacknowledgedMax = unacknowledgedMax
    self.unacknowledgedBytesMax = unacknowledgedBytesMax
    self.acknowledgeEvery = acknowledgeEvery
    self.acknowledgeDelay = acknowledgeDelay
  }
}

/// The counting common to both sides of a session: numbers what goes out, keeps it until it is acknowledged, and lets what
/// comes in through in order and once.
///
/// Invariants: the kept records have consecutive sequence numbers and end with ``lastSent``; ``received`` never falls; a
/// record is let through only when its number is `received + 1`.
public struct LinkSession: Hashable, Sendable {
  private struct Kept: Hashable, Sendable {
    var sequence: UInt64
    var bytes: [UInt8]
  }

  public let limits: LinkLimits
  /// The number of the newest record sent; 0 before the first.
  public private(set) var lastSent: UInt64 = 0
  /// The number of the newest record received without a gap; 0 before the first.
  public private(set) var received: UInt64 = 0
  /// Received records that the other side does not know to be received.
  public private(set) var unannounced = 0
  private var kept: Deque<Kept> = []
  private var keptBytes = 0

  public init(limits: LinkLimits = LinkLimits()) { self.limits = limits }

  /// Records sent and not acknowledged.
  public var unacknowledgedCount: Int { kept.count }

  /// The number that the next record is to carry.
  public var nextSequence: UInt64 { lastSent + 1 }

  /// Keeps the record numbered ``nextSequence`` until it is acknowledged.
  ///
  /// - Throws: `LinkError` with code `.overflow`: the record is not kept and the session must end, as what is lost now would
  ///   be a gap.
  public mutating func keep(_ bytes: [UInt8]) throws(LinkError) {
    guard kept.count < limits.unacknowledgedMax,
      kept.isEmpty || keptBytes + bytes.count <= limits.unacknowledgedBytesMax
    else {
      throw LinkError(
        code: .overflow,
        message:
          "The other side has not acknowledged \(kept.count) records of \(keptBytes) bytes; a session keeps no more")
    }
    lastSent += 1
    kept.append(Kept(sequence: lastSent, bytes: bytes))
    keptBytes += bytes.count
  }

  /// Decides on a received record: `true` to act on it, `false` when it was received before.
  ///
  /// - Throws: `LinkError` with code `.outOfOrder` after a gap.
  public mutating func admit(_ sequence: UInt64) throws(LinkError) -> Bool {
    guard sequence > received else { return false }
    guard sequence == received + 1 else {
      throw LinkError(code: .outOfOrder, message: "Record \(sequence) came after record \(received)")
    }
    received = sequence
    unannounced += 1
    return true
  }

  /// Forgets the records up to and including `sequence`, which the other side has.
  ///
  /// - Throws: `LinkError` with code `.outOfOrder` when it names a record that was never sent.
  public mutating func acknowledged(through sequence: UInt64) throws(LinkError) {
    guard sequence <= lastSent else {
      throw LinkError(
        code: .outOfOrder, message: "Record \(sequence) was acknowledged but only \(lastSent) records were sent")
    }
    while let first = kept.first, first.sequence <= sequence {
      keptBytes -= first.bytes.count
      kept.removeFirst()
    }
  }

  /// Says that ``received`` was told to the other side.
  public mutating func announced() { unannounced = 0 }

  /// Whether the other side can be brought to the state of this one from what is kept.
  public func canResume(from sequence: UInt64) -> Bool {
    sequence <= lastSent && sequence + 1 >= (kept.first?.sequence ?? lastSent + 1)
  }

  /// What was sent and not acknowledged, oldest first.
  public var unacknowledged: [[UInt8]] { kept.map(\.bytes) }
}

/// When to speak and when to give up; all deadlines are on `Moment.uptime`.
struct LinkTimers: Hashable, Sendable {
  var heartbeatInterval: Duration
  var timeout: Duration
  var lastWritten: Duration
  var lastHeard: Duration
  /// The oldest received record that waits for its acknowledgement.
  var acknowledgeBy: Duration?

  var heartbeatDue: Duration { min(lastWritten + heartbeatInterval, acknowledgeBy ?? .seconds(Int64.max / 4)) }
  var silentAt: Duration { lastHeard + timeout }
  var next: Duration { min(heartbeatDue, silentAt) }
}

/// The protobuf field `acknowledged` (2) of `Up` and `Down`; in protobuf the fields of one message may follow in any order,
/// so it can be put behind a record that was encoded once and kept.
func acknowledgement(_ sequence: UInt64) -> [UInt8] {
  var bytes: [UInt8] = [0x10]
  var rest = sequence
  while rest >= 0x80 {
    bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
    rest >>= 7
  }
  bytes.append(UInt8(rest))
  return bytes
}
