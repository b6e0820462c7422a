import AgentLinkModel
import MesosAllocator
import MesosModel
import SwiftProtobuf

// ACCEPT: offers become tasks, and what is left goes back.
extension MasterCore {
  mutating func accept(_ id: FrameworkKey, _ call: SchedulerCall.Accept, at now: Moment) {
    for operation in call.operations where operation.type == .launch {
      counters.messages[operation.launch.taskInfos.isEmpty ? "decline_offers" : "launch_tasks", default: 0] += 1
    }
    let keys = call.offerIds.map(\.key)
    let accepted: [TrackedOffer]
    do {
      accepted = try validateOffers(keys, of: id)
    } catch {
      return refuse(id, call, offers: keys, because: error.message, at: now)
    }
    guard let first = accepted.first else { return }
    var resources = Resources()
    for offer in accepted {
      resources += offer.resources
      take(offer)
    }
    counters.values["offers_accepted", default: 0] += accepted.count
    frameworks[id]?.counts.took(call, offers: accepted.count)
    var offers = AcceptedOffers(agent: first.agent, role: first.role, resources)
    for operation in call.operations { perform(operation, of: id, with: &offers, at: now) }
    recover(offers, from: id, refusal: Self.refusal(call.filters), at: now)
  }

  /// Answers an ACCEPT whose offers cannot be used: those that are still there go back, and what was to be done with them is lost.
  private mutating func refuse(
    _ id: FrameworkKey, _ call: SchedulerCall.Accept, offers keys: [OfferKey], because reason: String, at now: Moment
  ) {
    removeOffers(keys.filter { offers[$0]?.framework == id }, notify: false, at: now)
    let cause = TaskStatusCause.invalidOffers.reported(toPartitionAware: frameworks[id]?.isPartitionAware ?? false)
    for operation in call.operations {
      switch operation.type {
      case .launch, .launchGroup:
        for task in operation.type == .launch ? operation.launch.taskInfos : operation.launchGroup.taskGroup.tasks {
          reject(task, of: id, cause, "Task launched with invalid offers: \(reason)", at: now)
        }
      default:
        drop(operation, of: id, "Operation attempted with invalid offers: \(reason)")
      }
    }
  }

  private mutating func perform(
    _ operation: Offer.Operation, of id: FrameworkKey, with offers: inout AcceptedOffers, at now: Moment
  ) {
    switch operation.type {
    case .launch:
      let infos = operation.launch.taskInfos
      func refuseAll(_ message: String, in core: inout MasterCore) {
        for info in infos { core.reject(info, of: id, .taskInvalid, message, at: now) }
      }
      var candidates: [LaunchCandidate] = []
      do {
        for info in infos { candidates.append(try LaunchCandidate(info, role: offers.role, framework: id)) }
      } catch {
        return refuseAll(error.message, in: &self)
      }
      guard !operation.hasID else {
        return refuseAll("The `id` field cannot be set on LAUNCH operations", in: &self)
      }
      for candidate in candidates { launch(candidate, of: id, with: &offers, at: now) }
    case .launchGroup: launchGroup(operation, of: id, with: &offers, at: now)
    case .reserve, .unreserve, .create, .destroy, .growVolume, .shrinkVolume, .createDisk, .destroyDisk:
      convert(operation, of: id, with: &offers, at: now)
    case .unknown:
      break
    }
  }

  private mutating func launch(
    _ candidate: LaunchCandidate, of id: FrameworkKey, with offers: inout AcceptedOffers, at now: Moment
  ) {
    let agentID = offers.agent
    if let info = frameworks[id]?.info, let refusal = refusal(ofTask: candidate.info, of: info, isInGroup: false) {
      return reject(candidate.info, of: id, .taskUnauthorized, refusal, at: now)
    }
    let consumed: Resources
    do {
      // Of what is shared, tasks of one call may use more copies than were offered.
      let available = offers.shared.isEmpty ? offers.remaining : offers.remaining.nonShared + offers.shared
      consumed = try validate(candidate, of: id, on: agentID, available: available)
    } catch {
      return reject(candidate.info, of: id, .taskInvalid, error.message, at: now)
    }
    let info = candidate.info
    if !offers.shared.isEmpty {
      let further = consumed.shared - offers.remaining.shared
      if !further.isEmpty { allocator.copy(further, of: agentID, for: id) }
    }
    offers.remaining -= consumed
    var launchesExecutor = false
    if info.hasExecutor {
      let name = ExecutorName(framework: id, agent: agentID, executor: info.executor.executorID.key)
      launchesExecutor = executors[name] == nil
      if launchesExecutor { add(name, info.executor, resources: candidate.executorResources) }
    }
    add(candidate, of: id, on: agentID)
    let encodedInfo = frameworks[id]?.encodedInfo ?? []
    send(
      .runTask(
        .with {
          $0.frameworkID = id.value
          $0.frameworkInfo = MessageBytes.copy(encodedInfo)
          $0.taskInfo = MessageBytes.copy(MessageBytes.encoded(info))
          $0.taskID = info.taskID.value
          if info.hasExecutor { $0.launchesExecutor = launchesExecutor }
        }), to: agentID)
  }

  /// Launches all tasks of a group, or tells the framework of each that the group is refused.
  private mutating func launchGroup(
    _ operation: Offer.Operation, of id: FrameworkKey, with offers: inout AcceptedOffers, at now: Moment
  ) {
    let agentID = offers.agent
    func refuse(_ message: String, _ cause: TaskStatusCause = .taskGroupInvalid, in core: inout MasterCore) {
      for info in operation.launchGroup.taskGroup.tasks { core.reject(info, of: id, cause, message, at: now) }
    }
    let group: LaunchGroupCandidate
    do {
      group = try LaunchGroupCandidate(operation.launchGroup, role: offers.role)
    } catch {
      return refuse(error.message, in: &self)
    }
    guard !operation.hasID else {
      return refuse("The `id` field cannot be set on LAUNCH_GROUP operations", in: &self)
    }
    // Of several the last is named, as on Apache Mesos.
    if let info = frameworks[id]?.info,
      let refusal = group.tasks.compactMap({ refusal(ofTask: $0.info, of: info, isInGroup: true) }).last
    {
      return refuse(refusal, .taskGroupUnauthorized, in: &self)
    }
    let consumed: Resources
    do {
      consumed = try validate(group, of: id, on: agentID, available: offers.remaining)
    } catch {
      return refuse(error.message, in: &self)
    }
    // Apache Mesos starts the executor of a group without tasks, which then has nothing to do.
    guard !group.tasks.isEmpty else { return }
    offers.remaining -= consumed
    let executor = ExecutorName(framework: id, agent: agentID, executor: group.executor.executorID.key)
    let launchesExecutor = executors[executor] == nil
    if launchesExecutor { add(executor, group.executor, resources: group.executorResources) }
    for task in group.tasks { add(task, of: id, on: agentID) }
    let encodedInfo = frameworks[id]?.encodedInfo ?? []
    send(
      .runTaskGroup(
        .with {
          $0.frameworkID = id.value
          $0.frameworkInfo = MessageBytes.copy(encodedInfo)
          $0.executorInfo = MessageBytes.copy(MessageBytes.encoded(group.executor))
          let tasks = TaskGroupInfo.with { $0.tasks = group.tasks.map(\.info) }
          $0.taskGroupInfo = MessageBytes.copy(MessageBytes.encoded(tasks))
          $0.taskIds = group.tasks.map(\.info.taskID.value)
          $0.launchesExecutor = launchesExecutor
        }), to: agentID)
  }

  /// Puts a task that is being launched in the tables.
  private mutating func add(_ candidate: LaunchCandidate, of id: FrameworkKey, on agent: AgentKey) {
    let info = candidate.info
    let name = TaskName(framework: id, task: info.taskID.key)
    forgetCompleted(name)
    add(
      name, agent: agent, executor: info.hasExecutor ? info.executor.executorID.key : nil,
      resources: candidate.resources, stable: MessageBytes.encoded(MesosTask(info, framework: id)),
      statuses: TaskStatuses(state: .taskStaging),
      sharesCgroups: ContainerValidation.sharesCgroups(info.container) ?? true)
  }

  /// Tells the framework that a task it wanted will never be.
  mutating func reject(
    _ task: TaskInfo, of framework: FrameworkKey, _ cause: TaskStatusCause, _ message: String, at now: Moment
  ) {
    let status = TaskStatus(task.taskID.key, cause, message: message, agent: task.agentID.key, at: now)
    counters.ended(status)
    frameworks[framework]?.counts.ended(status.state)
    send(.update(status), to: framework)
  }
}

extension MesosTask {
  /// What stays of a task from its launch to its end: all but state and statuses.
  init(_ info: TaskInfo, framework: FrameworkKey) {
    self.init()
    name = info.name
    taskID = info.taskID
    frameworkID = FrameworkID(framework)
    agentID = info.agentID
    resources = info.resources
    limits = info.limits
    if info.hasExecutor { executorID = info.executor.executorID }
    if info.hasLabels { labels = info.labels }
    if info.hasDiscovery { discovery = info.discovery }
    if info.hasContainer { container = info.container }
    if info.hasHealthCheck { healthCheck = info.healthCheck }
    if info.hasKillPolicy { killPolicy = info.killPolicy }
    if info.command.hasUser {
      user = info.command.user
    } else if info.executor.command.hasUser {
      user = info.executor.command.user
    }
  }
}

extension TaskStatus {
  /// A status that the master itself gives: it has no UUID and is not acknowledged.
  init(
    _ task: TaskKey, _ cause: TaskStatusCause, message: String, agent: AgentKey?, at now: Moment
  ) {
    precondition(cause.source == .master, "\(cause) is not the master's to report")
    self.init(TaskID(task), cause)
    self.message = message
    if let agent { agentID = AgentID(agent) }
    timestamp = now.wallSeconds
  }
}

extension SchedulerEvent {
  static func update(_ status: TaskStatus) -> SchedulerEvent {
    .with {
      $0.type = .update
      $0.update = .with { $0.status = status }
    }
  }
}
