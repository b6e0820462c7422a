import AgentLinkModel
import DequeModule
import HeapModule
import OrderedCollections
import MesosModel
import SwiftProtobuf

extension AgentCore {
  /// What is wrong with a call as such, in the words of Apache Mesos.
  private static func problem(with call: ExecutorCall) -> String? {
    guard call.hasType, call.type != .unknown else { return "Expecting 'type' to be present" }
    switch call.type {
    case .subscribe: return call.hasSubscribe ? nil : "Expecting 'subscribe' to be present"
    case .message: return call.hasMessage ? nil : "Expecting 'message' to be present"
    case .update:
      guard call.hasUpdate else { return "Expecting 'update' to be present" }
      return problem(with: call.update.status, of: call)
    case .heartbeat, .unknown: return nil
    }
  }

  private static func problem(with status: TaskStatus, of call: ExecutorCall) -> String? {
    let executor = call.executorID.value
    let framework = call.frameworkID.value
    guard status.hasUuid else { return "Expecting 'uuid' to be present" }
    guard status.uuid.count == 16 else { return "Not a valid UUID" }
    if status.hasExecutorID, status.executorID.value != executor {
      return "ExecutorID in Call: \(executor) does not match ExecutorID in TaskStatus: \(status.executorID.value)"
    }
    guard status.source == .executor, status.hasSource else {
      return "Received Call from executor \(executor) of framework \(framework) with invalid source, "
        + "expecting 'SOURCE_EXECUTOR'"
    }
    if !status.state.mayComeFromExecutor {
      return "Received TASK_STAGING from executor \(executor) of framework \(framework) which is not allowed"
    }
    return nil
  }

  private mutating func reject(_ token: CallToken, _ status: Int, _ text: String) {
    directives.append(.answer(token, .rejected(status: status, text: text)))
  }

  /// The executor that makes the call, or an answer that says why it may not.
  private mutating func find(_ call: ExecutorCall, _ token: CallToken) -> ExecutorAddress? {
    let address = ExecutorAddress(framework: call.frameworkID.key, executor: call.executorID.key)
    guard frameworks[address.framework]?.executors.isEmpty == false else {
      reject(token, 400, "Framework cannot be found")
      return nil
    }
    guard let executor = self[address], executor.state != .preparing, executor.state != .terminated else {
      reject(token, 400, "Executor cannot be found")
      return nil
    }
    return address
  }

  // MARK: Subscribing

  mutating func subscribe(
    _ connection: ExecutorConnection, _ call: ExecutorCall, principal: Principal?, token: CallToken
  ) {
    if let problem = Self.problem(with: call) {
      reject(token, 400, "Failed to validate Executor::Call: \(problem)")
      return
    }
    guard let address = find(call, token), let executor = self[address], let framework = frameworks[address.framework],
      let agentID
    else { return }
    directives.append(.answer(token, .streaming))
    guard executor.state != .terminating, !framework.isTerminating else {
      send(connection, .shutdown)
      directives.append(.close(connection))
      return
    }
    if let old = executor.connection {
      connections[old] = nil
      deadlines.remove(.heartbeat(old))
      directives.append(.close(old))
    }
    connections[connection] = address
    self[address]?.connection = connection
    self[address]?.state = .running
    self[address]?.isRecovered = false
    self[address]?.termination = nil
    deadlines.remove(.executor(executor.container))
    deadlines.set(.heartbeat(connection), at: now.uptime + configuration.executorHeartbeatInterval)
    var agentInfo = configuration.agentInfo
    agentInfo.id = AgentID(agentID)
    send(connection, .subscribed) {
      $0.subscribed.executorInfo = executor.info
      $0.subscribed.frameworkInfo = framework.info
      $0.subscribed.agentInfo = agentInfo
      $0.subscribed.containerID = ContainerID(executor.container)
    }

    var known = Set(call.subscribe.unacknowledgedTasks.map { $0.taskID.key })
    for update in call.subscribe.unacknowledgedUpdates {
      known.insert(update.status.taskID.key)
      if Self.problem(with: update.status, of: call) == nil {
        receive(update.status, from: address, connection)
      } else {
        counters.invalidStatusUpdates += 1
      }
    }
    for (id, task) in executor.tasks where task.phase == .launched {
      let taskAddress = TaskAddress(framework: address.framework, task: id)
      if task.task.state == .taskStaging, !known.contains(id), streams[taskAddress]?.updates.isEmpty ?? true {
        // The executor keeps a task until its first update is acknowledged: this one never reached it.
        setPhase(taskAddress, .queued)
      }
    }
    for (id, task) in self[address]?.tasks ?? [:] {
      // Of an executor from before a restart nobody knows whether the agent died before it had shown them.
      guard task.awaitsVolumes || task.phase == .queued && executor.isRecovered else { continue }
      let taskAddress = TaskAddress(framework: address.framework, task: id)
      if !awaitPublication(taskAddress, address) { _ = awaitVolumes(taskAddress, address) }
    }
    deliverQueued(address)
    for (id, task) in self[address]?.tasks ?? [:] where task.phase == .launched {
      if let kill = task.kill { sendKill(connection, id, kill.policy) }
    }
    finishRecoveryIfAllAreBack()
  }

  mutating func disconnected(_ connection: ExecutorConnection) {
    deadlines.remove(.heartbeat(connection))
    guard let address = connections.removeValue(forKey: connection), self[address]?.connection == connection else {
      return
    }
    self[address]?.connection = nil
  }

  mutating func heartbeat(_ connection: ExecutorConnection) {
    guard connections[connection] != nil else { return }
    send(connection, .heartbeat)
    deadlines.set(.heartbeat(connection), at: now.uptime + configuration.executorHeartbeatInterval)
  }

  // MARK: Other calls

  mutating func handleExecutor(_ call: ExecutorCall, principal: Principal?, token: CallToken) {
    if let problem = Self.problem(with: call) {
      reject(token, 400, "Failed to validate Executor::Call: \(problem)")
      return
    }
    if call.type == .heartbeat {
      directives.append(.answer(token, .accepted))
      return
    }
    guard let address = find(call, token), let executor = self[address] else { return }
    guard executor.state != .registering else {
      reject(token, 403, "Executor is not subscribed")
      return
    }
    switch call.type {
    case .update:
      let task = TaskAddress(framework: address.framework, task: call.update.status.taskID.key)
      guard (streams[task]?.updates.count ?? 0) < configuration.pendingUpdatesPerTaskMax else {
        reject(token, 503, "Too many status updates of the task wait for acknowledgement")
        return
      }
      directives.append(.answer(token, .accepted))
      receive(call.update.status, from: address, executor.connection)
    case .message:
      directives.append(.answer(token, .accepted))
      guard isRegistered else { return }
      directives.append(
        .sendToMaster(
          .executorMessage(
            .with {
              $0.frameworkID = address.framework.value
              $0.executorID = address.executor.value
              $0.data = call.message.data
            })))
    case .subscribe, .heartbeat, .unknown:
      reject(token, 400, "Failed to validate Executor::Call: Expecting 'subscribe' on a stream")
    }
  }

  /// A status update that an executor sent, perhaps again.
  private mutating func receive(
    _ status: TaskStatus, from executorAddress: ExecutorAddress, _ connection: ExecutorConnection?
  ) {
    let address = TaskAddress(framework: executorAddress.framework, task: status.taskID.key)
    let uuid = [UInt8](status.uuid)
    guard let executor = self[executorAddress] else { return }
    guard owners[address] == executorAddress.executor, let task = executor.tasks[address.task] else {
      // The last update of a task that is over may come again, as its executor was not told that it is safe.
      let ended = executor.completed.last { $0.info.taskID.key == address.task }?.task
      if ended?.statuses.contains(where: { [UInt8]($0.uuid) == uuid }) != true { counters.invalidStatusUpdates += 1 }
      if ended?.state.isTerminal == true, let connection { acknowledge(connection, address.task, uuid) }
      return
    }
    if let known = streams[address]?.updates.first(where: { $0.uuid == uuid }) {
      if known.isDurable, let connection { acknowledge(connection, address.task, uuid) }
      return
    }
    if task.progress.statuses.contains(where: { [UInt8]($0.uuid) == uuid })
      || streams[address]?.told.contains(uuid) == true
    {
      if let connection { acknowledge(connection, address.task, uuid) }
      return
    }
    guard !hasEnded(address) else {
      // The task has ended in another way; the executor need not keep this once that end is safe.
      counters.invalidStatusUpdates += 1
      if streams[address]?.updates.last?.isDurable == false {
        consequences.append(.refused(executorAddress, address.task, uuid: uuid))
      } else if let connection {
        acknowledge(connection, address.task, uuid)
      }
      return
    }
    counters.validStatusUpdates += 1
    if task.phase == .queued || task.phase == .pending { setPhase(address, .launched) }
    var complete = status
    if let agentID { complete.agentID = AgentID(agentID) }
    complete.executorID = ExecutorID(executorAddress.executor)
    if !complete.hasTimestamp { complete.timestamp = now.wallSeconds }
    if !complete.containerStatus.hasContainerID {
      complete.containerStatus.containerID = ContainerID(executor.container)
    }
    if complete.containerStatus.networkInfos.isEmpty {
      complete.containerStatus.networkInfos = [
        .with {
          $0.ipAddresses = [
            .with {
              $0.`protocol` = .ipv4
              $0.ipAddress = configuration.ip
            }
          ]
        }
      ]
    }
    if let process = executor.process { complete.containerStatus.executorPid = UInt32(max(0, process.pid)) }
    stage(address, complete)
  }
}
