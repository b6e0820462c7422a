public import SchedulerCore

/// The states of a scheduler's connection, for any number of readers, whether or not anybody reads its updates.
///
/// Each reader is given the present state first, then every time that it has changed the newest one: who reads slowly misses what
/// came between, and nothing is kept for him. It ends after `.disconnected` once the scheduler has ended.
public struct ConnectionChanges: AsyncSequence, Sendable {
  public typealias Element = ConnectionState
  public typealias Failure = Never

  public struct AsyncIterator: AsyncIteratorProtocol {
    let scheduler: Scheduler
    /// The number of the last state that was given.
    private var seen: UInt64?

    init(scheduler: Scheduler) { self.scheduler = scheduler }

    public mutating func next() async -> ConnectionState? { await next(isolation: nil) }

    /// `nil` at the end, and when cancelled.
    public mutating func next(isolation actor: isolated (any Actor)?) async -> ConnectionState? {
      guard let (number, state) = await scheduler.connection(after: seen) else { return nil }
      seen = number
      return state
    }
  }

  let scheduler: Scheduler

  public func makeAsyncIterator() -> AsyncIterator { AsyncIterator(scheduler: scheduler) }
}

/// Who waits for the connection to change, and how often it has.
struct ConnectionObservers: Sendable {
  private(set) var changes: UInt64 = 0
  private(set) var isOver = false
  private var lastWaiter: UInt64 = 0
  private var waiters: [UInt64: SchedulerState.Waiter] = [:]

  mutating func nextWaiter() -> UInt64 {
    lastWaiter += 1
    return lastWaiter
  }

  mutating func wait(_ waiter: SchedulerState.Waiter, as number: UInt64) { waiters[number] = waiter }
  mutating func forget(_ number: UInt64) -> SchedulerState.Waiter? { waiters.removeValue(forKey: number) }

  mutating func changed(_ wakes: inout [SchedulerState.Wake]) {
    changes += 1
    wakeAll(&wakes)
  }

  mutating func end(_ wakes: inout [SchedulerState.Wake]) {
    isOver = true
    wakeAll(&wakes)
  }

  private mutating func wakeAll(_ wakes: inout [SchedulerState.Wake]) {
    guard !waiters.isEmpty else { return }
    for waiter in waiters.sorted(by: { $0.key < $1.key }) { wakes.append(.waiter(waiter.value)) }
    waiters = [:]
  }
}
