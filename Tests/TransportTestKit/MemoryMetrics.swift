public import CoreMetrics
import Synchronization

/// A metrics factory that keeps what is recorded, for a test to look at.
public final class MemoryMetrics: MetricsFactory {
  /// A metric by its label and its dimensions, as in `calls_total{outcome=accepted,type=kill}`.
  fileprivate struct State {
    var counters: [String: Int64] = [:]
    var gauges: [String: Double] = [:]
    var timers: [String: [Int64]] = [:]
    var names: Set<String> = []
    /// Counts changes, so that nobody sleeps through one.
    var generation = 0
    var waiters: [(isDone: @Sendable (MemoryMetrics) -> Bool, CheckedContinuation<Void, Never>)] = []
  }

  private let state = Mutex(State())

  public init() {}

  public func counter(_ name: String) -> Int64 { state.withLock { $0.counters[name] ?? 0 } }
  public func gauge(_ name: String) -> Double? { state.withLock { $0.gauges[name] } }
  /// Nanoseconds.
  public func timer(_ name: String) -> [Int64] { state.withLock { $0.timers[name] ?? [] } }
  /// All that were made, recorded or not.
  public var names: [String] { state.withLock { $0.names.sorted() } }
  /// Counters that are not zero.
  public var counters: [String: Int64] { state.withLock { $0.counters } }

  /// Returns once `isDone`, looked at after each record, or on cancellation.
  public func wait(until isDone: @escaping @Sendable (MemoryMetrics) -> Bool) async {
    await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        state.withLock { $0.waiters.append((isDone, continuation)) }
        wake()
      }
    } onCancel: {
      wake(all: true)
    }
  }

  private func wake(all: Bool = false) {
    var isStale = true
    while isStale {
      let (generation, waiters) = state.withLock { state in
        defer { state.waiters = [] }
        return (state.generation, state.waiters)
      }
      for waiter in waiters {
        if all || Task.isCancelled || waiter.isDone(self) {
          waiter.1.resume()
        } else {
          state.withLock { $0.waiters.append(waiter) }
        }
      }
      isStale = state.withLock { $0.generation != generation }
    }
  }

  private func handler(_ label: String, _ dimensions: [(String, String)]) -> Handler {
    let labels = dimensions.map { "\($0.0)=\($0.1)" }.sorted().joined(separator: ",")
    let name = labels.isEmpty ? label : "\(label){\(labels)}"
    state.withLock { _ = $0.names.insert(name) }
    return Handler(name: name, owner: self)
  }

  fileprivate func note(_ change: (inout State) -> Void) {
    state.withLock { state in
      change(&state)
      state.generation += 1
    }
    wake()
  }

  public func makeCounter(label: String, dimensions: [(String, String)]) -> any CounterHandler {
    handler(label, dimensions)
  }
  public func makeRecorder(label: String, dimensions: [(String, String)], aggregate: Bool) -> any RecorderHandler {
    handler(label, dimensions)
  }
  public func makeTimer(label: String, dimensions: [(String, String)]) -> any TimerHandler {
    handler(label, dimensions)
  }
  public func destroyCounter(_ handler: any CounterHandler) {}
  public func destroyRecorder(_ handler: any RecorderHandler) {}
  public func destroyTimer(_ handler: any TimerHandler) {}

  private final class Handler: CounterHandler, RecorderHandler, TimerHandler {
    let name: String
    let owner: MemoryMetrics

    init(name: String, owner: MemoryMetrics) {
      self.name = name
      self.owner = owner
    }

    func increment(by amount: Int64) { owner.note { $0.counters[name, default: 0] += amount } }
    func reset() { owner.note { $0.counters[name] = nil } }
    func record(_ value: Int64) { record(Double(value)) }
    func record(_ value: Double) { owner.note { $0.gauges[name] = value } }
    func recordNanoseconds(_ duration: Int64) { owner.note { $0.timers[name, default: []].append(duration) } }
  }
}
