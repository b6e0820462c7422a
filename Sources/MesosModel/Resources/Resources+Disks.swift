extension Resources.Entry {
  /// The disk that a persistent volume lies on: the entry without volume, persistence and sharing, as it is before CREATE and after
  /// DESTROY. A disk without a source is plain `disk` again.
  public var withoutVolume: Resources.Entry {
    guard var disk = identity.disk else { return self }
    disk.clearPersistence()
    disk.clearVolume()
    let identity = identity.with(reservations: reservations, disk: disk.hasSource ? disk : nil, isShared: false)
    return Resources.Entry(identity, amount, allocationRole: allocationRole)
  }

  /// The entry as one copy of it: of what is shared there may be many, of all else there is one.
  public var withOneCopy: Resources.Entry {
    var result = self
    if isShared { result.count = 1 }
    return result
  }

  /// The entry with another amount of the same kind.
  /// - Precondition: `amount.kind == kind`.
  public func replacingAmount(_ amount: Resources.Amount) -> Resources.Entry {
    precondition(amount.kind == kind, "\(self) cannot have the amount \(amount)")
    var result = self
    result.amount = amount
    return result
  }
}

extension Resources {
  /// The disks that persistent volumes lie on, see ``Entry/withoutVolume``; all else stays as it is.
  public var withoutVolumes: Resources {
    entries.contains(where: \.isPersistentVolume)
      ? rebuilt { $0 = $0.isPersistentVolume ? $0.withoutVolume : $0 } : self
  }
}
