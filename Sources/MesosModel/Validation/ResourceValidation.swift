/// The rules about resources that are used: those that go beyond what makes a message resources at all, which reading them checks.
///
/// - Source: Apache Mesos, `src/master/validation.cpp`, namespace `resource`; `src/common/validation.cpp`, `validateGpus`.
public enum ResourceValidation {
  /// Checks messages as a task, an executor or an operation names them: each is a resource, gpus are whole, disks are complete, and
  /// nothing revocable is reserved or a volume.
  ///
  /// - Throws: `ValidationError` about the first rule broken, in the order of Apache Mesos; its message begins with the group of rules,
  ///   such as `Invalid DiskInfo: `.
  /// - Complexity: O(*n*).
  public static func validate(_ messages: [Resource]) throws(ValidationError) {
    var entries: [Resources.Entry] = []
    entries.reserveCapacity(messages.count)
    do {
      // An amount of nothing is no part of the sum, but the rules hold for it too.
      _ = try Resources(messages)
      for message in messages { entries.append(try Resources.Entry(message)) }
    } catch {
      throw ValidationError(.invalidResources, "Invalid resources: \(error.message)")
    }
    try validate(entries)
  }

  /// Checks resources that were read already, see ``validate(_:)-([Resource])``.
  /// - Throws: `ValidationError` about the first rule broken, in the order of Apache Mesos.
  /// - Complexity: O(*n*).
  public static func validate(_ resources: Resources) throws(ValidationError) { try validate(resources.entries) }

  private static func validate(_ entries: [Resources.Entry]) throws(ValidationError) {
    do { try validateGPUs(entries) } catch { throw error.within("Invalid 'gpus' resource: ") }
    for entry in entries {
      do { try validateDisk(entry) } catch { throw error.within("Invalid DiskInfo: ") }
    }
    for entry in entries where entry.isDynamicallyReserved && entry.isRevocable {
      throw ValidationError(
        .invalidResources,
        "Invalid ReservationInfo: Dynamically reserved resource \(entry) cannot be created from revocable resources")
    }
  }

  /// Checks that the gpus, taken together, are a whole number.
  /// - Throws: `ValidationError` with code `.invalidResources`.
  public static func validateGPUs(_ resources: Resources) throws(ValidationError) {
    try validateGPUs(resources.entries)
  }

  private static func validateGPUs(_ entries: [Resources.Entry]) throws(ValidationError) {
    var sum = Scalar.zero
    for entry in entries where entry.name == "gpus" {
      if case .scalar(let amount) = entry.amount { sum += amount }
    }
    guard sum.thousandths % 1000 == 0 else {
      throw ValidationError(.invalidResources, "The 'gpus' resource must be an unsigned integer")
    }
  }

  private static func validateDisk(_ entry: Resources.Entry) throws(ValidationError) {
    func invalid(_ text: String) -> ValidationError { ValidationError(.invalidResources, text, path: "disk") }
    guard let disk = entry.disk else { return }
    guard disk.hasPersistence else {
      if disk.hasVolume { throw invalid("Non-persistent volume not supported") }
      guard disk.hasSource else { throw invalid("DiskInfo is set but empty") }
      return
    }
    guard !entry.isRevocable else { throw invalid("Persistent volumes cannot be created from revocable resources") }
    guard entry.isReserved else { throw invalid("Persistent volumes cannot be created from unreserved resources") }
    guard disk.hasVolume else { throw invalid("Expecting 'volume' to be set for persistent volume") }
    guard !disk.volume.hasHostPath else { throw invalid("Expecting 'host_path' to be unset for persistent volume") }
    do { try IdentifierValidation.validate(disk.persistence.id) } catch {
      throw error.within("Invalid persistence ID for persistent volume: ", field: "disk.persistence.id")
    }
  }

  /// Checks that no two persistent volumes of a role have the same id; the copies of a shared volume are one volume.
  /// - Throws: `ValidationError` with code `.duplicate` that names the id.
  /// - Complexity: O(*n*).
  public static func validateUniquePersistenceIDs(_ resources: Resources) throws(ValidationError) {
    struct VolumeName: Hashable { var role, id: String }
    var seen: Set<VolumeName> = []
    for entry in resources.entries where entry.isPersistentVolume {
      guard let id = entry.disk?.persistence.id else { continue }
      guard seen.insert(VolumeName(role: entry.reservationRole ?? RoleName.star, id: id)).inserted else {
        throw ValidationError(.duplicate, "Persistence ID '\(id)' is not unique", path: "disk.persistence.id")
      }
    }
  }

  /// Checks that not some of a name are revocable and some are not.
  /// - Throws: `ValidationError` with code `.invalidResources` that names the first such, in the order of names.
  /// - Complexity: O(*n*).
  public static func validateRevocability(_ resources: Resources) throws(ValidationError) {
    guard resources.entries.contains(where: \.isRevocable) else { return }
    var revocable: Set<String> = []
    var others: Set<String> = []
    for entry in resources.entries {
      if entry.isRevocable { revocable.insert(entry.name) } else { others.insert(entry.name) }
    }
    if let name = revocable.intersection(others).min() {
      throw ValidationError(
        .invalidResources, "Cannot use both revocable and non-revocable '\(name)' at the same time")
    }
  }

  /// Checks that everything is allocated, and to one and the same role.
  /// - Throws: `ValidationError` with code `.invalidResources`.
  public static func validateAllocatedToSingleRole(_ resources: Resources) throws(ValidationError) {
    var first: String?
    for entry in resources.entries {
      guard let role = entry.allocationRole else {
        throw ValidationError(.invalidResources, "The resources are not allocated to a role", path: "allocation_info")
      }
      guard role == first ?? role else {
        throw ValidationError(
          .invalidResources,
          "The resources have multiple allocation roles ('\(role)' and '\(first ?? "")') but only one allocation role "
            + "is allowed", path: "allocation_info.role")
      }
      first = role
    }
  }

  /// Checks that every message is a persistent volume that can be written to.
  /// - Throws: `ValidationError` with code `.invalidResources`.
  public static func validatePersistentVolumes(_ volumes: [Resource]) throws(ValidationError) {
    func invalid(_ text: String) -> ValidationError { ValidationError(.invalidResources, text, path: "disk") }
    for volume in volumes {
      guard volume.hasDisk else {
        let text = (try? Resources.Entry(volume)).map { "\($0)" } ?? volume.name
        throw invalid("Resource \(text) does not have DiskInfo")
      }
      guard volume.disk.hasPersistence else { throw invalid("'persistence' is not set in DiskInfo") }
      guard volume.disk.hasVolume else { throw invalid("Expecting 'volume' to be set for persistent volume") }
      guard volume.disk.volume.mode != .ro else { throw invalid("Read-only persistent volume not supported") }
    }
  }

  /// Checks that all are of one resource provider, or all of the agent itself; nothing at all is of none and refused.
  /// - Throws: `ValidationError` with code `.invalidResources`; it lists the providers in ascending order.
  public static func validateSingleProvider(_ messages: [Resource]) throws(ValidationError) {
    let providers = Set(messages.map { $0.hasProviderID ? $0.providerID.value : nil })
    guard providers.count != 1 else { return }
    guard !providers.contains(nil) else {
      throw ValidationError(
        .invalidResources, "Some resources have a resource provider and some do not", path: "provider_id")
    }
    throw ValidationError(
      .invalidResources,
      "The resources have multiple resource providers: \(providers.compactMap { $0 }.sorted().joined(separator: ", "))",
      path: "provider_id")
  }

  /// Whether two of the parts name the same number of a range or the same item of a set, which cannot be in both.
  ///
  /// Apache Mesos compares sums and so takes copies of a shared volume in two parts for an overlap as well; here they are none.
  public static func overlap(_ parts: [Resources]) -> Bool {
    var sum = Resources()
    for part in parts {
      for entry in part.entries where entry.kind != .scalar {
        if sum.entries.contains(where: { $0.matches(entry) && $0.amount.overlaps(entry.amount) }) { return true }
      }
      sum += part
    }
    return false
  }
}

extension Resources.Amount {
  /// Whether both are of the same ranges or the same set and have something in common.
  fileprivate func overlaps(_ other: Resources.Amount) -> Bool {
    switch (self, other) {
    case (.ranges(let left), .ranges(let right)):
      left.intervals.contains { one in right.intervals.contains { $0.begin <= one.end && one.begin <= $0.end } }
    case (.set(let left), .set(let right)):
      left.items.contains { right.items.contains($0) }
    default: false
    }
  }
}
