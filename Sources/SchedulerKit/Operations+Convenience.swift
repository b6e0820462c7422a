public import MesosModel

/// What an ACCEPT does with its offers, one builder each. They are done in the order in which they stand in the call, so a volume can be
/// reserved, created and used in one.
///
/// With an `id` the master tells how the operation ended, and the scheduler follows it until then; an id is used once.
extension Offer.Operation {
  /// Launches tasks, each by itself.
  public static func launch(_ tasks: [TaskInfo]) -> Self {
    make(.launch) { $0.launch.taskInfos = tasks }
  }

  /// Launches tasks under one executor, all or none. The executor names its type and its framework.
  public static func launchGroup(_ tasks: [TaskInfo], executor: ExecutorInfo) -> Self {
    make(.launchGroup) {
      $0.launchGroup.executor = executor
      $0.launchGroup.taskGroup.tasks = tasks
    }
  }

  /// Reserves resources for their role, or refines their reservation.
  ///
  /// - Parameters:
  ///   - resources: As they are to be: the offered ones with one reservation more.
  ///   - source: As they are, for the agents that can replace one reservation by another (`RESERVATION_REFINEMENT`,
  ///     Mesos 1.10).
  ///   - id: Names the operation, so that the master tells how it ended; used once.
  public static func reserve(_ resources: [Resource], from source: [Resource] = [], id: String? = nil) -> Self {
    make(.reserve, id) {
      $0.reserve.resources = resources
      $0.reserve.source = source
    }
  }

  /// Takes the last reservation off resources.
  public static func unreserve(_ resources: [Resource], id: String? = nil) -> Self {
    make(.unreserve, id) { $0.unreserve.resources = resources }
  }

  /// Makes persistent volumes of reserved disk.
  public static func create(_ volumes: [Resource], id: String? = nil) -> Self {
    make(.create, id) { $0.create.volumes = volumes }
  }

  /// Ends persistent volumes and deletes what is in them.
  public static func destroy(_ volumes: [Resource], id: String? = nil) -> Self {
    make(.destroy, id) { $0.destroy.volumes = volumes }
  }

  /// Makes a persistent volume larger.
  ///
  /// - Parameters:
  ///   - volume: As it is offered.
  ///   - addition: Offered disk of the same kind and reservation.
  ///   - id: Names the operation, so that the master tells how it ended; used once.
  public static func growVolume(_ volume: Resource, by addition: Resource, id: String? = nil) -> Self {
    make(.growVolume, id) {
      $0.growVolume.volume = volume
      $0.growVolume.addition = addition
    }
  }

  /// Makes a persistent volume smaller.
  ///
  /// - Parameters:
  ///   - volume: As it is offered.
  ///   - amount: What it loses, in MB (2^20 bytes); less than the volume has.
  ///   - id: Names the operation, so that the master tells how it ended; used once.
  public static func shrinkVolume(_ volume: Resource, by amount: Scalar, id: String? = nil) -> Self {
    make(.shrinkVolume, id) {
      $0.shrinkVolume.volume = volume
      $0.shrinkVolume.subtract.value = amount.doubleValue
    }
  }

  /// Makes a `MOUNT` or `BLOCK` disk of a `RAW` one.
  ///
  /// - Parameters:
  ///   - source: The `RAW` disk, as it is offered.
  ///   - type: `MOUNT` or `BLOCK`.
  ///   - profile: The profile it is to have, where the source has none.
  ///   - id: Names the operation, so that the master tells how it ended; used once.
  public static func createDisk(
    _ source: Resource, as type: Resource.DiskInfo.Source.TypeEnum, profile: String? = nil, id: String? = nil
  ) -> Self {
    make(.createDisk, id) {
      $0.createDisk.source = source
      $0.createDisk.targetType = type
      if let profile { $0.createDisk.targetProfile = profile }
    }
  }

  /// Makes a `RAW` disk of a `MOUNT` or `BLOCK` one, and deletes what is on it.
  public static func destroyDisk(_ source: Resource, id: String? = nil) -> Self {
    make(.destroyDisk, id) { $0.destroyDisk.source = source }
  }

  private static func make(_ type: TypeEnum, _ id: String? = nil, _ fill: (inout Self) -> Void) -> Self {
    var operation = Self()
    operation.type = type
    if let id { operation.id.value = id }
    fill(&operation)
    return operation
  }
}

/// One condition on an agent, about an attribute of it or what stands for one.
extension AttributeConstraint {
  public static func attribute(_ name: String, _ predicate: Predicate.OneOf_Predicate) -> Self {
    make(.attributeName(name), predicate)
  }

  public static func hostname(_ predicate: Predicate.OneOf_Predicate) -> Self {
    make(.pseudoattributeType(.hostname), predicate)
  }

  public static func region(_ predicate: Predicate.OneOf_Predicate) -> Self {
    make(.pseudoattributeType(.region), predicate)
  }

  public static func zone(_ predicate: Predicate.OneOf_Predicate) -> Self {
    make(.pseudoattributeType(.zone), predicate)
  }

  private static func make(_ selector: Selector.OneOf_Selector, _ predicate: Predicate.OneOf_Predicate) -> Self {
    var constraint = Self()
    constraint.selector.selector = selector
    constraint.predicate.predicate = predicate
    return constraint
  }
}

extension AttributeConstraint.Predicate.OneOf_Predicate {
  /// The agent has such an attribute.
  public static var isPresent: Self { .exists(AttributeConstraint.Predicate.Exists()) }
  public static var isAbsent: Self { .notExists(AttributeConstraint.Predicate.NotExists()) }

  /// Its text is this; an agent without it does not match, one whose attribute is no text does.
  public static func equals(_ text: String) -> Self {
    var predicate = AttributeConstraint.Predicate.TextEquals()
    predicate.value = text
    return .textEquals(predicate)
  }

  public static func differs(from text: String) -> Self {
    var predicate = AttributeConstraint.Predicate.TextNotEquals()
    predicate.value = text
    return .textNotEquals(predicate)
  }

  /// Its text as a whole matches the regular expression (RE2's syntax).
  public static func matches(_ regex: String) -> Self {
    var predicate = AttributeConstraint.Predicate.TextMatches()
    predicate.regex = regex
    return .textMatches(predicate)
  }

  public static func doesNotMatch(_ regex: String) -> Self {
    var predicate = AttributeConstraint.Predicate.TextNotMatches()
    predicate.regex = regex
    return .textNotMatches(predicate)
  }
}

extension OfferConstraints {
  /// Constraints by role: an agent is wanted in a role when all conditions of one of the role's groups hold. Roles that are not
  /// named want every agent.
  public init(_ groups: [String: [[AttributeConstraint]]]) {
    self.init()
    roleConstraints = groups.mapValues { groups in
      var role = RoleConstraints()
      role.groups = groups.map { constraints in
        var group = RoleConstraints.Group()
        group.attributeConstraints = constraints
        return group
      }
      return role
    }
  }
}
