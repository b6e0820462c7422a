import AgentLinkModel
import ClusterView
import MesosModel
import SwiftProtobuf
import Testing

@testable import MasterCore

/// A master under test with a clock of its own: it takes events, keeps what they lead to, and checks after each of them that the
/// master's tables agree, that resources are conserved, that the change log folds, that nothing leaves before it is durable, that
/// statuses of the master's own are listed in the model's table, and that each call is answered once.
struct Cluster {
  static let masterID = "00000000-0000-4000-8000-000000000001"

  private(set) var core: MasterCore
  private(set) var now = Moment(uptime: .zero, wallNanoseconds: 1_700_000_000_000_000_000)
  private(set) var view = FoldedView()
  private(set) var durability = DurabilityChecker()
  /// What readers see, for tests that read as they do.
  var readers: ClusterView?
  private(set) var trace = TraceHash()
  /// What all events so far led to.
  private(set) var log: [MasterCore.Directive] = []
  private var lastNumber: UInt64 = 0
  private var lastToken: UInt64 = 0
  private var open: Set<CallToken> = []
  var sourceLocation: SourceLocation
  /// Whether registry writes become durable by themselves.
  var persistsAtOnce = true
  /// Whether every event is followed by a look at all invariants; long runs look now and then.
  var checksEvery = 1
  /// Whether ``trace`` is kept, which takes time.
  var isTraced = false
  /// Whether ``log`` is kept, which takes memory.
  var isLogged = true
  private var events = 0

  init(
    registry: RecoveredRegistry = RecoveredRegistry(), sourceLocation: SourceLocation = #_sourceLocation,
    _ configure: (inout MasterCore.Configuration) -> Void = { _ in }
  ) {
    var configuration = MasterCore.Configuration(
      masterID: Self.masterID,
      masterInfo: .with {
        $0.id = Self.masterID
        $0.ip = 16_777_343
        $0.port = 5050
      })
    configure(&configuration)
    self.sourceLocation = sourceLocation
    core = MasterCore(configuration: configuration, registry: registry, at: now)
    durability.recover(registry)
    take(core.start(at: now))
  }

  // MARK: Events

  @discardableResult
  mutating func handle(_ event: MasterCore.Event) -> [MasterCore.Directive] {
    if case .persisted(let number) = event { durability.persisted(number) }
    if case .persistFailed(let number, _) = event { durability.failed(number) }
    let directives = core.handle(event, at: now)
    take(directives)
    events += 1
    if events % checksEvery == 0 {
      let problems = core.checkInvariants()
      #expect(problems.isEmpty, "\(problems)", sourceLocation: sourceLocation)
    }
    var all = directives
    if persistsAtOnce {
      for case .persist(_, let number) in directives { all += handle(.persisted(number)) }
    }
    return all
  }

  private mutating func take(_ directives: [MasterCore.Directive]) {
    for directive in directives {
      if isTraced { trace.add(directive) }
      for problem in durability.check(directive) { Issue.record("\(problem)", sourceLocation: sourceLocation) }
      if let problem = StatusChecker.check(directive) { Issue.record("\(problem)", sourceLocation: sourceLocation) }
      switch directive {
      case .changed(let change):
        readers?.fold(change)
        if let problem = view.apply(change) { Issue.record("\(problem)", sourceLocation: sourceLocation) }
      case .answer(let token, _):
        #expect(open.remove(token) != nil, "an answer to nothing: \(token)", sourceLocation: sourceLocation)
      default: break
      }
    }
    if isLogged { log += directives }
    // Calls of operators wait for the registry, those of frameworks for their turn.
    let mayWait = core.registryCalls.isWriting || core.throttles.values.contains { !$0.waiting.isEmpty }
    #expect(open.isEmpty || mayWait, "a call without an answer", sourceLocation: sourceLocation)
  }

  /// Lets time pass, with all ticks that are due on the way, and gives what they led to.
  @discardableResult
  mutating func pass(_ duration: Duration) -> [MasterCore.Directive] {
    let end = now.uptime + duration
    var directives: [MasterCore.Directive] = settle()
    while let due = core.nextDeadline, due <= end {
      if due > now.uptime { now = now.advanced(by: due - now.uptime) }
      directives += handle(.tick)
      directives += settle()
    }
    now = now.advanced(by: end - now.uptime)
    return directives
  }

  /// Finishes allocation cycles that were begun or asked for.
  @discardableResult
  mutating func settle() -> [MasterCore.Directive] {
    var directives: [MasterCore.Directive] = []
    var ticks = 0
    while core.cycle.needsTick {
      directives += handle(.tick)
      ticks += 1
      guard ticks < 10_000 else {
        Issue.record("an allocation cycle without end", sourceLocation: sourceLocation)
        break
      }
    }
    return directives
  }

  mutating func makeConnection() -> SchedulerConnection {
    lastNumber += 1
    return SchedulerConnection(number: lastNumber, streamID: "stream-\(lastNumber)")
  }

  mutating func makeSession() -> AgentConnection {
    lastNumber += 1
    return AgentConnection(number: lastNumber)
  }

  private mutating func makeToken() -> CallToken {
    lastToken += 1
    let token = CallToken(lastToken)
    open.insert(token)
    return token
  }

  // MARK: Schedulers

  /// Subscribes and gives the stream and everything that came of it.
  @discardableResult
  mutating func subscribe(
    _ info: FrameworkInfo, suppressed: [String] = [], principal: Principal? = nil
  ) -> (connection: SchedulerConnection, directives: [MasterCore.Directive]) {
    let connection = makeConnection()
    let call = SchedulerCall.with {
      $0.type = .subscribe
      if info.hasID { $0.frameworkID = info.id }
      $0.subscribe = .with {
        $0.frameworkInfo = info
        $0.suppressedRoles = suppressed
      }
    }
    return (connection, subscribe(call, on: connection, principal: principal))
  }

  @discardableResult
  mutating func subscribe(
    _ call: SchedulerCall, on connection: SchedulerConnection, principal: Principal? = nil
  ) -> [MasterCore.Directive] {
    handle(.subscribe(connection, call, principal: principal, token: makeToken()))
  }

  /// A framework that is subscribed.
  mutating func framework(_ configure: (inout FrameworkInfo) -> Void = { _ in }) -> Scheduler {
    var info = Self.info()
    configure(&info)
    let (connection, directives) = subscribe(info)
    let id = directives.events(on: connection).first { $0.type == .subscribed }?.subscribed.frameworkID.key ?? "none"
    info.id = FrameworkID(id)
    return Scheduler(id: id, connection: connection, info: info)
  }

  static func info(name: String = "test") -> FrameworkInfo {
    .with {
      $0.user = "root"
      $0.name = name
      $0.roles = ["dev"]
      $0.failoverTimeout = 60
      $0.checkpoint = true
      $0.capabilities = [.multiRole, .partitionAware, .reservationRefinement].map { type in .with { $0.type = type } }
    }
  }

  @discardableResult
  mutating func call(
    _ scheduler: Scheduler, streamID: String?? = nil, principal: Principal? = nil,
    _ build: (inout SchedulerCall) -> Void
  ) -> (answer: CallAnswer?, directives: [MasterCore.Directive]) {
    var call = SchedulerCall()
    call.frameworkID = FrameworkID(scheduler.id)
    build(&call)
    let directives = handle(
      .call(
        call, streamID: streamID ?? scheduler.connection.streamID, principal: principal, token: makeToken()))
    return (directives.answer, directives)
  }

  mutating func teardown(_ framework: FrameworkKey) -> CallAnswer? {
    operate {
      $0.type = .teardown
      $0.teardown.frameworkID = FrameworkID(framework)
    }.answer
  }

  /// Sends a call of an operator.
  mutating func operate(
    principal: Principal? = nil, _ build: (inout MasterCall) -> Void
  ) -> [MasterCore.Directive] {
    var call = MasterCall()
    build(&call)
    return handle(.operatorCall(call, principal: principal, token: makeToken()))
  }

  /// Accepts the offers with tasks to launch.
  @discardableResult
  mutating func launch(
    _ scheduler: Scheduler, _ tasks: [TaskInfo], on offers: [Offer], refuse: Double = 5
  ) -> [MasterCore.Directive] {
    call(scheduler) { call in
      call.type = .accept
      call.accept = .with {
        $0.offerIds = offers.map(\.id)
        $0.operations = [
          .with {
            $0.type = .launch
            $0.launch = .with { $0.taskInfos = tasks }
          }
        ]
        $0.filters = .with { $0.refuseSeconds = refuse }
      }
    }.directives
  }

  // MARK: Agents

  /// An agent that is registered.
  @discardableResult
  mutating func agent(
    hostname: String = "host", resources: String = "cpus:4;mem:4096;disk:10000;ports:[31000-32000]",
    capabilities: [AgentInfo.Capability.TypeEnum]? = nil
  ) throws -> Agent {
    let session = makeSession()
    let address = AgentAddress(hostname: hostname, ip: "10.0.0.1", port: 5051)
    var info = AgentInfo.with {
      $0.hostname = hostname
      $0.port = 5051
      $0.attributes = [
        .with {
          $0.name = "rack"
          $0.type = .text
          $0.text = .with { $0.value = "r1" }
        }
      ]
    }
    info.resources = try Resources.parse(resources).messages
    var record = Self.register(info)
    if let capabilities { record.capabilities = capabilities.map { type in .with { $0.type = type } } }
    let directives = handle(.agentMessage(session, .register(record), address: address))
    let id = try #require(directives.toAgent(session).compactMap(\.registeredID).first)
    info.id = AgentID(id)
    return Agent(id: id, session: session, info: info, address: address)
  }

  static func register(_ info: AgentInfo) -> LinkRegister {
    .with {
      $0.agentInfo = info
      $0.capabilities = capabilities
      $0.version = "1.11.0"
    }
  }

  static let capabilities: [AgentInfo.Capability] = [
    .multiRole, .hierarchicalRole, .reservationRefinement, .resourceProvider, .resizeVolume, .agentOperationFeedback,
    .agentDraining,
  ].map { (type: AgentInfo.Capability.TypeEnum) in .with { $0.type = type } }

  @discardableResult
  mutating func say(_ message: LinkUp.OneOf_Body, _ agent: Agent) -> [MasterCore.Directive] {
    handle(.agentMessage(agent.session, message, address: agent.address))
  }

  /// A status update of the agent, with a UUID that tells it from others.
  @discardableResult
  mutating func update(
    _ agent: Agent, _ scheduler: Scheduler, _ task: String, _ state: TaskState, latest: TaskState? = nil,
    uuid: UInt8 = 1,
    _ configure: (inout TaskStatus) -> Void = { _ in }
  ) throws -> [MasterCore.Directive] {
    var status = TaskStatus.with {
      $0.taskID = .with { $0.value = task }
      $0.state = state
      $0.source = .executor
      $0.agentID = AgentID(agent.id)
      $0.timestamp = now.wallSeconds
      $0.uuid = MessageBytes.copy(Self.uuid(uuid))
    }
    configure(&status)
    let update = LinkStatusUpdate.with {
      $0.frameworkID = scheduler.id.value
      $0.taskID = task
      $0.state = state
      $0.latestState = latest ?? state
      $0.uuid = MessageBytes.copy(Self.uuid(uuid))
      $0.status = MessageBytes.copy(MessageBytes.encoded(status))
    }
    return say(.statusUpdate(update), agent)
  }

  static func uuid(_ number: UInt8) -> [UInt8] { [0, 0, 0, 0, 0, 0, 0x40, 0, 0x80, 0, 0, 0, 0, 0, 0, number] }

  @discardableResult
  mutating func acknowledge(_ scheduler: Scheduler, _ task: String, on agent: Agent, uuid: UInt8 = 1)
    -> [MasterCore.Directive]
  {
    call(scheduler) { call in
      call.type = .acknowledge
      call.acknowledge = .with {
        $0.agentID = AgentID(agent.id)
        $0.taskID = .with { $0.value = task }
        $0.uuid = MessageBytes.copy(Self.uuid(uuid))
      }
    }.directives
  }

  /// A session of the agent that says what it runs; returns the new session.
  mutating func reregister(
    _ agent: Agent, running tasks: [(Scheduler, TaskInfo, TaskState)] = [], same session: Bool = false,
    total: Resources? = nil, operations: [LinkApplyOperation] = [], hasProviders: Bool = false
  ) throws -> (agent: Agent, directives: [MasterCore.Directive]) {
    var agent = agent
    if !session { agent.session = makeSession() }
    let record = LinkReregister.with {
      $0.agentInfo = agent.info
      $0.capabilities = Self.capabilities
      $0.version = "1.11.0"
      if let total { $0.totalResources = total.messages }
      if hasProviders { $0.hasResourceProviders_p = true }
      $0.operations = operations.map { operation in
        .with {
          $0.operationUuid = operation.operationUuid
          if operation.hasFrameworkID { $0.frameworkID = operation.frameworkID }
          $0.operation = operation.operation
          $0.latestStatus = MessageBytes.copy(
            MessageBytes.encoded(OperationStatus.with { $0.state = .operationPending }))
        }
      }
      var seen: Set<FrameworkKey> = []
      for (scheduler, _, _) in tasks where seen.insert(scheduler.id).inserted {
        $0.frameworks.append(
          .with {
            $0.frameworkID = scheduler.id.value
            $0.info = MessageBytes.copy(MessageBytes.encoded(scheduler.info))
          })
      }
      for (scheduler, info, state) in tasks {
        var task = MesosTask(info, framework: scheduler.id)
        task.resources = info.resources.map { resource in
          var resource = resource
          resource.allocationInfo.role = "dev"
          return resource
        }
        let stable = MessageBytes.encoded(task)
        $0.tasks.append(
          .with {
            $0.frameworkID = scheduler.id.value
            $0.taskID = info.taskID.value
            $0.state = state
            $0.resources = task.resources
            $0.stable = MessageBytes.copy(stable)
            $0.volatile = MessageBytes.copy(TaskStatuses(state: state).encoded)
          })
      }
    }
    return (agent, handle(.agentMessage(agent.session, .reregister(record), address: agent.address)))
  }
}

struct Scheduler {
  var id: FrameworkKey
  var connection: SchedulerConnection
  var info: FrameworkInfo
}

struct Agent {
  var id: AgentKey
  var session: AgentConnection
  var info: AgentInfo
  var address: AgentAddress
}

/// A task that sleeps.
func sleeper(
  _ id: String, on agent: Agent, resources: String = "cpus:0.5;mem:64", _ configure: (inout TaskInfo) -> Void = { _ in }
) throws -> TaskInfo {
  var info = try TaskInfo.with {
    $0.name = id
    $0.taskID = .with { $0.value = id }
    $0.agentID = AgentID(agent.id)
    $0.command = .with { $0.value = "sleep 1000" }
    $0.resources = try Resources.parse(resources).messages
  }
  configure(&info)
  return info
}
