import ExecutorCore
public import MesosModel
public import ServiceLifecycle

/// A custom executor: what it does about each event of its agent.
///
/// One event at a time, in the order of the agent: a method that runs a task to its end keeps the next event waiting, so
/// long work belongs in tasks of the executor's own. All methods but ``launch(_:driver:)`` and ``kill(_:policy:driver:)``
/// may be left out.
public protocol Executor: Sendable {
  /// The agent took the executor in, for the first time or again.
  func subscribed(_ subscribed: ExecutorEvent.Subscribed, driver: ExecutorDriver) async throws
  /// The agent is away. Tasks run on; updates are kept until it is back, messages are refused. What follows is
  /// ``subscribed(_:driver:)`` or, when the recovery timeout has passed or the framework does not checkpoint,
  /// ``shutdown(driver:)``.
  func disconnected(reason: String, driver: ExecutorDriver) async throws
  func launch(_ task: TaskInfo, driver: ExecutorDriver) async throws
  /// All of the group is to run, or nothing; the default launches one after the other.
  func launch(group: [TaskInfo], driver: ExecutorDriver) async throws
  /// The task is to end; `policy`, where there is one, takes precedence over the task's own kill policy.
  func kill(_ task: TaskID, policy: KillPolicy?, driver: ExecutorDriver) async throws
  /// Bytes from the scheduler.
  func message(_ bytes: [UInt8], driver: ExecutorDriver) async throws
  /// The agent took the status of this task; it is safe there.
  func acknowledged(_ task: TaskID, uuid: [UInt8], driver: ExecutorDriver) async throws
  func error(_ message: String, driver: ExecutorDriver) async throws
  /// All tasks are to end; when this returns the driver stops, at the latest after the grace period.
  func shutdown(driver: ExecutorDriver) async throws
}

extension Executor {
  public func subscribed(_ subscribed: ExecutorEvent.Subscribed, driver: ExecutorDriver) async throws {}
  public func disconnected(reason: String, driver: ExecutorDriver) async throws {}
  public func launch(group: [TaskInfo], driver: ExecutorDriver) async throws {
    for task in group { try await launch(task, driver: driver) }
  }
  public func message(_ bytes: [UInt8], driver: ExecutorDriver) async throws {}
  public func acknowledged(_ task: TaskID, uuid: [UInt8], driver: ExecutorDriver) async throws {}
  public func error(_ message: String, driver: ExecutorDriver) async throws {}
  public func shutdown(driver: ExecutorDriver) async throws {}
}

/// An executor with its driver, to be one of the services of a program.
public struct ExecutorService<Wrapped: Executor>: Service {
  public let executor: Wrapped
  public let driver: ExecutorDriver

  public init(_ executor: Wrapped, driver: ExecutorDriver) {
    self.executor = executor
    self.driver = driver
  }

  /// As ``ExecutorDriver/run(_:)``.
  public func run() async throws { try await driver.run(executor) }
}

extension ExecutorDriver {
  /// Runs and gives each event to `executor`, until SHUTDOWN, ``stop()`` or an error of the executor's.
  ///
  /// After SHUTDOWN it waits a moment for the agent to acknowledge the last updates
  /// (``ExecutorConfiguration/lastAcknowledgements``).
  /// - Throws: What `executor` or ``run()`` throws.
  public func run(_ executor: some Executor) async throws {
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { try await self.run() }
      group.addTask {
        defer { self.stop() }
        for await update in self.updates {
          guard try await self.give(update, to: executor) else { continue }
          _ = await self.acknowledgements(within: self.configuration.lastAcknowledgements)
          return
        }
      }
      try await group.waitForAll()
    }
  }

  /// - Returns: Whether that was the end.
  private func give(_ update: ExecutorUpdate, to executor: some Executor) async throws -> Bool {
    guard case .event(let event) = update else {
      if case .disconnected(let reason) = update {
        try await executor.disconnected(reason: reason, driver: self)
      }
      return false
    }
    switch event.type {
    case .subscribed: try await executor.subscribed(event.subscribed, driver: self)
    case .launch: try await executor.launch(event.launch.task, driver: self)
    case .launchGroup: try await executor.launch(group: event.launchGroup.taskGroup.tasks, driver: self)
    case .kill:
      try await executor.kill(
        event.kill.taskID, policy: event.kill.hasKillPolicy ? event.kill.killPolicy : nil, driver: self)
    case .acknowledged:
      try await executor.acknowledged(
        event.acknowledged.taskID, uuid: Array(event.acknowledged.uuid), driver: self)
    case .message: try await executor.message(Array(event.message.data), driver: self)
    case .error: try await executor.error(event.error.message, driver: self)
    case .shutdown: try await executor.shutdown(driver: self)
    case .heartbeat, .unknown: break
    }
    return event.type == .shutdown
  }
}
