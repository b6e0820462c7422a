import DequeModule
import MesosModel
import OrderedCollections

extension AgentCore {
  /// What must hold after every event; the first that does not, as a sentence. For tests and the simulator.
  public func brokenInvariant() -> String? {
    for (address, owner) in owners {
      if frameworks[address.framework]?.executors[owner]?.tasks[address.task] == nil {
        return "Task \(address.task) is listed under executor \(owner), which does not have it"
      }
    }
    for framework in frameworks.values {
      for executor in framework.executors.values {
        let address = ExecutorAddress(framework: framework.id, executor: executor.id)
        if containers[executor.container] != address { return "Container \(executor.container) is not listed" }
        if let connection = executor.connection, connections[connection] != address {
          return "Connection \(connection.number) of executor \(executor.id) is not listed"
        }
        if executor.state == .registering, !deadlines.contains(.executor(executor.container)) {
          return "Executor \(executor.id) may register for ever"
        }
        for task in executor.tasks.values {
          let taskAddress = TaskAddress(framework: framework.id, task: task.info.taskID.key)
          if owners[taskAddress] != executor.id { return "Task \(taskAddress.task) has no owner" }
          if task.phase == .terminated, streams[taskAddress]?.updates.isEmpty ?? true {
            return "Task \(taskAddress.task) has ended and nobody will be told"
          }
          if executor.state == .terminated, !hasEnded(taskAddress), awaiting.isEmpty {
            return "Task \(taskAddress.task) outlives its executor"
          }
        }
      }
    }
    for (connection, key) in providerConnections {
      if providers[key]?.subscription?.connection != connection {
        return "Connection \(connection.number) is not that of resource provider \(key)"
      }
    }
    for (key, provider) in providers {
      if let connection = provider.subscription?.connection, providerConnections[connection] != key {
        return "Connection \(connection.number) of resource provider \(key) is not listed"
      }
      if provider.total.entries.contains(where: { $0.providerID != key.value || $0.allocationRole != nil }) {
        return "Resource provider \(key) has what is not its own: \(provider.total)"
      }
    }
    for uuid in publications.keys where !deadlines.contains(.publication(uuid)) {
      return "A task may wait for resources for ever"
    }
    for (address, stream) in streams {
      let numbers = stream.updates.map(\.number)
      if zip(numbers, numbers.dropFirst()).contains(where: { $0 + 1 != $1 }) {
        return "The updates of task \(address.task) are not in a row"
      }
      if let first = stream.updates.first, isRegistered, first.isDurable, !first.isAcknowledged,
        !deadlines.contains(.retry(address))
      {
        return "The first update of task \(address.task) is sent once only"
      }
    }
    return nil
  }
}
