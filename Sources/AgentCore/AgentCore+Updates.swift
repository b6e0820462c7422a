import AgentLinkModel
import DequeModule
import HeapModule
import OrderedCollections
import MesosModel
import SwiftProtobuf

extension AgentTask {
  mutating func show(_ progress: CheckpointedProgress) {
    task.state = progress.state
    task.statuses = progress.statuses
    if let state = progress.statusUpdateState { task.statusUpdateState = state }
    if let uuid = progress.statusUpdateUUID { task.statusUpdateUuid = MessageBytes.copy(uuid) }
  }

  /// As readers and the master see the task from now on.
  mutating func show(_ status: TaskStatus) {
    if task.statuses.last?.state == status.state { task.statuses.removeLast() }
    task.statuses.append(status)
    task.state = status.state
    if status.state.isTerminal { phase = .terminated }
    if status.state.isTerminal || status.state == .taskKilling { kill = nil }
  }
}

extension AgentCore {
  /// A status that the agent itself makes.
  mutating func status(
    _ task: TaskKey, _ cause: TaskStatusCause, _ message: String, executor: ExecutorKey? = nil
  ) -> TaskStatus {
    precondition(cause.source == .agent, "\(cause) is not the agent's to report")
    var status = TaskStatus(TaskID(task), cause)
    status.message = message
    if let agentID { status.agentID = AgentID(agentID) }
    if let executor { status.executorID = ExecutorID(executor) }
    status.timestamp = now.wallSeconds
    status.uuid = MessageBytes.copy(identities.uuid())
    return status
  }

  func makeStream(_ address: TaskAddress, executor: ExecutorAddress?, container: ContainerKey?) -> UpdateStream {
    let isCommandExecutor = executor.flatMap { self[$0]?.isCommandExecutor } ?? true
    return UpdateStream(
      executor: executor, container: container, reportedExecutor: isCommandExecutor ? nil : executor?.executor,
      retryInterval: configuration.updateRetryIntervalMin)
  }

  func hasEnded(_ address: TaskAddress) -> Bool { streams[address]?.hasEnded == true }

  mutating func setPhase(_ address: TaskAddress, _ phase: AgentTask.Phase) {
    guard let owner = owners[address] else { return }
    frameworks[address.framework]?.executors[owner]?.tasks[address.task]?.phase = phase
  }

  /// What a durable update changes for readers.
  mutating func show(_ address: TaskAddress, _ status: TaskStatus) {
    guard let owner = owners[address] else { return }
    frameworks[address.framework]?.executors[owner]?.tasks[address.task]?.show(status)
  }

  /// Puts an update of a task that is here at the end of its stream, on its way to the disk.
  mutating func stage(_ address: TaskAddress, _ status: TaskStatus) {
    guard let owner = owners[address] else { return }
    let executor = ExecutorAddress(framework: address.framework, executor: owner)
    guard let container = self[executor]?.container else { return }
    append(draining(status, of: address.framework), to: address, executor: executor, container: container)
  }

  /// The same for a task that the agent does not have.
  mutating func stageForeign(_ address: TaskAddress, _ status: TaskStatus) {
    // An agent that leaves writes nothing that it would leave behind.
    guard owners[address] == nil, !isLeaving else { return }
    append(status, to: address, executor: nil, container: nil)
  }

  private mutating func append(
    _ status: TaskStatus, to address: TaskAddress, executor: ExecutorAddress?, container: ContainerKey?
  ) {
    var stream = streams[address] ?? makeStream(address, executor: executor, container: container)
    guard !stream.hasEnded else { return }
    stream.lastNumber += 1
    stream.updates.append(UpdateStream.Update(number: stream.lastNumber, uuid: [UInt8](status.uuid), status: status))
    stream.hasEnded = status.state.isTerminal
    let number = stream.lastNumber
    streams[address] = stream
    put(Checkpoint.update(address, executor, container, number), CheckpointUpdate.with { $0.status = status })
    consequences.append(.update(address, number: number))
  }

  /// An update may be told: to its executor that it is safe, to the master what it says.
  mutating func updateDurably(_ address: TaskAddress, _ number: UInt64) {
    guard let index = streams[address]?.updates.firstIndex(where: { $0.number == number }),
      let status = streams[address]?.updates[index].status
    else { return }
    streams[address]?.updates[index].isDurable = true
    show(address, status)
    count(status.state)
    if status.source == .executor { acknowledgeToExecutor(address, status.uuid) }
    if index == 0 { forward(address) }
  }

  private mutating func count(_ state: TaskState) {
    switch state {
    case .taskFinished: counters.tasksFinished += 1
    case .taskFailed: counters.tasksFailed += 1
    case .taskKilled: counters.tasksKilled += 1
    case .taskLost, .taskDropped: counters.tasksLost += 1
    case .taskGone, .taskGoneByOperator: counters.tasksGone += 1
    default: break
    }
  }

  private mutating func acknowledgeToExecutor(
    _ address: TaskAddress, _ uuid: some SwiftProtobufContiguousBytes & Sequence<UInt8>
  ) {
    guard let executor = streams[address]?.executor, let connection = self[executor]?.connection else { return }
    acknowledge(connection, address.task, [UInt8](uuid))
  }

  mutating func acknowledge(_ connection: ExecutorConnection, _ task: TaskKey, _ uuid: [UInt8]) {
    send(connection, .acknowledged) {
      $0.acknowledged.taskID = TaskID(task)
      $0.acknowledged.uuid = MessageBytes.copy(uuid)
    }
  }

  /// Sends the first update of a stream to the master, if it may be sent and there is a master to hear it.
  mutating func forward(_ address: TaskAddress) {
    guard isRegistered, let stream = streams[address], let first = stream.updates.first, first.isDurable,
      !first.isAcknowledged
    else { return }
    let latest = stream.updates.last { $0.isDurable }?.status.state ?? first.status.state
    if let owner = owners[address] {
      frameworks[address.framework]?.executors[owner]?.tasks[address.task]?.task.statusUpdateState = first.status.state
      frameworks[address.framework]?.executors[owner]?.tasks[address.task]?.task.statusUpdateUuid = first.status.uuid
    }
    directives.append(
      .sendToMaster(
        .statusUpdate(
          .with {
            $0.frameworkID = address.framework.value
            $0.taskID = address.task.value
            if let executor = stream.reportedExecutor { $0.executorID = executor.value }
            $0.state = first.status.state
            $0.latestState = latest
            $0.uuid = first.status.uuid
            $0.status = encoded(first.status)
          })))
    deadlines.set(.retry(address), at: now.uptime + stream.retryInterval)
  }

  mutating func retry(_ address: TaskAddress) {
    guard let stream = streams[address] else { return }
    streams[address]?.retryInterval = min(stream.retryInterval * 2, configuration.updateRetryIntervalMax)
    forward(address)
  }

  mutating func pauseStreams() {
    for address in streams.keys { deadlines.remove(.retry(address)) }
  }

  mutating func resumeStreams() {
    for address in Array(streams.keys) {
      streams[address]?.retryInterval = configuration.updateRetryIntervalMin
      forward(address)
    }
  }

  /// The framework has the first update of the stream; anything else is an acknowledgement that came twice.
  mutating func acknowledge(_ address: TaskAddress, uuid: [UInt8]) {
    guard let stream = streams[address], let first = stream.updates.first, first.isDurable, !first.isAcknowledged,
      first.uuid == uuid
    else { return }
    streams[address]?.updates[0].isAcknowledged = true
    deadlines.remove(.retry(address))
    if let owner = owners[address], let container = stream.container, var progress = task(address)?.progress {
      progress.apply(first.status)
      progress.statusUpdateState = first.status.state
      progress.statusUpdateUUID = first.uuid
      frameworks[address.framework]?.executors[owner]?.tasks[address.task]?.progress = progress
      let executor = ExecutorAddress(framework: address.framework, executor: owner)
      put(Checkpoint.progress(executor, container, address.task), progress.message)
    }
    remove(Checkpoint.update(address, stream.executor, stream.container, first.number))
    consequences.append(.acknowledged(address, number: first.number))
  }

  mutating func acknowledgedDurably(_ address: TaskAddress, _ number: UInt64) {
    guard let first = streams[address]?.updates.first, first.number == number else { return }
    streams[address]?.updates.removeFirst()
    streams[address]?.told.append(first.uuid)
    while let count = streams[address]?.told.count, count > configuration.pendingUpdatesPerTaskMax {
      streams[address]?.told.removeFirst()
    }
    streams[address]?.retryInterval = configuration.updateRetryIntervalMin
    guard let stream = streams[address] else { return }
    if !stream.updates.isEmpty {
      forward(address)
    } else if stream.hasEnded {
      streams[address] = nil
      complete(address)
    }
  }

  /// The framework knows how the task ended.
  private mutating func complete(_ address: TaskAddress) {
    guard let owner = owners.removeValue(forKey: address) else { return }
    let executorAddress = ExecutorAddress(framework: address.framework, executor: owner)
    guard let container = self[executorAddress]?.container,
      let task = frameworks[address.framework]?.executors[owner]?.tasks.removeValue(forKey: address.task)
    else { return }
    frameworks[address.framework]?.executors[owner]?.completed.append(task)
    while let count = self[executorAddress]?.completed.count, count > configuration.completedTasksPerExecutorMax,
      let old = frameworks[address.framework]?.executors[owner]?.completed.popFirst()
    {
      remove(Checkpoint.task(executorAddress, container, old.info.taskID.key))
      remove(Checkpoint.progress(executorAddress, container, old.info.taskID.key))
    }
    completeIfOver(executorAddress)
  }
}
