import ExecutorCore
public import MesosModel

/// A custom executor: what it does about each event of its agent.
///
/// One event at a time, in the order of the agent: a method that runs a task to its end keeps the next event waiting, so
/// long work belongs in tasks of the executor's own. All methods but ``launch(_:driver:)`` and ``kill(_:policy:driver:)``
/// may be left out.
public protocol Executor: Sendable {
  /// The agent took the executor in, for the first time or again.
  func subscribed(_ subscribed: ExecutorEvent.Subscribed, driver: ExecutorDriver) async throws
  func launch(_ task: TaskInfo, driver: ExecutorDriver) async throws
  /// All of the group is to run, or nothing; the default launches one after the other.
  func launch(group: [TaskInfo], driver: ExecutorDriver) async throws
  /// - Parameter policy: Takes precedence over the task's own kill policy.
  func kill(_ task: TaskID, policy: KillPolicy?, driver: ExecutorDriver) async throws
  /// Bytes from the scheduler.
  func message(_ bytes: [UInt8], driver: ExecutorDriver) async throws
  func error(_ message: String, driver: ExecutorDriver) async throws
  /// All tasks are to end; when this returns the driver stops, at the latest after the grace period.
  func shutdown(driver: ExecutorDriver) async throws
}

extension Executor {
  public func subscribed(_ subscribed: ExecutorEvent.Subscribed, driver: ExecutorDriver) async throws {}
  public func launch(group: [TaskInfo], driver: ExecutorDriver) async throws {
    for task in group { try await launch(task, driver: driver) }
  }
  public func message(_ bytes: [UInt8], driver: ExecutorDriver) async throws {}
  public func error(_ message: String, driver: ExecutorDriver) async throws {}
  public func shutdown(driver: ExecutorDriver) async throws {}
}

extension ExecutorDriver {
  /// Runs and gives each event to `executor`, until SHUTDOWN, ``stop()`` or an error of the executor's.
  ///
  /// After SHUTDOWN it waits a moment for the agent to acknowledge the last updates.
  /// - Throws: What `executor` or ``run()`` throws.
  public func run(_ executor: some Executor) async throws {
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { try await self.run() }
      group.addTask {
        defer { self.stop() }
        for await event in self.events {
          try await self.give(event, to: executor)
          guard event.type == .shutdown else { continue }
          _ = await self.acknowledgements(within: .seconds(1))
          return
        }
      }
      try await group.waitForAll()
    }
  }

  private func give(_ event: ExecutorEvent, to executor: some Executor) async throws {
    switch event.type {
    case .subscribed: try await executor.subscribed(event.subscribed, driver: self)
    case .launch: try await executor.launch(event.launch.task, driver: self)
    case .launchGroup: try await executor.launch(group: event.launchGroup.taskGroup.tasks, driver: self)
    case .kill:
      try await executor.kill(
        event.kill.taskID, policy: event.kill.hasKillPolicy ? event.kill.killPolicy : nil, driver: self)
    case .message: try await executor.message(Array(event.message.data), driver: self)
    case .error: try await executor.error(event.error.message, driver: self)
    case .shutdown: try await executor.shutdown(driver: self)
    case .acknowledged, .heartbeat, .unknown: break
    }
  }
}
