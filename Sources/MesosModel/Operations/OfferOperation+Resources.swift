import SwiftProtobuf

extension Offer.Operation {
  /// The operation with every resource of it that has no allocation allocated to `role`.
  ///
  /// Frameworks that were written before there were several roles leave the allocation out; a master puts in the role of the offer.
  /// - Source: Apache Mesos `src/common/protobuf_utils.cpp`, `injectAllocationInfo`.
  public func allocatedWhereMissing(to role: String) -> Offer.Operation {
    mapResources { resource in
      if !resource.hasAllocationInfo { resource.allocationInfo.role = role }
    }
  }

  /// The operation with no resource of it allocated: how it is applied to the total of an agent.
  /// - Source: Apache Mesos `src/common/protobuf_utils.cpp`, `stripAllocationInfo`.
  public var unallocated: Offer.Operation { mapResources { $0.clearAllocationInfo() } }

  /// The operation with its resources in the present reservation format.
  ///
  /// - Throws: `OperationError` with code `.invalidResource` when one of them is no valid description of resources.
  /// - Source: Apache Mesos `src/common/resources_utils.cpp`, `validateAndUpgradeResources`.
  public func upgraded() throws(OperationError) -> Offer.Operation {
    var messages: [Resource] = []
    let operation = mapResources { resource in
      messages.append(resource)
      resource.upgrade()
    }
    _ = try Resources.read(messages)
    return operation
  }

  /// The provider whose resources the operation is for; nil for the agent's own, and for an operation without resources.
  ///
  /// The first resource decides: ``OperationValidation`` refuses an operation on resources of several.
  /// - Source: Apache Mesos `src/common/resources_utils.cpp`, `getResourceProviderId`.
  public var providerID: String? {
    let first: Resource? =
      switch type {
      case .reserve: reserve.resources.first
      case .unreserve: unreserve.resources.first
      case .create: create.volumes.first
      case .destroy: destroy.volumes.first
      case .growVolume: growVolume.volume
      case .shrinkVolume: shrinkVolume.volume
      case .createDisk: createDisk.source
      case .destroyDisk: destroyDisk.source
      case .launch, .launchGroup, .unknown: nil
      }
    return first.flatMap { $0.hasProviderID ? $0.providerID.value : nil }
  }

  private func mapResources(_ transform: (inout Resource) -> Void) -> Offer.Operation {
    func change(each resources: inout [Resource]) {
      for index in resources.indices { transform(&resources[index]) }
    }
    func change(task: inout TaskInfo) {
      change(each: &task.resources)
      if task.hasExecutor { change(each: &task.executor.resources) }
    }
    var operation = self
    switch type {
    case .launch:
      for index in launch.taskInfos.indices { change(task: &operation.launch.taskInfos[index]) }
    case .launchGroup:
      if launchGroup.hasExecutor { change(each: &operation.launchGroup.executor.resources) }
      for index in launchGroup.taskGroup.tasks.indices { change(task: &operation.launchGroup.taskGroup.tasks[index]) }
    case .reserve:
      change(each: &operation.reserve.source)
      change(each: &operation.reserve.resources)
    case .unreserve: change(each: &operation.unreserve.resources)
    case .create: change(each: &operation.create.volumes)
    case .destroy: change(each: &operation.destroy.volumes)
    case .growVolume:
      transform(&operation.growVolume.volume)
      transform(&operation.growVolume.addition)
    case .shrinkVolume: transform(&operation.shrinkVolume.volume)
    case .createDisk: transform(&operation.createDisk.source)
    case .destroyDisk: transform(&operation.destroyDisk.source)
    case .unknown: break
    }
    return operation
  }
}
