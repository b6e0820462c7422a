extension Offer.Operation {
  /// Whether what comes of the operation is known before it is done, so that a master can count with it at once.
  ///
  /// So it is for reservations and volumes; disks are made and unmade by their provider, who says what came of it.
  /// - Source: Apache Mesos `src/common/protobuf_utils.cpp`, `isSpeculativeOperation`.
  public var isSpeculative: Bool {
    switch type {
    case .reserve, .unreserve, .create, .destroy, .growVolume, .shrinkVolume: true
    case .launch, .launchGroup, .createDisk, .destroyDisk, .unknown: false
    }
  }

  /// The conversions that the operation comes to, in the order in which they are to be applied.
  ///
  /// | Operation | Consumes | Gives |
  /// |---|---|---|
  /// | RESERVE | `source`, or the resources without their last reservation | the resources |
  /// | UNRESERVE | each resource | it without its last reservation |
  /// | CREATE | each volume as disk | the volume |
  /// | DESTROY | each volume | it as disk, when it was the last copy |
  /// | GROW_VOLUME | the volume and the addition | one volume |
  /// | SHRINK_VOLUME | the volume | a smaller one, and disk |
  ///
  /// A conversion that this gives preserves amounts, and turns only things into each other that the operation is for; whether the caller
  /// may do so is a question for ``OperationValidation``. Entries of nothing are left out.
  ///
  /// - Throws: `OperationError` when a resource is invalid or not of the kind that the operation is for, and for an operation that converts
  ///   nothing (`.notAConversion`) or whose result is not known yet (`.resultNeeded`, see ``conversion(into:)``).
  /// - Source: Apache Mesos `src/common/resources_utils.cpp`, `getResourceConversions`.
  public func conversions() throws(OperationError) -> [ResourceConversion] {
    let conversions: [ResourceConversion]
    switch type {
    case .unknown: throw OperationError(.unknownOperation, "Unknown operation")
    case .launch, .launchGroup:
      throw OperationError(.notAConversion, "\(type.wireName) uses resources and converts none")
    case .createDisk, .destroyDisk:
      throw OperationError(
        .resultNeeded, "What \(type.wireName) gives is known only when the provider of the disk has done it")
    case .reserve: conversions = [try reserve.conversion]
    case .unreserve: conversions = try unreserve.conversions
    case .create: conversions = try create.conversions
    case .destroy: conversions = try destroy.conversions
    case .growVolume: conversions = [try growVolume.conversion]
    case .shrinkVolume: conversions = [try shrinkVolume.conversion]
    }
    for conversion in conversions where !conversion.preservesAmounts {
      throw OperationError(
        .amountsChange,
        "\(type.wireName) would turn \(conversion.consumed) into \(conversion.converted), which is not the same amount")
    }
    return conversions
  }

  /// What the operation takes out of an offer, or of the resources of an agent: everything that its conversions consume.
  ///
  /// - Throws: `OperationError` as ``conversions()`` does; the disk of an operation that is not speculative is known.
  /// - Source: Apache Mesos `src/common/protobuf_utils.cpp`, `getConsumedResources`.
  public func consumedResources() throws(OperationError) -> Resources {
    switch type {
    case .createDisk: try Resources.read([createDisk.source])
    case .destroyDisk: try Resources.read([destroyDisk.source])
    default: try conversions().reduce(into: Resources()) { $0 += $1.consumed }
    }
  }
}

extension Resources {
  /// Reads the resources of an operation.
  static func read(_ messages: [Resource]) throws(OperationError) -> Resources {
    do { return try Resources(messages) } catch { throw OperationError(.invalidResource, error.message) }
  }

  /// Reads the resources of an operation one by one, so that none merge.
  fileprivate static func readEach(_ messages: [Resource]) throws(OperationError) -> [Entry] {
    var entries: [Entry] = []
    for message in messages { entries += try read([message]).entries }
    return entries
  }
}

extension Offer.Operation.Reserve {
  fileprivate var conversion: ResourceConversion {
    get throws(OperationError) {
      let reserved = try Resources.readEach(resources)
      for entry in reserved { try entry.insistOnDynamicReservation() }
      let converted = Resources(reserved)
      guard !source.isEmpty else {
        var consumed = Resources()
        for entry in reserved { consumed += try entry.withoutLastReservation }
        return ResourceConversion(consumed: consumed, converted: converted)
      }
      let consumed = try Resources.read(source)
      let (left, right) = (consumed.withoutReservations, converted.withoutReservations)
      guard left == right else {
        throw OperationError(
          .amountsChange,
          "Source and target resources should refer to identical resource quantities: \(left) vs. \(right)")
      }
      return ResourceConversion(consumed: consumed, converted: converted)
    }
  }
}

extension Offer.Operation.Unreserve {
  fileprivate var conversions: [ResourceConversion] {
    get throws(OperationError) {
      var result: [ResourceConversion] = []
      for entry in try Resources.readEach(resources) {
        try entry.insistOnDynamicReservation()
        guard !entry.isPersistentVolume else {
          throw OperationError(.notApplicable, OperationText.unreserving(volume: entry))
        }
        result.append(
          ResourceConversion(consumed: Resources(entry), converted: Resources(try entry.withoutLastReservation)))
      }
      return result
    }
  }
}

extension Offer.Operation.Create {
  fileprivate var conversions: [ResourceConversion] {
    get throws(OperationError) {
      var result: [ResourceConversion] = []
      for volume in try Resources.readEach(volumes) {
        try volume.insistOnVolume()
        result.append(ResourceConversion(consumed: Resources(volume.withoutVolume), converted: Resources(volume)))
      }
      return result
    }
  }
}

extension Offer.Operation.Destroy {
  fileprivate var conversions: [ResourceConversion] {
    get throws(OperationError) {
      var result: [ResourceConversion] = []
      for volume in try Resources.readEach(volumes) {
        try volume.insistOnVolume()
        result.append(
          ResourceConversion(
            consumed: Resources(volume), converted: Resources(volume.withoutVolume), needsLastCopy: true))
      }
      return result
    }
  }
}

extension Offer.Operation.GrowVolume {
  fileprivate var conversion: ResourceConversion {
    get throws(OperationError) {
      guard let volume = try Resources.readEach([volume]).first, let size = volume.scalar else {
        throw OperationError(.notApplicable, "There is no volume in the 'GrowVolume.volume' field")
      }
      guard let addition = try Resources.readEach([addition]).first, let more = addition.scalar else {
        throw OperationError(.notApplicable, OperationText.emptyAddition)
      }
      try volume.insistOnResizableVolume()
      guard (Resources(volume.withoutVolume) + Resources(addition)).entries.count == 1 else {
        throw OperationError(.notApplicable, OperationText.incompatibleAddition)
      }
      return ResourceConversion(
        consumed: Resources(volume) + Resources(addition),
        converted: Resources(volume.replacingAmount(.scalar(size + more))))
    }
  }
}

extension Offer.Operation.ShrinkVolume {
  fileprivate var conversion: ResourceConversion {
    get throws(OperationError) {
      guard let freed = Scalar(subtract.value), freed > .zero else {
        throw OperationError(.notApplicable, OperationText.emptySubtraction)
      }
      guard let volume = try Resources.readEach([volume]).first, let size = volume.scalar, freed < size else {
        throw OperationError(.notApplicable, OperationText.largeSubtraction)
      }
      try volume.insistOnResizableVolume()
      guard !volume.isDisk(of: .mount) else { throw OperationError(.notApplicable, OperationText.shrinkingMount) }
      return ResourceConversion(
        consumed: Resources(volume),
        converted: Resources(volume.replacingAmount(.scalar(size - freed)))
          + Resources(volume.withoutVolume.replacingAmount(.scalar(freed))))
    }
  }
}

extension Resources.Entry {
  fileprivate var scalar: Scalar? {
    guard case .scalar(let scalar) = amount else { return nil }
    return scalar
  }

  fileprivate var withoutLastReservation: Resources.Entry {
    get throws(OperationError) {
      do { return try poppingReservation() } catch { throw OperationError(.notApplicable, error.message) }
    }
  }

  fileprivate func insistOnDynamicReservation() throws(OperationError) {
    guard isDynamicallyReserved else {
      throw OperationError(.notApplicable, OperationText.notDynamicallyReserved(self))
    }
  }

  fileprivate func insistOnVolume() throws(OperationError) {
    guard isPersistentVolume else {
      throw OperationError(.notApplicable, "Resource \(resourceText) is not a persistent volume")
    }
    guard isReserved else { throw OperationError(.notApplicable, OperationText.unreservedVolume) }
  }

  fileprivate func insistOnResizableVolume() throws(OperationError) {
    guard !hasResourceProvider else {
      throw OperationError(.unsupported, "Operation not supported for resource provider")
    }
    try insistOnVolume()
    guard !isShared else {
      throw OperationError(.notApplicable, "The shared persistent volume \(resourceText) cannot be resized")
    }
  }
}

/// The words that applying and validating have in common.
enum OperationText {
  static let emptyAddition = "The size of 'GrowVolume.addition' field must be greater than zero"
  static let incompatibleAddition =
    "Incompatible resources in the 'GrowVolume.volume' and 'GrowVolume.addition' fields"
  static let emptySubtraction = "Value of 'ShrinkVolume.subtract' must be greater than zero"
  static let largeSubtraction =
    "Value of 'ShrinkVolume.subtract' must be smaller than the size of 'ShrinkVolume.volume'"
  static let shrinkingMount = "Shrinking a volume on a MOUNT disk is not supported"
  static let unreservedVolume = "Persistent volumes cannot be created from unreserved resources"

  static func notDynamicallyReserved(_ entry: Resources.Entry) -> String {
    "Resource \(entry.resourceText) is not dynamically reserved"
  }

  static func unreserving(volume: Resources.Entry) -> String {
    "A dynamically reserved persistent volume \(volume.resourceText) cannot be unreserved directly. Please destroy the persistent "
      + "volume first then unreserve the resource"
  }
}

extension Resources.Entry {
  /// The entry as Apache Mesos prints a single message, which has no count of copies.
  var resourceText: String { message().text }
}
