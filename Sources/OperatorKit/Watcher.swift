import Logging
public import MesosModel
import MesosRuntime
public import OperatorCore
import Synchronization

/// How a ``Watcher`` stays informed.
public struct WatcherConfiguration: Sendable {
  /// How much of the past its state keeps.
  public var state = ClusterState.Configuration()
  /// How long it waits before it connects again.
  public var backoff = Backoff(initial: .seconds(1), limit: .seconds(30))
  /// How often it subscribes anew, for what the stream of Apache Mesos does not tell; `nil` for never.
  public var refreshInterval: Duration? = .seconds(600)
  /// Updates that wait for one reader. Beyond that they are dropped, and the reader is told.
  public var updatesBufferedMax = 4_096

  public init() {}
}

/// What happened, as a reader of a ``Watcher`` is told.
public enum WatchUpdate: Hashable, Sendable {
  /// The state changed.
  case change(ClusterChange)
  /// The connection did.
  case connection(WatchConnection)
  /// The reader was too slow: so many updates were dropped, and the watcher's state is ahead of those it saw.
  case overflow(dropped: Int)
}

/// How a ``Watcher`` stands with the master.
public enum WatchConnection: Hashable, Sendable {
  case connecting
  /// The snapshot is in, and events follow.
  case watching
  /// The stream broke for this reason; the state is as it was then. The next attempt comes after the delay.
  case waiting(OperatorError, delay: Duration)
  /// It runs no more.
  case stopped(OperatorError?)
}

/// A cluster's state, always current: the event stream of its leading master, folded, over any number of connections.
///
/// ```swift
/// try await withWatcher(of: client) { watcher in
///   for await update in watcher.updates {
///     if case .change(.taskUpdated(let task, let previous)) = update { print(task.taskID.value, previous, task.state) }
///   }
/// }
/// ```
/// While it is not connected the state is the last one known. What was missed is found out from the next snapshot, and told as changes.
public final class Watcher: Sendable {
  private struct State {
    var cluster: ClusterState
    var connection = WatchConnection.connecting
    var readers: [Int: UpdateQueue] = [:]
    var lastReader = 0
    var hasEnded = false
  }

  let client: MasterClient
  public let configuration: WatcherConfiguration
  private let state: Mutex<State>

  public init(_ client: MasterClient, configuration: WatcherConfiguration = WatcherConfiguration()) {
    self.client = client
    self.configuration = configuration
    state = Mutex(State(cluster: ClusterState(configuration: configuration.state)))
  }

  // MARK: Reading

  /// The state now. O(1), but the next event copies what is kept of it: a reader of each change takes ``read(_:)``.
  public var cluster: ClusterState { state.withLock { $0.cluster } }

  /// How it stands with the master.
  public var connection: WatchConnection { state.withLock { $0.connection } }

  /// Gives `body` the state without a copy; events wait meanwhile, so it should be short and must not call the watcher.
  public func read<Result>(_ body: (ClusterState) throws -> Result) rethrows -> Result {
    try state.withLock { try body($0.cluster) }
  }

  /// What happens from now on; each loop over it reads all of it on its own. It ends with the watcher.
  public var updates: WatchUpdates { WatchUpdates(watcher: self) }

  /// The state, and what happens after it, with nothing between.
  public func observe() -> (cluster: ClusterState, updates: WatchUpdates.AsyncIterator) {
    let (cluster, queue, id) = state.withLock { state -> (ClusterState, UpdateQueue, Int) in
      let queue = UpdateQueue(limit: configuration.updatesBufferedMax)
      state.lastReader += 1
      if state.hasEnded { queue.finish()?.resume() } else { state.readers[state.lastReader] = queue }
      return (state.cluster, queue, state.lastReader)
    }
    return (cluster, WatchUpdates.AsyncIterator(reader: Reader(watcher: self, queue: queue, id: id)))
  }

  /// Waits until the state is as asked for, and returns it.
  ///
  /// - Throws: `OperatorError` with code `.cancelled`, or `.ended` when the watcher stops first.
  public func wait(until isDone: (ClusterState) -> Bool) async throws(OperatorError) -> ClusterState {
    var (cluster, updates) = observe()
    while !isDone(cluster) {
      guard await updates.next(isolation: nil) != nil else {
        throw Task.isCancelled
          ? cancelledError("Waiting for a state")
          : OperatorError(.ended, "The watcher stopped before the state was as asked for")
      }
      cluster = self.cluster
    }
    return cluster
  }

  // MARK: Running

  /// Watches until it is cancelled, or until the master says for good that it may not.
  ///
  /// - Throws: `OperatorError` with a code that is not transient, such as `.unauthorized` or `.notImplemented`; `.cancelled` when cancelled.
  public func run() async throws(OperatorError) {
    var failures = 0
    var generator = client.configuration.runtime.generator
    while true {
      let error: OperatorError
      do {
        set(.connecting)
        if try await watchOnce(&failures) { continue }
        error = OperatorError(.ended, "The master ended the event stream")
      } catch let thrown {
        error = thrown
      }
      guard !Task.isCancelled, error.code != .cancelled else { throw stop(cancelledError("Watching")) }
      guard error.isTransient || error.code == .undecodable else { throw stop(error) }
      failures += 1
      let delay = configuration.backoff.delay(after: failures, using: &generator)
      client.configuration.logger.debug(
        "Event stream broke", metadata: ["code": "\(error.code)", "reason": "\(error.message)", "delay": "\(delay)"])
      set(.waiting(error, delay: delay))
      do {
        try await client.configuration.runtime.sleep(for: delay)
      } catch {
        throw stop(cancelledError("Watching"))
      }
    }
  }

  /// Reads one subscription to its end.
  ///
  /// - Returns: Whether it was left to be made anew at once.
  private func watchOnce(_ failures: inout Int) async throws(OperatorError) -> Bool {
    let events = try await client.subscribe()
    defer { events.cancel() }
    let runtime = client.configuration.runtime
    let refresh = configuration.refreshInterval.map { runtime.now.uptime + $0 }
    var iterator = events.makeAsyncIterator()
    while let event = try await iterator.next(isolation: nil) {
      if Task.isCancelled { throw cancelledError("Watching") }
      take(event)
      if event.type == .subscribed { failures = 0 }
      // Heartbeats come often enough to notice.
      if let refresh, runtime.now.uptime >= refresh, event.type != .subscribed { return true }
    }
    return false
  }

  private func take(_ event: MasterEvent) {
    let (woken, ignored) = state.withLock { state -> ([CheckedContinuation<Void, Never>], [IgnoredEvent]) in
      let changes = state.cluster.apply(event)
      var updates = changes.map { WatchUpdate.change($0) }
      if event.type == .subscribed, state.connection != .watching {
        state.connection = .watching
        updates.insert(.connection(.watching), at: 0)
      }
      let ignored = changes.compactMap { change -> IgnoredEvent? in
        if case .ignored(let event) = change { return event }
        return nil
      }
      return (push(updates, &state), ignored)
    }
    for continuation in woken { continuation.resume() }
    for event in ignored {
      client.configuration.logger.debug("Event ignored", metadata: ["reason": "\(event)"])
    }
  }

  private func set(_ connection: WatchConnection) {
    let woken = state.withLock { state -> [CheckedContinuation<Void, Never>] in
      guard state.connection != connection else { return [] }
      state.connection = connection
      return push([.connection(connection)], &state)
    }
    for continuation in woken { continuation.resume() }
  }

  /// - Returns: Those to be woken, outside the lock.
  private func push(_ updates: [WatchUpdate], _ state: inout State) -> [CheckedContinuation<Void, Never>] {
    guard !updates.isEmpty else { return [] }
    return state.readers.sorted { $0.key < $1.key }.compactMap { $0.value.push(updates) }
  }

  private func stop(_ error: OperatorError) -> OperatorError {
    set(.stopped(error.code == .cancelled ? nil : error))
    let readers = state.withLock { state in
      state.hasEnded = true
      defer { state.readers = [:] }
      return state.readers
    }
    for (_, reader) in readers.sorted(by: { $0.key < $1.key }) { reader.finish()?.resume() }
    return error
  }

  fileprivate func forget(reader id: Int) { _ = state.withLock { $0.readers.removeValue(forKey: id) } }
}

/// What happens in a ``Watcher``, from the moment that the loop over it begins.
public struct WatchUpdates: AsyncSequence, Sendable {
  public typealias Element = WatchUpdate
  public typealias Failure = Never

  let watcher: Watcher

  public func makeAsyncIterator() -> AsyncIterator { watcher.observe().updates }

  /// One reader; to be used by one task.
  public struct AsyncIterator: AsyncIteratorProtocol {
    fileprivate let reader: Reader

    public mutating func next() async -> WatchUpdate? { await reader.queue.next() }

    /// The next update; `nil` when the watcher has stopped or the task is cancelled.
    public mutating func next(isolation actor: isolated (any Actor)?) async -> WatchUpdate? {
      await reader.queue.next()
    }
  }
}

/// Leaves the watcher when its iterator goes.
private final class Reader: Sendable {
  let queue: UpdateQueue
  private let watcher: Watcher
  private let id: Int

  init(watcher: Watcher, queue: UpdateQueue, id: Int) {
    self.watcher = watcher
    self.queue = queue
    self.id = id
  }

  deinit { watcher.forget(reader: id) }
}

/// Runs a watcher while `body` does, and gives it to it.
///
/// - Throws: What `body` throws. A watcher that stops does not end `body`: its updates end, and its connection says why.
public func withWatcher<Success>(
  of client: MasterClient, configuration: WatcherConfiguration = WatcherConfiguration(),
  _ body: (Watcher) async throws -> Success
) async throws -> Success {
  let watcher = Watcher(client, configuration: configuration)
  return try await withThrowingTaskGroup(of: Void.self) { group in
    // Why it stopped stands in its connection.
    group.addTask { try? await watcher.run() }
    defer { group.cancelAll() }
    return try await body(watcher)
  }
}
