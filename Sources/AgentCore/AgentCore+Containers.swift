import AgentLinkModel
import DequeModule
import HeapModule
import OrderedCollections
import MesosModel
import SwiftProtobuf

extension AgentCore {
  // MARK: Starting

  /// The executor that the agent makes for a task with a command: one that runs this task alone.
  func commandExecutor(for task: TaskInfo, framework: FrameworkKey) -> ExecutorInfo {
    var info = ExecutorInfo()
    info.executorID = ExecutorID(ExecutorKey(task.taskID.value))
    info.frameworkID = FrameworkID(framework)
    info.name = "Command Executor (Task: \(task.taskID.value)) \(Self.summary(of: task.command))"
    info.source = task.taskID.value
    if task.hasLabels { info.labels = task.labels }
    if task.hasContainer { info.container = task.container }
    info.command.uris = task.command.uris
    if task.command.hasEnvironment { info.command.environment = task.command.environment }
    if task.command.hasUser { info.command.user = task.command.user }
    info.command.shell = false
    info.command.value = "\(configuration.launcherDirectory)/mesos-executor"
    info.command.arguments = ["mesos-executor", "--launcher_dir=\(configuration.launcherDirectory)"]
    let role = task.resources.first { $0.hasAllocationInfo }?.allocationInfo
    for (name, amount) in [("cpus", 0.1), ("mem", 32)] {
      var resource = Resource()
      resource.name = name
      resource.type = .scalar
      resource.scalar.value = amount
      if let role { resource.allocationInfo = role }
      info.resources.append(resource)
    }
    return info
  }

  /// The command in few words, as names of executors show it.
  private static func summary(of command: CommandInfo) -> String {
    func shortened(_ text: String) -> String { text.utf8.count > 15 ? "\(text.prefix(12))..." : text }
    if command.shell {
      return command.hasValue ? "(Command: sh -c '\(shortened(command.value))')" : "(Command: NO COMMAND)"
    }
    guard command.hasValue else { return "(Command: NO EXECUTABLE)" }
    return "(Command: [\(shortened(([command.value] + command.arguments).joined(separator: ", ")))])"
  }

  func attachedPaths(_ address: ExecutorAddress, _ executor: Executor) -> [String] {
    let runs = executor.directory.dropLast(executor.container.value.count)
    let virtual = "/frameworks/\(address.framework)/executors/\(address.executor)/runs/"
    return [executor.directory, "\(runs)latest", "\(virtual)\(executor.container)", "\(virtual)latest"]
  }

  mutating func attach(_ address: ExecutorAddress, _ executor: Executor) {
    directives.append(
      .attachSandbox(
        executor.container, directory: executor.directory, virtualPaths: attachedPaths(address, executor)))
  }

  mutating func launch(_ address: ExecutorAddress) {
    guard let executor = self[address], let framework = frameworks[address.framework] else { return }
    self[address]?.state = .registering
    attach(address, executor)
    let command = executor.info.command
    let arguments =
      command.shell ? ["/bin/sh", "-c", command.value] : [command.value] + command.arguments.dropFirst()
    directives.append(
      .launch(
        ContainerLaunch(
          container: executor.container, framework: address.framework, executor: address.executor,
          directory: executor.directory,
          user: configuration.switchUser ? (command.hasUser ? command.user : framework.info.user) : nil,
          arguments: arguments, environment: environment(of: executor, framework),
          volumes: links(
            of: executor.info.resources
              + executor.tasks.values.filter { $0.phase == .queued }.flatMap(\.info.resources),
            for: executor.container), uris: command.uris)))
    deadlines.set(
      .executor(executor.container), at: now.uptime + configuration.executorRegistrationTimeout)
  }

  /// - Source: Apache Mesos, *Executor HTTP API*, "Environment variables".
  private func environment(of executor: Executor, _ framework: Framework) -> [(name: String, value: String)] {
    var variables: [String: String] = [:]
    for variable in configuration.executorEnvironment { variables[variable.name] = variable.value }
    if variables["PATH"] == nil {
      variables["PATH"] = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    }
    for variable in executor.info.command.environment.variables where variable.type != .secret {
      variables[variable.name] = variable.value
    }
    let endpoint = "\(configuration.ip):\(configuration.port)"
    let grace =
      executor.info.hasShutdownGracePeriod
      ? Duration.nanoseconds(executor.info.shutdownGracePeriod.nanoseconds) : configuration.executorShutdownGracePeriod
    variables["LIBPROCESS_IP"] = configuration.ip
    variables["LIBPROCESS_PORT"] = "0"
    variables["MESOS_FRAMEWORK_ID"] = framework.id.value
    variables["MESOS_EXECUTOR_ID"] = executor.id.value
    variables["MESOS_DIRECTORY"] = executor.directory
    variables["MESOS_SANDBOX"] = executor.directory
    variables["MESOS_SLAVE_ID"] = agentID?.value ?? ""
    variables["MESOS_SLAVE_PID"] = "slave(1)@\(endpoint)"
    variables["MESOS_AGENT_ENDPOINT"] = endpoint
    variables["MESOS_CHECKPOINT"] = framework.info.checkpoint ? "1" : "0"
    variables["MESOS_HTTP_COMMAND_EXECUTOR"] = configuration.httpCommandExecutor ? "1" : "0"
    variables["MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD"] = grace.mesosText
    if framework.info.checkpoint {
      variables["MESOS_RECOVERY_TIMEOUT"] = configuration.recoveryTimeout.mesosText
      variables["MESOS_SUBSCRIPTION_BACKOFF_MAX"] = configuration.executorReregistrationTimeout.mesosText
    }
    if let role = executor.info.resources.first(where: { $0.hasAllocationInfo })?.allocationInfo.role {
      variables["MESOS_ALLOCATION_ROLE"] = role
    }
    return variables.sorted { $0.key < $1.key }.map { (name: $0.key, value: $0.value) }
  }

  mutating func launched(_ container: ContainerKey, _ process: ProcessIdentity) {
    guard let address = address(of: container), self[address]?.state != .terminated else {
      directives.append(.destroy(container))
      return
    }
    self[address]?.process = process
    guard let executor = self[address] else { return }
    put(Checkpoint.executor(address, container), record(of: executor))
    consequences.append(.proceed(container))
  }

  mutating func proceedDurably(_ container: ContainerKey) {
    guard let address = address(of: container), self[address]?.state == .registering else { return }
    directives.append(.proceed(container))
  }

  mutating func launchFailed(_ container: ContainerKey, _ message: String) {
    guard let address = address(of: container) else { return }
    counters.containerLaunchErrors += 1
    self[address]?.termination = Executor.Termination(
      cause: .containerLaunchFailed,
      message: "Failed to launch container: \(message.prefix(1_000))")
    end(address, status: -1)
  }

  // MARK: Ending

  mutating func exited(_ container: ContainerKey, _ exit: ContainerExit) {
    guard let address = address(of: container) else { return }
    if case .status(let status) = exit { end(address, status: status) } else { end(address, status: -1) }
  }

  /// Nothing of the executor is left: its tasks are over, too.
  mutating func end(_ address: ExecutorAddress, status exitStatus: Int32) {
    guard let executor = self[address], executor.state != .terminated else { return }
    let isShutDown = frameworks[address.framework]?.isTerminating == true
    counters.executorsTerminated += 1
    self[address]?.state = .terminated
    self[address]?.connection = nil
    deadlines.remove(.executor(executor.container))
    if let connection = executor.connection {
      connections[connection] = nil
      deadlines.remove(.heartbeat(connection))
      directives.append(.close(connection))
    }
    if !executor.isCommandExecutor { tellEnd(of: address, status: exitStatus) }
    if isShutDown {
      dropTasks(address)
    } else {
      let termination =
        executor.termination
        ?? Executor.Termination(cause: .executorTerminated, message: "Executor terminated")
      let isPartitionAware = frameworks[address.framework]?.isPartitionAware ?? false
      let cause = termination.cause.reported(toPartitionAware: isPartitionAware)
      for task in executor.tasks.keys {
        let taskAddress = TaskAddress(framework: address.framework, task: task)
        guard !hasEnded(taskAddress) else { continue }
        stage(
          taskAddress,
          status(task, cause, termination.message, executor: address.executor))
      }
    }
    completeIfOver(address)
    finishRecoveryIfAllAreBack()
    leaveIfEmpty()
  }

  /// Tells the master that it need not count with the executor any more; a registration later does so, too.
  mutating func tellEnd(of address: ExecutorAddress, status: Int32) {
    guard isRegistered else { return }
    directives.append(
      .sendToMaster(
        .executorTerminated(
          .with {
            $0.frameworkID = address.framework.value
            $0.executorID = address.executor.value
            $0.status = status
          })))
  }

  /// Nobody is left to be told of the executor's tasks.
  private mutating func dropTasks(_ address: ExecutorAddress) {
    guard let executor = self[address] else { return }
    for task in executor.tasks.keys {
      let taskAddress = TaskAddress(framework: address.framework, task: task)
      owners[taskAddress] = nil
      forgetStream(taskAddress)
      if let dropped = frameworks[address.framework]?.executors[address.executor]?.tasks.removeValue(forKey: task) {
        var progress = dropped.progress
        progress.state = dropped.task.state
        progress.statuses = dropped.task.statuses
        put(Checkpoint.progress(address, executor.container, task), progress.message)
        frameworks[address.framework]?.executors[address.executor]?.completed.append(dropped)
      }
    }
  }

  private mutating func forgetStream(_ address: TaskAddress) {
    guard let stream = streams.removeValue(forKey: address) else { return }
    deadlines.remove(.retry(address))
    for update in stream.updates {
      remove(Checkpoint.update(address, stream.executor, stream.container, update.number))
    }
  }

  /// An executor is over when its container is gone and the framework knows the end of each of its tasks.
  mutating func completeIfOver(_ address: ExecutorAddress) {
    guard let executor = self[address], executor.state == .terminated, executor.tasks.isEmpty, !executor.isCompleting
    else { return }
    self[address]?.isCompleting = true
    put(Checkpoint.executor(address, executor.container), record(of: executor, completed: true))
    consequences.append(.completed(address, executor.container))
  }

  mutating func completedDurably(_ address: ExecutorAddress, _ container: ContainerKey) {
    guard self.address(of: container) == address,
      let executor = frameworks[address.framework]?.executors.removeValue(forKey: address.executor)
    else { return }
    containers[container] = nil
    frameworks[address.framework]?.completed.append(executor)
    directives.append(.releaseSandbox(container, directory: executor.directory))
    while let count = frameworks[address.framework]?.completed.count,
      count > configuration.completedExecutorsPerFrameworkMax,
      let old = frameworks[address.framework]?.completed.popFirst()
    {
      removeRecords(ExecutorAddress(framework: address.framework, executor: old.id), old)
    }
    forgetIfIdle(address.framework)
  }

  /// A framework without executors is a completed one; the oldest beyond the limit are forgotten.
  mutating func forgetIfIdle(_ id: FrameworkKey) {
    guard let framework = frameworks[id], framework.executors.isEmpty else { return }
    settleDraining()
    frameworks[id]?.isTerminating = false
    if framework.completed.isEmpty { forgetFramework(id) }
    var excess = frameworks.values.count { $0.executors.isEmpty } - configuration.completedFrameworksMax
    for old in frameworks.values where excess > 0 && old.executors.isEmpty {
      forgetFramework(old.id)
      excess -= 1
    }
  }

  private mutating func forgetFramework(_ id: FrameworkKey) {
    guard let framework = frameworks.removeValue(forKey: id) else { return }
    for executor in framework.completed {
      removeRecords(ExecutorAddress(framework: id, executor: executor.id), executor)
    }
    remove(Checkpoint.framework(id))
  }

  // MARK: Shutting down

  /// Asks an executor to stop; its container is destroyed when its time is over.
  mutating func shutdown(_ address: ExecutorAddress) {
    guard let executor = self[address] else { return }
    switch executor.state {
    case .terminating, .terminated: return
    case .preparing: end(address, status: 0)
    case .registering, .running:
      self[address]?.state = .terminating
      guard let connection = executor.connection else {
        destroy(address)
        return
      }
      send(connection, .shutdown)
      let grace =
        executor.info.hasShutdownGracePeriod
        ? Duration.nanoseconds(executor.info.shutdownGracePeriod.nanoseconds)
        : configuration.executorShutdownGracePeriod
      deadlines.set(.executor(executor.container), at: now.uptime + grace)
    }
  }

  private mutating func destroy(_ address: ExecutorAddress) {
    guard let executor = self[address] else { return }
    self[address]?.state = .terminating
    deadlines.remove(.executor(executor.container))
    // Also where its process is not known: it may be being made.
    directives.append(.destroy(executor.container))
  }

  mutating func executorTimedOut(_ container: ContainerKey) {
    guard let address = address(of: container), let executor = self[address] else { return }
    if executor.state == .registering, executor.termination == nil {
      let timeout = configuration.executorRegistrationTimeout
      self[address]?.termination = Executor.Termination(
        cause: .executorRegistrationTimeout,
        message: "Executor did not register within \(timeout.mesosText)")
    }
    switch executor.state {
    case .registering, .running, .terminating: destroy(address)
    case .preparing, .terminated: break
    }
  }

  /// The framework is over: so is all that it runs here, and nobody is told.
  mutating func shutdown(framework id: FrameworkKey) {
    for address in Array(streams.keys) where address.framework == id && owners[address] == nil {
      forgetStream(address)
    }
    guard let framework = frameworks[id], !framework.isTerminating else { return }
    frameworks[id]?.isTerminating = true
    for (executor, state) in framework.executors.map({ ($0.key, $0.value.state) }) {
      let address = ExecutorAddress(framework: id, executor: executor)
      if state == .terminated {
        dropTasks(address)
        completeIfOver(address)
      } else {
        shutdown(address)
      }
    }
    forgetIfIdle(id)
  }

  /// The agent leaves for good.
  mutating func shutdown(_ message: String) {
    guard phase == .running || phase == .recovering else { return }
    phase = .shuttingDown(message)
    for framework in frameworks.values {
      for executor in framework.executors.keys {
        shutdown(ExecutorAddress(framework: framework.id, executor: executor))
      }
    }
    leaveIfEmpty()
  }

  private mutating func leaveIfEmpty() {
    guard case .shuttingDown = phase, !isLeaving else { return }
    guard frameworks.values.allSatisfy({ $0.executors.values.allSatisfy { $0.state == .terminated } }) else { return }
    isLeaving = true
    // What the tasks came to was staged before this and is told before the farewell.
    consequences.append(.left)
  }

  mutating func leftDurably() {
    if isRegistered { directives.append(.sendToMaster(.unregister(LinkUnregister()))) }
    for address in Array(streams.keys) { forgetStream(address) }
    owners = [:]
    containers = [:]
    for framework in frameworks.values {
      for executor in framework.executors.values {
        removeRecords(ExecutorAddress(framework: framework.id, executor: executor.id), executor)
      }
      frameworks[framework.id]?.executors = [:]
      forgetFramework(framework.id)
    }
    for key in operations.keys { remove(Checkpoint.operation(key)) }
    // What was reserved stays so, for the agent that comes next in this work folder.
    operations = [:]
    forgetProviders()
    settleDraining()
    remove(Checkpoint.agent)
    if case .shuttingDown(let message) = phase {
      consequences.append(.gone(message))
    }
  }
}
