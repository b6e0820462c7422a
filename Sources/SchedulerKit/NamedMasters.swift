import DequeModule
import SchedulerCore
import Synchronization

/// The masters that the user named or that a detector found, apart from those that only a redirect led to: whom credentials are for.
final class NamedMasters: Sendable {
  /// How many detected ones are remembered: calls to a leader of before may still be on their way.
  private static let detectedMax = 64

  private let configured: Set<MasterAddress>
  private let detected = Mutex<Deque<MasterAddress>>([])

  init(_ configured: [MasterAddress]) { self.configured = Set(configured) }

  func contains(_ master: MasterAddress) -> Bool {
    configured.contains(master) || detected.withLock { $0.contains(master) }
  }

  /// A detector found this one.
  func add(_ master: MasterAddress) {
    detected.withLock { detected in
      guard !detected.contains(master) else { return }
      if detected.count == NamedMasters.detectedMax { detected.removeFirst() }
      detected.append(master)
    }
  }
}
