extension Resources {
  /// The entries for which `predicate` holds.
  public func filter(_ predicate: (Entry) -> Bool) -> Resources { Resources(canonical: entries.filter(predicate)) }

  /// As ``filter(_:)``, without making a new list where all entries stay.
  private func keeping(_ predicate: (Entry) -> Bool) -> Resources {
    guard let first = entries.firstIndex(where: { !predicate($0) }) else { return self }
    var kept: [Entry] = []
    if first > 0 {
      kept.reserveCapacity(entries.count - 1)
      kept.append(contentsOf: entries[..<first])
    }
    for index in entries.index(after: first)..<entries.endIndex where predicate(entries[index]) {
      kept.append(entries[index])
    }
    return Resources(canonical: kept)
  }

  // MARK: Names and kinds

  /// The entries of one name.
  public func named(_ name: String) -> Resources { keeping { $0.name == name } }

  /// The entries whose amounts are scalars.
  public var scalars: Resources { keeping { $0.kind == .scalar } }

  /// The names in ascending order, each once.
  public var names: [String] { kinds.map(\.name) }

  /// The names in ascending order, each once, with the kind of the amounts.
  public var kinds: [(name: String, kind: Kind)] {
    var kinds: [String: Kind] = [:]
    for entry in entries { kinds[entry.name] = entry.kind }
    return kinds.map { (name: $0.key, kind: $0.value) }.sorted { $0.name < $1.name }
  }

  // MARK: Reservations

  /// What is reserved to nobody.
  public var unreserved: Resources { keeping { !$0.isReserved } }

  /// What is reserved: to exactly `role`, or to anybody when nil.
  public func reserved(to role: String? = nil) -> Resources {
    keeping { $0.isReserved && (role == nil || $0.reservationRole == role) }
  }

  /// What is reserved to `role` or to a role below it.
  public func reserved(toSubtreeOf role: String) -> Resources { keeping { $0.isReserved(toSubtreeOf: role) } }

  /// What a framework in `role` may be offered: what is unreserved, or reserved to the role or to an ancestor of it.
  public func allocatable(to role: String) -> Resources { keeping { $0.isAllocatable(to: role) } }

  /// What is reserved to each role, in ascending order of roles; what is unreserved is left out.
  public var reservations: [(role: String, resources: Resources)] {
    Set(entries.compactMap(\.reservationRole)).sorted().map { (role: $0, resources: reserved(to: $0)) }
  }

  // MARK: Other properties

  /// What may be taken back at any time.
  public var revocable: Resources { keeping(\.isRevocable) }

  /// What stays until its user gives it back.
  public var nonRevocable: Resources { keeping { !$0.isRevocable } }

  /// What is shared.
  public var shared: Resources { keeping(\.isShared) }

  /// What one task alone may use.
  public var nonShared: Resources { keeping { !$0.isShared } }

  /// The persistent volumes.
  public var persistentVolumes: Resources { keeping(\.isPersistentVolume) }

  /// The disks of one type.
  public func disks(of type: Resource.DiskInfo.Source.TypeEnum) -> Resources { keeping { $0.isDisk(of: type) } }

  /// What a resource provider has, or what the agent itself has when nil.
  public func provided(by provider: String?) -> Resources { keeping { $0.providerID == provider } }

  /// What an agent has to keep across restarts, see ``Entry/needsCheckpointing``.
  public var needingCheckpoint: Resources { keeping(\.needsCheckpointing) }

  /// The one resource provider that has all of these resources; nil when the agent itself has them.
  /// - Throws: `ResourceError` with code `.invalidResource` when there is nothing, or more than one has a part.
  public func provider() throws(ResourceError) -> String? {
    guard let first = entries.first else {
      throw ResourceError(.invalidResource, "Cannot determine resource provider for empty resources")
    }
    guard entries.allSatisfy({ $0.providerID == first.providerID }) else {
      throw ResourceError(.invalidResource, "Resources are from multiple resource providers")
    }
    return first.providerID
  }

  // MARK: Allocation

  /// These resources, allocated to `role` whatever they were allocated to before.
  public func allocated(to role: String) -> Resources { withAllocation(role) }

  /// These resources, with what has no allocation allocated to `role`: frameworks may leave the allocation of what they use out.
  public func allocatedWhereMissing(to role: String) -> Resources {
    guard entries.contains(where: { $0.allocationRole == nil }) else { return self }
    let key = Entry.key(ofRole: role)
    return rebuilt { $0.allocationRole == nil ? $0.allocate(to: role, roleKey: key) : () }
  }

  /// These resources, allocated to no role.
  public var unallocated: Resources { withAllocation(nil) }

  /// What is allocated to `role` or to a role below it.
  public func allocated(toSubtreeOf role: String) -> Resources { keeping { $0.isAllocated(toSubtreeOf: role) } }

  /// The role that all of these resources are allocated to; nil when there is none, or more than one.
  package var onlyAllocationRole: String? {
    guard let role = entries.first?.allocationRole, entries.allSatisfy({ $0.allocationRole == role }) else {
      return nil
    }
    return role
  }

  /// What is allocated to each role, in ascending order of roles; what is not allocated is left out.
  public var allocations: [(role: String, resources: Resources)] {
    if let role = onlyAllocationRole { return [(role, self)] }
    return Set(entries.compactMap(\.allocationRole)).sorted().map { role in
      (role, filter { $0.allocationRole == role })
    }
  }

  private func withAllocation(_ role: String?) -> Resources {
    guard let first = entries.first else { return self }
    let key = Entry.key(ofRole: role)
    guard entries.allSatisfy({ $0.allocationRole == first.allocationRole }) else {
      return rebuilt { $0.allocate(to: role, roleKey: key) }
    }
    // One allocation before and one after: nothing can merge.
    if first.allocationRole == role { return self }
    var result = self
    for index in result.entries.indices { result.entries[index].allocate(to: role, roleKey: key) }
    return result
  }

  /// The sum of the changed entries.
  func rebuilt(_ change: (inout Entry) -> Void) -> Resources {
    var result = Resources()
    for var entry in entries {
      change(&entry)
      result += entry
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

  /// Whether there is as much as `quantities` say of every name in it, whatever reservation, disk and so on; ranges count their
  /// numbers and sets their items.
  public func contains(_ quantities: ResourceQuantities) -> Bool {
    quantities.quantities.allSatisfy { quantity in
      var sum = Scalar.zero
      for entry in entries where entry.name == quantity.name {
        switch entry.amount {
        case .scalar(let amount): sum += amount
        case .ranges(let ranges): sum += Scalar(units: ranges.count)
        case .set(let set): sum += Scalar(units: UInt64(set.items.count))
        }
      }
      return sum >= quantity.amount
    }
  }
}

extension Scalar {
  /// A whole number of units, at most what fits.
  fileprivate init(units: UInt64) {
    let (product, overflow) = units.multipliedReportingOverflow(by: 1000)
    self.init(thousandths: overflow ? .max : Int64(clamping: product))
  }
}
