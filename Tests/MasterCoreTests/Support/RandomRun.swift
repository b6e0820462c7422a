import AgentLinkModel
import ClusterView
import MesosModel
import MesosTestKit
import SwiftProtobuf
import Testing

@testable import MasterCore

/// Schedulers, agents and a registry that do anything at any time, all decided by one seed.
///
/// The agents keep what they were told to run, so that what they say when they come back is true; the registry is slow and
/// sometimes fails.
struct RandomRun {
  private struct RunningTask {
    var scheduler: Scheduler
    var info: TaskInfo
    var state: TaskState
    /// The number of the update that waits for its acknowledgement.
    var awaited: UInt8?
  }

  private struct RandomAgent {
    var agent: Agent
    var isConnected = true
    /// It was told to end, and has.
    var hasLeft = false
    var tasks: [String: RunningTask] = [:]
    /// With everything that it was told to make of it.
    var total = Resources()
    /// Operations whose end nobody acknowledged.
    var operations: [LinkApplyOperation] = []
    /// What it is told is lost until it comes back.
    var isDeaf = false
  }

  private struct RandomScheduler {
    var scheduler: Scheduler
    var isConnected = true
  }

  private(set) var cluster: Cluster
  private var random: SplitMix64
  private var agents: [RandomAgent] = []
  private var schedulers: [RandomScheduler] = []
  private var admissions: [AgentConnection: AgentInfo] = [:]
  private var writes: [UInt64] = []
  private var lastTask = 0
  private var lastOperation = 0
  /// How operations ended, as frameworks were told.
  private var ends: [(scheduler: SchedulerConnection, status: OperationStatus)] = []

  /// Each agent has its own, and keeps it.
  private static func address(_ session: AgentConnection) -> AgentAddress {
    AgentAddress(hostname: "host", ip: "10.0.\(session.number / 256).\(session.number % 256)", port: 5051)
  }

  init(seed: UInt64, sourceLocation: SourceLocation = #_sourceLocation) {
    random = SplitMix64(seed: seed)
    cluster = Cluster(sourceLocation: sourceLocation) {
      $0.completedFrameworksMax = 3
      $0.completedTasksPerFrameworkMax = 5
      $0.unreachableTasksPerFrameworkMax = 4
      $0.unreachableAgentsMax = 4
      $0.allocationSliceBudget = 2
      $0.offerTimeout = .seconds(40)
    }
    cluster.persistsAtOnce = false
    cluster.isLogged = false
  }

  mutating func trace() { cluster.isTraced = true }

  /// Lets `view` fold what happens. A new master has told nothing yet that it would miss.
  mutating func tell(_ view: ClusterView) { cluster.readers = view }

  mutating func run(steps: Int) {
    for _ in 0..<steps { step() }
  }

  /// Everything works from now on; everybody comes back.
  mutating func heal() {
    while !writes.isEmpty {
      let number = writes.removeFirst()
      note(cluster.handle(.persisted(number)))
    }
    cluster.persistsAtOnce = true
    let down = cluster.view.maintenance.downMachines
    if !down.isEmpty {
      note(
        cluster.operate {
          $0.type = .stopMaintenance
          $0.stopMaintenance.machines = down
        })
    }
    let nothing = machineCall(.updateMaintenanceSchedule)
    note(cluster.operate { $0 = nothing })
    for index in agents.indices where !agents[index].isConnected { comeBack(index, forgets: false) }
    for index in schedulers.indices where !schedulers[index].isConnected { resubscribe(index) }
    for _ in 0..<20 {
      note(cluster.pass(.seconds(5)))
      for agent in agents where agent.isConnected { note(cluster.handle(.agentHeard(agent.agent.session))) }
    }
  }

  private mutating func chance(_ oneIn: Int) -> Bool { Int.random(in: 0..<oneIn, using: &random) == 0 }

  private mutating func step() {
    switch Int.random(in: 0..<100, using: &random) {
    case 0..<3: if schedulers.count < 6 { subscribe() }
    case 3..<6: pickScheduler(connected: true).map { disconnectScheduler($0) }
    case 6..<10: pickScheduler(connected: nil).map { resubscribe($0) }
    case 10..<28: pickScheduler(connected: true).map { accept($0) }
    case 28..<33: pickScheduler(connected: true).map { decline($0) }
    case 33..<45: pickScheduler(connected: true).map { smallCall($0) }
    case 45..<49: if agents.count(where: { !$0.hasLeft }) < 7 { register() }
    case 49..<52: pickAgent(connected: true).map { disconnectAgent($0) }
    case 52..<58: pickAgent(connected: nil).map { comeBack($0, forgets: true) }
    case 58..<76: pickAgent(connected: true).map { advance($0) }
    case 76..<84: pickAgent(connected: true).map { acknowledge($0) }
    case 84: if chance(3), let index = pickAgent(connected: true) { leave(index) }
    case 85: if chance(4), let index = pickScheduler(connected: true) { teardown(index) }
    case 86..<92: finishWrite()
    case 92..<95: operate()
    default: passTime()
    }
  }

  private mutating func pickScheduler(connected: Bool?) -> Int? {
    schedulers.indices.filter { connected == nil || schedulers[$0].isConnected == connected }
      .randomElement(using: &random)
  }

  private mutating func pickAgent(connected: Bool?) -> Int? {
    agents.indices.filter { connected == nil || agents[$0].isConnected == connected }.randomElement(using: &random)
  }

  // MARK: What the directives mean to those outside

  private mutating func note(_ directives: [MasterCore.Directive]) {
    for directive in directives {
      switch directive {
      case .persist(_, let number):
        if !cluster.persistsAtOnce { writes.append(number) }
      case .sendToAgent(let session, let message): note(message, on: session)
      case .closeAgent(let session):
        admissions[session] = nil
        if let index = agents.firstIndex(where: { $0.agent.session == session }) { agents[index].isConnected = false }
      case .close(let connection):
        if let index = schedulers.firstIndex(where: { $0.scheduler.connection == connection }) {
          schedulers.remove(at: index)
        }
      case .send(let connection, let event) where event.type == .updateOperationStatus:
        if event.updateOperationStatus.status.hasUuid { ends.append((connection, event.updateOperationStatus.status)) }
      case .answer, .send, .changed, .continueCycle, .abort: break
      }
    }
    for completed in cluster.view.completed {
      schedulers.removeAll { $0.scheduler.id == completed }
    }
  }

  private mutating func note(_ message: LinkDown.OneOf_Body, on session: AgentConnection) {
    if case .registered(let registered) = message, let info = admissions.removeValue(forKey: session) {
      var info = info
      info.id.value = registered.agentID
      agents.append(
        RandomAgent(
          agent: Agent(
            id: AgentKey(registered.agentID), session: session, info: info, address: Self.address(session)),
          total: (try? Resources(info.resources)) ?? Resources()))
      return
    }
    guard let index = agents.firstIndex(where: { $0.agent.session == session }), !agents[index].isDeaf else { return }
    switch message {
    case .runTask(let order):
      guard let info = try? TaskInfo(serializedBytes: order.taskInfo),
        let framework = try? FrameworkInfo(serializedBytes: order.frameworkInfo)
      else { return }
      let scheduler = Scheduler(
        id: FrameworkKey(order.frameworkID), connection: SchedulerConnection(number: 0, streamID: ""), info: framework)
      agents[index].tasks[order.taskID] = RunningTask(scheduler: scheduler, info: info, state: .taskStaging)
    case .shutdownFramework(let order):
      for (id, task) in agents[index].tasks where task.scheduler.id.value == order.frameworkID {
        agents[index].tasks[id] = nil
      }
    case .killTask(let order): agents[index].tasks[order.taskID]?.state = .taskKilled
    case .drainAgent(let order) where order.hasConfig:
      for id in agents[index].tasks.keys { agents[index].tasks[id]?.state = .taskKilled }
    case .shutdown:
      agents[index].hasLeft = true
      agents[index].isConnected = false
      agents[index].tasks = [:]
    case .acknowledgeUpdate(let order):
      guard let task = agents[index].tasks[order.taskID] else { return }
      agents[index].tasks[order.taskID]?.awaited = nil
      if task.state.isTerminal { agents[index].tasks[order.taskID] = nil }
    case .reconcileTasks(let order):
      let agent = agents[index].agent
      for task in order.tasks {
        let scheduler = Scheduler(
          id: FrameworkKey(task.frameworkID), connection: SchedulerConnection(number: 0, streamID: ""),
          info: FrameworkInfo())
        if let directives = try? cluster.update(agent, scheduler, task.taskID, .taskDropped, uuid: 200) {
          note(directives)
        }
      }
    case .applyOperation(let order):
      guard !chance(8) else {
        agents[index].isDeaf = true
        return
      }
      let before = agents[index].total
      do {
        let operation = try Offer.Operation(serializedBytes: order.operation)
        agents[index].total = try before.applying(operation.conversions().map(\.unallocated))
        agents[index].operations.append(order)
      } catch {
        Issue.record("an agent that has \(before) was told to do what it cannot: \(error)")
      }
    case .acknowledgeOperation(let order):
      agents[index].operations.removeAll { $0.operationUuid == order.operationUuid }
    default: break
    }
  }

  // MARK: Operations

  /// What could be done with the offer: sometimes sound, sometimes not.
  private mutating func operations(_ offer: Offer) -> [Offer.Operation] {
    guard let resources = try? Resources(offer.resources), let role = resources.onlyAllocationRole else { return [] }
    var operations: [Offer.Operation] = []
    for _ in 0..<Int.random(in: 1..<4, using: &random) {
      lastOperation += 1
      let id = chance(2) ? "op-\(lastOperation)" : nil
      guard let entry = resources.entries.randomElement(using: &random) else { continue }
      var message = entry.message()
      switch Int.random(in: 0..<5, using: &random) {
      case 0:
        if case .scalar(let amount) = entry.amount, amount > 1 { message.scalar.value = 1 }
        message.reservations.append(
          .with {
            $0.type = .dynamic
            $0.role = role
          })
        operations.append(.reserve([message], id: id))
      case 1 where entry.isDynamicallyReserved: operations.append(.unreserve([message], id: id))
      case 2 where entry.isPersistentVolume: operations.append(.destroy([message], id: id))
      case 3 where entry.isPersistentVolume:
        operations.append(
          .of(.shrinkVolume, id: id) {
            $0.shrinkVolume.volume = message
            $0.shrinkVolume.subtract.value = 3
          })
      default:
        guard entry.name == "disk", !entry.isPersistentVolume else { continue }
        message.scalar.value = 10
        message.disk.persistence.id = "v\(Int.random(in: 0..<6, using: &random))"
        message.disk.volume.mode = .rw
        message.disk.volume.containerPath = "data"
        operations.append(.create([message], id: id))
      }
    }
    return operations
  }

  /// The agent says how an operation ended, or a framework that it has heard.
  private mutating func advanceOperation(_ index: Int) {
    if chance(2), let order = agents[index].operations.randomElement(using: &random) {
      return note(cluster.finish(order, agents[index].agent))
    }
    guard !ends.isEmpty else { return }
    let (connection, status) = ends.remove(at: Int.random(in: 0..<ends.count, using: &random))
    guard let scheduler = schedulers.first(where: { $0.scheduler.connection == connection && $0.isConnected }) else {
      return
    }
    note(
      cluster.call(scheduler.scheduler) { call in
        call.type = .acknowledgeOperationStatus
        call.acknowledgeOperationStatus = .with {
          $0.agentID = status.agentID
          $0.operationID = status.operationID
          $0.uuid = MessageBytes.copy([UInt8](status.uuid.value))
        }
      }.directives)
  }

  // MARK: Operators

  /// A call about the machine of an agent, if there is one; an empty schedule where it is about that.
  private mutating func machineCall(_ type: MasterCall.TypeEnum, scheduled: Bool = false) -> MasterCall {
    let address =
      agents.randomElement(using: &random)?.agent.address ?? Self.address(AgentConnection(number: 1))
    let machine = MachineID.with {
      $0.hostname = address.hostname
      $0.ip = address.ip
    }
    return .with {
      $0.type = type
      switch type {
      case .startMaintenance: $0.startMaintenance.machines = [machine]
      case .stopMaintenance: $0.stopMaintenance.machines = [machine]
      default:
        $0.updateMaintenanceSchedule.schedule = MaintenanceSchedule()
        guard scheduled else { break }
        let window = MaintenanceWindow.with {
          $0.machineIds = [machine]
          $0.unavailability.start.nanoseconds = 5
        }
        $0.updateMaintenanceSchedule.schedule.windows = [window]
      }
    }
  }

  /// An operator does something, that may make sense or not; the answer comes when the registry has been told.
  private mutating func operate() {
    let agent = AgentID(agents.randomElement(using: &random)?.agent.id ?? "nobody")
    var call = MasterCall()
    switch Int.random(in: 0..<13, using: &random) {
    case 0, 1:
      call.type = .drainAgent
      call.drainAgent.agentID = agent
      call.drainAgent.markGone = chance(3)
    case 2:
      call.type = .deactivateAgent
      call.deactivateAgent.agentID = agent
    case 3, 4:
      call.type = .reactivateAgent
      call.reactivateAgent.agentID = agent
    case 5:
      call.type = .markAgentGone
      call.markAgentGone.agentID = agent
    case 6, 7:
      let config = QuotaConfig.with {
        $0.role = chance(2) ? "dev" : "prod"
        if chance(2) { $0.guarantees = ["cpus": .with { $0.value = 1 }] }
        if chance(2) { $0.limits = ["cpus": .with { $0.value = chance(2) ? 2 : 100 }] }
      }
      call.type = .updateQuota
      call.updateQuota.quotaConfigs = [config]
      call.updateQuota.force = chance(2)
    case 8:
      call.type = .removeQuota
      call.removeQuota.role = "dev"
    case 9:
      let info = WeightInfo.with {
        $0.role = "dev"
        $0.weight = chance(2) ? 2 : 0.5
      }
      call.type = .updateWeights
      call.updateWeights.weightInfos = [info]
    case 10: call = machineCall(.updateMaintenanceSchedule, scheduled: chance(2))
    case 11: call = machineCall(chance(3) ? .startMaintenance : .updateMaintenanceSchedule, scheduled: true)
    default: call = machineCall(.stopMaintenance)
    }
    note(cluster.operate { $0 = call })
  }

  // MARK: Schedulers

  private mutating func subscribe() {
    var info = Cluster.info()
    info.roles = chance(2) ? ["dev"] : ["dev", "prod/web"]
    // Without a draw, so that runs stay what they were.
    if schedulers.count % 3 == 1 { info.user = "alice" }
    info.failoverTimeout = [0.0, 5, 30, 1_000].randomElement(using: &random) ?? 0
    if chance(3) { info.capabilities.removeAll { $0.type == .partitionAware } }
    let (connection, directives) = cluster.subscribe(info)
    guard let id = directives.events(on: connection).first?.subscribed.frameworkID else { return }
    info.id = id
    schedulers.append(RandomScheduler(scheduler: Scheduler(id: id.key, connection: connection, info: info)))
    note(directives)
  }

  private mutating func resubscribe(_ index: Int) {
    let (connection, directives) = cluster.subscribe(schedulers[index].scheduler.info)
    schedulers[index].scheduler.connection = connection
    schedulers[index].isConnected = true
    note(directives)
  }

  private mutating func disconnectScheduler(_ index: Int) {
    schedulers[index].isConnected = false
    note(cluster.handle(.schedulerDisconnected(schedulers[index].scheduler.connection)))
  }

  private func offers(of scheduler: Scheduler) -> [Offer] {
    cluster.core.offers.values.filter { $0.framework == scheduler.id }.sorted { $0.number < $1.number }.map(\.message)
  }

  private mutating func accept(_ index: Int) {
    let scheduler = schedulers[index].scheduler
    let all = offers(of: scheduler)
    guard let first = all.randomElement(using: &random) else { return }
    var used = [first]
    if chance(3), let other = all.randomElement(using: &random), other.id != first.id { used.append(other) }
    guard let agent = agents.first(where: { $0.agent.id == first.agentID.key })?.agent else { return }
    var tasks: [TaskInfo] = []
    for _ in 0..<Int.random(in: 0..<4, using: &random) {
      lastTask += 1
      let resources = ["cpus:0.5;mem:64", "cpus:1;mem:1024", "cpus:100", "mem:32;ports:[31000-31001]"]
      let id = chance(8) ? "t\(Int.random(in: 0...lastTask, using: &random))" : "t\(lastTask)"
      guard
        var task = try? sleeper(id, on: agent, resources: resources.randomElement(using: &random) ?? "cpus:1")
      else { continue }
      if chance(4) {
        task.clearCommand()
        task.executor.executorID.value = "e\(Int.random(in: 0..<2, using: &random))"
        task.executor.command.value = "run"
        task.executor.resources = (try? Resources.parse("cpus:0.1;mem:32").messages) ?? []
      }
      if lastTask % 4 == 0 {
        if task.hasExecutor { task.executor.command.user = "bob" } else { task.command.user = "bob" }
      }
      tasks.append(task)
    }
    let refuse: Double = [0.0, 3, 30].randomElement(using: &random) ?? 0
    guard !chance(3) else {
      let operations = operations(first)
      // Of what comes of the last a task may make use at once.
      if case .create? = operations.last?.type, let volume = operations.last?.create.volumes, !tasks.isEmpty {
        tasks[0].resources += volume
      }
      return note(cluster.accept(scheduler, used, operations + [.launch(tasks)], refuse: refuse))
    }
    note(cluster.launch(scheduler, tasks, on: used, refuse: refuse))
  }

  private mutating func decline(_ index: Int) {
    let scheduler = schedulers[index].scheduler
    var ids = offers(of: scheduler).map(\.id)
    if chance(5) { ids.append(.with { $0.value = "nosuch" }) }
    let seconds: Double = [0.0, 2, 60].randomElement(using: &random) ?? 0
    note(
      cluster.call(scheduler) { call in
        call.type = .decline
        call.decline = .with {
          $0.offerIds = ids
          $0.filters = .with { $0.refuseSeconds = seconds }
        }
      }.directives)
  }

  private mutating func smallCall(_ index: Int) {
    let scheduler = schedulers[index].scheduler
    let kind = Int.random(in: 0..<7, using: &random)
    let task = "t\(Int.random(in: 0...max(1, lastTask), using: &random))"
    var info = scheduler.info
    if kind == 5 {
      info.name = "name-\(lastTask)"
      info.roles = chance(2) ? ["dev"] : ["dev", "test"]
      schedulers[index].scheduler.info = info
    }
    note(
      cluster.call(scheduler) { call in
        switch kind {
        case 0: call.type = .revive
        case 1: call.type = .suppress
        case 2:
          call.type = .reconcile
          call.reconcile = SchedulerCall.Reconcile()
        case 3:
          call.type = .reconcile
          call.reconcile.tasks = [.with { $0.taskID.value = task }]
        case 4:
          call.type = .kill
          call.kill.taskID.value = task
        case 5:
          call.type = .updateFramework
          call.updateFramework.frameworkInfo = info
        default:
          call.type = .message
          call.message.agentID.value = "nosuch"
          call.message.executorID.value = "e"
          call.message.data = MessageBytes.copy([1])
        }
      }.directives)
  }

  private mutating func teardown(_ index: Int) {
    let scheduler = schedulers[index].scheduler
    note(cluster.call(scheduler) { $0.type = .teardown }.directives)
  }

  // MARK: Agents

  private mutating func register() {
    guard
      let resources = try? Resources.parse("cpus:4;mem:4096;ports:[31000-31009];disk(dev):100").messages
    else { return }
    let info = AgentInfo.with {
      $0.hostname = "host"
      $0.resources = resources
    }
    let session = cluster.makeSession()
    admissions[session] = info
    note(cluster.handle(.agentMessage(session, .register(Cluster.register(info)), address: Self.address(session))))
  }

  private mutating func disconnectAgent(_ index: Int) {
    agents[index].isConnected = false
    note(cluster.handle(.agentDisconnected(agents[index].agent.session)))
  }

  private mutating func comeBack(_ index: Int, forgets: Bool) {
    guard !agents[index].hasLeft else { return }
    if forgets, chance(4), let lost = agents[index].tasks.keys.sorted().randomElement(using: &random) {
      agents[index].tasks[lost] = nil
    }
    agents[index].agent.session = cluster.makeSession()
    agents[index].isConnected = true
    agents[index].isDeaf = false
    let agent = agents[index]
    let running = agent.tasks.sorted { $0.key < $1.key }.map(\.value)
    let record = LinkReregister.with {
      $0.agentInfo = agent.agent.info
      $0.capabilities = Cluster.capabilities
      $0.version = "1.11.0"
      $0.totalResources = agent.total.messages
      $0.operations = agent.operations.map { order in
        .with {
          $0.operationUuid = order.operationUuid
          if order.hasFrameworkID { $0.frameworkID = order.frameworkID }
          $0.operation = order.operation
          $0.latestStatus = MessageBytes.copy(
            MessageBytes.encoded(OperationStatus.with { $0.state = .operationPending }))
        }
      }
      var frameworks: Set<FrameworkKey> = []
      var executors: Set<String> = []
      for task in running {
        let framework = task.scheduler.id.value
        if frameworks.insert(task.scheduler.id).inserted {
          $0.frameworks.append(
            .with {
              $0.frameworkID = framework
              $0.info = MessageBytes.copy(MessageBytes.encoded(task.scheduler.info))
            })
        }
        if task.info.hasExecutor, executors.insert(framework + task.info.executor.executorID.value).inserted {
          $0.executors.append(
            .with {
              $0.frameworkID = framework
              $0.executorID = task.info.executor.executorID.value
              $0.resources = task.info.executor.resources
              $0.info = MessageBytes.copy(MessageBytes.encoded(task.info.executor))
            })
        }
        $0.tasks.append(
          .with {
            $0.frameworkID = framework
            $0.taskID = task.info.taskID.value
            if task.info.hasExecutor { $0.executorID = task.info.executor.executorID.value }
            $0.state = task.state
            $0.resources = task.info.resources
            $0.stable = MessageBytes.copy(MessageBytes.encoded(MesosTask(task.info, framework: task.scheduler.id)))
            $0.volatile = MessageBytes.copy(TaskStatuses(state: task.state).encoded)
          })
      }
    }
    note(cluster.handle(.agentMessage(agent.agent.session, .reregister(record), address: agent.agent.address)))
  }

  /// A task of the agent goes on, and its framework is told.
  private mutating func advance(_ index: Int) {
    if chance(3) { return advanceOperation(index) }
    let agent = agents[index]
    guard let id = agent.tasks.keys.sorted().randomElement(using: &random), var task = agent.tasks[id] else { return }
    let number = UInt8.random(in: 1..<200, using: &random)
    if !task.state.isTerminal {
      task.state =
        [.taskStarting, .taskRunning, .taskRunning, .taskFinished, .taskFailed].randomElement(using: &random)
        ?? .taskRunning
    }
    task.awaited = number
    agents[index].tasks[id] = task
    if let directives = try? cluster.update(agent.agent, task.scheduler, id, task.state, uuid: number) {
      note(directives)
    }
  }

  private mutating func acknowledge(_ index: Int) {
    let agent = agents[index]
    let waiting = agent.tasks.filter { $0.value.awaited != nil }.keys.sorted()
    guard let id = waiting.randomElement(using: &random), let task = agent.tasks[id], let number = task.awaited,
      let scheduler = schedulers.first(where: { $0.scheduler.id == task.scheduler.id && $0.isConnected })
    else { return }
    note(cluster.acknowledge(scheduler.scheduler, id, on: agent.agent, uuid: number))
  }

  private mutating func leave(_ index: Int) {
    let agent = agents[index].agent
    note(cluster.say(.unregister(LinkUnregister()), agent))
    agents.removeAll { $0.agent.id == agent.id }
  }

  // MARK: The registry and time

  private mutating func finishWrite() {
    guard let number = writes.first else { return }
    writes.removeFirst()
    note(
      cluster.handle(
        chance(6) ? .persistFailed(number, message: "no space") : .persisted(number)))
  }

  private mutating func passTime() {
    note(cluster.pass(.milliseconds(Int.random(in: 1..<12_000, using: &random))))
    for agent in agents where agent.isConnected && !chance(10) {
      note(cluster.handle(.agentHeard(agent.agent.session)))
    }
  }
}
