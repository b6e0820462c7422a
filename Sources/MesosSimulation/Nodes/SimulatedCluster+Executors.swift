import AgentCore
import ExecutorCore
import MesosModel
import MesosTestKit
import SwiftProtobuf

// Containers, the executors in them, and the commands that these start.
extension SimulatedCluster {
  // MARK: Containers

  mutating func make(_ launch: ContainerLaunch, on index: Int) {
    lastExecutor += 1
    let number = lastExecutor
    agents[index].lastPID += 1
    executors[number] = ExecutorNode(
      agent: index, launch: launch,
      process: ProcessIdentity(pid: agents[index].lastPID, startTime: UInt64(now / 10_000_000)),
      rng: Self.generator(agents[index].rng.next(), .executor(0)))
    agents[index].making[launch.container] = (number, true)
    let at = now + draw(configuration.processLatency, for: .agent(index))
    queue.insert(.container(executor: number, .made), at: at)
  }

  mutating func destroy(_ container: ContainerKey, on index: Int) {
    if let number = agents[index].making[container]?.executor {
      agents[index].making[container] = (number, false)
    } else if let number = agents[index].containers[container] {
      let at = now + draw(configuration.processLatency, for: .agent(index))
      queue.insert(.container(executor: number, .killed), at: at)
    } else {
      agents[index].pending.append(.exited(container, .unknown))
    }
  }

  mutating func container(_ number: Int, _ step: ContainerStep) {
    guard let executor = executors[number] else { return }
    let index = executor.agent
    let container = executor.launch.container
    switch step {
    case .made:
      // The agent's process that asked may be gone: what it had not finished to make goes with it.
      guard let making = agents[index].making[container], making.executor == number else {
        executors[number] = nil
        return
      }
      agents[index].making[container] = nil
      guard making.isWanted else {
        executors[number] = nil
        agents[index].pending.append(.exited(container, .status(9)))
        return handlePendingOfAgent(index)
      }
      agents[index].containers[container] = number
      executors[number]?.phase = .held
      agents[index].pending.append(.launched(container, executor.process))
      handlePendingOfAgent(index)
    case .begins:
      guard executor.phase == .held, agents[index].containers[container] == number else { return }
      executors[number]?.phase = .running
      begin(number)
    case .killed:
      end(number, .status(9))
    }
  }

  /// The container is gone, and everything in it.
  mutating func end(_ number: Int, _ exit: ContainerExit) {
    guard let executor = executors.removeValue(forKey: number) else { return }
    trace.note(.executor(number), at: now, "ends")
    if let stream = executor.stream {
      close(stream.connection, byClient: true, reason: "the executor is gone")
    }
    guard agents[executor.agent].containers[executor.launch.container] == number else { return }
    agents[executor.agent].containers[executor.launch.container] = nil
    guard agents[executor.agent].core != nil else { return }
    agents[executor.agent].pending.append(.exited(executor.launch.container, exit))
    handlePendingOfAgent(executor.agent)
  }

  // MARK: The executor's process

  private mutating func begin(_ number: Int) {
    guard let launch = executors[number]?.launch else { return }
    var variables: [String: String] = [:]
    for variable in launch.environment { variables[variable.name] = variable.value }
    do {
      let environment = try ExecutorEnvironment(variables)
      let settings = ExecutorCore.Configuration(environment)
      if launch.arguments.first?.hasSuffix("/mesos-executor") == true {
        executors[number]?.command = CommandExecutor(
          core: settings,
          task: CommandTask.Configuration(
            executorID: settings.executorID, shutdownGracePeriod: settings.shutdownGracePeriod),
          environment: variables)
      } else {
        executors[number]?.custom = ExecutorCore(configuration: settings)
      }
    } catch {
      violate(.terminalStates, "executor \(launch.executor) cannot read its environment: \(error.message)")
      return
    }
    if executors[number]?.command != nil { handle(number, .start) } else { handle(number, custom: .start) }
  }

  mutating func tickExecutor(_ number: Int, at: Int64) {
    guard executors[number]?.scheduled == at else { return }
    executors[number]?.scheduled = nil
    if executors[number]?.command != nil { handle(number, .tick) } else { handle(number, custom: .tick) }
  }

  private mutating func scheduleExecutor(_ number: Int) {
    guard let next = executors[number]?.nextDeadline else { return }
    let at = max(now, next.wholeNanoseconds)
    guard executors[number]?.scheduled.map({ at < $0 }) ?? true else { return }
    executors[number]?.scheduled = at
    queue.insert(.tick(.executor(number)), at: at)
  }

  mutating func arriveAtExecutor(
    _ number: Int, _ packet: Packet, _ connection: Connection, _ connectionNumber: ConnectionNumber
  ) {
    guard case .executorStream(let stream) = connection.purpose else { return }
    let isCommand = executors[number]?.command != nil
    switch packet {
    case .executorEvent(let event):
      if isCommand, event.type == .launch { executors[number]?.task = event.launch.task }
      if isCommand {
        handle(number, .received(stream, event))
      } else {
        handle(number, custom: .received(stream, event))
      }
    case .executorRefused(let status, let text):
      if isCommand {
        handle(number, .refused(stream, status: status, text: text))
      } else {
        handle(number, custom: .refused(stream, status: status, text: text))
      }
    case .executorCallRefused(let status, let text):
      if isCommand {
        handle(number, .callRefused(stream, status: status, text: text))
      } else {
        handle(number, custom: .callRefused(stream, status: status, text: text))
      }
    default: break
    }
  }

  mutating func streamEndedAtExecutor(_ number: Int, _ connection: Connection, _ reason: String) {
    guard case .executorStream(let stream) = connection.purpose else { return }
    if executors[number]?.stream?.number == stream { executors[number]?.stream = nil }
    if executors[number]?.command != nil {
      handle(number, .disconnected(stream, reason: reason))
    } else {
      handle(number, custom: .disconnected(stream, reason: reason))
    }
  }

  private mutating func connect(_ number: Int, _ stream: ExecutorStream, _ call: ExecutorCall) {
    guard let agent = executors[number]?.agent else { return }
    let connection = connect(.executorStream(stream), from: .executor(number), to: .agent(agent))
    executors[number]?.stream = (stream, connection)
    send(.executorCall(call), on: connection, toServer: true)
  }

  private mutating func send(_ number: Int, _ stream: ExecutorStream, _ call: ExecutorCall) {
    guard let open = executors[number]?.stream, open.number == stream else { return }
    send(.executorCall(call), on: open.connection, toServer: true)
  }

  private mutating func disconnect(_ number: Int, _ stream: ExecutorStream) {
    guard let open = executors[number]?.stream, open.number == stream else { return }
    executors[number]?.stream = nil
    close(open.connection, byClient: true, reason: "closed by the executor")
  }

  // MARK: The command executor

  private mutating func handle(_ number: Int, _ event: CommandExecutor.Event) {
    guard var rng = executors[number]?.rng else { return }
    let now = moment(agents[executors[number]?.agent ?? 0].wallOffset)
    let directives = executors[number]?.command?.handle(event, at: now, using: &rng) ?? []
    executors[number]?.rng = rng
    for directive in directives {
      trace.note(.executor(number), at: self.now, directive)
      switch directive {
      case .connect(let stream, let call): connect(number, stream, call)
      case .send(let stream, let call): send(number, stream, call)
      case .disconnect(let stream): disconnect(number, stream)
      case .launch:
        guard let task = executors[number]?.task else { break }
        start(task, in: number)
        handle(number, .launched)
      case .signalTree(let signal):
        guard let task = executors[number]?.task?.taskID.key else { break }
        self.signal(task, signal, in: number)
      case .probe(let kind, .command): handle(number, .probed(kind, .exited(code: 0)))
      case .probe(let kind, .http): handle(number, .probed(kind, .answered(status: 200)))
      case .probe(let kind, .tcp): handle(number, .probed(kind, .connected(true)))
      case .cancelProbe, .note: break
      case .exit(let status):
        return end(number, .status(status << 8))
      }
    }
    scheduleExecutor(number)
  }

  // MARK: Custom executors

  private mutating func handle(_ number: Int, custom event: ExecutorCore.Event) {
    guard var rng = executors[number]?.rng else { return }
    let now = moment(agents[executors[number]?.agent ?? 0].wallOffset)
    let directives = executors[number]?.custom?.handle(event, at: now, using: &rng) ?? []
    executors[number]?.rng = rng
    for directive in directives {
      trace.note(.executor(number), at: self.now, directive)
      switch directive {
      case .connect(let stream, let call): connect(number, stream, call)
      case .send(let stream, let call): send(number, stream, call)
      case .disconnect(let stream): disconnect(number, stream)
      case .deliver(let event): deliver(event, to: number)
      case .connectivity, .rejected, .ignored: break
      case .forceExit, .finished:
        return end(number, .status(0))
      }
      guard executors[number] != nil else { return }
    }
    scheduleExecutor(number)
  }

  private mutating func deliver(_ event: ExecutorEvent, to number: Int) {
    switch event.type {
    case .launch:
      start(event.launch.task, in: number)
      handle(number, custom: .update(TaskStatus(event.launch.task.taskID, .running)))
    case .kill:
      let task = event.kill.taskID.key
      guard let command = executors[number]?.commands[task] else { return }
      signal(task, .terminate, in: number)
      if command.behaviour.ignoresTermination { signal(task, .kill, in: number, after: .seconds(3)) }
    case .shutdown:
      // A well-behaved executor ends its tasks and itself.
      queue.insert(.container(executor: number, .killed), at: now + 1_000_000)
    default: break
    }
  }

  // MARK: Commands

  private mutating func start(_ task: TaskInfo, in number: Int) {
    guard executors[number] != nil else { return }
    let behaviour = TaskBehaviour(encoded: task.data) ?? .runs(for: .seconds(10))
    executors[number]?.lastRun += 1
    let run = executors[number]?.lastRun ?? 0
    executors[number]?.commands[task.taskID.key] = ExecutorNode.Command(behaviour: behaviour, run: run)
    if let duration = behaviour.duration {
      let at = now + max(0, duration.wholeNanoseconds)
      queue.insert(.taskEnds(executor: number, task: task.taskID.key, run: run), at: at)
    }
  }

  private mutating func signal(
    _ task: TaskKey, _ signal: CommandTask.Signal, in number: Int, after delay: Duration = .milliseconds(1)
  ) {
    guard let command = executors[number]?.commands[task] else { return }
    guard signal == .kill || !command.behaviour.ignoresTermination else { return }
    executors[number]?.commands[task]?.signal = signal
    queue.insert(
      .taskEnds(executor: number, task: task, run: -command.run), at: now + delay.wholeNanoseconds)
  }

  /// - Parameter run: The number of the run that ends by itself; negative where a signal ends it.
  mutating func taskEnds(_ number: Int, _ task: TaskKey, run: Int) {
    guard let command = executors[number]?.commands[task], command.run == abs(run) else { return }
    if sabotage == .overlooksExit, !hasSabotaged {
      hasSabotaged = true
      return
    }
    let exit: CommandExit
    if run < 0 {
      exit = .signaled(name: command.signal == .kill ? "Killed" : "Terminated", coreDumped: false)
    } else {
      switch command.behaviour.ending {
      case .outgrowsContainer: return end(number, .status(9))
      case .exits(let code): exit = .exited(code: code)
      }
    }
    executors[number]?.commands[task] = nil
    guard executors[number]?.custom != nil else { return handle(number, .exited(exit)) }
    let cause: TaskStatusCause =
      switch exit {
      case .exited(code: 0): .finished
      case .exited, .unknown: .failed
      case .signaled: .killed
      }
    handle(number, custom: .update(TaskStatus(TaskID(task), cause)))
  }
}
