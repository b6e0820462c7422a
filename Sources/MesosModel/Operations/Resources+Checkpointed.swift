extension Resources {
  /// What an agent of these resources has once `checkpointed`, the reservations and volumes that it wrote down, are taken as made of them.
  ///
  /// - Parameter checkpointed: Dynamic reservations and persistent volumes, allocated to no role.
  /// - Throws: `OperationError` with code `.insufficient` when what one of them was made of is not here: the agent was configured anew and
  ///   has less; or `.notApplicable` for something that is neither a dynamic reservation nor a persistent volume.
  /// - Source: Apache Mesos `src/common/resources_utils.cpp`, `applyCheckpointedResources`.
  public func converted(into checkpointed: Resources) throws(OperationError) -> Resources {
    var total = self
    for entry in checkpointed.entries {
      guard entry.needsCheckpointing else {
        throw OperationError(.notApplicable, "Unexpected checkpointed resources \(entry)")
      }
      let origin = Resources(try entry.asConfigured)
      guard total.contains(origin) else {
        throw OperationError(.insufficient, "Incompatible agent resources: \(total) does not contain \(origin)")
      }
      total = total - origin + Resources(entry)
    }
    return total
  }
}

extension Resources.Entry {
  /// What this was before anything was done to it: without volume, and reserved by the agent's configuration at most.
  fileprivate var asConfigured: Resources.Entry {
    get throws(OperationError) {
      let disk = isPersistentVolume ? withoutVolume : self
      guard isDynamicallyReserved else { return disk }
      let stack = reservations.first.map { $0.kind == .configured ? [$0] : [] } ?? []
      do { return try disk.replacingReservations(stack) } catch {
        throw OperationError(.invalidResource, error.message)
      }
    }
  }
}
