import AgentLinkModel
import OrderedCollections
public import MesosModel
import SwiftProtobuf

/// An operation of the master on this agent's resources, until its end is acknowledged.
struct AgentOperation: Sendable {
  var info: Offer.Operation
  /// Absent for an operation of an operator.
  var framework: FrameworkKey?
  var order: UInt64
  /// That it was done is on the disk.
  var isDurable = false
  /// How it ended; absent while volumes are being made or removed.
  var status: OperationStatus?
  var isStatusDurable = false
  /// Its end was acknowledged; that is on its way to the disk.
  var isAcknowledged = false
  var retryInterval: Duration

  var record: CheckpointOperation {
    .with {
      $0.info = info
      if let framework { $0.frameworkID = framework.value }
      if let status { $0.status = status }
      $0.order = order
    }
  }
}

// Operations: resources are reserved, made volumes and so on. What came of it is on the disk before anybody hears of it.
extension AgentCore {
  /// What follows when folders of volumes are as they are to be.
  enum VolumeConsequence: Hashable, Sendable {
    case ended(OperationKey)
    /// After a start: all operations that were under way.
    case recovered([OperationKey])
    case run(TaskAddress, ContainerKey)
  }

  // MARK: Applying

  mutating func apply(_ message: LinkApplyOperation) {
    guard phase == .running || phase == .recovering, let agentID,
      let key = OperationKey(bytes: [UInt8](message.operationUuid))
    else { return }
    let info = (try? Offer.Operation(serializedBytes: message.operation, partial: true)) ?? Offer.Operation()
    let framework = message.hasFrameworkID ? FrameworkKey(message.frameworkID) : nil
    if let provider = info.providerID {
      let version = message.hasResourceVersionUuid ? [UInt8](message.resourceVersionUuid) : nil
      return apply(key, info, of: framework, to: ResourceProviderKey(provider), version: version)
    }
    guard operations[key] == nil else { return }
    var operation = AgentOperation(
      info: info, framework: framework, order: nextOrder(), retryInterval: configuration.updateRetryIntervalMin)
    var steps: [VolumeStep] = []
    do {
      let before = total
      let after = try before.applying(operation.info.conversions().map(\.unallocated))
      steps = try volumeSteps(from: before, to: after)
      total = after
      put(Checkpoint.resources, CheckpointResources.with { $0.checkpointed = after.needingCheckpoint.messages })
      if steps.isEmpty { operation.status = endStatus(.operationFinished, of: operation.info, agentID) }
    } catch {
      // The master counts with what does not come about: it is told by everything that there is, in a session of its own, as more that
      // presumes it may be on its way here.
      operation.status = endStatus(.operationError, of: operation.info, agentID, error.message)
      directives.append(.endSession(message: "An operation cannot be applied: \(error.message)"))
    }
    put(Checkpoint.operation(key), operation.record)
    operations[key] = operation
    consequences.append(.operation(key, steps))
  }

  private mutating func endStatus(
    _ state: OperationState, of operation: Offer.Operation, _ agentID: AgentKey, _ message: String? = nil
  ) -> OperationStatus {
    let uuid = identities.uuid()
    return .with {
      if operation.hasID { $0.operationID = operation.id }
      $0.state = state
      if let message { $0.message = String(message.prefix(1_000)) }
      $0.uuid = .with { $0.value = MessageBytes.copy(uuid) }
      $0.agentID = AgentID(agentID)
    }
  }

  /// What has to be done to folders when the agent's resources become others.
  ///
  /// - Throws: `OperationError` with code `.unsupported` about a volume that lies on no disk with folders.
  private func volumeSteps(from before: Resources, to after: Resources) throws(OperationError) -> [VolumeStep] {
    func folders(_ resources: Resources) throws(OperationError) -> [VolumeFolder] {
      var folders: [VolumeFolder] = []
      for volume in resources.persistentVolumes.entries where !volume.hasResourceProvider {
        guard let folder = VolumeFolder(volume, workDirectory: configuration.workDirectory) else {
          throw OperationError(.unsupported, "The volume \(volume) cannot be a folder of this agent")
        }
        folders.append(folder)
      }
      return folders
    }
    let (old, new) = (try folders(before), try folders(after))
    let (oldSet, newSet) = (Set(old), Set(new))
    return old.filter { !newSet.contains($0) }.map(VolumeStep.remove)
      + new.filter { !oldSet.contains($0) }.map(VolumeStep.make)
  }

  /// The conversion is on the disk: folders may follow, and if none are to, its end may be told.
  mutating func operationDurably(_ key: OperationKey, _ steps: [VolumeStep]) {
    guard operations[key] != nil else { return }
    operations[key]?.isDurable = true
    if steps.isEmpty { operationEndedDurably(key) } else { work(steps, then: .ended(key)) }
    registerIfAwaited()
  }

  mutating func operationEndedDurably(_ key: OperationKey) {
    guard operations[key]?.status != nil else { return }
    operations[key]?.isStatusDurable = true
    forwardOperation(key)
  }

  // MARK: Folders of volumes

  mutating func work(_ steps: [VolumeStep], then consequence: VolumeConsequence) {
    lastVolumeWork += 1
    volumeWork[lastVolumeWork] = consequence
    directives.append(.volumes(steps, lastVolumeWork))
  }

  mutating func volumesDone(_ number: UInt64) {
    switch volumeWork.removeValue(forKey: number) {
    case .ended(let key): operationEnded(key)
    case .recovered(let keys): for key in keys { operationEnded(key) }
    case .run(let address, let container): runDurably([address], container, hasVolumes: true)
    case nil: break
    }
  }

  mutating func volumesFailed(_ number: UInt64, _ message: String) {
    switch volumeWork.removeValue(forKey: number) {
    case .ended, .recovered:
      // The master and frameworks count with it: another start may do it.
      terminate("Failed to make or remove persistent volumes: \(message.prefix(1_000))")
    case .run(let address, let container):
      guard let executor = self.address(of: container), let task = task(address), task.phase == .pending,
        !hasEnded(address)
      else { return }
      let isPartitionAware = frameworks[address.framework]?.isPartitionAware ?? false
      let cause = TaskStatusCause.containerUpdateFailed.reported(toPartitionAware: isPartitionAware)
      let text = "Failed to show persistent volumes: \(message.prefix(1_000))"
      for member in undelivered(address) {
        stage(member, status(member.task, cause, text, executor: executor.executor))
      }
      endIfUseless(executor)
    case nil: break
    }
  }

  /// A command executor whose only task ended before it got it was started for nothing.
  mutating func endIfUseless(_ address: ExecutorAddress) {
    guard let executor = self[address], executor.isCommandExecutor,
      executor.tasks.values.allSatisfy({ $0.phase == .pending }),
      executor.tasks.keys.allSatisfy({ hasEnded(TaskAddress(framework: address.framework, task: $0)) })
    else { return }
    shutdown(address)
  }

  private mutating func operationEnded(_ key: OperationKey) {
    guard let operation = operations[key], operation.status == nil, let agentID else { return }
    let status = endStatus(.operationFinished, of: operation.info, agentID)
    operations[key]?.status = status
    if let record = operations[key]?.record { put(Checkpoint.operation(key), record) }
    consequences.append(.operationEnded(key))
  }

  /// Has the volumes of a task shown in the container of its executor, which is there already; the task waits for that.
  ///
  /// - Returns: Whether the task has to wait.
  mutating func awaitVolumes(_ address: TaskAddress, _ executorAddress: ExecutorAddress) -> Bool {
    guard let executor = self[executorAddress], let task = executor.tasks[address.task], !hasEnded(address) else {
      return false
    }
    let links = links(of: task.info.resources, for: executor.container)
    guard !links.isEmpty else { return false }
    setPhase(address, .pending)
    // A container that was launched a moment ago may have no sandbox yet: it has one when its executor subscribes.
    let waits = executor.state == .registering
    frameworks[address.framework]?.executors[executorAddress.executor]?.tasks[address.task]?.awaitsVolumes = waits
    if !waits {
      work(
        [.link(executor.container, directory: executor.directory, links)], then: .run(address, executor.container))
    }
    return true
  }

  /// The volumes that a container is to see of these resources.
  func links(of resources: [Resource], for container: ContainerKey) -> [VolumeLink] {
    guard resources.contains(where: { $0.disk.hasPersistence }), let resources = try? Resources(resources) else {
      return []
    }
    return resources.persistentVolumes.entries.compactMap { volume in
      guard let folder = VolumeFolder(volume, workDirectory: configuration.workDirectory),
        let containerPath = volume.disk?.volume.containerPath
      else { return nil }
      return VolumeLink(
        path: folder.path, containerPath: containerPath,
        changesOwner: !(volume.isShared && isUsed(Resources(volume.withOneCopy).unallocated, besides: container)))
    }
  }

  private func isUsed(_ volume: Resources, besides container: ContainerKey) -> Bool {
    frameworks.values.contains { framework in
      framework.executors.values.contains { executor in
        guard executor.container != container, executor.state != .terminated else { return false }
        return executor.tasks.values.contains { task in
          task.phase != .terminated
            && ((try? Resources(task.info.resources))?.unallocated.contains(volume) ?? false)
        }
      }
    }
  }

  // MARK: Telling the master

  /// Sends how the operation ended, if that may be told and there is a master to hear it.
  mutating func forwardOperation(_ key: OperationKey) {
    guard isRegistered, let operation = operations[key], operation.isStatusDurable, !operation.isAcknowledged,
      let status = operation.status
    else { return }
    directives.append(
      .sendToMaster(
        .operationUpdate(
          .with {
            $0.operationUuid = MessageBytes.copy(key.bytes)
            $0.status = encoded(status)
          })))
    deadlines.set(.retryOperation(key), at: now.uptime + operation.retryInterval)
  }

  mutating func retryOperation(_ key: OperationKey) {
    guard let operation = operations[key] else { return }
    operations[key]?.retryInterval = min(operation.retryInterval * 2, configuration.updateRetryIntervalMax)
    forwardOperation(key)
  }

  mutating func pauseOperations() {
    for key in operations.keys { deadlines.remove(.retryOperation(key)) }
  }

  mutating func resumeOperations() {
    tellProviders()
    for key in Array(operations.keys) {
      operations[key]?.retryInterval = configuration.updateRetryIntervalMin
      forwardOperation(key)
    }
  }

  mutating func acknowledge(_ message: LinkAcknowledgeOperation) {
    guard let key = OperationKey(bytes: [UInt8](message.operationUuid)), let operation = operations[key],
      operation.isStatusDurable, !operation.isAcknowledged, let status = operation.status,
      [UInt8](status.uuid.value) == [UInt8](message.statusUuid)
    else { return }
    operations[key]?.isAcknowledged = true
    deadlines.remove(.retryOperation(key))
    remove(Checkpoint.operation(key))
    consequences.append(.operationAcknowledged(key))
  }

  // MARK: Registering

  /// Whether operations are on their way to the disk: a registration would tell of them, or of a time before them.
  var hasUnwrittenOperations: Bool { operations.values.contains { !$0.isDurable } }

  mutating func registerIfAwaited() {
    guard registersAgain, isLinkUp, phase == .running, !hasUnwrittenOperations else { return }
    register()
  }

  /// Operations as a registration tells of them, in the order in which they came.
  var operationRecords: [LinkOperationRecord] {
    operations.compactMap { key, operation in
      guard !operation.isAcknowledged else { return nil }
      return .with {
        $0.operationUuid = MessageBytes.copy(key.bytes)
        if let framework = operation.framework { $0.frameworkID = framework.value }
        $0.operation = encoded(operation.info)
        $0.latestStatus = encoded(latestStatus(of: operation))
      }
    }
  }

  private func latestStatus(of operation: AgentOperation) -> OperationStatus {
    if let status = operation.status, operation.isStatusDurable { return status }
    return .with {
      if operation.info.hasID { $0.operationID = operation.info.id }
      $0.state = .operationPending
      if let agentID { $0.agentID = AgentID(agentID) }
    }
  }

  // MARK: Recovery

  /// Makes of the configured resources what the records say they became.
  mutating func restore(checkpointed: [Resource]) throws(AgentError) {
    let problem: String
    do {
      total = try total.converted(into: Resources(checkpointed))
      return
    } catch let error as OperationError {
      problem = error.message
    } catch let error as ResourceError {
      problem = error.message
    } catch {
      problem = "\(error)"
    }
    throw AgentError(
      code: .incompatible,
      message:
        "The agent has reservations or volumes of resources that it is not configured with: \(problem). Start it "
        + "with the resources of before, or remove the agent's state to start as a new agent; volumes are lost then")
  }

  /// Brings the folders of volumes in the state that the records tell of, and operations that were under way to their end.
  mutating func recoverVolumes() {
    let kept = total.persistentVolumes.entries.compactMap {
      VolumeFolder($0, workDirectory: configuration.workDirectory)
    }
    var steps: [VolumeStep] = []
    var pending: [OperationKey] = []
    for (key, operation) in operations where operation.status == nil {
      pending.append(key)
      guard operation.info.type == .destroy, let volumes = try? Resources(operation.info.destroy.volumes) else {
        continue
      }
      for volume in volumes.entries {
        guard let folder = VolumeFolder(volume, workDirectory: configuration.workDirectory) else { continue }
        if !kept.contains(folder) { steps.append(.remove(folder)) }
      }
    }
    steps += kept.map(VolumeStep.make)
    guard !steps.isEmpty || !pending.isEmpty else { return }
    work(steps, then: .recovered(pending))
  }

  // MARK: Reading

  /// Whether every folder of a volume is as ``totalResources`` says: nothing of it is on its way to the disk or to the shell.
  public var isVolumeWorkDone: Bool {
    volumeWork.isEmpty && operations.values.allSatisfy { $0.isDurable && $0.status != nil }
  }

  /// What the agent and its providers have, with everything that operations made of it.
  public var totalResources: Resources { providers.values.reduce(into: total) { $0 += $1.total } }

  /// Operations whose end was not acknowledged.
  public func getOperations() -> AgentResponse.GetOperations {
    .with {
      $0.operations = operations.compactMap { key, operation in
        guard operation.isDurable else { return nil }
        return .with {
          if let framework = operation.framework { $0.frameworkID = FrameworkID(framework) }
          if let agentID { $0.agentID = AgentID(agentID) }
          $0.info = operation.info
          $0.latestStatus = latestStatus(of: operation)
          if let status = operation.status, operation.isStatusDurable { $0.statuses = [status] }
          $0.uuid = .with { $0.value = MessageBytes.copy(key.bytes) }
        }
      }
      $0.operations += providerOperations
    }
  }
}
