import ExecutorCore
import MesosModel
import MesosTestKit
import Testing

/// A core with its clock and chance, and shorthand for what a test says to it.
struct CoreDriver {
  var core: ExecutorCore
  var rng = SplitMix64(seed: 7)
  var now = Moment(uptime: .seconds(100), wallNanoseconds: 1_700_000_000_000_000_000)

  init(checkpoint: Bool = true, backoff: Duration = .seconds(2), updatesMax: Int = 100) {
    var configuration = ExecutorCore.Configuration(
      frameworkID: FrameworkID("f1"), executorID: ExecutorID("e1"), checkpoint: checkpoint)
    configuration.recoveryTimeout = .seconds(60)
    configuration.subscriptionBackoffMax = backoff
    configuration.unacknowledgedUpdatesMax = updatesMax
    core = ExecutorCore(configuration: configuration)
  }

  mutating func handle(_ event: ExecutorCore.Event, after delay: Duration = .zero) -> [ExecutorCore.Directive] {
    now = now.advanced(by: delay)
    return core.handle(event, at: now, using: &rng)
  }

  mutating func receive(_ stream: UInt64, _ event: ExecutorEvent) -> [ExecutorCore.Directive] {
    handle(.received(ExecutorStream(number: stream), event))
  }

  /// Starts and subscribes on the first stream.
  mutating func subscribe() {
    _ = handle(.start)
    _ = receive(1, .subscribed())
  }

  /// Ticks at the next deadline.
  mutating func tickAtDeadline() -> [ExecutorCore.Directive] {
    guard let deadline = core.nextDeadline else { return [] }
    return handle(.tick, after: max(.zero, deadline - now.uptime))
  }
}

extension ExecutorEvent {
  static func make(_ type: TypeEnum) -> ExecutorEvent {
    var event = ExecutorEvent()
    event.type = type
    return event
  }

  static func subscribed(capabilities: [FrameworkInfo.Capability.TypeEnum] = []) -> ExecutorEvent {
    var event = make(.subscribed)
    event.subscribed.frameworkInfo.name = "test"
    event.subscribed.frameworkInfo.user = "nobody"
    event.subscribed.frameworkInfo.capabilities = capabilities.map { type in
      var capability = FrameworkInfo.Capability()
      capability.type = type
      return capability
    }
    event.subscribed.executorInfo.executorID = ExecutorID("e1")
    event.subscribed.agentInfo.hostname = "localhost"
    return event
  }

  static func launch(_ task: TaskInfo) -> ExecutorEvent {
    var event = make(.launch)
    event.launch.task = task
    return event
  }

  static func kill(_ id: String, grace: Duration? = nil) -> ExecutorEvent {
    var event = make(.kill)
    event.kill.taskID = TaskID(TaskKey(id))
    if let grace { event.kill.killPolicy.gracePeriod.nanoseconds = grace.wholeNanoseconds }
    return event
  }

  static func acknowledged(_ status: TaskStatus) -> ExecutorEvent {
    var event = make(.acknowledged)
    event.acknowledged.taskID = status.taskID
    event.acknowledged.uuid = status.uuid
    return event
  }
}

extension TaskInfo {
  static func make(_ id: String, command: String? = "true") -> TaskInfo {
    var task = TaskInfo()
    task.name = id
    task.taskID = TaskID(TaskKey(id))
    task.agentID = AgentID("a1")
    if let command { task.command.value = command }
    return task
  }
}

extension TaskStatus {
  static func make(_ id: String, _ state: TaskState) -> TaskStatus {
    var status = TaskStatus()
    status.taskID = TaskID(TaskKey(id))
    status.state = state
    return status
  }
}

extension [ExecutorCore.Directive] {
  /// A reviewed transcript: a line a directive.
  var transcript: [String] {
    map { directive in
      switch directive {
      case .connect(let stream, let call):
        "connect \(stream.number) tasks=\(call.subscribe.unacknowledgedTasks.map(\.taskID.value)) "
          + "updates=\(call.subscribe.unacknowledgedUpdates.map { "\($0.status.taskID.value):\($0.status.state)" })"
      case .send(let stream, let call):
        switch call.type {
        case .update: "send \(stream.number) \(call.update.status.taskID.value):\(call.update.status.state)"
        default: "send \(stream.number) \(call.type)"
        }
      case .disconnect(let stream): "disconnect \(stream.number)"
      case .deliver(let event): "deliver \(event.type)"
      case .connectivity(let isSubscribed, _): isSubscribed ? "up" : "down"
      case .rejected(let error): "rejected \(error.code)"
      case .ignored: "ignored"
      case .forceExit: "force exit"
      case .finished: "finished"
      }
    }
  }

  var statuses: [TaskStatus] {
    compactMap {
      guard case .send(_, let call) = $0, call.type == .update else { return nil }
      return call.update.status
    }
  }
}

@Suite struct ExecutorCoreTests {
  @Test func `an executor subscribes and reports`() {
    var driver = CoreDriver()
    #expect(driver.handle(.start).transcript == ["connect 1 tasks=[] updates=[]"])
    #expect(driver.receive(1, .subscribed()).transcript == ["up", "deliver subscribed"])
    #expect(driver.core.isSubscribed)
    #expect(driver.receive(1, .launch(.make("t1"))).transcript == ["deliver launch"])
    let directives = driver.handle(.update(.make("t1", .taskRunning)))
    #expect(directives.transcript == ["send 1 t1:taskRunning"])
    let status = directives.statuses[0]
    #expect(status.source == .executor)
    #expect(status.executorID.value == "e1")
    #expect(status.uuid.count == 16)
    #expect(status.timestamp == 1_700_000_000)
    guard case .send(_, let call) = directives[0] else { return }
    #expect(call.isInitialized)
    #expect(call.frameworkID.value == "f1")
    #expect(driver.core.unacknowledgedTasks.map(\.taskID.value) == ["t1"])
    #expect(driver.receive(1, .acknowledged(status)).transcript == ["deliver acknowledged"])
    #expect(driver.core.unacknowledgedTasks.isEmpty)
    #expect(driver.core.unacknowledgedUpdates.isEmpty)
    #expect(driver.receive(1, .acknowledged(status)).transcript == ["ignored"])
  }

  @Test func `what was not acknowledged goes with the next SUBSCRIBE, in order`() {
    var driver = CoreDriver()
    driver.subscribe()
    for id in ["t1", "t2", "t3"] { _ = driver.receive(1, .launch(.make(id))) }
    let first = driver.handle(.update(.make("t1", .taskStarting))).statuses[0]
    _ = driver.handle(.update(.make("t2", .taskStarting)))
    _ = driver.handle(.update(.make("t1", .taskRunning)))
    _ = driver.receive(1, .acknowledged(first))
    #expect(driver.handle(.disconnected(ExecutorStream(number: 1), reason: "reset")).transcript == ["down"])
    // Reported while the agent is away: kept, not lost.
    #expect(driver.handle(.update(.make("t2", .taskFinished))).isEmpty)
    #expect(
      driver.tickAtDeadline().transcript == [
        #"connect 2 tasks=["t2", "t3"] updates=["t2:taskStarting", "t1:taskRunning", "t2:taskFinished"]"#
      ])
    // Reported while SUBSCRIBE is on its way: sent once it is answered.
    #expect(driver.handle(.update(.make("t3", .taskRunning))).isEmpty)
    #expect(driver.receive(2, .subscribed()).transcript == ["up", "deliver subscribed", "send 2 t3:taskRunning"])
  }

  @Test func `nothing of an earlier stream counts`() {
    var driver = CoreDriver()
    driver.subscribe()
    _ = driver.handle(.disconnected(ExecutorStream(number: 1), reason: "reset"))
    _ = driver.tickAtDeadline()
    #expect(driver.receive(1, .subscribed()).transcript == ["ignored"])
    #expect(driver.receive(1, .launch(.make("late"))).transcript == ["ignored"])
    #expect(driver.handle(.disconnected(ExecutorStream(number: 1), reason: "again")).transcript == ["ignored"])
    #expect(driver.receive(2, .launch(.make("early"))).transcript == ["ignored"], "SUBSCRIBED comes first")
    #expect(driver.core.unacknowledgedTasks.isEmpty)
    #expect(driver.receive(2, .subscribed()).transcript == ["up", "deliver subscribed"])
  }

  @Test func `attempts go on within the back-off until the recovery timeout, then it shuts down`() {
    var driver = CoreDriver()
    driver.subscribe()
    let lostAt = driver.now.uptime
    _ = driver.handle(.disconnected(ExecutorStream(number: 1), reason: "gone"))
    var stream: UInt64 = 1
    var waits: [Duration] = []
    while true {
      let before = driver.now.uptime
      let transcript = driver.tickAtDeadline().transcript
      if transcript.first?.hasPrefix("connect") != true {
        #expect(transcript == ["down", "deliver shutdown"])
        break
      }
      waits.append(driver.now.uptime - before)
      stream += 1
      #expect(
        driver.handle(.disconnected(ExecutorStream(number: stream), reason: "refused")).transcript == [],
        "being down is told once")
    }
    #expect(driver.now.uptime - lostAt == .seconds(60))
    #expect(waits.allSatisfy { $0 <= .seconds(2) })
    #expect(Set(waits).count > 10, "waits are drawn at random")
    #expect(driver.tickAtDeadline().transcript == ["force exit", "finished"])
    #expect(driver.now.uptime - lostAt == .seconds(65))
    #expect(driver.handle(.update(.make("t1", .taskKilled))).transcript == ["rejected ended"])
    #expect(driver.core.nextDeadline == nil)
  }

  @Test func `a new subscription starts the recovery timeout anew`() {
    var driver = CoreDriver(backoff: .zero)
    driver.subscribe()
    _ = driver.handle(.disconnected(ExecutorStream(number: 1), reason: "gone"))
    _ = driver.handle(.tick, after: .seconds(59))
    _ = driver.receive(2, .subscribed())
    #expect(driver.handle(.disconnected(ExecutorStream(number: 2), reason: "gone")).transcript == ["down"])
    #expect(driver.handle(.tick, after: .seconds(30)).transcript == ["connect 3 tasks=[] updates=[]"])
  }

  @Test func `without checkpointing the executor ends with its agent`() {
    var driver = CoreDriver(checkpoint: false)
    driver.subscribe()
    #expect(
      driver.handle(.disconnected(ExecutorStream(number: 1), reason: "reset")).transcript
        == ["down", "down", "deliver shutdown"])
    #expect(driver.core.nextDeadline == driver.now.uptime + .seconds(5))
    #expect(driver.handle(.stop).transcript == ["finished"])
  }

  @Test(arguments: [404, 429, 500, 503])
  func `an agent that is not ready yet is asked again`(status: Int) {
    var driver = CoreDriver(checkpoint: false, backoff: .zero)
    _ = driver.handle(.start)
    #expect(
      driver.handle(.refused(ExecutorStream(number: 1), status: status, text: "Agent has not finished recovery"))
        == [])
    #expect(driver.handle(.tick).transcript == ["connect 2 tasks=[] updates=[]"])
  }

  @Test(arguments: [400, 401, 403, 415])
  func `an agent that refuses for good ends the executor`(status: Int) {
    var driver = CoreDriver()
    _ = driver.handle(.start)
    let directives = driver.handle(.refused(ExecutorStream(number: 1), status: status, text: "no"))
    #expect(directives.transcript == ["deliver error", "disconnect 1", "down", "deliver shutdown"])
  }

  @Test func `a call refused by an agent that restarts leads to a new subscription`() {
    var driver = CoreDriver(backoff: .zero)
    driver.subscribe()
    _ = driver.handle(.update(.make("t1", .taskRunning)))
    let refused = driver.handle(.callRefused(ExecutorStream(number: 1), status: 503, text: ""))
    #expect(refused.transcript == ["disconnect 1", "down"])
    #expect(driver.handle(.tick).transcript == [#"connect 2 tasks=[] updates=["t1:taskRunning"]"#])
    _ = driver.receive(2, .subscribed())
    let other = driver.handle(.callRefused(ExecutorStream(number: 2), status: 400, text: "bad"))
    #expect(other.transcript == ["deliver error"])
  }

  @Test func `SHUTDOWN leaves the grace period and no more`() {
    var driver = CoreDriver()
    driver.subscribe()
    #expect(driver.receive(1, .make(.shutdown)).transcript == ["deliver shutdown"])
    #expect(driver.handle(.update(.make("t1", .taskKilled))).transcript == ["send 1 t1:taskKilled"])
    #expect(driver.handle(.tick, after: .milliseconds(4999)).isEmpty)
    #expect(driver.handle(.tick, after: .milliseconds(1)).transcript == ["disconnect 1", "force exit", "finished"])
  }

  @Test func `an executor that shuts down does not come back`() {
    var driver = CoreDriver()
    driver.subscribe()
    _ = driver.receive(1, .make(.shutdown))
    #expect(driver.handle(.disconnected(ExecutorStream(number: 1), reason: "closed")).transcript == ["down"])
    #expect(driver.tickAtDeadline().transcript == ["force exit", "finished"])
  }

  @Test func `heartbeats go out while subscribed and come in unseen`() {
    var driver = CoreDriver()
    driver.subscribe()
    #expect(driver.receive(1, .make(.heartbeat)).isEmpty)
    #expect(driver.handle(.tick, after: .seconds(1799)).isEmpty)
    #expect(driver.handle(.tick, after: .seconds(1)).transcript == ["send 1 heartbeat"])
    #expect(driver.handle(.tick).isEmpty)
    #expect(driver.tickAtDeadline().transcript == ["send 1 heartbeat"])
  }

  @Test func `an update that an agent would refuse is refused here`() {
    var driver = CoreDriver(updatesMax: 2)
    driver.subscribe()
    #expect(driver.handle(.update(.make("", .taskRunning))).transcript == ["rejected invalid update"])
    #expect(driver.handle(.update(.make("t", .taskStaging))).transcript == ["rejected invalid update"])
    var other = TaskStatus.make("t", .taskRunning)
    other.executorID = ExecutorID("someone else")
    #expect(driver.handle(.update(other)).transcript == ["rejected invalid update"])
    let sent = driver.handle(.update(.make("t", .taskRunning))).statuses
    #expect(driver.handle(.update(sent[0])).transcript == ["rejected invalid update"], "its UUID is taken")
    _ = driver.handle(.update(.make("t", .taskRunning)))
    #expect(driver.handle(.update(.make("t", .taskFinished))).transcript == ["rejected too many updates"])
    #expect(driver.core.unacknowledgedUpdates.count == 2)
  }

  @Test func `a message is sent now or not at all`() {
    var driver = CoreDriver()
    #expect(driver.handle(.message([1, 2])).transcript == ["rejected not subscribed"])
    driver.subscribe()
    let directives = driver.handle(.message([1, 2]))
    #expect(directives.transcript == ["send 1 message"])
    guard case .send(_, let call) = directives[0] else { return }
    #expect(Array(call.message.data) == [1, 2])
  }

  @Test func `same events, same directives`() {
    func trace() -> [[ExecutorCore.Directive]] {
      var driver = CoreDriver()
      driver.subscribe()
      return [
        driver.handle(.update(.make("t1", .taskRunning))),
        driver.handle(.disconnected(ExecutorStream(number: 1), reason: "gone")), driver.tickAtDeadline(),
      ]
    }
    #expect(trace() == trace())
  }

  @Test(arguments: [
    ("15secs", Duration.seconds(15)), ("2mins", .seconds(120)), ("1.5hrs", .seconds(5400)), ("0ns", .zero),
    ("250ms", .milliseconds(250)), ("3us", .microseconds(3)), ("1days", .seconds(86_400)),
    ("2weeks", .seconds(1_209_600)),
    ("15", nil), ("secs", nil), ("", nil), ("-1secs", nil), ("1e3secs", nil), ("1 secs", nil), ("1..5secs", nil),
    ("99999999999weeks", nil), ("nansecs", nil),
  ])
  func `durations read as Apache Mesos writes them`(text: String, expected: Duration?) {
    #expect(Duration(mesosText: text) == expected)
  }

  static let variables = [
    "MESOS_FRAMEWORK_ID": "f", "MESOS_EXECUTOR_ID": "e", "MESOS_AGENT_ENDPOINT": "10.0.0.1:5051",
    "MESOS_SLAVE_PID": "slave(1)@10.0.0.1:5051", "MESOS_SANDBOX": "/sandbox", "MESOS_DIRECTORY": "/directory",
    "MESOS_CHECKPOINT": "1", "MESOS_RECOVERY_TIMEOUT": "15mins", "MESOS_SUBSCRIPTION_BACKOFF_MAX": "3secs",
    "MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD": "7secs", "MESOS_EXECUTOR_AUTHENTICATION_TOKEN": "secret",
  ]

  @Test func `the environment of an executor is read`() throws {
    let environment = try ExecutorEnvironment(Self.variables)
    #expect(environment.agentHost == "10.0.0.1")
    #expect(environment.agentPort == 5051)
    #expect(environment.path == "/slave(1)/api/v1/executor")
    #expect(environment.sandbox == "/sandbox")
    #expect(environment.checkpoint)
    #expect(environment.recoveryTimeout == .seconds(900))
    #expect(environment.subscriptionBackoffMax == .seconds(3))
    #expect(environment.shutdownGracePeriod == .seconds(7))
    #expect(environment.authenticationToken == "secret")
    #expect(environment.domainSocket == nil)
    #expect(environment.tls == nil)
    var bare = Self.variables.filter {
      ["MESOS_FRAMEWORK_ID", "MESOS_EXECUTOR_ID"].contains($0.key)
    }
    bare["MESOS_AGENT_ENDPOINT"] = "[::1]:1"
    let least = try ExecutorEnvironment(bare)
    #expect(least.agentHost == "::1")
    #expect(least.path == "/api/v1/executor")
    #expect(!least.checkpoint)
    #expect(least.shutdownGracePeriod == .seconds(5))
  }

  @Test func `socket, role and TLS of the environment are read`() throws {
    var variables = Self.variables
    variables["MESOS_DOMAIN_SOCKET"] = "/agent.sock"
    variables["MESOS_ALLOCATION_ROLE"] = "eng/web"
    variables["LIBPROCESS_SSL_ENABLED"] = "true"
    var environment = try ExecutorEnvironment(variables)
    #expect(environment.domainSocket == "/agent.sock")
    #expect(environment.allocationRole == "eng/web")
    #expect(environment.tls == ExecutorEnvironment.TLS())
    #expect(environment.tls?.verifiesServer == true)
    variables["LIBPROCESS_SSL_CA_FILE"] = "/ca.pem"
    variables["LIBPROCESS_SSL_CERT_FILE"] = "/cert.pem"
    variables["LIBPROCESS_SSL_KEY_FILE"] = "/key.pem"
    variables["LIBPROCESS_SSL_VERIFY_CERT"] = "0"
    variables["LIBPROCESS_SSL_VERIFY_IPADD"] = "false"
    variables["LIBPROCESS_SSL_ENABLE_TLS_V1_2"] = "0"
    environment = try ExecutorEnvironment(variables)
    var expected = ExecutorEnvironment.TLS()
    expected.authoritiesFile = "/ca.pem"
    expected.certificateFile = "/cert.pem"
    expected.keyFile = "/key.pem"
    expected.verifiesServer = false
    expected.verifiesAddress = false
    expected.allowsTLS12 = false
    #expect(environment.tls == expected)
    // The newer name decides.
    variables["LIBPROCESS_SSL_VERIFY_SERVER_CERT"] = "1"
    #expect(try ExecutorEnvironment(variables).tls?.verifiesServer == true)
    variables["LIBPROCESS_SSL_ENABLED"] = "false"
    #expect(try ExecutorEnvironment(variables).tls == nil)
  }

  @Test func `the token of an environment is not shown`() throws {
    var variables = Self.variables
    variables["MESOS_EXECUTOR_AUTHENTICATION_TOKEN"] = "a-token-of-nobody"
    let environment = try ExecutorEnvironment(variables)
    var dumped = ""
    dump(environment, to: &dumped)
    for text in ["\(environment)", String(reflecting: environment), dumped] {
      #expect(!text.contains("a-token-of-nobody"), "\(text)")
    }
  }

  @Test func `an executor that is asked to end is given SHUTDOWN and keeps its stream`() {
    var driver = CoreDriver()
    driver.subscribe()
    #expect(driver.handle(.shutDown) == [.deliver(.make(.shutdown))])
    #expect(driver.core.isSubscribed)
    guard case .ignored = driver.handle(.shutDown).first else {
      Issue.record("a second SHUTDOWN")
      return
    }
    guard case .send = driver.handle(.update(.make("t", .taskKilled))).first else {
      Issue.record("the last update is not sent")
      return
    }
    let end = driver.tickAtDeadline()
    #expect(end.last == .finished)
  }

  @Test(arguments: [
    ("MESOS_FRAMEWORK_ID", "", ExecutorError.Code.missingVariable), ("MESOS_EXECUTOR_ID", "", .missingVariable),
    ("MESOS_AGENT_ENDPOINT", "", .missingVariable), ("MESOS_AGENT_ENDPOINT", "host", .badVariable),
    ("MESOS_AGENT_ENDPOINT", ":5051", .badVariable), ("MESOS_AGENT_ENDPOINT", "host:0", .badVariable),
    ("MESOS_AGENT_ENDPOINT", "host:70000", .badVariable), ("MESOS_RECOVERY_TIMEOUT", "soon", .badVariable),
    ("LIBPROCESS_SSL_ENABLED", "yes", .badVariable),
  ])
  func `an environment that no agent made is refused by name`(name: String, value: String, code: ExecutorError.Code) {
    var variables = Self.variables
    variables[name] = value
    let error = #expect(throws: ExecutorError.self) { _ = try ExecutorEnvironment(variables) }
    #expect(error?.code == code)
    #expect(error?.message.contains(name) == true)
  }
}
