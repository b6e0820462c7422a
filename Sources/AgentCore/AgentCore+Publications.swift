import AgentLinkModel
import MesosModel
import OrderedCollections
import SwiftProtobuf

// Before a task runs that uses resources of a provider, the provider makes them available.
//
// A provider is told of everything that is in use of its resources, as often as that changes: who has no names for what it gives cannot tell
// what is new. A task whose provider is away waits for it, for a time; Apache Mesos fails it at once.
// - Source: Apache Mesos `src/slave/slave.cpp`, `publishResources`.
extension AgentCore {
  /// Has providers make available what a task and its executor use of their resources; the task waits for that.
  ///
  /// - Returns: Whether the task has to wait.
  mutating func awaitPublication(_ address: TaskAddress, _ executorAddress: ExecutorAddress) -> Bool {
    guard let executor = self[executorAddress], let task = executor.tasks[address.task], !task.isPublished,
      [.preparing, .registering, .running].contains(executor.state), !hasEnded(address)
    else { return false }
    let wanted = OrderedSet(
      (task.info.resources + executor.info.resources).filter(\.hasProviderID).map { $0.providerID.key })
    guard !wanted.isEmpty else { return false }
    setPhase(address, .pending)
    var begun: [OperationKey] = []
    for key in wanted
    where !publications.values.contains(where: { $0.task == address && $0.provider == key }) {
      guard let uuid = OperationKey(bytes: identities.uuid()) else { continue }
      publications[uuid] = Publication(task: address, container: executor.container, provider: key)
      deadlines.set(.publication(uuid), at: now.uptime + configuration.publicationTimeout)
      begun.append(uuid)
    }
    for uuid in begun { sendPublication(uuid) }
    return true
  }

  /// A provider is there: what waits for it is said now.
  mutating func sendPublications(to key: ResourceProviderKey) {
    for uuid in publications.filter({ $0.value.provider == key }).keys { sendPublication(uuid) }
  }

  private mutating func sendPublication(_ uuid: OperationKey) {
    guard let publication = publications[uuid] else { return }
    let key = publication.provider
    guard let provider = providers[key], provider.standing == .admitted else {
      return fail(publication, .outdatedResources, "Resource provider \(key) is not known to the agent")
    }
    guard let subscription = provider.subscription, let state = subscription.state else { return }
    let inUse = resourcesInUse(of: key, with: publication.task)
    guard state.total.contains(inUse.own) else {
      return fail(publication, .outdatedResources, "Task assumes outdated resource state")
    }
    send(subscription.connection, .publishResources) {
      $0.publishResources.uuid.value = MessageBytes.copy(uuid.bytes)
      $0.publishResources.resources = inUse.all
    }
  }

  /// What is used of a provider's resources: by everything that runs and by this task, and by this task and its executor alone.
  private func resourcesInUse(of key: ResourceProviderKey, with task: TaskAddress) -> (all: [Resource], own: Resources)
  {
    var all: [Resource] = []
    var own: [Resource] = []
    for framework in frameworks.values {
      for executor in framework.executors.values where executor.state != .terminated {
        let isOwn = framework.id == task.framework && executor.tasks[task.task] != nil
        var used = executor.state == .preparing && !isOwn ? [] : executor.info.resources
        for (id, other) in executor.tasks where other.phase != .terminated {
          if other.phase != .pending || isOwn && id == task.task { used += other.info.resources }
        }
        used = used.filter { $0.providerID.key == key }
        all += used
        if isOwn {
          own += (executor.info.resources + (executor.tasks[task.task]?.info.resources ?? []))
            .filter { $0.providerID.key == key }
        }
      }
    }
    return (all, ((try? Resources(own)) ?? Resources()).unallocated)
  }

  mutating func updatePublication(
    _ update: ResourceProviderCall.UpdatePublishResourcesStatus, by key: ResourceProviderKey
  ) {
    guard let uuid = OperationKey(bytes: update.uuid.value), let publication = publications[uuid],
      publication.provider == key
    else { return }
    guard update.status == .ok else {
      return fail(publication, nil, "Resource provider \(key) failed to publish resources")
    }
    end(uuid)
    let (task, container) = (publication.task, publication.container)
    guard !publications.values.contains(where: { $0.task == task }), let owner = owners[task] else { return }
    frameworks[task.framework]?.executors[owner]?.tasks[task.task]?.isPublished = true
    runDurably([task], container)
  }

  mutating func publicationTimedOut(_ uuid: OperationKey) {
    guard let publication = publications[uuid] else { return }
    let timeout = configuration.publicationTimeout.mesosText
    fail(publication, nil, "Resource provider \(publication.provider) did not publish resources within \(timeout)")
  }

  /// The provider will not come back.
  mutating func failPublications(of key: ResourceProviderKey) {
    for publication in publications.values.filter({ $0.provider == key }) {
      fail(publication, .outdatedResources, "Resource provider \(key) is gone")
    }
  }

  private mutating func end(_ uuid: OperationKey) {
    publications[uuid] = nil
    deadlines.remove(.publication(uuid))
  }

  /// The task cannot have what it needs.
  ///
  /// - Parameter cause: Why; nil where the provider did not do its part.
  private mutating func fail(_ publication: Publication, _ cause: TaskStatusCause?, _ message: String) {
    for (uuid, other) in publications where other.task == publication.task { end(uuid) }
    guard let address = address(of: publication.container), let executor = self[address] else { return }
    guard executor.state == .preparing else {
      guard executor.tasks[publication.task.task]?.phase == .pending, !hasEnded(publication.task) else { return }
      let isPartitionAware = frameworks[address.framework]?.isPartitionAware ?? false
      let cause = (cause ?? .containerUpdateFailed).reported(toPartitionAware: isPartitionAware)
      // Of a group the executor gets all tasks or none.
      for member in undelivered(publication.task) {
        for (uuid, other) in publications where other.task == member { end(uuid) }
        stage(member, status(member.task, cause, message, executor: executor.id))
      }
      // An executor that was never given a task, and has none to wait for, was started for nothing.
      if !executor.wasGivenTasks,
        executor.tasks.keys.allSatisfy({ hasEnded(TaskAddress(framework: address.framework, task: $0)) })
      {
        shutdown(address)
      }
      return
    }
    // Its executor is not started for it, and the master is told so.
    for (uuid, other) in publications where other.container == executor.container { end(uuid) }
    counters.containerLaunchErrors += 1
    self[address]?.state = .registering
    self[address]?.termination = Executor.Termination(
      cause: cause ?? .containerLaunchFailed, message: "Failed to launch container: \(message)")
    end(address, status: -1)
  }
}
