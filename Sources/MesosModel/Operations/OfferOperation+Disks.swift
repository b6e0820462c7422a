import SwiftProtobuf

// Disks of a provider: RAW ones become MOUNT and BLOCK ones, and back. Only the provider knows what came of it.

extension Offer.Operation {
  /// The conversion of CREATE_DISK and DESTROY_DISK, now that the provider has done it and says what there is instead.
  ///
  /// The result is checked against what was asked for: CREATE_DISK gives one disk of the target type, with an id, of the size, the provider
  /// and the reservations of its source; DESTROY_DISK gives one RAW disk likewise, or nothing when the profile of the disk is gone. It is
  /// allocated as the source was, whatever the status says.
  ///
  /// - Parameter converted: `converted_resources` of the status with which the operation finished.
  /// - Throws: `OperationError` with code `.amountsChange` or `.notApplicable` for a result that cannot be of this operation,
  ///   `.invalidResource` when it is no resource at all, and `.notAConversion` for operations of other kinds, which ``conversions()`` knows.
  /// - Source: Apache Mesos, *Container Storage Interface*, "New Offer Operations for Disk Resources"; `src/master/master.cpp`,
  ///   `updateOperation`.
  public func conversion(into converted: [Resource]) throws(OperationError) -> ResourceConversion {
    let source: Resource
    switch type {
    case .createDisk: source = createDisk.source
    case .destroyDisk: source = destroyDisk.source
    default:
      throw OperationError(.notAConversion, "What \(type.wireName) gives does not depend on its status")
    }
    let consumed = try Resources.read([source])
    var result = try Resources.read(converted).unallocated
    if let role = consumed.entries.first?.allocationRole { result = result.allocated(to: role) }
    let conversion = ResourceConversion(consumed: consumed, converted: result)
    if type == .destroyDisk, result.isEmpty { return conversion }
    guard conversion.preservesAmounts else {
      throw OperationError(
        .amountsChange, "\(type.wireName) turned \(consumed) into \(result), which is not the same amount")
    }
    guard let before = consumed.messages.first, result.entries.count == 1, let after = result.messages.first,
      before.withoutSource == after.withoutSource, isResult(after.disk.source)
    else {
      throw OperationError(.notApplicable, "\(type.wireName) of \(consumed) cannot give \(result)")
    }
    return conversion
  }

  private func isResult(_ disk: Resource.DiskInfo.Source) -> Bool {
    type == .createDisk ? disk.type == createDisk.targetType && disk.hasID : disk.type == .raw
  }
}

extension Offer.Operation.CreateDisk {
  /// The disk that a provider makes of the source: of the target type, with the identity of the volume behind it.
  ///
  /// - Parameters:
  ///   - id: The identity of the volume, as the storage system gives it.
  ///   - metadata: What the storage system wants to see again with the identity.
  ///   - mountRoot: Where the disk will be mounted, for a MOUNT disk.
  /// - Source: Apache Mesos `src/resource_provider/storage/provider.cpp`, `applyCreateDisk`.
  public func disk(id: String, metadata: MesosLabels? = nil, mountRoot: String? = nil) -> Resource {
    var disk = source
    disk.disk.source.type = targetType
    disk.disk.source.id = id
    if hasTargetProfile { disk.disk.source.profile = targetProfile }
    if let metadata { disk.disk.source.metadata = metadata }
    if targetType == .mount, let mountRoot { disk.disk.source.mount.root = mountRoot }
    return disk
  }
}

extension Offer.Operation.DestroyDisk {
  /// The RAW disk that a provider makes of the source.
  ///
  /// - Parameters:
  ///   - deprovisioned: Whether the storage system deleted the volume. It becomes room in the pool then; otherwise the volume stays, as a
  ///     disk without a profile that was there before.
  ///   - isProfileKnown: Whether the profile of the source is one that there still is.
  /// - Returns: The disk; nil for a volume that is deleted and was of no known profile, whose room belongs to no pool.
  /// - Source: Apache Mesos `src/resource_provider/storage/provider.cpp`, `applyDestroyDisk`.
  public func disk(deprovisioned: Bool, isProfileKnown: Bool) -> Resource? {
    var disk = source
    disk.disk.source.type = .raw
    disk.disk.source.clearMount()
    guard deprovisioned else {
      disk.disk.source.clearProfile()
      return disk
    }
    guard isProfileKnown, source.disk.source.hasProfile else { return nil }
    disk.disk.source.clearID()
    disk.disk.source.clearMetadata()
    return disk
  }
}

extension Resource {
  fileprivate var withoutSource: Resource {
    var resource = self
    resource.clearDisk()
    return resource
  }
}
