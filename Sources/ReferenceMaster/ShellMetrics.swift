import Synchronization

/// What only the shell can count: durations, and the registry's size.
final class ShellMetrics: Sendable {
  private struct State {
    var allocationRuns = DurationStatistics()
    var stores = DurationStatistics()
    var fetch: Double?
    var queued = 0
    var registrySizes: [String: Int] = [:]
    var registryBytes = 0
  }

  private let state = Mutex(State())

  func allocationRan(for duration: Duration) { state.withLock { $0.allocationRuns.add(duration) } }

  func fetched(in duration: Duration) { state.withLock { $0.fetch = duration / .milliseconds(1) } }

  /// A write of the registry was asked for.
  func queued() { state.withLock { $0.queued += 1 } }

  /// So many writes are over, in one batch.
  func stored(_ count: Int, in duration: Duration) {
    state.withLock {
      $0.queued -= count
      $0.stores.add(duration)
    }
  }

  /// A record of the registry has so many bytes; `nil` when it is removed.
  func recorded(_ key: String, bytes: Int?) {
    state.withLock {
      $0.registryBytes += (bytes ?? 0) - ($0.registrySizes[key] ?? 0)
      $0.registrySizes[key] = bytes
    }
  }

  /// Under the keys of Apache Mesos. There is no replicated log, so its ensemble is this master.
  var values: [(name: String, value: Double)] {
    state.withLock { state in
      state.allocationRuns.values("allocator/mesos/allocation_run_ms")
        // An event that makes an allocation due runs it, so nothing waits for its run.
        + DurationStatistics(count: state.allocationRuns.count).values("allocator/mesos/allocation_run_latency_ms")
        + state.stores.values("registrar/state_store_ms")
        + [
          ("registrar/log/ensemble_size", 1), ("registrar/log/recovered", 1),
          ("registrar/queued_operations", Double(state.queued)),
          ("registrar/registry_size_bytes", Double(state.registryBytes)),
          ("registrar/state_fetch_ms", state.fetch ?? 0),
        ]
    }
  }
}

/// The last durations of something, as Apache Mesos shows timers: the last one, how many, the extremes and percentiles, in milliseconds.
struct DurationStatistics: Sendable {
  private static let kept = 1_000
  private(set) var count = 0
  private var last = 0.0
  private var window: [Double] = []

  init() {}

  /// So many that took no time.
  init(count: Int) { self.count = count }

  mutating func add(_ duration: Duration) {
    last = duration / .milliseconds(1)
    if window.count < Self.kept { window.append(last) } else { window[count % Self.kept] = last }
    count += 1
  }

  func values(_ key: String) -> [(name: String, value: Double)] {
    let sorted = window.sorted()
    func percentile(_ part: Double) -> Double {
      guard let largest = sorted.last else { return 0 }
      let position = part * Double(sorted.count - 1)
      let lower = Int(position)
      guard lower + 1 < sorted.count else { return largest }
      return sorted[lower] + (position - Double(lower)) * (sorted[lower + 1] - sorted[lower])
    }
    return [
      (key, last), (key + "/count", Double(count)), (key + "/min", sorted.first ?? 0), (key + "/max", sorted.last ?? 0),
      (key + "/p50", percentile(0.5)), (key + "/p90", percentile(0.9)), (key + "/p95", percentile(0.95)),
      (key + "/p99", percentile(0.99)), (key + "/p999", percentile(0.999)), (key + "/p9999", percentile(0.9999)),
    ]
  }
}
