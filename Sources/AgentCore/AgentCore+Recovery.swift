import AgentLinkModel
import DequeModule
import HeapModule
import OrderedCollections
import MesosModel
import SwiftProtobuf

extension AgentCore {
  /// Builds the state that the records tell of.
  mutating func restore(_ records: [(key: String, record: [UInt8])]) throws(AgentError) {
    var executors: [(address: ExecutorAddress, executor: Executor, completed: Bool)] = []
    var tasks: [(ExecutorAddress, ContainerKey, CheckpointTask)] = []
    var progress: [ContainerKey: [TaskKey: CheckpointedProgress]] = [:]
    var updates: [(TaskAddress, ExecutorAddress?, ContainerKey?, UInt64, TaskStatus)] = []

    var restored: [(key: OperationKey, message: CheckpointOperation)] = []

    for record in records {
      let names = Checkpoint.components(record.key)
      switch (names.first, names.count) {
      case ("agent", 1):
        let info = try Checkpoint.decode(CheckpointAgent.self, record).agentInfo
        try checkUnchanged(info)
        agentID = info.id.key
      case ("drain", 1): drainConfig = try Checkpoint.decode(CheckpointDrain.self, record).config
      case ("frameworks", 2):
        let id = FrameworkKey(names[1])
        frameworks[id] = Framework(id: id, info: try Checkpoint.decode(CheckpointFramework.self, record).info)
      case ("executors", 4):
        let message = try Checkpoint.decode(CheckpointExecutor.self, record)
        let address = ExecutorAddress(framework: FrameworkKey(names[1]), executor: ExecutorKey(names[2]))
        var executor = Executor(
          id: address.executor, container: ContainerKey(names[3]), info: message.info,
          isCommandExecutor: message.isCommandExecutor, directory: message.directory, order: message.order)
        executor.state = message.completed ? .terminated : .registering
        if message.hasPid {
          executor.process = ProcessIdentity(pid: message.pid, startTime: message.startTime)
        }
        executors.append((address, executor, message.completed))
        lastOrder = max(lastOrder, message.order)
      case ("tasks", 5):
        let message = try Checkpoint.decode(CheckpointTask.self, record)
        let address = ExecutorAddress(framework: FrameworkKey(names[1]), executor: ExecutorKey(names[2]))
        tasks.append((address, ContainerKey(names[3]), message))
        lastOrder = max(lastOrder, message.order)
      case ("progress", 5):
        let message = try Checkpoint.decode(CheckpointProgress.self, record)
        progress[ContainerKey(names[3]), default: [:]][TaskKey(names[4])] = CheckpointedProgress(message)
      case ("updates", 6):
        let message = try Checkpoint.decode(CheckpointUpdate.self, record)
        guard let number = UInt64(names[5]) else { throw Self.unknown(record.key) }
        let framework = FrameworkKey(names[1])
        let executor = names[2].isEmpty ? nil : ExecutorAddress(framework: framework, executor: ExecutorKey(names[2]))
        updates.append(
          (
            TaskAddress(framework: framework, task: TaskKey(names[4])), executor,
            names[3].isEmpty ? nil : ContainerKey(names[3]), number, message.status
          ))
      case ("resources", 1):
        try restore(checkpointed: Checkpoint.decode(CheckpointResources.self, record).checkpointed)
      case ("operations", 2):
        guard let key = OperationKey(text: names[1]) else { throw Self.unknown(record.key) }
        let message = try Checkpoint.decode(CheckpointOperation.self, record)
        restored.append((key, message))
        lastOrder = max(lastOrder, message.order)
      case ("providers", 2):
        providers[ResourceProviderKey(names[1])] = ResourceProvider(
          try Checkpoint.decode(CheckpointResourceProvider.self, record))
      default:
        throw Self.unknown(record.key)
      }
    }
    for (key, message) in restored.sorted(by: { $0.message.order < $1.message.order }) {
      operations[key] = AgentOperation(
        info: message.info, framework: message.hasFrameworkID ? FrameworkKey(message.frameworkID) : nil,
        order: message.order, isDurable: true, status: message.hasStatus ? message.status : nil,
        isStatusDurable: message.hasStatus, retryInterval: configuration.updateRetryIntervalMin)
    }
    executors.sort { $0.executor.order < $1.executor.order }
    tasks.sort { $0.2.order < $1.2.order }
    updates.sort { $0.3 < $1.3 }

    var completed: [ContainerKey: Executor] = [:]
    for (address, executor, isCompleted) in executors {
      guard frameworks[address.framework] != nil else { throw Self.orphan("executor", address.executor.value) }
      if isCompleted {
        completed[executor.container] = executor
      } else {
        self[address] = executor
        containers[executor.container] = address
      }
    }
    for (address, container, message) in tasks {
      let key = message.info.taskID.key
      var task = AgentTask(
        info: message.info, order: message.order, group: message.hasGroup ? message.group : nil, phase: .launched,
        task: Self.task(message.info, framework: address.framework, agent: agentID ?? ""),
        progress: progress[container]?[key] ?? CheckpointedProgress())
      task.show(task.progress)
      if completed[container] != nil {
        completed[container]?.completed.append(task)
      } else if self[address]?.container == container {
        let taskAddress = TaskAddress(framework: address.framework, task: key)
        let isOver =
          task.progress.state.isTerminal
          && !updates.contains { $0.0 == taskAddress && $0.2 == container }
        if isOver {
          frameworks[address.framework]?.executors[address.executor]?.completed.append(task)
        } else {
          frameworks[address.framework]?.executors[address.executor]?.tasks[key] = task
          owners[taskAddress] = address.executor
        }
      } else {
        throw Self.orphan("task", key.value)
      }
    }
    for (address, executor, _) in executors {
      guard let done = completed[executor.container] else { continue }
      frameworks[address.framework]?.completed.append(done)
    }
    for (address, executor, container, number, status) in updates {
      if let executor, self[executor]?.container != container {
        throw Self.orphan("update of task", address.task.value)
      }
      var stream = streams[address] ?? makeStream(address, executor: executor, container: container)
      stream.updates.append(
        UpdateStream.Update(number: number, uuid: [UInt8](status.uuid), status: status, isDurable: true))
      stream.lastNumber = number
      stream.hasEnded = stream.hasEnded || status.state.isTerminal
      streams[address] = stream
      show(address, status)
    }
  }

  /// An agent keeps its id as long as it is the same agent: the policy `equal` of `--reconfiguration_policy`.
  private func checkUnchanged(_ before: AgentInfo) throws(AgentError) {
    let now = configuration.agentInfo
    var changed: [String] = []
    if before.hostname != now.hostname { changed.append("hostname") }
    if before.resources != now.resources { changed.append("resources") }
    if (try? Attributes(before.attributes)) != (try? Attributes(now.attributes)) { changed.append("attributes") }
    if before.domain != now.domain { changed.append("domain") }
    guard !changed.isEmpty else { return }
    throw AgentError(
      code: .incompatible,
      message: "The agent was admitted with other \(changed.joined(separator: ", ")). Start it with the flags of "
        + "before, or remove the agent's state to start as a new agent; its tasks are lost then")
  }

  private static func unknown(_ key: String) -> AgentError {
    AgentError(
      code: .badRecord,
      message:
        "The agent's storage has a record '\(key.prefix(300))' that this release does not know; it was written by a "
        + "newer one. Start that release, or remove the agent's state to start as a new agent")
  }

  private static func orphan(_ what: String, _ name: String) -> AgentError {
    AgentError(
      code: .badRecord,
      message: "The agent's storage names the \(what) '\(name.prefix(300))' but not what it belongs to; it is damaged. "
        + "Remove the agent's state to start as a new agent; its tasks are lost then")
  }

  /// Decides, once the moment is known, which of the recovered executors may come back.
  mutating func recover() {
    let recovered = recovered
    self.recovered = RecoveredAgent(records: [], alive: [], rebooted: false)
    recoverVolumes()
    var mayReturn = false
    for framework in frameworks.values {
      for executor in framework.completed {
        attach(ExecutorAddress(framework: framework.id, executor: executor.id), executor)
        directives.append(.releaseSandbox(executor.container, directory: executor.directory))
      }
      for executor in framework.executors.values {
        let address = ExecutorAddress(framework: framework.id, executor: executor.id)
        let isAlive = !recovered.rebooted && (executor.process.map { recovered.alive.contains($0) } ?? false)
        guard framework.info.checkpoint else {
          // It does not want to outlive its agent; the master tells the framework when the agent re-registers.
          if isAlive { directives.append(.destroy(executor.container)) }
          forget(address, executor)
          continue
        }
        attach(address, executor)
        self[address]?.isRecovered = true
        guard isAlive else {
          if executor.process == nil {
            // Held back until its process is written down, it ended with the agent before it began.
            self[address]?.termination = Executor.Termination(
              cause: .executorTerminated, message: "The agent ended before the executor began")
          }
          exited(executor.container, .unknown)
          continue
        }
        self[address]?.state = .running
        mayReturn = true
        let timeout = configuration.executorReregistrationTimeout
        self[address]?.termination = Executor.Termination(
          cause: .executorReregistrationTimeout,
          message: "Executor did not reregister within \(timeout.mesosText)")
        deadlines.set(.executor(executor.container), at: now.uptime + timeout)
      }
    }
    for address in Array(frameworks.keys) { forgetIfIdle(address) }
    if mayReturn {
      deadlines.set(.recovery, at: now.uptime + configuration.executorReregistrationTimeout)
    } else {
      finishRecovery()
    }
  }

  /// The master is told once every executor is back or has had its time.
  mutating func finishRecovery() {
    guard phase == .recovering else { return }
    phase = .running
    deadlines.remove(.recovery)
    replayDraining()
    if isLinkUp { register() }
  }

  mutating func finishRecoveryIfAllAreBack() {
    guard phase == .recovering else { return }
    let isWaiting = frameworks.values.contains { framework in
      framework.executors.values.contains { executor in
        executor.connection == nil && deadlines.contains(.executor(executor.container))
      }
    }
    if !isWaiting { finishRecovery() }
  }

  /// Removes every trace of an executor that was lost with the agent's process before.
  private mutating func forget(_ address: ExecutorAddress, _ executor: Executor) {
    removeRecords(address, executor)
    for task in executor.tasks.keys {
      let taskAddress = TaskAddress(framework: address.framework, task: task)
      for update in streams[taskAddress]?.updates ?? [] {
        remove(Checkpoint.update(taskAddress, address, executor.container, update.number))
      }
      streams[taskAddress] = nil
      owners[taskAddress] = nil
    }
    containers[executor.container] = nil
    directives.append(.releaseSandbox(executor.container, directory: executor.directory))
    frameworks[address.framework]?.executors[address.executor] = nil
  }

  /// Takes the records of an executor and its tasks back; those of updates are the stream's.
  mutating func removeRecords(_ address: ExecutorAddress, _ executor: Executor) {
    for task in Array(executor.tasks.keys) + executor.completed.map({ $0.info.taskID.key }) {
      remove(Checkpoint.task(address, executor.container, task))
      remove(Checkpoint.progress(address, executor.container, task))
    }
    remove(Checkpoint.executor(address, executor.container))
  }
}
