import ExecutorKit
import Foundation
import Logging
import MesosHTTP
import MesosTestKit
import Testing

/// Runs each task to its end at once, as a test tells it to.
private struct ScriptedExecutor: Executor {
  var onLaunch: @Sendable (TaskInfo, ExecutorDriver) throws -> Void
  var onMessage: @Sendable ([UInt8], ExecutorDriver) throws -> Void = { _, _ in }

  func launch(_ task: TaskInfo, driver: ExecutorDriver) async throws { try onLaunch(task, driver) }
  func kill(_ task: TaskID, policy: KillPolicy?, driver: ExecutorDriver) async throws {
    try driver.sendUpdate(task, .taskKilled, message: policy.map { "grace \($0.gracePeriod.nanoseconds)" })
  }
  func message(_ bytes: [UInt8], driver: ExecutorDriver) async throws { try onMessage(bytes, driver) }
  func shutdown(driver: ExecutorDriver) async throws {
    try driver.sendUpdate(TaskID(TaskKey("t1")), .taskKilled, message: "shut down")
  }
}

@Suite(.timeLimit(.minutes(1)))
struct ExecutorDriverTests {
  private func driver(
    _ variables: [String: String], encoding: MessageEncoding = .protobuf
  ) throws -> ExecutorDriver {
    ExecutorDriver(
      environment: try ExecutorEnvironment(variables), configuration: ExecutorConfiguration(encoding: encoding),
      logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }))
  }

  @Test(arguments: MessageEncoding.allCases)
  func `an executor serves its agent from SUBSCRIBED to SHUTDOWN`(encoding: MessageEncoding) async throws {
    try await FakeAgent.serving { agent, variables in
      let driver = try self.driver(variables, encoding: encoding)
      let executor = ScriptedExecutor(
        onLaunch: { task, driver in
          try driver.sendUpdate(task.taskID, .taskStarting)
          try driver.sendUpdate(task.taskID, .taskRunning)
        },
        onMessage: { bytes, driver in try driver.sendMessage(bytes.reversed()) })
      async let ended: Void = driver.run(executor)
      var subscriptions = agent.subscriptions.makeAsyncIterator()
      var calls = agent.calls.makeAsyncIterator()
      let stream = try #require(await subscriptions.next())
      #expect(stream.encoding == encoding)
      #expect(stream.call.subscribe.unacknowledgedTasks.isEmpty)
      stream.send(.subscribed())
      stream.send(.launch(.make("t1")))
      for state in [TaskState.taskStarting, .taskRunning] {
        let call = try #require(await calls.next())
        #expect(call.type == .update)
        #expect(call.update.status.state == state)
        #expect(call.update.status.uuid.count == 16)
        stream.send(.acknowledged(call.update.status))
      }
      var message = ExecutorEvent.make(.message)
      message.message.data = Data([1, 2, 3])
      stream.send(message)
      #expect(await calls.next().map { Array($0.message.data) } == [3, 2, 1])
      stream.send(.kill("t2", grace: .seconds(1)))
      let killed = try #require(await calls.next())
      #expect(killed.update.status.state == .taskKilled)
      #expect(killed.update.status.message == "grace 1000000000")
      stream.send(.acknowledged(killed.update.status))
      stream.send(.make(.shutdown))
      let last = try #require(await calls.next())
      #expect(last.update.status.message == "shut down")
      stream.send(.acknowledged(last.update.status))
      try await ended
      #expect(driver.unacknowledgedUpdates.isEmpty)
      #expect(agent.authorizations.allSatisfy { $0 == "Bearer a.b.c" })
    }
  }

  @Test func `an agent that comes back hears what it had not acknowledged`() async throws {
    try await FakeAgent.serving { agent, variables in
      let driver = try self.driver(variables)
      let executor = ScriptedExecutor(onLaunch: { task, driver in
        try driver.sendUpdate(task.taskID, .taskRunning)
        try driver.sendUpdate(task.taskID, .taskFinished)
      })
      async let ended: Void = driver.run(executor)
      var subscriptions = agent.subscriptions.makeAsyncIterator()
      var calls = agent.calls.makeAsyncIterator()
      let first = try #require(await subscriptions.next())
      first.send(.subscribed())
      first.send(.launch(.make("t1")))
      let running = try #require(await calls.next())
      let finished = try #require(await calls.next())
      first.send(.acknowledged(running.update.status))
      first.send(.launch(.make("t2")))
      _ = await calls.next()
      _ = await calls.next()

      agent.refuse(with: [503, 404])
      first.close()
      let second = try #require(await subscriptions.next())
      #expect(second.call.subscribe.unacknowledgedTasks.map(\.taskID.value) == ["t2"])
      #expect(
        second.call.subscribe.unacknowledgedUpdates.map { "\($0.status.taskID.value):\($0.status.state)" }
          == ["t1:taskFinished", "t2:taskRunning", "t2:taskFinished"])
      #expect(second.call.subscribe.unacknowledgedUpdates.first?.status == finished.update.status)
      second.send(.subscribed())
      for update in second.call.subscribe.unacknowledgedUpdates { second.send(.acknowledged(update.status)) }
      #expect(await driver.acknowledgements(within: .seconds(30)))
      driver.stop()
      try await ended
    }
  }

  @Test func `a stream that cannot be read is given up for another`() async throws {
    try await FakeAgent.serving { agent, variables in
      let driver = try self.driver(variables)
      async let ended: Void = driver.run(ScriptedExecutor(onLaunch: { _, _ in }))
      var subscriptions = agent.subscriptions.makeAsyncIterator()
      let first = try #require(await subscriptions.next())
      first.send(raw: Array("not a length\n".utf8))
      let second = try #require(await subscriptions.next())
      second.send(.subscribed())
      driver.stop()
      try await ended
    }
  }

  @Test func `an agent that refuses for good ends the executor`() async throws {
    try await FakeAgent.serving { agent, variables in
      agent.refuse(with: [403])
      let driver = try self.driver(variables)
      let run = Task { try await driver.run() }
      var types: [ExecutorEvent.TypeEnum] = []
      for await event in driver.events {
        types.append(event.type)
        if event.type == .shutdown { driver.stop() }
      }
      #expect(types == [.error, .shutdown])
      let refusal = await #expect(throws: ExecutorError.self) { try await run.value }
      #expect(refusal?.code == .unauthorized)
      let error = #expect(throws: ExecutorError.self) { try driver.sendUpdate(TaskID(TaskKey("t")), .taskRunning) }
      #expect(error?.code == .ended)
    }
  }

  @Test func `an executor that does not end in time is told so`() async throws {
    try await FakeAgent.serving { agent, variables in
      var variables = variables
      variables["MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD"] = "1ms"
      let driver = try self.driver(variables)
      let run = Task { try await driver.run() }
      var subscriptions = agent.subscriptions.makeAsyncIterator()
      let stream = try #require(await subscriptions.next())
      stream.send(.subscribed())
      stream.send(.make(.shutdown))
      let error = await #expect(throws: ExecutorError.self) { try await run.value }
      #expect(error?.code == .ended)
    }
  }

  @Test func `a cancelled executor leaves at once`() async throws {
    try await FakeAgent.serving { agent, variables in
      let driver = try self.driver(variables)
      let run = Task { try await driver.run() }
      var subscriptions = agent.subscriptions.makeAsyncIterator()
      _ = await subscriptions.next()
      run.cancel()
      await #expect(throws: CancellationError.self) { try await run.value }
      await #expect(throws: ExecutorError.self) { try await driver.run() }
    }
  }
}
