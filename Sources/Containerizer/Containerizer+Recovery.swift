import Logging
import ProcessLaunch

extension Containerizer {
  /// Finds the containers of an earlier run again, and destroys those that nobody knows.
  ///
  /// - Parameter known: The executors' containers that the caller counts with, those that may have ended meanwhile included. Standalone
  ///   and nested ones are known from the run-time folder.
  /// - Returns: The containers that were destroyed, or are left because they could not be.
  /// - Throws: ``ContainerizerError``; with code `.recovery` a record is damaged, which the message names with the remedy.
  @discardableResult
  public func recover(_ known: [RecoveredContainer]) async throws(ContainerizerError) -> Set<NestedContainerID> {
    var recovered: [NestedContainerID: RecoveredContainer] = [:]
    for container in known { recovered[container.id] = container }
    var stored: Set<NestedContainerID> = []
    // Parents come before what is nested in them.
    for record in try store.load() {
      stored.insert(record.id)
      if let process = record.process {
        guard record.configuration.kind != .executor, recovered[record.id] == nil else { continue }
        if let parent = record.id.parent, recovered[parent] == nil { continue }
        recovered[record.id] = RecoveredContainer(id: record.id, process: process, configuration: record.configuration)
      } else if record.configuration.kind != .executor, let exit = store.status(of: record.id) {
        terminated[record.id] = ContainerTermination(exit: exit, limitation: nil, wasDestroyed: false, leftovers: [])
        terminatedOrder.append(record.id)
        stored.remove(record.id)
      }
    }
    var orphans = try await launcher.recover(recovered.mapValues(\.process))
    orphans.formUnion(stored.subtracting(recovered.keys))
    let all = recovered.values.sorted { $0.id < $1.id }
    for isolator in isolators { try await isolator.recover(all, orphans: orphans) }
    for orphan in orphans.sorted(by: >) {
      logger.info("orphaned container is destroyed", metadata: ["container": "\(orphan)"])
      let process = store.process(of: orphan)
      do {
        try await launcher.destroy(orphan, process, within: configuration.destroyTimeout)
        for isolator in isolators.reversed() { try await isolator.cleanUp(orphan) }
        try await provisioner.destroy(orphan)
        store.remove(orphan)
      } catch {
        // It stays an orphan for the next run.
        logger.error("orphaned container not destroyed", metadata: ["container": "\(orphan)", "error": "\(error)"])
      }
    }
    for container in all {
      let entry = Container(container.configuration)
      entry.state = .running
      entry.process = container.process
      containers[container.id] = entry
      watch(container.id, entry, container.process)
    }
    return orphans
  }
}
