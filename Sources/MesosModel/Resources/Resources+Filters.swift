extension Resources {
  /// The entries for which `predicate` holds.
  public func filter(_ predicate: (Entry) -> Bool) -> Resources { Resources(canonical: entries.filter(predicate)) }

  /// What is reserved to nobody.
  public var unreserved: Resources { filter { !$0.isReserved } }

  /// What is reserved: to exactly `role`, or to anybody when nil.
  public func reserved(to role: String? = nil) -> Resources {
    filter { $0.isReserved && (role == nil || $0.reservationRole == role) }
  }

  /// What a framework in `role` may be offered: what is unreserved, or reserved to the role or to an ancestor of it.
  public func reservedOrUnreserved(allocatableTo role: String) -> Resources {
    if entries.allSatisfy({ $0.isAllocatable(to: role) }) { return self }
    return filter { $0.isAllocatable(to: role) }
  }

  /// What may be taken back at any time.
  public var revocable: Resources { filter(\.isRevocable) }

  public var nonRevocable: Resources {
    entries.contains(where: \.isRevocable) ? filter { !$0.isRevocable } : self
  }

  /// What is shared.
  public var shared: Resources { filter(\.isShared) }

  public var nonShared: Resources {
    entries.contains(where: \.isShared) ? filter { !$0.isShared } : self
  }

  /// The persistent volumes.
  public var persistentVolumes: Resources { filter(\.isPersistentVolume) }

  // MARK: Allocation

  /// These resources, allocated to `role` whatever they were allocated to before.
  public func allocated(to role: String) -> Resources { withAllocation(role) }

  /// These resources, with what has no allocation allocated to `role`: frameworks may leave the allocation of what they use out.
  public func allocatedWhereMissing(to role: String) -> Resources {
    guard entries.contains(where: { $0.allocationRole == nil }) else { return self }
    var result = Resources()
    for var entry in entries {
      entry.allocationRole = entry.allocationRole ?? role
      result.add(entry)
    }
    return result
  }

  /// These resources, allocated to no role.
  public var unallocated: Resources { withAllocation(nil) }

  /// What is allocated to each role, in ascending order of roles; what is not allocated is left out.
  public var allocations: [(role: String, resources: Resources)] {
    if let role = entries.first?.allocationRole, entries.allSatisfy({ $0.allocationRole == role }) {
      return [(role, self)]
    }
    return Set(entries.compactMap(\.allocationRole)).sorted().map { role in
      (role, filter { $0.allocationRole == role })
    }
  }

  private func withAllocation(_ role: String?) -> Resources {
    guard let first = entries.first else { return self }
    if entries.allSatisfy({ $0.allocationRole == first.allocationRole }) {
      // One allocation before and one after: nothing can merge.
      if first.allocationRole == role { return self }
      var result = self
      for index in result.entries.indices { result.entries[index].allocationRole = role }
      return result
    }
    var result = Resources()
    for var entry in entries {
      entry.allocationRole = role
      result.add(entry)
    }
    return result
  }

  // MARK: Amounts

  /// The sum of the scalars of this name, whatever their reservation, disk and so on; a shared one counts once.
  public func scalar(_ name: String) -> Scalar {
    entries.reduce(into: .zero) { sum, entry in
      if case .scalar(let amount) = entry.amount, entry.name == name { sum += amount }
    }
  }

  /// The union of the ranges of this name.
  public func ranges(_ name: String) -> ResourceRanges {
    entries.reduce(into: ResourceRanges()) { sum, entry in
      if case .ranges(let amount) = entry.amount, entry.name == name { sum += amount }
    }
  }

  /// The union of the sets of this name.
  public func set(_ name: String) -> ResourceSet {
    entries.reduce(into: ResourceSet()) { sum, entry in
      if case .set(let amount) = entry.amount, entry.name == name { sum += amount }
    }
  }

  /// The sums of the scalars by name; a shared resource counts once, ranges and sets do not count.
  public var quantities: ResourceQuantities {
    var result = ResourceQuantities()
    for entry in entries {
      if case .scalar(let amount) = entry.amount { result.add(amount, of: entry.name) }
    }
    return result
  }
}
