import AgentLinkModel
import MesosAllocator
import MesosModel
import SwiftProtobuf

// Tasks and executors on registered agents, from their launch to their acknowledged end.
extension MasterCore {
  // MARK: Tables

  mutating func add(
    _ name: TaskName, agent: AgentKey, executor: ExecutorKey?, resources: Resources, stable: [UInt8],
    statuses: TaskStatuses, sharesCgroups: Bool
  ) {
    guard let place = frameworks.place(of: name.framework) else {
      preconditionFailure("task \(name) of a framework that is not there")
    }
    add(
      name, framework: place, agent: agent, executor: executor, resources: resources, stable: stable,
      statuses: statuses, sharesCgroups: sharesCgroups)
  }

  /// Adds a task whose name is not in the table.
  ///
  /// - Parameters:
  ///   - place: The place of its framework in ``frameworks``.
  ///   - isCounted: Whether what it uses was counted before.
  mutating func add(
    _ name: TaskName, framework place: Int, agent: AgentKey, executor: ExecutorKey?, resources: Resources,
    stable: [UInt8], statuses: TaskStatuses, sharesCgroups: Bool, movedBack: Bool = false, isCounted: Bool = false
  ) {
    lastTask += 1
    let isReleased = statuses.state.isTerminal
    tasks.add(
      name,
      TrackedTask(
        number: lastTask, agent: agent, executor: executor, resources: resources, statuses: statuses,
        isReleased: isReleased, sharesCgroups: sharesCgroups))
    counters.moved(from: nil, to: statuses.state)
    frameworks[place: place]?.noteTask(name.task, statuses.state)
    agents[agent]?.tasks.insert(name)
    if !isReleased, !isCounted { use(resources, of: agent, by: name.framework) }
    if movedBack {
      change(.taskMoved(name.framework, name.task, statuses.row, to: .active))
    } else {
      change(
        .task(
          TaskRow(
            id: name.task, framework: name.framework, agent: agent, executor: executor, stable: stable,
            status: statuses.row, section: .active)))
    }
  }

  mutating func add(_ name: ExecutorName, _ info: ExecutorInfo, resources: Resources, isCounted: Bool = false) {
    executors[name] = TrackedExecutor(info: info, resources: resources)
    agents[name.agent]?.executors.insert(name)
    frameworks[name.framework]?.executors.insert(name)
    if !isCounted { use(resources, of: name.agent, by: name.framework) }
    change(
      .executor(
        ExecutorRow(
          id: name.executor, framework: name.framework, agent: name.agent, info: MessageBytes.encoded(info))))
  }

  mutating func use(_ resources: Resources, of agent: AgentKey, by framework: FrameworkKey) {
    agents[agent]?.allocated += resources
    frameworks[framework]?.allocated += resources
    touch(agent)
    touch(framework)
  }

  mutating func release(
    _ resources: Resources, of agent: AgentKey, from framework: FrameworkKey, at now: Moment
  ) {
    agents[agent]?.allocated -= resources
    frameworks[framework]?.allocated -= resources
    touch(agent)
    touch(framework)
    allocator.recover(resources, of: agent, from: framework, refusal: nil, at: now)
  }

  mutating func removeExecutor(_ name: ExecutorName, at now: Moment) {
    guard let executor = executors.removeValue(forKey: name) else { return }
    agents[name.agent]?.executors.remove(name)
    frameworks[name.framework]?.executors.remove(name)
    release(executor.resources, of: name.agent, from: name.framework, at: now)
    change(.executorRemoved(name.framework, name.agent, name.executor))
  }

  /// Takes the task off its agent and into another list.
  mutating func removeTask(_ name: TaskName, to section: TaskRow.Section, at now: Moment) {
    guard let task = tasks.removeValue(forKey: name) else { return }
    if !task.isReleased { release(task.resources, of: task.agent, from: name.framework, at: now) }
    counters.moved(from: task.statuses.state, to: nil)
    frameworks[name.framework]?.counts.moved(from: task.statuses.state, to: nil)
    agents[task.agent]?.tasks.remove(name)
    agents[task.agent]?.killed.remove(name)
    frameworks[name.framework]?.tasks.remove(name.task)
    change(.taskMoved(name.framework, name.task, task.statuses.row, to: section))
    if agents[task.agent]?.condition != nil { checkDrained(task.agent, at: now) }
    switch section {
    case .completed: complete(name)
    case .unreachable:
      let entry = UnreachableTask(agent: task.agent, executor: task.executor, statuses: task.statuses)
      let limit = configuration.unreachableTasksPerFrameworkMax
      let dropped = frameworks[name.framework]?.unreachableTasks.append(name.task, entry, limit: limit) ?? []
      for (key, _) in dropped { change(.taskForgotten(name.framework, key)) }
    case .active: break
    }
  }

  /// Puts the task, which is in no other list any more, in the history of its framework.
  mutating func complete(_ name: TaskName) {
    let limit = configuration.completedTasksPerFrameworkMax
    let dropped = frameworks[name.framework]?.completedTasks.append(name.task, (), limit: limit) ?? []
    for (key, _) in dropped { change(.taskForgotten(name.framework, key)) }
  }

  /// Takes a task whose end its framework knows into the history, where nothing newer is known of that id. Of frameworks that nobody
  /// speaks of any more there is no history.
  ///
  /// - Source: Apache Mesos, `master/master.cpp`, `addSlave`, which keeps them of the frameworks that it knows.
  ///
  /// - Parameter frameworks: Those that the agent named, of which the records are.
  mutating func recall(_ records: [LinkTaskRecord], of named: [FrameworkKey], on agent: AgentKey) {
    guard !records.isEmpty else { return }
    let places = named.map { frameworks.place(of: $0) }
    let limit = configuration.completedTasksPerFrameworkMax
    var index = FrameworkIndex(named)
    for record in records {
      // An agent may remember tasks of frameworks that nothing of runs there any more.
      let place = index[record.frameworkID].map { places[$0] } ?? frameworks.place(of: FrameworkKey(record.frameworkID))
      let task = TaskKey(record.taskID)
      guard let place, let id = frameworks[place: place]?.id, frameworks[place: place]?.remembers(task) == false,
        !tasks.contains(TaskName(framework: id, task: task))
      else { continue }
      change(
        .task(
          TaskRow(
            id: task, framework: id, agent: agent,
            executor: record.hasExecutorID ? ExecutorKey(record.executorID) : nil,
            stable: [UInt8](record.stable), status: TaskStatuses(record).row, section: .completed)))
      let dropped = frameworks[place: place]?.completedTasks.append(task, (), limit: limit) ?? []
      for (key, _) in dropped { change(.taskForgotten(id, key)) }
    }
  }

  /// Makes room for a task of the same id as one of the history.
  mutating func forgetCompleted(_ name: TaskName) {
    if frameworks[name.framework]?.completedTasks.remove(name.task) != nil {
      change(.taskForgotten(name.framework, name.task))
    }
  }

  /// The names in the order in which the master heard of the tasks.
  func sorted(_ names: some Sequence<TaskName>) -> [TaskName] {
    names.map { ($0, tasks[$0]?.number ?? .max) }.sorted { ($0.1, $0.0) < ($1.1, $1.0) }.map(\.0)
  }

  // MARK: Status updates

  /// Takes in a status of a task that is on a registered agent.
  ///
  /// - Parameter latest: The newest state the agent knows; its updates wait for one another.
  mutating func update(_ name: TaskName, _ status: TaskStatus, latest: TaskState, at now: Moment) {
    guard let before = tasks[name]?.statuses.state else { return }
    tasks[name]?.statuses.add(status, latest: latest)
    guard let task = tasks[name] else { return }
    let state = task.statuses.state
    counters.moved(from: before, to: state)
    frameworks[name.framework]?.counts.moved(from: before, to: state)
    if !task.isReleased, state.isTerminal || state == .taskUnreachable {
      tasks[name]?.isReleased = true
      release(task.resources, of: task.agent, from: name.framework, at: now)
      counters.ended(status)
    }
  }

  mutating func statusUpdate(_ update: LinkStatusUpdate, from agentID: AgentKey, at now: Moment) {
    counters.messages["status_update", default: 0] += 1
    let uuid: [UInt8]? = update.hasUuid ? MessageBytes.copy(update.uuid) : nil
    guard var status = try? TaskStatus(serializedBytes: update.status, partial: true),
      uuid.map({ MessageBytes.isUUID($0) }) ?? true
    else {
      counters.values["invalid_status_updates", default: 0] += 1
      return
    }
    let name = TaskName(framework: FrameworkKey(update.frameworkID), task: TaskKey(update.taskID))
    status.taskID = TaskID(name.task)
    status.state = update.state
    if !status.hasAgentID { status.agentID = AgentID(agentID) }
    if !status.hasTimestamp { status.timestamp = now.wallSeconds }
    if update.hasUuid { status.uuid = update.uuid }

    let isKnown = tasks[name]?.agent == agentID
    let isForwarded = frameworks[name.framework]?.isConnected ?? false
    if isForwarded {
      if isKnown, let uuid { tasks[name]?.statuses.noteSent(update.state, uuid: uuid) }
      send(.update(status), to: name.framework)
    } else if isKnown, let uuid {
      tasks[name]?.statuses.noteUnsent(update.state, uuid: uuid)
    }
    guard isKnown else {
      counters.values["invalid_status_updates", default: 0] += 1
      return
    }
    self.update(name, status, latest: update.latestState, at: now)
    counters.values[isForwarded ? "valid_status_updates" : "invalid_status_updates", default: 0] += 1
    if let row = tasks[name]?.statuses.row { change(.taskStatus(name.framework, name.task, row)) }
    // The acknowledgement overtook it, and the agent has it by now.
    if let uuid, update.state.isTerminal, tasks[name]?.statuses.wasAcknowledged(uuid) == true {
      removeTask(name, to: .completed, at: now)
    }
  }

  mutating func acknowledge(_ id: FrameworkKey, _ call: SchedulerCall.Acknowledge, at now: Moment) {
    counters.messages["status_update_acknowledgement", default: 0] += 1
    guard agents[call.agentID.key]?.isConnected ?? false else {
      counters.values["invalid_status_update_acknowledgements", default: 0] += 1
      return
    }
    let name = TaskName(framework: id, task: call.taskID.key)
    if let task = tasks[name], task.agent == call.agentID.key {
      let uuid: [UInt8] = MessageBytes.copy(call.uuid)
      guard task.statuses.awaited != nil || task.statuses.unsent?.uuid == uuid else {
        counters.values["invalid_status_update_acknowledgements", default: 0] += 1
        return
      }
      if tasks[name]?.statuses.acknowledge(uuid) == true { removeTask(name, to: .completed, at: now) }
    }
    counters.values["valid_status_update_acknowledgements", default: 0] += 1
    send(
      .acknowledgeUpdate(
        .with {
          $0.frameworkID = id.value
          $0.taskID = call.taskID.value
          $0.uuid = call.uuid
        }), to: call.agentID.key)
  }

  // MARK: KILL, MESSAGE, SHUTDOWN

  mutating func kill(_ id: FrameworkKey, _ call: SchedulerCall.Kill, at now: Moment) {
    counters.messages["kill_task", default: 0] += 1
    let name = TaskName(framework: id, task: call.taskID.key)
    guard let task = tasks[name] else {
      let agent = call.hasAgentID ? call.agentID.key : nil
      return reconcile(name, on: agent, at: now)
    }
    guard !call.hasAgentID || call.agentID.key == task.agent else { return }
    agents[task.agent]?.killed.insert(name)
    send(
      .killTask(
        .with {
          $0.frameworkID = id.value
          $0.taskID = name.task.value
          if call.hasKillPolicy { $0.killPolicy = call.killPolicy }
        }), to: task.agent)
  }

  mutating func message(_ id: FrameworkKey, _ call: SchedulerCall.Message) {
    counters.messages["framework_to_executor", default: 0] += 1
    guard agents[call.agentID.key]?.isConnected ?? false else {
      counters.values["invalid_framework_to_executor_messages", default: 0] += 1
      return
    }
    counters.values["valid_framework_to_executor_messages", default: 0] += 1
    send(
      .frameworkMessage(
        .with {
          $0.frameworkID = id.value
          $0.executorID = call.executorID.value
          $0.data = call.data
        }), to: call.agentID.key)
  }

  mutating func shutdown(_ id: FrameworkKey, _ call: SchedulerCall.Shutdown) {
    send(
      .shutdownExecutor(
        .with {
          $0.frameworkID = id.value
          $0.executorID = call.executorID.value
        }), to: call.agentID.key)
  }

  mutating func executorMessage(_ message: LinkExecutorMessage, from agent: AgentKey) {
    counters.messages["executor_to_framework", default: 0] += 1
    let framework = FrameworkKey(message.frameworkID)
    guard frameworks[framework]?.isConnected ?? false else {
      counters.values["invalid_executor_to_framework_messages", default: 0] += 1
      return
    }
    counters.values["valid_executor_to_framework_messages", default: 0] += 1
    send(
      SchedulerEvent.with {
        $0.type = .message
        $0.message = .with {
          $0.agentID = AgentID(agent)
          $0.executorID = .with { $0.value = message.executorID }
          $0.data = message.data
        }
      }, to: framework)
  }

  mutating func executorTerminated(_ message: LinkExecutorTerminated, on agent: AgentKey, at now: Moment) {
    counters.messages["exited_executor", default: 0] += 1
    let name = ExecutorName(
      framework: FrameworkKey(message.frameworkID), agent: agent, executor: ExecutorKey(message.executorID))
    guard executors[name] != nil else { return }
    removeExecutor(name, at: now)
    send(
      SchedulerEvent.with {
        $0.type = .failure
        $0.failure = .with {
          $0.agentID = AgentID(agent)
          $0.executorID = ExecutorID(name.executor)
          $0.status = message.status
        }
      }, to: name.framework)
  }
}
