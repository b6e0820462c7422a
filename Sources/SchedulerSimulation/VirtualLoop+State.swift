import DequeModule
import HeapModule
import MesosModel
import MesosTestKit
import SchedulerKit

extension VirtualLoop {
  typealias Sleeper = CheckedContinuation<Void, any Error>

  enum Phase: Sendable { case idle, running, ending, over }

  /// What the loop's lock guards.
  struct State: Sendable {
    var phase = Phase.idle
    var ready: Deque<UnownedJob> = []
    var timers: Heap<VirtualTimer> = []
    var lastTimer: UInt64 = 0
    /// Those who sleep, by the number of their timer; one that was cancelled is gone from here and not from the heap.
    var sleepers: [UInt64: Sleeper] = [:]
    /// Work outside, in the order in which it began, until its outcome was handed over.
    var externals: Deque<ExternalWork> = []
    /// How to cancel what was spawned and has not ended.
    var spawned: [UInt64: @Sendable () -> Void] = [:]
    var lastSpawn: UInt64 = 0
    var network: ClusterNetwork?
    var makeTransport: (@Sendable (SchedulerConfiguration) -> any SchedulerTransport)?
    var failure: FrameworkSimulationError?
    /// The caller of the run was cancelled.
    var isCancelled = false
    var steps = 0
    var uptime = Duration.zero
    let wallOrigin: Int64
    var generator: SplitMix64
    var lots: SplitMix64?
    var trace = RunTrace()

    init(seed: UInt64, isSeeded: Bool, wallNanoseconds: Int64) {
      var root = SplitMix64(seed: seed)
      generator = root.split()
      lots = isSeeded ? root.split() : nil
      wallOrigin = wallNanoseconds
      trace.add(seed)
    }

    var now: Moment {
      Moment(uptime: uptime, wallNanoseconds: wallOrigin &+ uptime.wholeNanoseconds)
    }

    mutating func nextReady() -> UnownedJob? {
      guard ready.count > 1, lots != nil else { return ready.popFirst() }
      let index = Int(lots?.next(upperBound: UInt64(ready.count)) ?? 0)
      ready.swapAt(0, index)
      return ready.popFirst()
    }

    mutating func add(_ subject: VirtualTimer.Subject, at deadline: Duration) -> UInt64 {
      lastTimer += 1
      timers.insert(VirtualTimer(deadline: deadline, number: lastTimer, subject: subject))
      return lastTimer
    }

    /// The next timer that somebody still waits for, left where it is.
    mutating func nextTimer() -> VirtualTimer? {
      while let timer = timers.min {
        if case .sleeper = timer.subject, sleepers[timer.number] == nil {
          timers.removeMin()
          continue
        }
        return timer
      }
      return nil
    }

    /// The first reason counts; what follows comes of it.
    mutating func fail(_ error: FrameworkSimulationError) {
      if failure == nil { failure = error }
    }
  }
}
