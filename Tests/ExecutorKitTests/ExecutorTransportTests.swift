import ExecutorKit
import Foundation
import InMemoryTracing
import Logging
import MesosHTTP
import ServiceLifecycleTestKit
import Synchronization
import Testing
import Tracing
import TransportTestKit

/// Reports each task as running, and writes down what it was told.
private final class RecordingExecutor: Executor {
  private let told = Mutex<[String]>([])
  var events: [String] { told.withLock { $0 } }

  private func note(_ event: String) { told.withLock { $0.append(event) } }

  func subscribed(_ subscribed: ExecutorEvent.Subscribed, driver: ExecutorDriver) async throws { note("subscribed") }
  func disconnected(reason: String, driver: ExecutorDriver) async throws { note("disconnected") }
  func launch(_ task: TaskInfo, driver: ExecutorDriver) async throws {
    note("launch \(task.taskID.value)")
    try driver.sendUpdate(task.taskID, .taskRunning)
  }
  func kill(_ task: TaskID, policy: KillPolicy?, driver: ExecutorDriver) async throws { note("kill \(task.value)") }
  func acknowledged(_ task: TaskID, uuid: [UInt8], driver: ExecutorDriver) async throws {
    note("acknowledged \(task.value) \(uuid.count)")
  }
  func shutdown(driver: ExecutorDriver) async throws {
    note("shutdown")
    try driver.sendUpdate(TaskID("t1"), .taskKilled)
  }
}

private func quiet() -> Logger { Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }) }

private func port(_ variables: [String: String]) throws -> Int {
  try #require(variables["MESOS_AGENT_ENDPOINT"]?.split(separator: ":").last.flatMap { Int($0) })
}

@Suite(.timeLimit(.minutes(1))) struct ExecutorTransportTests {
  /// Runs an executor through a task and a SHUTDOWN, and says what it was told.
  private static func servesTask(
    _ agent: FakeAgent, _ variables: [String: String], _ configuration: ExecutorConfiguration = ExecutorConfiguration()
  ) async throws -> [String] {
    let executor = RecordingExecutor()
    let driver = ExecutorDriver(
      environment: try ExecutorEnvironment(variables), configuration: configuration, logger: quiet())
    async let ended: Void = driver.run(executor)
    var subscriptions = agent.subscriptions.makeAsyncIterator()
    var calls = agent.calls.makeAsyncIterator()
    let stream = try #require(await subscriptions.next())
    stream.send(.subscribed())
    stream.send(.launch(.make("t1")))
    let running = try #require(await calls.next())
    stream.send(.acknowledged(running.update.status))
    stream.send(.make(.shutdown))
    let killed = try #require(await calls.next())
    #expect(killed.update.status.state == .taskKilled)
    stream.send(.acknowledged(killed.update.status))
    try await ended
    return executor.events
  }

  private static let course = ["subscribed", "launch t1", "acknowledged t1 16", "shutdown"]

  @Test func `an executor speaks to its agent over the domain socket`() async throws {
    try await FakeAgent.serving { agent, variables in
      let path = "/tmp/swift-mesos-\(UUID().uuidString.prefix(8)).sock"
      defer { try? FileManager.default.removeItem(atPath: path) }
      try await Forwarder.with(to: try port(variables), listening: .unixSocket(path)) { _ in
        var variables = variables
        variables["MESOS_DOMAIN_SOCKET"] = path
        // Nobody listens there: all goes over the socket. TLS is for TCP.
        variables["MESOS_AGENT_ENDPOINT"] = "127.0.0.1:1"
        variables["LIBPROCESS_SSL_ENABLED"] = "1"
        let told = try await Self.servesTask(agent, variables)
        #expect(told == Self.course)
        #expect(agent.authorizations.allSatisfy { $0 == "Bearer a.b.c" })
      }
    }
  }

  @Test func `an executor waits over the socket for an agent that restarts`() async throws {
    try await FakeAgent.serving { agent, variables in
      let path = "/tmp/swift-mesos-\(UUID().uuidString.prefix(8)).sock"
      defer { try? FileManager.default.removeItem(atPath: path) }
      var settings = variables
      settings["MESOS_DOMAIN_SOCKET"] = path
      let executor = RecordingExecutor()
      let driver = ExecutorDriver(environment: try ExecutorEnvironment(settings), logger: quiet())
      let run = Task { try await driver.run(executor) }
      try await Forwarder.with(to: try port(variables), listening: .unixSocket(path)) { _ in
        var subscriptions = agent.subscriptions.makeAsyncIterator()
        var calls = agent.calls.makeAsyncIterator()
        let stream = try #require(await subscriptions.next())
        stream.send(.subscribed())
        stream.send(.launch(.make("t1")))
        _ = try #require(await calls.next())
        stream.close()
        // The old listener goes, the stream's connection with it.
      }
      try await Forwarder.with(to: try port(variables), listening: .unixSocket(path)) { _ in
        var subscriptions = agent.subscriptions.makeAsyncIterator()
        let stream = try #require(await subscriptions.next())
        #expect(stream.call.subscribe.unacknowledgedTasks.map(\.taskID.value) == ["t1"])
        #expect(stream.call.subscribe.unacknowledgedUpdates.map(\.status.state) == [.taskRunning])
        stream.send(.subscribed())
        for update in stream.call.subscribe.unacknowledgedUpdates { stream.send(.acknowledged(update.status)) }
        #expect(await driver.acknowledgements(within: .seconds(30)))
        driver.stop()
        try await run.value
      }
      #expect(executor.events.prefix(4) == ["subscribed", "launch t1", "disconnected", "subscribed"])
    }
  }

  @Test func `an executor speaks TLS as its environment says`() async throws {
    try await TestAuthority.with { authority in
      let identity = try authority.issue("agent", for: ["IP:127.0.0.1"])
      let client = try authority.issue("executor", for: ["DNS:executor"])
      try await FakeAgent.serving { agent, variables in
        try await Forwarder.with(to: try port(variables), tls: .init(identity, clients: authority)) { port in
          var variables = variables
          variables["MESOS_AGENT_ENDPOINT"] = "127.0.0.1:\(port)"
          variables["LIBPROCESS_SSL_ENABLED"] = "true"
          variables["LIBPROCESS_SSL_CA_FILE"] = authority.certificate
          variables["LIBPROCESS_SSL_CERT_FILE"] = client.certificate
          variables["LIBPROCESS_SSL_KEY_FILE"] = client.key
          let told = try await Self.servesTask(agent, variables)
          #expect(told == Self.course)
        }
      }
    }
  }

  @Test(arguments: [("LIBPROCESS_SSL_VERIFY_IPADD", "false"), ("LIBPROCESS_SSL_VERIFY_SERVER_CERT", "false")])
  func `a certificate without the agent's address is taken where the environment says so`(
    name: String, value: String
  ) async throws {
    try await TestAuthority.with { authority in
      let identity = try authority.issue("agent", for: ["DNS:agent.example"])
      try await FakeAgent.serving { agent, variables in
        try await Forwarder.with(to: try port(variables), tls: .init(identity)) { port in
          var variables = variables
          variables["MESOS_AGENT_ENDPOINT"] = "127.0.0.1:\(port)"
          variables["LIBPROCESS_SSL_ENABLED"] = "true"
          variables["LIBPROCESS_SSL_CA_FILE"] = authority.certificate
          variables[name] = value
          let told = try await Self.servesTask(agent, variables)
          #expect(told == Self.course)
        }
      }
    }
  }

  @Test func `an agent that cannot be verified never sees the token`() async throws {
    try await TestAuthority.with { authority in
      let identity = try authority.issue("agent", for: ["DNS:agent.example"])
      try await FakeAgent.serving { agent, variables in
        try await Forwarder.with(to: try port(variables), tls: .init(identity)) { port in
          var variables = variables
          variables["MESOS_AGENT_ENDPOINT"] = "127.0.0.1:\(port)"
          variables["LIBPROCESS_SSL_ENABLED"] = "true"
          variables["LIBPROCESS_SSL_CA_FILE"] = authority.certificate
          variables["MESOS_CHECKPOINT"] = "0"
          let driver = ExecutorDriver(environment: try ExecutorEnvironment(variables), logger: quiet())
          try await driver.run(RecordingExecutor())
          #expect(agent.authorizations.isEmpty)
        }
      }
    }
  }

  @Test func `TLS files that are not there are a typed error`() async throws {
    try await FakeAgent.serving { _, variables in
      var variables = variables
      variables["LIBPROCESS_SSL_ENABLED"] = "true"
      variables["LIBPROCESS_SSL_CA_FILE"] = "/nonexistent.pem"
      let driver = ExecutorDriver(environment: try ExecutorEnvironment(variables), logger: quiet())
      let error = await #expect(throws: ExecutorError.self) { try await driver.run(RecordingExecutor()) }
      #expect(error?.code == .badVariable)
      #expect(error?.message.contains("/nonexistent.pem") == true)
    }
  }

  @Test(arguments: ["a.b.c", "x.y.z"])
  func `an agent that does not believe the token ends the executor with a typed error`(token: String) async throws {
    try await FakeAgent.serving { agent, variables in
      agent.require(authorization: "Bearer a.b.c")
      var variables = variables
      variables["MESOS_EXECUTOR_AUTHENTICATION_TOKEN"] = token
      guard token != "a.b.c" else {
        let told = try await Self.servesTask(agent, variables)
        #expect(told == Self.course)
        return
      }
      let executor = RecordingExecutor()
      let driver = ExecutorDriver(environment: try ExecutorEnvironment(variables), logger: quiet())
      let error = await #expect(throws: ExecutorError.self) { try await driver.run(executor) }
      #expect(error?.code == .unauthorized)
      #expect(error?.message.contains(token) == false)
      #expect(executor.events == ["shutdown"])
    }
  }

  @Test func `credentials of the configuration take the place of the token`() async throws {
    try await FakeAgent.serving { agent, variables in
      agent.require(authorization: "Basic cDpz")
      var configuration = ExecutorConfiguration()
      configuration.credentials = try .basic(principal: "p", secret: "s")
      let told = try await Self.servesTask(agent, variables, configuration)
      #expect(told == Self.course)
    }
  }

  @Test func `a group of tasks goes to the executor as one`() async throws {
    final class GroupExecutor: Executor {
      func launch(_ task: TaskInfo, driver: ExecutorDriver) async throws { Issue.record("one by one") }
      func launch(group: [TaskInfo], driver: ExecutorDriver) async throws {
        for task in group { try driver.sendUpdate(task.taskID, .taskRunning) }
      }
      func kill(_ task: TaskID, policy: KillPolicy?, driver: ExecutorDriver) async throws {}
    }
    try await FakeAgent.serving { agent, variables in
      let driver = ExecutorDriver(environment: try ExecutorEnvironment(variables), logger: quiet())
      async let ended: Void = driver.run(GroupExecutor())
      var subscriptions = agent.subscriptions.makeAsyncIterator()
      var calls = agent.calls.makeAsyncIterator()
      let stream = try #require(await subscriptions.next())
      stream.send(.subscribed())
      var group = ExecutorEvent.make(.launchGroup)
      group.launchGroup.taskGroup.tasks = [.make("a"), .make("b")]
      stream.send(group)
      for id in ["a", "b"] { #expect(await calls.next()?.update.status.taskID.value == id) }
      driver.stop()
      try await ended
    }
  }

  // MARK: Graceful shutdown

  @Test(arguments: [ExecutorConfiguration.Shutdown.shutDown, .stop])
  func `a graceful shutdown lets the executor end its tasks, or ends at once`(
    shutdown: ExecutorConfiguration.Shutdown
  ) async throws {
    try await FakeAgent.serving { agent, variables in
      var configuration = ExecutorConfiguration()
      configuration.atShutdown = shutdown
      configuration.lastAcknowledgements = .seconds(30)
      let executor = RecordingExecutor()
      let driver = ExecutorDriver(
        environment: try ExecutorEnvironment(variables), configuration: configuration, logger: quiet())
      try await testGracefulShutdown { trigger in
        try await withThrowingTaskGroup(of: Void.self) { group in
          group.addTask { try await ExecutorService(executor, driver: driver).run() }
          var subscriptions = agent.subscriptions.makeAsyncIterator()
          var calls = agent.calls.makeAsyncIterator()
          let stream = try #require(await subscriptions.next())
          stream.send(.subscribed())
          stream.send(.launch(.make("t1")))
          let running = try #require(await calls.next())
          stream.send(.acknowledged(running.update.status))
          // The acknowledgement is in once a second task is under way.
          stream.send(.launch(.make("t2")))
          _ = await calls.next()
          trigger.triggerGracefulShutdown()
          if shutdown == .shutDown {
            let killed = try #require(await calls.next())
            #expect(killed.update.status.state == .taskKilled)
            for update in driver.unacknowledgedUpdates { stream.send(.acknowledged(update)) }
          }
          try await group.waitForAll()
        }
      }
      #expect(executor.events.contains("shutdown") == (shutdown == .shutDown))
      #expect(driver.unacknowledgedUpdates.isEmpty == (shutdown == .shutDown))
    }
  }

  // MARK: Metrics and spans

  @Test func `what an executor does is counted, and each call is a span of who reported`() async throws {
    let metrics = MemoryMetrics()
    let tracer = InMemoryTracer()
    try await FakeAgent.serving { agent, variables in
      var configuration = ExecutorConfiguration()
      configuration.metrics = metrics
      configuration.tracer = tracer
      let driver = ExecutorDriver(
        environment: try ExecutorEnvironment(variables), configuration: configuration, logger: quiet())
      async let ended: Void = driver.run(RecordingExecutor())
      let before = metrics.names
      var subscriptions = agent.subscriptions.makeAsyncIterator()
      var calls = agent.calls.makeAsyncIterator()
      let first = try #require(await subscriptions.next())
      first.send(.subscribed())
      await metrics.wait { $0.gauge("mesos_executor_connected") == 1 }
      try tracer.withSpan("the reporter") { _ in try driver.sendUpdate(TaskID("t1"), .taskRunning) }
      let running = try #require(await calls.next())
      first.send(.acknowledged(running.update.status))
      await metrics.wait { $0.counter("mesos_executor_acknowledgements_total") == 1 }
      first.close()
      let second = try #require(await subscriptions.next())
      second.send(.subscribed())
      await metrics.wait { $0.counter("mesos_executor_subscriptions_total{kind=again}") == 1 }
      driver.stop()
      try await ended
      #expect(metrics.names == before)
      #expect(before.count < 60)
      #expect(agent.traces.count == 1)
    }
    let expected: [String: Int64] = [
      "mesos_executor_connection_attempts_total": 2, "mesos_executor_subscriptions_total{kind=first}": 1,
      "mesos_executor_subscriptions_total{kind=again}": 1, "mesos_executor_disconnections_total": 1,
      "mesos_executor_events_total{type=subscribed}": 2, "mesos_executor_events_total{type=acknowledged}": 1,
      "mesos_executor_updates_total": 1, "mesos_executor_acknowledgements_total": 1,
      "mesos_executor_calls_total{outcome=accepted,type=update}": 1,
    ]
    for (name, count) in expected.sorted(by: { $0.key < $1.key }) { #expect(metrics.counter(name) == count, "\(name)") }
    #expect(metrics.gauge("mesos_executor_updates_unacknowledged") == 0)
    #expect(metrics.timer("mesos_executor_call_duration{type=update}").count == 1)
    #expect(!metrics.timer("mesos_executor_reader_lag").isEmpty)

    let reporter = try #require(tracer.finishedSpans.first { $0.operationName == "the reporter" })
    let update = try #require(tracer.finishedSpans.first { $0.operationName == "mesos.executor.update" })
    #expect(update.traceID == reporter.traceID)
    #expect(update.parentSpanID == reporter.spanID)
    #expect(update.attributes.get("mesos.task.id") == "t1")
    #expect(update.attributes.get("mesos.call.outcome") == "accepted")
    #expect(update.attributes.get("http.response.status_code") == .int64(202))
    #expect(tracer.finishedSpans.count == 2)
  }
}
