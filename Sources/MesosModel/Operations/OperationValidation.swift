/// The rules that an operation has to keep whatever is left of the offer or the agent it is for.
///
/// A master checks them, then who may do it, then applies the operation with ``Resources/applying(_:)-(Offer.Operation)``, which says
/// whether the resources are there. Resources may be in either reservation format; in an operation of a framework they have their
/// allocation, see ``MesosMessages/Offer/Operation/allocatedWhereMissing(to:)``. Errors are in the words of Apache Mesos; their path
/// starts at the message that was validated.
///
/// - Source: Apache Mesos `src/master/validation.cpp`, namespace `operation`.
public enum OperationValidation {
  /// Checks an operation of any kind; one that launches tasks is checked elsewhere and passes.
  /// - Throws: `ValidationError` for the first rule that is broken.
  public static func validate(_ operation: Offer.Operation, in context: OperationContext) throws(ValidationError) {
    do throws(ValidationError) {
      switch operation.type {
      case .unknown: throw ValidationError(.unsupported, "Unknown offer operation", path: "type")
      case .launch, .launchGroup: break
      case .reserve: try validate(operation.reserve, in: context)
      case .unreserve: try validate(operation.unreserve)
      case .create: try validate(operation.create, in: context)
      case .destroy: try validate(operation.destroy, in: context)
      case .growVolume: try validate(operation.growVolume, in: context)
      case .shrinkVolume: try validate(operation.shrinkVolume, in: context)
      case .createDisk: try validate(operation.createDisk)
      case .destroyDisk: try validate(operation.destroyDisk)
      }
    } catch {
      throw operation.type == .unknown ? error : error.within("", field: operation.type.wireName.lowercased())
    }
  }

  /// Checks a reservation, or with `source` the replacement of one by another.
  ///
  /// The reservations are dynamic and by the principal who asks. A framework reserves what is allocated to one of its roles, to that
  /// role; an operator reserves what is not allocated. The agent has to know refined reservations and roles within roles where they occur.
  /// - Throws: `ValidationError` for the first rule that is broken.
  public static func validate(
    _ reserve: Offer.Operation.Reserve, in context: OperationContext
  ) throws(ValidationError) {
    let resources = try read(reserve.resources, "Invalid resources: ", field: "resources")
    let source = try read(reserve.source, "Invalid source: ", field: "source")
    if !reserve.source.isEmpty {
      try validateUniformReservations(source, "Invalid source: ", field: "source")
      try validateUniformReservations(resources, "Invalid resources: ", field: "resources")
      let (before, after) = (Resources(source).withoutReservations, Resources(resources).withoutReservations)
      guard before == after else {
        throw ValidationError(
          .mismatch,
          "Source and target resources should refer to identical resource quantities: \(before) vs. \(after)",
          path: "source")
      }
    }
    try validateSingleProvider(reserve.resources, field: "resources")
    for entry in resources {
      do throws(ValidationError) {
        try validate(reserved: entry, in: context)
      } catch {
        throw error.within("", field: "resources")
      }
    }
    if context.framework != nil {
      try validateSingleRole(resources, "Invalid reservation resources: ", field: "resources")
    }
  }

  /// Checks that resources can be unreserved: they are dynamically reserved, with no volume on them.
  ///
  /// Anybody may undo the reservations of anybody, as far as these rules go: that is for the authorizer.
  /// - Throws: `ValidationError` for the first rule that is broken.
  public static func validate(_ unreserve: Offer.Operation.Unreserve) throws(ValidationError) {
    let resources = try read(unreserve.resources, "Invalid resources: ", field: "resources")
    try validateSingleProvider(unreserve.resources, field: "resources")
    for entry in resources {
      guard entry.isDynamicallyReserved else {
        throw ValidationError(
          .invalidResources, OperationText.notDynamicallyReserved(entry), path: "resources")
      }
      guard !entry.isPersistentVolume else {
        throw ValidationError(.invalidResources, OperationText.unreserving(volume: entry), path: "resources")
      }
    }
  }

  /// Checks volumes that are to be created: reserved disk, with a persistence id that the role has no other of on the agent, by the
  /// principal who asks, writable, and shared only for a framework that knows shared resources.
  /// - Throws: `ValidationError` for the first rule that is broken.
  public static func validate(_ create: Offer.Operation.Create, in context: OperationContext) throws(ValidationError) {
    let volumes = try read(create.volumes, "Invalid resources: ", field: "volumes")
    try validateSingleProvider(create.volumes, field: "volumes")
    try validatePersistentVolumes(volumes, "Not a persistent volume: ", field: "volumes")
    try telling("", field: "volumes") { () throws(ValidationError) in
      try ResourceValidation.validateUniquePersistenceIDs(context.checkpointed + Resources(volumes))
    }
    for volume in volumes {
      do throws(ValidationError) {
        try validate(created: volume, in: context)
      } catch {
        throw error.within("", field: "volumes")
      }
    }
    if context.framework != nil {
      try validateSingleRole(volumes, "Invalid volume resources: ", field: "volumes")
    }
  }

  /// Checks volumes that are to be destroyed: they are there, and nobody uses them.
  /// - Throws: `ValidationError` for the first rule that is broken.
  public static func validate(_ destroy: Offer.Operation.Destroy, in context: OperationContext) throws(ValidationError)
  {
    let volumes = try read(destroy.volumes, "Invalid resources: ", field: "volumes")
    try validateSingleProvider(destroy.volumes, field: "volumes")
    try validatePersistentVolumes(volumes, "Not a persistent volume: ", field: "volumes")
    let (checkpointed, used) = (context.checkpointed.unallocated, context.used.unallocated)
    for volume in volumes where !volume.hasResourceProvider {
      guard checkpointed.contains(Resources(volume).unallocated) else {
        throw ValidationError(.unknownReference, "Persistent volumes not found", path: "volumes")
      }
    }
    for volume in volumes {
      guard !used.contains(Resources(volume).unallocated) else {
        throw ValidationError(.conflictingFields, "Persistent volumes in use", path: "volumes")
      }
    }
  }

  /// Checks that a volume can grow: it lies on a ROOT or PATH disk of the agent, is not shared, the addition is disk of the same kind, and
  /// the agent can do it.
  /// - Throws: `ValidationError` for the first rule that is broken.
  public static func validate(
    _ growVolume: Offer.Operation.GrowVolume, in context: OperationContext
  ) throws(ValidationError) {
    let volume = try readOne(growVolume.volume, "Invalid resource in the 'GrowVolume.volume' field: ", field: "volume")
    let addition = try readOne(
      growVolume.addition, "Invalid resource in the 'GrowVolume.addition' field: ", field: "addition")
    guard case .scalar(let more) = addition.amount, more > .zero else {
      throw ValidationError(.invalidValue, OperationText.emptyAddition, path: "addition")
    }
    guard !volume.hasResourceProvider else {
      throw ValidationError(
        .unsupported, "Growing a volume from a resource provider is not supported", path: "volume")
    }
    try validatePersistentVolumes(
      [volume], "Invalid persistent volume in the 'GrowVolume.volume' field: ", field: "volume")
    guard !volume.isShared else {
      throw ValidationError(
        .unsupported, "Growing a shared persistent volume is not supported", path: "volume")
    }
    guard (Resources(volume.withoutVolume) + Resources(addition)).entries.count == 1 else {
      throw ValidationError(.mismatch, OperationText.incompatibleAddition, path: "addition")
    }
    guard context.agentCapabilities.contains(.resizeVolume) else {
      throw ValidationError(
        .unsupported,
        "Volume \(volume.resourceText) cannot be grown on an agent without RESIZE_VOLUME capability", path: "volume")
    }
  }

  /// Checks that a volume can shrink: something of it is left, it lies on a ROOT or PATH disk of the agent, is not shared, and the agent
  /// can do it.
  /// - Throws: `ValidationError` for the first rule that is broken.
  public static func validate(
    _ shrinkVolume: Offer.Operation.ShrinkVolume, in context: OperationContext
  ) throws(ValidationError) {
    let volume = try readOne(
      shrinkVolume.volume, "Invalid resource in the 'ShrinkVolume.volume' field: ", field: "volume")
    guard let less = Scalar(shrinkVolume.subtract.value), less > .zero else {
      throw ValidationError(.invalidValue, OperationText.emptySubtraction, path: "subtract")
    }
    guard case .scalar(let size) = volume.amount, less < size else {
      throw ValidationError(.invalidValue, OperationText.largeSubtraction, path: "subtract")
    }
    guard !volume.hasResourceProvider else {
      throw ValidationError(
        .unsupported, "Shrinking a volume from a resource provider is not supported", path: "volume")
    }
    guard !volume.isDisk(of: .mount) else {
      throw ValidationError(.unsupported, OperationText.shrinkingMount, path: "volume")
    }
    try validatePersistentVolumes(
      [volume], "Invalid persistent volume in the 'ShrinkVolume.volume' field: ", field: "volume")
    guard !volume.isShared else {
      throw ValidationError(
        .unsupported, "Shrinking a shared persistent volume is not supported", path: "volume")
    }
    guard context.agentCapabilities.contains(.resizeVolume) else {
      throw ValidationError(
        .unsupported,
        "Volume \(volume.resourceText) cannot be shrunk on an agent without RESIZE_VOLUME capability", path: "volume")
    }
  }

  /// Checks that a disk can be created: from a RAW disk of a provider, as MOUNT or BLOCK, with a profile from the source or from the
  /// operation but not from both.
  /// - Throws: `ValidationError` for the first rule that is broken.
  public static func validate(_ createDisk: Offer.Operation.CreateDisk) throws(ValidationError) {
    let source = try readSource(createDisk.source)
    guard source.isDisk(of: .raw) else {
      throw ValidationError(.invalidResources, "'source' is not a RAW disk resource", path: "source")
    }
    guard createDisk.targetType == .mount || createDisk.targetType == .block else {
      throw ValidationError(.invalidValue, "'target_type' is neither MOUNT or BLOCK", path: "target_type")
    }
    switch (source.disk?.source.hasProfile ?? false, createDisk.hasTargetProfile) {
    case (true, true):
      throw ValidationError(
        .conflictingFields, "'target_profile' must not be set when 'source' has a profile", path: "target_profile")
    case (false, false):
      throw ValidationError(
        .missingField, "'target_profile' must be set when 'source' has no profile", path: "target_profile")
    case (true, false), (false, true): break
    }
  }

  /// Checks that a disk can be destroyed: one of a provider, with an identity, and with no persistent volume on it.
  /// - Throws: `ValidationError` for the first rule that is broken.
  public static func validate(_ destroyDisk: Offer.Operation.DestroyDisk) throws(ValidationError) {
    let source = try readSource(destroyDisk.source)
    guard source.isDisk(of: .mount) || source.isDisk(of: .block) || source.isDisk(of: .raw) else {
      throw ValidationError(
        .invalidResources, "'source' is neither a MOUNT, BLOCK or RAW disk resource", path: "source")
    }
    guard source.disk?.source.hasID == true else {
      throw ValidationError(.invalidResources, "'source' is not backed by a CSI volume", path: "source")
    }
    guard !source.isPersistentVolume else {
      throw ValidationError(
        .invalidResources,
        "A disk resource containing a persistent volume \(source.resourceText) cannot be destroyed directly. Please destroy the "
          + "persistent volume first then destroy the disk resource", path: "source")
    }
  }
}

extension OperationValidation {
  private static func validate(
    reserved entry: Resources.Entry, in context: OperationContext
  ) throws(ValidationError) {
    guard entry.isDynamicallyReserved, let reservation = entry.reservations.last else {
      throw ValidationError(.invalidResources, OperationText.notDynamicallyReserved(entry))
    }
    try validateRole(
      of: entry, "Resource", "reserved", agent: context.agentCapabilities)
    if let principal = context.principal {
      guard let reserver = reservation.principal else {
        throw ValidationError(
          .missingField,
          "A reserve operation was attempted by principal '\(principal)', but there is a reserved resource in the request "
            + "with no principal set")
      }
      guard reserver == principal else {
        throw ValidationError(
          .mismatch,
          "A reserve operation was attempted by authenticated principal '\(principal)', which does not match a reserved "
            + "resource in the request with principal '\(reserver)'")
      }
    }
    guard let framework = context.framework else {
      guard entry.allocationRole == nil else {
        throw ValidationError(
          .invalidResources,
          "A reserve operation was attempted with an allocated resource, but the operator API only allows reservations to be "
            + "made to unallocated resources")
      }
      return
    }
    guard let allocated = entry.allocationRole else {
      throw ValidationError(
        .missingField,
        "A reserve operation was attempted on unallocated resource \(entry.resourceText), but frameworks can only perform "
          + "reservations on allocated resources")
    }
    guard allocated == reservation.role else {
      throw ValidationError(
        .mismatch,
        "A reserve operation was attempted for a resource with role '\(reservation.role)', but the resource was allocated to "
          + "role '\(allocated)'")
    }
    guard framework.roles.contains(allocated) else {
      throw ValidationError(
        .mismatch,
        "A reserve operation was attempted for a resource allocated to role '\(allocated)', but the framework only has roles "
          + "'{ \(framework.roles.joined(separator: ", ")) }'")
    }
  }

  private static func validate(
    created volume: Resources.Entry, in context: OperationContext
  ) throws(ValidationError) {
    if volume.isShared, let framework = context.framework, !framework.sharesResources {
      throw ValidationError(
        .unsupported,
        "Create volume operation for '\(volume.resourceText)' has been attempted by framework '\(framework.id)' with no "
          + "SHARED_RESOURCES capability")
    }
    try validateRole(of: volume, "Volume", "created", agent: context.agentCapabilities)
    guard let principal = context.principal else { return }
    guard let persistence = volume.disk?.persistence, persistence.hasPrincipal else {
      throw ValidationError(
        .missingField,
        "Create volume operation attempted by principal '\(principal)', but there is a volume in the operation with no "
          + "principal set in 'disk.persistence'")
    }
    guard persistence.principal == principal else {
      throw ValidationError(
        .mismatch,
        "Create volume operation attempted by authenticated principal '\(principal)', which does not match a volume in the "
          + "operation with principal '\(persistence.principal)' set in 'disk.persistence'")
    }
  }

  /// Checks that the agent knows roles within roles and refined reservations, where an entry has them.
  private static func validateRole(
    of entry: Resources.Entry, _ noun: String, _ done: String, agent: Set<AgentInfo.Capability.TypeEnum>
  ) throws(ValidationError) {
    if let role = entry.reservationRole, role.utf8.contains(UInt8(ascii: "/")), !agent.contains(.hierarchicalRole) {
      throw ValidationError(
        .unsupported,
        "\(noun) \(entry.resourceText) with reservation for hierarchical role '\(role)' cannot be \(done) on an agent without "
          + "HIERARCHICAL_ROLE capability")
    }
    if entry.hasRefinedReservation, !agent.contains(.reservationRefinement) {
      throw ValidationError(
        .unsupported,
        "\(noun) \(entry.resourceText) with reservation refinement cannot be \(done) on an agent without "
          + "RESERVATION_REFINEMENT capability")
    }
  }
}

// The rules about resources by themselves, told as those of an operation.
extension OperationValidation {
  /// Runs `check` and puts `context` before its words and `field` before its path.
  private static func telling(
    _ context: String, field: String, _ check: () throws(ValidationError) -> Void
  ) throws(ValidationError) {
    do { try check() } catch { throw error.within(context, field: field) }
  }

  /// Reads resources that keep the general rules; entries of nothing are not left out.
  private static func read(
    _ messages: [Resource], _ context: String, field: String
  ) throws(ValidationError) -> [Resources.Entry] {
    try telling(context, field: field) { () throws(ValidationError) in try ResourceValidation.validate(messages) }
    var entries: [Resources.Entry] = []
    for message in messages { entries.append(try readOne(message, context, field: field)) }
    return entries
  }

  /// Reads a resource, whatever rules it breaks beyond those that make it one.
  private static func readOne(
    _ message: Resource, _ context: String, field: String
  ) throws(ValidationError) -> Resources.Entry {
    do { return try Resources.Entry(message) } catch {
      throw ValidationError(.invalidResources, context + error.message, path: field)
    }
  }

  /// Reads the source of an operation on disks.
  private static func readSource(_ message: Resource) throws(ValidationError) -> Resources.Entry {
    let entries = try read([message], "Invalid resource: ", field: "source")
    guard let source = entries.first, source.hasResourceProvider else {
      throw ValidationError(.invalidResources, "'source' is not managed by a resource provider", path: "source")
    }
    return source
  }

  private static func validateSingleProvider(_ messages: [Resource], field: String) throws(ValidationError) {
    try telling("Invalid resources: ", field: field) { () throws(ValidationError) in
      try ResourceValidation.validateSingleProvider(messages)
    }
  }

  private static func validatePersistentVolumes(
    _ volumes: [Resources.Entry], _ context: String, field: String
  ) throws(ValidationError) {
    try telling(context, field: field) { () throws(ValidationError) in
      try ResourceValidation.validatePersistentVolumes(volumes.map { $0.message() })
    }
  }

  private static func validateSingleRole(
    _ resources: [Resources.Entry], _ context: String, field: String
  ) throws(ValidationError) {
    try telling(context, field: field) { () throws(ValidationError) in
      try ResourceValidation.validateAllocatedToSingleRole(Resources(resources))
    }
  }

  /// Checks that there is something, all of it with the same reservations.
  private static func validateUniformReservations(
    _ resources: [Resources.Entry], _ context: String, field: String
  ) throws(ValidationError) {
    guard let first = resources.first else {
      throw ValidationError(.missingField, context + "Resource cannot be empty", path: field)
    }
    guard resources.allSatisfy({ $0.reservations == first.reservations }) else {
      let list = resources.map { String(decoding: $0.message().jsonBytes(), as: UTF8.self) }.joined(separator: ",")
      throw ValidationError(.mismatch, context + "Mixed reservations are not supported[\(list)]", path: field)
    }
  }
}
