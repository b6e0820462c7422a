import AgentLinkModel
import DequeModule
import HeapModule
import OrderedCollections
import MesosModel
import SwiftProtobuf

extension AgentCore {
  // MARK: Registration

  mutating func linkEstablished() {
    isLinkUp = true
    isRegistered = false
    pauseStreams()
    pauseOperations()
    if phase == .running { register() }
  }

  mutating func linkLost() {
    isLinkUp = false
    isRegistered = false
    pauseStreams()
    pauseOperations()
  }

  /// Asks for admission: with everything that runs here when the agent has an id, otherwise as a new one.
  mutating func register() {
    registersAgain = hasUnwrittenOperations
    guard !registersAgain else { return }
    guard let agentID else {
      directives.append(
        .sendToMaster(
          .register(
            .with {
              $0.agentInfo = configuration.agentInfo
              $0.capabilities = configuration.capabilities
              $0.version = configuration.version
              $0.totalResources = total.messages
            })))
      return
    }
    var message = LinkReregister()
    message.agentInfo = configuration.agentInfo
    message.agentInfo.id = AgentID(agentID)
    message.capabilities = configuration.capabilities
    message.version = configuration.version
    message.totalResources = total.messages
    message.operations = operationRecords
    message.completedTasks = history
    if !providers.isEmpty { message.hasResourceProviders_p = true }
    for framework in frameworks.values where !framework.executors.isEmpty {
      message.frameworks.append(
        .with {
          $0.frameworkID = framework.id.value
          $0.info = encoded(framework.info)
        })
      for executor in framework.executors.values {
        // One that is on its way to the disk counts, too: nothing of it is known to run, but the master takes it to be here.
        if !executor.isCommandExecutor, executor.state != .terminated {
          message.executors.append(
            .with {
              $0.frameworkID = framework.id.value
              $0.executorID = executor.id.value
              $0.resources = executor.info.resources
              $0.info = encoded(executor.info)
            })
        }
        for task in executor.tasks.values where task.phase != .pending { message.tasks.append(record(of: task)) }
      }
    }
    directives.append(.sendToMaster(.reregister(message)))
  }

  /// What a master that was not there cannot know: the tasks whose end their frameworks have acknowledged, the newest of them within
  /// ``historyBytesMax``, oldest first.
  private var history: [LinkTaskRecord] {
    var ended: [AgentTask] = []
    for framework in frameworks.values where !framework.isTerminating {
      for executor in Array(framework.completed) + framework.executors.values {
        ended += executor.completed.filter(\.task.state.isTerminal)
      }
    }
    var records: [LinkTaskRecord] = []
    var bytes = 0
    for task in ended.sorted(by: { $0.order > $1.order }) {
      var record = record(of: task)
      record.resources = []
      bytes += record.stable.count + record.volatile.count
      guard bytes <= Self.historyBytesMax else { break }
      records.append(record)
    }
    return records.reversed()
  }

  /// The most that the history takes of a record of the link, which what runs has to find its place in too.
  private static let historyBytesMax = 16 << 20

  private func record(of task: AgentTask) -> LinkTaskRecord {
    var stable = task.task
    stable.statuses = []
    stable.clearStatusUpdateState()
    stable.clearStatusUpdateUuid()
    stable.clearState()
    var volatile = MesosTask()
    volatile.state = task.task.state
    volatile.statuses = task.task.statuses
    if task.task.hasStatusUpdateState { volatile.statusUpdateState = task.task.statusUpdateState }
    if task.task.hasStatusUpdateUuid { volatile.statusUpdateUuid = task.task.statusUpdateUuid }
    var record = LinkTaskRecord()
    record.frameworkID = task.task.frameworkID.value
    record.taskID = task.task.taskID.value
    if task.task.hasExecutorID { record.executorID = task.task.executorID.value }
    record.state = task.task.state
    if task.task.hasStatusUpdateState { record.statusUpdateState = task.task.statusUpdateState }
    if task.task.hasStatusUpdateUuid { record.statusUpdateUuid = task.task.statusUpdateUuid }
    record.resources = task.task.resources
    if let shares = ContainerValidation.sharesCgroups(task.task.container) { record.shareCgroups = shares }
    record.stable = encoded(stable)
    record.volatile = encoded(volatile)
    return record
  }

  private mutating func registered(_ id: AgentKey) {
    guard agentID == nil else {
      guard agentID == id else {
        let was = agentID?.value ?? ""
        terminate(
          "The master admitted this agent as \(id) but it is \(was): its work directory belongs to another cluster")
        return
      }
      isRegistered = true
      // It may have been called off meanwhile; if not, that follows at once.
      endDraining()
      resumeStreams()
      resumeOperations()
      return
    }
    isBeingNamed = true
    var info = configuration.agentInfo
    info.id = AgentID(id)
    put(Checkpoint.agent, CheckpointAgent.with { $0.agentInfo = info })
    consequences.append(.registered(id))
  }

  mutating func registeredDurably(_ id: AgentKey) {
    agentID = id
    isBeingNamed = false
    if isLinkUp {
      isRegistered = true
      resumeStreams()
      resumeOperations()
    }
    let records = early
    early = []
    for record in records { handleMaster(record) }
  }

  mutating func terminate(_ reason: String) {
    phase = .ended
    directives.append(.terminate(reason: reason, failed: true))
  }

  // MARK: Records of the master

  mutating func handleMaster(_ body: LinkDown.OneOf_Body) {
    if isBeingNamed, early.count < configuration.earlyRecordsMax {
      early.append(body)
      return
    }
    switch body {
    case .welcome, .heartbeat: break  // the shell's
    case .registered(let message): registered(AgentKey(message.agentID))
    case .refused(let message): terminate("The master refused this agent: \(message.message.prefix(1_000))")
    case .runTask(let message): run(message)
    case .runTaskGroup(let message): run(message)
    case .killTask(let message): kill(message)
    case .shutdownExecutor(let message):
      shutdown(
        ExecutorAddress(
          framework: FrameworkKey(message.frameworkID), executor: ExecutorKey(message.executorID)))
    case .shutdownFramework(let message): shutdown(framework: FrameworkKey(message.frameworkID))
    case .acknowledgeUpdate(let message):
      acknowledge(
        TaskAddress(framework: FrameworkKey(message.frameworkID), task: TaskKey(message.taskID)),
        uuid: [UInt8](message.uuid))
    case .frameworkMessage(let message): deliver(message)
    case .updateFramework(let message): update(message)
    case .reconcileTasks(let message): reconcile(message)
    case .applyOperation(let message): apply(message)
    case .acknowledgeOperation(let message):
      if message.hasResourceProviderID { acknowledgeToProvider(message) } else { acknowledge(message) }
    case .reconcileOperations(let message): reconcile(message)
    case .shutdown(let message): shutdown(String(message.message.prefix(1_000)))
    case .drainAgent(let message): drain(message)
    }
  }

  private mutating func deliver(_ message: LinkFrameworkMessage) {
    let address = ExecutorAddress(
      framework: FrameworkKey(message.frameworkID), executor: ExecutorKey(message.executorID))
    guard let executor = self[address], executor.state == .running, let connection = executor.connection else {
      counters.invalidFrameworkMessages += 1
      return
    }
    counters.validFrameworkMessages += 1
    send(connection, .message) { $0.message.data = message.data }
  }

  private mutating func update(_ message: LinkUpdateFramework) {
    let id = FrameworkKey(message.frameworkID)
    guard frameworks[id] != nil, let info = try? FrameworkInfo(serializedBytes: message.frameworkInfo) else { return }
    frameworks[id]?.info = info
    put(Checkpoint.framework(id), CheckpointFramework.with { $0.info = info })
  }

  /// Answers for tasks that the master believes to be here and that are not.
  private mutating func reconcile(_ message: LinkReconcileTasks) {
    var told: [FrameworkKey: Bool] = [:]
    for record in message.frameworks {
      guard let info = try? FrameworkInfo(serializedBytes: record.info) else { continue }
      told[FrameworkKey(record.frameworkID)] = info.isPartitionAware
    }
    for entry in message.tasks {
      let address = TaskAddress(framework: FrameworkKey(entry.frameworkID), task: TaskKey(entry.taskID))
      guard owners[address] == nil, streams[address] == nil else { continue }
      drop(
        address, .unknownToAgent, message: "Reconciliation: task unknown to the agent",
        isPartitionAware: told[address.framework])
    }
  }

  /// Tells the framework that the agent does not have the task.
  ///
  /// - Parameter isPartitionAware: What the master says of the framework, for one that the agent does not know.
  mutating func drop(
    _ address: TaskAddress, _ cause: TaskStatusCause, message: String, isPartitionAware told: Bool? = nil
  ) {
    let isPartitionAware = frameworks[address.framework]?.isPartitionAware ?? told ?? false
    stageForeign(address, status(address.task, cause.reported(toPartitionAware: isPartitionAware), message))
  }

  // MARK: Tasks

  /// Tasks that came together, and the executor that they are for.
  private struct Launch {
    var framework: FrameworkInfo
    var tasks: [TaskInfo]
    var executor: ExecutorInfo
    /// Absent where the executor is the agent's own for a task with a command.
    var launchesExecutor: Bool?
    var isCommandExecutor = false
    /// They reach their executor together.
    var isGroup = false
  }

  /// What has to be true of tasks that the master sends, which are named here by their ids.
  private func mayRun(_ tasks: [TaskAddress]) -> Bool {
    guard phase == .running || phase == .recovering, agentID != nil else { return false }
    // The master sends a task once; one that is here already is the same.
    return tasks.allSatisfy { owners[$0] == nil && streams[$0] == nil }
  }

  private mutating func run(_ message: LinkRunTask) {
    let id = FrameworkKey(message.frameworkID)
    let address = TaskAddress(framework: id, task: TaskKey(message.taskID))
    guard mayRun([address]) else { return }
    guard let info = try? TaskInfo(serializedBytes: message.taskInfo),
      let frameworkInfo = try? FrameworkInfo(serializedBytes: message.frameworkInfo)
    else {
      stageForeign(address, status(address.task, .taskInvalidOnAgent, "The task's description does not decode"))
      return
    }
    let launch = Launch(
      framework: frameworkInfo, tasks: [info],
      executor: info.hasExecutor ? info.executor : commandExecutor(for: info, framework: id),
      launchesExecutor: message.hasLaunchesExecutor ? message.launchesExecutor : nil,
      isCommandExecutor: !info.hasExecutor)
    run(launch, [address], of: id)
  }

  private mutating func run(_ message: LinkRunTaskGroup) {
    let id = FrameworkKey(message.frameworkID)
    let addresses = message.taskIds.map { TaskAddress(framework: id, task: TaskKey($0)) }
    guard mayRun(addresses) else { return }
    guard let group = try? TaskGroupInfo(serializedBytes: message.taskGroupInfo),
      let executor = try? ExecutorInfo(serializedBytes: message.executorInfo),
      let frameworkInfo = try? FrameworkInfo(serializedBytes: message.frameworkInfo),
      group.tasks.map(\.taskID.value) == message.taskIds, Set(addresses).count == addresses.count
    else {
      for address in addresses {
        stageForeign(address, status(address.task, .taskInvalidOnAgent, "The task group's description does not decode"))
      }
      return
    }
    let launch = Launch(
      framework: frameworkInfo, tasks: group.tasks, executor: executor,
      launchesExecutor: message.hasLaunchesExecutor ? message.launchesExecutor : nil, isGroup: true)
    run(launch, addresses, of: id)
  }

  private mutating func run(_ launch: Launch, _ addresses: [TaskAddress], of id: FrameworkKey) {
    // A framework that is being removed acknowledges nothing: an update would be sent for ever.
    guard let agentID, frameworks[id]?.isTerminating != true, !addresses.isEmpty else { return }
    let executorID = launch.executor.executorID.key
    let executorAddress = ExecutorAddress(framework: id, executor: executorID)
    if let (cause, text) = refusal(of: launch, executorAddress) {
      let cause = cause.reported(toPartitionAware: launch.framework.isPartitionAware)
      for address in addresses { stageForeign(address, status(address.task, cause, text)) }
      switch self[executorAddress]?.state {
      // The master counts with one.
      case nil where launch.launchesExecutor != nil, .terminated where launch.launchesExecutor == true:
        tellEnd(of: executorAddress, status: -1)
      default: break
      }
      return
    }
    if frameworks[id] == nil { frameworks[id] = Framework(id: id, info: FrameworkInfo()) }
    if frameworks[id]?.info != launch.framework {
      frameworks[id]?.info = launch.framework
      put(Checkpoint.framework(id), CheckpointFramework.with { $0.info = launch.framework })
    }
    if self[executorAddress] == nil {
      let container = ContainerKey(identities.uuidText())
      var complete = launch.executor
      complete.frameworkID = FrameworkID(id)
      let directory = [
        configuration.workDirectory, "slaves", agentID.value, "frameworks", id.value, "executors", executorID.value,
        "runs", container.value,
      ].joined(separator: "/")
      let executor = Executor(
        id: executorID, container: container, info: complete, isCommandExecutor: launch.isCommandExecutor,
        directory: directory, order: nextOrder())
      self[executorAddress] = executor
      containers[container] = executorAddress
      put(Checkpoint.executor(executorAddress, container), record(of: executor))
    }
    guard let container = self[executorAddress]?.container else { return }
    let group = launch.isGroup ? lastOrder + 1 : nil
    for (address, info) in zip(addresses, launch.tasks) {
      take(
        AgentTask(
          info: info, order: nextOrder(), group: group, task: Self.task(info, framework: id, agent: agentID),
          progress: CheckpointedProgress()), address, executorAddress, container)
    }
    consequences.append(.run(addresses, container))
  }

  /// Puts a task that is to run with its executor, and both on their way to the disk.
  private mutating func take(
    _ task: AgentTask, _ address: TaskAddress, _ executorAddress: ExecutorAddress, _ container: ContainerKey
  ) {
    let (id, executorID) = (address.framework, executorAddress.executor)
    if let old = self[executorAddress]?.completed.firstIndex(where: { $0.info.taskID.key == address.task }) {
      // The name is used again: what is known of its first bearer must not be taken for this one's.
      frameworks[id]?.executors[executorID]?.completed.remove(at: old)
      remove(Checkpoint.progress(executorAddress, container, address.task))
    }
    frameworks[id]?.executors[executorID]?.tasks[address.task] = task
    owners[address] = executorID
    put(
      Checkpoint.task(executorAddress, container, address.task),
      CheckpointTask.with {
        $0.info = task.info
        $0.order = task.order
        if let group = task.group { $0.group = group }
      })
  }

  /// Why tasks cannot run here, and what their framework is told, if they cannot.
  private func refusal(
    of launch: Launch, _ executorAddress: ExecutorAddress
  ) -> (cause: TaskStatusCause, message: String)? {
    for info in launch.tasks {
      guard let problem = Self.problem(with: info, in: launch, framework: executorAddress.framework) else { continue }
      return (.taskInvalidOnAgent, problem)
    }
    guard drainConfig == nil else {
      return (.launchedWhileDraining, "Task was received while agent was already draining")
    }
    guard launch.executor.type != .default else {
      return (
        .containerLaunchFailed,
        "This agent has no default executor yet: launch the group with an executor of type CUSTOM"
      )
    }
    if launch.isCommandExecutor, self[executorAddress] != nil {
      return (.executorInUse, "Cannot reuse an already existing executor for a command task")
    }
    switch self[executorAddress]?.state {
    case nil where launch.launchesExecutor == false:
      return (.executorGone, "No executor is expected to launch and there is none running")
    case .terminating: return (.executorGone, "Executor terminating")
    case .terminated: return (.executorGone, "Executor terminated")
    case nil, .preparing, .registering, .running: return nil
    }
  }

  /// Names that become folders, and what a task needs to run at all; the master has checked everything else.
  private static func problem(with info: TaskInfo, in launch: Launch, framework: FrameworkKey) -> String? {
    var names = [("task", info.taskID.value), ("framework", framework.value)]
    if !launch.isCommandExecutor { names.append(("executor", launch.executor.executorID.value)) }
    for (kind, name) in names {
      if name.isEmpty || name == "." || name == ".." || name.utf8.count > 255
        || name.utf8.contains(where: { $0 == UInt8(ascii: "/") || $0 < 0x20 || $0 == 0x7f })
      {
        return "The \(kind) id cannot be the name of a folder"
      }
    }
    if !launch.isGroup, info.hasExecutor == info.hasCommand {
      return "Task should have at least one (but not both) of CommandInfo or ExecutorInfo present"
    }
    if launch.executor.type != .default, !launch.executor.hasCommand { return "Executor has no command" }
    return nil
  }

  static func task(_ info: TaskInfo, framework: FrameworkKey, agent: AgentKey) -> MesosTask {
    var task = MesosTask()
    task.name = info.name
    task.taskID = info.taskID
    task.frameworkID = FrameworkID(framework)
    task.agentID = AgentID(agent)
    task.state = .taskStaging
    task.resources = info.resources
    if info.hasExecutor { task.executorID = info.executor.executorID }
    if info.hasLabels { task.labels = info.labels }
    if info.hasDiscovery { task.discovery = info.discovery }
    if info.hasContainer { task.container = info.container }
    if info.hasHealthCheck { task.healthCheck = info.healthCheck }
    if info.hasKillPolicy { task.killPolicy = info.killPolicy }
    if info.hasCommand, info.command.hasUser {
      task.user = info.command.user
    } else if info.hasExecutor, info.executor.command.hasUser {
      task.user = info.executor.command.user
    }
    task.limits = info.limits
    return task
  }

  /// Tasks that came together are on the disk and, where their executor has its container already, the volumes of one are shown there.
  mutating func runDurably(_ addresses: [TaskAddress], _ container: ContainerKey, hasVolumes: Bool = false) {
    guard let executorAddress = self.address(of: container), let state = self[executorAddress]?.state else { return }
    let addresses = addresses.filter { task($0) != nil }
    guard !addresses.isEmpty else { return }
    for address in addresses {
      if !hasVolumes, awaitPublication(address, executorAddress) { continue }
      if !hasVolumes, state == .registering || state == .running, awaitVolumes(address, executorAddress) { continue }
      if task(address)?.phase == .pending, !hasEnded(address) { setPhase(address, .queued) }
    }
    switch state {
    case .preparing:
      guard let tasks = self[executorAddress]?.tasks else { return }
      if tasks.values.contains(where: { $0.phase == .queued }) {
        launch(executorAddress)
      } else if tasks.keys.allSatisfy({ hasEnded(TaskAddress(framework: executorAddress.framework, task: $0)) }) {
        // All of its tasks were killed while its record was on its way to the disk.
        end(executorAddress, status: 0)
      }
    case .registering: break
    case .running:
      deliverQueued(executorAddress)
      if hasVolumes { endIfUseless(executorAddress) }
    case .terminating, .terminated:
      // The executor ended while the tasks were on their way to the disk.
      guard state == .terminated else { return }
      for address in addresses {
        stage(
          address,
          status(address.task, .executorTerminated, "Executor terminated", executor: executorAddress.executor))
      }
    }
  }

  /// Gives the executor what waits for it: the tasks of a group in one piece, when none of them waits for its volumes.
  mutating func deliverQueued(_ address: ExecutorAddress) {
    guard let executor = self[address], executor.state == .running, let connection = executor.connection else { return }
    let waiting = executor.tasks.filter {
      ($0.value.phase == .queued || $0.value.phase == .pending)
        && !hasEnded(TaskAddress(framework: address.framework, task: $0.key))
    }
    for (id, task) in waiting where task.phase == .queued {
      guard let group = task.group else {
        setPhase(TaskAddress(framework: address.framework, task: id), .launched)
        send(connection, .launch) { $0.launch.task = task.info }
        continue
      }
      let members = waiting.filter { $0.value.group == group }
      guard members.keys.first == id, members.values.allSatisfy({ $0.phase == .queued }) else { continue }
      for id in members.keys { setPhase(TaskAddress(framework: address.framework, task: id), .launched) }
      send(connection, .launchGroup) { $0.launchGroup.taskGroup.tasks = members.values.map(\.info) }
    }
  }

  /// The task and all others of its group that its executor has not been given, with what is said of a kill.
  func undelivered(_ address: TaskAddress) -> [TaskAddress] {
    guard let owner = owners[address], let group = task(address)?.group,
      let tasks = frameworks[address.framework]?.executors[owner]?.tasks
    else { return [address] }
    return tasks.compactMap { id, task in
      let member = TaskAddress(framework: address.framework, task: id)
      let isWaiting = task.phase == .pending || task.phase == .queued
      return task.group == group && isWaiting && !hasEnded(member) ? member : nil
    }
  }

  mutating func kill(_ message: LinkKillTask) {
    let address = TaskAddress(framework: FrameworkKey(message.frameworkID), task: TaskKey(message.taskID))
    guard let owner = owners[address] else {
      guard streams[address] == nil else { return }  // its end is being told
      drop(address, .executorGone, message: "Cannot find executor")
      return
    }
    let executorAddress = ExecutorAddress(framework: address.framework, executor: owner)
    guard let executor = self[executorAddress], let task = executor.tasks[address.task],
      streams[address]?.hasEnded != true
    else { return }
    switch task.phase {
    case .terminated: break
    case .pending, .queued:
      let text =
        task.group == nil
        ? "Killed before delivery to the executor"
        : "A task within the task group was killed before delivery to the executor"
      for member in undelivered(address) {
        stage(member, status(member.task, .killedBeforeDelivery, text, executor: executor.id))
      }
      // An executor that was never given a task, and has none to wait for, was started for nothing.
      if task.phase == .queued, !executor.wasGivenTasks,
        executor.tasks.keys.allSatisfy({ hasEnded(TaskAddress(framework: address.framework, task: $0)) })
      {
        shutdown(executorAddress)
      }
    case .launched:
      let policy = message.hasKillPolicy ? message.killPolicy : nil
      frameworks[address.framework]?.executors[owner]?.tasks[address.task]?.kill = AgentTask.PendingKill(policy: policy)
      if let connection = executor.connection { sendKill(connection, address.task, policy) }
    }
  }

  mutating func sendKill(_ connection: ExecutorConnection, _ task: TaskKey, _ policy: KillPolicy?) {
    send(connection, .kill) {
      $0.kill.taskID = TaskID(task)
      if let policy { $0.kill.killPolicy = policy }
    }
  }

  mutating func send(
    _ connection: ExecutorConnection, _ type: ExecutorEvent.TypeEnum, _ fill: (inout ExecutorEvent) -> Void = { _ in }
  ) {
    var event = ExecutorEvent()
    event.type = type
    fill(&event)
    directives.append(.send(connection, event))
  }
}

/// Plain bytes as a message's field holds them.
func field<Bytes: SwiftProtobufContiguousBytes>(_ bytes: [UInt8]) -> Bytes { Bytes(bytes) }

/// The bytes of a message whose required fields this module has set, or has read from bytes that had them.
func encoded<Bytes: SwiftProtobufContiguousBytes>(_ message: some SwiftProtobuf.Message) -> Bytes {
  // `partial`, so that encoding cannot fail: a record that passes through is judged by whoever reads it.
  (try? message.serializedBytes(partial: true)) ?? Bytes([])
}
