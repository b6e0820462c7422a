import MesosModel

/// A task that was launched or adopted and has not ended.
struct Instance: Hashable, Sendable {
  /// Why an instance is being killed.
  enum Cause: Hashable, Sendable {
    /// Its slot is not wanted any more, or is another's.
    case unwanted
    /// One of a newer template, or on another machine, takes its place.
    case replaced
    /// Nothing was heard of its launch.
    case launchTimeout
  }

  struct Leaving: Hashable, Sendable {
    var cause: Cause
    /// When to send the next kill; at once where it has passed.
    var killAt: Duration
  }

  var id: InstanceID
  var phase: InstanceStatus.Phase
  var place: Place
  var ports: [UInt64] = []
  /// When it came into its phase.
  var since: Duration
  /// What its health check says; `nil` where it said nothing.
  var isHealthy: Bool?
  var leaving: Leaving?

  mutating func leave(_ cause: Cause, at now: Duration) {
    guard leaving == nil else { return }
    leaving = Leaving(cause: cause, killAt: now)
  }
}

/// One of the instances that a demand is to have, and who stands for it.
struct Slot: Hashable, Sendable {
  enum Ending: Hashable, Sendable {
    case finished
    case failed
  }

  let index: Int
  /// The instance that fills the slot.
  var current: InstanceID?
  /// The one that takes its place as soon as it is available.
  var successor: InstanceID?
  /// Those that are being killed, oldest first.
  var leaving: [InstanceID] = []
  var ending: Ending?
  /// Failures in a row, and losses in a row.
  var failures = 0
  var losses = 0
  /// No instance is launched before this uptime.
  var notBefore: Duration?
  /// Not wanted any more; it vanishes with its last instance.
  var isRemoved = false
  /// A new instance is wanted beside the current one.
  var wantsSuccessor = false

  init(_ index: Int) { self.index = index }

  /// All instances that stand for it, in order.
  var instances: [InstanceID] { leaving + [current, successor].compactMap { $0 } }
  var isEmpty: Bool { current == nil && successor == nil && leaving.isEmpty }
  /// Whether it has, or will soon have, two instances at a time.
  var isSurging: Bool { successor != nil || (current != nil && !leaving.isEmpty) }

  mutating func remove(_ id: InstanceID) {
    if current == id { current = nil }
    if successor == id { successor = nil }
    leaving.removeAll { $0 == id }
  }
}
